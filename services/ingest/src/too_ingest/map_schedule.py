"""When a map that a notice names is asked for: until it is there, and again in case it changes.

All times are stack time. Waits grow until a day is over; meanwhile the error region serves.

==================== ==================================================================
stream               why these waits
==================== ==================================================================
lvk                  the file is there before the notice, or lags by seconds to minutes
fermi_gbm            quick-look files come 5 to 20 min after FIN_POS, sometimes never
icecube              cascade maps are there with the notice; revisions within an hour
swift                GUANO maps follow the notice by minutes to hours
any other            from 5 s, doubling
==================== ==================================================================

A name that says which version it means (`...fits,1`, `..._v01.fit`) never changes its content.
Any other may: `bayestar.multiorder.fits` is whatever is newest, GBM writes its HEALPix file anew
when a person has looked at the burst. Such a file is asked for again at the times of
`Schedule.checks` (with If-None-Match, so that an unchanged one costs no transfer).
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Schedule:
    """Waits of a stream in seconds."""

    retries: tuple[float, ...]
    """Between two requests for a file that is not there yet; the last one repeated."""
    checks: tuple[float, ...]
    """After it came: when to look whether it has changed."""


_MINUTE, _HOUR = 60.0, 3600.0
DEFAULT = Schedule(
    retries=(5, 10, 20, 40, 60, 120, 300, 600, 1200, 1800, _HOUR),
    checks=(10 * _MINUTE, _HOUR, 6 * _HOUR, 24 * _HOUR),
)
SCHEDULES = {
    "lvk": Schedule(
        retries=(2, 3, 5, 10, 20, 30, 60, 120, 300, 600, 1800, _HOUR),
        checks=(5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 12 * _HOUR),
    ),
    "fermi_gbm": Schedule(
        retries=(20, 40, 60, 60, 120, 120, 300, 300, 600, 600, 900, 1800, _HOUR),
        checks=(10 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 6 * _HOUR, 24 * _HOUR),
    ),
    "icecube": Schedule(
        retries=(5, 10, 20, 60, 300, 600, 1800, _HOUR),
        checks=(30 * _MINUTE, _HOUR, 6 * _HOUR),
    ),
    "swift": Schedule(
        retries=(10, 30, 60, 120, 300, 600, 900, 1800, _HOUR),
        checks=(_HOUR, 6 * _HOUR, 24 * _HOUR),
    ),
}
_VERSIONED = re.compile(r"(,\d+|[._-]v\d+\.(fits?|fits?\.gz))$", re.IGNORECASE)


def schedule_of(mission: str) -> Schedule:
    """Waits of a mission's maps."""
    return SCHEDULES.get(mission, DEFAULT)


def may_change(url: str) -> bool:
    """Tell whether another content may come from the same address."""
    return _VERSIONED.search(url.split("?", 1)[0].split("#", 1)[0]) is None


def next_request(
    mission: str, *, attempts: int, waiting_since: datetime, now: datetime, give_up_after_s: float
) -> datetime | None:
    """When a late map is asked for again; None: it is given up.

    Parameters
    ----------
    attempts
        Requests so far (one or more).
    """
    last = waiting_since + timedelta(seconds=give_up_after_s)
    if now >= last:
        return None
    waits = schedule_of(mission).retries
    wait = waits[min(max(attempts, 1) - 1, len(waits) - 1)]
    # the last request is made when the time is over, not before
    return min(now + timedelta(seconds=wait), last)


def next_check(mission: str, url: str, *, there_since: datetime, now: datetime) -> datetime | None:
    """When to look whether a file has changed; None: not any more."""
    if not may_change(url):
        return None
    moments = (there_since + timedelta(seconds=s) for s in schedule_of(mission).checks)
    return next((moment for moment in moments if moment > now), None)

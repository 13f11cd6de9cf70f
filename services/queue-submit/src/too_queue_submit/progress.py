"""From executed exposures to the state of a submission.

Sources are late and partial: what is missing is 'not yet', never 'failed', until the window ends.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from too_common.contracts.queue_submit import ExecutedExposure
from too_common.contracts.queue_submit import SubmissionState as S

from too_queue_submit.telescopes.base import PayloadRow
from too_queue_submit.windows import Window

MATCH_RADIUS_DEG = 0.1
"""For facilities without fields: a pointing this near is the one that was asked for."""
START_TOLERANCE = timedelta(minutes=1)
"""A source's time may be of the middle, or of another clock."""


@dataclass(frozen=True)
class Progress:
    """Executed exposures of one submission."""

    exposures: tuple[ExecutedExposure, ...]
    """All that belong to it, in the order of their starts."""
    matched: int
    """Planned exposures (repeats counted) that were taken, in the filter that was asked."""
    planned: int

    @property
    def is_complete(self) -> bool:
        """Whether everything that was asked for was taken."""
        return self.planned > 0 and self.matched >= self.planned


def match(
    rows: Sequence[PayloadRow], window: Window, executed: Iterable[ExecutedExposure]
) -> Progress:
    """Choose the exposures that belong to a payload and count those that it asked for.

    An exposure belongs if it started in the window, at a field (or position) of the payload, with
    an exposure time that was asked there. Its filter may differ: schedulers replace one that is
    not available by the current one, and what was really taken is what is told.
    """
    chosen = {
        exposure.exposure_id: exposure
        for exposure in executed
        if window.begin - START_TOLERANCE <= exposure.start <= window.end + START_TOLERANCE
        and belongs(rows, exposure)
    }
    ordered = tuple(sorted(chosen.values(), key=lambda e: (e.start, e.exposure_id)))
    asked: Counter[tuple[str, str]] = Counter()
    for row in rows:
        asked[(_place(row.field_id, row.ra_deg, row.dec_deg), row.filter)] += row.repeats
    taken: Counter[tuple[str, str]] = Counter()
    for exposure in ordered:
        place = _place_of(rows, exposure)
        if place is not None:
            taken[(place, exposure.filter)] += 1
    matched = sum((asked & taken).values())
    return Progress(ordered, matched=matched, planned=sum(asked.values()))


LOOSE = timedelta(hours=12)
"""A telescope whose payload has no binding window may observe until the night is over."""


def observing_window(window: Window, *, keeps_window: bool, sent_at: datetime | None) -> Window:
    """Time in which exposures of a payload may have been taken.

    Parameters
    ----------
    keeps_window
        False where no window binds the telescope: a file with rising and setting times, or one
        that a person loads. Then everything since the sending counts.
    """
    if keeps_window:
        return window
    begin = window.begin if sent_at is None else min(window.begin, sent_at)
    return Window(begin, window.end + LOOSE)


def belongs(rows: Sequence[PayloadRow], exposure: ExecutedExposure) -> bool:
    """Whether an exposure is at a place of the payload, with an exposure time asked there."""
    return _place_of(rows, exposure) is not None


def state_after(current: S, progress: Progress, *, window: Window, now: datetime) -> S | None:
    """State that follows from progress and time; None if nothing changes.

    States that a withdrawal has reached keep their name: the exposures are told beside it.
    """
    if current in {S.CANCEL_REQUESTED, S.CANCELLED, S.CANCEL_FAILED, S.UNKNOWN}:
        return None
    if progress.is_complete:
        target = S.COMPLETE
    elif now > window.end:
        target = S.PARTIAL if progress.exposures else S.EXPIRED
    elif progress.exposures:
        target = S.ACTIVE
    else:
        return None
    return None if target == current else target


def _place(field_id: str | None, ra_deg: float, dec_deg: float) -> str:
    return field_id if field_id is not None else f"{ra_deg:.4f},{dec_deg:.4f}"


def _place_of(rows: Sequence[PayloadRow], exposure: ExecutedExposure) -> str | None:
    for row in rows:
        if abs(row.exposure_s - exposure.exposure_s) > 1.0:
            continue
        if row.field_id is not None and exposure.field_id is not None:
            if row.field_id == exposure.field_id:
                return _place(row.field_id, row.ra_deg, row.dec_deg)
        elif (
            _separation_deg(row.ra_deg, row.dec_deg, exposure.ra_deg, exposure.dec_deg)
            <= MATCH_RADIUS_DEG
        ):
            return _place(row.field_id, row.ra_deg, row.dec_deg)
    return None


def _separation_deg(ra1: float, dec1: float, ra2: float, dec2: float) -> float:
    half_dec = np.radians(dec2 - dec1) / 2
    half_ra = np.radians(ra2 - ra1) / 2
    root = (
        np.sin(half_dec) ** 2
        + np.cos(np.radians(dec1)) * np.cos(np.radians(dec2)) * np.sin(half_ra) ** 2
    )
    return float(np.degrees(2 * np.arcsin(np.sqrt(min(1.0, root)))))

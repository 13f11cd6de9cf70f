"""Times of notices: strict reading, and the fallbacks for senders that print nonsense."""

import re
from datetime import UTC, date, datetime, timedelta

from too_ingest.notices.model import TimeQuality

PLAUSIBLE = timedelta(days=30)
"""An event time further than this from its notice's time needs a second witness."""
AGREEMENT = timedelta(seconds=2)
"""Two statements of one time may differ by rounding."""
WITNESS = timedelta(minutes=2)
"""Two independent statements that support each other although the notice is far away in time."""
TJD_ORIGIN = datetime(1968, 5, 24, tzinfo=UTC)
"""Truncated Julian day 0: MJD 40000."""
MET_ORIGIN = datetime(2001, 1, 1, tzinfo=UTC)
"""Fermi's mission elapsed time counts SI seconds from here."""
LEAP_DAYS = (
    date(2006, 1, 1),
    date(2009, 1, 1),
    date(2012, 7, 1),
    date(2015, 7, 1),
    date(2017, 1, 1),
)
"""First days after a leap second since 2001 (IERS Bulletin C)."""

_ISO = re.compile(
    r"^\s*(\d{4})-(\d{1,2})-(\d{1,2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,12}))?)?"
    r"\s*(?:(Z|UTC?)|([+-])(\d{2}):?(\d{2}))?\s*$",
    re.ASCII,
)


def parse_iso(text: object) -> datetime | None:
    """Read an ISO 8601 date and time; naive means UTC; None if it cannot be one."""
    if not isinstance(text, str) or len(text) > 64 or (match := _ISO.match(text)) is None:
        return None
    year, month, day, hour, minute, second = (int(match[i] or 0) for i in range(1, 7))
    micro = int((match[7] or "0").ljust(6, "0")[:6])
    leap = second == 60
    try:
        moment = datetime(year, month, day, hour, minute, 59 if leap else second, micro, tzinfo=UTC)
        if leap:
            moment += timedelta(seconds=1)
        if match[9]:
            offset = timedelta(hours=int(match[10]), minutes=int(match[11]))
            moment += -offset if match[9] == "+" else offset
    except (ValueError, OverflowError):
        return None
    return moment


def from_tjd(day: float | None, seconds: float | None) -> datetime | None:
    """UTC of a truncated Julian day and second of day."""
    if day is None or seconds is None or not 0 <= day < 80000 or not 0 <= seconds <= 86401:
        return None
    return TJD_ORIGIN + timedelta(days=int(day), seconds=seconds)


def from_met(met: int | None) -> datetime | None:
    """UTC of a Fermi mission elapsed time in whole seconds (2008 to 2060)."""
    if met is None or not 2.0e8 < met < 1.87e9:
        return None
    naive = MET_ORIGIN + timedelta(seconds=met)
    return naive - timedelta(seconds=sum(1 for day in LEAP_DAYS if naive.date() >= day))


def choose_event_time(
    iso: datetime | None,
    tjd: datetime | None,
    met: datetime | None,
    notice_time: datetime | None,
) -> tuple[datetime | None, TimeQuality | None]:
    """Choose the event's time among the statements of one notice.

    The time element counts if it can be read and agrees with day and second of day; then these;
    then the trigger number; the notice's own time last. What lies more than 30 days from the
    notice is believed only if another statement supports it (a replay of a burst of long ago).
    """

    def plausible(moment: datetime) -> bool:
        return notice_time is None or abs(moment - notice_time) < PLAUSIBLE

    if iso is not None and (tjd is None or abs(iso - tjd) <= AGREEMENT):
        return iso, TimeQuality.STATED
    witnesses = [moment for moment in (iso, tjd, met) if moment is not None]
    for moment, quality in (
        (tjd, TimeQuality.TJD_SOD),
        (met, TimeQuality.MET),
        (iso, TimeQuality.STATED),
    ):
        if moment is None:
            continue
        supported = sum(1 for other in witnesses if abs(other - moment) <= WITNESS) > 1
        if plausible(moment) or supported:
            return moment, quality
    if notice_time is not None:
        return notice_time, TimeQuality.NOTICE_TIME
    return None, None

"""Windows of time in a payload (rule 7): checked when drafted, and again when sent."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from too_queue_submit import sky
from too_queue_submit.errors import WindowRefusedError
from too_queue_submit.plan_document import PlanDocument

MARGIN = timedelta(minutes=30)
"""Added after the end of the last exposure, as the original did: a delay does not cost the end."""
LONGEST = timedelta(hours=36)
PAST = timedelta(days=1)
FUTURE = timedelta(days=30)


@dataclass(frozen=True)
class Window:
    """From when to when a queue may run."""

    begin: datetime
    end: datetime

    @property
    def mjd(self) -> tuple[float, float]:
        """Both ends as MJD (UTC), rounded to 1e-6 d (0.09 s) so that payloads are stable."""
        return round(sky.mjd(self.begin), 6), round(sky.mjd(self.end), 6)


def window_of(
    plan: PlanDocument, *, overhead_s: float, margin_s: float = MARGIN.total_seconds()
) -> Window:
    """Window of a plan: start of the first exposure to end of the last, overhead and margin."""
    return Window(plan.first_start, plan.last_end + timedelta(seconds=overhead_s + margin_s))


def check_window(
    window: Window, *, now: datetime, site: sky.Site | None, overhead_s: float = 0.0
) -> None:
    """Refuse windows that a server would take without a word.

    Parameters
    ----------
    window
        As it stands in the payload.
    now
        Stack time.
    site
        For the test that a night lies in the window; None skips it (site not known yet).
    overhead_s
        Time that the facility needs before the first exposure.

    Raises
    ------
    WindowRefusedError
        Codes: ``window_ended``, ``window_reversed``, ``window_too_long``, ``window_far_off``,
        ``window_without_night``.
    """
    if window.begin >= window.end:
        raise WindowRefusedError(
            f"the window ends ({window.end:%Y-%m-%d %H:%M} UTC) before it begins",
            code="window_reversed",
        )
    earliest, latest = now - PAST, now + FUTURE
    if window.begin < earliest or window.end > latest:
        raise WindowRefusedError(
            f"the window {window.begin:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC lies "
            "outside of the last day and the next thirty days: not UTC, or not MJD?",
            code="window_ended" if window.end <= now else "window_far_off",
        )
    if window.end <= now + timedelta(seconds=overhead_s):
        raise WindowRefusedError(
            f"the window ended at {window.end:%Y-%m-%d %H:%M} UTC", code="window_ended"
        )
    if window.end - window.begin > LONGEST:
        raise WindowRefusedError("the window is longer than 36 hours", code="window_too_long")
    if site is not None and not sky.has_night(site, max(window.begin, earliest), window.end):
        raise WindowRefusedError(
            "the Sun is never below -12 deg in the window: local time instead of UTC?",
            code="window_without_night",
        )


def check_mjd_window(begin_mjd: float, end_mjd: float, *, now: datetime) -> None:
    """The same check on the raw numbers of a payload: catches JD and seconds.

    Raises
    ------
    WindowRefusedError
        Code ``window_far_off``.
    """
    low, high = sky.mjd(now - PAST), sky.mjd(now + FUTURE)
    if not (low <= begin_mjd <= high and low <= end_mjd <= high):
        raise WindowRefusedError(
            f"{begin_mjd} to {end_mjd} is no window in MJD (UTC) near the present",
            code="window_far_off",
        )

"""ZTF's scheduler engine and robot on the stack clock.

It picks a queue, hands a row out, exposes, writes history; it looks again every few seconds when
nothing can be observed. Far jumps of the clock are worked off in order.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from pydantic import AwareDatetime, BaseModel, Field

from too_simulators.core.faults import FaultBoard, FaultKind
from too_simulators.core.sky import (
    PALOMAR,
    airmass_of,
    altitude_and_hour_angle,
    depth_mag,
    from_mjd,
    is_night,
    to_mjd,
    wait_for_night,
)
from too_simulators.core.store import Journal
from too_simulators.ztf.queue import FILTER_LETTERS, Queue, Row

ROUTE = "robot ZTF"
LOOK_EVERY_S = 10.0
"""The scheduler's own loop."""
BLOCKED_LOOK_EVERY_S = 60.0
"""While nothing can be observed a coarser look is enough."""
OVERHEAD_S = 10.0
FILTER_CHANGE_S = 135.0
QUADRANTS = 64
FIRST_EXPID = 310_000_001
_DEPTH_30S = {1: 20.8, 2: 20.6, 3: 19.9}


class Exposure(BaseModel):
    """One exposure that was handed to the robot and taken."""

    expid: int
    queue_name: str
    request_id: int
    program_id: int
    program_pi: str
    field_id: int
    filter_id: int
    start: AwareDatetime
    exposure_s: float
    airmass: float
    subprogram_name: str
    ra: float
    dec: float
    depth_mag: float
    quadrants: int = QUADRANTS
    late_s: float = 0.0
    failed: bool = False

    @property
    def end(self) -> datetime:
        """When the shutter closes."""
        return self.start + timedelta(seconds=self.exposure_s)

    def history_row(self) -> dict[str, Any]:
        """A row of ``/obs_history``: the filter as a letter, no queue name."""
        return {
            "request_id": self.request_id,
            "program_id": self.program_id,
            "field_id": self.field_id,
            "filter_id": FILTER_LETTERS[self.filter_id],
            "exposure_mjd": to_mjd(self.start),
            "exposure_time": self.exposure_s,
            "airmass": self.airmass,
            "subprogram_name": self.subprogram_name,
            "field_ra": self.ra,
            "field_dec": self.dec,
        }


class ZtfState(BaseModel):
    """All that is kept on disk."""

    queues: dict[str, Queue] = Field(default_factory=dict)
    current: str = "default"
    current_filter: int = 2
    taking: Exposure | None = None
    look_at: AwareDatetime | None = None
    history: list[Exposure] = Field(default_factory=list)
    next_expid: int = FIRST_EXPID
    cleaned_until: AwareDatetime | None = None


class ZtfEngine:
    """Queues and robot.

    Parameters
    ----------
    state
        As loaded from disk.
    journal
        Where everything is written down.
    faults
        Switches on the route ``robot ZTF``: ``clouds``, ``exposure_fails``,
        ``filter_unavailable`` (``{"filter_id": 3}``), ``partial_quadrants``
        (``{"quadrants": 20}``), ``late_processing`` (``{"seconds": 172800}``).
    now
        Stack clock.
    """

    def __init__(
        self, state: ZtfState, journal: Journal, faults: FaultBoard, *, now: Callable[[], datetime]
    ) -> None:
        self.state = state
        self._journal = journal
        self._faults = faults
        self._now = now
        if state.cleaned_until is None:
            state.cleaned_until = now()

    # --- what the server's routes do ------------------------------------------------------------

    def add(self, queue: Queue) -> None:
        """Take a queue; one without a window gets the telescope at once, without end."""
        self.state.queues[queue.queue_name] = queue
        self._journal.add("ztf.queue_accepted", **queue.model_dump(mode="json"))
        if queue.validity_window_mjd is None:
            self.state.current = queue.queue_name
        self._look_again(self._now())

    def remove(self, name: str, by: str) -> None:
        """Delete a queue: through the API, by a person, or at 00 UT."""
        queue = self.state.queues.pop(name)
        self._journal.add(
            "ztf.queue_removed", queue_name=name, by=by, rows_left=sum(r.left for r in queue.rows)
        )
        if self.state.current == name:
            self.state.current = "default"
        self._look_again(self._now())

    def make_current(self, name: str) -> None:
        """Switch the telescope (nobody from outside should ever ask for that)."""
        self.state.current = name
        self._journal.add("ztf.current_queue", queue_name=name)

    def set_window(self, name: str, window: tuple[float, float]) -> None:
        """Change a queue's window."""
        self.state.queues[name].validity_window_mjd = window
        self._journal.add("ztf.window_changed", queue_name=name, validity_window_mjd=window)
        self._look_again(self._now())

    def restart(self) -> None:
        """The scheduler is restarted: submitted queues are lost, the history is not."""
        lost = sorted(self.state.queues)
        self.state.queues.clear()
        self.state.current = "default"
        self._journal.add("ztf.restarted", lost=lost)

    def _look_again(self, at: datetime) -> None:
        if self.state.look_at is None or at < self.state.look_at:
            self.state.look_at = at

    # --- the stack clock --------------------------------------------------------------------------

    def next_at(self, now: datetime) -> datetime | None:
        """End of the running exposure, the next look, or 00 UT."""
        del now
        if self.state.taking is not None:
            return self.state.taking.end
        if not self.state.queues:
            return None
        times = [self._next_cleaning()]
        if self.state.look_at is not None:
            times.append(self.state.look_at)
        return min(times)

    def step(self, now: datetime) -> None:
        """Work off what happened until now."""
        while (at := self.next_at(now)) is not None and at <= now:
            if self.state.taking is not None:
                self._finish(self.state.taking)
            elif at == self._next_cleaning():
                self._clean(at)
            else:
                self._look(at)
        if not self.state.queues:
            self.state.cleaned_until = now

    def _next_cleaning(self) -> datetime:
        since = (self.state.cleaned_until or self._now()).astimezone(UTC)
        midnight = since.replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight + timedelta(days=1)

    def _clean(self, at: datetime) -> None:
        """00 UT: empty and expired queues go."""
        self.state.cleaned_until = at
        mjd = to_mjd(at)
        for name, queue in list(self.state.queues.items()):
            expired = queue.validity_window_mjd is not None and queue.validity_window_mjd[1] < mjd
            if not queue.rows or expired:
                self.remove(name, "00 UT")

    def _look(self, at: datetime) -> None:
        self.state.look_at = None
        self.choose(at)
        queue = self.state.queues.get(self.state.current)
        if not is_night(at, PALOMAR):
            self.state.look_at = self._next_chance(wait_for_night(at, PALOMAR))
            return
        row = None if queue is None else self._observable(queue, at)
        if queue is None or row is None or self._faults.peek(ROUTE, FaultKind.CLOUDS, at):
            if self._faults.peek(ROUTE, FaultKind.CLOUDS, at) is None:
                self.state.current = "default"
            self.state.look_at = self._next_chance(at + timedelta(seconds=BLOCKED_LOOK_EVERY_S))
            return
        self._hand_out(queue, row, at)

    def _next_chance(self, at: datetime) -> datetime | None:
        """When a look could do something: not before any window has begun."""
        begins = [
            at if queue.validity_window_mjd is None else max(at, _begin(queue))
            for queue in self.state.queues.values()
            if queue.rows
            and (queue.validity_window_mjd is None or queue.validity_window_mjd[1] >= to_mjd(at))
        ]
        return min(begins, default=None)

    def choose(self, at: datetime) -> None:
        """Which queue has the telescope: ToO before the rest, the first one until it is empty."""
        mjd = to_mjd(at)
        queues = self.state.queues
        current = queues.get(self.state.current)
        if current is not None and not (current.rows and current.valid_at(mjd)):
            self.state.current, current = "default", None
        if current is not None and current.is_too:
            return
        ready = [queue for queue in queues.values() if queue.rows and queue.valid_at(mjd)]
        too = [queue for queue in ready if queue.is_too]
        if too:
            self.state.current = too[0].queue_name
        elif current is None and ready:
            self.state.current = ready[0].queue_name

    def _observable(self, queue: Queue, at: datetime) -> Row | None:
        """The first row that no limit forbids; forbidden ones are skipped, never failed."""
        ra = np.array([row.ra for row in queue.rows])
        dec = np.array([row.dec for row in queue.rows])
        altitude, hour_angle_h = altitude_and_hour_angle(ra, dec, at, PALOMAR)
        airmass = airmass_of(altitude)
        limit = np.array(
            [np.inf if row.max_airmass is None else row.max_airmass for row in queue.rows]
        )
        forbidden = (
            (airmass >= limit)
            | (altitude <= 0)
            | (np.abs(hour_angle_h) >= 5.95)
            | (dec > 87.5)
            | ((hour_angle_h * 15 <= -17.6) & (dec <= -22))
            | ((hour_angle_h * 15 >= -17.6) & (dec <= -45))
            | ((np.abs(hour_angle_h) >= 3) & (dec <= -46))
        )
        allowed = np.flatnonzero(~forbidden)
        return None if allowed.size == 0 else queue.rows[int(allowed[0])]

    def _hand_out(self, queue: Queue, row: Row, at: datetime) -> None:
        """The row leaves the queue now, before the exposure."""
        row.left -= 1
        if row.left <= 0:
            queue.rows.remove(row)
        filter_id = row.filter_id
        missing = self._faults.peek(ROUTE, FaultKind.FILTER_UNAVAILABLE, at)
        if missing is not None and missing.params.get("filter_id", filter_id) == filter_id:
            filter_id = self.state.current_filter  # silently, as the real one does
        overhead_s = OVERHEAD_S if filter_id == self.state.current_filter else FILTER_CHANGE_S
        start = at + timedelta(seconds=overhead_s)
        altitude, _ = altitude_and_hour_angle(
            np.array([row.ra]), np.array([row.dec]), start, PALOMAR
        )
        airmass = float(airmass_of(altitude)[0])
        exposure_s = row.exposure_time or 0.0
        failed = (
            exposure_s <= 0 or self._faults.take(ROUTE, FaultKind.EXPOSURE_FAILS, at) is not None
        )
        partial = self._faults.take(ROUTE, FaultKind.PARTIAL_QUADRANTS, at)
        late = self._faults.peek(ROUTE, FaultKind.LATE_PROCESSING, at)
        self.state.current_filter = filter_id
        self.state.taking = Exposure(
            expid=self.state.next_expid,
            queue_name=queue.queue_name,
            request_id=row.request_id,
            program_id=row.program_id,
            program_pi=row.program_pi,
            field_id=row.field_id,
            filter_id=filter_id,
            start=start,
            exposure_s=exposure_s,
            airmass=airmass,
            subprogram_name=row.subprogram_name,
            ra=row.ra,
            dec=row.dec,
            depth_mag=depth_mag(_DEPTH_30S[filter_id], max(exposure_s, 1.0) / 30, airmass, start),
            quadrants=QUADRANTS if partial is None else int(partial.params.get("quadrants", 20)),
            late_s=0.0 if late is None else float(late.params.get("seconds", 172_800)),
            failed=failed,
        )
        self.state.next_expid += 1

    def _finish(self, exposure: Exposure) -> None:
        self.state.taking = None
        self.state.look_at = exposure.end
        kind = "ztf.exposure_failed" if exposure.failed else "ztf.exposure"
        if not exposure.failed:
            self.state.history.append(exposure)
        self._journal.add(kind, **exposure.model_dump(mode="json"))

    def next_observation(self, now: datetime) -> datetime | None:
        """Earliest future start of something that is queued and observable, if it idles now."""
        if self.state.taking is not None:
            return None
        waiting = [queue for queue in self.state.queues.values() if queue.rows]
        end = now + timedelta(days=2)
        at = self._next_chance(now)
        while waiting and at is not None and at < end:
            if not is_night(at, PALOMAR):
                at = self._next_chance(wait_for_night(at, PALOMAR))
                continue
            mjd = to_mjd(at)
            if any(queue.valid_at(mjd) and self._observable(queue, at) for queue in waiting):
                return at
            at = self._next_chance(at + timedelta(seconds=120))
        return None


def _begin(queue: Queue) -> datetime:
    window = queue.validity_window_mjd
    # a start far outside the calendar (JD sent for MJD) never comes
    begin = min(window[0], 100_000.0) if window is not None else 0.0
    return from_mjd(begin) + timedelta(microseconds=1)

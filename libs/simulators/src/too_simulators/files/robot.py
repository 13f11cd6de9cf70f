"""A file telescope: its folder, the reader or person who takes files, and the robot.

All on the stack clock; the folder is looked at in every step (the sftp server nudges).
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from too_simulators.core.faults import FaultBoard, FaultKind
from too_simulators.core.sky import (
    airmass_of,
    altitude_and_hour_angle,
    depth_mag,
    is_night,
    next_night,
    wait_for_night,
)
from too_simulators.core.store import Journal
from too_simulators.files.programs import (
    Asked,
    Delivered,
    FileTelescopeState,
    MalformedError,
    ProgramRow,
    Run,
    RunState,
    Taken,
)
from too_simulators.files.progress import progress_document
from too_simulators.files.telescopes import TelescopeModel

PROGRESS = "executed"
MARK = ".too-simulator"
CANCEL = "CANCEL_"
LOOK_EVERY_S = 60.0
"""How often the robot looks again while nothing can be observed."""
_SUFFIXES = (".json", ".csv", ".txt")


def stem_of(file: str) -> str:
    """A file's name without the suffixes that telescopes use."""
    for suffix in _SUFFIXES:
        if file.endswith(suffix):
            return file.removesuffix(suffix)
    return file


class FileRobot:
    """One telescope.

    Parameters
    ----------
    model
        What it can do.
    root
        Root of its sftp server.
    state
        As loaded from disk.
    journal, faults, now
        Shared by the world; switches on the route ``robot <Telescope>``.
    take_after_s
        Delivery to being taken; None: never.
    report
        Called with each exposure that a telescope with a database took.
    """

    def __init__(
        self,
        model: TelescopeModel,
        root: Path,
        state: FileTelescopeState,
        journal: Journal,
        faults: FaultBoard,
        *,
        now: Callable[[], datetime],
        take_after_s: float | None,
        report: Callable[[Taken], None] | None = None,
    ) -> None:
        self.model = model
        self.root = root
        self.state = state
        self.take_after_s = take_after_s
        self._journal = journal
        self._faults = faults
        self._now = now
        self._report = report
        self._route = f"robot {model.name.value}"
        (root / PROGRESS).mkdir(parents=True, exist_ok=True)
        (root / MARK).write_text("This is a simulator.\n", encoding="utf-8")

    @property
    def _label(self) -> str:
        return self.model.name.value

    # --- the stack clock ----------------------------------------------------------------------

    def next_at(self, now: datetime) -> datetime | None:
        """Next file to take, end of the running exposure, or next look."""
        del now
        times = [one.take_at for one in self.state.delivered.values() if one.take_at is not None]
        if self.state.taking is not None:
            times.append(self.state.taking.end)
        elif self.state.look_at is not None:
            times.append(self.state.look_at)
        return min(times, default=None)

    def step(self, now: datetime) -> None:
        """Look into the folder, then work off what happened until now."""
        self.look_into_folder()
        while (at := self.next_at(now)) is not None and at <= now:
            due = [
                one
                for one in self.state.delivered.values()
                if one.take_at is not None and one.take_at <= at
            ]
            if due:
                self._take(due[0], at)
            elif self.state.taking is not None and self.state.taking.end <= at:
                self._finish(self.state.taking)
            else:
                self._look(at)

    # --- the folder ---------------------------------------------------------------------------

    def look_into_folder(self) -> None:
        """Note what came and what is gone; also called by the sftp server at once."""
        now = self._now()
        folder = self.root
        there = {path.name for path in folder.iterdir() if path.is_file() and path.name[0] != "."}
        for file in sorted(set(self.state.delivered) - there):
            del self.state.delivered[file]
            self._journal.add("reader.withdrawn", telescope=self._label, file=file)
        for file in sorted(there - set(self.state.delivered)):
            content = (folder / file).read_bytes()
            never = self._faults.take(self._route, FaultKind.NEVER_LOADED) is not None
            take_at = None
            if self.take_after_s is not None and not never:
                take_at = now + timedelta(seconds=self.take_after_s)
            self.state.delivered[file] = Delivered(file=file, seen_at=now, take_at=take_at)
            self._journal.add(
                "reader.seen",
                telescope=self._label,
                file=file,
                sha256=hashlib.sha256(content).hexdigest(),
                content=content.decode("utf-8", "replace"),
            )

    def load_now(self, file: str) -> None:
        """A person loads a file."""
        self.state.delivered[file].take_at = self._now()

    def _take(self, delivered: Delivered, at: datetime) -> None:
        path = self.root / delivered.file
        del self.state.delivered[delivered.file]
        content = path.read_bytes()
        path.unlink()
        name = stem_of(delivered.file)
        if delivered.file.startswith(CANCEL):
            self._cancel(stem_of(name.removeprefix(CANCEL)), at)
            return
        try:
            asked = self._read(delivered.file, content)
        except MalformedError as error:
            self._journal.add(
                "reader.refused", telescope=self._label, file=delivered.file, reason=str(error)
            )
            return
        self._load(name, asked, at)
        self._journal.add(
            "reader.taken", telescope=self._label, file=delivered.file, rows=len(asked.rows)
        )

    def _read(self, file: str, content: bytes) -> Asked:
        if not file.endswith(self.model.suffix):
            raise MalformedError(f"files here end in {self.model.suffix}")
        return self.model.reader(stem_of(file), content)

    def _load(self, name: str, asked: Asked, at: datetime) -> None:
        """A second file of a name adds its rows: nobody at a telescope compares."""
        planned = sum(row.count for row in asked.rows)
        end = asked.end or self._end_of_next_night(at)
        run = self.state.runs.get(name)
        if run is None:
            run = Run(
                name=name,
                loaded_at=at,
                begin=asked.begin,
                end=end,
                planned=planned,
                rows=asked.rows,
            )
            self.state.runs[name] = run
        else:
            run.rows += asked.rows
            run.planned += planned
            run.end = max(run.end, end)
            run.state = RunState.LOADED
        self._look_again(at)
        self._write_progress(run, at)

    def _end_of_next_night(self, at: datetime) -> datetime:
        dusk = next_night(at, self.model.site, begin=True)
        return next_night(dusk + timedelta(minutes=5), self.model.site, begin=False)

    def _cancel(self, name: str, at: datetime) -> None:
        run = self.state.runs.get(name)
        if run is not None and not run.state.over:
            run.state = RunState.CANCELLED
            self._write_progress(run, at)
        waiting = self.root / f"{name}{self.model.suffix}"
        self.state.delivered.pop(waiting.name, None)
        waiting.unlink(missing_ok=True)
        self._journal.add(
            "reader.cancelled", telescope=self._label, name=name, known=run is not None
        )

    # --- the robot ----------------------------------------------------------------------------

    def _look_again(self, at: datetime) -> None:
        if self.state.look_at is None or at < self.state.look_at:
            self.state.look_at = at

    def _active(self) -> list[Run]:
        return [run for run in self.state.runs.values() if not run.state.over]

    def _look(self, at: datetime) -> None:
        self.state.look_at = None
        for run in self._active():
            if at > run.end:
                self._over(run, RunState.EXPIRED, at)
        if not self._active():
            return
        clouds = self._faults.peek(self._route, FaultKind.CLOUDS, at) is not None
        if is_night(at, self.model.site) and not clouds:
            for run in self._active():
                row = (
                    self._observable(run.rows, at) if run.begin is None or run.begin <= at else None
                )
                if row is not None:
                    self._expose(run, row, at)
                    return
        self.state.look_at = self._next_look(at, clouds=clouds)

    def _next_look(self, at: datetime, *, clouds: bool) -> datetime:
        soon = at + timedelta(seconds=LOOK_EVERY_S)
        ends = [run.end + timedelta(seconds=1) for run in self._active() if run.end >= at]
        if not is_night(soon, self.model.site) and not clouds:
            soon = wait_for_night(soon, self.model.site)
        begins = [at if run.begin is None else run.begin for run in self._active()]
        return min([max(soon, min(begins)), *ends])

    def _observable(self, rows: Sequence[ProgramRow], at: datetime) -> ProgramRow | None:
        """The first row that can be observed now; the others wait."""
        open_rows = [
            row
            for row in rows
            if row.left > 0
            and (row.begin is None or row.begin <= at)
            and (row.end is None or at <= row.end)
        ]
        if not open_rows:
            return None
        here = self.state.pointing
        ra = np.array([here[0] if row.ra_deg is None else row.ra_deg for row in open_rows])
        dec = np.array([here[1] if row.dec_deg is None else row.dec_deg for row in open_rows])
        altitude, hour_angle_h = altitude_and_hour_angle(ra, dec, at, self.model.site)
        blind = np.array([row.ra_deg is None for row in open_rows])
        allowed = blind | (
            (altitude >= self.model.altitude_limit_deg)
            & (np.abs(hour_angle_h) <= self.model.hour_angle_limit_h)
        )
        found = np.flatnonzero(allowed)
        return None if found.size == 0 else open_rows[int(found[0])]

    def _expose(self, run: Run, row: ProgramRow, at: datetime) -> None:
        row.left -= 1
        run.state = RunState.OBSERVING
        changes = row.filter != self.state.current_filter and self.state.current_filter is not None
        overhead_s = self.model.overhead_s + (self.model.filter_change_s if changes else 0.0)
        self.state.current_filter = row.filter
        ra = self.state.pointing[0] if row.ra_deg is None else row.ra_deg
        dec = self.state.pointing[1] if row.dec_deg is None else row.dec_deg
        self.state.pointing = (ra, dec)
        start = at + timedelta(seconds=overhead_s)
        altitude, _ = altitude_and_hour_angle(
            np.array([ra]), np.array([dec]), start, self.model.site
        )
        zero = self.model.depth_mag.get(row.filter, 20.0)
        relative = row.exposure_s / self.model.depth_exposure_s
        failed = self._faults.take(self._route, FaultKind.EXPOSURE_FAILS, at) is not None
        number, self.state.next_number = self.state.next_number, self.state.next_number + 1
        self.state.taking = Taken(
            exposure_id=f"{self._label}-{number:06d}",
            name=run.name,
            index=row.index,
            field_id=row.field_id,
            ra_deg=ra,
            dec_deg=dec,
            filter=row.filter,
            start=start,
            end=start + timedelta(seconds=row.exposure_s),
            exposure_s=row.exposure_s,
            depth_mag=depth_mag(zero, relative, float(airmass_of(altitude)[0]), start),
            label=row.label,
            failed=failed,
        )

    def _finish(self, taken: Taken) -> None:
        self.state.taking = None
        run = self.state.runs[taken.name]
        kind = "robot.exposure_failed" if taken.failed else "robot.exposure"
        self._journal.add(kind, telescope=self._label, **taken.model_dump(mode="json"))
        if not taken.failed:
            run.exposures.append(taken)
            if self._report is not None:
                self._report(taken)
        if not run.state.over and not any(row.left > 0 for row in run.rows):
            self._over(run, RunState.DONE, taken.end)
        else:
            self._write_progress(run, taken.end)
        self._look_again(taken.end)

    def _over(self, run: Run, state: RunState, at: datetime) -> None:
        run.state = state
        self._journal.add(
            "robot.done",
            telescope=self._label,
            name=run.name,
            state=state.value,
            taken=len(run.exposures),
            planned=run.planned,
        )
        self._write_progress(run, at)

    def _write_progress(self, run: Run, at: datetime) -> None:
        if self.model.reports_to_database:
            return
        path = self.root / PROGRESS / f"{run.name}.json"
        part = path.with_name(f".{run.name}.part")
        document = progress_document(self._label, run, at)
        part.write_text(document, encoding="utf-8")
        part.replace(path)

    def next_observation(self, now: datetime) -> datetime | None:
        """Earliest future start of something delivered or loaded, if the robot idles now."""
        if self.state.taking is not None:
            return None
        waiting = [
            Run(
                name=one.file,
                loaded_at=one.take_at,
                begin=max(asked.begin or one.take_at, one.take_at),
                end=asked.end or self._end_of_next_night(one.take_at),
                planned=len(asked.rows),
                rows=asked.rows,
            )
            for one in self.state.delivered.values()
            if one.take_at is not None and (asked := self._peek(one)) is not None
        ]
        runs = [*self._active(), *waiting]
        at, last = now, now + timedelta(days=2)
        while runs and at < last:
            if not is_night(at, self.model.site):
                at = wait_for_night(at, self.model.site)
                continue
            for run in runs:
                begun = run.begin is None or run.begin <= at
                if begun and at <= run.end and self._observable(run.rows, at) is not None:
                    return at
            at += timedelta(seconds=120)
        return None

    def _peek(self, delivered: Delivered) -> Asked | None:
        path = self.root / delivered.file
        try:
            return self.model.reader(stem_of(delivered.file), path.read_bytes())
        except (MalformedError, OSError):
            return None

"""From an order of fields to exact start times: slews, read-outs, filter changes, gaps, windows.

An exposure starts no earlier than the end of the one before it, plus the larger of read-out and
slew, plus a filter change if there is one; no earlier than the gap after the same field's last
visit; and so that it lies wholly inside an interval in which the field meets every limit.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from too_planner.nightsky import FloatArray
from too_planner.telescope import AxesSlew, AxisMotion, ConstantRateSlew, Timing
from too_planner.visibility import Interval

_TICK_S = 0.1
"""Starts are whole ticks after the epoch."""
_NEAR = 6
"""Fields on each side, in order of place, that are looked at first for the nearest one."""
_SIDEREAL_H_PER_S = 1.00273790935 / 3600.0


@dataclass(frozen=True)
class SubExposure:
    """One shutter opening within a visit."""

    offset_s: float
    filter: str
    exposure_s: float
    dither: int = 0


@dataclass(frozen=True)
class VisitTemplate:
    """What is done when a field is visited once."""

    exposures: tuple[SubExposure, ...]
    duration_s: float

    @property
    def first_filter(self) -> str:
        """Filter of the first exposure."""
        return self.exposures[0].filter

    @property
    def last_filter(self) -> str:
        """Filter of the last exposure."""
        return self.exposures[-1].filter


def make_template(
    parts: list[tuple[str, float]], *, dithers: int, dither_slew_s: float, timing: Timing
) -> VisitTemplate:
    """Exposures of a visit, back to back.

    Parameters
    ----------
    parts
        (filter, exposure time in s) in order.
    dithers
        Exposures per part.
    dither_slew_s
        Time to move between dithers.
    timing
        Dead times of the telescope.
    """
    exposures: list[SubExposure] = []
    end, last = 0.0, None
    for name, exposure_s in parts:
        for number in range(dithers):
            start = end
            if last is not None:
                pause = timing.overhead_s
                if dithers > 1:
                    pause = max(pause, dither_slew_s)
                start += pause + (timing.filter_change_s if name != last else 0.0)
            exposures.append(SubExposure(start, name, exposure_s, number))
            end, last = start + exposure_s, name
    return VisitTemplate(tuple(exposures), end)


@dataclass(frozen=True)
class Placed:
    """A visit with its time."""

    field: int
    step: int
    start_s: float


class Slews:
    """Times to move between fields, from rest to rest, settling included."""

    def __init__(
        self,
        timing: Timing,
        ra_deg: FloatArray,
        dec_deg: FloatArray,
        *,
        latitude_deg: float,
        sidereal_h_at_epoch: float,
        extra_s: float = 0.0,
    ) -> None:
        self._timing = timing
        self._ra, self._dec = np.radians(ra_deg), np.radians(dec_deg)
        self._ra_deg, self._dec_deg = ra_deg, dec_deg
        self._sin, self._cos = np.sin(self._dec), np.cos(self._dec)
        self._latitude = math.radians(latitude_deg)
        self._sidereal_h = sidereal_h_at_epoch
        self._extra_s = extra_s
        self._rows: dict[int, FloatArray] = {}

    def take(self, chosen: NDArray[Any]) -> "Slews":
        """The same between some of the fields."""
        return Slews(
            self._timing,
            self._ra_deg[chosen],
            self._dec_deg[chosen],
            latitude_deg=math.degrees(self._latitude),
            sidereal_h_at_epoch=self._sidereal_h,
            extra_s=self._extra_s,
        )

    def vectors(self) -> FloatArray:
        """Unit vectors of the fields, shape (n, 3)."""
        parts = (self._cos * np.cos(self._ra), self._cos * np.sin(self._ra), self._sin)
        return np.ascontiguousarray(np.stack(parts, axis=-1))

    def row(self, index: int) -> FloatArray:
        """Times from a field to all fields, the dome left aside."""
        known = self._rows.get(index)
        if known is None:
            known = np.asarray(self._row(index) + self._extra_s, dtype=np.float64)
            self._rows[index] = known
        return known

    def _row(self, index: int) -> FloatArray:
        return self._times(np.full(1, index), np.arange(len(self._ra)))

    def _times(self, first: NDArray[Any], second: NDArray[Any]) -> FloatArray:
        """Times from some fields to others, one by one."""
        d_ra = self._ra[second] - self._ra[first]
        slew = self._timing.slew
        if isinstance(slew, ConstantRateSlew):
            # haversine: exact for small distances too
            hav = (
                np.sin((self._dec[second] - self._dec[first]) / 2) ** 2
                + self._cos[second] * self._cos[first] * np.sin(d_ra / 2) ** 2
            )
            distance = np.degrees(2 * np.arcsin(np.sqrt(np.clip(hav, 0, 1))))
            return np.where(distance > 1e-6, distance / slew.rate_deg_per_s + slew.settle_s, 0.0)
        hour = np.abs(np.degrees((d_ra + np.pi) % (2 * np.pi) - np.pi))
        dec = np.abs(self._dec_deg[second] - self._dec_deg[first])
        times = np.maximum(_axis(slew.hour_angle, hour), _axis(slew.declination, dec))
        moved = (hour > 1e-6) | (dec > 1e-6)
        return np.asarray(np.where(moved, times + slew.settle_s, 0.0))

    def nearest_s(self, free_s: float) -> FloatArray:
        """Time from each field to the quickest other one, the dome left aside.

        Parameters
        ----------
        free_s
            Less than that is of no interest: what is given then is at most `free_s`.
        """
        size = len(self._ra)
        found = np.full(size, np.inf)
        # most fields of a grid have a neighbour that is near in this order
        order = np.lexsort((self._ra_deg, np.round(self._dec_deg)))
        for shift in range(1, min(_NEAR, size)):
            pair = order[:-shift], order[shift:]
            times = self._times(*pair) + self._extra_s
            for side in pair:
                np.minimum.at(found, side, times)
        for index in np.flatnonzero(found > free_s).tolist():
            row = self._row(index) + self._extra_s
            row[index] = np.inf
            found[index] = row.min()
        return found

    def between(self, first: int, second: int, at_s: float) -> float:
        """Time from one field to another, leaving at an instant."""
        seconds = float(self.row(first)[second])
        slew = self._timing.slew
        if not isinstance(slew, AxesSlew) or slew.dome_azimuth is None or first == second:
            return seconds
        turn = abs(self._azimuth(first, at_s) - self._azimuth(second, at_s)) % 360.0
        turn = min(turn, 360.0 - turn)
        return max(seconds, slew.dome_azimuth.seconds(turn) + slew.settle_s + self._extra_s)

    def _azimuth(self, index: int, at_s: float) -> float:
        hour = math.radians((self._sidereal_h + at_s * _SIDEREAL_H_PER_S) * 15) - self._ra[index]
        return math.degrees(
            math.atan2(
                -math.sin(hour) * self._cos[index],
                self._sin[index] * math.cos(self._latitude)
                - self._cos[index] * math.cos(hour) * math.sin(self._latitude),
            )
        )


def _axis(motion: AxisMotion, distance: FloatArray) -> FloatArray:
    speed, acceleration = motion.max_speed_deg_per_s, motion.acceleration_deg_per_s2
    reach = speed**2 / acceleration
    return np.where(
        distance < reach,
        2.0 * np.sqrt(distance / acceleration),
        distance / speed + speed / acceleration,
    )


@dataclass(frozen=True)
class Rules:
    """Everything that decides when a visit may start."""

    steps: tuple[VisitTemplate, ...]
    intervals: list[list[Interval]]
    slews: Slews
    overhead_s: float
    filter_change_s: float
    min_gap_s: float

    def fits(self, index: int, step: int, not_before: float) -> float | None:
        """Earliest start of a visit at or after a time, or None."""
        duration = self.steps[step].duration_s
        for begin, end in self.intervals[index]:
            start = math.ceil(max(not_before, begin) / _TICK_S - 1e-6) * _TICK_S
            if start >= begin and start + duration <= end:
                return start
        return None


@dataclass
class Cursor:
    """State of the telescope between visits."""

    free_s: float
    field: int | None = None
    filter: str | None = None
    last_visit: dict[int, float] = dataclasses.field(default_factory=dict)

    def copy(self) -> "Cursor":
        """An independent copy."""
        return Cursor(self.free_s, self.field, self.filter, dict(self.last_visit))

    def ready(self, rules: Rules, index: int, step: int) -> float:
        """Earliest moment at which the telescope can be there."""
        if self.field is None:
            return self.free_s
        move = rules.slews.between(self.field, index, self.free_s)
        change = rules.steps[step].first_filter != self.filter
        ready = self.free_s + max(rules.overhead_s, move)
        return ready + (rules.filter_change_s if change else 0.0)

    def visit(self, rules: Rules, index: int, step: int, before_s: float) -> float | None:
        """Make a visit as early as possible; None (and no change) if it cannot end in time."""
        ready = self.ready(rules, index, step)
        if step > 0 and index in self.last_visit:
            ready = max(ready, self.last_visit[index] + rules.min_gap_s)
        start = rules.fits(index, step, ready)
        duration = rules.steps[step].duration_s
        if start is None or start + duration > before_s:
            return None
        self.free_s = start + duration
        self.field = index
        self.filter = rules.steps[step].last_filter
        self.last_visit[index] = start
        return start


_PATIENCE_S = 60.0
"""A field for which the telescope would wait longer lets others go first."""


def compile_block(
    rules: Rules,
    cursor: Cursor,
    fields: list[int],
    before_s: float,
    *,
    keep_order: bool = False,
) -> tuple[list[Placed], Cursor]:
    """Visit some fields in order, once per step of the sequence.

    A field of which one visit cannot be made is left out altogether, and the block is compiled
    again without it. Unless the order is to be kept, a field that is not up yet waits its turn.

    Returns
    -------
    placed : list of Placed
        In order of time.
    cursor : Cursor
        State after the block.
    """
    left = list(fields)
    while left:
        trial = cursor.copy()
        placed: list[Placed] = []
        order: list[int] = []
        waiting = list(left)
        lost: int | None = None
        while waiting:
            place = 0 if keep_order else _next_up(rules, trial, waiting, before_s)
            index = waiting.pop(place)
            start = trial.visit(rules, index, 0, before_s)
            if start is None:
                left.remove(index)
                continue
            placed.append(Placed(index, 0, start))
            order.append(index)
        for step in range(1, len(rules.steps)):
            for index in order:
                start = trial.visit(rules, index, step, before_s)
                if start is None:
                    lost = index
                    break
                placed.append(Placed(index, step, start))
            if lost is not None:
                break
        if lost is None:
            return placed, trial
        left = [index for index in order if index != lost]
    return [], cursor


def _next_up(rules: Rules, cursor: Cursor, waiting: list[int], before_s: float) -> int:
    """Place of the first field that need not be waited for, else of the earliest one."""
    best, earliest = 0, math.inf
    for place, index in enumerate(waiting):
        ready = cursor.ready(rules, index, 0)
        start = rules.fits(index, 0, ready)
        if start is None or start + rules.steps[0].duration_s > before_s:
            continue
        if start - ready <= _PATIENCE_S:
            return place
        if start < earliest:
            best, earliest = place, start
    return best

"""A night as a row of visits with exact times: ordering, repair and insertion.

All visits are done as early as they can be. Start times follow from the order by a running
maximum: the end of the visit before, the larger of read-out and slew, a filter change if there is
one; the begin of the visit's own interval; the gap after the same field's visit before. So an
order can be tried in some 30 microseconds, and changes of the order are tried in thousands.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from too_planner.coverage import Atoms
from too_planner.nightsky import FloatArray
from too_planner.timeline import Placed, Rules

IntArray = NDArray[np.int64]

_TICK_S = 0.1
_SWAPS = 200
_GIVE_UP = 60
_SWAP_TRIES = 400


@dataclass(frozen=True)
class Visits:
    """Visits in order of time.

    Attributes
    ----------
    field, step : ndarray of int
        What is visited and which of its visits this is.
    low, high : ndarray
        Earliest and latest start by the field's interval.
    """

    field: IntArray
    step: IntArray
    low: FloatArray
    high: FloatArray

    def __len__(self) -> int:
        return len(self.field)

    def take(self, order: NDArray[np.int64]) -> "Visits":
        """Some of them, or all in another order."""
        return Visits(self.field[order], self.step[order], self.low[order], self.high[order])

    def insert(self, place: int, field: int, step: int, low: float, high: float) -> "Visits":
        """One more visit, before the one at `place`."""
        return Visits(
            _inserted(self.field, place, field),
            _inserted(self.step, place, step),
            _inserted(self.low, place, low),
            _inserted(self.high, place, high),
        )


def _inserted(values: NDArray[Any], place: int, value: float) -> NDArray[Any]:
    """As numpy.insert, which takes ten times as long."""
    found = np.empty(len(values) + 1, dtype=values.dtype)
    found[:place], found[place], found[place + 1 :] = values[:place], value, values[place:]
    return found


class Timing:
    """Exact start times of orders, and what a step from one visit to the next costs."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.duration = np.array([step.duration_s for step in rules.steps])
        first = [step.first_filter for step in rules.steps]
        last = [step.last_filter for step in rules.steps]
        self.change = np.array(
            [[rules.filter_change_s if a != b else 0.0 for b in first] for a in last]
        )
        self._gap = np.ceil(rules.min_gap_s / _TICK_S - 1e-6) * _TICK_S
        self._pause: dict[int, FloatArray] = {}

    def pause(self, index: int) -> FloatArray:
        """Dead time from a field to each other field, without filter changes."""
        known = self._pause.get(index)
        if known is None:
            row = np.maximum(self.rules.slews.row(index), self.rules.overhead_s)
            known = self._pause[index] = np.ceil(row / _TICK_S - 1e-6) * _TICK_S
        return known

    def between(self, visits: Visits) -> FloatArray:
        """Dead time after each visit but the last."""
        return self.cost(visits.field[:-1], visits.step[:-1], visits.field[1:], visits.step[1:])

    def cost(
        self, field_a: IntArray, step_a: IntArray, field_b: IntArray, step_b: IntArray
    ) -> FloatArray:
        """Dead time from visits a to visits b, one by one."""
        table = self.table
        return np.asarray(table[field_a, field_b] + self.change[step_a, step_b])

    @property
    def table(self) -> FloatArray:
        """Dead times between all fields."""
        if not hasattr(self, "_table"):
            size = len(self.rules.intervals)
            self._table = np.empty((size, size))
            for index in range(size):
                row = np.maximum(self.rules.slews.row(index), self.rules.overhead_s)
                self._table[index] = np.ceil(row / _TICK_S - 1e-4) * _TICK_S
        return self._table

    def starts(self, visits: Visits) -> FloatArray:
        """When each visit starts."""
        size = len(visits)
        if size == 0:
            return np.empty(0)
        work = np.zeros(size)
        np.cumsum(self.duration[visits.step[:-1]] + self.between(visits), out=work[1:])
        ready = visits.low
        start = work + np.maximum.accumulate(ready - work)
        if len(self.duration) == 1:
            return np.asarray(start)
        before = self.before(visits)
        has = before >= 0
        for _ in range(8 * len(self.duration)):
            later = np.where(has, np.maximum(visits.low, start[before] + self._gap), visits.low)
            fresh = work + np.maximum.accumulate(later - work)
            if np.array_equal(fresh, start):
                break
            start = fresh
        return np.asarray(start)

    def latest(self, visits: Visits) -> FloatArray:
        """Latest start of each visit that leaves all later ones possible."""
        size = len(visits)
        if size == 0:
            return np.empty(0)
        work = np.zeros(size)
        np.cumsum(self.duration[visits.step[:-1]] + self.between(visits), out=work[1:])
        limit = visits.high
        found = work + np.minimum.accumulate((limit - work)[::-1])[::-1]
        if len(self.duration) == 1:
            return np.asarray(found)
        before = self.before(visits)
        has = np.flatnonzero(before >= 0)
        for _ in range(8 * len(self.duration)):
            limit = visits.high.copy()
            limit[before[has]] = np.minimum(limit[before[has]], found[has] - self._gap)
            fresh = work + np.minimum.accumulate((limit - work)[::-1])[::-1]
            if np.array_equal(fresh, found):
                break
            found = fresh
        return np.asarray(found)

    def before(self, visits: Visits) -> IntArray:
        """Place of the same field's visit before; -1 for first visits."""
        order = np.lexsort((visits.step, visits.field))
        same = visits.field[order][1:] == visits.field[order][:-1]
        before = np.full(len(visits), -1)
        before[order[1:]] = np.where(same, order[:-1], -1)
        return before

    def in_order(self, visits: Visits) -> bool:
        """Each field's visits come one after the other."""
        before = self.before(visits)
        return bool(np.all(before < np.arange(len(visits))))

    def feasible(self, visits: Visits) -> FloatArray | None:
        """Start times if all visits can be made, else None."""
        if len(self.duration) > 1 and not self.in_order(visits):
            return None
        start = self.starts(visits)
        return start if bool(np.all(start <= visits.high + 1e-6)) else None


def repair(timing: Timing, visits: Visits, worth: FloatArray) -> tuple[Visits, FloatArray]:
    """Leave out fields until all visits can be made.

    Parameters
    ----------
    worth
        Of each field; among those that would help, the least worthy goes.
    """
    while True:
        start = timing.starts(visits)
        late = np.flatnonzero(start > visits.high + 1e-6)
        if not len(late):
            return visits, start
        # whatever of the unbroken run of work before the first late visit is left out helps
        first = int(late[0])
        idle = np.flatnonzero(start[: first + 1] <= visits.low[: first + 1] + 1e-6)
        begin = int(idle[-1]) if len(idle) else 0
        helping = np.unique(visits.field[max(begin, first - 40) : first + 1])
        out = helping[int(np.argmin(worth[helping]))]
        visits = visits.take(np.flatnonzero(visits.field != out))


def cheapest_places(
    timing: Timing,
    visits: Visits,
    index: int,
    step: int,
    low: float,
    high: float,
    count: int,
    start: FloatArray | None = None,
    first: int = 0,
    detour_below: float = np.inf,
) -> list[tuple[float, int]]:
    """Places where one more visit fits and costs least dead time and waiting.

    Parameters
    ----------
    low, high
        Earliest and latest start of the visit.
    count
        Places at most.
    start
        Of the visits, if known.
    first
        No place before this one.
    detour_below
        No place that costs as much dead time or more.
    """
    size = len(visits)
    if start is None:
        start = timing.starts(visits)
    table, change = timing.table, timing.change
    pause = table[index, visits.field]
    to, back = np.zeros(size + 1), np.zeros(size + 1)
    to[1:] = pause + change[visits.step, step]
    back[:size] = pause + change[step, visits.step]
    ready, room = np.full(size + 1, low), np.full(size + 1, np.inf)
    ready[1:] = np.maximum(start + timing.duration[visits.step] + to[1:], low)
    room[:size] = timing.latest(visits)
    end = ready + timing.duration[step] + back
    good = (ready <= high + 1e-6) & (end <= room + 1e-6)
    good[:first] = False
    if detour_below < np.inf:
        detour = to + back
        detour[1:size] -= timing.between(visits)
        good &= detour < detour_below
    places = np.flatnonzero(good)
    if not len(places):
        return []
    # by how much the next visit is pushed; at the end, by how much the row gets longer
    cost = end.copy()
    cost[:size] -= start
    cost[size] -= start[-1] + timing.duration[visits.step[-1]] if size else 0.0
    cost = np.maximum(cost[places], 0.0)
    best = np.argsort(cost, kind="stable")[:count]
    return [(float(cost[p]), int(places[p])) for p in best]


def add_fields(
    timing: Timing,
    visits: Visits,
    atoms: Atoms,
    covered: NDArray[np.bool_],
    candidates: list[int],
    *,
    until: float,
    most: int | None = None,
    target: float | None = None,
    steps: int | None = None,
) -> Visits:
    """Insert whole fields where they fit, the worthiest first.

    Parameters
    ----------
    covered
        Atoms that are seen; changed.
    candidates
        Fields in the order in which they are tried.
    most
        At most so many fields in all.
    target
        Stop when so much is covered.
    steps
        Make only so many of each field's visits.
    """
    intervals = timing.rules.intervals
    fields = len(np.unique(visits.field))
    failed = 0
    for index in candidates:
        if time.perf_counter() > until or (most is not None and fields >= most):
            break
        if failed >= _GIVE_UP:
            break
        if atoms.gain(index, covered) <= 1e-9:
            continue
        if target is not None and float(atoms.weight[covered].sum()) >= target:
            break
        trial = _with_field(timing, visits, index, intervals[index], timing.duration[:steps])
        failed += 1
        if trial is not None:
            visits = trial
            fields, failed = fields + 1, 0
            covered[atoms.of_field[index]] = True
    return visits


def _with_field(
    timing: Timing,
    visits: Visits,
    index: int,
    intervals: list[tuple[float, float]],
    durations: FloatArray,
) -> Visits | None:
    """All visits of a field, each where it costs least; None if that cannot be."""
    gap = timing.rules.min_gap_s
    starts = timing.starts(visits)
    for low, high in intervals:
        trial, start, begin, first = visits, starts, low, 0
        for step, duration in enumerate(durations):
            placed = None
            for _, where in cheapest_places(
                timing, trial, index, step, begin, high - duration, 3, start, first
            ):
                more = trial.insert(where, index, step, low, high - duration)
                times = timing.feasible(more)
                if times is not None:
                    placed = more, times, where
                    break
            if placed is None:
                break
            trial, start, where = placed
            begin, first = start[where] + gap, where + 1
        else:
            return trial
    return None


def _swap_gains(atoms: Atoms, inside: IntArray, outside: IntArray) -> tuple[IntArray, FloatArray]:
    """What is won if one field goes (columns) and another comes (rows); which may come at all."""
    size = len(atoms.weight)
    cover = np.zeros(size)
    for index in inside:
        cover[atoms.of_field[index]] += 1
    alone = np.where(cover == 1, atoms.weight, 0.0)
    unseen = np.where(cover == 0, atoms.weight, 0.0)
    loss = np.array([alone[atoms.of_field[index]].sum() for index in inside])
    gain = np.array([unseen[atoms.of_field[index]].sum() for index in outside])
    outside, gain = outside[gain > 1e-7], gain[gain > 1e-7]
    # what would be lost of the one that goes may be seen by the one that comes
    owner = np.full(size, -1)
    for number, index in enumerate(inside):
        here = atoms.of_field[index]
        owner[here[cover[here] == 1]] = number
    change = gain[:, None] - loss[None, :]
    for row, index in enumerate(outside):
        here = atoms.of_field[index]
        mine = here[owner[here] >= 0]
        np.add.at(change[row], owner[mine], atoms.weight[mine])
    return outside, change


def swap_fields(
    timing: Timing, visits: Visits, atoms: Atoms, candidates: list[int], *, until: float
) -> Visits:
    """Replace single fields by others that add more sky than is lost.

    Parameters
    ----------
    candidates
        Fields that may come in.
    """
    intervals = timing.rules.intervals
    steps = len(timing.duration)
    for _ in range(_SWAPS):
        if time.perf_counter() > until:
            break
        times = np.bincount(visits.field, minlength=len(intervals))
        inside = np.flatnonzero(times == steps)
        outside = np.array([index for index in candidates if times[index] == 0], dtype=np.int64)
        if not len(inside) or not len(outside):
            break
        outside, change = _swap_gains(atoms, inside, outside)
        better = None
        for place in np.argsort(-change, axis=None)[:_SWAP_TRIES]:
            row, column = divmod(int(place), len(inside))
            if change[row, column] <= 1e-6 or time.perf_counter() > until:
                break
            rest = visits.take(np.flatnonzero(visits.field != inside[column]))
            new = int(outside[row])
            better = _with_field(timing, rest, new, intervals[new], timing.duration)
            if better is not None:
                break
        if better is None:
            break
        visits = better
    return visits


def placed_of(visits: Visits, start: FloatArray) -> list[Placed]:
    """Visits with their times."""
    return [
        Placed(int(f), int(k), float(t))
        for f, k, t in zip(visits.field, visits.step, start, strict=True)
    ]

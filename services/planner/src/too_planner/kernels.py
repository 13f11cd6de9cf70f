"""The inner loops of the search, on flat arrays: rows of visits with exact times, and their change.

A *row* is the visits of a window in order of time. Each starts as early as it can (`start`): after
the visit before and the dead time between the two, inside the interval that was chosen for it, and
the gap after the same field's visit before. Each also has the latest start (`latest`) that leaves
all other visits possible. With both, whether one more visit fits at a place is decided exactly by
looking at its two neighbours, also where gaps couple visits that are far apart: in a fixed order
all limits are differences of two starts, so a start that is not after `latest` pushes nobody over
a limit.

Everything here is plain Python that numba can compile. `compiling.py` replaces the functions by
compiled ones when that is worth it; the results are the same, bit for bit: floating point is used
in the same order, random numbers are made of integers, and no function of a mathematical library
is called. So the functions call each other by their module-level names only.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

F = NDArray[np.float64]
I = NDArray[np.int64]  # noqa: E741
B = NDArray[np.bool_]

_TOLERANCE = 1e-6
"""Seconds; starts are whole ticks, so this only absorbs rounding."""
_DETOUR = 0.5
"""A second more under way is as bad as half a second by which others are pushed."""
_FAR = 1e18


class Model(NamedTuple):
    """What the search must know. Times in seconds.

    Attributes
    ----------
    pause : ndarray, shape (n, n)
        Dead time between two fields, filter changes left aside.
    change : ndarray, shape (k, k)
        Filter change after visit a before visit b.
    length : ndarray, shape (k,)
        Durations of the visits, in whole ticks.
    low, high : ndarray, shape (n, w, k)
        Earliest and latest start of a visit in each interval of its field, gaps included.
    intervals : ndarray, shape (n,)
        Number of intervals.
    first : ndarray, shape (n + 1,)
        Where the atoms of each field begin in `atom`.
    atom : ndarray
        Atoms of the fields, one field after the other.
    weight : ndarray
        Of the atoms.
    vector : ndarray, shape (n, 3)
        Unit vectors of the fields.
    factor : ndarray, shape (n,)
        By which a field's gain is multiplied when fields are compared for the first row.
    gap, begin, span : float
        Gap between visits of a field; begin of the night, and its length.
    most : int
        Fields at most.
    target : float
        Weight that is enough.
    """

    pause: F
    change: F
    length: F
    low: F
    high: F
    intervals: I
    first: I
    atom: I
    weight: F
    vector: F
    factor: F
    gap: float
    overhead: float
    begin: float
    span: float
    most: int
    target: float


class Row(NamedTuple):
    """Visits in order of time; only the first `counts[0]` places are in use.

    Attributes
    ----------
    counts : ndarray, shape (2,)
        Visits; fields.
    field, step : ndarray
        What is visited, and which of its visits this is.
    low, high, start, latest : ndarray
        Limits of the start by the interval; earliest and latest start in this row.
    link : ndarray
        From the start of the visit before to the earliest start of this one.
    place : ndarray, shape (n, k)
        Where a field's visit is; -1: not in the row.
    cover : ndarray
        How many fields of the row see each atom.
    seen : ndarray, shape (1,)
        Weight of what is seen.
    """

    counts: I
    field: I
    step: I
    low: F
    high: F
    start: F
    latest: F
    link: F
    place: I
    cover: I
    seen: F


class Work(NamedTuple):
    """Room for what the search writes down meanwhile; shapes (n,), `random` (1,)."""

    out: B
    key: F
    candidate: I
    gone: I
    added: I
    random: I


def draw(random: I) -> float:
    """A random number from 0 to 1 (Lehmer's generator, the same with and without numba)."""
    random[0] = (random[0] * 48271) % 2147483647
    return random[0] / 2147483647.0  # type: ignore[no-any-return]


def copy_row(source: Row, target: Row) -> None:
    """Copy all but `cover`."""
    size = source.counts[0]
    target.counts[:] = source.counts
    target.field[:size] = source.field[:size]
    target.step[:size] = source.step[:size]
    target.low[:size] = source.low[:size]
    target.high[:size] = source.high[:size]
    target.start[:size] = source.start[:size]
    target.latest[:size] = source.latest[:size]
    target.link[:size] = source.link[:size]
    target.place[:] = source.place
    target.seen[:] = source.seen


def forward(model: Model, row: Row, begin: int, sure: int) -> None:
    """Earliest starts from a place on; nothing changes beyond `sure` unless something before it."""
    size, visits = row.counts[0], len(model.length)
    for i in range(begin, size):
        now = row.low[i]
        if i > 0:
            now = max(now, row.start[i - 1] + row.link[i])
        step = row.step[i]
        if step > 0:
            other = row.place[row.field[i], step - 1]
            if other >= 0:
                now = max(now, row.start[other] + model.gap)
        if row.start[i] == now:
            if i >= sure:
                break
        else:
            row.start[i] = now
            if step < visits - 1:
                sure = max(sure, row.place[row.field[i], step + 1])


def backward(model: Model, row: Row, end: int, sure: int) -> None:
    """Latest starts from a place back; nothing changes before `sure` unless something after it."""
    size, visits = row.counts[0], len(model.length)
    for i in range(min(end, size - 1), -1, -1):
        now = row.high[i]
        if i < size - 1:
            now = min(now, row.latest[i + 1] - row.link[i + 1])
        step = row.step[i]
        if step < visits - 1:
            other = row.place[row.field[i], step + 1]
            if other >= 0:
                now = min(now, row.latest[other] - model.gap)
        if row.latest[i] == now:
            if i <= sure:
                break
        else:
            row.latest[i] = now
            if step > 0:
                other = row.place[row.field[i], step - 1]
                if other >= 0:
                    sure = min(sure, other)


def link(model: Model, field_a: int, step_a: int, field_b: int, step_b: int) -> float:
    """Least time between the starts of two visits in a row."""
    return (  # type: ignore[no-any-return]
        model.length[step_a] + model.pause[field_a, field_b] + model.change[step_a, step_b]
    )


def put(model: Model, row: Row, at: int, field: int, step: int, low: float, high: float) -> None:
    """Insert a visit before the one at a place."""
    size = row.counts[0]
    for i in range(size, at, -1):
        row.field[i], row.step[i] = row.field[i - 1], row.step[i - 1]
        row.low[i], row.high[i] = row.low[i - 1], row.high[i - 1]
        row.start[i], row.latest[i] = row.start[i - 1], row.latest[i - 1]
        row.link[i] = row.link[i - 1]
        row.place[row.field[i], row.step[i]] = i
    row.counts[0] = size + 1
    row.field[at], row.step[at] = field, step
    row.low[at], row.high[at] = low, high
    row.start[at], row.latest[at] = -_FAR, _FAR
    row.place[field, step] = at
    row.link[at] = 0.0
    if at > 0:
        row.link[at] = link(model, row.field[at - 1], row.step[at - 1], field, step)
    if at < size:
        row.link[at + 1] = link(model, field, step, row.field[at + 1], row.step[at + 1])
    forward(model, row, at, at + 1)
    backward(model, row, at, at - 1)


def drop(model: Model, row: Row, out: B) -> None:
    """Take all visits of the marked fields out."""
    size, kept, begin = row.counts[0], 0, -1
    for i in range(size):
        field, step = row.field[i], row.step[i]
        if out[field]:
            if begin < 0:
                begin = kept
            if step == 0:
                row.counts[1] -= 1
            row.place[field, step] = -1
            continue
        if kept != i:
            row.field[kept], row.step[kept] = field, step
            row.low[kept], row.high[kept] = row.low[i], row.high[i]
            row.place[field, step] = kept
            row.link[kept] = 0.0
            if kept > 0:
                row.link[kept] = link(model, row.field[kept - 1], row.step[kept - 1], field, step)
        kept += 1
    row.counts[0] = kept
    if begin >= 0:
        forward(model, row, begin, kept)
        backward(model, row, kept - 1, -1)


def gain_of(model: Model, row: Row, field: int) -> float:
    """Weight that a field would add."""
    gain = 0.0
    for i in range(model.first[field], model.first[field + 1]):
        atom = model.atom[i]
        if row.cover[atom] == 0:
            gain += model.weight[atom]
    return gain


def see(model: Model, row: Row, field: int, times: int) -> None:
    """Count a field's sky once more (1) or once less (-1)."""
    gain = 0.0
    for i in range(model.first[field], model.first[field + 1]):
        atom = model.atom[i]
        before = row.cover[atom]
        row.cover[atom] = before + times
        if before == 0:
            gain += model.weight[atom]
        elif before + times == 0:
            gain -= model.weight[atom]
    row.seen[0] += gain


def first_open(row: Row, begin: int, low: float) -> int:
    """First place whose visit may start at some time or later."""
    end = row.counts[0]
    while begin < end:
        middle = (begin + end) // 2
        if row.latest[middle] < low:
            begin = middle + 1
        else:
            end = middle
    return begin


def best_place(  # noqa: C901  split, it would take twice the time
    model: Model,
    row: Row,
    field: int,
    step: int,
    ready: float,
    begin: int,
    any_place: bool,
    blink: float,
    random: I,
) -> tuple[int, int]:
    """Where a visit costs least (or the first place where it fits), and in which interval.

    The cost is the time by which the next visit is pushed and part of the additional dead time.
    The place is -1 if the visit fits nowhere.
    """
    size = row.counts[0]
    pause, length = model.pause[field], model.length[step]
    best, where, which = _FAR, -1, 0
    for interval in range(model.intervals[field]):
        low, high = max(ready, model.low[field, interval, step]), model.high[field, interval, step]
        if low > high:
            continue
        for at in range(first_open(row, begin, low), size + 1):
            now, to = low, 0.0
            if at > 0:
                before = row.start[at - 1]
                if before > high:
                    break
                last = row.step[at - 1]
                to = model.length[last] + pause[row.field[at - 1]] + model.change[last, step]
                now = max(now, before + to)
            if now > high + _TOLERANCE:
                continue
            if at < size:
                back = length + pause[row.field[at]] + model.change[step, row.step[at]]
                end = now + back
                if end > row.latest[at] + _TOLERANCE:
                    continue
                cost = max(0.0, end - row.start[at]) + _DETOUR * (to + back - row.link[at])
            elif size > 0:
                cost = now + length - row.start[size - 1] - model.length[row.step[size - 1]]
                cost += _DETOUR * to
            else:
                cost = now + length - model.begin
            if any_place:
                return at, interval
            if blink > 0.0 and draw(random) < blink:
                continue
            if cost < best:
                best, where, which = cost, at, interval
    return where, which


def add_field(model: Model, row: Row, field: int, steps: int, blink: float, work: Work) -> bool:
    """Insert the first visits of a field, all of them or none."""
    random = work.random
    if steps > 1:
        # each visit alone; the last ones fail most often
        for step in range(steps - 1, -1, -1):
            at, _ = best_place(
                model, row, field, step, -_FAR, 0, any_place=True, blink=0.0, random=random
            )
            if at < 0:
                return False
    # first where it costs least, then as early as it can be
    for early in range(2 if steps > 1 else 1):
        begin, ready, done = 0, -_FAR, 0
        while done < steps:
            soon = early == 1 and done == 0
            at, which = best_place(model, row, field, done, ready, begin, soon, blink, random)
            if at < 0:
                break
            low, high = model.low[field, which, done], model.high[field, which, done]
            put(model, row, at, field, done, low, high)
            ready, begin = row.start[at] + model.gap, at + 1
            done += 1
        if done == steps:
            row.counts[1] += 1
            see(model, row, field, 1)
            return True
        if done == 0:
            break
        row.counts[1] += 1
        work.out[field] = True
        drop(model, row, work.out)
        work.out[field] = False
    return False


COMPILED: tuple[Any, ...] = (
    draw, copy_row, forward, backward, link, put, drop, gain_of, see, first_open, best_place,
    add_field,
)  # fmt: skip
"""What can be compiled, what is called before what calls it."""

"""How a night is divided into runs of one filter, and which fields get its slots.

A filter change costs up to minutes, so a night is a list of *runs*: some slots in one filter, some
in the next. Given the runs, fields take slots in a `Timetable`; the fields of the relaxed optimum
come first. Which runs are best is searched for: from equal superblocks (D fields in the first
filter, the same D in the second, and so on) by small random changes, from a seed.
"""

import heapq
import random
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from too_planner.coverage import IntArray
from too_planner.nightsky import FloatArray
from too_planner.structures import Problem
from too_planner.timetable import Timetable

Run = tuple[str, int]
Shape = list[list[Run]]
"""For each dark interval its runs: filter and number of slots."""

_LEVELS = 3
_GIVE_UP = 25
_KEPT = 5
_PARTS = 12
_BLOCK_MOVES = 0.6


@dataclass(frozen=True)
class Filled:
    """A shape with its fields.

    Attributes
    ----------
    weight : float
        What they cover.
    shape : list
    starts : ndarray
        Of the slots.
    place : dict
        Slots of each field.
    """

    weight: float
    shape: Shape
    starts: FloatArray
    filters: list[str]
    place: dict[int, list[int]]
    blocks: list[list[int]] | None = None
    """Fields of each superblock, if the shape is made of superblocks."""


class RunSearch:
    """Looks for good runs.

    Parameters
    ----------
    problem
        What is to be scheduled.
    choice
        Fractions of the fields in the relaxed optimum.
    pad_s
        Added to each slot for slews.
    """

    def __init__(self, problem: Problem, choice: FloatArray, pad_s: float = 0.0) -> None:
        self._problem, self._pad = problem, pad_s
        steps = problem.rules.steps
        self._steps = steps
        self._filters = list(dict.fromkeys(step.first_filter for step in steps))
        self._duration = dict.fromkeys(self._filters, 0.0)
        for step in steps:
            self._duration[step.first_filter] = max(
                self._duration[step.first_filter], step.duration_s
            )
        tier = np.where(choice > 0.99, 10.0, np.where(choice > 1e-6, 3.0, 1.0))
        nothing = np.zeros(len(problem.atoms.weight), dtype=bool)
        gains = [problem.atoms.gain(index, nothing) for index in range(problem.size)]
        ranked = [
            (-gain * float(factor), index)
            for index, (gain, factor) in enumerate(zip(gains, tier, strict=True))
            if gain > 1e-9 and problem.rules.intervals[index]
        ]
        self._ranked, self._tier = sorted(ranked), tier
        self._wanted = np.flatnonzero(choice > 1e-6)
        width = max((len(found) for found in problem.rules.intervals), default=0)
        self._begin = np.full((problem.size, max(width, 1)), np.inf)
        self._end = np.full((problem.size, max(width, 1)), -np.inf)
        for index, found in enumerate(problem.rules.intervals):
            for number, (low, high) in enumerate(found):
                self._begin[index, number], self._end[index, number] = low, high
        self._dark = [self._useful(begin, end) for begin, end in problem.dark]
        self.pool: list[Filled] = []
        self._rng = random.Random(problem.seed)
        self._seen: set[str] = set()

    def _useful(self, begin: float, end: float) -> tuple[float, float]:
        """The part of a dark interval in which some wanted field is up."""
        low, high = self._begin[self._wanted], self._end[self._wanted]
        here = (low < end) & (high > begin) & (high > low)
        if not here.any():
            return begin, begin
        return max(begin, float(low[here].min())), min(end, float(high[here].max()))

    def begin(self) -> None:
        """Try equal superblocks."""
        for parts in range(1, _PARTS + 1):
            self._try_blocks(self._equal_blocks(parts))

    def improve(self) -> None:
        """One random change of one of the best."""
        if not self.pool:
            return
        rng = self._rng
        best = self.pool[min(int(rng.expovariate(1.0)), len(self.pool) - 1)]
        times = rng.choice((1, 1, 2, 3))
        if best.blocks is not None and rng.random() < _BLOCK_MOVES:
            blocks = [list(row) for row in best.blocks]
            for _ in range(times):
                self._change_blocks(blocks)
            self._try_blocks(blocks)
            return
        shape = [list(runs) for runs in best.shape]
        for _ in range(times):
            self._change(shape)
        self._try(shape, None)

    def _try(self, shape: Shape, blocks: list[list[int]] | None) -> None:
        key = str(shape)
        if key in self._seen or not any(shape):
            return
        self._seen.add(key)
        filled = replace(self.fill(shape), blocks=blocks)
        self.pool.append(filled)
        self.pool.sort(key=lambda item: -item.weight)
        del self.pool[_KEPT:]

    def _try_blocks(self, blocks: list[list[int]]) -> None:
        shape: Shape = []
        for row in blocks:
            runs = [(step.first_filter, fields) for fields in row for step in self._steps]
            # what is left over at the end
            shape.append(_joined([*runs, (self._steps[-1].first_filter, 3 * sum(row))]))
        self._try(shape, blocks)

    def _equal_blocks(self, parts: int) -> list[list[int]]:
        longest = max(1.0, *(end - begin for begin, end in self._dark), 1.0)
        slot = self._steps[0].duration_s + self._problem.rules.overhead_s + self._pad
        blocks: list[list[int]] = []
        for begin, end in self._dark:
            mine = max(1, round(parts * (end - begin) / longest))
            fields = int((end - begin) // slot) // (mine * len(self._steps))
            blocks.append([fields] * mine if fields else [])
        return blocks

    def _change_blocks(self, blocks: list[list[int]]) -> None:
        rng = self._rng
        rows = [row for row in blocks if row]
        if not rows:
            return
        row = rng.choice(rows)
        at, kind = rng.randrange(len(row)), rng.random()
        if kind < 0.45 and len(row) > 1:
            other = rng.randrange(len(row))
            amount = rng.randint(1, max(1, row[at] // 3))
            row[at] -= amount
            row[other] += amount
        elif kind < 0.65:
            row[at] += rng.choice((-2, -1, 1, 2))
        elif kind < 0.85 and row[at] > 3:
            half = rng.randint(1, row[at] - 1)
            row[at] -= half
            row.insert(at, half)
        elif len(row) > 1:
            row[at - 1] += row.pop(at)
        row[:] = [fields for fields in row if fields > 0]

    def _change(self, shape: Shape) -> None:
        rng = self._rng
        number = rng.choice([n for n, runs in enumerate(shape) if runs] or [0])
        runs = shape[number]
        if not runs:
            return
        kind, at = rng.random(), rng.randrange(len(runs))
        if kind < 0.45 and len(runs) > 1:
            at = rng.randrange(len(runs) - 1)
            amount = rng.choice((1, 1, 1, 2, 2, 3, 4, 6, 8)) * rng.choice((-1, 1))
            runs[at] = (runs[at][0], runs[at][1] + amount)
            runs[at + 1] = (runs[at + 1][0], runs[at + 1][1] - amount)
        elif kind < 0.6 and len(runs) > 1:
            other = rng.randrange(len(runs))
            amount = rng.randint(1, max(1, runs[at][1] // 2))
            runs[at] = (runs[at][0], runs[at][1] - amount)
            runs[other] = (runs[other][0], runs[other][1] + amount)
        elif kind < 0.75 and runs[at][1] >= 3 and len(self._filters) > 1:
            name, slots = runs[at]
            first = rng.randint(1, slots - 1)
            other_name = rng.choice([item for item in self._filters if item != name])
            runs[at : at + 1] = [
                (name, first),
                (other_name, rng.randint(1, slots)),
                (name, slots - first),
            ]
        elif kind < 0.9 and len(runs) > 2:
            _, slots = runs.pop(at)
            other = rng.randrange(len(runs))
            runs[other] = (runs[other][0], runs[other][1] + slots)
        else:
            runs[at] = (rng.choice(self._filters), runs[at][1])
        shape[number] = _joined(runs)

    def slots(self, shape: Shape) -> tuple[FloatArray, list[str]]:
        """Start and filter of each slot."""
        rules = self._problem.rules
        starts: list[float] = []
        filters: list[str] = []
        for (begin, end), runs in zip(self._dark, shape, strict=True):
            now = begin
            for number, (name, count) in enumerate(runs):
                if number:
                    now += rules.filter_change_s
                length = self._duration[name] + rules.overhead_s + self._pad
                fit = min(count, int((end - now - self._duration[name]) // length) + 1)
                if fit <= 0:
                    break
                starts.extend(now + length * place for place in range(fit))
                filters.extend([name] * fit)
                now += length * fit
        return np.array(starts), filters

    def fill(self, shape: Shape) -> Filled:
        """Give fields to the slots of a shape, worthiest first."""
        problem = self._problem
        starts, filters = self.slots(shape)
        table = self._timetable(starts, filters)
        atoms = problem.atoms
        covered = np.zeros(len(atoms.weight), dtype=bool)
        heap = list(self._ranked)
        tier, most = self._tier, problem.max_fields
        failed, weight = 0, 0.0
        while heap and failed < _GIVE_UP and (most is None or len(table.place) < most):
            if problem.target is not None and weight >= problem.target:
                break
            _, index = heapq.heappop(heap)
            if not all(table.masks[index]):
                continue
            gain = atoms.gain(index, covered)
            if gain <= 1e-9:
                continue
            key = -gain * tier[index]
            if heap and key > heap[0][0] + 1e-15:
                heapq.heappush(heap, (key, index))
                continue
            if table.insert(index, push=tier[index] > 1.0):
                covered[atoms.of_field[index]] = True
                weight += gain
            else:
                failed += 1
        return Filled(weight, shape, starts, filters, table.place)

    def _timetable(self, starts: FloatArray, filters: list[str]) -> Timetable:
        gap, size = self._problem.rules.min_gap_s, len(starts)
        after = np.searchsorted(starts, starts + gap - 1e-6)
        after = np.maximum(after, np.arange(size) + 1).tolist()
        before = np.searchsorted(starts, starts - gap + 1e-6, side="right") - 1
        before = np.minimum(before, np.arange(size) - 1).tolist()
        known: dict[tuple[str, float], list[int]] = {}
        demand = np.zeros(size)
        names = np.array(filters)
        for step in self._steps:
            key = (step.first_filter, step.duration_s)
            here = names == step.first_filter
            first = np.searchsorted(starts, self._begin)
            last = np.searchsorted(starts, self._end - step.duration_s, side="right")
            if key not in known:
                whole = sum(1 << int(place) for place in np.flatnonzero(here))
                known[key] = _ranges(first, last, whole)
            demand += _demand(first[self._wanted], last[self._wanted], here)
        columns = [known[(step.first_filter, step.duration_s)] for step in self._steps]
        rank = np.argsort(np.argsort(demand, kind="stable"), kind="stable")
        levels = tuple(
            sum(
                1 << int(place) for place in np.flatnonzero(rank * _LEVELS // max(size, 1) == level)
            )
            for level in range(_LEVELS - 1)
        )
        return Timetable(list(zip(*columns, strict=True)), after, before, (1 << size) - 1, levels)


def _joined(runs: list[Run]) -> list[Run]:
    """Without empty runs, and neighbours of one filter as one."""
    found: list[Run] = []
    for name, count in runs:
        if count <= 0:
            continue
        if found and found[-1][0] == name:
            found[-1] = (name, found[-1][1] + count)
        else:
            found.append((name, count))
    return found


def _ranges(first: IntArray, last: IntArray, whole: int) -> list[int]:
    """Bit sets of slots first up to last (excluded), joined over the columns, cut by a mask."""
    found: list[int] = []
    for lows, highs in zip(first.tolist(), last.tolist(), strict=True):
        mask = 0
        for low, high in zip(lows, highs, strict=True):
            if high > low:
                mask |= (1 << high) - (1 << low)
        found.append(mask & whole)
    return found


def _demand(first: IntArray, last: IntArray, here: NDArray[np.bool_]) -> FloatArray:
    """How much each slot is wanted: each field spreads one visit evenly over its slots."""
    size = len(here)
    reach = np.concatenate([[0], np.cumsum(here)])
    high = np.maximum(first, last)
    number = (reach[high] - reach[first]).sum(axis=1, keepdims=True)
    share = np.where(high > first, 1.0 / np.maximum(number, 1), 0.0)
    change = np.zeros(size + 1)
    np.add.at(change, first.ravel(), share.ravel())
    np.add.at(change, high.ravel(), -share.ravel())
    return np.asarray(np.cumsum(change)[:size] * here)

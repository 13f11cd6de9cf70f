"""Choose and order the exposures of one telescope: greedy coverage in superblocks.

A *superblock* visits D fields in the first filter, then the same D in the same order in the
second, and so on, so that every field waits D slots between two visits. A night is a list of
superblocks; which fields get their positions is a maximum coverage over a matching. Several
structures are tried from a seed, the best few are compiled with exact slews, and what time is
left over is filled with sky that has not been seen. Nothing that does not fit is ever placed.

The engine behind `schedule` may be replaced: it takes a `Problem`, and gives visits.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from too_planner.coverage import Atoms
from too_planner.matching import Assignment, assign, bit_sets
from too_planner.timeline import Cursor, Placed, Rules, compile_block
from too_planner.visibility import Interval

_PADS_S = (0.0, 4.0, 12.0)
"""Added to a slot for slews; the best is kept."""
_KEEP = 2
"""Structures that are compiled per pad."""
_EXTRA_ROUNDS = 2


@dataclass(frozen=True)
class Problem:
    """What is to be scheduled. All times are seconds after one epoch.

    Attributes
    ----------
    rules
        Visits, intervals, slews, dead times, gap.
    atoms
        What the fields see.
    dark
        Dark intervals, in order.
    max_fields
        Different fields at most.
    target
        Stop when this weight is covered.
    fill
        Use left-over time for single visits of unseen sky.
    in_order
        Keep the order of the fields (manual lists).
    structures
        How many block structures are tried.
    """

    rules: Rules
    atoms: Atoms
    dark: tuple[Interval, ...]
    max_fields: int | None = None
    target: float | None = None
    fill: bool = True
    in_order: bool = False
    structures: int = 48
    seed: int = 1

    @property
    def size(self) -> int:
        """Number of candidate fields."""
        return len(self.rules.intervals)


@dataclass(frozen=True)
class _Block:
    """Superblock: where its first visit begins, how many fields it holds."""

    span: int
    begin_s: float
    fields: int


@dataclass
class _Night:
    """What is scheduled so far."""

    visits: list[Placed]
    cursors: list[Cursor]
    done: set[int]
    covered: NDArray[np.bool_]

    @property
    def weight_time(self) -> float:
        """Sum of starts: earlier plans are better among equals."""
        return sum(placed.start_s for placed in self.visits) / max(len(self.visits), 1)

    def copy(self) -> "_Night":
        return _Night(
            list(self.visits),
            [cursor.copy() for cursor in self.cursors],
            set(self.done),
            self.covered.copy(),
        )


def schedule(problem: Problem) -> list[Placed]:
    """Schedule the visits of a window.

    Returns
    -------
    list of Placed
        In order of time.
    """
    if problem.size == 0 or not problem.dark:
        return []
    night = _Night(
        [],
        [Cursor(begin) for begin, _ in problem.dark],
        set(),
        np.zeros(len(problem.atoms.weight), dtype=bool),
    )
    if problem.in_order:
        _place_in_order(problem, night)
    else:
        for _ in range(1 + _EXTRA_ROUNDS):
            before = len(night.visits)
            night = _one_round(problem, night)
            if len(night.visits) == before or _enough(problem, night):
                break
        if problem.fill:
            _fill(problem, night)
    return sorted(night.visits, key=lambda placed: placed.start_s)


def _enough(problem: Problem, night: _Night) -> bool:
    if problem.max_fields is not None and len(night.done) >= problem.max_fields:
        return True
    if problem.target is None:
        return False
    return float(problem.atoms.weight[night.covered].sum()) >= problem.target


def _place_in_order(problem: Problem, night: _Night) -> None:
    """A person's list: as it stands, in the first dark interval that takes each field."""
    left = list(range(problem.size))
    for number, (_, end) in enumerate(problem.dark):
        placed, night.cursors[number] = compile_block(
            problem.rules, night.cursors[number], left, end, keep_order=True
        )
        night.visits.extend(placed)
        taken = {visit.field for visit in placed}
        left = [index for index in left if index not in taken]


def _one_round(problem: Problem, night: _Night) -> _Night:
    """Try structures on the free ends of the dark intervals; the best that can be compiled."""
    best, best_key = night, (-1.0, 0.0)
    for pad in _PADS_S:
        planner = _Structures(problem, night, pad)
        for blocks, assignment in planner.best(_KEEP):
            for by_gain in (False, True):
                trial = _compile(problem, night, planner, blocks, assignment, by_gain)
                weight = float(problem.atoms.weight[trial.covered].sum())
                key = (round(weight, 6), -trial.weight_time)
                if key > best_key and len(trial.visits) > len(night.visits):
                    best, best_key = trial, key
    return best


class _Structures:
    """Block structures of the free time and the fields that fill them."""

    def __init__(self, problem: Problem, night: _Night, pad_s: float) -> None:
        rules = problem.rules
        self.problem, self.night = problem, night
        self.slots = [template.duration_s + rules.overhead_s + pad_s for template in rules.steps]
        steps = rules.steps
        self.changes = [
            rules.filter_change_s if a.last_filter != b.first_filter else 0.0
            for a, b in zip(steps, [*steps[1:], steps[0]], strict=True)
        ]
        self.free = [
            (cursor.free_s if cursor.field is None else cursor.free_s + rules.overhead_s, end)
            for cursor, (_, end) in zip(night.cursors, problem.dark, strict=True)
        ]
        width = max((len(found) for found in rules.intervals), default=0)
        self.begin = np.full((problem.size, max(width, 1)), np.inf)
        self.end = np.full((problem.size, max(width, 1)), -np.inf)
        for index, found in enumerate(rules.intervals):
            if index in night.done:
                continue
            for number, (begin, end) in enumerate(found):
                self.begin[index, number], self.end[index, number] = begin, end

    def strides(self, fields: int) -> list[float]:
        """Time from each visit of a field to its next one, in a block of so many fields."""
        gap = self.problem.rules.min_gap_s
        pairs = zip(self.slots[:-1], self.changes[:-1], strict=True)
        return [max(fields * slot + change, gap) for slot, change in pairs]

    def length(self, fields: int) -> float:
        """Duration of a block, with the change back to the first filter."""
        return sum(self.strides(fields)) + fields * self.slots[-1] + self.changes[-1]

    def best(self, count: int) -> list[tuple[list[_Block], Assignment]]:
        """The structures with the largest coverage, best first."""
        found: list[tuple[tuple[float, float], list[_Block], Assignment]] = []
        for blocks in self._candidates(found):
            result = self._fill_blocks(blocks)
            when = self._mean_position(blocks, result)
            found.append(((round(result.weight, 6), -when), blocks, result))
        found.sort(key=lambda item: item[0], reverse=True)
        return [(blocks, result) for _, blocks, result in found[:count]]

    def _candidates(
        self, found: list[tuple[tuple[float, float], list[_Block], Assignment]]
    ) -> Iterator[list[_Block]]:
        if len(self.slots) == 1:
            yield self._layout(
                [[max(0, int((end - begin) // self.slots[0]))] for begin, end in self.free]
            )
            return
        counts = self._equal_splits()
        seen: set[str] = set()
        for shape in counts:
            seen.add(str(shape))
            yield self._layout(shape)
        rng = random.Random(self.problem.seed)
        for _ in range(max(0, self.problem.structures - len(counts))):
            if not found:
                return
            # walk from one of the three best so far
            ranked = sorted(found, key=lambda item: item[0], reverse=True)[:3]
            shape = self._shape_of(rng.choice(ranked)[1])
            self._move(shape, rng)
            if str(shape) in seen:
                continue
            seen.add(str(shape))
            yield self._layout(shape)

    def _equal_splits(self) -> list[list[list[int]]]:
        most = max(end - begin for begin, end in self.free)
        gap = self.problem.rules.min_gap_s
        least = max(1, math.ceil(gap / self.slots[0] * 0.5))
        shapes: list[list[list[int]]] = []
        for parts in range(1, 13):
            fields = self._largest(most / parts)
            if fields < least and parts > 1:
                break
            shapes.append([self._split(end - begin, fields) for begin, end in self.free])
        return [shape for shape in shapes if any(any(part) for part in shape)]

    def _largest(self, seconds: float) -> int:
        """Most fields whose block fits into some time."""
        low, high = 0, int(seconds // sum(self.slots)) + 1
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.length(middle) <= seconds else (low, middle - 1)
        return low

    def _split(self, seconds: float, fields: int) -> list[int]:
        if fields == 0:
            return []
        number = max(1, round(seconds / self.length(fields)))
        shape = [self._largest(seconds / number)] * number
        return [part for part in shape if part]

    @staticmethod
    def _shape_of(blocks: list[_Block]) -> list[list[int]]:
        spans: dict[int, list[int]] = {}
        for block in blocks:
            spans.setdefault(block.span, []).append(block.fields)
        return [spans.get(number, []) for number in range(max(spans, default=-1) + 1)]

    @staticmethod
    def _move(shape: list[list[int]], rng: random.Random) -> None:
        row = rng.choice([parts for parts in shape if parts] or [[1]])
        place = rng.randrange(len(row))
        kind = rng.random()
        if kind < 0.5 and len(row) > 1:
            other = rng.randrange(len(row))
            amount = rng.randint(1, max(1, row[place] // 3))
            row[place] -= amount
            row[other] += amount
        elif kind < 0.7:
            row[place] += rng.choice([-2, -1, 1, 2])
        elif kind < 0.85 and row[place] > 3:
            half = rng.randint(1, row[place] - 1)
            row[place] -= half
            row.insert(place, half)
        elif len(row) > 1:
            row[place - 1] += row.pop(place)
        row[:] = [part for part in row if part > 0]

    def _layout(self, shape: list[list[int]]) -> list[_Block]:
        """Blocks one after another from the beginning of each free interval; cut at its end."""
        blocks: list[_Block] = []
        for span, parts in enumerate(shape):
            time, end = self.free[span]
            for part in parts:
                fields = min(part, self._largest(end - time + self.changes[-1]))
                if fields == 0:
                    break
                blocks.append(_Block(span, time, fields))
                time += self.length(fields)
        return blocks

    def _fill_blocks(self, blocks: list[_Block]) -> Assignment:
        positions = sum(block.fields for block in blocks)
        problem = self.problem
        if positions == 0:
            return Assignment({}, 0.0, self.night.covered.copy())
        allowed = np.ones((problem.size, positions), dtype=bool)
        for step in range(len(self.slots)):
            starts = np.concatenate([self._starts(block, step) for block in blocks])
            ends = starts + problem.rules.steps[step].duration_s
            here = np.zeros_like(allowed)
            for number in range(self.begin.shape[1]):
                here |= (self.begin[:, number, None] <= starts) & (
                    ends <= self.end[:, number, None]
                )
            allowed &= here
        limit = problem.max_fields
        return assign(
            bit_sets(allowed),
            positions,
            problem.atoms,
            self.night.covered,
            max_fields=None if limit is None else limit - len(self.night.done),
            target=problem.target,
        )

    def _starts(self, block: _Block, step: int) -> NDArray[np.float64]:
        offset = sum(self.strides(block.fields)[:step])
        return np.asarray(block.begin_s + offset + np.arange(block.fields) * self.slots[step])

    def _mean_position(self, blocks: list[_Block], result: Assignment) -> float:
        if not result.position_of:
            return 0.0
        starts = np.concatenate([self._starts(block, 0) for block in blocks])
        return float(np.mean([starts[place] for place in result.position_of.values()]))

    def windows(self, index: int, block: _Block, span_end: float) -> list[tuple[float, float]]:
        """Earliest and latest first visit of a field in a block, for each of its intervals."""
        offsets = np.concatenate([[0.0], np.cumsum(self.strides(block.fields))])
        durations = [template.duration_s for template in self.problem.rules.steps]
        needed = max(offset + duration for offset, duration in zip(offsets, durations, strict=True))
        found = [
            (float(begin), float(end - needed))
            for begin, end in zip(self.begin[index], self.end[index], strict=True)
            if begin < span_end and end > block.begin_s
        ]
        whole = [(first, last) for first, last in found if last >= first]
        # the visits may also lie in different intervals of one night
        return whole or [(found[0][0], found[-1][1])] if found else [(block.begin_s, span_end)]


def _compile(
    problem: Problem,
    night: _Night,
    planner: _Structures,
    blocks: list[_Block],
    assignment: Assignment,
    by_gain: bool,
) -> _Night:
    trial = night.copy()
    fields_at = {place: index for index, place in assignment.position_of.items()}
    first = 0
    for block in blocks:
        chosen = [fields_at[p] for p in range(first, first + block.fields) if p in fields_at]
        first += block.fields
        if not chosen:
            continue
        end = problem.dark[block.span][1]
        cursor = trial.cursors[block.span]
        ordered = _order(problem, planner, block, chosen, cursor, by_gain)
        placed, trial.cursors[block.span] = compile_block(problem.rules, cursor, ordered, end)
        trial.visits.extend(placed)
        for visit in placed:
            trial.done.add(visit.field)
            trial.covered[problem.atoms.of_field[visit.field]] = True
    return trial


def _order(
    problem: Problem,
    planner: _Structures,
    block: _Block,
    chosen: list[int],
    cursor: Cursor,
    by_gain: bool,
) -> list[int]:
    """Nearest next field that leaves every other one time before it sets."""
    slot = planner.slots[0]
    span_end = problem.dark[block.span][1]
    windows = {index: planner.windows(index, block, span_end) for index in chosen}
    weight = problem.atoms.weight
    left = sorted(chosen, key=lambda index: windows[index][-1][1])
    members = np.array(left)
    weights = np.array([weight[problem.atoms.of_field[index]].sum() for index in left])
    width = max(len(found) for found in windows.values())
    first = np.full((len(left), width), np.inf)
    last = np.full((len(left), width), -np.inf)
    for row, index in enumerate(left):
        for number, (begin, end) in enumerate(windows[index]):
            first[row, number], last[row, number] = begin, end
    time, current = max(cursor.free_s, block.begin_s), cursor.field
    ordered: list[int] = []
    while len(members):
        # within a slot of the deadline the next choice may come too late: still worth a try
        ready = ((first <= time + 1.0) & (time <= last + slot)).any(axis=1)
        if not ready.any():
            coming = first[(first > time) & (first <= last + slot)]
            if not coming.size:
                ordered.extend(int(index) for index in members)
                break
            time = float(coming.min())
            ready = ((first <= time + 1.0) & (time <= last + slot)).any(axis=1)
        # fields sorted by deadline: the first `tight` must go before anything else may
        spare = last.max(axis=1) - time - slot * np.arange(len(members))
        urgent = np.flatnonzero(spare < slot)
        pool = np.flatnonzero(ready)
        if len(urgent):
            inside = pool[pool <= urgent[0]]
            pool = inside if len(inside) else pool
        if current is None:
            pick = pool[int(np.argmax(weights[pool]))]
            cost = 0.0
        else:
            slews = problem.rules.slews.row(current)[members[pool]]
            extra = np.maximum(slews - problem.rules.overhead_s, 0.0)
            rank = np.lexsort((-weights[pool] if by_gain else slews, np.round(extra, 1)))
            pick, cost = pool[rank[0]], float(extra[rank[0]])
        current = int(members[pick])
        ordered.append(current)
        time += slot + cost
        keep = np.arange(len(members)) != pick
        members, weights, first, last = members[keep], weights[keep], first[keep], last[keep]
    return ordered


def _fill(problem: Problem, night: _Night) -> None:
    """Single first visits of unseen sky in the time left at the end of each dark interval."""
    rules = problem.rules
    seen = {placed.field for placed in night.visits}
    for number, (_, end) in enumerate(problem.dark):
        cursor = night.cursors[number]
        while not _enough(problem, night):
            best: tuple[float, int] | None = None
            for index in range(problem.size):
                if index in seen or not rules.intervals[index]:
                    continue
                gain = problem.atoms.gain(index, night.covered)
                if gain <= 1e-9 or (best is not None and gain <= best[0]):
                    continue
                start = rules.fits(index, 0, cursor.ready(rules, index, 0))
                if start is None or start > cursor.free_s + 600.0:
                    continue
                if start + rules.steps[0].duration_s <= end:
                    best = (gain, index)
            if best is None:
                break
            index = best[1]
            start = cursor.visit(rules, index, 0, end)
            if start is None:
                break
            night.visits.append(Placed(index, 0, start))
            night.done.add(index)
            seen.add(index)
            night.covered[problem.atoms.of_field[index]] = True

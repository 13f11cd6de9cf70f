"""Block structures: how a night may be divided into superblocks, and which fields fill them."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from too_planner.coverage import Atoms
from too_planner.matching import Assignment, assign, bit_sets
from too_planner.timeline import Cursor, Placed, Rules
from too_planner.visibility import Interval


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
class Block:
    """Superblock: where its first visit begins, how many fields it holds."""

    span: int
    begin_s: float
    fields: int


@dataclass
class NightPlan:
    """What is scheduled so far."""

    visits: list[Placed]
    cursors: list[Cursor]
    done: set[int]
    covered: NDArray[np.bool_]

    @property
    def weight_time(self) -> float:
        """Sum of starts: earlier plans are better among equals."""
        return sum(placed.start_s for placed in self.visits) / max(len(self.visits), 1)

    def copy(self) -> "NightPlan":
        """An independent copy."""
        return NightPlan(
            list(self.visits),
            [cursor.copy() for cursor in self.cursors],
            set(self.done),
            self.covered.copy(),
        )


class Structures:
    """Block structures of the free time and the fields that fill them."""

    def __init__(self, problem: Problem, night: NightPlan, pad_s: float) -> None:
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

    def best(self, count: int) -> list[tuple[list[Block], Assignment]]:
        """The structures with the largest coverage, best first."""
        found: list[tuple[tuple[float, float], list[Block], Assignment]] = []
        for blocks in self._candidates(found):
            result = self._fill_blocks(blocks)
            when = self._mean_position(blocks, result)
            found.append(((round(result.weight, 6), -when), blocks, result))
        found.sort(key=lambda item: item[0], reverse=True)
        return [(blocks, result) for _, blocks, result in found[:count]]

    def _candidates(
        self, found: list[tuple[tuple[float, float], list[Block], Assignment]]
    ) -> Iterator[list[Block]]:
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
    def _shape_of(blocks: list[Block]) -> list[list[int]]:
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

    def _layout(self, shape: list[list[int]]) -> list[Block]:
        """Blocks one after another from the beginning of each free interval; cut at its end."""
        blocks: list[Block] = []
        for span, parts in enumerate(shape):
            time, end = self.free[span]
            for part in parts:
                fields = min(part, self._largest(end - time + self.changes[-1]))
                if fields == 0:
                    break
                blocks.append(Block(span, time, fields))
                time += self.length(fields)
        return blocks

    def _fill_blocks(self, blocks: list[Block]) -> Assignment:
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

    def _starts(self, block: Block, step: int) -> NDArray[np.float64]:
        offset = sum(self.strides(block.fields)[:step])
        return np.asarray(block.begin_s + offset + np.arange(block.fields) * self.slots[step])

    def _mean_position(self, blocks: list[Block], result: Assignment) -> float:
        if not result.position_of:
            return 0.0
        starts = np.concatenate([self._starts(block, 0) for block in blocks])
        return float(np.mean([starts[place] for place in result.position_of.values()]))

    def windows(self, index: int, block: Block, span_end: float) -> list[tuple[float, float]]:
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

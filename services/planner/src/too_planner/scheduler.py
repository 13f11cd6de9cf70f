"""Choose and order the exposures of one telescope, and say what no choice could exceed.

First the relaxed optimum (`bound.py`): which fields, if slews and filter changes cost nothing.
Then a night that takes as much of it as it can: for single visits a matching of fields to slots,
for sequences a search over runs of one filter with fields pushed into their slots (`runs.py`).
What comes of that is put into a row with exact times (`sequence.py`), shortened, and filled with
further fields. The best night is kept; the search ends when it comes close to the bound, when its
effort is spent or at its deadline. A seed makes it reproducible. Every night that is looked at can
be carried out as it stands.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from too_planner import ordering, sequence
from too_planner.bound import Bound, upper_bound
from too_planner.coverage import Atoms
from too_planner.matching import assign, bit_sets
from too_planner.nightsky import FloatArray
from too_planner.runs import Filled, RunSearch
from too_planner.sequence import Timing, Visits
from too_planner.structures import Problem
from too_planner.timeline import Cursor, Placed, compile_block

__all__ = ["Problem", "Solution", "schedule", "solve"]

GOOD_ENOUGH = 0.998
"""Share of the bound at which the search ends."""
_ROUNDS = 40
"""Shapes that are tried at once, before the best of them is compiled."""


@dataclass(frozen=True)
class Solution:
    """A schedule and what it is measured by.

    Attributes
    ----------
    placed : list of Placed
        In order of time.
    bound : Bound
        Of the weight that whole sequences can cover.
    weight : float
        What fields with their whole sequence cover.
    """

    placed: list[Placed]
    bound: Bound
    weight: float


def schedule(problem: Problem) -> list[Placed]:
    """Schedule the visits of a window, in order of time."""
    return solve(problem).placed


def solve(problem: Problem) -> Solution:
    """Schedule the visits of a window and bound what any schedule could cover."""
    if problem.size == 0 or not problem.dark:
        return Solution([], Bound(0.0, 0.0, np.zeros(problem.size), exact=True), 0.0)
    began = time.perf_counter()
    until = began + problem.deadline_s
    bound = upper_bound(problem, 0.5 * problem.deadline_s)
    if problem.in_order:
        placed = _in_order(problem)
        return Solution(placed, bound, problem.atoms.union([item.field for item in placed]))
    chosen = _candidates(problem, bound.choice)
    if len(chosen) == 0:
        # others see all of it, or it was seen before
        return Solution([], bound, 0.0)
    small = _restricted(problem, chosen)
    timing = Timing(small.rules)
    search = _Search(small, timing, bound.choice[chosen], until)
    goal = GOOD_ENOUGH * min(bound.value, problem.target or np.inf)
    best, weight, key = None, -1.0, (-1.0, 0.0)
    for visits in search.nights():
        here = small.atoms.union(_whole(small, visits))
        start = timing.starts(visits)
        now = (round(here, 5), -float(start.mean()) if len(start) else 0.0)
        if best is None or now > key:
            best, weight, key = visits, here, now
        if weight >= goal or time.perf_counter() > until:
            break
    if best is None and problem.fill and len(problem.rules.steps) > 1:
        # no field can get the whole sequence: better seen once than not at all
        first = replace(problem.rules, steps=problem.rules.steps[:1])
        return Solution(solve(replace(problem, rules=first)).placed, bound, 0.0)
    if best is None:
        return Solution([], bound, 0.0)
    if problem.fill:
        best = _fill(small, timing, best, until)
    placed = _exact(small, best)
    fields = [int(chosen[item.field]) for item in placed]
    back = [replace(item, field=index) for item, index in zip(placed, fields, strict=True)]
    return Solution(back, bound, weight)


def _whole(problem: Problem, visits: Visits) -> list[int]:
    """Fields with all their visits."""
    count = np.bincount(visits.field, minlength=problem.size)
    return [int(index) for index in np.flatnonzero(count == len(problem.rules.steps))]


def _candidates(problem: Problem, choice: FloatArray) -> NDArray[np.int64]:
    """The fields of the relaxed optimum and the worthiest others, rising."""
    nothing = np.zeros(len(problem.atoms.weight), dtype=bool)
    worth = np.array([problem.atoms.gain(index, nothing) for index in range(problem.size)])
    worth[[not found for found in problem.rules.intervals]] = 0.0
    wanted = int((choice > 1e-6).sum())
    most = wanted + max(60, wanted // 2)
    rank = np.lexsort((-worth, choice <= 1e-6))
    rank = rank[:most]
    return np.sort(rank[(worth[rank] > 1e-9)])


def _restricted(problem: Problem, chosen: NDArray[np.int64]) -> Problem:
    """The same with some of the fields only."""
    rules, atoms = problem.rules, problem.atoms
    return replace(
        problem,
        rules=replace(
            rules,
            intervals=[rules.intervals[index] for index in chosen],
            slews=rules.slews.take(chosen),
        ),
        atoms=Atoms(atoms.weight, [atoms.of_field[index] for index in chosen]),
    )


def _in_order(problem: Problem) -> list[Placed]:
    """A person's list: as it stands, in the first dark interval that takes each field."""
    left = list(range(problem.size))
    visits: list[Placed] = []
    for begin, end in problem.dark:
        placed, _ = compile_block(problem.rules, Cursor(begin), left, end, keep_order=True)
        visits.extend(placed)
        taken = {visit.field for visit in placed}
        left = [index for index in left if index not in taken]
    return visits


class _Search:
    """Nights, each with exact times, better and better."""

    def __init__(self, problem: Problem, timing: Timing, choice: FloatArray, until: float) -> None:
        self._problem, self._timing, self._choice = problem, timing, choice
        self._until = until
        nothing = np.zeros(len(problem.atoms.weight), dtype=bool)
        self._worth = np.array(
            [problem.atoms.gain(index, nothing) for index in range(problem.size)]
        )
        tier = np.where(choice > 0.99, 2, np.where(choice > 1e-6, 1, 0))
        self._ranked = [int(i) for i in np.lexsort((-self._worth, -tier))]

    def nights(self) -> Iterator[Visits]:
        """Nights to choose from, as long as there is effort left."""
        if len(self._problem.rules.steps) == 1:
            yield from self._single()
            return
        search = RunSearch(self._problem, self._choice)
        search.begin()
        done: set[str] = set()
        effort = self._problem.structures
        while effort > 0 and search.pool:
            for filled in search.pool[:2]:
                key = str(filled.shape)
                if key not in done and filled.place:
                    done.add(key)
                    yield self._finish(*self._rows_of(filled))
                if time.perf_counter() > self._until:
                    return
            for _ in range(min(effort, _ROUNDS)):
                search.improve()
                if time.perf_counter() > self._until:
                    break
            effort -= _ROUNDS

    def _single(self) -> Iterator[Visits]:
        """One visit a field: fields matched to slots, with more and more time for slews."""
        problem, rules = self._problem, self._problem.rules
        pad = 0.0
        for _ in range(2):
            slot = rules.steps[0].duration_s + rules.overhead_s + pad
            starts = np.concatenate(
                [
                    begin + slot * np.arange(max(0, int((end - begin + rules.overhead_s) // slot)))
                    for begin, end in problem.dark
                ]
            )
            allowed = np.zeros((problem.size, len(starts)), dtype=bool)
            for index, found in enumerate(rules.intervals):
                for low, high in found:
                    allowed[index] |= (starts >= low) & (starts + rules.steps[0].duration_s <= high)
            matched = assign(
                bit_sets(allowed),
                len(starts),
                problem.atoms,
                np.zeros(len(problem.atoms.weight), dtype=bool),
                max_fields=problem.max_fields,
                target=problem.target,
                factor=np.where(self._choice > 0.99, 10.0, np.where(self._choice > 1e-6, 3.0, 1.0)),
            )
            if not matched.position_of:
                return
            fields = np.array(sorted(matched.position_of, key=lambda i: matched.position_of[i]))
            when = starts[[matched.position_of[int(index)] for index in fields]]
            row = self._visits(fields, np.zeros(len(fields), dtype=np.int64), when)
            night = self._finish(row, self._ordered(row, when))
            yield night
            extra = self._timing.between(night).sum() - rules.overhead_s * (len(night) - 1)
            pad = float(extra) / max(len(night), 1)
            if pad < 0.2:
                return

    def _rows_of(self, filled: Filled) -> tuple[Visits, Visits]:
        pairs = [
            (slot, index, visit)
            for index, slots in filled.place.items()
            for visit, slot in enumerate(slots)
        ]
        pairs.sort()
        # nothing that is left may be worth a field: the table is empty then
        table = np.array(pairs, dtype=np.int64).reshape(-1, 3)
        when = filled.starts[table[:, 0]]
        row = self._visits(table[:, 1], table[:, 2], when)
        return row, self._ordered(row, when)

    def _visits(
        self, fields: NDArray[np.int64], steps: NDArray[np.int64], when: FloatArray
    ) -> Visits:
        """Visits with the intervals that hold their times."""
        low, high = np.empty(len(fields)), np.empty(len(fields))
        for number, (index, step, start) in enumerate(zip(fields, steps, when, strict=True)):
            duration = self._problem.rules.steps[step].duration_s
            found = self._problem.rules.intervals[index]
            best = min(found, key=lambda item: max(item[0] - start, start + duration - item[1]))
            low[number], high[number] = best[0], best[1] - duration
        return Visits(fields, steps, low, high)

    def _ordered(self, row: Visits, when: FloatArray) -> Visits:
        """Within each run the nearest next one that leaves every other time before it sets."""
        filters = [self._problem.rules.steps[step].first_filter for step in row.step]
        spans = np.searchsorted([end for _, end in self._problem.dark], when)
        edges = [
            0,
            *(
                place
                for place in range(1, len(row))
                if filters[place] != filters[place - 1] or spans[place] != spans[place - 1]
            ),
            len(row),
        ]
        gap = self._problem.rules.min_gap_s
        before = self._timing.before(row)
        low, high = row.low.copy(), row.high.copy()
        has = before >= 0
        low[has] = np.maximum(low[has], when[before[has]] + gap)
        high[before[has]] = np.minimum(high[before[has]], when[has] - gap)
        order: list[int] = []
        for first, last in pairwise(edges):
            order.extend(
                self._nearest(row, low, high, when, first, last, order[-1] if order else None)
            )
        return self._without_lost(row.take(np.array(order, dtype=np.int64)), row)

    def _without_lost(self, kept: Visits, row: Visits) -> Visits:
        """Without fields of which a visit is missing."""
        size = self._problem.size
        missing = np.bincount(row.field, minlength=size) - np.bincount(kept.field, minlength=size)
        return kept.take(np.flatnonzero(missing[kept.field] == 0))

    def _nearest(
        self,
        row: Visits,
        low: FloatArray,
        high: FloatArray,
        when: FloatArray,
        first: int,
        last: int,
        current: int | None,
    ) -> list[int]:
        timing, rules = self._timing, self._problem.rules
        members = np.arange(first, last)
        members = members[np.argsort(high[members], kind="stable")]
        slot = rules.steps[int(row.step[first])].duration_s + rules.overhead_s
        now = float(when[first])
        table = timing.table
        order: list[int] = []
        here = None if current is None else int(row.field[current])
        while len(members):
            # what has set is lost; running after it would lose the others as well
            members = members[high[members] >= now - 1.0]
            if not len(members):
                break
            spare = high[members] - now - slot * np.arange(len(members))
            urgent = np.flatnonzero(spare < slot)
            pool = np.flatnonzero(low[members] <= now + 1.0)
            if not len(pool):
                pool = np.array([int(np.argmin(low[members]))])
                now = max(now, float(low[members[pool[0]]]))
            if len(urgent):
                inside = pool[pool <= urgent[0]]
                pool = inside if len(inside) else pool
            fields = row.field[members[pool]]
            if here is None:
                pick = int(np.argmax(self._worth[fields]))
                extra = 0.0
            else:
                pause = table[here, fields]
                distance = rules.slews.row(here)[fields]
                pick = int(np.lexsort((distance, np.round(pause, 0)))[0])
                extra = float(pause[pick]) - rules.overhead_s
            chosen = int(members[pool[pick]])
            order.append(chosen)
            here = int(row.field[chosen])
            now += slot + extra
            members = np.delete(members, pool[pick])
        return order

    def _finish(self, *rows: Visits) -> Visits:
        """Repair, shorten and fill up the best of some rows until it gets no better."""
        problem, timing, until = self._problem, self._timing, self._until
        repaired = [sequence.repair(timing, row, self._worth)[0] for row in rows]
        night = max(repaired, key=lambda row: problem.atoms.union(_whole(problem, row)))
        for _ in range(3):
            size = len(night)
            night = ordering.shorten(timing, night, until)
            covered = np.zeros(len(problem.atoms.weight), dtype=bool)
            for index in np.unique(night.field):
                covered[problem.atoms.of_field[index]] = True
            if _enough(problem, covered, len(np.unique(night.field))):
                break
            there = set(night.field.tolist())
            night = sequence.add_fields(
                timing,
                night,
                problem.atoms,
                covered,
                [index for index in self._ranked if index not in there],
                until=until,
                most=problem.max_fields,
                target=problem.target,
            )
            others = [index for index in self._ranked if self._choice[index] > 1e-6]
            others += [index for index in self._ranked if self._choice[index] <= 1e-6][:60]
            night = sequence.swap_fields(timing, night, problem.atoms, others, until=until)
            if len(night) == size:
                break
        return night


def _enough(problem: Problem, covered: NDArray[np.bool_], fields: int) -> bool:
    if problem.max_fields is not None and fields >= problem.max_fields:
        return True
    if problem.target is None:
        return False
    return float(problem.atoms.weight[covered].sum()) >= problem.target


def _fill(problem: Problem, timing: Timing, night: Visits, until: float) -> Visits:
    """Single first visits of unseen sky where they fit."""
    covered = np.zeros(len(problem.atoms.weight), dtype=bool)
    for index in np.unique(night.field):
        covered[problem.atoms.of_field[index]] = True
    if len(problem.rules.steps) == 1 or _enough(problem, covered, len(np.unique(night.field))):
        return night
    there = set(night.field.tolist())
    left = [index for index in range(problem.size) if index not in there]
    left.sort(key=lambda index: -problem.atoms.gain(index, covered))
    return sequence.add_fields(
        timing,
        night,
        problem.atoms,
        covered,
        left,
        until=until,
        most=problem.max_fields,
        target=problem.target,
        steps=1,
    )


def _exact(problem: Problem, night: Visits) -> list[Placed]:
    """Times by the telescope's full model (dome included); what does not fit goes as a whole."""
    rules = problem.rules
    left = night
    while True:
        cursor = Cursor(problem.dark[0][0])
        placed: list[Placed] = []
        lost: int | None = None
        for index, step in zip(left.field.tolist(), left.step.tolist(), strict=True):
            start = cursor.visit(rules, index, step, problem.dark[-1][1])
            if start is None:
                lost = index
                break
            placed.append(Placed(index, step, start))
        if lost is None:
            return placed
        left = left.take(np.flatnonzero(left.field != lost))

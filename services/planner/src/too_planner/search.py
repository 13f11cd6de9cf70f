"""Nights with exact times, better and better: what the scheduler chooses from."""

import random
import time
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from too_planner import ordering, sequence
from too_planner.matching import assign, bit_sets
from too_planner.nightsky import FloatArray
from too_planner.runs import Filled, RunSearch
from too_planner.sequence import Timing, Visits
from too_planner.structures import Problem

_ROUNDS = 40
"""Shapes that are tried at once, before the best of them is compiled."""
_PAD_FROM_S = 0.5
_POLISH = 3
_PASSES = 5
_QUICK = 0.3
_SHAKE_PER = 16
_SHAKE_FROM = 12


def whole_fields(problem: Problem, visits: Visits) -> list[int]:
    """Fields with all their visits."""
    count = np.bincount(visits.field, minlength=problem.size)
    return [int(index) for index in np.flatnonzero(count == len(problem.rules.steps))]


def enough(problem: Problem, covered: NDArray[np.bool_], fields: int) -> bool:
    """As many fields, or as much sky, as is wanted."""
    if problem.max_fields is not None and fields >= problem.max_fields:
        return True
    if problem.target is None:
        return False
    return float(problem.atoms.weight[covered].sum()) >= problem.target


class Search:
    """Nights, each with exact times, better and better."""

    def __init__(self, problem: Problem, timing: Timing, choice: FloatArray, until: float) -> None:
        self._problem, self._timing, self._choice = problem, timing, choice
        self._until = until
        self.spent = 0.0
        """Share of the effort."""
        nothing = np.zeros(len(problem.atoms.weight), dtype=bool)
        self._worth = np.array(
            [problem.atoms.gain(index, nothing) for index in range(problem.size)]
        )
        tier = np.where(choice > 0.99, 2, np.where(choice > 1e-6, 1, 0))
        self._ranked = [int(i) for i in np.lexsort((-self._worth, -tier))]

    def is_late(self) -> bool:
        """The deadline has come."""
        return time.perf_counter() > self._until

    def nights(self) -> Iterator[Visits]:
        """Nights to choose from, as long as there is effort left."""
        if len(self._problem.rules.steps) == 1:
            yield from self._single()
            return
        effort, pad, done = self._problem.structures, 0.0, set[str]()
        search = RunSearch(self._problem, self._choice)
        search.begin()
        while search.pool:
            best = search.pool[0]
            key = f"{pad} {best.shape}"
            if key not in done and best.place:
                done.add(key)
                rows = self._rows_of(best)
                if len(done) == 1 and self._quick_changes():
                    yield self._finish(self._inserted())
                night = self._finish(*rows)
                yield night
                slews = self._slews_s(night)
                if pad == 0.0 and slews > _PAD_FROM_S:
                    # slots were too short: another search, with time for slews in each
                    pad = slews
                    search = RunSearch(self._problem, self._choice, pad)
                    search.begin()
                    continue
            if effort <= 0 or time.perf_counter() > self._until:
                return
            for _ in range(min(effort, _ROUNDS)):
                search.improve()
                if time.perf_counter() > self._until:
                    break
            effort -= _ROUNDS
            self.spent = 1.0 - max(effort, 0) / self._problem.structures

    def _quick_changes(self) -> bool:
        """Filter changes are short against a visit: no need to think in runs of a filter."""
        rules = self._problem.rules
        return rules.filter_change_s < _QUICK * (rules.steps[0].duration_s + rules.overhead_s)

    def _inserted(self) -> Visits:
        """A night made by insertion alone, the worthiest field first."""
        nothing, none = np.empty(0), np.empty(0, dtype=np.int64)
        return self._filled_up(Visits(none, none, nothing, nothing))

    def _slews_s(self, night: Visits) -> float:
        """Time that a step takes beyond the read-out, on average, filter changes left aside."""
        if len(night) < 2:
            return 0.0
        pause = self._timing.table[night.field[:-1], night.field[1:]]
        return float(pause.mean()) - self._problem.rules.overhead_s

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
            night = self._finish(row, self._ordered(row, when), self._inserted())
            yield night
            pad = self._slews_s(night)
            if pad < 0.2 or time.perf_counter() > self._until:
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
        nights = []
        for row in rows:
            fixed, _ = sequence.repair(timing, row, self._worth)
            nights.append(self._filled_up(ordering.shorten(timing, fixed, until)))
        night = max(nights, key=lambda row: problem.atoms.union(whole_fields(problem, row)))
        for _ in range(_PASSES):
            size = len(night)
            night = self._filled_up(ordering.shorten(timing, night, until))
            if len(night) == size:
                break
        return night

    def _filled_up(self, night: Visits) -> Visits:
        """With further fields where they fit."""
        problem = self._problem
        covered = np.zeros(len(problem.atoms.weight), dtype=bool)
        for index in np.unique(night.field):
            covered[problem.atoms.of_field[index]] = True
        if enough(problem, covered, len(np.unique(night.field))):
            return night
        there = set(night.field.tolist())
        return sequence.add_fields(
            self._timing,
            night,
            problem.atoms,
            covered,
            [index for index in self._ranked if index not in there],
            until=self._until,
            most=problem.max_fields,
            target=problem.target,
        )

    def polish(self, night: Visits) -> Visits:
        """Exchange fields for better ones, then shorten and fill up again."""
        problem = self._problem
        wanted = [index for index in self._ranked if self._choice[index] > 1e-6]
        others = [index for index in self._ranked if self._choice[index] <= 1e-6][:60]
        for _ in range(_POLISH):
            before = problem.atoms.union(whole_fields(problem, night))
            night = sequence.swap_fields(
                self._timing, night, problem.atoms, wanted + others, until=self._until
            )
            night = self._filled_up(ordering.shorten(self._timing, night, self._until))
            if problem.atoms.union(whole_fields(problem, night)) <= before + 1e-6:
                break
        # with several visits a field a stretch hangs on others: little is won for much time
        return self._shaken(night) if len(problem.rules.steps) == 1 else night

    def _shaken(self, night: Visits) -> Visits:
        """Take the fields of random stretches out, put in what fits then, keep what is better."""
        problem, rng = self._problem, random.Random(self._problem.seed)
        best, weight = night, problem.atoms.union(whole_fields(problem, night))
        for _ in range(problem.structures // _SHAKE_PER):
            if len(best) < _SHAKE_FROM or time.perf_counter() > self._until:
                break
            width = rng.randint(len(best) // 30 + 1, len(best) // 8 + 1)
            first = rng.randrange(max(1, len(best) - width))
            gone = best.field[first : first + width]
            trial = best.take(np.flatnonzero(~np.isin(best.field, gone)))
            for _ in range(2):
                trial = self._filled_up(ordering.shorten(self._timing, trial, self._until))
            now = problem.atoms.union(whole_fields(problem, trial))
            if now >= weight:
                best, weight = trial, now
        return best

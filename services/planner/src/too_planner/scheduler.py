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
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from too_planner import sequence
from too_planner.bound import Bound, upper_bound
from too_planner.coverage import Atoms
from too_planner.nightsky import FloatArray
from too_planner.search import Search, enough, whole_fields
from too_planner.sequence import Timing, Visits
from too_planner.structures import Problem
from too_planner.timeline import Cursor, Placed, compile_block

__all__ = ["Problem", "Solution", "schedule", "solve"]

GOOD_ENOUGH = 0.998
"""Share of the bound at which the search ends."""
_HALF, _GOOD = 0.5, 0.985
"""With half of the effort spent a somewhat smaller share will do."""
_BOUND_S = 3.0
"""No further cut is looked for after this time; the bound holds all the same."""


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
    bound = upper_bound(problem, min(0.5 * problem.deadline_s, _BOUND_S))
    if problem.in_order:
        placed = _in_order(problem)
        return Solution(placed, bound, problem.atoms.union([item.field for item in placed]))
    chosen = _candidates(problem, bound.choice)
    if len(chosen) == 0:
        # others see all of it, or it was seen before
        return Solution([], bound, 0.0)
    small = _restricted(problem, chosen)
    timing = Timing(small.rules)
    search = Search(small, timing, bound.choice[chosen], until)
    best = _best_night(search, small, timing, bound)
    if best is None and problem.fill and len(problem.rules.steps) > 1:
        # no field can get the whole sequence: better seen once than not at all
        first = replace(problem.rules, steps=problem.rules.steps[:1])
        return Solution(solve(replace(problem, rules=first)).placed, bound, 0.0)
    if best is None:
        return Solution([], bound, 0.0)
    if problem.fill:
        best = _fill(small, timing, best, until)
    placed = _exact(small, best)
    weight = small.atoms.union(_whole_of(small, placed))
    fields = [int(chosen[item.field]) for item in placed]
    back = [replace(item, field=index) for item, index in zip(placed, fields, strict=True)]
    return Solution(back, bound, weight)


def _best_night(search: Search, problem: Problem, timing: Timing, bound: Bound) -> Visits | None:
    """The best of the nights that are found: the most sky, then the earlier one."""
    goal = GOOD_ENOUGH * min(bound.value, problem.target or np.inf)
    best, weight, key = None, -1.0, (-1.0, 0.0)
    for visits in search.nights():
        here = problem.atoms.union(whole_fields(problem, visits))
        start = timing.starts(visits)
        now = (round(here, 5), -float(start.mean()) if len(start) else 0.0)
        if best is None or now > key:
            best, weight, key = visits, here, now
        good = search.spent >= _HALF and weight >= _GOOD * goal
        if weight >= goal or good or search.is_late():
            break
    return best if best is None or weight >= goal else search.polish(best)


def _whole_of(problem: Problem, placed: list[Placed]) -> list[int]:
    """The same of a list of visits."""
    count = np.bincount([item.field for item in placed], minlength=problem.size)
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


def _fill(problem: Problem, timing: Timing, night: Visits, until: float) -> Visits:
    """Single first visits of unseen sky where they fit."""
    covered = np.zeros(len(problem.atoms.weight), dtype=bool)
    for index in np.unique(night.field):
        covered[problem.atoms.of_field[index]] = True
    if len(problem.rules.steps) == 1 or enough(problem, covered, len(np.unique(night.field))):
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

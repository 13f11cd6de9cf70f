"""Choose and order the exposures of one telescope, and say what no choice could exceed.

First the relaxed optimum (`bound.py`): which fields, if slews and filter changes cost little. Then
a night that takes as much of it as it can, found by a search over large neighbourhoods
(`search.py`) among rows of visits with exact times. The search ends when it comes close to the
bound, when its effort is spent or at its deadline; a seed makes it reproducible. Left-over time is
filled with single visits of unseen sky.
"""

import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from too_planner.bound import Bound, upper_bound
from too_planner.coverage import Atoms
from too_planner.nightsky import FloatArray
from too_planner.search import Search
from too_planner.structures import Problem
from too_planner.timeline import Cursor, Placed, compile_block

__all__ = ["Problem", "Solution", "schedule", "solve"]

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
    search = Search(small, bound.choice[chosen], bound.value, until)
    found = int(search.run().counts[0])
    if found == 0 and problem.fill and len(problem.rules.steps) > 1:
        # no field can get the whole sequence: better seen once than not at all
        first = replace(problem.rules, steps=problem.rules.steps[:1])
        return Solution(solve(replace(problem, rules=first)).placed, bound, 0.0)
    if problem.fill and len(problem.rules.steps) > 1:
        search.fill()
    placed = _exact(small, search.placed())
    weight = small.atoms.union(_whole_of(small, placed))
    fields = [int(chosen[item.field]) for item in placed]
    back = [replace(item, field=index) for item, index in zip(placed, fields, strict=True)]
    return Solution(back, bound, weight)


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
    most = wanted + max(200, wanted)
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


_LATE_S = 900.0
"""A visit that is carried out so much later than it was planned has missed its interval."""


def _exact(problem: Problem, visits: list[Placed]) -> list[Placed]:
    """Times by the telescope's full model (dome included); what does not fit goes as a whole."""
    left = visits
    while True:
        cursor = Cursor(problem.dark[0][0])
        placed: list[Placed] = []
        lost: int | None = None
        for visit in left:
            start = cursor.visit(problem.rules, visit.field, visit.step, problem.dark[-1][1])
            # one that misses its interval by a hair must not take those after it to the next one
            if start is None or start > visit.start_s + _LATE_S:
                lost = visit.field
                break
            placed.append(replace(visit, start_s=start))
        if lost is None:
            return placed
        left = [visit for visit in left if visit.field != lost]

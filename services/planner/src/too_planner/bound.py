"""What no schedule can exceed: an upper bound for a map, a telescope and its nights.

It keeps darkness, every field's windows, one exposure at a time with its dead time, the gap
between visits of a field, the overlaps of fields, and the largest number of fields. By Hall's
theorem all visits find their time only if no stretch of time is asked to hold more visits than fit;
each stretch is a linear cut on the choice of fields (`bound_windows.py`). Cuts are added where the
choice breaks them. Leaving some out, and letting choices be fractions, can only raise the bound; so
it holds whenever the work is broken off.

That much forgets slews and filter changes. Further cuts count what they cost at least
(`bound_slews.py`): the pause after each visit to the quickest other field, and the changes that
fields need whose whole sequences have to lie in stretches that do not overlap. The bound is then
tighter; both are reported. The order of exposures is forgotten otherwise.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from too_planner.bound_linear import Answer, Model
from too_planner.bound_slews import Changes, stretches_with_pauses
from too_planner.bound_windows import Cut, Stretches, Windows, windows_of
from too_planner.nightsky import FloatArray
from too_planner.structures import Problem

_ROUNDS, _MORE_ROUNDS = 24, 8
_CUTS = 10
_SMALL_GAIN = 3e-4
"""Share of the bound; so many rounds of cuts in a row that gain less are the last."""
_IDLE_ROUNDS = 3
_ROUGH = 0.02
"""Share of the bound; cuts of a choice that counts more sky twice would cut at the wrong place."""
_CLEAN = 3e-4
"""Share of the bound that may be counted twice in the end: it is part of the bound."""


@dataclass(frozen=True)
class Bound:
    """Result.

    Attributes
    ----------
    value : float
        No schedule covers more.
    reachable : float
        What an unlimited number of exposures could cover.
    choice : ndarray, shape (fields,)
        Fractions of the fields in the relaxed optimum; a guide for the search.
    exact : bool
        No more cuts were found.
    without_slews : float
        The same if slews and filter changes cost nothing; not below `value`.
    """

    value: float
    reachable: float
    choice: FloatArray
    exact: bool
    without_slews: float = 0.0


class _Work:
    """The programme, its best bound so far, and the time that is left."""

    def __init__(self, problem: Problem, windows: Windows, until: float) -> None:
        self.model = Model(problem.atoms, windows.possible)
        self.until = until
        self.value = problem.atoms.union(np.flatnonzero(windows.possible).tolist())
        self.choice: FloatArray = windows.possible.astype(float)

    def improve(self, rounds: int, look: Callable[[FloatArray], list[Cut]]) -> bool:
        """Add the cuts that are found broken; True if there are no more."""
        idle = 0
        for _ in range(rounds):
            answer = self._solve()
            if answer is None:
                return False
            gain = self.value - answer.value
            self.value, self.choice = min(self.value, answer.value), answer.choice
            clean = answer.twice <= _CLEAN * self.value
            idle = idle + 1 if clean and gain < _SMALL_GAIN * self.value else 0
            cuts = look(self.choice) if answer.twice <= _ROUGH * self.value else []
            if clean and not cuts:
                return True
            if idle >= _IDLE_ROUNDS:
                return False
            for cut in cuts:
                self.model.add(cut.factors, cut.limit)
        return False

    def _solve(self) -> Answer | None:
        left = self.until - time.perf_counter()
        return self.model.solve(left) if left > 0 else None


def _lead_s(problem: Problem) -> tuple[float, ...]:
    """Least time between the starts of a field's visits, filter changes left aside."""
    rules = problem.rules
    return tuple(
        max(rules.min_gap_s, template.duration_s + rules.overhead_s) - 1e-3
        for template in rules.steps[:-1]
    )


def upper_bound(problem: Problem, deadline_s: float = 10.0) -> Bound:
    """Bound the weight that fields with their whole sequence can cover.

    Parameters
    ----------
    problem
        What is to be scheduled.
    deadline_s
        Seconds after which no further cut is looked for.
    """
    until = time.perf_counter() + deadline_s
    nothing = Bound(0.0, 0.0, np.zeros(problem.size), exact=True)
    if problem.size == 0 or not problem.dark:
        return nothing
    windows = windows_of(problem, _lead_s(problem))
    possible = windows.possible
    reachable = problem.atoms.union(np.flatnonzero(possible).tolist())
    if not possible.any() or reachable <= 0:
        return nothing
    rules = problem.rules
    work = _Work(problem, windows, until)
    if problem.max_fields is not None:
        work.model.add(possible.astype(float), float(problem.max_fields))
    free = Stretches(windows, windows.length + rules.overhead_s, rules.overhead_s)
    whole = free.everything()
    work.model.add(whole.factors, whole.limit)
    exact = work.improve(_ROUNDS, lambda choice: _overfull(free, choice))
    without = work.value
    changes, paused = Changes(problem, windows), stretches_with_pauses(problem, windows)
    if not changes.useless or paused is not None:

        def look(choice: FloatArray) -> list[Cut]:
            cuts = changes.cuts(choice, _CUTS) + free.runs(choice, _CUTS)
            return cuts + (paused.runs(choice, _CUTS) if paused is not None else [])

        if paused is not None:
            whole = paused.everything()
            work.model.add(whole.factors, whole.limit)
        exact = work.improve(_MORE_ROUNDS, look) and exact
    return Bound(min(work.value, reachable), reachable, work.choice, exact, min(without, reachable))


def _overfull(stretches: Stretches, choice: FloatArray) -> list[Cut]:
    return stretches.runs(choice, _CUTS) or stretches.nights(choice)

"""What no schedule can exceed: an upper bound for a map, a telescope and its nights.

The bound forgets slews, filter changes and the order of exposures. It keeps darkness, every
field's windows, one exposure at a time with its dead time, the gap between visits of a field, the
overlaps of fields, and the largest number of fields. Time is cut into slots that begin with each
dark interval and are as long as the shortest visit with its dead time: at most one visit starts
in a half-open slot. By Hall's theorem all visits find a slot of their own only if no set of slots
is asked to hold more visits than it has slots; each such set is a linear cut on the choice of
fields. Cuts are added where the choice breaks them. Leaving some out, and letting choices be
fractions, can only raise the bound; so it holds whenever the work is broken off.
"""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from too_planner.nightsky import FloatArray
from too_planner.structures import Problem

_MAX_BINS = 200
_ROUNDS = 12
_CUTS = 10
_SAFETY = 1e-6
"""The solver's tolerance: added, so that the bound errs on the safe side."""

_FIRST = 200
_FIRST_PER_SLOT = 1.3
"""Fields, the worthiest, with which the programme begins."""
_NOTHING = 1e-8
_SMALL_GAIN = 3e-4
"""Share of the bound; so many rounds of cuts in a row that gain less are the last."""
_IDLE_ROUNDS = 3

BoolArray = NDArray[np.bool_]


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
    """

    value: float
    reachable: float
    choice: FloatArray
    exact: bool


def slot_length(problem: Problem) -> float:
    """Least time between the starts of two visits."""
    rules = problem.rules
    return min(template.duration_s for template in rules.steps) + rules.overhead_s


def start_bins(problem: Problem) -> tuple[BoolArray, FloatArray]:
    """Where each visit may start.

    Returns
    -------
    allowed : ndarray of bool, shape (steps, fields, bins)
        A visit may start in a bin: some runs of slots that follow each other.
    capacity : ndarray, shape (bins,)
        Slots per bin.
    """
    rules, slot = problem.rules, slot_length(problem)
    counts = [max(1, int(np.floor((b - a) / slot)) + 1) for a, b in problem.dark]
    group = max(1, int(np.ceil(sum(counts) / _MAX_BINS)))
    edges = [
        (a + slot * first, a + slot * min(first + group, count), min(group, count - first))
        for (a, _), count in zip(problem.dark, counts, strict=True)
        for first in range(0, count, group)
    ]
    low = np.array([edge[0] for edge in edges])
    high = np.array([edge[1] for edge in edges])
    steps, gap = len(rules.steps), rules.min_gap_s
    durations = [template.duration_s for template in rules.steps]
    width = max((len(found) for found in rules.intervals), default=0)
    begin = np.full((problem.size, max(width, 1)), np.inf)
    end = np.full((problem.size, max(width, 1)), -np.inf)
    for index, found in enumerate(rules.intervals):
        for number, (a, b) in enumerate(found):
            begin[index, number], end[index, number] = a, b
    allowed = np.zeros((steps, problem.size, len(edges)), dtype=bool)
    first_start = np.where(end - begin >= min(durations), begin, np.inf).min(axis=1)
    last_end = np.where(end - begin >= min(durations), end, -np.inf).max(axis=1)
    for step in range(steps):
        earliest = first_start + step * gap
        latest = last_end - durations[-1] - (steps - 1 - step) * gap
        if step == steps - 1:
            latest = last_end - durations[step]
        for number in range(begin.shape[1]):
            a = np.maximum(begin[:, number], earliest)[:, None]
            b = np.minimum(end[:, number] - durations[step], latest)[:, None]
            # a hair wider than computed: starts are rounded to ticks
            allowed[step] |= (a < high + 1e-6) & (b >= low - 1e-6) & (b >= a - 1e-6)
    return allowed, np.array([float(edge[2]) for edge in edges])


def upper_bound(problem: Problem, deadline_s: float = 10.0) -> Bound:
    """Bound the weight that fields with their whole sequence can cover.

    Parameters
    ----------
    problem
        What is to be scheduled.
    deadline_s
        Seconds after which no further cut is looked for.
    """
    began = time.perf_counter()
    if problem.size == 0 or not problem.dark:
        return Bound(0.0, 0.0, np.zeros(problem.size), exact=True)
    allowed, capacity = start_bins(problem)
    possible = np.asarray(allowed.any(axis=2).all(axis=0))
    reachable = problem.atoms.union(list(np.flatnonzero(possible)))
    slots = float(capacity.sum()) / len(problem.rules.steps)
    model = _Model(problem, possible, max(_FIRST, int(_FIRST_PER_SLOT * slots)))
    first, last = _first_and_last(allowed)
    if problem.max_fields is not None:
        model.add(possible.astype(float), float(problem.max_fields))
    everything = np.ones(len(capacity), dtype=bool)
    model.add(_inside(allowed, possible, everything), float(capacity.sum()))
    value, choice, exact = reachable, possible.astype(float), False
    idle = 0
    for _ in range(_ROUNDS):
        answer = model.solve(max(0.05, deadline_s - (time.perf_counter() - began)))
        if answer is None:
            break
        idle = idle + 1 if value - answer.value < _SMALL_GAIN * value else 0
        value, choice = min(value, answer.value + _SAFETY), answer.choice
        late = time.perf_counter() - began > deadline_s
        if late:
            break
        sets = _interval_sets(choice, first, last, capacity) or _flow_set(choice, allowed, capacity)
        exact = not sets and answer.priced_out
        if exact or idle >= _IDLE_ROUNDS:
            break
        for chosen in sets:
            model.add(_inside(allowed, possible, chosen), float(capacity[chosen].sum()))
    return Bound(value, reachable, choice, exact)


def _inside(allowed: BoolArray, possible: BoolArray, bins: BoolArray) -> FloatArray:
    """How many visits of each field must start in some bins."""
    forced = ~allowed[:, :, ~bins].any(axis=2)
    return np.asarray((forced & possible).sum(axis=0), dtype=np.float64)


def _first_and_last(allowed: BoolArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    count = allowed.shape[2]
    return allowed.argmax(axis=2).ravel(), count - 1 - allowed[:, :, ::-1].argmax(axis=2).ravel()


def _interval_sets(
    choice: FloatArray, first: NDArray[np.int64], last: NDArray[np.int64], capacity: FloatArray
) -> list[BoolArray]:
    """Runs of bins that are asked to hold more visits than they can, the worst of each end."""
    count = len(capacity)
    visits = len(first) // len(choice)
    load = np.zeros((count, count))
    np.add.at(load, (first, last), np.tile(choice, visits))
    load = np.cumsum(np.cumsum(load[::-1], axis=0)[::-1], axis=1)
    reach = np.concatenate([[0.0], np.cumsum(capacity)])
    excess = load - (reach[None, 1:] - reach[:-1, None])
    excess[np.tril_indices(count, -1)] = -1.0
    sets: list[BoolArray] = []
    numbers = np.arange(count)
    taken_low: set[int] = set()
    taken_high: set[int] = set()
    for place in np.argsort(-excess, axis=None)[: 40 * _CUTS]:
        low, high = divmod(int(place), count)
        if excess[low, high] <= 1e-5 or len(sets) == _CUTS:
            break
        if low in taken_low or high in taken_high:
            continue
        taken_low.add(low)
        taken_high.add(high)
        sets.append((numbers >= low) & (numbers <= high))
    return sets


def _flow_set(choice: FloatArray, allowed: BoolArray, capacity: FloatArray) -> list[BoolArray]:
    """One overfull set of bins of any shape, by a minimum cut (Hall's condition, exactly)."""
    from scipy import sparse
    from scipy.sparse.csgraph import breadth_first_order, maximum_flow

    chosen = np.flatnonzero(choice > 1e-6)
    if not len(chosen):
        return []
    rows = allowed[:, chosen].reshape(-1, allowed.shape[2])
    patterns, inverse = np.unique(np.packbits(rows, axis=1), axis=0, return_inverse=True)
    demand = np.bincount(inverse.ravel(), np.tile(choice[chosen], allowed.shape[0]))
    patterns = np.unpackbits(patterns, axis=1, count=rows.shape[1]).astype(bool)
    scale = 100_000
    n, count = len(patterns), rows.shape[1]
    node, bin_ = np.nonzero(patterns)
    wanted = np.floor(demand * scale).astype(np.int32)
    graph = sparse.csr_matrix(
        (
            np.concatenate([wanted, wanted[node], (capacity * scale).astype(np.int32)]),
            (
                np.concatenate([np.zeros(n, int), 1 + node, 1 + n + np.arange(count)]),
                np.concatenate([1 + np.arange(n), 1 + n + bin_, np.full(count, 1 + n + count)]),
            ),
        ),
        shape=(n + count + 2, n + count + 2),
    )
    flow = maximum_flow(graph, 0, n + count + 1)
    if wanted.sum() - flow.flow_value <= scale * 1e-3 + n:
        return []
    residual = graph - flow.flow
    residual.data = np.where(residual.data > 0, 1, 0)
    residual.eliminate_zeros()
    reached = breadth_first_order(residual, 0, return_predecessors=False)
    chosen_bins = np.zeros(count, dtype=bool)
    bins = reached[(reached > n) & (reached <= n + count)] - 1 - n
    chosen_bins[bins] = True
    return [chosen_bins] if 0 < chosen_bins.sum() < count else []


@dataclass(frozen=True)
class _Answer:
    value: float
    """Upper bound, with what fields that were left aside could add."""
    choice: FloatArray
    priced_out: bool
    """No field that was left aside could add anything."""


class _Model:
    """Choose fields (fractions) to maximise the covered weight under some cuts.

    Only the worthiest fields are in the programme at first. From the prices of its solution follows
    what each of the others could add at most; those that could are taken in for the next round,
    and what they could add is part of the bound until then.
    """

    def __init__(self, problem: Problem, possible: BoolArray, first: int) -> None:
        atoms = problem.atoms
        self._weight = atoms.weight
        self._lengths = np.array([len(index) for index in atoms.of_field], dtype=np.int64)
        self._edges = np.concatenate([[0], np.cumsum(self._lengths)])
        self._atoms = np.concatenate([*atoms.of_field, np.empty(0, dtype=np.int64)])
        worth = np.add.reduceat(np.append(atoms.weight[self._atoms], 0.0), self._edges[:-1]) * (
            self._lengths > 0
        )
        self._possible = possible & (worth > _NOTHING)
        rank = np.argsort(-np.where(self._possible, worth, -1.0), kind="stable")
        self._active = np.zeros(len(worth), dtype=bool)
        self._active[rank[:first]] = True
        self._active &= self._possible
        # fields that are worth next to nothing may be taken for nothing
        self._crumbs = float(worth[possible & ~self._possible].sum())
        self._cuts: list[tuple[FloatArray, float]] = []

    def add(self, factors: FloatArray, limit: float) -> None:
        """Sum of factor times choice is at most a limit."""
        self._cuts.append((factors, limit))

    def solve(self, seconds: float) -> _Answer | None:
        """Relaxed optimum of the fields that are in, and what the others could add."""
        from scipy import sparse
        from scipy.optimize import linprog

        fields = np.flatnonzero(self._active)
        size = len(fields)
        choice = np.zeros(len(self._active))
        if size == 0:
            return _Answer(self._crumbs, choice, priced_out=True)
        member = np.repeat(np.arange(size), self._lengths[fields])
        atom = self._atoms_of(fields)
        times = np.bincount(atom, minlength=len(self._weight))
        # sky in one field only is worth what its field is
        own = np.bincount(member, np.where(times[atom] == 1, self._weight[atom], 0.0), size)
        shared = np.flatnonzero(times > 1)
        place = np.full(len(times), -1)
        place[shared] = np.arange(len(shared))
        keep = place[atom] >= 0
        rows, cols = place[atom[keep]], member[keep]
        seen = sparse.csr_matrix((np.full(len(rows), -1.0), (rows, cols)), (len(shared), size))
        factors = np.array([row[fields] for row, _ in self._cuts])
        matrix = sparse.vstack(
            [
                sparse.hstack([seen, sparse.identity(len(shared))]),
                sparse.hstack(
                    [sparse.csr_matrix(factors), sparse.csr_matrix((len(factors), len(shared)))]
                ),
            ],
            format="csr",
        )
        found = linprog(
            -np.concatenate([own, self._weight[shared]]),
            A_ub=matrix,
            b_ub=np.concatenate([np.zeros(len(shared)), [limit for _, limit in self._cuts]]),
            bounds=(0, 1),
            method="highs",
            options={"time_limit": seconds},
        )
        if found.status != 0:
            return None
        choice[fields] = found.x[:size]
        prices = -np.asarray(found.ineqlin.marginals)
        of_atom = self._weight.copy()
        of_atom[shared] = prices[: len(shared)]
        left = np.flatnonzero(self._possible & ~self._active)
        value = float(-found.fun) + self._crumbs
        if not len(left):
            return _Answer(value, choice, priced_out=True)
        cost = prices[len(shared) :] @ np.array([row[left] for row, _ in self._cuts])
        atoms = self._atoms_of(left)
        owner = np.repeat(np.arange(len(left)), self._lengths[left])
        gain = np.bincount(owner, of_atom[atoms], len(left)) - cost
        coming = left[gain > _NOTHING]
        self._active[coming] = True
        extra = float(np.maximum(gain, 0.0).sum())
        return _Answer(value + extra, choice, priced_out=not len(coming))

    def _atoms_of(self, fields: NDArray[np.int64]) -> NDArray[np.int64]:
        count = self._lengths[fields]
        offset = np.repeat(self._edges[fields] - (np.cumsum(count) - count), count)
        return np.asarray(self._atoms[np.arange(int(count.sum())) + offset])

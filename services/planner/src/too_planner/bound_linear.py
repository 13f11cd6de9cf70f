"""The linear programme behind the bound: which fields to choose, as fractions, under some cuts.

Sky that several fields see counts once. With fractions z of the fields, an atom of weight w is
worth w * min(1, sum of z), that is what its fields are worth together less w * s, where s is at
least the sum of z less 1. Only atoms that the choice covers more than once need their s; they are
taken in as they turn up. So are the cuts; after each the solver goes on from where it was.
"""

import importlib
import importlib.machinery
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from too_planner.coverage import Atoms
from too_planner.nightsky import FloatArray

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_SCALE = 1000.0
"""The whole weight in the solver's eyes: its tolerances are absolute."""
_AT_ONCE = 0.8
"""Share of what is counted twice that is mended in one round, the largest first."""


@dataclass(frozen=True)
class Answer:
    """An optimum of the programme as it stands.

    Attributes
    ----------
    value : float
        What no choice that keeps the cuts can exceed, by the prices of this optimum: it holds
        whatever the solver's tolerances are, and if the solver was stopped early.
    choice : ndarray, shape (fields,)
        Fractions of the fields.
    twice : float
        Weight that this choice still counts more than once.
    """

    value: float
    choice: FloatArray
    twice: float


class Solver(Protocol):
    """A linear programme, minimised, that grows; columns are at least 0."""

    def add_columns(self, cost: FloatArray, most: FloatArray) -> None:
        """More columns, in no row so far."""

    def add_rows(
        self, start: IntArray, index: IntArray, factor: FloatArray, most: FloatArray
    ) -> None:
        """More rows: each holds the entries from its start to that of the next."""

    def solve(self, seconds: float) -> tuple[FloatArray, FloatArray] | None:
        """Columns and prices of the rows (not negative); None if there is no answer."""


_BINDING = "scipy.optimize._highspy._core"


def _binding() -> Any:
    """The compiled module alone: the package around it costs a new process 0.3 s."""
    known = sys.modules.get(_BINDING)
    if known is not None:
        return known
    scipy = importlib.util.find_spec("scipy")
    if scipy is None or not scipy.submodule_search_locations:
        raise ImportError("scipy is not installed")
    folder = Path(scipy.submodule_search_locations[0]) / "optimize" / "_highspy"
    for suffix in importlib.machinery.EXTENSION_SUFFIXES:
        path = folder / f"_core{suffix}"
        if "scipy.optimize" not in sys.modules and path.exists():
            spec = importlib.util.spec_from_file_location(_BINDING, path)
            if spec is not None and spec.loader is not None:
                module = importlib.util.module_from_spec(spec)
                # known by its own name, so that scipy finds it there if it is imported later
                sys.modules[_BINDING] = module
                spec.loader.exec_module(module)
                return module
    return importlib.import_module(_BINDING)


class WarmSolver:
    """HiGHS through the binding inside scipy, which keeps the basis between calls."""

    def __init__(self) -> None:
        self._core = core = _binding()
        self._model = core._Highs()  # noqa: SLF001 - not public there; see make_solver
        for name, value in (
            ("output_flag", False),
            ("presolve", "off"),
            ("threads", 1),
            ("parallel", "off"),
            # rows come and go too often for the exact weights of steepest edges
            ("simplex_dual_edge_weight_strategy", 1),
            ("simplex_price_strategy", 1),
            ("simplex_scale_strategy", 0),
        ):
            self._model.setOptionValue(name, value)

    def add_columns(self, cost: FloatArray, most: FloatArray) -> None:
        """See `Solver`."""
        size = len(cost)
        nothing, none = np.zeros(0), np.zeros(0, dtype=np.int32)
        self._model.addCols(
            size, cost, np.zeros(size), most, 0, np.zeros(size, dtype=np.int32), none, nothing
        )

    def add_rows(
        self, start: IntArray, index: IntArray, factor: FloatArray, most: FloatArray
    ) -> None:
        """See `Solver`."""
        self._model.addRows(
            len(most),
            np.full(len(most), -np.inf),
            most,
            len(index),
            start.astype(np.int32),
            index.astype(np.int32),
            factor,
        )

    def solve(self, seconds: float) -> tuple[FloatArray, FloatArray] | None:
        """See `Solver`."""
        # the limit is on the time of all calls together
        self._model.setOptionValue("time_limit", self._model.getRunTime() + seconds)
        self._model.run()
        if self._model.getModelStatus() != self._core.HighsModelStatus.kOptimal:
            return None
        found = self._model.getSolution()
        return np.array(found.col_value), -np.array(found.row_dual)


class PlainSolver:
    """The same through scipy's public function, from the beginning at each call."""

    def __init__(self) -> None:
        self._cost: list[FloatArray] = []
        self._most: list[FloatArray] = []
        self._rows: list[tuple[IntArray, IntArray, FloatArray]] = []
        self._limits: list[FloatArray] = []
        self._count = 0

    def add_columns(self, cost: FloatArray, most: FloatArray) -> None:
        """See `Solver`."""
        self._cost.append(cost)
        self._most.append(most)

    def add_rows(
        self, start: IntArray, index: IntArray, factor: FloatArray, most: FloatArray
    ) -> None:
        """See `Solver`."""
        length = np.diff(np.append(start, len(index)))
        self._rows.append((np.repeat(self._count + np.arange(len(most)), length), index, factor))
        self._limits.append(most)
        self._count += len(most)

    def solve(self, seconds: float) -> tuple[FloatArray, FloatArray] | None:
        """See `Solver`."""
        from scipy import sparse
        from scipy.optimize import linprog

        cost, most = np.concatenate(self._cost), np.concatenate(self._most)
        limits, rows = None, None
        if self._count:
            row, index, factor = (
                np.concatenate([part[place] for part in self._rows]) for place in range(3)
            )
            rows = sparse.csr_matrix((factor, (row, index)), (self._count, len(cost)))
            limits = np.concatenate(self._limits)
        found = linprog(
            cost,
            A_ub=rows,
            b_ub=limits,
            bounds=np.stack([np.zeros(len(most)), most], axis=-1),
            method="highs",
            options={"time_limit": max(seconds, 0.05)},
        )
        if found.status != 0:
            return None
        prices = -np.asarray(found.ineqlin.marginals) if self._count else np.zeros(0)
        return np.asarray(found.x), prices


def make_solver() -> Solver:
    """The solver that goes on from where it was, if scipy has it where it is looked for."""
    try:
        return WarmSolver()
    except (ImportError, AttributeError, TypeError):  # private there: may move
        return PlainSolver()


class Model:
    """Choose fields (fractions) to maximise the covered weight under cuts.

    Parameters
    ----------
    atoms
        What the fields see.
    possible : ndarray of bool, shape (fields,)
        Fields that may be chosen.
    solver
        Made if none is given.
    """

    def __init__(self, atoms: Atoms, possible: BoolArray, solver: Solver | None = None) -> None:
        size = len(possible)
        lengths = np.array([len(index) for index in atoms.of_field], dtype=np.int64)
        self._atom = np.concatenate([*atoms.of_field, np.empty(0, dtype=np.int64)])
        self._field = np.repeat(np.arange(size), lengths)
        keep = possible[self._field]
        self._atom, self._field = self._atom[keep], self._field[keep]
        self._whole = max(float(atoms.weight.sum()), 1e-12)
        self._weight = atoms.weight * (_SCALE / self._whole)
        self._worth = np.asarray(
            np.bincount(self._field, self._weight[self._atom], size), dtype=np.float64
        )
        # members of each atom, one atom after the other
        order = np.argsort(self._atom, kind="stable")
        self._members = self._field[order]
        self._edges = np.searchsorted(self._atom[order], np.arange(len(self._weight) + 1))
        self._row_of_atom = np.full(len(self._weight), -1)
        self._cuts: list[tuple[int, FloatArray, float]] = []
        self._rows, self._columns = 0, size
        self._solver = solver if solver is not None else make_solver()
        self._solver.add_columns(-self._worth, possible.astype(np.float64))

    def add(self, factors: FloatArray, limit: float) -> None:
        """Sum of factor times choice is at most a limit."""
        used = np.flatnonzero(factors)
        if not len(used):
            return
        self._solver.add_rows(
            np.zeros(1, dtype=np.int64),
            used,
            np.asarray(factors[used], dtype=np.float64),
            np.array([limit]),
        )
        self._cuts.append((self._rows, factors, limit))
        self._rows += 1

    def solve(self, seconds: float) -> Answer | None:
        """The optimum; atoms that it counts more than once are taken in for the next time."""
        found = self._solver.solve(seconds)
        if found is None:
            return None
        columns, prices = found
        size = len(self._worth)
        choice = np.clip(columns[:size], 0.0, 1.0)
        value = self._bound(np.maximum(prices, 0.0))
        covered = np.bincount(self._atom, choice[self._field], len(self._weight))
        excess = np.where(self._row_of_atom < 0, np.maximum(covered - 1.0, 0.0) * self._weight, 0.0)
        self._take_in(_largest(excess))
        scale = self._whole / _SCALE
        return Answer(value * scale, choice, float(excess.sum()) * scale)

    def _bound(self, prices: FloatArray) -> float:
        """Weak duality: any prices that are not negative bound every choice."""
        of_atom = np.zeros(len(self._weight))
        rows = np.flatnonzero(self._row_of_atom >= 0)
        of_atom[rows] = np.minimum(prices[self._row_of_atom[rows]], self._weight[rows])
        gain = self._worth - np.bincount(self._field, of_atom[self._atom], len(self._worth))
        total = float(of_atom.sum())
        for row, factors, limit in self._cuts:
            if prices[row] > 0:
                gain = gain - prices[row] * factors
                total += float(prices[row]) * limit
        return total + float(gain[gain > 0].sum())

    def _take_in(self, atoms: IntArray) -> None:
        count = len(atoms)
        if not count:
            return
        self._solver.add_columns(self._weight[atoms], np.full(count, np.inf))
        length = self._edges[atoms + 1] - self._edges[atoms] + 1
        start = np.cumsum(length) - length
        total = int(length.sum())
        own = np.zeros(total, dtype=bool)
        own[start + length - 1] = True
        index, factor = np.empty(total, dtype=np.int64), np.ones(total)
        index[own], factor[own] = self._columns + np.arange(count), -1.0
        offset = np.repeat(self._edges[atoms] - start, length)
        index[~own] = self._members[(np.arange(total) + offset)[~own]]
        self._solver.add_rows(start, index, factor, np.ones(count))
        self._row_of_atom[atoms] = self._rows + np.arange(count)
        self._rows += count
        self._columns += count


def _largest(excess: FloatArray) -> IntArray:
    """Places of the largest values that together make most of the sum, rising."""
    order = np.argsort(-excess)
    reached = np.cumsum(excess[order])
    count = int(np.searchsorted(reached, _AT_ONCE * reached[-1])) + 1
    chosen = order[:count]
    return np.asarray(np.sort(chosen[excess[chosen] > 0.0]))

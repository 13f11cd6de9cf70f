"""Rows of visits with exact times, better and better: what the scheduler chooses from.

The first row takes fields by what they add, those of the relaxed optimum first. Then large
neighbourhoods are searched: some fields are taken out of the row (neighbours in time or on the
sky, or any), and what fits then is put back where it costs least; a worse row is accepted now and
then, ever less often. The effort is counted in rounds, so that the same input gives the same plan;
the deadline only breaks it off. The loops are in `kernels.py`.
"""

import time

import numpy as np
from numpy.typing import NDArray

from too_planner import compiling, kernels, neighbourhoods
from too_planner.coverage import Atoms
from too_planner.kernels import Model, Row, Work
from too_planner.neighbourhoods import Effort
from too_planner.nightsky import FloatArray
from too_planner.structures import Problem
from too_planner.timeline import Placed, Rules, Slews

GOOD_ENOUGH = 0.998
"""Share of the bound at which the search ends."""
_HALF, _GOOD = 0.5, 0.985
"""With half of the effort spent a somewhat smaller share will do."""

TICK_S = 0.1
ROUNDS, MORE_ROUNDS, LONG_ROW = 30, 50, 6000
"""Per unit of a problem's effort, at least and at most; visits times rounds in between."""
_CHUNK, _CHUNK_PLAIN = 200, 2
"""Rounds between two looks at the clock."""
_SETTLED = 200
"""Rounds at least: to have the worthy fields early, even if nothing is left to gain."""
_HOT, _HOTTER, _COLD = 0.1, 0.3, 0.01
"""Temperature at the begin (hotter if fields are few) and in the end, in gains of a mean field."""
_FEW_HOT, _FEW_TRIED = 12.0, 2500.0
"""Divided by the number of fields: temperature; fields tried in a round."""
_DEAD, _LATE = 0.3, 0.002
"""Worth of the time of a mean field, of all first looks at the begin instead of the end."""
_TRIED, _TRIED_MORE = 30.0, 60.0
"""Fields outside the row that are tried in a round, on average, beyond which some are left out."""


def dead_times(slews: Slews, size: int, overhead_s: float) -> FloatArray:
    """Dead times between all fields in whole ticks, filter changes left aside; shape (n, n)."""
    table = np.empty((size, size))
    for index in range(size):
        table[index] = np.maximum(slews.row(index), overhead_s)
    # a hair less forgiving than the telescope's model, so that a row is never too early
    return np.asarray(np.ceil(table / TICK_S - 5e-7) * TICK_S)


def _limits(rules: Rules, gap: float) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
    """Earliest and latest starts of each visit in each interval, so that the others find room."""
    steps, size = len(rules.steps), len(rules.intervals)
    width = max((len(found) for found in rules.intervals), default=0)
    low = np.full((size, max(width, 1), steps), np.inf)
    high = np.full((size, max(width, 1), steps), -np.inf)
    for index, found in enumerate(rules.intervals):
        for number, (begin, end) in enumerate(found):
            low[index, number] = np.ceil(begin / TICK_S - 1e-6) * TICK_S
            for step, template in enumerate(rules.steps):
                last = np.floor((end - template.duration_s) / TICK_S + 1e-6) * TICK_S
                high[index, number, step] = last
    for step in range(1, steps):
        open_ = np.where(low[:, :, step - 1] <= high[:, :, step - 1], low[:, :, step - 1], np.inf)
        low[:, :, step] = np.maximum(low[:, :, step], open_.min(axis=1, keepdims=True) + gap)
    for step in range(steps - 2, -1, -1):
        after = np.where(low[:, :, step + 1] <= high[:, :, step + 1], high[:, :, step + 1], -np.inf)
        high[:, :, step] = np.minimum(high[:, :, step], after.max(axis=1, keepdims=True) - gap)
    counts = np.array([len(found) for found in rules.intervals], dtype=np.int64)
    return low, high, counts


def make_model(problem: Problem, choice: FloatArray) -> Model:
    """What the kernels need to know of a problem."""
    rules, atoms = problem.rules, problem.atoms
    gap = float(np.ceil(rules.min_gap_s / TICK_S - 1e-6) * TICK_S)
    low, high, counts = _limits(rules, gap)
    change = [
        [
            rules.filter_change_s if before.last_filter != after.first_filter else 0.0
            for after in rules.steps
        ]
        for before in rules.steps
    ]
    lengths = np.array([step.duration_s for step in rules.steps])
    begin, end = problem.dark[0][0], problem.dark[-1][1]
    return Model(
        pause=dead_times(rules.slews, problem.size, rules.overhead_s),
        change=np.ceil(np.array(change) / TICK_S - 1e-6) * TICK_S,
        length=np.ceil(lengths / TICK_S - 1e-6) * TICK_S,
        low=low,
        high=high,
        intervals=counts,
        first=np.concatenate([[0], np.cumsum([len(of) for of in atoms.of_field])]).astype(np.int64),
        atom=np.concatenate([*atoms.of_field, np.empty(0, dtype=np.int64)]).astype(np.int64),
        weight=np.ascontiguousarray(atoms.weight, dtype=np.float64),
        vector=rules.slews.vectors(),
        factor=np.where(choice > 0.99, 10.0, np.where(choice > 1e-6, 3.0, 1.0)),
        gap=gap,
        overhead=float(rules.overhead_s),
        begin=float(begin),
        span=float(max(end - begin, 1.0)),
        most=problem.size if problem.max_fields is None else int(problem.max_fields),
        target=float("inf") if problem.target is None else float(problem.target),
    )


def make_row(model: Model) -> Row:
    """An empty row."""
    fields, steps = len(model.intervals), len(model.length)
    size = fields * steps + 2

    def whole(length: int) -> NDArray[np.int64]:
        return np.zeros(length, dtype=np.int64)

    return Row(
        counts=whole(2),
        field=whole(size),
        step=whole(size),
        low=np.zeros(size),
        high=np.zeros(size),
        start=np.zeros(size),
        latest=np.zeros(size),
        link=np.zeros(size),
        place=np.full((fields, steps), -1, dtype=np.int64),
        cover=whole(len(model.weight)),
        seen=np.zeros(1),
    )


class Search:
    """The best row so far.

    Parameters
    ----------
    problem
        What is to be scheduled.
    choice
        Fractions of the fields in the relaxed optimum.
    bound
        Weight that no schedule exceeds.
    until
        Reading of the clock (time.perf_counter) at which the search ends.
    """

    def __init__(self, problem: Problem, choice: FloatArray, bound: float, until: float) -> None:
        self._until = until
        visits = problem.size * len(problem.rules.steps)
        self._compiled = compiling.is_worth(visits) and compiling.compile_kernels()
        self.model = make_model(problem, choice)
        fields = problem.size
        self._work = Work(
            out=np.zeros(fields, dtype=bool),
            key=np.empty(fields),
            candidate=np.arange(fields),
            gone=np.empty(fields, dtype=np.int64),
            added=np.empty(fields, dtype=np.int64),
            random=np.array([1 + (problem.seed * 7919) % 2147483645], dtype=np.int64),
        )
        self._effort_units = problem.structures
        self._goal = GOOD_ENOUGH * min(bound, self.model.target)
        self.best = make_row(self.model)

    def run(self) -> Row:
        """Search until the bound is near, the effort is spent or the deadline has come."""
        model, best, work = self.model, self.best, self._work
        steps, fields = len(model.length), len(model.intervals)
        sober = self._effort(0.0, 1.0)
        neighbourhoods.fill_up(model, best, fields, steps, sober, model.factor, work)
        if best.counts[1] == 0 or self._effort_units == 0:
            return best
        each = int(np.clip(LONG_ROW // int(best.counts[0]), ROUNDS, MORE_ROUNDS))
        rounds = self._effort_units * each
        current, trial = make_row(model), make_row(model)
        kernels.copy_row(best, current)
        trial.cover[:] = best.cover
        mean = float(best.seen[0]) / int(best.counts[1])
        effort = self._effort(mean, 1.0)
        hot = float(np.clip(_FEW_HOT / int(best.counts[1]), _HOT, _HOTTER))
        heat = np.array([hot * mean, (_COLD / hot) ** (1.0 / rounds)])
        even = np.ones(fields)
        chunk = _CHUNK if self._compiled else _CHUNK_PLAIN
        for done in range(0, rounds, chunk):
            if time.perf_counter() > self._until or self._is_good(done, rounds):
                break
            neighbourhoods.improve(model, current, best, trial, chunk, heat, effort, even, work)
        return best

    def _is_good(self, done: int, rounds: int) -> bool:
        if done < min(_SETTLED, rounds // 2):
            return False
        seen = float(self.best.seen[0])
        return seen >= self._goal or (done >= _HALF * rounds and seen >= _GOOD * self._goal)

    def _effort(self, mean: float, share: float) -> Effort:
        """For the first row (no `mean`), or for the rounds after it."""
        model = self.model
        outside = len(model.intervals) - int(self.best.counts[1])
        if mean > 0.0:
            tried = np.clip(_FEW_TRIED / int(self.best.counts[1]), _TRIED, _TRIED_MORE)
            share = min(1.0, float(tried) / max(outside, 1))
        slot = float(model.length.sum()) + len(model.length) * model.overhead
        middle = (np.arange(1024) + 0.5) / 1024
        return Effort(
            per_s=_DEAD * mean / slot,
            late=_LATE * float(self.best.seen[0]),
            ruin=20 if mean > 0.0 else 0,
            give_up=12 if mean > 0.0 else len(model.intervals),
            blink=0.02 if mean > 0.0 else 0.0,
            noise=0.5 if mean > 0.0 else 0.0,
            share=share,
            exponential=-np.log(middle),
        )

    def fill(self) -> None:
        """Single first visits of unseen sky where they fit; what has its whole sequence stays."""
        model, best, work = self.model, self.best, self._work
        candidates = np.flatnonzero(best.place[:, 0] < 0)
        work.candidate[: len(candidates)] = candidates
        best.cover[:] = 0
        best.seen[0] = 0.0
        for field in np.flatnonzero(best.place[:, 0] >= 0).tolist():
            kernels.see(model, best, field, 1)
        effort = self._effort(0.0, 1.0)
        even = np.ones(len(model.intervals))
        neighbourhoods.fill_up(model, best, len(candidates), 1, effort, even, work)

    def placed(self) -> list[Placed]:
        """Visits of the best row."""
        best, size = self.best, int(self.best.counts[0])
        return [
            Placed(int(field), int(step), float(start))
            for field, step, start in zip(
                best.field[:size], best.step[:size], best.start[:size], strict=True
            )
        ]


def warm_up() -> None:
    """Plan a small made-up night, so that all of the inner loops are compiled."""
    from too_planner.telescope import ConstantRateSlew, Timing
    from too_planner.timeline import make_template

    timing = Timing(overhead_s=10.0, filter_change_s=30.0, slew=ConstantRateSlew(rate_deg_per_s=1))
    count, end = 12, 3000.0
    templates = tuple(
        make_template([(name, 100.0)], dithers=1, dither_slew_s=0.0, timing=timing) for name in "gr"
    )
    problem = Problem(
        rules=Rules(
            steps=templates,
            intervals=[[(0.0, end)]] * count,
            slews=Slews(
                timing,
                3.0 * np.arange(count, dtype=np.float64),
                np.zeros(count),
                latitude_deg=0.0,
                sidereal_h_at_epoch=0.0,
            ),
            overhead_s=10.0,
            filter_change_s=30.0,
            min_gap_s=300.0,
        ),
        atoms=Atoms(np.full(count, 1.0 / count), [np.array([index]) for index in range(count)]),
        dark=((0.0, end),),
        structures=1,
    )
    search = Search(problem, np.ones(count), 1.0, time.perf_counter() + 60.0)
    search.run()
    search.fill()

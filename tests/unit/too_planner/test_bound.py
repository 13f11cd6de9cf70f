"""The bound: never below what can be done, exhaustively on small cases; the engine below it."""

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from too_planner import bound_linear
from too_planner.bound import upper_bound
from too_planner.bound_linear import PlainSolver, WarmSolver, make_solver
from too_planner.coverage import Atoms, make_atoms
from too_planner.scheduler import solve
from too_planner.structures import Problem
from too_planner.telescope import AxesSlew, AxisMotion, ConstantRateSlew, Timing
from too_planner.timeline import Cursor, Rules, Slews, VisitTemplate, make_template

EXPOSURE_S, READ_S = 100.0, 10.0


def problem_of(
    rng: np.random.Generator,
    *,
    fields: int,
    filters: tuple[str, ...],
    length_s: float,
    gap_s: float,
    two_nights: bool = False,
    max_fields: int | None = None,
    slew: ConstantRateSlew | AxesSlew | None = None,
    change_s: float = 30.0,
    exposures_s: tuple[float, ...] = (),
    integrated: bool = False,
) -> Problem:
    """A made-up night: overlapping fields on a line of sky, each up for a while."""
    timing = Timing(
        overhead_s=READ_S,
        filter_change_s=change_s,
        slew=slew or ConstantRateSlew(rate_deg_per_s=0.2, settle_s=1.0),
    )
    dark = ((0.0, length_s),)
    if two_nights:
        dark = ((0.0, length_s / 2), (length_s, 1.5 * length_s))
    intervals = []
    for _ in range(fields):
        found = []
        for begin, end in dark:
            low, high = np.sort(rng.uniform(begin, end, 2))
            if rng.random() < 0.4:
                low, high = begin, end
            if high - low > EXPOSURE_S:
                found.append((float(low), float(high)))
        intervals.append(found)
    parts = list(zip(filters, exposures_s or (EXPOSURE_S,) * len(filters), strict=True))
    groups = [parts] if integrated else [[part] for part in parts]
    steps: tuple[VisitTemplate, ...] = tuple(
        make_template(group, dithers=1, dither_slew_s=0.0, timing=timing) for group in groups
    )
    rules = Rules(
        steps=steps,
        intervals=intervals,
        slews=Slews(
            timing,
            rng.uniform(0, 20, fields),
            rng.uniform(-5, 5, fields),
            latitude_deg=30.0,
            sidereal_h_at_epoch=0.0,
        ),
        overhead_s=READ_S,
        filter_change_s=change_s,
        min_gap_s=gap_s,
    )
    points = [np.unique(rng.integers(0, 30, 6)) for _ in range(fields)]
    atoms: Atoms = make_atoms(points, rng.uniform(0, 1, 30) / 30)
    return Problem(rules=rules, atoms=atoms, dark=dark, max_fields=max_fields, fill=False)


def can_be_done(problem: Problem, fields: tuple[int, ...]) -> bool:
    """Whether some order of all visits of some fields keeps every rule; by trying all orders."""
    steps = len(problem.rules.steps)
    visits = [index for index in fields for _ in range(steps)]
    for order in set(permutations(visits)):
        cursor, count = Cursor(problem.dark[0][0]), dict.fromkeys(fields, 0)
        for index in order:
            if cursor.visit(problem.rules, index, count[index], problem.dark[-1][1]) is None:
                break
            count[index] += 1
        else:
            return True
    return False


def best_of_all(problem: Problem) -> float:
    """The largest weight that any set of fields can cover."""
    best = 0.0
    most = problem.max_fields or problem.size
    for size in range(1, most + 1):
        for fields in combinations(range(problem.size), size):
            weight = problem.atoms.union(fields)
            if weight > best and can_be_done(problem, fields):
                best = weight
    return best


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    filters=st.sampled_from([("g",), ("g", "r"), ("r", "r")]),
    length_s=st.floats(300.0, 900.0),
    gap_s=st.sampled_from([0.0, 150.0, 250.0]),
    two_nights=st.booleans(),
    max_fields=st.sampled_from([None, 2]),
)
def test_no_schedule_at_all_exceeds_the_bound(
    seed, filters, length_s, gap_s, two_nights, max_fields
):
    fields = 5 if len(filters) == 1 else 3
    problem = problem_of(
        np.random.default_rng(seed),
        fields=fields,
        filters=filters,
        length_s=length_s,
        gap_s=gap_s,
        two_nights=two_nights,
        max_fields=max_fields,
    )
    bound, best = upper_bound(problem), best_of_all(problem)
    assert best <= bound.value + 1e-9
    assert bound.value <= bound.without_slews <= bound.reachable + 1e-9
    found = solve(problem)
    assert found.weight <= best + 1e-9
    if len(filters) == 1:
        # single visits on a small night: the search finds nearly all there is
        assert found.weight >= 0.6 * best


SLOW = ConstantRateSlew(rate_deg_per_s=0.05, settle_s=5.0)
AXES = AxesSlew(
    hour_angle=AxisMotion(max_speed_deg_per_s=0.1, acceleration_deg_per_s2=0.02),
    declination=AxisMotion(max_speed_deg_per_s=0.2, acceleration_deg_per_s2=0.05),
    settle_s=4.0,
)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    asked=st.sampled_from(
        [
            (("g",), (100.0,), False),
            (("g", "r"), (100.0, 100.0), False),
            (("g", "r"), (60.0, 140.0), False),
            (("g", "r", "g"), (50.0, 50.0, 50.0), False),
            (("g", "r"), (40.0, 60.0), True),
        ]
    ),
    length_s=st.floats(300.0, 1200.0),
    gap_s=st.sampled_from([0.0, 150.0, 250.0]),
    two_nights=st.booleans(),
    slew=st.sampled_from([SLOW, AXES]),
    change_s=st.sampled_from([0.0, 60.0, 120.0]),
)
def test_long_slews_and_filter_changes_are_never_counted_twice(
    seed, asked, length_s, gap_s, two_nights, slew, change_s
):
    filters, exposures_s, integrated = asked
    visits = 1 if integrated else len(filters)
    problem = problem_of(
        np.random.default_rng(seed),
        fields={1: 5, 2: 3, 3: 2}[visits],
        filters=filters,
        length_s=length_s,
        gap_s=gap_s,
        two_nights=two_nights,
        slew=slew,
        change_s=change_s,
        exposures_s=exposures_s,
        integrated=integrated,
    )
    bound, best = upper_bound(problem), best_of_all(problem)
    assert best <= bound.value + 1e-9
    assert bound.value <= bound.without_slews <= bound.reachable + 1e-9


def on_a_line(
    *, count: int, away_deg: float, filters: tuple[str, ...], length_s: float, change_s: float = 0.0
) -> Problem:
    """Fields of equal worth that share no sky, all up all night."""
    timing = Timing(
        overhead_s=READ_S,
        filter_change_s=change_s,
        slew=ConstantRateSlew(rate_deg_per_s=0.1, settle_s=0.0),
    )
    rules = Rules(
        steps=tuple(
            make_template([(name, EXPOSURE_S)], dithers=1, dither_slew_s=0.0, timing=timing)
            for name in filters
        ),
        intervals=[[(0.0, length_s)] for _ in range(count)],
        slews=Slews(
            timing,
            away_deg * np.arange(count),
            np.zeros(count),
            latitude_deg=30.0,
            sidereal_h_at_epoch=0.0,
        ),
        overhead_s=READ_S,
        filter_change_s=change_s,
        min_gap_s=0.0,
    )
    atoms = Atoms(np.full(count, 1.0 / count), [np.array([index]) for index in range(count)])
    return Problem(rules=rules, atoms=atoms, dark=((0.0, length_s),), fill=False)


def test_fields_that_are_far_from_each_other_cost_their_slews():
    # 100 s each, 100 s from one to the next: five of them, where nine would fit without slews
    problem = on_a_line(count=10, away_deg=10.0, filters=("g",), length_s=1000.0)
    bound = upper_bound(problem)
    assert bound.without_slews == pytest.approx(0.9)
    assert bound.value == pytest.approx(0.5)
    assert solve(problem).weight == pytest.approx(0.5)


def test_a_sequence_costs_its_filter_changes():
    # six visits and their dead times take 650 s: no time for two changes of 100 s
    problem = on_a_line(
        count=3, away_deg=0.5, filters=("g", "r", "g"), length_s=700.0, change_s=100.0
    )
    bound = upper_bound(problem)
    assert bound.without_slews == pytest.approx(2 / 3, abs=1e-6)
    assert bound.value == pytest.approx(1 / 3, abs=1e-6)


def test_both_solvers_give_the_same_bound(monkeypatch):
    problem = problem_of(
        np.random.default_rng(11), fields=25, filters=("g", "r"), length_s=4000.0, gap_s=500.0
    )
    assert isinstance(make_solver(), WarmSolver)
    warm = upper_bound(problem)
    monkeypatch.setattr(bound_linear, "WarmSolver", None)
    assert isinstance(make_solver(), PlainSolver)
    plain = upper_bound(problem)
    assert plain.value == pytest.approx(warm.value, abs=2e-4)


def test_a_bound_that_is_broken_off_holds():
    problem = problem_of(
        np.random.default_rng(5), fields=25, filters=("g", "r"), length_s=4000.0, gap_s=500.0
    )
    early, late = upper_bound(problem, deadline_s=0.0), upper_bound(problem)
    assert late.value <= early.value <= early.reachable + 1e-9
    assert not early.exact


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), filters=st.sampled_from([("g",), ("g", "r", "g")]))
def test_the_engine_stays_below_its_bound_and_keeps_every_rule(seed, filters):
    rng = np.random.default_rng(seed)
    problem = problem_of(
        rng,
        fields=25,
        filters=filters,
        length_s=float(rng.uniform(1000, 6000)),
        gap_s=float(rng.choice([0.0, 400.0, 900.0])),
        two_nights=bool(rng.random() < 0.5),
        max_fields=None if rng.random() < 0.6 else int(rng.integers(1, 12)),
    )
    found = solve(problem)
    assert found.weight <= found.bound.value + 1e-9
    rules = problem.rules
    counts: dict[int, list[float]] = {}
    before = None
    for visit in sorted(found.placed, key=lambda item: item.start_s):
        duration = rules.steps[visit.step].duration_s
        assert any(
            low - 1e-6 <= visit.start_s and visit.start_s + duration <= high + 1e-6
            for low, high in rules.intervals[visit.field]
        )
        if before is not None:
            need = max(READ_S, rules.slews.between(before.field, visit.field, before.start_s))
            changed = rules.steps[before.step].last_filter != rules.steps[visit.step].first_filter
            need += rules.filter_change_s if changed else 0.0
            end = before.start_s + rules.steps[before.step].duration_s
            assert visit.start_s >= end + need - 1e-3
        earlier = counts.setdefault(visit.field, [])
        assert visit.step == len(earlier)
        assert not earlier or visit.start_s >= earlier[-1] + rules.min_gap_s - 1e-3
        earlier.append(visit.start_s)
        before = visit
    assert all(len(starts) == len(filters) for starts in counts.values())
    assert problem.max_fields is None or len(counts) <= problem.max_fields
    assert problem.atoms.union(list(counts)) == pytest.approx(found.weight)


def test_the_same_seed_gives_the_same_schedule():
    problem = problem_of(
        np.random.default_rng(3), fields=20, filters=("g", "r"), length_s=4000.0, gap_s=500.0
    )
    assert solve(problem).placed == solve(problem).placed


def test_nothing_to_choose_from_is_bounded_by_nothing():
    problem = problem_of(
        np.random.default_rng(1), fields=3, filters=("g",), length_s=300.0, gap_s=0.0
    )
    empty = Problem(rules=problem.rules, atoms=problem.atoms, dark=())
    assert upper_bound(empty).value == 0.0
    assert solve(empty).placed == []

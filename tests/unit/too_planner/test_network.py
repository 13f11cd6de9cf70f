"""Several telescopes on one map: never worse than alone, near the best there is."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from too_common.astro.cone import cone_skymap
from too_planner import coverage, planning
from too_planner.assembly import Target
from too_planner.checker import check_plan
from too_planner.coverage import Points
from too_planner.network import plan_network, pointings_of
from too_planner.plan import CutReason

from .conftest import inputs_for

TELESCOPES = ("ZTF", "Gattini", "DECam")


def _members(telescopes, points, names=TELESCOPES, **values):
    values = {"probability": 1.0, "require_references": False, "max_fields": 3} | values
    return [inputs_for(telescopes[name], points, **values) for name in names]


def _union(plans, members, points) -> float:
    seen = np.zeros(len(points), dtype=bool)
    for plan, inputs in zip(plans, members, strict=True):
        (ra, dec), _ = pointings_of(plan)
        for a, d in zip(ra, dec, strict=True):
            seen[points.inside(inputs.footprint, a, d)] = True
    return float(points.weight[seen].sum())


def test_together_is_better_than_alone_and_no_limit_is_broken(telescopes):
    points = Points.of_map(cone_skymap(115.0, 15.0, 12.0, 0.9), 7)
    members = _members(telescopes, points)
    network = plan_network(members)
    told = network.statistics
    alone = [planning.make_plan(item) for item in members]
    assert told.probability_independent == pytest.approx(_union(alone, members, points), abs=1e-5)
    assert told.probability_best_single == pytest.approx(
        max(_union([plan], [item], points) for plan, item in zip(alone, members, strict=True)),
        abs=1e-5,
    )
    assert told.probability == pytest.approx(_union(network.plans, members, points), abs=1e-5)
    assert told.probability >= told.probability_independent >= told.probability_best_single
    # these telescopes would all look at the middle of the map
    assert told.probability > told.probability_independent + 0.02
    assert sum(row.share for row in told.members) == pytest.approx(told.probability, abs=1e-4)
    for row in told.members:
        assert row.own <= row.share <= row.probability + 1e-9
    for plan, item in zip(network.plans, members, strict=True):
        assert check_plan(plan, item.telescope) == []
    assert any(cut.reason is CutReason.OTHERS for plan in network.plans for cut in plan.cuts)


def test_a_telescope_with_nothing_left_repeats(telescopes):
    points = Points.of_map(cone_skymap(115.0, 10.0, 0.5, 0.9), 10)
    members = _members(telescopes, points, ("DECam", "Gattini"))
    network = plan_network(members)
    assert all(plan.exposures for plan in network.plans)
    (repeating,) = [row for row in network.statistics.members if row.repeats]
    plan = next(p for p in network.plans if p.telescope == repeating.telescope)
    assert "repeats sky" in plan.notes[-1]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_near_the_best_of_all_choices(telescopes, seed):
    """Two telescopes, two fields each, every choice counted."""
    rng = np.random.default_rng(seed)
    ra, dec = 115.0 + rng.uniform(-4, 4, 400), 15.0 + rng.uniform(-4, 4, 400)
    weight = rng.gamma(0.3, size=400)
    points = Points.make(ra, dec, weight / weight.sum(), np.full(400, 0.16))
    members = []
    for name, count in (("GROWTH-India", 9), ("DECam", 9)):
        inputs = inputs_for(
            telescopes[name], points, max_fields=2, probability=1.0, require_references=False
        )
        places = Target(
            [str(k) for k in range(count)],
            115.0 + rng.uniform(-4, 4, count),
            15.0 + rng.uniform(-4, 4, count),
        )
        camera = replace(inputs.footprint, radius_deg=2.0, shape="circle", circle_radius_deg=2.0)
        members.append(replace(inputs, targets=places, footprint=camera))
    masks = [
        [
            coverage.union_of([index], len(points))
            for index in coverage.members_of(
                points, item.footprint, item.targets.ra_deg, item.targets.dec_deg
            )
        ]
        for item in members
    ]
    pairs = [[a | b for a, b in combinations(found, 2)] for found in masks]
    best = max(float(points.weight[a | b].sum()) for a in pairs[0] for b in pairs[1])
    reached = plan_network(members).statistics.probability
    assert 0.95 * best <= reached <= best + 1e-6


def test_a_network_needs_one_map(telescopes, points):
    members = _members(telescopes, points, ("ZTF",))
    other = replace(members[0], points=Points.of_map(cone_skymap(0.0, 0.0, 5.0, 0.9), 7))
    with pytest.raises(ValueError, match="share one sky map"):
        plan_network([*members, other])
    with pytest.raises(ValueError, match="at least one"):
        plan_network([])
    assert plan_network(members).statistics.members[0].share > 0


def test_without_time_the_plans_are_those_made_alone(telescopes, points):
    members = _members(telescopes, points, ("ZTF", "Gattini"))
    network = plan_network(members, deadline_s=0.0)
    told = network.statistics
    assert told.probability == told.probability_independent

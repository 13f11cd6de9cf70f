"""Whole plans: no limit is ever broken, whatever is asked for."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from too_common.astro.cone import cone_skymap
from too_planner import planning
from too_planner.checker import check_plan
from too_planner.coverage import Points
from too_planner.difference import difference
from too_planner.plan import CutReason
from too_planner.telescope import FilterOrder

from .conftest import NOW, grid_of, inputs_for


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_no_plan_breaks_a_limit(telescopes, data):
    draw = data.draw
    telescope = telescopes[draw(st.sampled_from(["ZTF", "DECam", "Gattini", "GROWTH-India"]))]
    ra, dec = draw(st.floats(0, 359.9)), draw(st.floats(-80, 85))
    points = Points.of_map(cone_skymap(ra, dec, draw(st.floats(0.5, 12.0)), 0.9), 7)
    begin = NOW + timedelta(hours=draw(st.floats(0.1, 24 * 30)))
    length = timedelta(hours=draw(st.floats(0.2, 36)))
    windows = [{"begin": begin, "end": begin + length}]
    if draw(st.booleans()):
        later = begin + length + timedelta(hours=3)
        windows.append({"begin": later, "end": later + timedelta(hours=8)})
    filters = tuple(draw(st.lists(st.sampled_from(telescope.filters), min_size=1, max_size=3)))
    inputs = inputs_for(
        telescope,
        points,
        windows=windows,
        filters=filters,
        exposure_times_s=[draw(st.sampled_from([30.0, 120.0, 300.0, 900.0]))],
        min_gap_s=draw(st.sampled_from([0.0, 600.0, 1800.0, 3600.0])),
        airmass_max=draw(st.floats(1.1, 3.0)),
        moon_separation_min_deg=draw(st.floats(0, 60)),
        max_fields=draw(st.one_of(st.none(), st.integers(1, 30))),
        probability=draw(st.one_of(st.none(), st.floats(0.1, 1.0))),
        dither=draw(st.booleans()),
        filter_order=draw(st.sampled_from(FilterOrder)),
        require_references=False,
    )
    plan = planning.make_plan(inputs)
    assert check_plan(plan, telescope) == []
    assert bool(plan.exposures) != bool(plan.failure)
    statistics = plan.statistics
    assert statistics.exposures == len(plan.exposures)
    assert 0 <= statistics.probability_sequence <= statistics.probability <= 1.0001
    told = statistics.probability + sum(cut.probability for cut in plan.cuts)
    assert told == pytest.approx(1.0, abs=2e-5)


def test_the_checker_finds_what_is_wrong(telescopes, points):
    ztf = telescopes["ZTF"]
    plan = planning.make_plan(inputs_for(ztf, points))
    assert check_plan(plan, ztf) == []
    rows = list(plan.exposures)

    def broken(which=0, **changes) -> set[str]:
        changed = list(rows)
        changed[which] = rows[which].model_copy(update=changes)
        bad = plan.model_copy(update={"exposures": tuple(changed)})
        return {item.limit for item in check_plan(bad, ztf)}

    assert "window" in broken(start=rows[0].start - timedelta(days=2))
    assert {"twilight"} <= broken(start=rows[0].start.replace(hour=20))
    assert "altitude" in broken(dec_deg=-50.0)
    pauses = [b.start - a.start - timedelta(seconds=a.exposure_s) for a, b in pairwise(rows)]
    tight = pauses.index(min(pauses))
    assert "slew" in broken(tight, ra_deg=(rows[tight].ra_deg + 60) % 360)
    assert "filter" in broken(filter="z")
    assert "exposure_time" in broken(exposure_s=10.0)
    assert "overlap" in broken(start=rows[1].start - timedelta(seconds=100))
    moon_close = plan.parameters.model_copy(update={"moon_separation_min_deg": 170.0})
    bad = plan.model_copy(update={"parameters": moon_close})
    assert {item.limit for item in check_plan(bad, ztf)} == {"moon"}
    few = plan.parameters.model_copy(update={"max_fields": 1})
    bad = plan.model_copy(update={"parameters": few})
    assert "max_fields" in {item.limit for item in check_plan(bad, ztf)}
    wide = plan.parameters.model_copy(update={"min_gap_s": 20000.0})
    bad = plan.model_copy(update={"parameters": wide})
    assert "gap" in {item.limit for item in check_plan(bad, ztf)}
    needs = plan.parameters.model_copy(update={"require_references": True})
    bad = plan.model_copy(update={"parameters": needs})
    found = check_plan(bad, ztf, references=frozenset({(rows[0].field_id, "g")}))
    assert "reference" in {item.limit for item in found}


def test_the_rule_of_twenty_fields_three_visits_and_seventy_percent(telescopes, points):
    ztf = telescopes["ZTF"]
    plan = planning.make_plan(
        inputs_for(
            ztf,
            points,
            filters=["g", "r", "g"],
            exposure_times_s=[200.0],
            max_fields=20,
            probability=0.7,
        )
    )
    fields = {row.field_id for row in plan.exposures}
    assert len(fields) <= 20
    assert plan.statistics.probability_sequence >= 0.7
    for label in fields:
        visits = [row for row in plan.exposures if row.field_id == label]
        assert [row.filter for row in visits] == ["g", "r", "g"]
        assert all(row.exposure_s == 200 for row in visits)


def test_the_same_seed_gives_the_same_plan(telescopes, points):
    first = planning.make_plan(inputs_for(telescopes["ZTF"], points))
    again = planning.make_plan(inputs_for(telescopes["ZTF"], points))
    assert first.exposures == again.exposures


def test_sky_seen_before_counts_for_nothing(telescopes, points):
    ztf = telescopes["ZTF"]
    plan = planning.make_plan(inputs_for(ztf, points, probability=0.4))
    previous = [
        {"ra_deg": row.ra_deg, "dec_deg": row.dec_deg}
        for row in {row.field_id: row for row in plan.exposures}.values()
    ]
    rest = planning.make_plan(inputs_for(ztf, points, previous=previous))
    before = next(cut for cut in rest.cuts if cut.reason is CutReason.PREVIOUS)
    assert before.probability == pytest.approx(plan.statistics.probability, abs=1e-3)
    assert not {row.field_id for row in plan.exposures} & {row.field_id for row in rest.exposures}


def test_references_ra_slice_and_sets(telescopes, points):
    ztf = telescopes["ZTF"]
    free = planning.make_plan(inputs_for(ztf, points, field_sets=["primary", "secondary"]))
    assert any(int(row.field_id) >= 1000 for row in free.exposures)
    labels = {row.field_id for row in planning.make_plan(inputs_for(ztf, points)).exposures}
    one = next(iter(sorted(labels)))
    inputs = inputs_for(ztf, points, require_references=True)
    pairs = frozenset({(one, "g"), (one, "r")})
    masked = planning.make_plan(replace(inputs, references=pairs))
    assert {row.field_id for row in masked.exposures} == {one}
    assert any(cut.reason is CutReason.REFERENCES for cut in masked.cuts)
    sliced = planning.make_plan(inputs_for(ztf, points, ra_slice_h=[7.7, 24.0]))
    assert all(row.ra_deg >= 7.7 * 15 for row in sliced.exposures)
    wrapped = planning.make_plan(inputs_for(ztf, points, ra_slice_h=[22.0, 1.0]))
    assert not wrapped.exposures


def test_failures_say_why(telescopes):
    south = Points.of_map(cone_skymap(100.0, -75.0, 3.0, 0.9), 8)
    plan = planning.make_plan(inputs_for(telescopes["ZTF"], south))
    assert plan.failure.startswith("not observable in the window: 100% never above altitude")
    day = NOW.replace(hour=18)
    north = Points.of_map(cone_skymap(115.0, 10.0, 3.0, 0.9), 8)
    windows = [{"begin": day, "end": day + timedelta(hours=4)}]
    plan = planning.make_plan(inputs_for(telescopes["ZTF"], north, windows=windows))
    assert "no night" in plan.failure
    moon = Points.of_map(cone_skymap(40.0, 17.0, 1.0, 0.9), 8)
    plan = planning.make_plan(inputs_for(telescopes["GROWTH-India"], moon))
    assert "Moon" in plan.failure


def test_manual_lists_without_a_map_keep_their_order(telescopes):
    gattini = telescopes["Gattini"]
    grid = grid_of(gattini)
    near = np.argsort((grid.ra_deg - 115) ** 2 + (grid.dec_deg - 10) ** 2)[:5]
    ids = [int(value) for value in grid.field_id[near]]
    plan = planning.make_plan(inputs_for(gattini, None, field_ids=ids, keep_order=True))
    assert [int(row.field_id) for row in plan.exposures] == ids
    assert check_plan(plan, gattini) == []
    beside_the_sun = np.argmin((grid.ra_deg - 240) ** 2 + (grid.dec_deg + 20) ** 2)
    far = [int(grid.field_id[beside_the_sun])]
    windows = [{"begin": NOW, "end": NOW + timedelta(minutes=20)}]
    none = planning.make_plan(inputs_for(gattini, None, field_ids=far, windows=windows))
    assert none.failure


def test_dithers_are_two_exposures_a_visit(telescopes, points):
    decam = telescopes["DECam"]
    plan = planning.make_plan(inputs_for(decam, points, max_fields=3, probability=1.0))
    first, second = plan.exposures[:2]
    assert (first.dither, second.dither) == (0, 1)
    assert second.dec_deg - first.dec_deg == pytest.approx(60 / 3600, abs=1e-5)
    gap = (second.start - first.start).total_seconds() - first.exposure_s
    assert gap == pytest.approx(28.0, abs=0.01)


def test_integrated_order_takes_all_filters_at_once(telescopes, points):
    ztf = telescopes["ZTF"]
    plan = planning.make_plan(inputs_for(ztf, points, filter_order="integrated", max_fields=3))
    assert [row.filter for row in plan.exposures[:3]] == ["g", "r", "g"]
    assert len({row.field_id for row in plan.exposures[:3]}) == 1


def test_the_difference_of_two_plans(telescopes, points):
    from uuid import uuid4

    ztf = telescopes["ZTF"]
    before = planning.make_plan(inputs_for(ztf, points, max_fields=3))
    after = planning.make_plan(inputs_for(ztf, points, max_fields=5))
    footprint = planning.footprint_of(ztf, grid_of(ztf))
    found = difference(uuid4(), before, after, points=points, footprint=footprint)
    assert found.probability_before == before.statistics.probability
    assert found.probability_before_on_new_map == pytest.approx(
        before.statistics.probability, abs=1e-6
    )
    assert len(found.fields_added) - len(found.fields_dropped) == 2

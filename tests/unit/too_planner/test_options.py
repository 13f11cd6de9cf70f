"""Every option of a request, by its effect on a real plan."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from pydantic import ValidationError
from too_common.astro.cone import cone_skymap
from too_planner import planning
from too_planner.asked import Window, merged, without
from too_planner.checker import check_plan
from too_planner.coverage import Points
from too_planner.plan import CutReason
from too_planner.request import PlanRequest, RequestError, resolve

from .conftest import NOW, grid_of, inputs_for

FEW = {"max_fields": 4, "probability": 1.0, "require_references": False}


def _plan(telescopes, points, name="ZTF", **values):
    telescope = telescopes[name]
    plan = planning.make_plan(inputs_for(telescope, points, **(FEW | values)))
    assert check_plan(plan, telescope) == []
    return plan


def test_any_visit_sees_more_sky_in_one_filter(telescopes):
    wide = Points.of_map(cone_skymap(115.0, 10.0, 20.0, 0.9), 6)
    window = [{"begin": NOW + timedelta(hours=4), "end": NOW + timedelta(hours=9)}]
    free = {"max_fields": None, "windows": window}
    once = _plan(telescopes, wide, objective="any", filters=["g", "r", "g"], **free)
    whole = _plan(telescopes, wide, objective="seq", filters=["g", "r", "g"], **free)
    assert {row.filter for row in once.exposures} == {"g"}
    assert once.statistics.probability > whole.statistics.probability_sequence


def test_balanced_plans_have_whole_sequences_only(telescopes):
    wide = Points.of_map(cone_skymap(115.0, 10.0, 25.0, 0.9), 7)
    plan = _plan(telescopes, wide, balanced=True, max_fields=None, filters=["g", "r"])
    visits = {}
    for row in plan.exposures:
        visits.setdefault(row.field_id, []).append(row.filter)
    assert all(found == ["g", "r"] for found in visits.values())
    assert plan.statistics.probability == plan.statistics.probability_sequence


def test_filter_orders(telescopes, points):
    block = [row.filter for row in _plan(telescopes, points, filter_order="block").exposures]
    mixed = [row.filter for row in _plan(telescopes, points, filter_order="integrated").exposures]
    assert block == sorted(block[:4]) + ["r"] * 4 + ["g"] * 4
    assert mixed == ["g", "r", "g"] * 4


def test_the_gap_between_visits_is_kept(telescopes, points):
    for gap_s in (0.0, 5400.0):
        plan = _plan(telescopes, points, min_gap_s=gap_s, max_fields=2)
        starts = {}
        for row in plan.exposures:
            starts.setdefault(row.field_id, []).append(row.start)
        gaps = [(b - a).total_seconds() for found in starts.values() for a, b in pairwise(found)]
        assert gaps
        assert min(gaps) >= gap_s


def test_limits_of_airmass_altitude_moon_and_twilight(telescopes, points):
    low = _plan(telescopes, points)
    high = _plan(telescopes, points, airmass_max=1.3)
    assert max(row.airmass for row in high.exposures) <= 1.3
    up = _plan(telescopes, points, altitude_min_deg=60.0)
    assert max(row.airmass for row in up.exposures) <= 1 / np.sin(np.radians(60.0)) + 1e-3
    same = resolve(PlanRequest(telescope="ZTF", altitude_min_deg=5.0), telescopes["ZTF"], now=NOW)
    assert same.altitude_min_deg == 30.0  # never below the telescope's own
    late = _plan(telescopes, points, sun_altitude_max_deg=-18.0)
    assert min(row.start for row in late.exposures) >= min(row.start for row in low.exposures)
    away = planning.make_plan(inputs_for(telescopes["ZTF"], points, moon_separation_min_deg=150.0))
    assert not away.exposures
    assert away.cuts[0].reason is CutReason.MOON


def test_several_windows_and_time_that_is_taken(telescopes, points):
    nights = [
        {"begin": NOW + timedelta(hours=6), "end": NOW + timedelta(hours=8)},
        {"begin": NOW + timedelta(hours=30), "end": NOW + timedelta(hours=32)},
    ]
    plan = _plan(telescopes, points, windows=nights, max_fields=None)
    begins = {row.start > NOW + timedelta(hours=24) for row in plan.exposures}
    assert begins == {False, True}
    busy = [{"begin": NOW + timedelta(hours=6), "end": NOW + timedelta(hours=7)}]
    kept = _plan(telescopes, points, windows=nights[:1], busy=busy, filters=["r"])
    assert min(row.start for row in kept.exposures) >= NOW + timedelta(hours=7)
    with pytest.raises(RequestError, match="taken for all of the window"):
        inputs_for(
            telescopes["ZTF"],
            points,
            windows=nights[:1],
            busy=[{"begin": NOW, "end": NOW + timedelta(hours=9)}],
        )


def test_spans_are_joined_and_cut():
    def at(hour: float):
        return NOW + timedelta(hours=hour)

    joined = merged([(at(3), at(4)), (at(1), at(2)), (at(2), at(2.5))], slack_s=60.0)
    assert [(w.begin, w.end) for w in joined] == [(at(1), at(2.5)), (at(3), at(4))]
    left = without((Window(begin=at(0), end=at(5)),), tuple(joined))
    assert [(w.begin, w.end) for w in left] == [
        (at(0), at(1)),
        (at(2.5), at(3)),
        (at(4), at(5)),
    ]


def test_others_pointings_count_with_their_own_field_of_view(telescopes, points):
    before = _plan(telescopes, points)
    circle = {"ra_deg": 115.0, "dec_deg": 10.0, "radius_deg": 3.0, "depth_mag": 19.0}
    plan = _plan(telescopes, points, previous=[circle])
    cut = next(item for item in plan.cuts if item.reason is CutReason.PREVIOUS)
    inside = np.hypot((points.ra_deg - 115) * np.cos(np.radians(10)), points.dec_deg - 10) < 3
    assert cut.probability == pytest.approx(points.weight[inside].sum(), abs=0.01)
    square = {"ra_deg": 115.0, "dec_deg": 10.0, "side_deg": 1.0}
    corners = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]
    polygon = {"ra_deg": 115.0, "dec_deg": 10.0, "polygon_deg": corners}
    cuts = [
        next(c for c in _plan(telescopes, points, previous=[p]).cuts if c.reason == "previous")
        for p in (square, polygon)
    ]
    assert cuts[0].probability == cuts[1].probability > 0
    # too shallow to count
    shallow = _plan(telescopes, points, previous=[circle], previous_depth_min_mag=20.0)
    assert shallow.exposures == before.exposures
    with pytest.raises(ValidationError, match="one of radius_deg"):
        PlanRequest(telescope="ZTF", previous=[circle | {"side_deg": 1.0}])


def test_dithered_exposures_keep_the_limits_at_their_own_place(telescopes):
    """A field near the pole stands for hours at the limit: its offset place does so elsewhere."""
    gattini = telescopes["Gattini"]
    polar = Points.of_map(cone_skymap(0.0, 80.0, 5.0, 0.9), 7)
    begin = NOW + timedelta(hours=2)
    plan = planning.make_plan(
        inputs_for(
            gattini,
            polar,
            windows=[{"begin": begin, "end": begin + timedelta(hours=4)}],
            filters=["J"],
            exposure_times_s=[30.0],
            min_gap_s=0.0,
            airmass_max=1.5,
            moon_separation_min_deg=0.0,
            dither=True,
        )
    )
    assert check_plan(plan, gattini) == []


def test_idle_time_is_filled_with_sky_that_nobody_saw(telescopes):
    """Time in which no field can get the whole sequence."""
    wide = Points.of_map(cone_skymap(115.0, 10.0, 25.0, 0.9), 7)
    window = [{"begin": NOW + timedelta(hours=6), "end": NOW + timedelta(hours=7.5)}]
    free = {"max_fields": None, "windows": window, "min_gap_s": 3600.0}
    filled = _plan(telescopes, wide, fill=True, **free)
    assert filled.statistics.probability > 0.2
    assert filled.statistics.probability_sequence == 0.0
    assert not _plan(telescopes, wide, fill=False, **free).exposures
    assert not _plan(telescopes, wide, balanced=True, **free).exposures


def test_probability_and_number_of_fields_end_a_plan(telescopes, points):
    some = _plan(telescopes, points, probability=0.3, max_fields=None, fill=False)
    more = _plan(telescopes, points, probability=0.6, max_fields=None, fill=False)
    assert 0.3 <= some.statistics.probability_sequence < more.statistics.probability_sequence
    assert len({row.field_id for row in _plan(telescopes, points, max_fields=2).exposures}) == 2


def test_the_right_ascensions_may_wrap(telescopes):
    points = Points.of_map(cone_skymap(2.0, 20.0, 9.0, 0.9), 7)
    plan = _plan(telescopes, points, ra_slice_h=(23.5, 0.2), max_fields=None)
    assert plan.exposures
    assert all(row.ra_deg >= 23.5 * 15 or row.ra_deg <= 0.2 * 15 for row in plan.exposures)


def test_references_are_asked_for_in_every_filter(telescopes, points):
    inputs = inputs_for(telescopes["ZTF"], points, **(FEW | {"require_references": True}))
    grid = grid_of(telescopes["ZTF"])
    labels = [str(value) for value in grid.field_id]
    pairs = frozenset((label, "g") for label in labels)
    assert not planning.make_plan(replace(inputs, references=pairs)).exposures
    only = replace(inputs, references=pairs | {(label, "r") for label in labels})
    assert planning.make_plan(only).exposures


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"galaxy_distance_mpc": (100, 20)}, "a smaller and a larger distance"),
        ({"altitude_min_deg": 91}, "less than 90"),
        ({"objective": "best"}, "'seq' or 'any'"),
        ({"depth": {"absolute_mag": {}}}, "at least 1"),
    ],
)
def test_what_cannot_be_meant_is_said(values, words):
    with pytest.raises(ValidationError, match=words):
        PlanRequest(telescope="ZTF", **values)


def test_free_pointings_need_a_telescope_that_points_freely(telescopes):
    with pytest.raises(RequestError, match="fields of its grid only, no free pointings"):
        resolve(PlanRequest(telescope="ZTF", strategy="free"), telescopes["ZTF"], now=NOW)

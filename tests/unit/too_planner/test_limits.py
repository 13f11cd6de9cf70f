"""No plan ever breaks a limit: random telescopes, maps and requests, judged by astropy."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from too_common.astro.cone import cone_skymap
from too_common.astro.sphere import from_tangent_plane
from too_planner import fieldgrid, planning
from too_planner.checker import check_plan
from too_planner.coverage import Points
from too_planner.request import PlanRequest, resolve
from too_planner.telescope import TelescopeDefinition, parse_definition

from .brute_force import location, sky_at
from .conftest import inputs_for
from .independent_checker import broken_limits

pytestmark = pytest.mark.filterwarnings("ignore")
BEGIN = datetime(2026, 9, 1, tzinfo=UTC)


@st.composite
def telescopes_of_any_kind(draw) -> TelescopeDefinition:
    footprint = draw(
        st.sampled_from(
            [
                {"type": "circle", "radius_deg": 1.2},
                {"type": "square", "side_deg": 2.5},
                {"type": "rectangles", "rectangles_deg": [(-0.8, 0, 0.7, 1.4), (0.8, 0, 0.7, 1.4)]},
                {
                    "type": "polygons",
                    "polygons_deg": [
                        [(-1.5, -1.0), (0.0, -1.4), (0.0, 1.0)],
                        [(0.1, -1.2), (1.5, 0.0), (0.1, 1.3)],
                    ],
                },
            ]
        )
    )
    slew = {"model": "rate", "rate_deg_per_s": draw(st.sampled_from([0.3, 1.0, 4.0]))}
    if draw(st.booleans()):
        slew = {
            "model": "axes",
            "hour_angle": {"max_speed_deg_per_s": 2.0, "acceleration_deg_per_s2": 0.4},
            "declination": {"max_speed_deg_per_s": 1.0, "acceleration_deg_per_s2": 0.3},
        }
    slew["settle_s"] = draw(st.sampled_from([0.0, 3.5]))
    limits = {
        "altitude_min_deg": draw(st.sampled_from([0.0, 10.0, 30.0])),
        "sun_altitude_max_deg": draw(st.sampled_from([-18.0, -12.0, -6.0])),
        "moon_separation_min_deg": draw(st.sampled_from([0.0, 15.0, 45.0])),
    }
    if draw(st.booleans()):
        limits["hour_angle_h"] = draw(st.sampled_from([(-2.0, 2.0), (-5.5, 4.0), (0.5, 6.0)]))
    if draw(st.booleans()):
        limits["dec_deg"] = draw(st.sampled_from([(-35.0, 70.0), (-90.0, 20.0)]))
    if draw(st.booleans()):
        limits["forbidden"] = [
            {"dec_max_deg": 40.0, "hour_angle_min_h": -3.0, "hour_angle_max_h": 0.5}
        ]
    return parse_definition(
        {
            "name": "Any",
            "long_name": "any telescope",
            "site": {
                "latitude_deg": draw(st.sampled_from([-89.0, -67.0, -30.2, 0.0, 33.4, 52.0, 78.2])),
                "longitude_deg": draw(st.floats(-179.9, 179.9)),
                "elevation_m": draw(st.sampled_from([0.0, 2400.0])),
                "timezone": "UTC",
            },
            "footprint": footprint,
            "grid": {"file": "any.npz", "sets": ["primary"]},
            "filters": ["g", "r", "i"],
            "timing": {
                "overhead_s": draw(st.sampled_from([0.0, 8.0, 30.0])),
                "filter_change_s": draw(st.sampled_from([0.0, 45.0])),
                "slew": slew,
            },
            "limits": limits,
            "defaults": {"filters": ["g"], "exposure_times_s": [60.0]},
        }
    )


@st.composite
def requests(draw) -> dict:
    filters = draw(st.sampled_from(["g", "r", "gr", "grg", "gri", "ggg"]))
    begin = BEGIN + timedelta(hours=draw(st.floats(0, 24 * 120)))
    length = timedelta(hours=draw(st.sampled_from([0.5, 4.0, 24.0])))
    windows = [{"begin": begin, "end": begin + length}]
    if draw(st.booleans()):
        later = begin + length + timedelta(hours=5)
        windows.append({"begin": later, "end": later + timedelta(hours=9)})
    goal = draw(st.sampled_from(["seq", "any"]))
    return {
        "telescope": "Any",
        "windows": windows,
        "filters": list(filters),
        "exposure_times_s": draw(st.sampled_from([[30.0], [200.0], [900.0]])),
        "min_gap_s": draw(st.sampled_from([0.0, 900.0, 2700.0])),
        "airmass_max": draw(st.sampled_from([1.3, 2.0, 3.0])),
        "max_fields": draw(st.sampled_from([None, 3, 12])),
        "probability": draw(st.sampled_from([0.5, 1.0])),
        "galactic_latitude_min_deg": draw(st.sampled_from([None, 12.0])),
        "ra_slice_h": draw(st.sampled_from([None, None, (3.0, 15.0), (20.0, 5.0)])),
        "filter_order": draw(st.sampled_from(["block", "block", "integrated"])),
        "dither": draw(st.booleans()),
        "balanced": goal == "seq" and draw(st.booleans()),
        "objective": goal,
    }


def _plan_of(telescope: TelescopeDefinition, asked: dict, ra: float, dec: float, radius: float):
    parameters = resolve(PlanRequest.model_validate(asked), telescope, now=BEGIN)
    step = 2.2
    x, y = np.meshgrid(np.arange(-4, 5) * step, np.arange(-4, 5) * step)
    grid_ra, grid_dec = from_tangent_plane(
        np.full(x.size, ra), np.full(x.size, dec), x.ravel(), y.ravel()
    )
    grid = fieldgrid.make_grid(np.arange(x.size), grid_ra % 360.0, grid_dec)
    return planning.make_plan(
        planning.Inputs(
            telescope=telescope,
            footprint=planning.footprint_of(telescope, grid),
            parameters=parameters,
            targets=planning.targets_of_grid(grid),
            points=Points.of_map(cone_skymap(ra, dec, radius, 0.9), 7),
            structures=6,
        )
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    telescope=telescopes_of_any_kind(),
    asked=requests(),
    place=st.tuples(st.floats(0, 359.99), st.floats(-88, 88), st.sampled_from([2.0, 8.0])),
)
def test_no_telescope_is_asked_for_what_it_cannot_do(telescope, asked, place):
    plan = _plan_of(telescope, asked, *place)
    assert broken_limits(plan, telescope) == []
    assert check_plan(plan, telescope) == []
    assert bool(plan.exposures) != bool(plan.failure)
    told = plan.statistics.probability + sum(cut.probability for cut in plan.cuts)
    assert told == pytest.approx(1.0, abs=2e-5)


@pytest.mark.parametrize("latitude", [-89.0, -30.2, 0.0, 33.4, 69.0])
@pytest.mark.parametrize("ra_slice", [None, (22.0, 2.0)])
def test_sky_that_is_up_is_planned(latitude, ra_slice):
    """The other side of it: where astropy finds sky that is up in the dark, there is a plan."""
    begin = datetime(2026, 10, 10, 0, 0, tzinfo=UTC)
    seconds = np.arange(0.0, 86400.0, 600.0)
    sky = sky_at(location(latitude, 20.0, 1000.0), begin, seconds, [0.0], [latitude * 0.8])
    up = (sky.altitude_deg[0] > 35.0) & (sky.sun_altitude_deg < -14.0) & (sky.moon_deg[0] > 30)
    telescope = parse_definition(
        {
            "name": "Any",
            "long_name": "any telescope",
            "site": {"latitude_deg": latitude, "longitude_deg": 20.0, "elevation_m": 1000.0,
                     "timezone": "UTC"},
            "footprint": {"type": "square", "side_deg": 3.0},
            "grid": {"file": "any.npz", "sets": ["primary"]},
            "filters": ["g"],
            "timing": {"overhead_s": 10.0, "slew": {"model": "rate", "rate_deg_per_s": 1.0}},
            "defaults": {"filters": ["g"], "exposure_times_s": [60.0]},
        }
    )  # fmt: skip
    asked = {
        "telescope": "Any", "windows": [{"begin": begin, "end": begin + timedelta(hours=24)}],
        "ra_slice_h": ra_slice,
    }  # fmt: skip
    plan = _plan_of(telescope, asked, 0.0, latitude * 0.8, 3.0)
    assert bool(plan.exposures) == bool(up.any())
    assert broken_limits(plan, telescope) == []


def test_the_independent_checker_sees_what_is_wrong(telescopes, points):
    """A check that cannot fail is none."""
    gattini = telescopes["Gattini"]
    plan = planning.make_plan(inputs_for(gattini, points, filters=["J", "J"], min_gap_s=1200.0))
    assert broken_limits(plan, gattini) == []
    rows = list(plan.exposures)

    def broken(asked: dict | None = None, **changes) -> set[str]:
        changed = (rows[0].model_copy(update=changes), *rows[1:])
        bad = plan.model_copy(
            update={
                "exposures": changed,
                "parameters": plan.parameters.model_copy(update=asked or {}),
            }
        )
        return set(broken_limits(bad, gattini))

    assert {"airmass"} <= broken(dec_deg=-60.0)
    assert {"twilight", "window"} <= broken(start=rows[0].start.replace(hour=0))
    late = rows[1].start - timedelta(seconds=rows[0].exposure_s + 1.0)
    assert any("missing" in words for words in broken(start=late))
    assert "moon" in broken({"moon_separation_min_deg": 170.0})
    assert "galactic plane" in broken({"galactic_latitude_min_deg": 80.0})
    assert "right ascension" in broken({"ra_slice_h": (20.0, 2.0)})
    assert any("gap" in words for words in broken({"min_gap_s": 40000.0}))
    assert any("fields" in words for words in broken({"max_fields": 1}))
    assert any("for 7.0 s" in words for words in broken(exposure_s=7.0))
    assert any("order of filters" in words for words in broken({"filters": ("H", "J")}))

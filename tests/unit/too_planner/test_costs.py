"""What every constraint costs, against a count of pixels with astropy's transformations."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from too_common.astro.cone import cone_skymap
from too_planner import planning, visibility
from too_planner.coverage import Points
from too_planner.plan import CutReason
from too_planner.reach import Constraint, find_reach
from too_planner.telescope import ForbiddenZone, Site
from too_planner.visibility import Constraints

from .brute_force import location, map_pixels, sky_at
from .conftest import grid_of, inputs_for

EPOCH = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
CHILE = Site(latitude_deg=-30.17, longitude_deg=-70.8, elevation_m=2200.0, timezone="UTC")
NORWAY = Site(latitude_deg=66.0, longitude_deg=25.0, elevation_m=100.0, timezone="UTC")

CASES = {
    # the Moon in it, and the galactic plane; half a night from the south
    "south": (
        CHILE,
        (75.0, 5.0, 30.0),
        [(0.0, 14400.0)],
        Constraints(
            airmass_max=1.4,
            hour_angle_h=(-2.5, 4.0),
            dec_deg=(-90.0, 25.0),
            sun_altitude_max_deg=-15.0,
            moon_separation_min_deg=30.0,
        ),
        10.0,
        None,
    ),
    # across RA 0 and the pole, from where nights are long: two windows, the Sun beside the map
    "north": (
        NORWAY,
        (330.0, 50.0, 30.0),
        [(0.0, 30000.0), (60000.0, 80000.0)],
        Constraints(
            airmass_max=1.7,
            altitude_min_deg=20.0,
            forbidden=(
                ForbiddenZone(dec_max_deg=40.0, hour_angle_min_h=0.0, hour_angle_max_h=5.0),
            ),
            sun_altitude_max_deg=-18.0,
            moon_separation_min_deg=40.0,
        ),
        8.0,
        (20.0, 3.0),
    ),
    # beside the Sun, which is up for most of the window
    "daylight": (
        CHILE,
        (225.0, -25.0, 20.0),
        [(0.0, 86400.0)],
        Constraints(
            airmass_max=2.0,
            altitude_min_deg=5.0,
            sun_altitude_max_deg=-12.0,
            moon_separation_min_deg=20.0,
        ),
        0.0,
        None,
    ),
}


def _counted(site, skymap, cone, windows, limits, plane, hours):
    """Shares, and what dropping one alone brings, pixel by pixel."""
    ra, dec, probability = map_pixels(skymap, 6, (cone[0], cone[1], 1.7 * cone[2]))
    # moments of its own, not those of the planner
    step = 310.0 if len(windows) == 1 else 620.0
    seconds = np.concatenate([np.arange(begin, end + 1, step) for begin, end in windows])
    sky = sky_at(
        location(site.latitude_deg, site.longitude_deg, site.elevation_m), EPOCH, seconds, ra, dec
    )
    sine = np.sin(np.radians(sky.altitude_deg))
    inside = ((dec >= limits.dec_deg[0]) & (dec <= limits.dec_deg[1]))[:, None]
    if limits.hour_angle_h is not None:
        low, high = limits.hour_angle_h
        inside = inside & (sky.hour_angle_h >= low) & (sky.hour_angle_h <= high)
    for zone in limits.forbidden:
        angle = sky.hour_angle_h
        closed = (angle > zone.hour_angle_min_h) & (angle < zone.hour_angle_max_h)
        inside = inside & ~(closed & (dec <= zone.dec_max_deg)[:, None])
    slice_ok = np.ones(len(ra), dtype=bool)
    if hours is not None:
        slice_ok = (ra / 15 >= hours[0]) | (ra / 15 <= hours[1])
    holds = {
        Constraint.NEVER_UP: sky.altitude_deg >= limits.altitude_min_deg,
        Constraint.DAYLIGHT: np.broadcast_to(
            sky.sun_altitude_deg <= limits.sun_altitude_max_deg, sine.shape
        ),
        Constraint.AIRMASS: sine >= 1 / limits.airmass_max,
        Constraint.TELESCOPE_LIMITS: np.broadcast_to(inside, sine.shape),
        Constraint.MOON: sky.moon_deg >= limits.moon_separation_min_deg,
        Constraint.GALACTIC_PLANE: np.broadcast_to(
            (np.abs(sky.galactic_latitude_deg) >= plane)[:, None], sine.shape
        ),
        Constraint.RA_SLICE: np.broadcast_to(slice_ok[:, None], sine.shape),
    }
    shares, left, now = {}, np.ones(len(ra), dtype=bool), np.ones(sine.shape, dtype=bool)
    for name, mask in holds.items():
        now = now & mask
        still = now.any(axis=1)
        shares[name] = probability[left & ~still].sum()
        left = still
    brings = {}
    for name in holds:
        others = np.logical_and.reduce([mask for key, mask in holds.items() if key is not name])
        others = others & (sky.altitude_deg >= 0)
        brings[name] = probability[others.any(axis=1) & ~left].sum()
    return shares, probability[left].sum(), brings


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", list(CASES))
def test_every_part_is_that_of_a_count_by_astropy(name):
    site, cone, windows, limits, plane, hours = CASES[name]
    skymap = cone_skymap(*cone, 0.9)
    points = Points.of_map(skymap, 7)
    night = visibility.make_night(site, EPOCH, windows, limits.sun_altitude_max_deg)
    reach = find_reach(
        night, windows, limits, points, galactic_latitude_min_deg=plane, ra_slice_h=hours
    )
    weight = points.weight / points.weight.sum()
    shares, good = reach.shares(weight)
    brings = reach.brings(weight)
    expected, expected_good, expected_brings = _counted(
        site, skymap, cone, windows, limits, plane, hours
    )
    assert sum(shares.values()) + good == pytest.approx(1.0, abs=1e-9)
    assert good == pytest.approx(expected_good, abs=0.012)
    for part in Constraint:
        assert shares[part] == pytest.approx(expected[part], abs=0.012), part
        assert brings[part] == pytest.approx(expected_brings[part], abs=0.012), part
    # the case says something: several constraints cost a lot
    assert sum(value > 0.02 for value in expected.values()) >= 2


@pytest.mark.parametrize(("name", "radius_deg"), [("Gattini", 4.0), ("DECam", 2.0)])
def test_gaps_references_and_what_is_seen_are_those_of_a_count(telescopes, name, radius_deg):
    telescope = telescopes[name]
    skymap = cone_skymap(115.0, 10.0, radius_deg, 0.9)
    points = Points.of_map(skymap, 10)
    grid = grid_of(telescope)
    inputs = inputs_for(
        telescope, points, require_references=True, dither=False, probability=1.0, filters=["J"]
        if name == "Gattini" else ["g"],
    )  # fmt: skip
    band = inputs.parameters.filters[0]
    near = np.flatnonzero((np.abs(grid.ra_deg - 115) < 12) & (np.abs(grid.dec_deg - 10) < 12))
    has = {str(grid.field_id[i]) for i in near if int(grid.field_id[i]) % 3}
    plan = planning.make_plan(replace(inputs, references=frozenset((label, band) for label in has)))
    ra, dec, probability = map_pixels(skymap, 10, (115.0, 10.0, 2.2 * radius_deg))

    def union(labels) -> np.ndarray:
        seen = np.zeros(len(ra), dtype=bool)
        for i in near:
            if str(grid.field_id[i]) in labels:
                seen |= inputs.footprint.contains(grid.ra_deg[i], grid.dec_deg[i], ra, dec)
        return seen

    used = {row.field_id for row in plan.exposures}
    seen, allowed = union(used), union(has)
    anywhere = union({str(grid.field_id[i]) for i in near})
    cost = {cut.reason: cut.probability for cut in plan.cuts}
    assert plan.statistics.probability == pytest.approx(probability[seen].sum(), abs=3e-3)
    lacking = probability[anywhere & ~allowed].sum()
    assert cost[CutReason.REFERENCES] == pytest.approx(lacking, abs=3e-3)
    assert lacking > 0.05
    gaps = probability[~anywhere].sum()
    assert cost.get(CutReason.NO_FIELD, 0.0) == pytest.approx(gaps, abs=3e-3)
    unseen = sum(
        cost.get(reason, 0.0)
        for reason in (CutReason.NO_TIME, CutReason.OVERHEADS, CutReason.ENOUGH)
    )
    assert unseen == pytest.approx(probability[allowed & ~seen].sum(), abs=3e-3)


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_parts_and_what_is_seen_make_up_the_map(telescopes, data):
    draw = data.draw
    name = draw(st.sampled_from(["ZTF", "DECam", "Gattini", "GROWTH-India"]))
    telescope = telescopes[name]
    cone = cone_skymap(
        draw(st.floats(0, 359)), draw(st.floats(-85, 85)), draw(st.floats(1, 20)), 0.9
    )
    points = Points.of_map(cone, 7)
    inputs = inputs_for(
        telescope,
        points,
        galactic_latitude_min_deg=draw(st.sampled_from([None, 10.0, 40.0])),
        ra_slice_h=draw(st.sampled_from([None, (2.0, 9.0), (20.0, 4.0)])),
        max_fields=draw(st.sampled_from([None, 2])),
        probability=draw(st.sampled_from([0.3, 1.0])),
        moon_separation_min_deg=draw(st.sampled_from([0.0, 30.0])),
        require_references=draw(st.booleans()),
        previous=[{"ra_deg": 115.0, "dec_deg": 10.0, "radius_deg": 8.0}],
    )  # fmt: skip
    plan = planning.make_plan(replace(inputs, structures=6))
    total = plan.statistics.probability + sum(cut.probability for cut in plan.cuts)
    assert total == pytest.approx(1.0, abs=2e-5)
    assert all(cut.probability >= 0 for cut in plan.cuts)
    out = 1 - plan.statistics.probability
    assert all(cut.lifted is None or 0 <= cut.lifted <= out + 2e-5 for cut in plan.cuts)
    told = {cost.constraint: cost for cost in plan.statistics.costs}
    assert {"never_up", "daylight", "airmass"} <= set(told)
    assert ("galactic_plane" in told) == (inputs.parameters.galactic_latitude_min_deg > 0)
    assert ("references" in told) == inputs.parameters.require_references
    for cut in plan.cuts:
        assert cut.probability <= 1.0


def test_dropping_a_constraint_brings_what_was_told(telescopes):
    """A second plan without it reaches at least that sky."""
    gattini = telescopes["Gattini"]
    points = Points.of_map(cone_skymap(45.0, 20.0, 12.0, 0.9), 8)
    with_moon = planning.make_plan(
        inputs_for(gattini, points, moon_separation_min_deg=25.0, probability=1.0)
    )
    cut = next(cut for cut in with_moon.cuts if cut.reason is CutReason.MOON)
    assert cut.probability > 0.1
    without = planning.make_plan(
        inputs_for(gattini, points, moon_separation_min_deg=0.0, probability=1.0)
    )
    gained = without.bound.reachable - with_moon.bound.reachable
    # the told sky knows no gaps between fields
    assert 0.85 * cut.lifted <= gained <= cut.lifted + 0.05


def test_the_galactic_plane_is_left_out_on_demand(telescopes):
    from astropy.coordinates import SkyCoord

    ztf = telescopes["ZTF"]
    points = Points.of_map(cone_skymap(100.0, 15.0, 12.0, 0.9), 8)
    everywhere = planning.make_plan(inputs_for(ztf, points, probability=1.0))
    plan = planning.make_plan(
        inputs_for(ztf, points, probability=1.0, galactic_latitude_min_deg=10.0)
    )

    def lowest(rows) -> float:
        places = SkyCoord([row.ra_deg for row in rows], [row.dec_deg for row in rows], unit="deg")
        return float(np.abs(places.galactic.b.deg).min())

    assert lowest(everywhere.exposures) < 10.0 <= lowest(plan.exposures)
    cut = next(cut for cut in plan.cuts if cut.reason is CutReason.GALACTIC_PLANE)
    assert cut.probability > 0.05
    assert cut.words == "within 10 deg of the galactic plane"
    none = planning.make_plan(inputs_for(ztf, points, galactic_latitude_min_deg=60.0))
    assert none.failure is not None
    assert "galactic plane" in none.failure

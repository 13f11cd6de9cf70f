"""How deep a plan goes: the formulae against published numbers, plans against their own report."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm
from too_common.astro import distance, pixels
from too_common.astro.cone import cone_skymap
from too_planner import depth, making, planning, skybrightness
from too_planner.coverage import Points
from too_planner.request import DepthTarget, PlanRequest, RequestError, resolve
from too_planner.telescope import FilterDepth

from .conftest import NOW, grid_of


def _dark(airmass: float = 1.0, **values) -> depth.Sky:
    altitude = np.degrees(np.arcsin(1 / airmass))
    full = {
        "airmass": airmass,
        "altitude_deg": altitude,
        "moon_altitude_deg": -30.0,
        "separation_deg": 90.0,
        "phase_angle_deg": 90.0,
    } | values
    return depth.Sky(**{name: np.array([value]) for name, value in full.items()})


def test_moonlight_is_that_of_an_independent_program():
    """desispec's specsim gives 19.855 for this example of Krisciunas & Schaefer's model."""
    light = skybrightness.moonlight_nl(
        phase_angle_deg=45.0,
        separation_deg=50.0,
        moon_altitude_deg=20.0,
        altitude_deg=70.0,
        extinction_mag=0.15,
    )
    assert skybrightness.magnitudes(light) == pytest.approx(19.855, abs=0.002)
    assert skybrightness.nano_lamberts(21.587) == pytest.approx(79.0, abs=0.1)


def test_the_moon_matters_when_it_is_up_full_near_and_blue():
    def loss(name="g", **values) -> float:
        full = {
            "phase_angle_deg": 10.0,
            "separation_deg": 60.0,
            "moon_altitude_deg": 50.0,
            "altitude_deg": 60.0,
        } | values
        return float(skybrightness.brightening_mag(name, **full))

    assert loss(moon_altitude_deg=-1.0) == 0.0
    assert loss() > 2.0
    assert loss(phase_angle_deg=120.0) < 0.5 * loss()
    assert loss(separation_deg=20.0) > loss() > loss(separation_deg=90.0)
    assert loss("g") > loss("r") > loss("i") > loss("z") > 0
    assert loss("J") == 0.0


def test_limiting_magnitudes_scale_as_they_should():
    known = FilterDepth(magnitude=20.4, exposure_s=30.0)

    def limit(seconds=30.0, sky=None, filter_depth=known) -> float:
        return float(depth.limiting_mag(filter_depth, "r", seconds, sky or _dark())[0])

    assert limit() == pytest.approx(20.4)
    assert limit(120.0) == pytest.approx(20.4 + 1.25 * np.log10(4))
    assert limit(sky=_dark(2.0)) == pytest.approx(20.4 - 0.126 - 1.5 * np.log10(2))
    clear = FilterDepth(magnitude=20.4, exposure_s=30.0, extinction_mag=0.0)
    assert limit(sky=_dark(2.0), filter_depth=clear) > limit(sky=_dark(2.0))
    bright = _dark(moon_altitude_deg=60.0, phase_angle_deg=5.0, separation_deg=45.0)
    assert 18.5 < limit(sky=bright) < 20.0
    # M = -16 at m = 20.4: mu = 36.4
    assert depth.reach_mpc(20.4, -16.0) == pytest.approx(10 ** (36.4 / 5 + 1) / 1e6, rel=1e-9)


def _with_distance(skymap, mu: float, sigma: float):
    size = len(skymap.probdensity)
    norms = np.full(size, 1.0 / (mu**2 + sigma**2))
    return replace(skymap, distmu=np.full(size, mu), distsigma=np.full(size, sigma), distnorm=norms)


def test_the_share_of_distances_in_reach_is_that_of_the_map():
    skymap = _with_distance(cone_skymap(115.0, 10.0, 3.0, 0.9), 200.0, 20.0)
    far = depth.Distances(DepthTarget(absolute_mag={"r": -16.0}), skymap)
    ra, dec = np.array([115.0, 115.5]), np.array([10.0, 10.5])
    for reach in (150.0, 200.0, 240.0):
        found = far.within(ra, dec, np.full(2, reach))
        # r^2 times a Gaussian, summed on a fine line
        r = np.linspace(1, 500, 20001)
        p = r**2 * norm.pdf(r, 200.0, 20.0)
        assert found == pytest.approx(p[r <= reach].sum() / p.sum(), abs=0.03)
    mean, std = distance.moments(np.array([200.0]), np.array([20.0]))
    assert far.moments(ra, dec, np.ones(2)) == pytest.approx((mean[0], std[0]), rel=1e-6)
    given = DepthTarget(absolute_mag={"r": -16.0}, distance_mpc=100.0, distance_err_mpc=10.0)
    near = depth.Distances(given, skymap).within(ra, dec, np.full(2, 110.0))
    assert near == pytest.approx(norm.cdf(1.0), abs=1e-9)
    with pytest.raises(depth.DepthError, match="no distances"):
        depth.Distances(DepthTarget(absolute_mag={"r": -16.0}), cone_skymap(1.0, 1.0, 3.0, 0.9))


def _make(telescopes, skymap, points, name="ZTF", **values):
    telescope = telescopes[name]
    asked = {"require_references": False, "max_fields": 4, "probability": 1.0} | values
    request = PlanRequest(telescope=name, **asked)
    parameters = resolve(request, telescope, now=NOW)
    inputs, _ = making.inputs_of(
        making.Material(telescope, parameters, grid_of(telescope), points, skymap)
    )
    return making.make(replace(inputs, structures=8))


def test_a_plan_goes_where_the_target_can_be_seen(telescopes):
    """The eastern half of the map is too far for the target; without a depth nobody would care."""
    whole = cone_skymap(115.0, 12.0, 12.0, 0.9)
    ra, _ = pixels.centres(whole.order, whole.ipix)
    mu = np.where(ra > 115.0, 600.0, 60.0)
    skymap = replace(
        whole, distmu=mu, distsigma=np.full(len(mu), 5.0), distnorm=1.0 / (mu**2 + 25.0)
    )
    points = Points.of_map(skymap, 7)
    asked = {"max_fields": 4, "filters": ["r"], "exposure_times_s": [300]}
    plain = _make(telescopes, skymap, points, **asked)
    deep = _make(telescopes, skymap, points, **asked, depth={"absolute_mag": {"r": -15.5}})
    report = deep.depth
    assert plain.depth is None
    assert deep.galaxy_score is None
    assert deep.statistics.probability < plain.statistics.probability
    # what the plan without a depth has in reach: its points in the west
    camera = planning.footprint_of(telescopes["ZTF"], grid_of(telescopes["ZTF"]))
    seen = np.zeros(len(points), dtype=bool)
    for row in plain.exposures:
        seen[points.inside(camera, row.ra_deg, row.dec_deg)] = True
    plain_west = points.weight[seen & (points.ra_deg < 115.0)].sum()
    assert report.probability_detectable > plain_west + 0.01
    near = [item for item in report.fields if item.reached]
    assert len(near) == report.fields_reached >= 1
    for item in report.fields:
        assert item.reached == (item.within_reach >= 0.9)
        if not item.reached and item.exposure_needed_s is not None:
            assert item.exposure_needed_s > item.exposure_s
    assert "dust" in report.note


def test_the_exposure_time_is_chosen_for_the_target(telescopes):
    skymap = _with_distance(cone_skymap(115.0, 10.0, 3.0, 0.9), 150.0, 15.0)
    points = Points.of_map(skymap, 7)
    wanted = {"absolute_mag": {"r": -15.5}, "exposure_max_s": 300.0}
    plan = _make(telescopes, skymap, points, filters=["r"], depth=wanted)
    tried = {float(key): value for key, value in plan.depth.tried.items()}
    assert len(tried) == depth.LADDER
    chosen = plan.parameters.exposure_times_s[0]
    assert tried[chosen] >= max(tried.values()) - 1e-4
    assert chosen > 30.0  # 30 s reach 112 Mpc only
    assert {row.exposure_s for row in plan.exposures} == {chosen}
    fixed = _make(telescopes, skymap, points, filters=["r"], exposure_times_s=[30], depth=wanted)
    assert fixed.depth.probability_detectable < plan.depth.probability_detectable
    assert not fixed.depth.fields_reached


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"depth": {"absolute_mag": {"Q": -16}}}, "no filter 'Q'"),
        ({"depth": {"absolute_mag": {"i": -16}}}, "in none of the filters g, r"),
    ],
)
def test_depths_that_cannot_be_meant(telescopes, values, words):
    with pytest.raises(RequestError, match=words):
        resolve(PlanRequest(telescope="ZTF", **values), telescopes["ZTF"], now=NOW)


def test_an_unknown_depth_is_said(telescopes):
    request = PlanRequest(telescope="KPED", filters=["g"], depth={"absolute_mag": {"g": -16}})
    with pytest.raises(RequestError, match="how deep it goes in g is not known"):
        resolve(request, telescopes["KPED"], now=NOW)

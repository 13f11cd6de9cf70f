"""Credible levels and distances against ligo.skymap, and by brute force."""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st
from too_common.astro import distance, leaves
from too_common.astro.skymap import SkyMap

from .conftest import on_grid, random_map

MAP_3D = random_map(np.random.default_rng(11), 6)


def sky_points(count, seed=2):
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 360, count), np.degrees(np.arcsin(rng.uniform(-1, 1, count)))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_levels_on_the_sky_by_brute_force(seed):
    skymap = random_map(np.random.default_rng(seed), 3, with_distance=False)
    ra, dec = sky_points(20, seed)
    density = skymap.density(ra, dec)
    expected = [skymap.probability[skymap.probdensity >= one].sum() for one in density]
    assert np.allclose(skymap.credible_level(ra, dec), expected)


def test_equal_leaves_have_equal_levels():
    values = np.array([2.0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0])
    values *= 3 / np.pi / values.sum()
    table = leaves.Leaves(np.zeros(12, np.int8), np.arange(12), values[:, None])
    skymap = SkyMap.from_leaves(table)
    assert np.allclose(skymap.leaf_levels, [2 / 12, *[1.0] * 11])
    area = np.degrees(1) ** 2 * np.pi / 3
    assert skymap.credible_area_deg2(1 / 12) == pytest.approx(0.5 * area)
    assert skymap.credible_area_deg2(1.0) == pytest.approx(11 * area)


def test_moments_of_the_distance(ligo):
    mu = np.array([-4.2e5, -3000.0, -500.0, -10.0, 0.0, 10.0, 100.0, 4000.0, 40.0])
    sigma = np.array([4e4, 800.0, 90.0, 5.0, 20.0, 30.0, 20.0, 1500.0, 0.3])
    mean, std, _ = ligo.distance.parameters_to_moments(mu, sigma)
    ours = distance.moments(mu, sigma)
    assert np.allclose(ours[0][2:], mean[2:], rtol=1e-5)
    assert np.allclose(ours[1][2:], std[2:], rtol=1e-4)
    # far in the tail r^2 exp(r mu / sigma^2) is left, a Gamma distribution with mean 3 sigma^2/|mu|
    assert ours[0][0] == pytest.approx(3 * sigma[0] ** 2 / -mu[0], rel=0.05)
    assert (np.isfinite(ours[0]) & (ours[0] > 0) & (ours[1] > 0)).all()


def test_marginal_moments(ligo):
    facts = MAP_3D.facts()
    good = MAP_3D.distnorm > 0
    probability = np.where(good, MAP_3D.probability, 0.0)
    mean, std = ligo.distance.parameters_to_marginal_moments(
        probability / probability.sum(), MAP_3D.distmu, MAP_3D.distsigma
    )
    assert facts.is_3d
    assert facts.distance_mean_mpc == pytest.approx(mean, rel=1e-4)
    assert facts.distance_std_mpc == pytest.approx(std, rel=1e-4)


def as_table(skymap):
    from astropy.table import Table

    table = Table()
    table["UNIQ"] = skymap.uniq
    table["PROBDENSITY"] = skymap.probdensity
    for name, column in (
        ("DISTMU", skymap.distmu),
        ("DISTSIGMA", skymap.distsigma),
        ("DISTNORM", skymap.distnorm),
    ):
        table[name] = column
    return table


def test_levels_in_space_against_ligo(ligo):
    ra, dec = sky_points(3000)
    far = on_grid(MAP_3D, np.random.default_rng(7).uniform(5.0, 400.0, 3000), ligo)
    places = SkyCoord(ra * u.deg, dec * u.deg, far * u.Mpc)
    expected = ligo.postprocess.crossmatch(as_table(MAP_3D), places)
    leaf = MAP_3D.leaf_at(ra, dec)
    has = MAP_3D.distnorm[leaf] > 0
    level = MAP_3D.credible_level_3d(ra, dec, far)
    assert np.isnan(level[~has]).all()
    # the grid of crossmatch is coarse for so few and so heavy leaves: see the next test
    assert np.quantile(np.abs(level - expected.searched_prob_vol)[has], 0.99) < 0.01
    density = MAP_3D.density_3d(ra, dec, far)
    assert np.allclose(density[has], expected.probdensity_vol[has], rtol=1e-6, atol=1e-300)
    assert np.abs(MAP_3D.credible_level(ra, dec) - expected.searched_prob).max() < 1e-6
    assert np.allclose(MAP_3D.density(ra, dec), expected.probdensity)


def test_levels_in_space_by_brute_force():
    ra, dec = sky_points(8, seed=5)
    far = np.array([20.0, 60.0, 80.0, 100.0, 120.0, 160.0, 200.0, 250.0])
    r = np.linspace(0.0, 1500.0, 20_001)[1:]
    good = MAP_3D.distnorm > 0
    logs = np.log(MAP_3D.probdensity[good])[:, None] + distance.log_density(
        r,
        MAP_3D.distmu[good, None],
        MAP_3D.distsigma[good, None],
        MAP_3D.distnorm[good, None],
    )
    cells = np.exp(logs) * r**2 * (r[1] - r[0]) * MAP_3D.area_sr[good, None]
    limits = np.log(MAP_3D.density_3d(ra, dec, far))
    expected = [cells[logs >= limit].sum() for limit in limits]
    level = MAP_3D.credible_level_3d(ra, dec, far)
    known = ~np.isnan(level)
    assert known.sum() > 4
    assert np.abs(level - expected)[known].max() < 0.001


def test_volumes_by_brute_force():
    r = np.linspace(0.0, 900.0, 4001)[1:]
    step = r[1] - r[0]
    good = MAP_3D.distnorm > 0
    logs = np.log(MAP_3D.probdensity[good])[:, None] + distance.log_density(
        r, MAP_3D.distmu[good, None], MAP_3D.distsigma[good, None], MAP_3D.distnorm[good, None]
    )
    volume = (r**2 * step) * MAP_3D.area_sr[good, None]
    falling = np.argsort(-logs, axis=None)
    enclosed = np.cumsum((np.exp(logs) * volume).ravel()[falling])
    total = np.cumsum(volume.ravel()[falling])
    for level in (0.1, 0.5, 0.7):
        expected = float(np.interp(level, enclosed, total))
        assert MAP_3D.volume_levels.volume_mpc3(level) == pytest.approx(expected, rel=3e-3)
    # a twentieth of the map has no distance: no volume holds everything
    assert np.isnan(MAP_3D.volume_levels.volume_mpc3(0.999))
    facts = MAP_3D.facts()
    assert facts.volume50_mpc3 == MAP_3D.volume_levels.volume_mpc3(0.5)
    flat = random_map(np.random.default_rng(1), 3, with_distance=False)
    assert flat.facts().volume90_mpc3 is None


def test_volumes_and_searched_areas_against_ligo(ligo):
    rng = np.random.default_rng(31)
    skymap = random_map(rng, 7, with_distance=False)
    # one distance everywhere, so that nothing is missing; narrow against their grid of distances
    mu, sigma = np.full(len(skymap), 150.0), np.full(len(skymap), 40.0)
    r = np.linspace(0.0, 900.0, 30_001)
    gauss = np.exp(-0.5 * ((r - 150.0) / 40.0) ** 2) / (np.sqrt(2 * np.pi) * 40.0)
    norm = np.full(len(skymap), 1.0 / ((r**2 * gauss).sum() * (r[1] - r[0])))
    columns = np.stack([skymap.probdensity, mu, sigma, norm], axis=1)
    deep = SkyMap.from_leaves(leaves.Leaves(skymap.order, skymap.ipix, columns))
    ra, dec = sky_points(100, seed=6)
    places = SkyCoord(ra * u.deg, dec * u.deg)
    flat = as_table(deep)["UNIQ", "PROBDENSITY"]
    expected = ligo.postprocess.crossmatch(flat, places, contours=(0.5, 0.9))
    assert np.allclose(deep.searched_area_deg2(ra, dec), expected.searched_area, rtol=1e-9)
    assert np.allclose(deep.credible_level(ra, dec), expected.searched_prob, rtol=1e-9)
    areas = [deep.credible_area_deg2(level) for level in (0.5, 0.9)]
    assert areas == pytest.approx(list(expected.contour_areas), rel=1e-9)
    found = ligo.postprocess.crossmatch(as_table(deep), contours=(0.5, 0.9))
    volumes = [deep.volume_levels.volume_mpc3(level) for level in (0.5, 0.9)]
    assert volumes == pytest.approx(list(found.contour_vols), rel=0.01)


def test_one_far_galaxy_does_not_change_the_others():
    ra, dec = sky_points(50)
    far = np.full(50, 80.0)
    alone = MAP_3D.credible_level_3d(ra, dec, far)
    together = MAP_3D.credible_level_3d(
        np.append(ra, 10.0), np.append(dec, 10.0), np.append(far, 1e4)
    )
    assert np.array_equal(alone, together[:-1], equal_nan=True)
    whole = MAP_3D.probability[MAP_3D.distnorm > 0].sum()
    assert together[-1] == pytest.approx(whole, abs=1e-3)
    assert whole < 1.0


def test_unknown_distances_give_nan_not_a_level():
    ra, dec = sky_points(4)
    level = MAP_3D.credible_level_3d(ra, dec, [np.nan, -5.0, 0.0, np.inf])
    assert np.isnan(level).all()
    flat = random_map(np.random.default_rng(1), 3, with_distance=False)
    assert np.isnan(flat.credible_level_3d(ra, dec, 100.0)).all()


def test_positions_that_are_none():
    ra, dec = [np.nan, 10.0, np.inf, 370.0], [10.0, 95.0, 0.0, 10.0]
    assert np.isnan(MAP_3D.credible_level(ra, dec)).tolist() == [True, True, True, False]
    assert np.isnan(MAP_3D.density(ra, dec)).tolist() == [True, True, True, False]
    assert np.isnan(MAP_3D.credible_level_3d(ra, dec, 100.0))[:3].all()
    assert MAP_3D.credible_level(370.0, 10.0) == MAP_3D.credible_level(10.0, 10.0)
    assert MAP_3D.credible_level([], []).shape == (0,)


def test_an_error_of_the_distance_widens_the_match():
    mu, sigma = np.full(12, 100.0), np.full(12, 1.0)
    norm = np.full(12, 1e-4)
    density = np.full(12, 3 / np.pi / 12)
    table = leaves.Leaves(
        np.zeros(12, np.int8), np.arange(12), np.stack([density, mu, sigma, norm], axis=1)
    )
    skymap = SkyMap.from_leaves(table)
    sharp = skymap.density_3d(10.0, 10.0, 110.0)
    wide = skymap.density_3d(10.0, 10.0, 110.0, 10.0)
    assert sharp < 1e-20
    expected = 1 / (4 * np.pi) * 1e-4 * np.exp(-0.5 * 100 / 101) / np.sqrt(2 * np.pi * 101)
    assert wide == pytest.approx(expected)
    assert skymap.density_3d(10.0, 10.0, 110.0, np.nan) == sharp


def test_huge_norms_and_negative_mu_do_not_overflow():
    mu = np.where(np.arange(12) < 6, -4.2e5, 900.0)
    sigma = np.where(np.arange(12) < 6, 2.4e4, 300.0)
    norm = np.where(np.arange(12) < 6, 1e68, 1e-6)
    density = np.full(12, 3 / np.pi / 12)
    table = leaves.Leaves(
        np.zeros(12, np.int8), np.arange(12), np.stack([density, mu, sigma, norm], axis=1)
    )
    skymap = SkyMap.from_leaves(table)
    ra, dec = sky_points(100)
    level = skymap.credible_level_3d(ra, dec, 900.0)
    assert np.isfinite(level).all()
    assert ((level >= 0) & (level <= 1 + 1e-12)).all()
    assert np.isfinite(skymap.facts().distance_mean_mpc)

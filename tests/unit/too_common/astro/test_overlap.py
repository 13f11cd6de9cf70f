"""The overlap integral of two maps against three independent ways to compute it."""

import numpy as np
import pytest
from astropy import units as u
from astropy_healpix import HEALPix, level_to_nside
from hypothesis import given, settings
from hypothesis import strategies as st
from too_common.astro.cone import cone_skymap, ellipse_skymap
from too_common.astro.leaves import Leaves
from too_common.astro.overlap import overlap_integral, overlap_of
from too_common.astro.skymap import SkyMap
from too_common.astro.sphere import separation_deg

R90 = np.sqrt(-2 * np.log(0.1))
"""Radius of 90 % in sigmas of a two-dimensional Gaussian."""


def flat(skymap: SkyMap, order: int) -> np.ndarray:
    """Density on every pixel of one order, leaf by leaf, with no code of ours but the leaves."""
    result = np.zeros(12 * 4**order)
    for level, ipix, density in zip(skymap.order, skymap.ipix, skymap.probdensity, strict=True):
        shift = 2 * (order - int(level))
        assert shift >= 0, "the flat map must be at least as fine as the leaves"
        result[int(ipix) << shift : (int(ipix) + 1) << shift] = density
    return result


def made(rng: np.random.Generator, order: int, splits: int) -> SkyMap:
    """A patchwork of leaves of mixed orders, with holes."""
    leaves = {(0, i) for i in range(12)}
    for _ in range(splits):
        level, ipix = sorted(leaves)[rng.integers(len(leaves))]
        if level < order:
            leaves.remove((level, ipix))
            leaves |= {(level + 1, 4 * ipix + k) for k in range(4)}
    kept = [leaf for leaf in sorted(leaves) if rng.random() < 0.8] or sorted(leaves)
    level = np.array([leaf[0] for leaf in kept], dtype=np.int8)
    ipix = np.array([leaf[1] for leaf in kept], dtype=np.int64)
    density = rng.exponential(size=len(kept)) + 1e-3
    density /= np.sum(density * np.pi / 3 / 4.0 ** level.astype(float))
    return SkyMap.from_leaves(Leaves(level, ipix, density[:, None]))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_like_the_sum_over_flat_maps(seed: int):
    rng = np.random.default_rng(seed)
    one, other = made(rng, 4, 30), made(rng, 4, 12)
    a, b = flat(one, 4), flat(other, 4)
    brute = 4 * np.pi * np.sum(a * b) * 4 * np.pi / a.size
    assert overlap_integral(one, other) == pytest.approx(brute, rel=1e-12)
    assert overlap_integral(other, one) == pytest.approx(brute, rel=1e-12)


@pytest.mark.parametrize(
    ("radii", "apart"), [((3.0, 4.0), 0.0), ((3.0, 4.0), 4.0), ((5.0, 0.4), 3.0), ((2.0, 2.0), 4.0)]
)
def test_like_the_formula_for_two_gaussians(radii: tuple[float, float], apart: float):
    sigmas = np.radians(np.array(radii) / R90)
    one = cone_skymap(359.0, 60.0, radii[0], 0.9)
    other = cone_skymap(359.0, 60.0 + apart, radii[1], 0.9)
    variance = np.sum(sigmas**2)
    wanted = 2.0 / variance * np.exp(-(np.radians(apart) ** 2) / (2 * variance))
    assert overlap_integral(one, other) == pytest.approx(wanted, rel=0.03)


def test_like_a_mean_over_random_positions():
    """I = 4 pi <p2> over positions drawn from p1: pixels and positions by astropy-healpix alone."""
    rng = np.random.default_rng(3)
    one = ellipse_skymap(10.0, -30.0, 12.0, 4.0, 30.0, 0.9)
    other = cone_skymap(14.0, -28.0, 6.0, 0.9)
    probability = one.probdensity * np.pi / 3 / 4.0 ** one.order.astype(float)
    chosen = rng.choice(len(one), size=100_000, p=probability / probability.sum())
    ra, dec = np.empty(chosen.size), np.empty(chosen.size)
    for level in np.unique(one.order):
        here = np.flatnonzero(one.order[chosen] == level)
        grid = HEALPix(level_to_nside(int(level)), order="nested")
        dx, dy = rng.random((2, here.size))
        lon, lat = grid.healpix_to_lonlat(one.ipix[chosen[here]], dx=dx, dy=dy)
        ra[here], dec[here] = lon.to_value(u.deg), lat.to_value(u.deg)
    sigma = np.radians(6.0 / R90)
    distance = np.radians(separation_deg(ra, dec, 14.0, -28.0))
    mean = np.mean(np.exp(-(distance**2) / (2 * sigma**2)) / (2 * np.pi * sigma**2))
    assert overlap_integral(one, other) == pytest.approx(4 * np.pi * mean, rel=0.02)


def test_indifferent_excluded_and_read_from_files():
    everywhere = SkyMap.from_leaves(
        Leaves(np.zeros(12, dtype=np.int8), np.arange(12), np.full((12, 1), 1 / (4 * np.pi)))
    )
    cone = cone_skymap(80.0, 20.0, 2.0, 0.9)
    assert overlap_integral(everywhere, cone) == pytest.approx(1.0, rel=1e-9)
    north = SkyMap.from_leaves(
        Leaves(np.zeros(1, dtype=np.int8), np.zeros(1, dtype=np.int64), np.full((1, 1), 3 / np.pi))
    )
    south = SkyMap.from_leaves(
        Leaves(
            np.zeros(1, dtype=np.int8), np.full(1, 11, dtype=np.int64), np.full((1, 1), 3 / np.pi)
        )
    )
    assert overlap_integral(north, south) == 0.0
    near = cone_skymap(81.0, 20.0, 3.0, 0.9)
    direct = overlap_integral(cone, near)
    assert overlap_of(cone.to_fits(), near.to_fits()) == pytest.approx(direct, rel=1e-12)


@pytest.mark.corpus
def test_real_maps_like_a_mean_over_random_positions(test_data_dir):
    """A gravitational-wave map and a GBM map of the reference data, in their native resolution."""
    rng = np.random.default_rng(5)
    folder = test_data_dir / "skymaps"
    gw = SkyMap.from_fits(min(folder.glob("S190425z*bayestar*")).read_bytes())
    grb = SkyMap.from_fits((folder / "glg_healpix_all_bn180116026.fit").read_bytes())
    weights = gw.probability / gw.probability.sum()
    chosen = rng.choice(len(gw), size=200_000, p=weights)
    centres = np.empty((2, chosen.size))
    for level in np.unique(gw.order[chosen]):
        here = np.flatnonzero(gw.order[chosen] == level)
        grid = HEALPix(level_to_nside(int(level)), order="nested")
        dx, dy = rng.random((2, here.size))
        lon, lat = grid.healpix_to_lonlat(gw.ipix[chosen[here]], dx=dx, dy=dy)
        centres[:, here] = lon.to_value(u.deg), lat.to_value(u.deg)
    order = int(grb.order.max())
    table = flat(grb, order)
    at = HEALPix(level_to_nside(order), order="nested").lonlat_to_healpix(
        centres[0] * u.deg, centres[1] * u.deg
    )
    mean = 4 * np.pi * np.mean(table[at])
    error = 4 * np.pi * np.std(table[at]) / np.sqrt(chosen.size)
    assert abs(overlap_integral(gw, grb) - mean) < 5 * error + 1e-9

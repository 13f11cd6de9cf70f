"""HEALPix arithmetic against healpy."""

import astropy.units as u
import numpy as np
import pytest
from too_common.astro import outline, pixels


def test_uniq_is_exact_at_every_order():
    for order in range(30):
        last = (12 << (2 * order)) - 1
        ipix = np.array([0, 1, last // 2, last])
        uniq = pixels.order_ipix_to_uniq(np.full(4, order), ipix)
        assert pixels.uniq_to_order_ipix(uniq)[0].tolist() == [order] * 4
        assert pixels.uniq_to_order_ipix(uniq)[1].tolist() == ipix.tolist()


def test_centres_and_index_agree_with_healpy(healpy):
    rng = np.random.default_rng(3)
    order = rng.integers(0, 20, 500)
    ipix = (rng.random(500) * (12 << (2 * order))).astype(np.int64)
    ra, dec = pixels.centres(order, ipix)
    lon, lat = healpy.pix2ang(2**order, ipix, nest=True, lonlat=True)
    assert np.allclose(ra, lon)
    assert np.allclose(dec, lat)
    index = pixels.lonlat_to_index(ra, dec)
    start = pixels.range_start(order, ipix)
    assert ((index >= start) & (index < start + pixels.range_length(order))).all()
    ra, dec = rng.uniform(0, 360, 500), rng.uniform(-90, 90, 500)
    assert (
        pixels.lonlat_to_index(ra, dec, 12) == healpy.ang2pix(4096, ra, dec, nest=True, lonlat=True)
    ).all()


@pytest.fixture(scope="module")
def astropy_healpix():
    import astropy_healpix.core

    return astropy_healpix


@pytest.mark.parametrize("order", range(9))
def test_every_pixel_agrees_with_astropy_healpix(astropy_healpix, order):
    ipix = np.arange(12 << (2 * order))
    ra, dec = pixels.centres(order, ipix)
    lon, lat = astropy_healpix.healpix_to_lonlat(ipix, 1 << order, order="nested")
    assert np.allclose(ra, lon.deg, rtol=0, atol=1e-11)
    assert np.allclose(dec, lat.deg, rtol=0, atol=1e-11)
    assert (pixels.lonlat_to_index(ra, dec, order) == ipix).all()
    expected = astropy_healpix.core.ring_to_nested(ipix, 1 << order)
    assert (pixels.ring_to_nested(order, ipix) == expected).all()


@pytest.mark.parametrize("order", [9, 13, 17, 21, 25, 29])
def test_fine_pixels_agree_with_astropy_healpix(astropy_healpix, order):
    rng = np.random.default_rng(order)
    ipix = rng.integers(0, 12 << (2 * order), 60_000)
    # the pixels of the poles, of the seams of the caps, and the last ones
    ipix[:4] = [0, (1 << (2 * order)) - 1, 8 << (2 * order), (12 << (2 * order)) - 1]
    ra, dec = pixels.centres(np.full(len(ipix), order), ipix)
    lon, lat = astropy_healpix.healpix_to_lonlat(ipix, 1 << order, order="nested")
    assert np.allclose((ra - lon.deg + 180.0) % 360.0, 180.0, rtol=0, atol=1e-11)
    assert np.allclose(dec, lat.deg, rtol=0, atol=1e-11)
    assert (pixels.lonlat_to_index(ra, dec, order) == ipix).all()
    expected = astropy_healpix.core.ring_to_nested(ipix, 1 << order)
    assert (pixels.ring_to_nested(order, ipix) == expected).all()
    ra = rng.uniform(-360.0, 720.0, 60_000)
    dec = np.degrees(np.arcsin(rng.uniform(-1.0, 1.0, 60_000)))
    near_pole = rng.random(len(dec)) < 0.1
    dec[near_pole] = rng.choice([-1, 1], near_pole.sum()) * (
        90.0 - 10.0 ** rng.uniform(-9, 0, near_pole.sum())
    )
    theirs = astropy_healpix.lonlat_to_healpix(ra * u.deg, dec * u.deg, 1 << order, order="nested")
    ours = pixels.lonlat_to_index(ra, dec, order)
    # a position on the very edge of the finest pixels (0.4 mas) may round to either side
    assert (ours != theirs).mean() < (1e-3 if order == 29 else 1e-5)


def test_edges_of_the_sphere_and_positions_that_are_none():
    ra = np.array([0.0, 360.0, -1e-14, 90.0, 180.0, 270.0, 359.9999999999999])
    for dec in (-90.0, -41.8103148957786, 0.0, 41.8103148957786, 90.0):
        index = pixels.lonlat_to_index(ra, np.full(len(ra), dec))
        assert ((index >= 0) & (index < 12 << 58)).all()
    none = pixels.lonlat_to_index([np.nan, 10.0, np.inf, 10.0], [0.0, 90.1, 0.0, np.nan])
    assert none.tolist() == [-1] * 4
    assert pixels.lonlat_to_index(10.0, 20.0).shape == ()
    assert pixels.centres(3, np.zeros((2, 5), dtype=np.int64))[0].shape == (2, 5)


@pytest.mark.parametrize("order", [0, 1, 4, 11])
def test_corners_agree_with_healpy(healpy, order):
    rng = np.random.default_rng(3)
    ipix = np.unique(rng.integers(0, 12 << (2 * order), 300))
    face, x, y = pixels.face_xy(np.full(len(ipix), order), ipix)
    # healpy gives the corners N, W, S, E
    expected = healpy.boundaries(2**order, ipix, nest=True)
    for number, (dx, dy) in enumerate([(1, 1), (0, 1), (0, 0), (1, 0)]):
        ids = outline._corner_ids(face, x + dx, y + dy, order)
        assert np.allclose(outline.corner_vectors(ids, order), expected[:, :, number], atol=1e-12)

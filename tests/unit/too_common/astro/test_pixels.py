"""HEALPix arithmetic against healpy."""

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


@pytest.mark.parametrize("order", [0, 1, 4, 11])
def test_corners_agree_with_healpy(healpy, order):
    rng = np.random.default_rng(3)
    ipix = np.unique(rng.integers(0, 12 << (2 * order), 300))
    face, x, y = outline.face_xy(np.full(len(ipix), order), ipix)
    # healpy gives the corners N, W, S, E
    expected = healpy.boundaries(2**order, ipix, nest=True)
    for number, (dx, dy) in enumerate([(1, 1), (0, 1), (0, 0), (1, 0)]):
        ids = outline._corner_ids(face, x + dx, y + dy, order)
        assert np.allclose(outline.corner_vectors(ids, order), expected[:, :, number], atol=1e-12)

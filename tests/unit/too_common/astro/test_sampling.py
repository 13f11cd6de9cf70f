"""Sample points stand for the map."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from too_common.astro import pixels, sampling, sphere
from too_common.astro.cone import cone_skymap
from too_common.astro.footprint import Footprint
from too_common.astro.skymap import SkyMap

from .conftest import blob_density, flat_file, random_map


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 6), st.floats(0.1, 1.0))
def test_probability_is_that_of_the_densest_leaves(seed, order, prune):
    skymap = random_map(np.random.default_rng(seed), 6, with_distance=False)
    ra, dec, probability = skymap.points(order, prune)
    inside = skymap.leaf_levels[skymap.leaf_levels <= prune]
    assert probability.sum() >= prune - 1e-9
    assert probability.sum() >= (inside.max() if inside.size else 0.0) - 1e-9
    assert (probability > 0).all()
    assert ra.shape == dec.shape == probability.shape


def test_points_of_the_whole_map_sum_to_one_and_keep_its_centre():
    skymap = cone_skymap(200.0, 50.0, 3.0, 0.9)
    for order in (5, 7, 9):
        ra, dec, probability = skymap.points(order, 1.0)
        assert probability.sum() == pytest.approx(1.0)
        centre = (sphere.unit_vectors(ra, dec) * probability[:, None]).sum(axis=0)
        assert sphere.separation_deg(200.0, 50.0, *sphere.from_unit_vectors(centre)) < 0.01


def test_finer_near_the_peak():
    skymap = cone_skymap(200.0, 50.0, 0.5, 0.9)
    ra, dec, probability = skymap.points(8)
    assert probability.max() <= sampling.MAX_SHARE
    assert len(probability) > 10_000
    # one footprint at the centre: exact value of a Gaussian within a circle
    seen = Footprint.from_definition({"shape": "circle", "radius_deg": 0.5}).contains(
        200.0, 50.0, ra, dec
    )
    assert probability[seen].sum() == pytest.approx(0.9, abs=0.003)


def test_noisy_fine_leaves_are_united():
    noise = np.random.default_rng(2).uniform(0.9, 1.1, 12 << 12)
    values = blob_density(6, 120.0, -30.0, 30.0) * noise
    skymap = SkyMap.from_fits(flat_file(values / values.sum()))
    ra, dec, probability = skymap.points(5, 0.999)
    assert len(skymap) == 12 << 12
    assert len(probability) < 0.7 * len(skymap)
    assert probability.sum() == pytest.approx(0.999, abs=0.001)
    near = sphere.separation_deg(120.0, -30.0, ra, dec) < 20.0
    leaf = sphere.separation_deg(120.0, -30.0, *centres(skymap)) < 20.0
    assert probability[near].sum() == pytest.approx(skymap.probability[leaf].sum(), rel=0.02)


def centres(skymap):
    return pixels.centres(skymap.order.astype(int), skymap.ipix)

"""Functions for worker processes."""

import hashlib
import pickle

import numpy as np
import pytest
from too_common.astro import tasks
from too_common.astro.skymap import SkyMap, SkyMapError
from too_common.contracts.ingest import MapFacts

from .conftest import random_map

MAP = random_map(np.random.default_rng(5), 5)


def test_normalise_map():
    result = tasks.normalise_map(MAP.to_fits())
    assert result.fits == MAP.to_fits()
    assert result.sha256 == hashlib.sha256(result.fits).hexdigest()
    assert MapFacts(**result.facts) == MAP.facts()
    assert len(result.contours["features"]) == 2
    assert pickle.loads(pickle.dumps(result)) == result  # noqa: S301 (our own bytes)


def test_cone_and_ellipse():
    cone = tasks.cone_map(10.0, 20.0, 5.0, 0.68)
    assert SkyMap.from_fits(cone.fits).sha256 == cone.sha256
    ellipse = tasks.ellipse_map(10.0, 20.0, 5.0, 3.0, 45.0, 0.68)
    assert ellipse.facts["area90_deg2"] < cone.facts["area90_deg2"]


def test_levels():
    ra, dec, far = np.array([10.0, 200.0]), np.array([5.0, -60.0]), np.array([100.0, np.nan])
    result = tasks.levels_for(MAP.to_fits(), ra, dec, far)
    assert np.array_equal(result.level_2d, MAP.credible_level(ra, dec))
    assert np.isnan(result.level_3d[1])
    assert np.isnan(tasks.levels_for(MAP.to_fits(), ra, dec).level_3d).all()


def test_errors_survive_the_way_between_processes():
    with pytest.raises(SkyMapError) as caught:
        tasks.normalise_map(b"nonsense")
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 (our own bytes)
    assert (copy.what, copy.where) == (caught.value.what, caught.value.where)

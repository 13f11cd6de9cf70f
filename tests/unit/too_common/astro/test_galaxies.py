"""Ranking of galaxies."""

import numpy as np
import pytest
from too_common.astro import pixels
from too_common.astro.galaxies import rank_galaxies

from .conftest import random_map

MAP = random_map(np.random.default_rng(21), 6)
FLAT = random_map(np.random.default_rng(22), 6, with_distance=False)


def catalogue(count=2000, seed=3):
    rng = np.random.default_rng(seed)
    ra, dec = rng.uniform(0, 360, count), np.degrees(np.arcsin(rng.uniform(-1, 1, count)))
    far = rng.uniform(5, 300, count)
    far[::17] = np.nan
    return ra, dec, far


def test_values_are_those_of_the_map():
    ra, dec, far = catalogue()
    ranking = rank_galaxies(MAP, ra, dec, far, 0.1 * far)
    assert np.array_equal(ranking.level_2d, MAP.credible_level(ra, dec))
    level = MAP.credible_level_3d(ra, dec, far, 0.1 * far)
    assert np.array_equal(ranking.level_3d, level, equal_nan=True)
    assert np.array_equal(
        ranking.density_3d, MAP.density_3d(ra, dec, far, 0.1 * far), equal_nan=True
    )
    assert np.isnan(ranking.level_3d[::17]).all()
    assert ranking.score.sum() == pytest.approx(1.0)
    assert (ranking.score[::17] == 0.0).all()


def test_score_without_light_is_the_share_of_the_probability():
    ra, dec, far = catalogue()
    ranking = rank_galaxies(MAP, ra, dec, far, None)
    known = np.nan_to_num(ranking.density_3d)
    assert np.allclose(ranking.score, known / known.sum())


def test_score_with_light():
    ra, dec, far = catalogue(500)
    light = np.random.default_rng(4).lognormal(0, 1, 500)
    light[::10] = np.nan
    ranking = rank_galaxies(MAP, ra, dec, far, None, light)
    share = np.nan_to_num(ranking.density_3d)
    share /= share.sum()
    mass = np.nan_to_num(light) / np.nansum(light)
    alpha = share.sum() / (share * mass).sum()
    expected = share * (1 + alpha * mass)
    assert np.allclose(ranking.score, expected / expected.sum())
    # half of the score is from the light, half from the probability alone: none vanishes
    dark = np.isnan(light) & (share > 0)
    assert np.allclose(ranking.score[dark], share[dark] / 2)


def test_maps_without_distance_rank_on_the_sky():
    ra, dec, far = catalogue()
    ranking = rank_galaxies(FLAT, ra, dec, far, None)
    assert np.isnan(ranking.level_3d).all()
    assert np.allclose(ranking.score, ranking.density_2d / ranking.density_2d.sum())


def test_an_index_of_the_catalogue_gives_the_same():
    ra, dec, far = catalogue()
    index = pixels.lonlat_to_index(ra, dec)
    with_index = rank_galaxies(MAP, ra, dec, far, None, index29=index)
    assert np.array_equal(with_index.score, rank_galaxies(MAP, ra, dec, far, None).score)


def test_a_row_without_position_does_not_spoil_the_others():
    ra, dec, far = catalogue()
    clean = rank_galaxies(MAP, ra[1:], dec[1:], far[1:], None)
    ra[0] = np.nan
    ranking = rank_galaxies(MAP, ra, dec, np.append(50.0, far[1:]), None)
    assert np.isnan(ranking.level_2d[0])
    assert ranking.score[0] == 0.0
    assert np.allclose(ranking.score[1:], clean.score)


def test_no_galaxies_and_no_probability():
    empty = rank_galaxies(MAP, [], [], [], [])
    assert empty.score.shape == (0,)
    ra, dec, _ = catalogue(5)
    assert rank_galaxies(MAP, ra, dec, np.full(5, 1e6), None).score.tolist() == [0.0] * 5

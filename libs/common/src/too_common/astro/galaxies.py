"""Ranking of galaxies against a sky map, for millions of rows at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from too_common.astro import levels, pixels
from too_common.astro.skymap import SkyMap
from too_common.astro.sphere import FloatArray


@dataclass(frozen=True, eq=False)
class GalaxyRanking:
    """What a map says of each galaxy; arrays in the order of the input.

    Attributes
    ----------
    level_2d : ndarray
        Smallest credible region of the sky that holds the galaxy (0 to 1; NaN without position).
    level_3d : ndarray
        Smallest credible volume that holds it; NaN where map or galaxy have no distance.
    density_2d : ndarray
        Probability per steradian.
    density_3d : ndarray
        Probability per Mpc^3; NaN as above.
    score : ndarray
        Share of the whole list's probability (sums to 1 over the list unless that is 0), see
        :func:`rank_galaxies`.
    """

    level_2d: FloatArray
    level_3d: FloatArray
    density_2d: FloatArray
    density_3d: FloatArray
    score: FloatArray


def rank_galaxies(
    skymap: SkyMap,
    ra_deg: ArrayLike,
    dec_deg: ArrayLike,
    distance_mpc: ArrayLike,
    distance_err_mpc: ArrayLike | None,
    luminosity: ArrayLike | None = None,
    *,
    index29: NDArray[np.int64] | None = None,
    beta: float = 1.0,
) -> GalaxyRanking:
    """Rank galaxies (2-D, 3-D, and with the weight of their light or mass).

    Parameters
    ----------
    distance_mpc, distance_err_mpc : array
        Luminosity distances, NaN where not known.
    luminosity : array, optional
        Luminosity or stellar mass in any linear unit; NaN or <= 0 where not known.
    index29 : ndarray of int64, optional
        Nested HEALPix index of order 29 of each galaxy, if the catalogue has it: that saves most
        of the time.
    beta : float
        Strength of the weight.

    Notes
    -----
    The score is that of MANGROVE (Ducoin et al. 2020): with P the probability of a galaxy and M
    its luminosity, G = P (1 + a b M / sum M), a = sum P / sum(P M / sum M). A galaxy without
    luminosity keeps P instead of vanishing. P is the volume density where map and galaxy have
    distances. Where the map has none at all, P is the density on the sky; where only the galaxy
    or its pixel lacks one, P is 0, since the two are not in the same unit.
    """
    ra, dec, far = (
        np.atleast_1d(np.asarray(value, dtype=np.float64))
        for value in (ra_deg, dec_deg, distance_mpc)
    )
    index = pixels.lonlat_to_index(ra, dec) if index29 is None else index29
    leaf = skymap.leaf_at_index(index)
    logs = levels.log_density_3d(skymap, leaf, far, distance_err_mpc)
    density_2d = levels.at_leaf(skymap.probdensity, leaf, 0.0)
    density_3d = np.exp(logs)
    weight = np.nan_to_num(density_3d if skymap.is_3d else density_2d, nan=0.0)
    return GalaxyRanking(
        level_2d=levels.at_leaf(skymap.leaf_levels, leaf, 1.0),
        level_3d=skymap.volume_levels(logs),
        density_2d=density_2d,
        density_3d=density_3d,
        score=_score(weight, luminosity, beta),
    )


def _score(weight: FloatArray, luminosity: ArrayLike | None, beta: float) -> FloatArray:
    total = weight.sum()
    if not total > 0:
        return np.zeros_like(weight)
    share: FloatArray = weight / total
    if luminosity is None:
        return share
    light = np.asarray(luminosity, dtype=np.float64)
    light = np.where(np.isfinite(light) & (light > 0), light, 0.0)
    if not light.sum() > 0:
        return share
    light = light / light.sum()
    mean = (share * light).sum()
    if not mean > 0:
        return share
    score: FloatArray = share * (1.0 + beta * light / mean)
    total = score.sum()
    return np.asarray(score / total)

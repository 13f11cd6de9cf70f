"""Points that stand for a sky map when footprints are laid over it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from too_common.astro import pixels
from too_common.astro.levels import inside_level
from too_common.astro.pixels import IntArray
from too_common.astro.sphere import FloatArray, from_unit_vectors, unit_vectors

if TYPE_CHECKING:
    from too_common.astro.skymap import SkyMap

MAX_SHARE = 1e-4
"""Points with more probability than this are divided: that makes at least some 10,000 points, so
that small maps are sampled as well as wide ones."""

MAX_EXTRA_ORDERS = 6
"""Points are not divided further than this many orders below the one asked for."""

_LEAVES_AT_ONCE = 100_000

_Points = tuple[FloatArray, FloatArray, FloatArray]


def sample_points(skymap: "SkyMap", order: int, prune: float) -> _Points:
    """Sample a map.

    Parameters
    ----------
    order : int
        HEALPix order of the sampling. Coarser leaves are divided, finer ones are united (at their
        centre of probability); near the peak the sampling is finer, see :data:`MAX_SHARE`.
    prune : float
        Only the densest leaves that hold this probability are sampled.

    Returns
    -------
    ra_deg, dec_deg, probability : ndarray
        The probabilities sum to that of the sampled leaves (at least `prune`).
    """
    chosen = np.flatnonzero(inside_level(skymap, prune) & (skymap.probability > 0))
    level = skymap.order[chosen].astype(np.int64)
    ipix = skymap.ipix[chosen]
    probability = skymap.probability[chosen]
    finest = min(order + MAX_EXTRA_ORDERS, pixels.MAX_ORDER)
    parts: list[_Points] = []
    for target in range(order, finest + 1):
        coarse = level <= target
        parts.append(_divided(level[coarse], ipix[coarse], probability[coarse], target, finest))
        level, ipix, probability = level[~coarse], ipix[~coarse], probability[~coarse]
        if not len(ipix):
            break
        parent, group = np.unique(ipix >> (2 * (level - target)), return_inverse=True)
        share = np.bincount(group, weights=probability, minlength=len(parent))
        united = (share[group] <= MAX_SHARE) | (target == finest)
        parts.append(_united(level[united], ipix[united], probability[united], group[united]))
        level, ipix, probability = level[~united], ipix[~united], probability[~united]
    ra, dec, weight = (np.concatenate(column) for column in zip(*parts, strict=True))
    return ra, dec, weight


def pieces(skymap: "SkyMap", order: int) -> Iterator[_Points]:
    """All leaves by their centres, those coarser than `order` divided; some leaves at a time.

    For sums over the whole map: of a map of millions of leaves no second copy is made.
    """
    for first in range(0, len(skymap), _LEAVES_AT_ONCE):
        part = slice(first, first + _LEAVES_AT_ONCE)
        level = skymap.order[part].astype(np.int64)
        ipix, probability = skymap.ipix[part], skymap.probability[part]
        fine = level >= order
        yield *pixels.centres(level[fine], ipix[fine]), probability[fine]
        for coarse in range(order):
            here = level == coarse
            if here.any():
                count = 4 ** (order - coarse)
                children = (ipix[here, np.newaxis] * count + np.arange(count)).ravel()
                ra, dec = pixels.centres(order, children)
                yield ra, dec, np.repeat(probability[here] / count, count)


def _divided(
    level: IntArray, ipix: IntArray, probability: FloatArray, target: int, finest: int
) -> _Points:
    if not len(ipix):
        return np.empty(0), np.empty(0), np.empty(0)
    needed = level + np.ceil(0.5 * np.log2(probability / MAX_SHARE)).astype(np.int64)
    depth = np.clip(needed, target, finest) - level
    pieces = np.int64(1) << (2 * depth)
    within = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    ra, dec = pixels.centres(
        np.repeat(level + depth, pieces), np.repeat(ipix << (2 * depth), pieces) + within
    )
    return ra, dec, np.repeat(probability / pieces, pieces)


def _united(level: IntArray, ipix: IntArray, probability: FloatArray, group: IntArray) -> _Points:
    if not len(ipix):
        return np.empty(0), np.empty(0), np.empty(0)
    _, number = np.unique(group, return_inverse=True)
    vectors = unit_vectors(*pixels.centres(level, ipix)) * probability[:, np.newaxis]
    centre = np.stack([np.bincount(number, weights=axis) for axis in vectors.T], axis=-1)
    ra, dec = from_unit_vectors(centre)
    weight: FloatArray = np.bincount(number, weights=probability).astype(np.float64)
    return ra, dec, weight

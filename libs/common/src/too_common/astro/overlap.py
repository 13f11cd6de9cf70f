"""How well two sky maps agree on one place: the overlap integral."""

from typing import TYPE_CHECKING

import numpy as np

from too_common.astro.pixels import MAX_ORDER, IntArray, range_length, range_start
from too_common.astro.sphere import FloatArray

if TYPE_CHECKING:
    from too_common.astro.skymap import SkyMap

_CELL_SR = 4.0 * np.pi / (12.0 * 4.0**MAX_ORDER)
"""Area of a pixel of the finest order."""


def overlap_integral(one: "SkyMap", other: "SkyMap") -> float:
    """Overlap integral of two maps against a uniform sky.

    I = integral of p1 p2 / prior over the sky, with prior = 1 / (4 pi sr); so
    I = 4 pi * sum(rho1 rho2 area) over the common refinement of both maps. It is 1 if one of the
    maps is uniform, 0 if they exclude each other, and the Bayes factor for one place over two.

    The sum runs over the pieces into which the leaves of both maps cut the nested index: exact
    for the maps as they are, with no resolution lost or made up, in time n log n of the leaves.

    References
    ----------
    Ashton et al. 2018, ApJ 860, 6 (equation 12); Piotrzkowski 2022, PhD thesis, University of
    Wisconsin-Milwaukee (RAVEN), who divides the joint false-alarm rate by it.
    """
    starts = [range_start(m.order, m.ipix) for m in (one, other)]
    ends = [s + range_length(m.order) for s, m in zip(starts, (one, other), strict=True)]
    edges = np.unique(np.concatenate([*starts, *ends]))
    pieces = edges[:-1]
    density = np.ones(len(pieces))
    for skymap, start, end in zip((one, other), starts, ends, strict=True):
        density *= _density_at(skymap.probdensity, start, end, pieces)
    lengths = np.diff(edges).astype(np.float64)
    return float(4.0 * np.pi * np.sum(density * lengths) * _CELL_SR)


def _density_at(
    probdensity: FloatArray, start: IntArray, end: IntArray, at: IntArray
) -> FloatArray:
    """Density of the leaf that holds each index; 0 where the map has none."""
    leaf = np.searchsorted(start, at, side="right") - 1
    inside = (leaf >= 0) & (at < end[leaf])
    return np.where(inside, probdensity[leaf], 0.0)


def overlap_of(one_fits: bytes, other_fits: bytes) -> float:
    """Overlap integral of two map files: a task for a worker process."""
    from too_common.astro.skymap import SkyMap

    return overlap_integral(SkyMap.from_fits(one_fits), SkyMap.from_fits(other_fits))

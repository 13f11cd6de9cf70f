"""Points that stand for a sky map when footprints are laid over it."""

from typing import TYPE_CHECKING

import numpy as np

from too_common.astro import pixels
from too_common.astro.sphere import FloatArray

if TYPE_CHECKING:
    from too_common.astro.skymap import SkyMap


def sample_points(
    skymap: "SkyMap", order: int, prune: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Centres of the pixels of `order` with their probability, densest first until `prune`."""
    falling = np.argsort(-skymap.probdensity, kind="stable")
    cumulative = np.cumsum(skymap.probability[falling])
    count = int(np.searchsorted(cumulative, prune)) + 1
    chosen = np.sort(falling[:count])
    chosen = chosen[skymap.probability[chosen] > 0]
    levels = skymap.order[chosen].astype(np.int64)
    depth = np.maximum(order - levels, 0)
    pieces = np.int64(1) << (2 * depth)
    first = np.repeat(skymap.ipix[chosen] << (2 * depth), pieces)
    within = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    point_order = np.repeat(levels + depth, pieces)
    ra, dec = pixels.centres(point_order, first + within)
    return ra, dec, np.repeat(skymap.probability[chosen] / pieces, pieces)

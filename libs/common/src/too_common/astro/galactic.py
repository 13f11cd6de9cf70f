"""Galactic latitude: where dust hides transients, and stars crowd them."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from too_common.astro import sampling
from too_common.astro.sphere import FloatArray, unit_vectors

if TYPE_CHECKING:
    from too_common.astro.skymap import SkyMap

_NORTH_POLE = unit_vectors(192.85948, 27.12825)
"""North galactic pole (ICRS): Hipparcos catalogue (ESA SP-1200), volume 1, section 1.5.3."""
_SAMPLING_ORDER = 7


def latitude_deg(ra_deg: ArrayLike, dec_deg: ArrayLike) -> FloatArray:
    """Galactic latitude of ICRS positions."""
    sine = unit_vectors(ra_deg, dec_deg) @ _NORTH_POLE
    result: FloatArray = np.degrees(np.arcsin(np.clip(sine, -1.0, 1.0)))
    return result


def probability_below(skymap: "SkyMap", limits_deg: tuple[float, ...]) -> list[float]:
    """Probability of a map at galactic latitudes |b| below each limit.

    Leaves are sampled at order 7 (0.46 deg) or finer; what is outside a partial map counts as
    probability 0.
    """
    totals = np.zeros(len(limits_deg))
    for ra, dec, probability in sampling.pieces(skymap, _SAMPLING_ORDER):
        latitude = np.abs(latitude_deg(ra, dec))
        totals += [probability[latitude < limit].sum() for limit in limits_deg]
    return [float(total) for total in totals]

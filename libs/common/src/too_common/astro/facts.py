"""What a sky map says, in numbers: computed once, when the map is taken in."""

from typing import TYPE_CHECKING, Any

import numpy as np

from too_common.astro import distance, galactic, pixels
from too_common.contracts.ingest import MapFacts

if TYPE_CHECKING:
    from too_common.astro.skymap import SkyMap

LOW_LATITUDES_DEG = (10.0, 15.0)
"""Limits of |b| for which the probability is told: the second is a usual extinction cut."""


def facts_of(skymap: "SkyMap") -> MapFacts:
    """Areas, volumes, peak, distance, galactic latitude and size of a map.

    Notes
    -----
    The distance's mean and deviation are those of the posterior over the whole sky (what
    ligo.skymap calls the marginal moments), not of the peak's line of sight. What the header says
    (DISTMEAN, DISTSTD) stands beside; pipelines round it, or compute it before smoothing.
    """
    peak = int(np.argmax(skymap.probdensity))
    ra, dec = pixels.centres(skymap.order[peak], skymap.ipix[peak])
    low = galactic.probability_below(skymap, LOW_LATITUDES_DEG)
    return MapFacts(
        area50_deg2=skymap.credible_area_deg2(0.5),
        area90_deg2=skymap.credible_area_deg2(0.9),
        peak_ra_deg=float(ra),
        peak_dec_deg=float(dec),
        leaves=len(skymap),
        max_order=int(skymap.order.max()),
        peak_galactic_latitude_deg=float(galactic.latitude_deg(ra, dec)),
        probability_below_10_deg=low[0],
        probability_below_15_deg=low[1],
        distance_header_mpc=_number(skymap.meta.get("DISTMEAN")),
        distance_header_std_mpc=_number(skymap.meta.get("DISTSTD")),
        **_distance_facts(skymap),
        **_earth_facts(skymap),
    )


def _distance_facts(skymap: "SkyMap") -> dict[str, Any]:
    if skymap.distmu is None or skymap.distsigma is None or skymap.distnorm is None:
        return {}
    far = distance.marginal_moments(
        skymap.probability, skymap.distmu, skymap.distsigma, skymap.distnorm
    )
    if far is None:
        return {}
    return {
        "is_3d": True,
        "distance_mean_mpc": far[0],
        "distance_std_mpc": far[1],
        "volume50_mpc3": _number(skymap.volume_levels.volume_mpc3(0.5)),
        "volume90_mpc3": _number(skymap.volume_levels.volume_mpc3(0.9)),
    }


def _earth_facts(skymap: "SkyMap") -> dict[str, Any]:
    """Of maps whose header names the Earth's place on the spacecraft's sky (Fermi GBM's do)."""
    from too_common.astro import occultation

    ra, dec = _number(skymap.meta.get("GEO_RA")), _number(skymap.meta.get("GEO_DEC"))
    if ra is None or dec is None or not abs(dec) <= 90.0:
        return {}
    radius = _number(skymap.meta.get("GEO_RAD")) or occultation.USUAL_RADIUS_DEG
    disc = occultation.EarthDisc(ra % 360.0, dec, radius)
    return {
        "earth_ra_deg": disc.ra_deg,
        "earth_dec_deg": disc.dec_deg,
        "earth_radius_deg": disc.radius_deg,
        "occulted_probability": occultation.occulted_probability(skymap, disc),
    }


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and np.isfinite(value) else None

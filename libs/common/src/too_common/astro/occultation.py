"""The Earth's disc as a spacecraft sees it: no burst is localized there.

A satellite in low orbit has a third of its sky behind the Earth. A position that its detectors'
rates give does not know that; a map made of such a position may leave the disc out.
"""

import warnings
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from too_common.astro import pixels, sampling
from too_common.astro.errors import SkyMapError
from too_common.astro.leaves import Leaves, concatenate
from too_common.astro.pixels import IntArray
from too_common.astro.skymap import SkyMap
from too_common.astro.sphere import FloatArray, from_unit_vectors, separation_deg, unit_vectors

EARTH_RADIUS_KM = 6371.0
USUAL_RADIUS_DEG = 67.0
"""Of the disc seen from Fermi's height (some 540 km): for notices that state no height."""
MAX_OCCULTED = 0.9
"""If more than this is behind the Earth, position or spacecraft is wrong: nothing is taken out."""

_EQUATORIAL_KM = 6378.137
_FLATTENING = 1.0 / 298.257223563
_LIMB_ORDER = 7
_SUBPIXEL_ORDERS = 2


@dataclass(frozen=True, slots=True)
class EarthDisc:
    """The Earth on the sky of a spacecraft: direction of its centre (ICRS), and radius."""

    ra_deg: float
    dec_deg: float
    radius_deg: float = USUAL_RADIUS_DEG


def earth_disc(
    longitude_deg: float, latitude_deg: float, time: datetime, altitude_km: float | None = None
) -> EarthDisc:
    """The Earth seen from above a place.

    Parameters
    ----------
    longitude_deg, latitude_deg : float
        Of the point below the spacecraft (east, geodetic).
    time : datetime
        Aware.
    altitude_km : float, optional
        Height of the spacecraft; without it the radius is :data:`USUAL_RADIUS_DEG`.

    Notes
    -----
    UT1 - UTC (under 0.9 s, 14 arcsec) and polar motion are neglected.
    """
    if not (np.isfinite(longitude_deg) and abs(latitude_deg) <= 90.0):
        raise SkyMapError("the spacecraft's place is none", f"{longitude_deg}, {latitude_deg}")
    radius = USUAL_RADIUS_DEG
    if altitude_km is not None:
        if not altitude_km > 0:
            raise SkyMapError("the spacecraft's height is none", f"{altitude_km} km")
        radius = float(np.degrees(np.arcsin(EARTH_RADIUS_KM / (EARTH_RADIUS_KM + altitude_km))))
    above = _from_the_centre_km(longitude_deg, latitude_deg, altitude_km or 540.0)
    ra, dec = from_unit_vectors(-(_celestial_to_terrestrial(time).T @ above))
    return EarthDisc(float(ra), float(dec), radius)


def disc_from_vector(x_km: float, y_km: float, z_km: float) -> EarthDisc:
    """The Earth seen from a geocentric place in celestial coordinates (GCRS, J2000)."""
    place = np.array([x_km, y_km, z_km])
    length = float(np.linalg.norm(place))
    if not EARTH_RADIUS_KM < length < 1e7:
        raise SkyMapError("the spacecraft's place is none", f"{length:.6g} km from the centre")
    ra, dec = from_unit_vectors(-place)
    return EarthDisc(float(ra), float(dec), float(np.degrees(np.arcsin(EARTH_RADIUS_KM / length))))


def occulted_probability(skymap: SkyMap, disc: EarthDisc) -> float:
    """Probability of a map behind the Earth."""
    return float(
        sum(
            probability[separation_deg(disc.ra_deg, disc.dec_deg, ra, dec) < disc.radius_deg].sum()
            for ra, dec, probability in sampling.pieces(skymap, _LIMB_ORDER)
        )
    )


def without_the_earth(skymap: SkyMap, disc: EarthDisc) -> tuple[SkyMap, float]:
    """A map with the Earth's disc taken out, and the probability that was there.

    Leaves on the limb are divided down to half a degree, then weighted with the part of them that
    is visible.

    Raises
    ------
    SkyMapError
        If more than :data:`MAX_OCCULTED` of the map is behind the Earth.
    """
    order, ipix = skymap.order.astype(np.int64), skymap.ipix
    values = _columns(skymap)
    done: list[Leaves] = []
    while True:
        distance = separation_deg(disc.ra_deg, disc.dec_deg, *pixels.centres(order, ipix))
        reach = 1.2 * np.degrees(np.sqrt(pixels.pixel_area_sr(order)))
        limb = np.abs(distance - disc.radius_deg) < reach
        divide = limb & (order < _LIMB_ORDER)
        clear = ~limb & (distance > disc.radius_deg)
        done.append(Leaves(order[clear].astype(np.int8), ipix[clear], values[clear]))
        edge = limb & ~divide
        done.append(_visible(order[edge], ipix[edge], values[edge], disc))
        if not divide.any():
            break
        ipix = (ipix[divide, np.newaxis] * 4 + np.arange(4)).ravel()
        order, values = np.repeat(order[divide] + 1, 4), np.repeat(values[divide], 4, axis=0)
    table = concatenate(done)
    table = table.take(table.values[:, 0] > 0)
    left = float((table.values[:, 0] * pixels.pixel_area_sr(table.order)).sum())
    if left < 1.0 - MAX_OCCULTED:
        raise SkyMapError("nearly all of the region is behind the Earth", f"{1 - left:.3f}")
    table.values[:, 0] /= left
    return SkyMap.from_leaves(table, skymap.meta), 1.0 - left


def _visible(order: IntArray, ipix: IntArray, values: FloatArray, disc: EarthDisc) -> Leaves:
    count = 4**_SUBPIXEL_ORDERS
    children = (ipix[:, np.newaxis] * count + np.arange(count)).ravel()
    ra, dec = pixels.centres(np.repeat(order + _SUBPIXEL_ORDERS, count), children)
    free = separation_deg(disc.ra_deg, disc.dec_deg, ra, dec) >= disc.radius_deg
    weighted = values.copy()
    weighted[:, 0] *= free.reshape(-1, count).mean(axis=1)
    return Leaves(order.astype(np.int8), ipix, weighted)


def _columns(skymap: SkyMap) -> FloatArray:
    columns = [skymap.probdensity]
    if skymap.distmu is not None and skymap.distsigma is not None and skymap.distnorm is not None:
        columns += [skymap.distmu, skymap.distsigma, skymap.distnorm]
    return np.stack(columns, axis=1)


def _from_the_centre_km(longitude_deg: float, latitude_deg: float, height_km: float) -> FloatArray:
    """Geocentric place of a geodetic one (WGS84)."""
    latitude = np.radians(latitude_deg)
    squared = _FLATTENING * (2.0 - _FLATTENING)
    normal = _EQUATORIAL_KM / np.sqrt(1.0 - squared * np.sin(latitude) ** 2)
    place: FloatArray = unit_vectors(longitude_deg, latitude_deg) * (normal + height_km)
    place[2] -= squared * normal * np.sin(latitude)
    return place


def _celestial_to_terrestrial(time: datetime) -> FloatArray:
    import erfa

    moment = time.astimezone(UTC)
    seconds = moment.second + 1e-6 * moment.microsecond
    with warnings.catch_warnings():
        # dates beyond the table of leap seconds are called dubious: one second is nothing
        warnings.simplefilter("ignore", erfa.ErfaWarning)
        utc = erfa.dtf2d(
            "UTC", moment.year, moment.month, moment.day, moment.hour, moment.minute, seconds
        )
        tt = erfa.taitt(*erfa.utctai(*utc))
        ut1 = erfa.utcut1(*utc, 0.0)
    return np.asarray(erfa.c2t06a(*tt, *ut1, 0.0, 0.0), dtype=np.float64)

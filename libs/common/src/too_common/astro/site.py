"""Observatories: Sun, Moon, altitude, hour angle and airmass over arrays of times.

Only pyerfa is used: a fast import and no tables of the Earth's rotation. UT1 - UTC, under 0.9 s by
definition, is neglected (14 arcsec); so are refraction and polar motion. Altitudes are those of
the true (airless) direction. Positions are ICRS.
"""

import warnings
from dataclasses import dataclass

import erfa
import numpy as np
from numpy.typing import ArrayLike

from too_common.astro.sphere import FloatArray, from_unit_vectors, unit_vectors

_MJD0 = 2400000.5
_AU_KM = 149597870.7
_LIGHT_DAYS_PER_AU = 0.0057755183
_TT_MINUS_TAI_S = 32.184


@dataclass(frozen=True)
class Site:
    """Place of a telescope; longitude positive to the east (WGS84)."""

    name: str
    latitude_deg: float
    longitude_deg: float
    elevation_m: float
    timezone: str


def local_sidereal_time_deg(mjd_utc: ArrayLike, lon_deg: float) -> FloatArray:
    """Local apparent sidereal time in [0, 360), hour angle = LST - RA of date."""
    mjd = np.asarray(mjd_utc, dtype=np.float64)
    day, fraction = np.floor(mjd), mjd % 1.0
    era = erfa.era00(_MJD0 + day, fraction)
    # the equation of the origins moves by 1 arcsec a week: once a day is enough
    days, index = np.unique(day, return_inverse=True)
    origins = np.array([erfa.eo06a(_MJD0 + one, 0.5) for one in days])[index].reshape(day.shape)
    result: FloatArray = np.degrees(era - origins + np.radians(lon_deg)) % 360.0
    return result


def sun_radec_deg(mjd_utc: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """ICRS direction of the Sun as it is seen (light time and aberration included)."""
    return from_unit_vectors(_sun_vectors(np.asarray(mjd_utc, dtype=np.float64)))


def sun_altitude_deg(mjd_utc: ArrayLike, site: Site) -> FloatArray:
    """Altitude of the Sun's centre."""
    mjd = np.asarray(mjd_utc, dtype=np.float64)
    return _altitude_of(_sun_vectors(mjd), mjd, site)


def moon_radec_topocentric_deg(mjd_utc: ArrayLike, site: Site) -> tuple[FloatArray, FloatArray]:
    """ICRS direction of the Moon from the site (parallax up to a degree included)."""
    mjd = np.asarray(mjd_utc, dtype=np.float64)
    return from_unit_vectors(_moon_vectors_km(mjd, site))


def moon_altitude_deg(mjd_utc: ArrayLike, site: Site) -> FloatArray:
    """Altitude of the Moon's centre, from the site."""
    mjd = np.asarray(mjd_utc, dtype=np.float64)
    vectors = _moon_vectors_km(mjd, site)
    return _altitude_of(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), mjd, site)


def moon_illumination(mjd_utc: ArrayLike) -> FloatArray:
    """Illuminated fraction of the Moon's disc, 0 (new) to 1 (full)."""
    mjd = np.asarray(mjd_utc, dtype=np.float64)
    moon = _geocentric_moon_au(mjd)
    sun = _sun_vectors(mjd, unit=False)
    to_earth, to_sun = -moon, sun - moon
    cos_phase = (to_earth * to_sun).sum(axis=-1) / (
        np.linalg.norm(to_earth, axis=-1) * np.linalg.norm(to_sun, axis=-1)
    )
    result: FloatArray = 0.5 * (1.0 + cos_phase)
    return result


def altitude_deg(ra: ArrayLike, dec: ArrayLike, mjd: ArrayLike, site: Site) -> FloatArray:
    """Altitude of ICRS positions; `ra`, `dec` and `mjd` broadcast against each other."""
    times = np.asarray(mjd, dtype=np.float64)
    return _altitude_of(unit_vectors(ra, dec), times, site)


def hour_angle_deg(ra: ArrayLike, dec: ArrayLike, mjd: ArrayLike, site: Site) -> FloatArray:
    """Hour angle in [-180, 180), positive after the meridian; arguments broadcast."""
    times = np.asarray(mjd, dtype=np.float64)
    of_date = np.einsum("...ij,...j->...i", _to_date(times), unit_vectors(ra, dec))
    ra_of_date, _ = from_unit_vectors(of_date)
    lst = local_sidereal_time_deg(times, site.longitude_deg)
    result: FloatArray = (lst - ra_of_date + 180.0) % 360.0 - 180.0
    return result


def airmass_from_altitude(altitude: ArrayLike) -> FloatArray:
    """Airmass sec z = 1 / sin(altitude), as schedulers use it; infinite at or below the horizon."""
    alt = np.asarray(altitude, dtype=np.float64)
    sine = np.sin(np.radians(alt))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(sine > 0, 1.0 / np.where(sine > 0, sine, 1.0), np.inf)


def altitude_from_airmass(airmass: ArrayLike) -> FloatArray:
    """Inverse of :func:`airmass_from_altitude`, for airmass >= 1."""
    result: FloatArray = np.degrees(np.arcsin(1.0 / np.asarray(airmass, dtype=np.float64)))
    return result


# -- inner parts -------------------------------------------------------------------------------
def _tt(mjd: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two-part Julian date in TT; leap seconds of the first of the times."""
    first = float(mjd.flat[0]) if mjd.size else 60000.0
    with warnings.catch_warnings():
        # dates years beyond the table of leap seconds are called dubious: one second is nothing
        warnings.simplefilter("ignore", erfa.ErfaWarning)
        year, month, day, _ = erfa.jd2cal(_MJD0, first)
        tai_minus_utc = float(erfa.dat(year, month, day, 0.0))
    day_part = np.floor(mjd)
    return _MJD0 + day_part, mjd - day_part + (tai_minus_utc + _TT_MINUS_TAI_S) / 86400.0


def _to_date(mjd: FloatArray) -> FloatArray:
    """Matrices from ICRS to the true equator and equinox of date, one per day."""
    day = np.floor(mjd)
    days, index = np.unique(day, return_inverse=True)
    matrices = np.asarray(erfa.pnm06a(_MJD0 + days, 0.5))
    return matrices[index].reshape(*day.shape, 3, 3)


def _local_axes(mjd: FloatArray, site: Site) -> tuple[FloatArray, FloatArray]:
    """Zenith (geodetic) in ICRS, and geocentric place of the site in ICRS (km)."""
    lst = np.radians(local_sidereal_time_deg(mjd, site.longitude_deg))
    latitude = np.radians(site.latitude_deg)
    zenith = np.stack(
        [
            np.cos(latitude) * np.cos(lst),
            np.cos(latitude) * np.sin(lst),
            np.full_like(lst, np.sin(latitude)),
        ],
        axis=-1,
    )
    fixed = erfa.gd2gc(1, np.radians(site.longitude_deg), latitude, site.elevation_m) / 1000.0
    rho = np.hypot(fixed[0], fixed[1])
    place = np.stack([rho * np.cos(lst), rho * np.sin(lst), np.full_like(lst, fixed[2])], axis=-1)
    back = np.swapaxes(_to_date(mjd), -1, -2)
    return (
        np.einsum("...ij,...j->...i", back, zenith),
        np.einsum("...ij,...j->...i", back, place),
    )


def _altitude_of(vectors: FloatArray, mjd: FloatArray, site: Site) -> FloatArray:
    zenith, _ = _local_axes(mjd, site)
    up = np.einsum("...i,...i->...", vectors, zenith)
    result: FloatArray = np.degrees(np.arcsin(np.clip(up, -1.0, 1.0)))
    return result


def _sun_vectors(mjd: FloatArray, *, unit: bool = True) -> FloatArray:
    day, fraction = _tt(mjd)
    heliocentric, barycentric = erfa.epv00(day, fraction)
    sun = -np.asarray(heliocentric["p"])
    distance = np.linalg.norm(sun, axis=-1, keepdims=True)
    # the Sun hardly moves during the light time; aberration is the observer's velocity
    seen = sun + distance * _LIGHT_DAYS_PER_AU * np.asarray(barycentric["v"])
    return seen / np.linalg.norm(seen, axis=-1, keepdims=True) if unit else sun


def _geocentric_moon_au(mjd: FloatArray) -> FloatArray:
    day, fraction = _tt(mjd)
    return np.asarray(erfa.moon98(day, fraction)["p"])


def _moon_vectors_km(mjd: FloatArray, site: Site) -> FloatArray:
    _, place = _local_axes(mjd, site)
    return _geocentric_moon_au(mjd) * _AU_KM - place

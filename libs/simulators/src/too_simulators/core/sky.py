"""Where the Sun and a target stand, good to a few arc minutes: what a robot at a telescope asks.

Written against ERFA directly and independent of the product's own geometry, so that a plan which
the robot cannot observe shows up as one. UT1 is taken as UTC (0.9 s at most), no refraction, no
nutation, no aberration (20 arcsec).
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import erfa
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

MJD_ZERO = 2400000.5
MJD_UNIX = 40587.0
_TT_MINUS_UTC_DAYS = 69.2 / 86400
NIGHT_SUN_ALTITUDE_DEG = -12.0


@dataclass(frozen=True)
class Site:
    """A telescope's place; longitude positive to the east."""

    latitude_deg: float
    longitude_deg: float


PALOMAR = Site(33.3563, -116.8648)
CERRO_TOLOLO = Site(-30.1691, -70.8062)
KITT_PEAK = Site(31.9599, -111.5997)
HANLE = Site(32.7794, 78.9642)


def to_mjd(at: datetime) -> float:
    """MJD (UTC) of an aware datetime."""
    return MJD_UNIX + at.timestamp() / 86400


def from_mjd(mjd: float) -> datetime:
    """Aware datetime of an MJD (UTC), to the microsecond."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=mjd - MJD_UNIX)


def _local_sidereal_deg(mjd: FloatArray, site: Site) -> FloatArray:
    gmst = erfa.gmst06(MJD_ZERO, mjd, MJD_ZERO, mjd + _TT_MINUS_UTC_DAYS)
    return np.asarray(np.degrees(gmst) + site.longitude_deg, dtype=np.float64)


def _to_date(vectors: FloatArray, mjd: float) -> FloatArray:
    """Rotate J2000 unit vectors of shape (..., 3) to the equator of date."""
    matrix = np.asarray(erfa.pmat06(MJD_ZERO, mjd + _TT_MINUS_UTC_DAYS), dtype=np.float64)
    return np.asarray(vectors @ matrix.T, dtype=np.float64)


def _horizon(vectors: FloatArray, mjd: FloatArray, site: Site) -> tuple[FloatArray, FloatArray]:
    """Altitude (deg) and hour angle (deg, -180 to 180) of vectors of date."""
    ra_deg = np.degrees(np.arctan2(vectors[..., 1], vectors[..., 0]))
    dec = np.arcsin(np.clip(vectors[..., 2], -1, 1))
    hour_angle_deg = (_local_sidereal_deg(mjd, site) - ra_deg + 180) % 360 - 180
    latitude = np.radians(site.latitude_deg)
    sin_alt = np.sin(latitude) * np.sin(dec) + np.cos(latitude) * np.cos(dec) * np.cos(
        np.radians(hour_angle_deg)
    )
    return np.degrees(np.arcsin(np.clip(sin_alt, -1, 1))), hour_angle_deg


def sun_altitude_deg(mjd: FloatArray, site: Site) -> FloatArray:
    """Altitude of the Sun's centre at each time, to 0.02 deg.

    Notes
    -----
    The low-precision formula of the Astronomical Almanac, referred to the equator of date.
    """
    days = np.atleast_1d(np.asarray(mjd, dtype=np.float64)) - 51544.5
    anomaly = np.radians(357.528 + 0.9856003 * days)
    longitude = np.radians(
        280.460 + 0.9856474 * days + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly)
    )
    obliquity = np.radians(23.439 - 4e-7 * days)
    vectors = np.stack(
        [
            np.cos(longitude),
            np.cos(obliquity) * np.sin(longitude),
            np.sin(obliquity) * np.sin(longitude),
        ],
        axis=-1,
    )
    return _horizon(vectors, days + 51544.5, site)[0]


def is_night(at: datetime, site: Site) -> bool:
    """The Sun is lower than 12 degrees below the horizon."""
    return bool(sun_altitude_deg(np.array([to_mjd(at)]), site)[0] < NIGHT_SUN_ALTITUDE_DEG)


def next_night(at: datetime, site: Site, *, begin: bool) -> datetime:
    """Next time, not before `at`, at which it is night (`begin`) or is not; to 30 s.

    Two days on, if that never happens: nights shorter than five minutes are not found.
    """
    found = at
    for step_s, end_s in ((300.0, 2 * 86400.0), (30.0, 300.0)):
        begin_s = 0.0 if found == at else -step_s * 10
        seconds = np.arange(begin_s, end_s + step_s, step_s)
        night = sun_altitude_deg(to_mjd(found) + seconds / 86400, site) < NIGHT_SUN_ALTITUDE_DEG
        hits = np.flatnonzero(night == begin)
        if hits.size == 0:
            return at + timedelta(days=2)
        found = max(at, found + timedelta(seconds=float(seconds[hits[0]])))
    return found


def wait_for_night(at: datetime, site: Site) -> datetime:
    """When to look again if it is not night: always later than `at`."""
    return max(next_night(at, site, begin=True), at + timedelta(seconds=1))


def altitude_and_hour_angle(
    ra_deg: FloatArray, dec_deg: FloatArray, at: datetime, site: Site
) -> tuple[FloatArray, FloatArray]:
    """Altitude (deg) and hour angle (h) of J2000 positions at one time; shapes as given."""
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    vectors = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)
    mjd = to_mjd(at)
    altitude, hour_angle_deg = _horizon(_to_date(vectors, mjd), np.full_like(ra, mjd), site)
    return altitude, hour_angle_deg / 15


def airmass_of(altitude_deg: FloatArray) -> FloatArray:
    """Secant of the zenith distance; infinite at and below the horizon."""
    sine = np.sin(np.radians(altitude_deg))
    return np.asarray(np.where(sine > 1e-3, 1 / np.maximum(sine, 1e-3), np.inf), dtype=np.float64)


def depth_mag(zero_mag: float, relative_time: float, airmass: float, start: datetime) -> float:
    """5 sigma depth: background-limited, dimmed by air, with a little reproducible weather."""
    noise = int.from_bytes(hashlib.sha256(start.isoformat().encode()).digest()[:2]) / 65535 - 0.5
    depth = zero_mag + 1.25 * np.log10(relative_time) - 0.2 * (min(airmass, 5.0) - 1) + 0.3 * noise
    return round(float(depth), 3)

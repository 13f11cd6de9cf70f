"""Positions of Sun, Moon and targets over a site, by the IAU's SOFA routines (``erfa``).

UT1 is taken as UTC: below 0.9 s, 0.004 deg. Refraction is left out. That is ample for 'is there a
night in this window' and for rise times in minutes, and needs no Earth orientation tables, which
age and stop a process that is offline.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import erfa
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_MJD_ZERO = 2400000.5
_UNIX_EPOCH_MJD = 40587.0
_TT_MINUS_UTC_D = 69.184 / 86400.0
"""37 leap seconds since 2017 and 32.184 s."""
_SIDEREAL_RATE = 1.0027379093


@dataclass(frozen=True)
class Site:
    """Where a telescope stands; longitude positive to the east."""

    latitude_deg: float
    longitude_deg: float
    elevation_m: float = 0.0


def mjd(time: datetime) -> float:
    """Modified Julian date (UTC) of an aware datetime."""
    if time.tzinfo is None:
        raise ValueError("naive datetime: times must be aware")
    return _UNIX_EPOCH_MJD + (time - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(days=1)


def from_mjd(value: float) -> datetime:
    """Aware UTC datetime of a modified Julian date, to the microsecond."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=value - _UNIX_EPOCH_MJD)


def local_sidereal_time_deg(site: Site, time_mjd: Any) -> FloatArray:
    """Apparent local sidereal time, shape of ``time_mjd``."""
    times = np.asarray(time_mjd, dtype=np.float64)
    gast = erfa.gst06a(_MJD_ZERO, times, _MJD_ZERO, times + _TT_MINUS_UTC_D)
    return np.asarray((np.degrees(gast) + site.longitude_deg) % 360.0, dtype=np.float64)


def of_date(ra_deg: Any, dec_deg: Any, time_mjd: float) -> tuple[FloatArray, FloatArray]:
    """Precess and nutate J2000 coordinates to the true equator and equinox of a date."""
    matrix = erfa.pnm06a(_MJD_ZERO, time_mjd + _TT_MINUS_UTC_D)
    vectors = erfa.s2c(np.radians(ra_deg), np.radians(dec_deg))
    ra, dec = erfa.c2s(vectors @ matrix.T)
    return np.degrees(ra) % 360.0, np.degrees(dec)


def altitude_deg(site: Site, ra_date_deg: Any, dec_date_deg: Any, time_mjd: Any) -> FloatArray:
    """Geometric altitude of coordinates of date."""
    hour_angle = np.radians(local_sidereal_time_deg(site, time_mjd) - ra_date_deg)
    lat, dec = np.radians(site.latitude_deg), np.radians(dec_date_deg)
    sine = np.sin(lat) * np.sin(dec) + np.cos(lat) * np.cos(dec) * np.cos(hour_angle)
    return np.asarray(np.degrees(np.arcsin(np.clip(sine, -1.0, 1.0))), dtype=np.float64)


def sun_radec_deg(time_mjd: Any) -> tuple[FloatArray, FloatArray]:
    """Geocentric direction to the Sun, coordinates of date."""
    times = np.asarray(time_mjd, dtype=np.float64)
    heliocentric, _ = erfa.epv00(_MJD_ZERO, times + _TT_MINUS_UTC_D)
    matrix = erfa.pnm06a(_MJD_ZERO, times + _TT_MINUS_UTC_D)
    vectors = np.einsum("...ij,...j->...i", matrix, -heliocentric["p"])
    ra, dec = erfa.c2s(vectors)
    return np.degrees(ra) % 360.0, np.degrees(dec)


def sun_altitude_deg(site: Site, time_mjd: Any) -> FloatArray:
    """Altitude of the Sun's centre."""
    ra, dec = sun_radec_deg(time_mjd)
    return altitude_deg(site, ra, dec, time_mjd)


def moon_separation_deg(ra_deg: Any, dec_deg: Any, time_mjd: Any) -> FloatArray:
    """Geocentric angle between J2000 positions and the Moon (its parallax is below 1 deg)."""
    moon = erfa.moon98(_MJD_ZERO, np.asarray(time_mjd, dtype=np.float64) + _TT_MINUS_UTC_D)
    moon_ra, moon_dec = erfa.c2s(moon["p"])
    separation = erfa.seps(np.radians(ra_deg), np.radians(dec_deg), moon_ra, moon_dec)
    return np.asarray(np.degrees(separation), dtype=np.float64)


def has_night(
    site: Site, begin: datetime, end: datetime, *, sun_altitude_max_deg: float = -12.0
) -> bool:
    """Whether the Sun is low enough at any moment of a window (sampled every five minutes)."""
    first, last = mjd(begin), mjd(end)
    count = max(2, int((last - first) * 288) + 2)
    return bool(
        np.any(sun_altitude_deg(site, np.linspace(first, last, count)) <= sun_altitude_max_deg)
    )


def next_sunrise_mjd(site: Site, after: datetime, *, sun_altitude_deg_at: float = -12.0) -> float:
    """Next time at which the Sun rises through an altitude.

    Raises
    ------
    ValueError
        If it does not within two days (polar summer or winter).
    """
    start = mjd(after)
    grid = start + np.arange(0.0, 2.0, 1.0 / 288)
    above = sun_altitude_deg(site, grid) > sun_altitude_deg_at
    rises = np.flatnonzero(~above[:-1] & above[1:])
    if len(rises) == 0:
        raise ValueError("the Sun does not rise through that altitude within two days")
    low, high = float(grid[rises[0]]), float(grid[rises[0] + 1])
    while (high - low) * 86400 > 0.1:
        middle = (low + high) / 2
        if float(sun_altitude_deg(site, middle)) > sun_altitude_deg_at:
            high = middle
        else:
            low = middle
    return high


@dataclass(frozen=True)
class RiseSet:
    """Passages through an altitude: NaN for targets that are never up."""

    rise_mjd: FloatArray
    set_mjd: FloatArray


def rise_and_set(
    site: Site, ra_deg: Any, dec_deg: Any, *, around_mjd: float, altitude_limit_deg: float
) -> RiseSet:
    """Next setting after a time, and the rising that belongs to it.

    A target that is up at ``around_mjd`` gets its previous rising. Always up: that time and 24 h
    later. Never up: NaN.
    """
    ra, dec = of_date(np.atleast_1d(ra_deg), np.atleast_1d(dec_deg), around_mjd)
    lat, dec_rad = np.radians(site.latitude_deg), np.radians(dec)
    cos_h = (np.sin(np.radians(altitude_limit_deg)) - np.sin(lat) * np.sin(dec_rad)) / (
        np.cos(lat) * np.cos(dec_rad)
    )
    semi_arc = np.degrees(np.arccos(np.clip(cos_h, -1.0, 1.0)))
    hour_angle = (local_sidereal_time_deg(site, around_mjd) - ra) % 360.0
    to_set_deg = (semi_arc - hour_angle) % 360.0
    set_mjd = around_mjd + to_set_deg / 360.0 / _SIDEREAL_RATE
    rise_mjd = set_mjd - 2 * semi_arc / 360.0 / _SIDEREAL_RATE
    always, never = cos_h <= -1.0, cos_h >= 1.0
    rise_mjd = np.where(always, around_mjd, np.where(never, np.nan, rise_mjd))
    set_mjd = np.where(always, around_mjd + 1.0, np.where(never, np.nan, set_mjd))
    return RiseSet(rise_mjd, set_mjd)

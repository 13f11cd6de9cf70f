"""Sun, Moon, zenith and sidereal time at a site, at many instants at once.

Everything comes from ERFA (IAU 2006/2000A), without Earth-rotation tables: UT1-UTC is below 0.9 s
or 14 arcsec, which the limits of a plan do not notice. Instants are seconds after an epoch.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import erfa
import numpy as np
from numpy.typing import NDArray
from too_common.astro.sphere import unit_vectors

from too_planner.telescope import Site

FloatArray = NDArray[np.float64]

_UNIX_JD = 2440587.5
_DAY_S = 86400.0
_LIGHT_DAY_AU = 173.1446326846693
"""Speed of light in au per day."""


@dataclass(frozen=True)
class NightSky:
    """The sky over a site.

    Attributes
    ----------
    epoch : datetime
        Zero of `seconds` (UTC).
    seconds : ndarray, shape (t,)
    zenith : ndarray, shape (t, 3)
        ICRS direction of the zenith.
    sidereal_h : ndarray, shape (t,)
        Local apparent sidereal time.
    sun_altitude_deg : ndarray, shape (t,)
        Of the Sun's centre, without refraction.
    moon : ndarray, shape (t, 3)
        Topocentric direction of the Moon, ICRS axes.
    aberration : ndarray, shape (3,)
        Earth's velocity over that of light in the middle of the time.
    rotation : ndarray, shape (3, 3)
        From ICRS axes to those of the true equator and the intermediate origin.
    origins_h : float
        Right ascension of the intermediate origin, apparent RA = CIRS RA - this.
    """

    epoch: datetime
    seconds: FloatArray
    zenith: FloatArray
    sidereal_h: FloatArray
    sun_altitude_deg: FloatArray
    moon: FloatArray
    aberration: FloatArray
    rotation: FloatArray
    origins_h: float

    def apparent(self, ra_deg: Any, dec_deg: Any) -> FloatArray:
        """Directions of stars with annual aberration, ICRS axes, shape (n, 3)."""
        vectors = unit_vectors(ra_deg, dec_deg) + self.aberration
        return _normalised(vectors)

    def sin_altitude(self, apparent: FloatArray) -> FloatArray:
        """Sine of the altitude of directions (n, 3) at all instants, shape (n, t)."""
        result: FloatArray = apparent @ self.zenith.T
        return result

    def apparent_ra_h(self, apparent: FloatArray) -> FloatArray:
        """Right ascension of date of directions (n, 3), hours."""
        cirs = apparent @ self.rotation.T
        return np.asarray((np.degrees(np.arctan2(cirs[:, 1], cirs[:, 0])) / 15) - self.origins_h)

    def hour_angle_h(self, ra_h: FloatArray) -> FloatArray:
        """Hour angles in [-12, 12) for right ascensions (n,), shape (n, t)."""
        return np.asarray((self.sidereal_h[None, :] - ra_h[:, None] + 12.0) % 24.0 - 12.0)

    def cos_moon_separation(self, apparent: FloatArray) -> FloatArray:
        """Cosine of the distance of directions (n, 3) from the Moon, shape (n, t)."""
        result: FloatArray = apparent @ self.moon.T
        return result

    def at(self, second: float) -> datetime:
        """The instant `second` after the epoch."""
        return self.epoch + timedelta(seconds=second)


def _julian(epoch: datetime, seconds: FloatArray) -> tuple[float, FloatArray]:
    whole = epoch.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    day = _UNIX_JD + whole.timestamp() / _DAY_S
    return day, ((epoch - whole).total_seconds() + seconds) / _DAY_S


def night_sky(site: Site, epoch: datetime, seconds: Any) -> NightSky:
    """Compute the sky over a site.

    Parameters
    ----------
    site
        Geodetic site.
    epoch
        Zero of the seconds; aware.
    seconds
        Instants after the epoch, shape (t,).
    """
    instants = np.atleast_1d(np.asarray(seconds, dtype=np.float64))
    utc1, utc2 = _julian(epoch, instants)
    tt1, tt2 = erfa.taitt(*erfa.utctai(utc1, utc2))
    middle = len(instants) // 2
    # the equator moves by less than 0.2 arcsec in a day: once is enough, and most of the cost
    bpn, origins = _equator(float(tt1[middle]), float(tt2[middle]))
    longitude, phi = np.radians(site.longitude_deg), np.radians(site.latitude_deg)
    era = erfa.era00(utc1, utc2) + longitude
    cirs_zenith = np.stack(
        [np.cos(phi) * np.cos(era), np.cos(phi) * np.sin(era), np.full(era.shape, np.sin(phi))],
        axis=-1,
    )
    zenith = cirs_zenith @ bpn
    place = erfa.gd2gc(1, 0.0, phi, site.elevation_m) / erfa.DAU
    observer = (
        np.stack([place[0] * np.cos(era), place[0] * np.sin(era), np.full(era.shape, place[2])], -1)
        @ bpn
    )
    sun, velocity = _sun(tt1, tt2, middle)
    sun = _normalised(sun - observer) + velocity
    moon = _normalised(_normalised(erfa.moon98(tt1, tt2)["p"] - observer) + velocity)
    sin_sun = np.einsum("ti,ti->t", zenith, _normalised(sun))
    return NightSky(
        epoch=epoch,
        seconds=instants,
        zenith=zenith,
        sidereal_h=np.degrees(era - origins) / 15 % 24,
        sun_altitude_deg=np.degrees(np.arcsin(np.clip(sin_sun, -1, 1))),
        moon=moon,
        aberration=velocity,
        rotation=bpn,
        origins_h=float(np.degrees(origins) / 15),
    )


def _equator(tt1: float, tt2: float) -> tuple[FloatArray, float]:
    """Rotation from ICRS to CIRS axes, and the equation of the origins."""
    matrix = erfa.pnm06a(tt1, tt2)
    x, y = erfa.bpn2xy(matrix)
    locator = erfa.s06(tt1, tt2, x, y)
    return np.asarray(erfa.c2ixys(x, y, locator)), float(erfa.eors(matrix, locator))


_NODE_DAYS = 0.25
"""Between the instants at which the Earth's place is computed; quadratic in between."""


def _sun(tt1: FloatArray, tt2: FloatArray, middle: int) -> tuple[FloatArray, FloatArray]:
    """Geocentric place of the Sun (au, all instants) and the Earth's velocity over light's."""
    day = (tt1 - tt1[0]) + tt2
    low, high = float(day.min()), float(day.max())
    count = max(3, int(np.ceil((high - low) / _NODE_DAYS)) + 1)
    nodes = np.append(np.linspace(low, high, count) if high > low else [low], day[middle])
    heliocentric, barycentric = erfa.epv00(tt1[0], nodes)
    velocity = np.asarray(barycentric["v"][-1] / _LIGHT_DAY_AU)
    if high <= low:
        return np.broadcast_to(-heliocentric["p"][0], (len(day), 3)), velocity
    # cubic Hermite interpolation: error below 1e-9 au with nodes six hours apart
    place, speed = heliocentric["p"][:-1], heliocentric["v"][:-1]
    step = nodes[1] - nodes[0]
    left = np.minimum(((day - low) / step).astype(np.int64), count - 2)
    u = ((day - nodes[left]) / step)[:, None]
    value = (
        (1 + 2 * u) * (1 - u) ** 2 * place[left]
        + u * (1 - u) ** 2 * step * speed[left]
        + u**2 * (3 - 2 * u) * place[left + 1]
        + u**2 * (u - 1) * step * speed[left + 1]
    )
    return -value, velocity


def _normalised(vectors: FloatArray) -> FloatArray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))

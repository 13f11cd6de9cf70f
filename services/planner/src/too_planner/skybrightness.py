"""How bright the sky is under the Moon.

Krisciunas & Schaefer 1991, PASP 103, 1033 (equations by their numbers there), in V; good to 8 to
23 % of the moonlight by their own word. Other bands: moonlight in V with the Sun's colour
(Willmer 2018, ApJS 236, 47), over a dark sky in that band (Ivezic et al. 2019, ApJ 873, 111,
table 2). In the near infrared airglow drowns the Moon, so nothing is added there.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

DARK_MAG_ARCSEC2 = {"U": 22.99, "u": 22.99, "g": 22.26, "r": 21.20, "i": 20.48, "z": 19.60}
"""Dark sky at the zenith, AB: Ivezic et al. 2019, table 2 (Cerro Pachon)."""
EXTINCTION_MAG = {
    "U": 0.491, "u": 0.491, "g": 0.213, "r": 0.126, "i": 0.096, "z": 0.069, "y": 0.170, "J": 0.10,
}  # fmt: skip
"""Per airmass: Ivezic et al. 2019, table 2; J is a typical value of ours."""
_SUN_MINUS_V = {"U": 1.58, "u": 1.58, "g": 0.30, "r": -0.16, "i": -0.28, "z": -0.31}
"""Absolute AB magnitude of the Sun in the band minus V (Willmer 2018)."""
V_EXTINCTION_MAG = 0.172
"""The paper's own, of Mauna Kea."""
DARK_V_MAG_ARCSEC2 = 21.587


def nano_lamberts(mag_arcsec2: Any) -> FloatArray:
    """Surface brightness of V magnitudes per square arcsecond (eq. 1)."""
    return np.asarray(34.08 * np.exp(20.7233 - 0.92104 * np.asarray(mag_arcsec2, dtype=float)))


def magnitudes(nl: Any) -> FloatArray:
    """V magnitudes per square arcsecond; infinity for no light."""
    with np.errstate(divide="ignore"):
        return np.asarray((20.7233 - np.log(np.asarray(nl, dtype=float) / 34.08)) / 0.92104)


def moonlight_nl(
    *, phase_angle_deg: Any, separation_deg: Any, moon_altitude_deg: Any, altitude_deg: Any,
    extinction_mag: float = V_EXTINCTION_MAG,
) -> FloatArray:  # fmt: skip
    """Scattered moonlight in V.

    Parameters
    ----------
    phase_angle_deg
        Angle Sun, Moon, Earth: 0 at full Moon.
    separation_deg
        Of the field from the Moon; below 10 degrees the paper's branch for small angles.
    moon_altitude_deg, altitude_deg
        Of Moon and field; no moonlight if the Moon is down.

    Returns
    -------
    ndarray
        nanoLamberts (eqs. 3, 15, 18 to 21).
    """
    phase, rho, moon, field = np.broadcast_arrays(
        *(
            np.asarray(value, dtype=np.float64)
            for value in (phase_angle_deg, separation_deg, moon_altitude_deg, altitude_deg)
        )
    )
    angle = np.abs(phase)
    illuminance = 10.0 ** (-0.4 * (3.84 + 0.026 * angle + 4e-9 * angle**4))
    near = np.maximum(rho, 0.25)
    mie = np.where(near < 10.0, 6.2e7 / near**2, 10.0 ** (6.15 - near / 40.0))
    scattering = 10.0**5.36 * (1.06 + np.cos(np.radians(rho)) ** 2) + mie
    moon_path, field_path = _path(moon), _path(field)
    light = (
        scattering
        * illuminance
        * 10.0 ** (-0.4 * extinction_mag * moon_path)
        * (1.0 - 10.0 ** (-0.4 * extinction_mag * field_path))
    )
    return np.where(moon > 0, light, 0.0)


def _path(altitude_deg: FloatArray) -> FloatArray:
    """Optical path in airmasses for scattered light (eq. 3)."""
    sin_z = np.cos(np.radians(np.clip(altitude_deg, 0.0, 90.0)))
    return np.asarray((1.0 - 0.96 * sin_z**2) ** -0.5)


def brightening_mag(
    name: str,
    *,
    phase_angle_deg: Any,
    separation_deg: Any,
    moon_altitude_deg: Any,
    altitude_deg: Any,
    dark_mag_arcsec2: float | None = None,
) -> FloatArray:
    """By how many magnitudes the Moon brightens the sky in a filter; 0 where it does not matter."""
    dark = DARK_MAG_ARCSEC2.get(name) if dark_mag_arcsec2 is None else dark_mag_arcsec2
    light = moonlight_nl(
        phase_angle_deg=phase_angle_deg,
        separation_deg=separation_deg,
        moon_altitude_deg=moon_altitude_deg,
        altitude_deg=altitude_deg,
    )
    if dark is None or name not in _SUN_MINUS_V:
        return np.zeros_like(light)
    moon_mag = magnitudes(light) + _SUN_MINUS_V[name]
    ratio = 10.0 ** (-0.4 * (moon_mag - dark))
    return np.asarray(2.5 * np.log10(1.0 + ratio))

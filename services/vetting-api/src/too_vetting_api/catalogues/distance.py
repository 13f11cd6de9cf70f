"""Luminosity distance from redshift, by the rules that ranking needs.

One cosmology for all rows (Planck15, that of gravitational-wave distances), the CMB frame first,
and no distance at all where the peculiar velocity drowns it.
"""

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

C_KM_S = 299_792.458
"""Speed of light."""
DIPOLE_KM_S = 369.82
"""Sun's velocity with respect to the CMB (Planck 2018 results I)."""
DIPOLE_RA_DEG, DIPOLE_DEC_DEG = 167.942, -6.944
"""Where to (the same, in ICRS)."""
PECULIAR_KM_S = 250.0
"""Scatter of galaxies about the Hubble flow, without a flow model."""
MIN_CZ_KM_S = 1000.0
"""Below this a redshift says nothing about the distance."""
H0_KM_S_MPC = 67.74
"""Planck15."""
Z_GRID_MAX = 12.0
GRID_POINTS = 3001
"""Linear interpolation in so many points errs by less than a part in 10,000."""

Floats = NDArray[np.float64]


def cmb_redshift(z_helio: ArrayLike, ra_deg: ArrayLike, dec_deg: ArrayLike) -> Floats:
    """Redshift in the frame of the microwave background.

    Notes
    -----
    1 + z_cmb = (1 + z_helio) (1 + v n / c), n the direction of the galaxy.
    """
    ra, dec = np.radians(np.asarray(ra_deg, float)), np.radians(np.asarray(dec_deg, float))
    ra0, dec0 = np.radians(DIPOLE_RA_DEG), np.radians(DIPOLE_DEC_DEG)
    cosine = np.sin(dec) * np.sin(dec0) + np.cos(dec) * np.cos(dec0) * np.cos(ra - ra0)
    shifted = (1 + np.asarray(z_helio, float)) * (1 + DIPOLE_KM_S * cosine / C_KM_S) - 1
    return np.asarray(shifted, float)


@cache
def _grid() -> tuple[Floats, Floats]:
    from astropy.cosmology import Planck15

    # denser near zero, where the catalogues are
    z = np.expm1(np.linspace(0.0, np.log1p(Z_GRID_MAX), GRID_POINTS))
    distance = np.zeros_like(z)
    distance[1:] = Planck15.luminosity_distance(z[1:]).to_value("Mpc")
    return z, distance


def luminosity_distance_mpc(z: ArrayLike) -> Floats:
    """Planck15 luminosity distance; NaN for z <= 0 or unknown."""
    redshift = np.asarray(z, float)
    grid_z, grid_d = _grid()
    distance = np.interp(redshift, grid_z, grid_d)
    distance[~(redshift > 0) | (redshift > Z_GRID_MAX)] = np.nan
    return np.asarray(distance, float)


def distance_from_redshift(
    z_helio: ArrayLike,
    ra_deg: ArrayLike,
    dec_deg: ArrayLike,
    z_error: ArrayLike | None = None,
) -> tuple[Floats, Floats]:
    """Luminosity distance and its error from heliocentric redshifts.

    Parameters
    ----------
    z_helio
        Heliocentric redshift; NaN if unknown.
    ra_deg, dec_deg
        ICRS position.
    z_error
        Measurement error of the redshift, if known.

    Returns
    -------
    tuple
        Distance and one-sigma error in Mpc; NaN where cz is below `MIN_CZ_KM_S`.
    """
    z = np.atleast_1d(cmb_redshift(z_helio, ra_deg, dec_deg))
    distance = luminosity_distance_mpc(z)
    distance[~(z * C_KM_S >= MIN_CZ_KM_S)] = np.nan
    velocity = np.full_like(z, PECULIAR_KM_S)
    if z_error is not None:
        measured = np.nan_to_num(np.atleast_1d(np.asarray(z_error, float)), nan=0.0) * C_KM_S
        velocity = np.hypot(velocity, measured)
    # dD/dz is close to c/H0 (1 + z) where these catalogues live
    error = velocity / H0_KM_S_MPC * (1 + np.maximum(z, 0))
    error[~np.isfinite(distance)] = np.nan
    return distance, error


def b_luminosity(b_mag: ArrayLike, distance_mpc: ArrayLike) -> Floats:
    """B luminosity in solar units (M_B of the Sun 5.48); NaN where either is unknown."""
    magnitude, distance = np.asarray(b_mag, float), np.asarray(distance_mpc, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        absolute = magnitude - 5 * np.log10(distance) - 25
    return np.asarray(10 ** (-0.4 * (absolute - 5.48)), float)

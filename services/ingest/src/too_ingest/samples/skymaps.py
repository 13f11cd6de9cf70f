"""Analytic 3-D multi-order maps of the sample events."""

from dataclasses import replace
from datetime import datetime

import numpy as np
from too_common.astro.cone import ellipse_skymap
from too_common.astro.skymap import SkyMap
from too_common.astro.sphere import FloatArray, separation_deg

DISTANCE_SCATTER = 0.2
"""Standard deviation of the distance along a line of sight, in units of the distance."""


def distance_norm(mu: FloatArray, sigma: FloatArray) -> FloatArray:
    """Norm of r^2 times a Gaussian (Singer et al. 2016, ApJS 226, 10, equation 2).

    The integral over r >= 0 of r^2 N(r; mu, sigma) is (mu^2 + sigma^2) Phi(mu / sigma)
    + mu sigma phi(mu / sigma).
    """
    from scipy.special import ndtr

    z = mu / sigma
    density = np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
    result: FloatArray = 1.0 / ((mu**2 + sigma**2) * ndtr(z) + mu * sigma * density)
    return result


def offset(ra_deg: float, dec_deg: float, east_deg: float, north_deg: float) -> tuple[float, float]:
    """Position some degrees east and north of another (for a few degrees near the equator)."""
    dec = float(np.clip(dec_deg + north_deg, -89.0, 89.0))
    return (ra_deg + east_deg / np.cos(np.radians(dec_deg))) % 360.0, dec


def gravitational_wave_map(
    ra_deg: float,
    dec_deg: float,
    *,
    semi_axes_deg: tuple[float, float],
    position_angle_deg: float,
    distance_mpc: float,
    event_time: datetime,
    name: str,
) -> bytes:
    """Multi-order FITS file: an elongated Gaussian with a distance that grows outwards a little.

    Parameters
    ----------
    semi_axes_deg
        Of the ellipse that holds 90 %.
    distance_mpc
        Mean distance at the centre.
    """
    flat = ellipse_skymap(ra_deg, dec_deg, *semi_axes_deg, position_angle_deg, 0.9)
    ra, dec = _centres(flat)
    away = np.minimum(separation_deg(ra_deg, dec_deg, ra, dec), 30.0) / 30.0
    mean = distance_mpc * (1.0 + 0.15 * away)
    sigma = DISTANCE_SCATTER * mean
    # r^2 moves the mean outwards by about 2 sigma^2 / mu
    mu = 0.5 * (mean + np.sqrt(mean**2 - 8.0 * sigma**2))
    meta = {
        "OBJECT": name,
        "DATE-OBS": event_time.strftime("%Y-%m-%dT%H:%M:%S.%f"),
        "CREATOR": "sample alert",
        "INSTRUME": "H1,L1,V1",
        "DISTMEAN": float(distance_mpc),
        "DISTSTD": float(DISTANCE_SCATTER * distance_mpc),
    }
    skymap = replace(flat, distmu=mu, distsigma=sigma, distnorm=distance_norm(mu, sigma), meta=meta)
    return skymap.to_fits()


def _centres(skymap: SkyMap) -> tuple[FloatArray, FloatArray]:
    from astropy_healpix import healpix_to_lonlat

    nside = 2 ** skymap.order.astype(np.int64)
    lon, lat = healpix_to_lonlat(skymap.ipix, nside, order="nested")
    return lon.to_value("deg"), lat.to_value("deg")

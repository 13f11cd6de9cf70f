"""Positions on the celestial sphere: unit vectors, separations, the tangent plane.

All functions take and give degrees (float64 arrays or scalars that broadcast) and are right at
the poles and across RA 0.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

DEG2_PER_SR = (180.0 / np.pi) ** 2
"""Square degrees in one steradian."""


def unit_vectors(ra_deg: ArrayLike, dec_deg: ArrayLike) -> FloatArray:
    """Unit vectors of positions.

    Returns
    -------
    ndarray of shape (..., 3)
        x towards RA 0 on the equator, z towards the north pole.
    """
    ra, dec = np.broadcast_arrays(
        np.radians(np.asarray(ra_deg, dtype=np.float64)),
        np.radians(np.asarray(dec_deg, dtype=np.float64)),
    )
    cos_dec = np.cos(dec)
    return np.stack([cos_dec * np.cos(ra), cos_dec * np.sin(ra), np.sin(dec)], axis=-1)


def from_unit_vectors(vectors: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """RA in [0, 360) and Dec of vectors (..., 3), in degrees; lengths need not be 1."""
    v = np.asarray(vectors, dtype=np.float64)
    ra = np.degrees(np.arctan2(v[..., 1], v[..., 0])) % 360.0
    dec = np.degrees(np.arctan2(v[..., 2], np.hypot(v[..., 0], v[..., 1])))
    # a tiny negative angle modulo 360 is 360.0 in floating point
    return np.where(ra >= 360.0, 0.0, ra), dec


def separation_deg(
    ra1_deg: ArrayLike, dec1_deg: ArrayLike, ra2_deg: ArrayLike, dec2_deg: ArrayLike
) -> FloatArray:
    """Angular separation (Vincenty's formula: exact for tiny angles and for antipodes)."""
    ra1, dec1, ra2, dec2 = (
        np.radians(np.asarray(value, dtype=np.float64))
        for value in (ra1_deg, dec1_deg, ra2_deg, dec2_deg)
    )
    d_ra = ra2 - ra1
    sin1, cos1, sin2, cos2 = np.sin(dec1), np.cos(dec1), np.sin(dec2), np.cos(dec2)
    y = np.hypot(cos2 * np.sin(d_ra), cos1 * sin2 - sin1 * cos2 * np.cos(d_ra))
    x = sin1 * sin2 + cos1 * cos2 * np.cos(d_ra)
    result: FloatArray = np.degrees(np.arctan2(y, x))
    return result


def position_angle_deg(
    ra1_deg: ArrayLike, dec1_deg: ArrayLike, ra2_deg: ArrayLike, dec2_deg: ArrayLike
) -> FloatArray:
    """Position angle of the second point seen from the first: north through east, [0, 360)."""
    ra1, dec1, ra2, dec2 = (
        np.radians(np.asarray(value, dtype=np.float64))
        for value in (ra1_deg, dec1_deg, ra2_deg, dec2_deg)
    )
    d_ra = ra2 - ra1
    y = np.sin(d_ra) * np.cos(dec2)
    x = np.cos(dec1) * np.sin(dec2) - np.sin(dec1) * np.cos(dec2) * np.cos(d_ra)
    result: FloatArray = np.degrees(np.arctan2(y, x)) % 360.0
    return result


def offset_deg(
    ra_deg: ArrayLike, dec_deg: ArrayLike, position_angle: ArrayLike, distance_deg: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Position reached from (ra, dec) by going `distance_deg` along `position_angle` (deg)."""
    east, north = tangent_basis(ra_deg, dec_deg)
    centre = unit_vectors(ra_deg, dec_deg)
    angle = np.radians(np.asarray(position_angle, dtype=np.float64))[..., np.newaxis]
    distance = np.radians(np.asarray(distance_deg, dtype=np.float64))[..., np.newaxis]
    direction = np.sin(angle) * east + np.cos(angle) * north
    return from_unit_vectors(np.cos(distance) * centre + np.sin(distance) * direction)


def tangent_basis(ra_deg: ArrayLike, dec_deg: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Unit vectors to the east and to the north at a position, each of shape (..., 3)."""
    ra, dec = np.broadcast_arrays(
        np.radians(np.asarray(ra_deg, dtype=np.float64)),
        np.radians(np.asarray(dec_deg, dtype=np.float64)),
    )
    sin_ra, cos_ra, sin_dec, cos_dec = np.sin(ra), np.cos(ra), np.sin(dec), np.cos(dec)
    east = np.stack([-sin_ra, cos_ra, np.zeros_like(ra)], axis=-1)
    north = np.stack([-sin_dec * cos_ra, -sin_dec * sin_ra, cos_dec], axis=-1)
    return east, north


def to_tangent_plane(
    center_ra_deg: float, center_dec_deg: float, ra_deg: ArrayLike, dec_deg: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Gnomonic projection about a centre.

    Returns
    -------
    x_deg, y_deg : ndarray
        x to the east, y to the north; NaN for points 90 deg and more from the centre.
    """
    return plane_coordinates(center_ra_deg, center_dec_deg, unit_vectors(ra_deg, dec_deg))


def plane_coordinates(
    center_ra_deg: float, center_dec_deg: float, vectors: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Gnomonic projection of unit vectors (n, 3), see :func:`to_tangent_plane`."""
    east, north = tangent_basis(center_ra_deg, center_dec_deg)
    along = vectors @ unit_vectors(center_ra_deg, center_dec_deg)
    scale = np.degrees(1.0) / np.where(along > 1e-9, along, np.nan)
    return (vectors @ east) * scale, (vectors @ north) * scale


def from_tangent_plane(
    center_ra_deg: ArrayLike, center_dec_deg: ArrayLike, x_deg: ArrayLike, y_deg: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Inverse of :func:`to_tangent_plane`: RA, Dec in degrees."""
    east, north = tangent_basis(center_ra_deg, center_dec_deg)
    centre = unit_vectors(center_ra_deg, center_dec_deg)
    x = np.radians(np.asarray(x_deg, dtype=np.float64))[..., np.newaxis]
    y = np.radians(np.asarray(y_deg, dtype=np.float64))[..., np.newaxis]
    return from_unit_vectors(centre + x * east + y * north)

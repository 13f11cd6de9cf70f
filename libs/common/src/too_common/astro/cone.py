"""Sky maps from a position and an error radius.

For a two-dimensional Gaussian with sigma per axis, radius(p) = sigma sqrt(-2 ln(1 - p)); a
'68 % radius' is not sigma. On the sphere the Gaussian of a circle is the Fisher distribution,
whose concentration is chosen such that the stated containment comes back exactly, even for radii
of tens of degrees.
"""

from collections.abc import Callable

import numpy as np

from too_common.astro import pixels
from too_common.astro.errors import SkyMapError
from too_common.astro.leaves import Leaves, concatenate
from too_common.astro.pixels import IntArray
from too_common.astro.skymap import SkyMap
from too_common.astro.sphere import FloatArray, position_angle_deg, separation_deg, unit_vectors

MIN_RADIUS_DEG = 1.0 / 3600.0
"""Smaller error radii are raised to this (1 arcsec): positions in notices resolve 0.36 arcsec."""

MAX_ORDER = 20
"""Finest pixels that are made: 0.2 arcsec."""

_PIXELS_PER_SIGMA = 4.0
_FAINT = 40.0
"""Beyond this many units of -ln(density / peak) nothing is refined."""

LogDensity = Callable[[FloatArray, FloatArray], FloatArray]


def cone_skymap(
    ra_deg: float,
    dec_deg: float,
    radius_deg: float,
    containment: float,
    systematic_deg: float = 0.0,
) -> SkyMap:
    """Map of an error circle.

    Parameters
    ----------
    ra_deg, dec_deg : float
        Centre (ICRS).
    radius_deg : float
        Error radius; at least :data:`MIN_RADIUS_DEG` is used.
    containment : float
        Probability inside that radius, between 0 and 1.
    systematic_deg : float
        Systematic error of the same containment, added in quadrature.

    Raises
    ------
    SkyMapError
        For radii that are zero, negative or no numbers (an unknown error is no delta function),
        for containments outside (0, 1), and for circles that hold no more than a uniform sky.
    """
    _check_position(ra_deg, dec_deg, containment)
    radius = _total_radius(radius_deg, systematic_deg, "radius_deg")
    if radius >= 180.0:
        raise SkyMapError("the error radius covers the whole sky", f"radius_deg = {radius_deg}")
    kappa = _concentration(np.radians(radius), containment)
    sigma_deg = float(np.degrees(1.0 / np.sqrt(kappa)))

    def log_density(ra: FloatArray, dec: FloatArray) -> FloatArray:
        half = np.sin(0.5 * np.radians(separation_deg(ra_deg, dec_deg, ra, dec)))
        return -2.0 * kappa * half * half

    meta = {"CREATOR": "cone", "OBJECT": f"{radius_deg:.6g} deg at {containment:.6g}"}
    return _adaptive_map(ra_deg, dec_deg, sigma_deg, log_density, meta)


def ellipse_skymap(
    ra_deg: float,
    dec_deg: float,
    semi_major_deg: float,
    semi_minor_deg: float,
    position_angle: float,
    containment: float,
    systematic_deg: float = 0.0,
) -> SkyMap:
    """Map of an error ellipse: a Gaussian in azimuthal equidistant offsets from the centre.

    Parameters
    ----------
    semi_major_deg, semi_minor_deg : float
        Semi-axes of the ellipse that holds `containment`.
    position_angle : float
        Of the major axis, from north through east, in degrees.
    """
    _check_position(ra_deg, dec_deg, containment)
    if not np.isfinite(position_angle):
        raise SkyMapError("the position angle is no number", "position_angle")
    scale = np.sqrt(-2.0 * np.log1p(-containment))
    major = _total_radius(semi_major_deg, systematic_deg, "semi_major_deg") / scale
    minor = _total_radius(semi_minor_deg, systematic_deg, "semi_minor_deg") / scale
    if major > 40.0 or minor > 40.0:
        raise SkyMapError("the error ellipse covers the whole sky", "semi_major_deg")
    if max(major, minor) > 2000.0 * min(major, minor):
        raise SkyMapError("the error ellipse is too thin", "semi_minor_deg")

    def log_density(ra: FloatArray, dec: FloatArray) -> FloatArray:
        theta = separation_deg(ra_deg, dec_deg, ra, dec)
        angle = position_angle_deg(ra_deg, dec_deg, ra, dec) - position_angle
        along = theta * np.cos(np.radians(angle)) / major
        across = theta * np.sin(np.radians(angle)) / minor
        # the plane's area element is theta dtheta, the sphere's is sin(theta) dtheta
        return -0.5 * (along**2 + across**2) - np.log(np.sinc(theta / 180.0))

    meta = {"CREATOR": "ellipse"}
    return _adaptive_map(ra_deg, dec_deg, min(major, minor), log_density, meta)


def _check_position(ra_deg: float, dec_deg: float, containment: float) -> None:
    if not (np.isfinite(ra_deg) and np.isfinite(dec_deg) and -90.0 <= dec_deg <= 90.0):
        raise SkyMapError("the position is none", f"ra {ra_deg}, dec {dec_deg}")
    if not 0.0 < containment < 1.0:
        raise SkyMapError("the containment is no probability", f"containment = {containment}")


def _total_radius(radius_deg: float, systematic_deg: float, where: str) -> float:
    if not (np.isfinite(radius_deg) and radius_deg > 0):
        raise SkyMapError("the error radius is not known", f"{where} = {radius_deg}")
    if not (np.isfinite(systematic_deg) and systematic_deg >= 0):
        raise SkyMapError("the systematic error is negative", f"systematic_deg = {systematic_deg}")
    return max(float(np.hypot(radius_deg, systematic_deg)), MIN_RADIUS_DEG)


def _concentration(radius_rad: float, containment: float) -> float:
    """Concentration of the Fisher distribution that has the containment within the radius."""
    height = 2.0 * np.sin(0.5 * radius_rad) ** 2  # 1 - cos(radius)
    if 0.5 * height >= containment:
        raise SkyMapError("the error radius covers the whole sky", "radius_deg")

    def contained(kappa: float) -> float:
        return float(np.expm1(-kappa * height) / np.expm1(-2.0 * kappa))

    low, high = 1e-9, 1.0
    while contained(high) < containment:
        high *= 2.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        if contained(middle) < containment:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _adaptive_map(
    ra_deg: float, dec_deg: float, sigma_deg: float, log_density: LogDensity, meta: dict[str, str]
) -> SkyMap:
    """Refine from the 12 base pixels while pixels are coarse against the local structure."""
    order, ipix = 0, np.arange(12, dtype=np.int64)
    done: list[Leaves] = []
    centre = unit_vectors(ra_deg, dec_deg)
    while True:
        ra, dec = pixels.centres(order, ipix)
        # every point of a pixel is within this distance of its centre
        reach = float(np.degrees(1.2 * np.sqrt(pixels.pixel_area_sr(order))))
        size = float(np.degrees(np.sqrt(pixels.pixel_area_sr(order))))
        chord = np.linalg.norm(unit_vectors(ra, dec) - centre, axis=-1)
        theta = np.degrees(2.0 * np.arcsin(np.minimum(0.5 * chord, 1.0)))
        with np.errstate(divide="ignore"):
            logs = log_density(ra, dec)
        near = theta <= reach + sigma_deg
        # a pixel may be sqrt(-ln density) sigmas nearer to the centre than its middle is
        bright = -logs * (1.0 - reach / np.maximum(theta, 1e-12)).clip(0.0) ** 2 < _FAINT
        allowed = sigma_deg / _PIXELS_PER_SIGMA
        refine = (near | bright) & (size > allowed)
        if order < 3:
            refine[:] = True
        if order >= MAX_ORDER:
            refine[:] = False
        done.append(_leaves(order, ipix[~refine], log_density))
        if not refine.any():
            break
        order, ipix = order + 1, (ipix[refine, np.newaxis] * 4 + np.arange(4)).ravel()
    table = concatenate(done)
    total = float((table.values[:, 0] * pixels.pixel_area_sr(table.order)).sum())
    return SkyMap.from_leaves(Leaves(table.order, table.ipix, table.values / total), meta)


def _leaves(order: int, ipix: IntArray, log_density: LogDensity) -> Leaves:
    """Leaves with the mean density of 16 sub-pixels each."""
    depth = 2
    children = (ipix[:, np.newaxis] * 4**depth + np.arange(4**depth)).ravel()
    ra, dec = pixels.centres(order + depth, children)
    density = np.exp(log_density(ra, dec)).reshape(len(ipix), 4**depth).mean(axis=1)
    return Leaves(np.full(len(ipix), order, dtype=np.int8), ipix, density[:, np.newaxis])

"""Sky maps from a position and an error radius.

For a two-dimensional Gaussian with sigma per axis, radius(p) = sigma sqrt(-2 ln(1 - p)); a
'68 % radius' is not sigma. On the sphere the Gaussian of a circle is the Fisher distribution,
whose concentration is chosen such that the stated containment comes back, even for radii of tens
of degrees. An ellipse is a Gaussian in azimuthal equidistant offsets from its centre.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from too_common.astro import pixels
from too_common.astro.errors import SkyMapError
from too_common.astro.leaves import Leaves, concatenate
from too_common.astro.pixels import IntArray
from too_common.astro.skymap import SkyMap
from too_common.astro.sphere import FloatArray, position_angle_deg, separation_deg

MIN_RADIUS_DEG = 1.0 / 3600.0
"""Smaller error radii are raised to this (1 arcsec): positions in notices resolve 0.36 arcsec."""

MAX_ORDER = 20
"""Finest pixels that are made: 0.2 arcsec."""

MAX_AXIS_RATIO = 50.0
"""Thinner ellipses are refused."""

_PIXELS_PER_SIGMA = 6.0
_TAIL = 8.0
"""Where -ln(density / peak) is above this (4 sigma) pixels may be as large as a sigma."""
_FAINT = 25.0
"""Where it is above this (7 sigma) nothing is refined."""
_MAX_SIGMA_DEG = 30.0
_SUBPIXEL_ORDERS = 2


class _Shape(Protocol):
    """A density on the sphere, up to a constant; 0 is its logarithm at the centre."""

    @property
    def finest_sigma_deg(self) -> float: ...

    def log_density(self, ra_deg: FloatArray, dec_deg: FloatArray) -> FloatArray: ...

    def log_highest(self, ra_deg: FloatArray, dec_deg: FloatArray, reach_deg: float) -> FloatArray:
        """Upper bound within `reach_deg` of each position."""
        ...


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
    _check(ra_deg, dec_deg, containment)
    radius = _total_radius(radius_deg, systematic_deg, "radius_deg")
    shape = _Circle(ra_deg, dec_deg, _concentration(np.radians(radius), containment))
    return _adaptive_map(shape, {"CREATOR": "error circle"})


def ellipse_skymap(
    ra_deg: float,
    dec_deg: float,
    semi_major_deg: float,
    semi_minor_deg: float,
    position_angle: float,
    containment: float,
    systematic_deg: float = 0.0,
) -> SkyMap:
    """Map of an error ellipse.

    Parameters
    ----------
    ra_deg, dec_deg : float
        Centre (ICRS).
    semi_major_deg, semi_minor_deg : float
        Semi-axes of the ellipse that holds `containment`.
    position_angle : float
        Of the major axis, from north through east, in degrees.
    containment : float
        Probability inside that ellipse, between 0 and 1.
    systematic_deg : float
        Systematic error of the same containment, added in quadrature to both axes.

    Raises
    ------
    SkyMapError
        As for :func:`cone_skymap`; and for ellipses with a sigma above 30 deg or with axes that
        differ by more than :data:`MAX_AXIS_RATIO`.
    """
    _check(ra_deg, dec_deg, containment)
    if not np.isfinite(position_angle):
        raise SkyMapError("the position angle is no number", "position_angle")
    scale = float(np.sqrt(-2.0 * np.log1p(-containment)))
    major = _total_radius(semi_major_deg, systematic_deg, "semi_major_deg") / scale
    minor = _total_radius(semi_minor_deg, systematic_deg, "semi_minor_deg") / scale
    if max(major, minor) > _MAX_SIGMA_DEG:
        raise SkyMapError("the error ellipse covers the whole sky", f"{semi_major_deg} deg")
    if max(major, minor) > MAX_AXIS_RATIO * min(major, minor):
        raise SkyMapError("the error ellipse is too thin", f"{semi_minor_deg} deg")
    shape = _Ellipse(ra_deg, dec_deg, major, minor, position_angle)
    return _adaptive_map(shape, {"CREATOR": "error ellipse"})


@dataclass(frozen=True)
class _Circle:
    ra_deg: float
    dec_deg: float
    kappa: float

    @property
    def finest_sigma_deg(self) -> float:
        return float(np.degrees(1.0 / np.sqrt(self.kappa)))

    def log_density(self, ra_deg: FloatArray, dec_deg: FloatArray) -> FloatArray:
        return self.log_highest(ra_deg, dec_deg, 0.0)

    def log_highest(self, ra_deg: FloatArray, dec_deg: FloatArray, reach_deg: float) -> FloatArray:
        theta = separation_deg(self.ra_deg, self.dec_deg, ra_deg, dec_deg) - reach_deg
        sine = np.sin(0.5 * np.radians(np.maximum(theta, 0.0)))
        return np.asarray(-2.0 * self.kappa * sine * sine)


@dataclass(frozen=True)
class _Ellipse:
    ra_deg: float
    dec_deg: float
    major_deg: float
    minor_deg: float
    position_angle: float

    @property
    def finest_sigma_deg(self) -> float:
        return min(self.major_deg, self.minor_deg)

    def log_density(self, ra_deg: FloatArray, dec_deg: FloatArray) -> FloatArray:
        return self.log_highest(ra_deg, dec_deg, 0.0)

    def log_highest(self, ra_deg: FloatArray, dec_deg: FloatArray, reach_deg: float) -> FloatArray:
        theta = separation_deg(self.ra_deg, self.dec_deg, ra_deg, dec_deg)
        angle = position_angle_deg(self.ra_deg, self.dec_deg, ra_deg, dec_deg)
        turned = np.radians(angle - self.position_angle)
        # the plane's area element is theta dtheta, the sphere's sin(theta) dtheta: that is the
        # density's factor, and the plane stretches tangential distances by as much
        stretch = 1.0 / np.sinc(np.minimum(theta + reach_deg, 165.0) / 180.0)
        reach = reach_deg * stretch
        along = np.maximum(np.abs(theta * np.cos(turned)) - reach, 0.0) / self.major_deg
        across = np.maximum(np.abs(theta * np.sin(turned)) - reach, 0.0) / self.minor_deg
        return np.asarray(-0.5 * (along**2 + across**2) + np.log(stretch))


def _check(ra_deg: float, dec_deg: float, containment: float) -> None:
    if not (np.isfinite(ra_deg) and np.isfinite(dec_deg) and -90.0 <= dec_deg <= 90.0):
        raise SkyMapError("the position is none", f"ra {ra_deg}, dec {dec_deg}")
    if not 0.0 < containment < 1.0:
        raise SkyMapError("the containment is no probability", f"containment = {containment}")


def _total_radius(radius_deg: float, systematic_deg: float, where: str) -> float:
    if not (np.isfinite(radius_deg) and radius_deg > 0):
        raise SkyMapError("the error radius is not known", f"{where} = {radius_deg}")
    if not (np.isfinite(systematic_deg) and systematic_deg >= 0):
        raise SkyMapError("the systematic error is no size", f"systematic_deg = {systematic_deg}")
    return max(float(np.hypot(radius_deg, systematic_deg)), MIN_RADIUS_DEG)


def _concentration(radius_rad: float, containment: float) -> float:
    """Concentration of the Fisher distribution that has the containment within the radius.

    P(theta < R) = (1 - exp(-kappa (1 - cos R))) / (1 - exp(-2 kappa)).
    """
    height = 2.0 * float(np.sin(0.5 * min(radius_rad, np.pi))) ** 2  # 1 - cos R
    if radius_rad >= np.pi or 0.5 * height >= 0.999 * containment:
        raise SkyMapError(
            "the error radius covers the whole sky", f"{np.degrees(radius_rad):.6g} deg"
        )

    def contained(kappa: float) -> float:
        return float(np.expm1(-kappa * height) / np.expm1(-2.0 * kappa))

    low, high = 1e-9, 1.0
    while contained(high) < containment:
        high *= 2.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        if contained(middle) < containment:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _adaptive_map(shape: _Shape, meta: dict[str, Any]) -> SkyMap:
    """Refine from the base pixels where the density matters and pixels are coarse against it."""
    order, ipix = 0, np.arange(12, dtype=np.int64)
    done: list[Leaves] = []
    while True:
        ra, dec = pixels.centres(order, ipix)
        side = float(np.degrees(np.sqrt(pixels.pixel_area_sr(order))))
        # every point of a pixel is within 1.2 sides of its centre (the base pixels are longest)
        highest = shape.log_highest(ra, dec, 1.2 * side)
        refine = highest > (-_FAINT if side > shape.finest_sigma_deg else -_TAIL)
        if order >= MAX_ORDER or side <= shape.finest_sigma_deg / _PIXELS_PER_SIGMA:
            refine[:] = False
        elif order < 3:
            refine[:] = True
        done.append(_leaves(order, ipix[~refine], shape))
        if not refine.any():
            break
        order, ipix = order + 1, (ipix[refine, np.newaxis] * 4 + np.arange(4)).ravel()
    table = concatenate(done)
    total = float((table.values[:, 0] * pixels.pixel_area_sr(table.order)).sum())
    return SkyMap.from_leaves(Leaves(table.order, table.ipix, table.values / total), meta)


def _leaves(order: int, ipix: IntArray, shape: _Shape) -> Leaves:
    """Leaves with the mean density of 16 sub-pixels each."""
    count = 4**_SUBPIXEL_ORDERS
    children = (ipix[:, np.newaxis] * count + np.arange(count)).ravel()
    ra, dec = pixels.centres(order + _SUBPIXEL_ORDERS, children)
    density = np.exp(shape.log_density(ra, dec)).reshape(len(ipix), count).mean(axis=1)
    return Leaves(np.full(len(ipix), order, dtype=np.int8), ipix, density[:, np.newaxis])

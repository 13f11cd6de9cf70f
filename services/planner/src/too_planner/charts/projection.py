"""Sky to sheet: all of it in Mollweide's projection, or a part of it on a tangent plane.

East is to the left, as one looks up.
"""

from typing import Any, Protocol

import numpy as np
from too_common.astro.sphere import plane_coordinates, unit_vectors

from too_planner.charts.drawing import FloatArray

_NEWTON_STEPS = 12


class Projection(Protocol):
    """How positions become pixels."""

    outline: FloatArray
    """Edge of what is shown, shape (n, 2)."""
    clip: str
    """Name of the region inside of it."""

    def place(self, ra_deg: float, dec_deg: float) -> tuple[float, float] | None:
        """Pixel of one position; None if it is not shown."""

    def rings(self, ring: FloatArray) -> list[FloatArray]:
        """Pixels of a closed ring of (RA, Dec); more than one where the map's edge cuts it.

        What lies outside of `outline` is to be clipped.
        """

    def lines(self, line: FloatArray) -> list[FloatArray]:
        """Pixels of an open line of (RA, Dec), in pieces."""


class Mollweide:
    """The whole sky; equal areas stay equal (Snyder 1987, Map Projections, p. 249).

    Parameters
    ----------
    centre_ra_deg
        Right ascension in the middle.
    x, y, width
        Upper left corner and width of the ellipse in pixels; its height is half of that.
    """

    clip = "sky"

    def __init__(self, centre_ra_deg: float, x: float, y: float, width: float) -> None:
        self.centre_ra_deg = centre_ra_deg
        self._x, self._y = x + width / 2, y + width / 4
        self._scale = width / (4.0 * np.sqrt(2.0))
        angle = np.linspace(0.0, 2.0 * np.pi, 180, endpoint=False)
        half = np.array([width / 2, width / 4])
        self.outline: FloatArray = np.array([self._x, self._y]) + half * np.stack(
            [np.cos(angle), np.sin(angle)], axis=-1
        )

    def _pixels(self, lon_deg: FloatArray, dec_deg: FloatArray) -> FloatArray:
        """Pixels of longitudes from the middle, which may go beyond 180 deg."""
        wanted = np.pi * np.sin(np.radians(dec_deg))
        theta = np.radians(dec_deg)
        for _ in range(_NEWTON_STEPS):
            slope = 2.0 + 2.0 * np.cos(2.0 * theta)
            step = (2.0 * theta + np.sin(2.0 * theta) - wanted) / np.maximum(slope, 1e-6)
            theta = np.clip(theta - step, -np.pi / 2, np.pi / 2)
        x = 2.0 * np.sqrt(2.0) / np.pi * np.radians(lon_deg) * np.cos(theta)
        y = np.sqrt(2.0) * np.sin(theta)
        return np.stack([self._x - self._scale * x, self._y - self._scale * y], axis=-1)

    def _longitude(self, ra_deg: Any) -> FloatArray:
        return np.asarray((np.asarray(ra_deg) - self.centre_ra_deg + 180.0) % 360.0 - 180.0)

    def place(self, ra_deg: float, dec_deg: float) -> tuple[float, float] | None:
        """Pixel of one position."""
        x, y = self._pixels(self._longitude([ra_deg]), np.array([dec_deg]))[0]
        return float(x), float(y)

    def rings(self, ring: FloatArray) -> list[FloatArray]:
        """See `Projection.rings`."""
        lon = np.unwrap(self._longitude(ring[:, 0]), period=360.0)
        dec = ring[:, 1]
        closing = float(np.unwrap([lon[-1], lon[0]], period=360.0)[1] - lon[0])
        if abs(closing) > 180.0:  # around a pole: over the pole and back
            pole = 90.0 if dec.mean() > 0 else -90.0
            lon = np.concatenate([lon, [lon[0] + closing, lon[0] + closing, lon[0]]])
            dec = np.concatenate([dec, [dec[0], pole, pole]])
        return self._copies(lon, dec)

    def lines(self, line: FloatArray) -> list[FloatArray]:
        """See `Projection.lines`."""
        return self._copies(np.unwrap(self._longitude(line[:, 0]), period=360.0), line[:, 1])

    def _copies(self, lon: FloatArray, dec: FloatArray) -> list[FloatArray]:
        low, high = float(lon.min()), float(lon.max())
        shifts = [s for s in (-720.0, -360.0, 0.0, 360.0, 720.0)
                  if low + s < 180.0 and high + s > -180.0]  # fmt: skip
        return [self._pixels(lon + shift, dec) for shift in shifts]


class TangentPlane:
    """A part of the sky around a centre (gnomonic).

    Parameters
    ----------
    radius_deg
        Angle from the centre to the nearest edge.
    x, y, width, height
        The window in pixels.
    """

    def __init__(
        self,
        centre: tuple[float, float],
        radius_deg: float,
        x: float,
        y: float,
        width: float,
        height: float,
        clip: str = "sky",
    ) -> None:
        self.clip = clip
        self.centre = centre
        self.radius_deg = radius_deg
        self._middle = np.array([x + width / 2, y + height / 2])
        reach = float(np.degrees(np.tan(np.radians(radius_deg))))
        self.scale = min(width, height) / 2 / reach
        """Pixels per degree in the middle."""
        self.half_deg = (width / 2 / self.scale, height / 2 / self.scale)
        self.outline: FloatArray = np.array(
            [[x, y], [x + width, y], [x + width, y + height], [x, y + height]], dtype=float
        )

    def _pixels(self, places: FloatArray) -> FloatArray:
        east, north = plane_coordinates(*self.centre, unit_vectors(places[:, 0], places[:, 1]))
        return self._middle + self.scale * np.stack([-east, -north], axis=-1)

    def place(self, ra_deg: float, dec_deg: float) -> tuple[float, float] | None:
        """Pixel of one position; None outside of the window."""
        x, y = self._pixels(np.array([[ra_deg, dec_deg]]))[0]
        low, high = self.outline.min(axis=0), self.outline.max(axis=0)
        if not (low[0] <= x <= high[0] and low[1] <= y <= high[1]):
            return None
        return float(x), float(y)

    def _near(self, points: FloatArray) -> FloatArray | None:
        """The points, none beyond 75 deg from the centre: there the plane goes to infinity."""
        vectors = unit_vectors(points[:, 0], points[:, 1])
        cosine = vectors @ unit_vectors(*self.centre)
        return points if (cosine > np.cos(np.radians(75.0))).all() else None

    def rings(self, ring: FloatArray) -> list[FloatArray]:
        """See `Projection.rings`; rings that leave the hemisphere are not shown."""
        near = self._near(ring)
        return [] if near is None else [self._pixels(near)]

    def lines(self, line: FloatArray) -> list[FloatArray]:
        """See `Projection.lines`."""
        vectors = unit_vectors(line[:, 0], line[:, 1])
        good = vectors @ unit_vectors(*self.centre) > np.cos(np.radians(75.0))
        edges = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]]).astype(np.int8)))
        return [
            self._pixels(line[a:b])
            for a, b in zip(edges[::2], edges[1::2], strict=True)
            if b - a > 1
        ]

"""Cameras: the outline of a field of view on the tangent plane.

Plane coordinates are degrees on the gnomonic plane about the pointing, x to the east and y to
the north (camera not rotated).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from too_common.astro.sphere import (
    FloatArray,
    from_tangent_plane,
    plane_coordinates,
    unit_vectors,
)

_CIRCLE_CORNERS = 48


@dataclass(frozen=True)
class Footprint:
    """A field of view: a circle, or the union of simple polygons.

    Attributes
    ----------
    shape : str
        ``circle``, ``square``, ``rectangles`` or ``polygons``.
    radius_deg : float
        Radius of the circle about the pointing that holds all of it, on the sky.
    circle_radius_deg : float or None
        On the sky; None for the other shapes.
    polygons : tuple of tuples of (x_deg, y_deg)
        Corners, not closed; empty for a circle.
    """

    shape: str
    radius_deg: float
    circle_radius_deg: float | None = None
    polygons: tuple[tuple[tuple[float, float], ...], ...] = ()

    @classmethod
    def from_definition(cls, definition: Mapping[str, Any]) -> "Footprint":
        """Make one from a telescope's definition.

        ``{"shape": "circle", "radius_deg": r}``, ``{"shape": "square", "side_deg": s}``,
        ``{"shape": "rectangles", "rectangles": [[x, y, half_x, half_y], ...]}`` or
        ``{"shape": "polygons", "polygons": [[[x, y], ...], ...]}``; all in degrees.

        Raises
        ------
        ValueError
            If the definition is none of these, or has sizes that are not positive.
        """
        shape = definition.get("shape", definition.get("kind", definition.get("type")))
        if shape == "circle":
            radius = _positive(definition, "radius_deg")
            if radius >= 80.0:
                raise ValueError(f"radius_deg = {radius}: larger than the tangent plane allows")
            return cls("circle", radius, circle_radius_deg=radius)
        if shape == "square":
            half = 0.5 * _positive(definition, "side_deg")
            return cls._of_polygons("square", (_rectangle(0.0, 0.0, half, half),))
        if shape == "rectangles":
            rows = [tuple(float(value) for value in row) for row in definition["rectangles"]]
            if any(len(row) != 4 or row[2] <= 0 or row[3] <= 0 for row in rows):
                raise ValueError("rectangles are [x, y, half_x, half_y] with positive halves")
            return cls._of_polygons("rectangles", tuple(_rectangle(*row) for row in rows))
        if shape == "polygons":
            polygons = tuple(
                tuple((float(x), float(y)) for x, y in _open_ring(polygon))
                for polygon in definition["polygons"]
            )
            if any(len(polygon) < 3 for polygon in polygons):
                raise ValueError("a polygon has at least three corners")
            if not all(np.isfinite(polygon).all() for polygon in polygons):
                raise ValueError("a corner of the footprint is no number")
            return cls._of_polygons("polygons", polygons)
        raise ValueError(f"unknown shape of a footprint: {shape!r}")

    @classmethod
    def _of_polygons(
        cls, shape: str, polygons: tuple[tuple[tuple[float, float], ...], ...]
    ) -> "Footprint":
        if not polygons:
            raise ValueError("a footprint needs at least one polygon")
        farthest = max(np.hypot(x, y) for polygon in polygons for x, y in polygon)
        return cls(shape, float(np.degrees(np.arctan(np.radians(farthest)))), None, polygons)

    def contains(
        self,
        center_ra_deg: float,
        center_dec_deg: float,
        ra_deg: ArrayLike,
        dec_deg: ArrayLike,
    ) -> NDArray[np.bool_]:
        """Which positions are in the field of view of one pointing."""
        return self.contains_vectors(center_ra_deg, center_dec_deg, unit_vectors(ra_deg, dec_deg))

    def contains_vectors(
        self, center_ra_deg: float, center_dec_deg: float, vectors: FloatArray
    ) -> NDArray[np.bool_]:
        """The same for unit vectors (n, 3), for those who test many pointings."""
        centre = unit_vectors(center_ra_deg, center_dec_deg)
        # 2 sin(angle / 2) keeps its precision for the smallest cameras, a dot product does not
        limit = 2.0 * np.sin(0.5 * np.radians(self.radius_deg)) * (1.0 + 1e-12)
        chord2 = ((vectors - centre) ** 2).sum(axis=-1)
        result = chord2 <= limit * limit
        if self.circle_radius_deg is not None:
            return np.asarray(result)
        near = np.flatnonzero(result.ravel())
        flat = vectors.reshape(-1, 3)[near]
        x, y = plane_coordinates(center_ra_deg, center_dec_deg, flat)
        inside = np.asarray(result).ravel()
        inside[near] = self.contains_plane(x, y)
        return inside.reshape(np.shape(result))

    def contains_plane(self, x_deg: FloatArray, y_deg: FloatArray) -> NDArray[np.bool_]:
        """Which points of the tangent plane are inside; NaN is outside."""
        if self.circle_radius_deg is not None:
            limit = np.degrees(np.tan(np.radians(self.circle_radius_deg)))
            return np.asarray(np.hypot(x_deg, y_deg) <= limit)
        inside = np.zeros(np.shape(x_deg), dtype=bool)
        for polygon in self.polygons:
            corners = np.asarray(polygon)
            low, high = corners.min(axis=0), corners.max(axis=0)
            box = (x_deg >= low[0]) & (x_deg <= high[0]) & (y_deg >= low[1]) & (y_deg <= high[1])
            if _is_box(corners, low, high):
                inside |= box
                continue
            here = np.flatnonzero(box)
            inside[here] |= in_polygon(corners, x_deg[here], y_deg[here])
        return inside

    def outline(
        self, center_ra_deg: float, center_dec_deg: float
    ) -> list[list[tuple[float, float]]]:
        """Closed polygons of (ra_deg, dec_deg) of one pointing, to draw."""
        rings: list[FloatArray] = [np.asarray(polygon) for polygon in self.polygons]
        if self.circle_radius_deg is not None:
            angle = np.linspace(0.0, 2.0 * np.pi, _CIRCLE_CORNERS, endpoint=False)
            radius = np.degrees(np.tan(np.radians(self.circle_radius_deg)))
            rings = [radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)]
        result: list[list[tuple[float, float]]] = []
        for ring in rings:
            ra, dec = from_tangent_plane(center_ra_deg, center_dec_deg, ring[:, 0], ring[:, 1])
            corners = [(float(a), float(d)) for a, d in zip(ra, dec, strict=True)]
            result.append([*corners, corners[0]])
        return result


def _positive(definition: Mapping[str, Any], key: str) -> float:
    value = float(definition[key])
    if not (np.isfinite(value) and value > 0):
        raise ValueError(f"{key} = {value} is not positive")
    return value


def _rectangle(x: float, y: float, half_x: float, half_y: float) -> tuple[tuple[float, float], ...]:
    return (
        (x - half_x, y - half_y),
        (x + half_x, y - half_y),
        (x + half_x, y + half_y),
        (x - half_x, y + half_y),
    )


def _open_ring(polygon: Any) -> list[Any]:
    corners = list(polygon)
    if len(corners) > 1 and tuple(corners[0]) == tuple(corners[-1]):
        return corners[:-1]
    return corners


def _is_box(corners: FloatArray, low: FloatArray, high: FloatArray) -> bool:
    return len(corners) == 4 and bool(
        (((corners == low) | (corners == high)).all())
        and len({tuple(corner) for corner in corners.tolist()}) == 4
    )


def in_polygon(corners: FloatArray, x: FloatArray, y: FloatArray) -> NDArray[np.bool_]:
    """Which points are inside a polygon of the plane (even-odd rule)."""
    inside = np.zeros(len(x), dtype=bool)
    previous = corners[-1]
    for corner in corners:
        (x1, y1), (x2, y2) = previous, corner
        crosses = (y1 > y) != (y2 > y)
        if y1 != y2:
            inside ^= crosses & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
        previous = corner
    return inside

"""Sky maps of error boxes: polygons with great circles for sides."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from too_common.astro import pixels
from too_common.astro.errors import SkyMapError
from too_common.astro.footprint import in_polygon
from too_common.astro.leaves import Leaves, concatenate
from too_common.astro.pixels import IntArray
from too_common.astro.skymap import SkyMap
from too_common.astro.sphere import (
    FloatArray,
    from_unit_vectors,
    plane_coordinates,
    unit_vectors,
)

MAX_CORNERS = 200
MAX_REACH_DEG = 60.0
"""Corners farther than this from the middle are refused: that is no localization."""
_MAX_ORDER = 18
_PIXELS_IN_POLYGON = 3000.0
_MAX_LEAVES = 200_000
_MARGIN = 1.02
_SUBPIXEL_ORDERS = 2


def polygon_skymap(corners_deg: Sequence[tuple[float, float]], containment: float = 1.0) -> SkyMap:
    """Map of an error box: even inside.

    Parameters
    ----------
    corners_deg : sequence of (ra, dec)
        Three or more corners (ICRS) in order, the first not repeated (repeated, it is dropped).
    containment : float
        Probability inside. What is missing to 1 lies evenly in the band between the polygon and
        the one that is larger by the factor sqrt(2) about the same middle.

    Raises
    ------
    SkyMapError
        For fewer than three corners or more than :data:`MAX_CORNERS`, corners that are no
        positions or far apart, sides that cross, an area of zero, containments outside (0, 1].
    """
    corners = _checked(corners_deg)
    if not 0.0 < containment <= 1.0:
        raise SkyMapError("the containment is no probability", f"containment = {containment}")
    middle = corners.mean(axis=0)
    ra, dec = (float(value) for value in from_unit_vectors(middle))
    if np.linalg.norm(middle) < 1e-6 or _reach_deg(corners, ra, dec) > MAX_REACH_DEG:
        raise SkyMapError(
            f"the corners are more than {MAX_REACH_DEG:.0f} deg from their middle", "polygon"
        )
    inner = np.stack(plane_coordinates(ra, dec, corners), axis=1)
    area = abs(_plane_area(inner))
    extent = float(np.ptp(inner, axis=0).max())
    if not area > 1e-6 * extent**2 or extent < 1e-4:
        raise SkyMapError("the polygon has no area", "polygon")
    if _crosses_itself(inner):
        raise SkyMapError("sides of the polygon cross each other", "polygon")
    rings = [(inner, containment)]
    if containment < 1.0:
        rings.append((inner * np.sqrt(2.0), 1.0 - containment))
    return _even_map(ra, dec, rings, area)


def _checked(corners_deg: Sequence[tuple[float, float]]) -> FloatArray:
    places = [tuple(corner) for corner in corners_deg]
    if len(places) > 1 and places[0] == places[-1]:
        places.pop()
    if not 3 <= len(places) <= MAX_CORNERS:
        raise SkyMapError(f"a polygon has 3 to {MAX_CORNERS} corners", f"{len(places)} given")
    if any(len(place) != 2 for place in places):
        raise SkyMapError("a corner is (ra, dec)", "polygon")
    table = np.asarray(places, dtype=np.float64)
    if not np.isfinite(table).all() or (np.abs(table[:, 1]) > 90.0).any():
        raise SkyMapError("a corner of the polygon is no position", "polygon")
    return unit_vectors(table[:, 0], table[:, 1])


def _reach_deg(corners: FloatArray, ra_deg: float, dec_deg: float) -> float:
    along = corners @ unit_vectors(ra_deg, dec_deg)
    return float(np.degrees(np.arccos(np.clip(along.min(), -1.0, 1.0))))


def _plane_area(corners: FloatArray) -> float:
    x, y = corners.T
    return float(0.5 * (x * np.roll(y, -1) - np.roll(x, -1) * y).sum())


def _crosses_itself(corners: FloatArray) -> bool:
    begin, end = corners, np.roll(corners, -1, axis=0)
    count = len(corners)

    def side(first: FloatArray, last: FloatArray, point: FloatArray) -> FloatArray:
        one, two = last - first, point - first
        return np.sign(one[..., 0] * two[..., 1] - one[..., 1] * two[..., 0])

    i, j = np.triu_indices(count, 2)
    apart = ~((i == 0) & (j == count - 1))
    i, j = i[apart], j[apart]
    cross = (side(begin[i], end[i], begin[j]) * side(begin[i], end[i], end[j]) <= 0) & (
        side(begin[j], end[j], begin[i]) * side(begin[j], end[j], end[i]) <= 0
    )
    return bool(cross.any())


def _even_map(
    ra_deg: float, dec_deg: float, rings: list[tuple[FloatArray, float]], area_deg2: float
) -> SkyMap:
    """Refine from the base pixels where a side runs through a pixel."""
    finest = _finest_order(area_deg2)
    order, ipix = 0, np.arange(12, dtype=np.int64)
    done: list[tuple[int, IntArray]] = []
    kept = 0
    outer = rings[-1][0] * _MARGIN
    while True:
        if order == finest or kept + 4 * len(ipix) > _MAX_LEAVES:
            done.append((order, ipix))
            break
        near = _near(ra_deg, dec_deg, outer, order, ipix)
        ipix = ipix[near]
        cut = _is_cut(ra_deg, dec_deg, [ring for ring, _ in rings], order, ipix)
        cut |= order < 3
        done.append((order, ipix[~cut]))
        kept += int((~cut).sum())
        if not cut.any():
            break
        order, ipix = order + 1, (ipix[cut, np.newaxis] * 4 + np.arange(4)).ravel()
    table = concatenate([_leaves(ra_deg, dec_deg, rings, order, ipix) for order, ipix in done])
    shares = [share for _, share in rings]
    # a pixel's columns: its part inside the polygon, and its part in the band around
    area = pixels.pixel_area_sr(table.order)
    parts = table.values
    probability = sum(
        (
            share * parts[:, number] * area / (parts[:, number] * area).sum()
            for number, share in enumerate(shares)
        ),
        np.zeros(len(table)),
    )
    density = (probability / area)[:, np.newaxis]
    leaves = Leaves(table.order, table.ipix, density).take(density[:, 0] > 0)
    return SkyMap.from_leaves(leaves, {"CREATOR": "error polygon"})


def _finest_order(area_deg2: float) -> int:
    wanted = area_deg2 / _PIXELS_IN_POLYGON
    order = 0
    while order < _MAX_ORDER and pixels.pixel_area_sr(order) * (180 / np.pi) ** 2 > wanted:
        order += 1
    return max(order, 4)


def _planes(ra_deg: float, dec_deg: float, order: int, ipix: IntArray) -> FloatArray:
    """Pixel centres on the tangent plane (n, 2); NaN on the other side of the sky."""
    vectors = unit_vectors(*pixels.centres(order, ipix))
    return np.stack(plane_coordinates(ra_deg, dec_deg, vectors), axis=1)


def _near(
    ra_deg: float, dec_deg: float, ring: FloatArray, order: int, ipix: IntArray
) -> NDArray[np.bool_]:
    """Pixels that may touch the circle around a ring."""
    reach = float(np.degrees(np.arctan(np.radians(np.hypot(*ring.T).max()))))
    side = float(np.degrees(np.sqrt(pixels.pixel_area_sr(order))))
    vectors = unit_vectors(*pixels.centres(order, ipix))
    limit = np.cos(np.radians(min(reach + 1.2 * side, 180.0)))
    return np.asarray(vectors @ unit_vectors(ra_deg, dec_deg) >= limit)


def _is_cut(
    ra_deg: float, dec_deg: float, rings: list[FloatArray], order: int, ipix: IntArray
) -> NDArray[np.bool_]:
    """Pixels within 1.2 sides (stretched by the projection) of a side of a ring."""
    points = _planes(ra_deg, dec_deg, order, ipix)
    size = 1.2 * float(np.degrees(np.sqrt(pixels.pixel_area_sr(order))))
    stretch = 1.0 + np.radians(np.hypot(points[:, 0], points[:, 1]) + size) ** 2
    limit = np.where(np.isfinite(stretch), size * stretch, np.inf)
    nearest = np.full(len(points), np.inf)
    for ring in rings:
        for first, last in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            along = last - first
            place = np.clip((points - first) @ along / (along @ along), 0.0, 1.0)
            gap = points - first - place[:, np.newaxis] * along
            nearest = np.minimum(nearest, np.hypot(gap[:, 0], gap[:, 1]))
    return np.asarray((nearest < limit) | ~np.isfinite(points[:, 0]))


def _leaves(
    ra_deg: float,
    dec_deg: float,
    rings: list[tuple[FloatArray, float]],
    order: int,
    ipix: IntArray,
) -> Leaves:
    """Leaves with the part of 16 sub-pixels each that is inside the polygon, and in the band."""
    count = 4**_SUBPIXEL_ORDERS
    children = (ipix[:, np.newaxis] * count + np.arange(count)).ravel()
    points = _planes(ra_deg, dec_deg, order + _SUBPIXEL_ORDERS, children)
    columns: list[FloatArray] = []
    before = np.zeros(len(points), dtype=bool)
    for ring, _ in rings:
        inside = in_polygon(ring, points[:, 0], points[:, 1])
        columns.append((inside & ~before).reshape(-1, count).mean(axis=1))
        before |= inside
    return Leaves(np.full(len(ipix), order, dtype=np.int8), ipix, np.stack(columns, axis=1))

"""Outlines of credible regions as GeoJSON.

The region of a level is the union of the densest leaves that hold it. Its outline follows the
leaves' edges (their midpoints, which takes the stairs away) and is simplified to a fraction of a
pixel, or more if the outline would have too many points.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from too_common.astro import geojson, levels, pixels
from too_common.astro.outline import outline_rings
from too_common.astro.sphere import FloatArray

if TYPE_CHECKING:
    from too_common.astro.skymap import SkyMap

MAX_POINTS = 4000
"""Outlines are simplified until they have no more points than this (before long edges are divided
and the seam at RA 180 is closed)."""

_TOLERANCE_PIXELS = 0.1
_ATTEMPTS = 3
_GOOD_ENOUGH = 1.5e-3
_ON_THE_SEAM_DEG = np.array([-71.3, -37.7, -13.1, 7.9, 23.3, 51.7, 83.9])


def feature_collection(skymap: "SkyMap", wanted: Sequence[float]) -> dict[str, Any]:
    """A FeatureCollection with one Feature (MultiPolygon) for each level.

    Longitudes are RA in [-180, 180] (RA 270 is -90), latitudes Dec. Outer rings run
    counter-clockwise and holes clockwise (RFC 7946); libraries that read polygons on the sphere
    with the opposite rule, as d3-geo does, must reverse them. Regions that cross RA 180 or hold a
    pole are cut there; then ``properties.outline`` has the outline without the cuts, as the
    coordinates of a MultiLineString, to be drawn as a line.
    """
    return {"type": "FeatureCollection", "features": [_feature(skymap, one) for one in wanted]}


def _feature(skymap: "SkyMap", level: float) -> dict[str, Any]:
    inside, rings, order = _outline(skymap, level)
    pixel_rad = float(np.sqrt(pixels.pixel_area_sr(order)))
    dense = [geojson.densified(ring) for ring in rings]
    decimals = int(np.clip(np.ceil(-np.log10(np.degrees(pixel_rad))) + 2, 3, 9))
    # of several places, for one may be the corner in which a region touches the meridian
    seam = skymap.leaf_at(180.0, _ON_THE_SEAM_DEG)
    polygons = geojson.multipolygon(
        dense,
        antimeridian_inside=bool(np.mean((seam >= 0) & inside[seam]) > 0.5),
        decimals=decimals,
    )
    properties: dict[str, Any] = {
        "level": level,
        "area_deg2": float(f"{skymap.credible_area_deg2(level):.6g}"),
    }
    pieces = [geojson.cut(ring, decimals) for ring in dense]
    if any(is_cut for _, is_cut in pieces):
        properties["outline"] = [
            [[round(lon, decimals), round(lat, decimals)] for lon, lat in line]
            for lines, is_cut in pieces
            for line in (lines if is_cut else [[*lines[0], lines[0][0]]])
        ]
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": "MultiPolygon", "coordinates": polygons},
    }


def _outline(skymap: "SkyMap", level: float) -> tuple[NDArray[np.bool_], list[FloatArray], int]:
    """The leaves whose smoothed outline holds the level best, and that outline.

    Whole leaves hold a little more than the level, and smoothing their stairs takes area away. Of
    regions of few pixels both are percents, so the region is taken larger or smaller until the
    outline itself holds the level.
    """
    wanted = level
    best: tuple[float, NDArray[np.bool_], list[FloatArray], int] | None = None
    for _ in range(_ATTEMPTS):
        inside = levels.inside_level(skymap, wanted)
        rings, order = outline_rings(skymap.order[inside], skymap.ipix[inside])
        pixel_rad = float(np.sqrt(pixels.pixel_area_sr(order)))
        rings = _within_budget(rings, _TOLERANCE_PIXELS * pixel_rad)
        off = _enclosed(skymap, inside, rings) - level
        if best is None or abs(off) < abs(best[0]):
            best = off, inside, rings, order
        if abs(off) < _GOOD_ENOUGH:
            break
        wanted = min(max(wanted - off, 0.5 * level), 0.5 + 0.5 * level)
    assert best is not None  # noqa: S101  -- there was one attempt at least
    return best[1:]


def _enclosed(skymap: "SkyMap", inside: NDArray[np.bool_], rings: list[FloatArray]) -> float:
    """Probability inside rings that differ little from a region.

    What the rings add or leave out lies at the region's edge, and has the density there.
    """
    area = skymap.area_sr[inside]
    density = skymap.probdensity[inside]
    more = sum(_ring_area_sr(ring) for ring in rings) - float(area.sum())
    # areas of rings are known but for whole spheres
    more -= 4.0 * np.pi * round(more / (4.0 * np.pi))
    return float((density * area).sum()) + more * float(density.min())


def _ring_area_sr(ring: FloatArray) -> float:
    """Area to the left of a ring of unit vectors (van Oosterom and Strackee 1983)."""
    first, here, following = ring[0], ring, np.roll(ring, -1, axis=0)
    height = np.cross(here, following) @ first
    base = 1.0 + here @ first + following @ first + (here * following).sum(axis=1)
    return float(2.0 * np.arctan2(height, base).sum())


def _within_budget(rings: list[FloatArray], tolerance_rad: float) -> list[FloatArray]:
    """Simplify, with a growing tolerance, until the points are few enough."""
    rings = sorted(rings, key=len, reverse=True)
    while True:
        simple = [geojson.simplified(ring, tolerance_rad) for ring in rings]
        kept = [ring for ring in simple if len(ring) >= 3]
        if rings and not kept:
            return rings[:1]
        if sum(len(ring) for ring in kept) <= MAX_POINTS:
            return kept
        tolerance_rad *= 1.7

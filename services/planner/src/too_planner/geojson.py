"""Footprints as GeoJSON, to draw: longitude is right ascension, in [-180, 180)."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from too_common.astro.footprint import Footprint
from too_common.astro.sphere import from_tangent_plane

from too_planner.plan import Plan, PlannedExposure

_EDGE_POINTS = 6
"""Points per edge of an outline, since edges are great circles of the tangent plane."""


def collection(features: list[dict[str, Any]]) -> dict[str, Any]:
    """A FeatureCollection."""
    return {"type": "FeatureCollection", "features": features}


def field_feature(
    footprint: Footprint,
    ra_deg: float,
    dec_deg: float,
    properties: dict[str, Any],
    *,
    chips: bool = False,
) -> dict[str, Any]:
    """One pointing: its outer outline, or every chip."""
    if chips or footprint.shape != "rectangles":
        rings = [np.array(ring) for ring in footprint.outline(ra_deg, dec_deg)]
    else:
        rings = [outer_ring(footprint, ra_deg, dec_deg)]
    polygons = [[[[_longitude(ra), float(dec)] for ra, dec in ring]] for ring in rings]
    return {
        "type": "Feature",
        "geometry": {"type": "MultiPolygon", "coordinates": polygons},
        "properties": {"ra_deg": ra_deg, "dec_deg": dec_deg, **properties},
    }


def outer_ring(
    footprint: Footprint, ra_deg: float, dec_deg: float, *, edge_points: int = _EDGE_POINTS
) -> np.ndarray[Any, Any]:
    """Closed outline around all chips, shape (n, 2): RA and Dec in degrees."""
    corners = np.array([corner for polygon in footprint.polygons for corner in polygon])
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    part = np.linspace(0.0, 1.0, edge_points, endpoint=False)
    x = np.concatenate([x0 + part * (x1 - x0), x1 + 0 * part, x1 - part * (x1 - x0), x0 + 0 * part])
    y = np.concatenate([y0 + 0 * part, y0 + part * (y1 - y0), y1 + 0 * part, y1 - part * (y1 - y0)])
    ra, dec = from_tangent_plane(ra_deg, dec_deg, x, y)
    ring = np.stack([ra, dec], axis=-1)
    return np.concatenate([ring, ring[:1]])


def _longitude(ra_deg: float) -> float:
    return round(float((ra_deg + 180.0) % 360.0 - 180.0), 6)


def tiles_of(plan: Plan, footprint: Footprint, *, chips: bool = False) -> dict[str, Any]:
    """The pointings of a plan, one feature per field, in the order of their first exposure."""
    by_place: dict[tuple[str | None, int], list[PlannedExposure]] = {}
    for row in plan.exposures:
        by_place.setdefault((row.field_id, row.dither), []).append(row)
    features = []
    for order, ((label, dither), rows) in enumerate(by_place.items(), start=1):
        first = rows[0]
        features.append(
            field_feature(
                footprint,
                first.ra_deg,
                first.dec_deg,
                {
                    "field_id": label,
                    "dither": dither,
                    "order": order,
                    "filters": [row.filter for row in rows],
                    "starts": [row.start.isoformat().replace("+00:00", "Z") for row in rows],
                    "exposure_s": sum(row.exposure_s for row in rows),
                    "airmass": first.airmass,
                    "probability": first.probability,
                },
                chips=chips,
            )
        )
    return collection(features)


def pointings_of(
    footprint: Footprint, places: Iterable[tuple[float, float, dict[str, Any]]]
) -> dict[str, Any]:
    """Executed pointings."""
    return collection(
        [field_feature(footprint, ra, dec, properties) for ra, dec, properties in places]
    )

"""A plan on the sky: contours of the map, tiles in order, where the Moon is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from too_common.astro.sphere import from_unit_vectors, separation_deg, unit_vectors

from too_planner.charts.drawing import Drawing, FloatArray
from too_planner.charts.frame import draw_footer, draw_heading, footer_lines
from too_planner.charts.palette import Theme, sequence_color
from too_planner.charts.projection import Mollweide, Projection, TangentPlane

ZOOM_RADIUS_DEG = 24.0
"""Regions within this angle of their centre are shown on a tangent plane."""
_APART_DEG, _MAX_PARTS = 15.0, 4
_MAX_NUMBERS = 80
_NGP = (192.85948, 27.12825)
_NCP_L = 122.93192
"""North galactic pole (ICRS) and galactic longitude of the celestial pole."""


@dataclass(frozen=True)
class SkyChart:
    """What is drawn.

    Attributes
    ----------
    contours, tiles : dict
        GeoJSON, as the map's contours and a plan's tiles are served.
    moon : (RA, Dec) in the middle of the plan, or None
    """

    title: str
    subtitle: str
    made: Sequence[str]
    contours: dict[str, Any] | None
    tiles: dict[str, Any] | None
    moon: tuple[float, float] | None = None
    moon_illumination: float | None = None
    peak: tuple[float, float] | None = None


def rings_of(feature: dict[str, Any]) -> list[FloatArray]:
    """All rings of a Polygon or MultiPolygon, without the closing point."""
    geometry = feature["geometry"]
    polygons = geometry["coordinates"]
    if geometry["type"] == "Polygon":
        polygons = [polygons]
    return [np.asarray(ring, dtype=float)[:-1] for polygon in polygons for ring in polygon]


def outlines_of(feature: dict[str, Any]) -> list[FloatArray]:
    """Lines around a region, without the cuts at RA 180."""
    lines = feature.get("properties", {}).get("outline")
    if lines:
        return [np.asarray(line, dtype=float) for line in lines]
    return [np.concatenate([ring, ring[:1]]) for ring in rings_of(feature)]


def region(chart: SkyChart) -> FloatArray:
    """Points around what has to be in the picture: the 90 % region and the tiles."""
    found: list[FloatArray] = []
    for feature in (chart.contours or {}).get("features", []):
        found += outlines_of(feature)
    for feature in (chart.tiles or {}).get("features", []):
        found += rings_of(feature)
    return np.concatenate(found) if found else np.empty((0, 2))


def view_of(points: FloatArray) -> tuple[tuple[float, float], float]:
    """Centre and radius of a set of places, in degrees."""
    if not len(points):
        return (0.0, 0.0), 180.0
    mean = unit_vectors(points[:, 0], points[:, 1]).mean(axis=0)
    if np.linalg.norm(mean) < 1e-6:
        return (float(points[0, 0]) % 360.0, float(points[0, 1])), 180.0
    ra, dec = (float(value) for value in from_unit_vectors(mean))
    radius = float(np.max(separation_deg(ra, dec, points[:, 0], points[:, 1])))
    return (ra, dec), radius


def widest_gap_ra(points: FloatArray) -> float:
    """Right ascension opposite to the widest gap: in the middle of the map nothing is cut."""
    if not len(points):
        return 180.0
    ra = np.sort(points[:, 0] % 360.0)
    gaps = np.diff(np.concatenate([ra, [ra[0] + 360.0]]))
    widest = int(np.argmax(gaps))
    cut = ra[widest] + gaps[widest] / 2
    return float(round((cut + 180.0) / 15.0) * 15.0 % 360.0)


def lobes_of(points: FloatArray) -> list[FloatArray]:
    """Parts of a set of places that lie more than 15 deg from one another."""
    vectors = unit_vectors(points[:, 0], points[:, 1])
    thinned = np.arange(0, len(points), max(1, len(points) // 500))
    left = list(thinned)
    near = vectors[thinned] @ vectors[thinned].T > np.cos(np.radians(_APART_DEG))
    place = {index: number for number, index in enumerate(thinned)}
    found: list[FloatArray] = []
    while left:
        lobe = [left.pop()]
        for index in lobe:  # grows while it is walked
            joined = [other for other in left if near[place[index], place[other]]]
            lobe += joined
            left = [other for other in left if other not in set(joined)]
        found.append(points[np.array(lobe)])
    return found


def _parts(points: FloatArray, radius: float) -> list[tuple[tuple[float, float], float]]:
    """Centres and radii of some small parts of a wide region; none if it is not of such."""
    if radius <= ZOOM_RADIUS_DEG or not len(points):
        return []
    parts = sorted((view_of(lobe) for lobe in lobes_of(points)), key=lambda part: -part[1])
    is_good = 2 <= len(parts) <= _MAX_PARTS and parts[0][1] <= ZOOM_RADIUS_DEG
    return parts if is_good else []


def draw_sky(chart: SkyChart, theme: Theme, *, width: float = 960.0) -> Drawing:
    """Draw a plan on the sky.

    The whole sky for large regions, a part of it for small ones, and both for a region of some
    small parts far from one another.
    """
    footer = footer_lines(chart.made, width)
    sheet = Drawing(width, 100.0, theme.background, chart.title, "\n".join(chart.made))
    top = draw_heading(sheet, theme, chart.title, chart.subtitle) + 2
    points = region(chart)
    centre, radius = view_of(points)
    margin, left = 16.0, 46.0
    spread = None
    if radius <= ZOOM_RADIUS_DEG:
        room = (left, top, width - left - margin, min(width - left - margin, 0.62 * width + 60))
        spread = _draw_part(sheet, theme, chart, (centre, radius), room, "sky")
        bottom = top + room[3] + 22
    else:
        inner = width - 2 * margin
        whole = Mollweide(widest_gap_ra(points), margin, top, inner)
        sheet.clip(whole.clip, whole.outline)
        _draw_sky_grid(sheet, theme, whole)
        spread = _draw_all(sheet, theme, whole, chart)
        bottom = top + inner / 2 + 6
        parts = _parts(points, radius)
        if parts:
            wide = (width - margin) / len(parts) - left
            tall = min(wide, 300.0)
            for number, part in enumerate(parts):
                corner = left + number * (wide + left)
                _draw_part(
                    sheet, theme, chart, part, (corner, bottom + 8, wide, tall), f"part-{number}"
                )
            bottom += tall + 30
    bottom = _draw_key(sheet, theme, chart, bottom + 14, spread)
    sheet.height = bottom + 13.0 * len(footer) + 12
    draw_footer(sheet, theme, footer)
    return sheet


def _draw_part(
    sheet: Drawing,
    theme: Theme,
    chart: SkyChart,
    view: tuple[tuple[float, float], float],
    room: tuple[float, float, float, float],
    clip: str,
) -> tuple[str, str] | None:
    """A part of the sky in a window (x, y, width, height)."""
    centre, radius = view
    plane = TangentPlane(centre, max(radius * 1.08, 0.15), *room, clip)
    sheet.clip(plane.clip, plane.outline)
    _draw_local_grid(sheet, theme, plane, room[0], room[1] + room[3])
    return _draw_all(sheet, theme, plane, chart)


def _draw_all(
    sheet: Drawing, theme: Theme, projection: Projection, chart: SkyChart
) -> tuple[str, str] | None:
    _draw_region(sheet, theme, projection, chart.contours)
    spread = _draw_tiles(sheet, theme, projection, chart.tiles)
    _draw_outlines(sheet, theme, projection, chart.contours)
    _draw_bodies(sheet, theme, projection, chart)
    sheet.path(projection.outline, stroke=theme.muted, width=1.0)
    return spread


def _draw_sky_grid(sheet: Drawing, theme: Theme, projection: Mollweide) -> None:
    style = {"closed": False, "stroke": theme.line, "width": 0.7}
    span = np.linspace(-179.999, 179.999, 121)
    for dec in range(-60, 90, 30):
        line = np.stack([span + projection.centre_ra_deg, np.full(121, float(dec))], axis=-1)
        sheet.path(projection.lines(line)[:1], **style)
    for hour in range(0, 24, 2):
        offset = (hour * 15.0 - projection.centre_ra_deg + 180.0) % 360.0 - 180.0
        if abs(abs(offset) - 180.0) > 1:
            decs = np.linspace(-90.0, 90.0, 61)
            line = np.stack([np.full(61, hour * 15.0), decs], axis=-1)
            sheet.path(projection.lines(line)[:1], **style)
    _draw_galaxy(sheet, theme, projection)
    small = sheet.width < 560
    for hour in range(0, 24, 6 if small else 4):
        offset = (hour * 15.0 - projection.centre_ra_deg + 180.0) % 360.0 - 180.0
        if abs(offset) < 170:
            place = projection.place(hour * 15.0, 0.0)
            if place:
                sheet.text(place[0] + 3, place[1] - 3, f"{hour}h", size=11, color=theme.muted)
    for dec in (-60, -30, 30, 60):
        place = projection.place(projection.centre_ra_deg - 179.9, float(dec))
        if place:
            sheet.text(place[0] + 3, place[1] + 4 if dec > 0 else place[1] + 6,
                       f"{dec:+d}°", size=11, color=theme.muted)  # fmt: skip


def galactic_circle(latitude_deg: float = 0.0, count: int = 181) -> FloatArray:
    """RA, Dec of a circle of galactic latitude, shape (count, 2)."""
    pole = unit_vectors(*_NGP)
    north = np.array([0.0, 0.0, 1.0])
    # l = _NCP_L points from the galactic pole towards the celestial one
    toward = north - (north @ pole) * pole
    toward /= np.linalg.norm(toward)
    across = np.cross(pole, toward)
    angle = np.radians(np.linspace(0.0, 360.0, count) - _NCP_L)
    b = np.radians(latitude_deg)
    vectors = (
        np.cos(b) * (np.cos(angle)[:, None] * toward + np.sin(angle)[:, None] * across)
        + np.sin(b) * pole
    )
    ra, dec = from_unit_vectors(vectors)
    return np.stack([ra, dec], axis=-1)


def _draw_galaxy(sheet: Drawing, theme: Theme, projection: Projection) -> None:
    for latitude, dash in ((0.0, (6.0, 3.0)), (10.0, (1.5, 3.0)), (-10.0, (1.5, 3.0))):
        sheet.path(
            projection.lines(galactic_circle(latitude)),
            closed=False, stroke=theme.moon, width=1.0, dash=dash, opacity=0.8,
            clip=projection.clip,
        )  # fmt: skip


def _step_for(span_deg: float) -> float:
    return next((s for s in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15) if span_deg / s <= 6), 30.0)


def _draw_local_grid(
    sheet: Drawing, theme: Theme, plane: TangentPlane, left: float, bottom: float
) -> None:
    style = {"closed": False, "stroke": theme.line, "width": 0.7, "clip": plane.clip}
    ra0, dec0 = plane.centre
    half_x, half_y = plane.half_deg
    step = _step_for(2 * half_y)
    low, high = max(dec0 - 1.5 * half_y - step, -90.0), min(dec0 + 1.5 * half_y + step, 90.0)
    reach_ra = min(180.0, 1.6 * half_x / max(np.cos(np.radians(min(abs(dec0), 89.0))), 0.02))
    step_ra = _step_for(2 * reach_ra / 1.6)
    for dec in np.arange(np.ceil(low / step) * step, high, step):
        span = np.linspace(ra0 - reach_ra, ra0 + reach_ra, 81)
        line = np.stack([span, np.full(81, dec)], axis=-1)
        pieces = plane.lines(line)
        sheet.path(pieces, **style)
        y = _crossing(pieces, axis=0, at=left)
        if y is not None and plane.outline[0, 1] + 6 < y < bottom - 2:
            digits = 0 if step >= 1 else 2
            sheet.text(left - 5, y + 4, f"{dec:+.{digits}f}°", size=11, anchor="end",
                       color=theme.muted)  # fmt: skip
    first = np.ceil((ra0 - reach_ra) / step_ra) * step_ra
    for ra in np.arange(first, ra0 + reach_ra, step_ra):
        decs = np.linspace(low, high, 81)
        pieces = plane.lines(np.stack([np.full(81, ra), decs], axis=-1))
        sheet.path(pieces, **style)
        x = _crossing(pieces, axis=1, at=bottom)
        if x is not None and left + 14 < x < plane.outline[1, 0] - 14:
            digits = 0 if step_ra >= 1 else 2
            sheet.text(x, bottom + 16, f"{ra % 360.0:.{digits}f}°", size=11, anchor="middle",
                       color=theme.muted)  # fmt: skip
    _draw_galaxy(sheet, theme, plane)


def _crossing(pieces: list[FloatArray], *, axis: int, at: float) -> float | None:
    """Where a line crosses an edge of the window: the other coordinate."""
    for piece in pieces:
        side = piece[:, axis] - at
        index = np.flatnonzero(np.diff(np.sign(side)) != 0)
        if len(index):
            i = int(index[0])
            part = side[i] / (side[i] - side[i + 1])
            return float(piece[i, 1 - axis] + part * (piece[i + 1, 1 - axis] - piece[i, 1 - axis]))
    return None


def level_of(feature: dict[str, Any]) -> float:
    """Credible level of a contour, 0 to 1."""
    properties = feature.get("properties", {})
    value = float(properties.get("credible_level", properties.get("level", 0.9)))
    return value / 100.0 if value > 1 else value


def _draw_region(
    sheet: Drawing, theme: Theme, projection: Projection, contours: dict[str, Any] | None
) -> None:
    for feature in sorted((contours or {}).get("features", []), key=level_of, reverse=True):
        if feature.get("geometry") is None:
            continue
        rings = [copy for ring in rings_of(feature) for copy in projection.rings(ring)]
        is_core = level_of(feature) <= 0.7
        color, opacity = (theme.c50, 0.30) if is_core else (theme.c90, 0.16)
        sheet.path(rings, fill=color, fill_opacity=opacity, clip=projection.clip)


def _draw_outlines(
    sheet: Drawing, theme: Theme, projection: Projection, contours: dict[str, Any] | None
) -> None:
    for feature in (contours or {}).get("features", []):
        if feature.get("geometry") is None:
            continue
        lines = [piece for line in outlines_of(feature) for piece in projection.lines(line)]
        is_core = level_of(feature) <= 0.7
        color, width = (theme.c50, 2.2) if is_core else (theme.c90, 1.5)
        sheet.path(lines, closed=False, stroke=color, width=width, clip=projection.clip)


def _draw_tiles(
    sheet: Drawing, theme: Theme, projection: Projection, tiles: dict[str, Any] | None
) -> tuple[str, str] | None:
    """Tiles in the colour of their order; gives the first and the last start."""
    features = (tiles or {}).get("features", [])
    if not features:
        return None
    last = max(len(features) - 1, 1)
    labels: list[tuple[float, float, str]] = []
    for number, feature in enumerate(features):
        color = sequence_color(number / last)
        rings = [copy for ring in rings_of(feature) for copy in projection.rings(ring)]
        properties = feature["properties"]
        tip = (
            f"{number + 1}: {properties.get('field_id')} {' '.join(properties.get('filters', []))}"
            f" {(properties.get('starts') or [''])[0]}"
        )
        sheet.path(
            rings,
            fill=color,
            fill_opacity=0.30,
            stroke=color,
            width=1.1,
            clip=projection.clip,
            tip=tip,
        )
        place = projection.place(properties["ra_deg"], properties["dec_deg"])
        if place is not None and rings:
            extent = np.ptp(rings[0], axis=0)
            if float(extent.min()) > 17:
                labels.append((*place, str(properties.get("order", number + 1))))
    if len(features) <= _MAX_NUMBERS:
        for x, y, text in labels:
            sheet.text(x, y + 4, text, size=11, anchor="middle", color=theme.text, bold=True,
                       halo=theme.background)  # fmt: skip
    starts = [start for f in features for start in (f["properties"].get("starts") or [])]
    return (min(starts), max(starts)) if starts else None


def _draw_bodies(sheet: Drawing, theme: Theme, projection: Projection, chart: SkyChart) -> None:
    if chart.peak is not None:
        place = projection.place(*chart.peak)
        if place:
            x, y = place
            for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                sheet.line(x + 4 * dx, y + 4 * dy, x + 11 * dx, y + 11 * dy,
                           stroke=theme.peak, width=2.2)  # fmt: skip
    if chart.moon is not None:
        place = projection.place(*chart.moon)
        if place:
            x, y = place
            sheet.symbol(x, y, 7.0, "circle", fill=theme.background, stroke=theme.moon, width=1.6)
            lit = chart.moon_illumination or 0.0
            sheet.symbol(x, y, 7.0 * lit**0.5, "circle", fill=theme.moon)
            sheet.text(x + 11, y + 4, f"Moon {100 * lit:.0f} %", size=11, color=theme.text,
                       halo=theme.background)  # fmt: skip


def _draw_key(
    sheet: Drawing, theme: Theme, chart: SkyChart, y: float, spread: tuple[str, str] | None
) -> float:
    """What the colours mean; gives the y below."""
    x, room = 16.0, sheet.width - 16.0

    def entry(text: str, wide: float) -> tuple[float, float]:
        nonlocal x, y
        need = wide + 6 + len(text) * 12 * 0.56
        if x + need > room and x > 16.0:
            x, y = 16.0, y + 20
        begin = x
        sheet.text(x + wide + 6, y + 4, text, size=12, color=theme.text)
        x += need + 20
        return begin, y

    if chart.contours:
        at, row = entry("50 % region", 20)
        sheet.rect(at, row - 6, 20, 11, fill=theme.c50, fill_opacity=0.3, stroke=theme.c50,
                   width=2.2)  # fmt: skip
        at, row = entry("90 % region", 20)
        sheet.rect(at, row - 6, 20, 11, fill=theme.c90, fill_opacity=0.16, stroke=theme.c90,
                   width=1.5)  # fmt: skip
    if chart.peak is not None:
        at, row = entry("peak", 14)
        sheet.line(at, row, at + 14, row, stroke=theme.peak, width=2.2)
        sheet.line(at + 7, row - 7, at + 7, row + 7, stroke=theme.peak, width=2.2)
    at, row = entry("galactic equator, ±10°", 22)
    sheet.line(at, row, at + 22, row, stroke=theme.moon, width=1.2, dash=(6.0, 3.0))
    if spread is not None:
        first, last = (text[:16].replace("T", " ") for text in spread)
        if last[:10] == first[:10]:
            last = last[11:]
        at, row = entry(f"tiles in order, {first} to {last} UTC", 84)
        for step in range(12):
            color = sequence_color(step / 11)
            sheet.rect(at + 7 * step, row - 6, 7, 11, fill=color, fill_opacity=0.75)
    return y + 22

"""A plan's night: exposures by filter, airmass, what is covered, and where Sun and Moon stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from too_planner.charts.drawing import Drawing
from too_planner.charts.frame import (
    TimeAxis,
    draw_bands,
    draw_footer,
    draw_heading,
    draw_time_axis,
    footer_lines,
    parse,
)
from too_planner.charts.palette import Theme, filter_style


@dataclass(frozen=True)
class NightChart:
    """What is drawn.

    Attributes
    ----------
    night : dict
        Of `too_planner.playback.night_of`.
    bound : float, optional
        Proven upper bound of the probability.
    """

    title: str
    subtitle: str
    made: Sequence[str]
    night: dict[str, Any]
    bound: float | None = None
    zone: str = "UTC"


@dataclass(frozen=True)
class _Panel:
    """Values along y between two pixels."""

    top: float
    bottom: float
    low: float
    high: float

    def y(self, value: float) -> float:
        part = (value - self.low) / (self.high - self.low)
        return self.bottom - part * (self.bottom - self.top)


def draw_night(chart: NightChart, theme: Theme, *, width: float = 960.0) -> Drawing:
    """Draw the time line of a plan."""
    night = chart.night
    footer = footer_lines(chart.made, width)
    sheet = Drawing(width, 100.0, theme.background, chart.title, "\n".join(chart.made))
    y = draw_heading(sheet, theme, chart.title, chart.subtitle) + 8
    axis = TimeAxis(parse(night["begin"]), parse(night["end"]), 52.0, width - 16.0, chart.zone)
    y = _draw_lanes(sheet, theme, axis, night, y)
    y = _draw_airmass(sheet, theme, axis, night, y + 20)
    if any(row["covered"] > 0 for row in night["exposures"]):
        y = _draw_covered(sheet, theme, axis, chart, y + 26)
    y = _draw_moon_distance(sheet, theme, axis, night, y + 26)
    y = _draw_altitudes(sheet, theme, axis, night, y + 26)
    sheet.text(width - 16, y + 32, f"times from {axis.caption}", size=12, anchor="end",
               color=theme.muted)  # fmt: skip
    sheet.height = y + 44 + 13.0 * len(footer)
    draw_footer(sheet, theme, footer)
    return sheet


def _title(sheet: Drawing, theme: Theme, y: float, text: str) -> None:
    sheet.text(52.0, y - 6, text, size=12, bold=True, color=theme.text)


def _frame(sheet: Drawing, theme: Theme, axis: TimeAxis, top: float, bottom: float) -> None:
    sheet.rect(axis.left, top, axis.right - axis.left, bottom - top, stroke=theme.muted, width=0.8)


def _draw_lanes(
    sheet: Drawing, theme: Theme, axis: TimeAxis, night: dict[str, Any], y: float
) -> float:
    filters = night["filters"]
    _title(sheet, theme, y + 12, "Exposures by filter")
    top = y + 14
    lane = 22.0
    bottom = top + lane * len(filters)
    draw_bands(sheet, theme, axis, night["bands"], top=top, bottom=bottom)
    draw_time_axis(sheet, theme, axis, top=top, bottom=bottom, labels=False)
    for number, name in enumerate(filters):
        color, _ = filter_style(theme, name)
        row = top + lane * number
        sheet.text(44.0, row + 15, name, size=13, anchor="end", bold=True, color=color)
        rings = []
        for exposure in night["exposures"]:
            if exposure["filter"] == name:
                left = axis.x(exposure["begin"])
                wide = max(axis.x(exposure["end"]) - left, 1.2)
                rings.append(
                    np.array(
                        [
                            [left, row + 4],
                            [left + wide, row + 4],
                            [left + wide, row + lane - 4],
                            [left, row + lane - 4],
                        ]
                    )
                )
        for ring in rings:
            sheet.path(ring, fill=color, stroke=theme.background, width=0.4)
    _frame(sheet, theme, axis, top, bottom)
    return bottom


def _draw_airmass(
    sheet: Drawing, theme: Theme, axis: TimeAxis, night: dict[str, Any], y: float
) -> float:
    limit = float(night["limits"]["airmass_max"])
    worst = max(row["airmass"] for row in night["exposures"])
    panel = _Panel(y, y + 120, max(min(limit + 0.15, 4.0), worst + 0.1), 0.97)
    _title(sheet, theme, y, "Airmass of each exposure")
    draw_bands(sheet, theme, axis, night["bands"], top=panel.top, bottom=panel.bottom)
    draw_time_axis(sheet, theme, axis, top=panel.top, bottom=panel.bottom, labels=False)
    for value in (1.0, 1.5, 2.0, 2.5, 3.0, 3.5):
        if value < panel.low:
            place = panel.y(value)
            sheet.line(axis.left, place, axis.right, place, stroke=theme.line, width=0.7)
            sheet.text(46, place + 4, f"{value:.1f}", size=11, anchor="end", color=theme.muted)
    if limit < panel.low:
        place = panel.y(limit)
        sheet.line(axis.left, place, axis.right, place, stroke=theme.limit, width=1.3,
                   dash=(7.0, 4.0))  # fmt: skip
        sheet.text(axis.right - 4, place - 4, f"limit {limit:g}", size=11, anchor="end",
                   color=theme.limit)  # fmt: skip
    for exposure in night["exposures"]:
        color, shape = filter_style(theme, exposure["filter"])
        x = (axis.x(exposure["begin"]) + axis.x(exposure["end"])) / 2
        sheet.symbol(x, panel.y(exposure["airmass"]), 3.2, shape, fill=color)
    _frame(sheet, theme, axis, panel.top, panel.bottom)
    return panel.bottom


def _draw_covered(
    sheet: Drawing, theme: Theme, axis: TimeAxis, chart: NightChart, y: float
) -> float:
    rows = chart.night["exposures"]
    most = max([row["covered"] for row in rows] + [chart.bound or 0.0])
    panel = _Panel(y, y + 110, 0.0, min(1.0, most * 1.15) if most < 0.9 else 1.02)
    _title(sheet, theme, y, "Probability covered: seen once, and in the whole sequence (dashed)")
    draw_bands(sheet, theme, axis, chart.night["bands"], top=panel.top, bottom=panel.bottom)
    draw_time_axis(sheet, theme, axis, top=panel.top, bottom=panel.bottom, labels=False)
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.25) if panel.high / s <= 5.2)
    value = 0.0
    while value <= panel.high:
        place = panel.y(value)
        sheet.line(axis.left, place, axis.right, place, stroke=theme.line, width=0.7)
        sheet.text(46, place + 4, f"{100 * value:.0f} %", size=11, anchor="end",
                   color=theme.muted)  # fmt: skip
        value += step
    if chart.bound is not None:
        place = panel.y(min(chart.bound, panel.high))
        sheet.line(axis.left, place, axis.right, place, stroke=theme.limit, width=1.3,
                   dash=(7.0, 4.0))  # fmt: skip
        sheet.text(axis.left + 6, place - 4, f"possible at most {100 * chart.bound:.1f} %", size=11,
                   color=theme.limit)  # fmt: skip
    for key, dash in (("covered", ()), ("covered_sequence", (5.0, 3.0))):
        xs, ys = [axis.left], [panel.y(0.0)]
        for row in rows:
            x = axis.x(row["end"])
            xs += [x, x]
            ys += [ys[-1], panel.y(row[key])]
        xs.append(axis.right)
        ys.append(ys[-1])
        sheet.polyline(xs, ys, stroke=theme.good, width=2.0, dash=dash)
    final = rows[-1]["covered"]
    sheet.text(axis.right - 4, panel.y(final) - 5, f"{100 * final:.1f} %", size=12, anchor="end",
               bold=True, color=theme.good, halo=theme.background)  # fmt: skip
    _frame(sheet, theme, axis, panel.top, panel.bottom)
    return panel.bottom


def _draw_moon_distance(
    sheet: Drawing, theme: Theme, axis: TimeAxis, night: dict[str, Any], y: float
) -> float:
    farthest = max(row["moon_distance_deg"] for row in night["exposures"])
    limit = night["limits"]["moon_separation_min_deg"]
    panel = _Panel(y, y + 74, 0.0, min(180.0, max(farthest, limit) + 20.0))
    _title(sheet, theme, y, "Distance from the Moon")
    draw_bands(sheet, theme, axis, night["bands"], top=panel.top, bottom=panel.bottom)
    draw_time_axis(sheet, theme, axis, top=panel.top, bottom=panel.bottom, labels=False)
    for value in (0, 30, 60, 90, 120, 150):
        if value < panel.high - 5:
            place = panel.y(value)
            sheet.line(axis.left, place, axis.right, place, stroke=theme.line, width=0.7)
            if value % 60 == 0 or panel.high < 100:
                sheet.text(46, place + 4, f"{value}°", size=11, anchor="end", color=theme.muted)
    place = panel.y(limit)
    sheet.line(axis.left, place, axis.right, place, stroke=theme.limit, width=1.3, dash=(7.0, 4.0))
    for exposure in night["exposures"]:
        color, shape = filter_style(theme, exposure["filter"])
        x = (axis.x(exposure["begin"]) + axis.x(exposure["end"])) / 2
        sheet.symbol(x, panel.y(exposure["moon_distance_deg"]), 2.6, shape, fill=color)
    sheet.text(
        axis.right - 4, place - 4, f"limit {limit:g}°", size=11, anchor="end", color=theme.limit,
        halo=theme.background,
    )  # fmt: skip
    _frame(sheet, theme, axis, panel.top, panel.bottom)
    return panel.bottom


def _draw_altitudes(
    sheet: Drawing, theme: Theme, axis: TimeAxis, night: dict[str, Any], y: float
) -> float:
    panel = _Panel(y, y + 90, -45.0, 90.0)
    lit = 100 * night["moon_illumination"]
    _title(sheet, theme, y, f"Altitude of Sun and Moon ({lit:.0f} % lit)")
    draw_bands(sheet, theme, axis, night["bands"], top=panel.top, bottom=panel.bottom)
    draw_time_axis(sheet, theme, axis, top=panel.top, bottom=panel.bottom)
    for value in (-30, 0, 30, 60, 90):
        place = panel.y(value)
        heavy = value == 0
        sheet.line(
            axis.left, place, axis.right, place,
            stroke=theme.muted if heavy else theme.line, width=0.9 if heavy else 0.7,
        )  # fmt: skip
        sheet.text(46, place + 4, f"{value}°", size=11, anchor="end", color=theme.muted)
    samples = night["samples"]
    xs = [axis.x(row["time"]) for row in samples]
    corners = [
        (axis.left, panel.top),
        (axis.right, panel.top),
        (axis.right, panel.bottom),
        (axis.left, panel.bottom),
    ]
    ring = sheet.clip("altitudes", np.array(corners))
    for key, color, dash in (
        ("sun_altitude_deg", theme.sun, (2.0, 3.0)),
        ("moon_altitude_deg", theme.moon, ()),
    ):
        ys = [panel.y(row[key]) for row in samples]
        sheet.polyline(xs, ys, stroke=color, width=1.8, dash=dash, clip=ring)
    _label_curves(sheet, theme, axis, panel, samples)
    _frame(sheet, theme, axis, panel.top, panel.bottom)
    return panel.bottom


def _label_curves(
    sheet: Drawing, theme: Theme, axis: TimeAxis, panel: _Panel, samples: list[dict[str, Any]]
) -> None:
    """Names at the curves, where these are well inside of the panel."""
    for key, color, name in (
        ("sun_altitude_deg", theme.sun, "Sun"),
        ("moon_altitude_deg", theme.moon, "Moon"),
    ):
        inside = [
            row
            for row in samples
            if -45 < row[key] < 75 and axis.left + 24 < axis.x(row["time"]) < axis.right - 40
        ]
        if inside:
            row = inside[len(inside) // 3] if name == "Moon" else inside[0]
            sheet.text(axis.x(row["time"]) + 5, panel.y(row[key]) - 4, name, size=11, bold=True,
                       color=color, halo=theme.background)  # fmt: skip

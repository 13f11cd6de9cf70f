"""An event from every site: what can be observed when, and at which airmass."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from too_planner.charts.drawing import Drawing, FloatArray
from too_planner.charts.frame import (
    TimeAxis,
    draw_bands,
    draw_footer,
    draw_heading,
    draw_time_axis,
    fitted,
    footer_lines,
    parse,
)
from too_planner.charts.palette import Theme


@dataclass(frozen=True)
class SiteChart:
    """What is drawn.

    Attributes
    ----------
    sites : sequence of dict
        One per telescope, of `too_planner.observability.observability`.
    """

    title: str
    subtitle: str
    made: Sequence[str]
    sites: Sequence[dict[str, Any]]
    zone: str = "UTC"


def _start(
    chart: SiteChart, theme: Theme, width: float, left: float
) -> tuple[Drawing, TimeAxis, float, list[str]]:
    footer = footer_lines(chart.made, width)
    sheet = Drawing(width, 100.0, theme.background, chart.title, "\n".join(chart.made))
    y = draw_heading(sheet, theme, chart.title, chart.subtitle) + 6
    samples = chart.sites[0]["samples"]
    axis = TimeAxis(
        parse(samples[0]["time"]), parse(samples[-1]["time"]), left, width - 16.0, chart.zone
    )
    return sheet, axis, y, footer


def _end(sheet: Drawing, theme: Theme, axis: TimeAxis, y: float, footer: list[str]) -> Drawing:
    key = "shaded: day, civil, nautical, astronomical twilight"
    if sheet.width < 560:
        sheet.text(16, y + 32, f"times from {axis.caption}", size=11.5, color=theme.muted)
        sheet.text(16, y + 47, key, size=11.5, color=theme.muted)
        y += 15
    else:
        sheet.text(16, y + 34, key, size=12, color=theme.muted)
        sheet.text(axis.right, y + 34, f"times from {axis.caption}", size=12, anchor="end",
                   color=theme.muted)  # fmt: skip
    sheet.height = y + 48 + 13.0 * len(footer)
    draw_footer(sheet, theme, footer)
    return sheet


def draw_observability(chart: SiteChart, theme: Theme, *, width: float = 960.0) -> Drawing:
    """Bars for all sites: the share of the probability that can be observed at each moment.

    The height of a bar is the share, full height the largest of all sites; twilight is shaded
    behind. A site from which nothing can be observed says why.
    """
    narrow = width < 560
    sheet, axis, y, footer = _start(chart, theme, width, 16.0 if narrow else 150.0)
    most = max([site.get("observable_best") or 0.0 for site in chart.sites] + [0.001])
    tall = 40.0
    for number, site in enumerate(chart.sites):
        color = theme.inks[number % len(theme.inks)]
        y = _site_words(sheet, theme, axis, site, color, y, narrow=narrow)
        top, bottom = y, y + tall
        draw_bands(sheet, theme, axis, site["bands"], top=top, bottom=bottom)
        draw_time_axis(sheet, theme, axis, top=top, bottom=bottom, labels=False)
        area = _area(axis, site["samples"], top, bottom, most)
        if area is not None:
            sheet.path(area, fill=color, fill_opacity=0.8)
        sheet.rect(axis.left, top, axis.right - axis.left, tall, stroke=theme.muted, width=0.7)
        if area is None:
            reason = site.get("reason") or "no part of the map is up in the dark"
            sheet.text((axis.left + axis.right) / 2, top + tall / 2 + 4,
                       fitted(reason, axis.right - axis.left - 16, 12), size=12, anchor="middle",
                       color=theme.text, halo=theme.background)  # fmt: skip
        y = bottom + 10
    draw_time_axis(sheet, theme, axis, top=y - 10, bottom=y - 8)
    sheet.text(axis.right, y + 22, f"full height: {100 * most:.1f} % of the probability", size=12,
               anchor="end", color=theme.muted)  # fmt: skip
    return _end(sheet, theme, axis, y + 8, footer)


def _site_words(
    sheet: Drawing, theme: Theme, axis: TimeAxis, site: dict[str, Any], color: str, y: float, *,
    narrow: bool,
) -> float:  # fmt: skip
    best, ever = site.get("observable_best"), site.get("observable_ever")
    told = f"{100 * ever:.1f} % in all" if ever is not None else ""
    peak = f"{100 * best:.1f} % at best" if best else ""
    if narrow:
        sheet.text(axis.left, y + 12, site["telescope"], size=13, bold=True, color=color)
        words = " · ".join(part for part in (told, peak) if part)
        sheet.text(axis.right, y + 12, words, size=12, anchor="end", color=theme.muted)
        return y + 17
    sheet.text(16, y + 14, site["telescope"], size=13, bold=True, color=color)
    sheet.text(16, y + 28, told, size=11.5, color=theme.muted)
    sheet.text(16, y + 41, peak, size=11.5, color=theme.muted)
    return y


def _area(
    axis: TimeAxis, samples: list[dict[str, Any]], top: float, bottom: float, most: float
) -> FloatArray | None:
    shares = np.array([row.get("observable") or 0.0 for row in samples])
    if not (shares > 0).any():
        return None
    xs = np.array([axis.x(row["time"]) for row in samples])
    ys = bottom - shares / most * (bottom - top - 2)
    return np.concatenate(
        [np.stack([xs, ys], axis=-1), np.array([[xs[-1], bottom], [xs[0], bottom]])]
    )


def draw_airmass(chart: SiteChart, theme: Theme, *, width: float = 960.0) -> Drawing:
    """Airmass of the map against time, one panel per site.

    The band holds the middle 80 % of the probability, the line half of it, the dashes the peak.
    """
    sheet, axis, y, footer = _start(chart, theme, width, 46.0)
    single = len(chart.sites) == 1
    tall = 230.0 if single else 112.0
    for number, site in enumerate(chart.sites):
        color = theme.inks[number % len(theme.inks)]
        y = _draw_site_airmass(sheet, theme, axis, site, color, y + 20, tall) + 8
    draw_time_axis(sheet, theme, axis, top=y - 8, bottom=y - 6)
    x = 46.0
    for text, dash, wide in (("half of the probability above", (), 2.2),
                             ("peak", (5.0, 4.0), 1.4)):  # fmt: skip
        sheet.line(x, y + 24, x + 22, y + 24, stroke=theme.text, width=wide, dash=dash)
        sheet.text(x + 27, y + 28, text, size=11.5, color=theme.muted)
        x += 27 + len(text) * 6.6 + 14
    if width >= 560:
        sheet.rect(x, y + 18, 22, 11, fill=theme.text, fill_opacity=0.2)
        sheet.text(x + 27, y + 28, "middle 80 % of it", size=11.5, color=theme.muted)
    return _end(sheet, theme, axis, y + 16, footer)


def _draw_site_airmass(
    sheet: Drawing, theme: Theme, axis: TimeAxis, site: dict[str, Any], color: str, y: float,
    tall: float,
) -> float:  # fmt: skip
    limit = float(site["airmass_max"])
    lowest = min(max(limit + 0.3, 2.5), 4.0)
    top, bottom = y, y + tall

    def place(value: float | None) -> float:
        if value is None or value > 12:
            return float("nan")
        return top + (value - 1.0) / (lowest - 1.0) * (bottom - top)

    name = site["telescope"]
    clip = sheet.clip(
        f"site-{name}",
        np.array([[axis.left, top], [axis.right, top], [axis.right, bottom], [axis.left, bottom]]),
    )
    sheet.text(axis.left, y - 5, name, size=13, bold=True, color=color)
    if not site["dark"]:
        sheet.text(axis.right, y - 5, fitted(site.get("reason") or "", 300, 11.5), size=11.5,
                   anchor="end", color=theme.muted)  # fmt: skip
    elif site.get("observable_ever") is not None:
        words = f"{100 * site['observable_ever']:.1f} % observable"
        sheet.text(axis.right, y - 5, words, size=11.5, anchor="end", color=theme.muted)
    draw_bands(sheet, theme, axis, site["bands"], top=top, bottom=bottom)
    draw_time_axis(sheet, theme, axis, top=top, bottom=bottom, labels=False)
    for value in (1.0, 1.5, 2.0, 2.5, 3.0):
        if value < lowest:
            sheet.line(axis.left, place(value), axis.right, place(value), stroke=theme.line,
                       width=0.7)  # fmt: skip
            sheet.text(axis.left - 6, place(value) + 4, f"{value:.1f}", size=11, anchor="end",
                       color=theme.muted)  # fmt: skip
    samples = site["samples"]
    xs = [axis.x(row["time"]) for row in samples]
    _draw_band(sheet, xs, samples, place, color, clip)
    for key, dash, wide in (("airmass_50", (), 2.2), ("airmass", (5.0, 4.0), 1.4)):
        ys = [place(row.get(key)) for row in samples]
        sheet.polyline(xs, ys, stroke=color, width=wide, dash=dash, clip=clip)
    sheet.line(axis.left, place(limit), axis.right, place(limit), stroke=theme.limit, width=1.2,
               dash=(7.0, 4.0))  # fmt: skip
    sheet.text(axis.right - 4, place(limit) - 4, f"limit {limit:g}", size=11, anchor="end",
               color=theme.limit, halo=theme.background)  # fmt: skip
    sheet.rect(axis.left, top, axis.right - axis.left, bottom - top, stroke=theme.muted, width=0.8)
    return bottom


def _draw_band(
    sheet: Drawing, xs: list[float], samples: list[dict[str, Any]], place: Any, color: str,
    clip: str,
) -> None:  # fmt: skip
    """Between the airmasses that 10 and 90 % of the probability stand above."""
    run: list[tuple[float, float, float]] = []
    for x, row in [*zip(xs, samples, strict=True), (xs[-1], {})]:
        high = place(row.get("airmass_10"))
        if np.isfinite(high):
            low = place(row.get("airmass_90"))
            run.append((x, high, low if np.isfinite(low) else 1e4))
        elif len(run) > 1:
            upper = [(a, b) for a, b, _ in run]
            lower = [(a, c) for a, _, c in reversed(run)]
            sheet.path(np.array(upper + lower), fill=color, fill_opacity=0.22, clip=clip)
            run = []
        else:
            run = []

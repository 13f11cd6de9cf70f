"""What worker processes do for pages and files: charts, a plan's night, products.

Plain data in, bytes out. Maps are those that the worker has read for plans.
"""

import json
from collections import OrderedDict
from datetime import datetime
from pathlib import Path
from typing import Any

from too_planner import fieldgrid, geojson, planning, playback, products
from too_planner.charts import nightchart, sitecharts, skychart
from too_planner.charts.drawing import Drawing
from too_planner.charts.palette import THEMES, Theme, ThemeName
from too_planner.observability import cells_of, observability
from too_planner.plan import Plan
from too_planner.provenance import Provenance
from too_planner.tasks import _read_map as read_map
from too_planner.telescope import TelescopeDefinition

_KEPT = 6
_contours: OrderedDict[str, dict[str, Any]] = OrderedDict()
"""Outlines of the last maps: charts of several plans are asked for at the same time."""


def _contours_of(map_path: str) -> dict[str, Any]:
    if map_path not in _contours:
        _contours[map_path] = read_map(map_path).skymap.contours((0.5, 0.9))
        while len(_contours) > _KEPT:
            _contours.popitem(last=False)
    _contours.move_to_end(map_path)
    return _contours[map_path]


def _finished(drawing: Drawing, form: str, scale: float) -> bytes:
    if form == "png":
        from too_planner.charts.png import to_png

        return to_png(drawing, scale=scale)
    from too_planner.charts.svg import to_svg

    return to_svg(drawing)


def _opened(values: dict[str, Any]) -> tuple[Plan, TelescopeDefinition, Any, Any]:
    """Plan, telescope, camera and map of a request."""
    plan = Plan.model_validate_json(values["document"])
    telescope = TelescopeDefinition.model_validate(values["definition"])
    grid = fieldgrid.load_grid(Path(values["grid_path"])) if values["grid_path"] else None
    read = read_map(values["map_path"]) if values["map_path"] else None
    return plan, telescope, planning.footprint_of(telescope, grid), read


def night_job(values: dict[str, Any]) -> bytes:
    """A plan's night as JSON, see `playback.night_of`."""
    plan, telescope, footprint, read = _opened(values)
    night = playback.night_of(plan, telescope, footprint, read.points if read else None)
    body = {**night, "provenance": Provenance(**values["provenance"]).as_dict()}
    return json.dumps(body, separators=(",", ":")).encode()


def plan_chart_job(values: dict[str, Any]) -> bytes:
    """A chart of a plan: ``sky`` or ``night``.

    Parameters
    ----------
    values
        ``document``, ``definition``, ``grid_path``, ``map_path``, ``provenance``, ``chart``,
        ``form`` (svg, png), ``theme``, ``width``, ``scale``, ``zone``, ``title``, ``subtitle``,
        ``bound``.
    """
    plan, telescope, footprint, read = _opened(values)
    theme = THEMES[ThemeName(values["theme"])]
    made = Provenance(**values["provenance"]).short()
    night = playback.night_of(plan, telescope, footprint, read.points if read else None)
    if values["chart"] == "night":
        chart = nightchart.NightChart(
            title=values["title"],
            subtitle=values["subtitle"],
            made=made,
            night=night,
            bound=values["bound"],
            zone=values["zone"],
        )
        drawing = nightchart.draw_night(chart, theme, width=values["width"])
        return _finished(drawing, values["form"], values["scale"])
    drawing = _draw_sky(values, plan, night, footprint, read, theme, made)
    return _finished(drawing, values["form"], values["scale"])


def _draw_sky(
    values: dict[str, Any],
    plan: Plan,
    night: dict[str, Any],
    footprint: Any,
    read: Any,
    theme: Theme,
    made: list[str],
) -> Drawing:
    first = night["exposures"][0]["begin"]
    sample = next(row for row in night["samples"] if row["time"] >= first[:19])
    peak = None
    if read is not None:
        facts = read.skymap.facts()
        peak = (facts.peak_ra_deg, facts.peak_dec_deg)
    chart = skychart.SkyChart(
        title=values["title"],
        subtitle=values["subtitle"],
        made=made,
        contours=_contours_of(values["map_path"]) if values["map_path"] else None,
        tiles=geojson.tiles_of(plan, footprint),
        moon=(sample["moon_ra_deg"], sample["moon_dec_deg"]),
        moon_illumination=night["moon_illumination"],
        peak=peak,
    )
    return skychart.draw_sky(chart, theme, width=values["width"])


def product_job(values: dict[str, Any]) -> bytes:
    """A product of a plan, see `products.make`; needs no map."""
    plan, telescope, footprint, _ = _opened({**values, "map_path": None})
    source = products.Source(
        plan=plan,
        document=json.loads(values["document"]),
        telescope=telescope,
        footprint=footprint,
        provenance=Provenance(**values["provenance"]),
        made_at=datetime.fromisoformat(values["made_at"]),
    )
    return products.make(products.Product(values["product"]), source)


def observability_job(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Observability of a map from several sites, see `observability.observability`.

    Parameters
    ----------
    values
        ``definitions`` (one per telescope), ``map_path`` (None: the peak alone), ``ra_deg``,
        ``dec_deg``, ``begin``, ``hours``.
    """
    cells = None
    if values["map_path"]:
        cells = cells_of(read_map(values["map_path"]).points)
    return [
        observability(
            TelescopeDefinition.model_validate(definition),
            ra_deg=values["ra_deg"],
            dec_deg=values["dec_deg"],
            begin=datetime.fromisoformat(values["begin"]),
            hours=values["hours"],
            cells=cells,
        )
        for definition in values["definitions"]
    ]


def site_chart_job(values: dict[str, Any]) -> bytes:
    """A chart of an event from all sites: ``observability`` or ``airmass``."""
    chart = sitecharts.SiteChart(
        title=values["title"],
        subtitle=values["subtitle"],
        made=values["made"],
        sites=values["sites"],
        zone=values["zone"],
    )
    theme = THEMES[ThemeName(values["theme"])]
    draw = {
        "observability": sitecharts.draw_observability,
        "airmass": sitecharts.draw_airmass,
    }[values["chart"]]
    return _finished(draw(chart, theme, width=values["width"]), values["form"], values["scale"])

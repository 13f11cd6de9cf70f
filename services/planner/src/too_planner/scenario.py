"""Scenarios and schedules in the JSON forms of the planner benchmark.

A scenario names a map, a telescope, a grid and a request; file names are relative to a base
folder. A schedule is a list of exposures with field id, filter, start and exposure time.
"""

import csv
from functools import lru_cache
from pathlib import Path
from typing import Any

from too_common.contracts.base import UtcDatetime

from too_planner import fieldgrid, planning
from too_planner.coverage import Points
from too_planner.plan import Plan
from too_planner.request import Parameters, Pointing, RequestError, Window
from too_planner.scenario_form import check_form
from too_planner.telescope import (
    ConstantRateSlew,
    FilterOrder,
    FootprintModel,
    GridModel,
    Limits,
    PlanDefaults,
    Site,
    Strategy,
    TelescopeDefinition,
    Timing,
)


def telescope_of(scenario: dict[str, Any], base: Path) -> TelescopeDefinition:
    """The telescope of a scenario as a definition."""
    raw, request = scenario["telescope"], scenario["request"]
    slew = ConstantRateSlew(
        rate_deg_per_s=raw["slew_rate_deg_s"], settle_s=raw.get("slew_settle_s") or 0.0
    )
    sequence = request["sequence"]
    filters = tuple(step["filter"] for step in sequence)
    return TelescopeDefinition(
        name=str(raw["name"]).replace(" ", "_"),
        long_name=str(raw["name"]),
        site=Site(
            latitude_deg=raw["lat_deg"],
            longitude_deg=(raw["lon_deg"] + 180.0) % 360.0 - 180.0,
            elevation_m=raw["height_m"],
            timezone="UTC",
        ),
        footprint=_footprint(raw["footprint"], base),
        grid=GridModel(file="scenario", sets=tuple(raw["grid"].get("sets") or ())),
        filters=tuple(dict.fromkeys(filters)),
        timing=Timing(
            overhead_s=raw["overhead_s"], filter_change_s=raw["filter_change_s"], slew=slew
        ),
        limits=Limits(
            altitude_min_deg=0.0,
            hour_angle_h=_pair(raw.get("hour_angle_limits_h")),
            dec_deg=_pair(raw.get("dec_limits_deg")) or (-90.0, 90.0),
            sun_altitude_max_deg=request["sun_altitude_max_deg"],
            moon_separation_min_deg=raw["moon_separation_min_deg"],
        ),
        defaults=PlanDefaults(
            filters=filters,
            exposure_times_s=tuple(float(step["exposure_s"]) for step in sequence),
            min_gap_s=request["min_gap_s"],
            airmass_max=raw["airmass_max"],
        ),
    )


def _pair(value: Any) -> tuple[float, float] | None:
    return None if value is None else (float(value[0]), float(value[1]))


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise RequestError(f"there is no file {path.name} below the base folder")
    with path.open(newline="", encoding="utf-8") as stream:
        table = csv.reader(stream)
        header = next(table, [])
        return [dict(zip(header, row, strict=False)) for row in table if row]


def _footprint(raw: dict[str, Any], base: Path) -> FootprintModel:
    if raw["type"] == "rectangles":
        keys = ("x_deg", "y_deg", "half_x_deg", "half_y_deg")
        rows = _rows(base / raw["file"])
        return FootprintModel(
            type="rectangles",
            rectangles_deg=tuple(
                (float(row[keys[0]]), float(row[keys[1]]), float(row[keys[2]]), float(row[keys[3]]))
                for row in rows
            ),
        )
    return FootprintModel(
        type=raw["type"], radius_deg=raw.get("radius_deg"), side_deg=raw.get("side_deg")
    )


def grid_of(scenario: dict[str, Any], base: Path) -> fieldgrid.FieldGrid:
    """The allowed fields of a scenario."""
    raw = scenario["telescope"]["grid"]
    path = base / raw["file"]
    if not path.is_file():
        raise RequestError(f"there is no file {path.name} below the base folder")
    state = path.stat()
    grid = _read_grid(path, state.st_mtime_ns, state.st_size)
    return grid.select(tuple(raw["sets"])) if raw.get("sets") else grid


@lru_cache(maxsize=8)
def _read_grid(path: Path, _changed_ns: int, _size: int) -> fieldgrid.FieldGrid:
    """A table of fields, read once as long as it stays as it is."""
    rows = _rows(path)
    try:
        return fieldgrid.make_grid(
            [int(value) for value in _column(rows, "field_id")],
            [float(value) for value in _column(rows, "ra_deg")],
            [float(value) for value in _column(rows, "dec_deg")],
            [row.get("set") or "primary" for row in rows],
        )
    except ValueError as error:
        raise fieldgrid.GridError(f"{path.name}: {error}") from error


def _column(rows: list[dict[str, str]], name: str) -> list[str]:
    """One column of a table.

    Raises
    ------
    GridError
        With the line in which it is missing.
    """
    for line, row in enumerate(rows, start=2):
        if not row.get(name):
            raise fieldgrid.GridError(f"line {line}: no {name}")
    return [row[name] for row in rows]


def parameters_of(scenario: dict[str, Any], objective: str | None = None) -> Parameters:
    """What a scenario asks for."""
    telescope, request = scenario["telescope"], scenario["request"]
    begin, end = (_time(value) for value in request["window_utc"])
    sequence = request["sequence"]
    if (objective or request.get("objective", "seq")) == "any":
        sequence = sequence[:1]
    return Parameters(
        telescope=str(telescope["name"]).replace(" ", "_"),
        windows=(Window(begin=begin, end=end),),
        filters=tuple(step["filter"] for step in sequence),
        exposure_times_s=tuple(float(step["exposure_s"]) for step in sequence),
        min_gap_s=request["min_gap_s"],
        airmass_max=telescope["airmass_max"],
        altitude_min_deg=0.0,
        sun_altitude_max_deg=request["sun_altitude_max_deg"],
        moon_separation_min_deg=telescope["moon_separation_min_deg"],
        max_fields=request.get("max_fields"),
        probability=None,
        field_sets=tuple(telescope["grid"].get("sets") or ()),
        field_ids=None,
        keep_order=False,
        require_references=request.get("references") is not None,
        ra_slice_h=None,
        previous=tuple(
            Pointing(ra_deg=row["ra_deg"] % 360.0, dec_deg=row["dec_deg"])
            for row in request.get("previous") or ()
        ),
        dither=False,
        filter_order=FilterOrder.BLOCK,
        strategy=Strategy.TILING,
        fill=True,
        seed=1,
    )


def _time(value: str) -> UtcDatetime:
    from datetime import UTC, datetime

    try:
        parsed = datetime.fromisoformat(value)
    except ValueError as error:
        raise RequestError(f"not a time: {value!r}") from error
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def inputs_of(
    scenario: dict[str, Any], base: Path, map_fits: bytes, objective: str | None = None
) -> planning.Inputs:
    """Everything that the plan of a scenario is made of."""
    from too_common.astro.skymap import SkyMap

    check_form(scenario)
    telescope, grid = telescope_of(scenario, base), grid_of(scenario, base)
    name = scenario["request"].get("references")
    references = None
    if name is not None:
        references = frozenset((row["field_id"], row["filter"]) for row in _rows(base / name))
    try:
        skymap = SkyMap.from_fits(map_fits)
    except ValueError as error:
        raise RequestError(f"the sky map: {error}") from error
    return planning.Inputs(
        telescope=telescope,
        footprint=planning.footprint_of(telescope, grid),
        parameters=parameters_of(scenario, objective),
        targets=planning.targets_of_grid(grid),
        points=Points.of_map(skymap),
        skymap=skymap,
        references=references,
        catalogue_hour_angle=True,
    )


def schedule_of(plan: Plan) -> dict[str, Any]:
    """A plan as a benchmark schedule."""
    return {
        "exposures": [
            {
                "field_id": _number_or_text(row.field_id),
                "filter": row.filter,
                "start_utc": row.start.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3],
                "exposure_s": row.exposure_s,
                "ra_deg": row.ra_deg,
                "dec_deg": row.dec_deg,
            }
            for row in plan.exposures
        ]
    }


def _number_or_text(label: str | None) -> int | str | None:
    return int(label) if label is not None and label.isdigit() else label

"""How the cost of a plan grows: area and leaves of the map, fields, exposures, telescopes."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

BEGIN = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
_REPEATS = 3


def _cost(inputs: Any) -> dict[str, Any]:
    from too_planner import planning

    planning.make_plan(inputs)
    cpus = []
    for _ in range(_REPEATS):
        cpu = time.process_time()
        plan = planning.make_plan(inputs)
        cpus.append(time.process_time() - cpu)
    return {
        "cpu_s": round(median(cpus), 4),
        "exposures": len(plan.exposures),
        "share": plan.bound.share if plan.bound else None,
    }


def _inputs(name: str, radius_deg: float, **values: Any) -> tuple[Any, int]:
    """Inputs of a plan for a round region that all sites can see, and the map's leaves."""
    from too_common.astro.cone import cone_skymap
    from too_planner import fieldgrid, planning
    from too_planner import telescope as definitions
    from too_planner.coverage import Points
    from too_planner.request import PlanRequest, resolve

    telescope = definitions.read_definitions(definitions.BUILT_IN)[name]
    skymap = cone_skymap(115.0, 5.0, radius_deg, 0.9)
    wanted = {
        "telescope": name,
        "require_references": False,
        "probability": 1.0,
        "windows": [{"begin": BEGIN, "end": BEGIN + timedelta(hours=24)}],
        **values,
    }
    parameters = resolve(
        PlanRequest.model_validate(wanted), telescope, now=BEGIN - timedelta(hours=1)
    )
    assert telescope.grid.file is not None
    grid = fieldgrid.load_grid(fieldgrid.BUILT_IN / telescope.grid.file)
    targets = planning.targets_of_grid(grid.select(parameters.field_sets))
    inputs = planning.Inputs(
        telescope=telescope,
        footprint=planning.footprint_of(telescope, grid),
        parameters=parameters,
        targets=targets,
        points=Points.of_map(skymap),
        skymap=skymap,
    )
    return inputs, len(skymap.ipix)


def measure() -> dict[str, list[dict[str, Any]]]:
    """Cost against each of the sizes, the others held fixed."""
    import numpy as np

    found: dict[str, list[dict[str, Any]]] = {"area": [], "exposures": [], "fields": []}
    for name in ("ZTF", "DECam", "Gattini"):
        for radius in (1.0, 2.5, 5.0, 10.0, 20.0, 40.0):
            inputs, leaves = _inputs(name, radius)
            area = float(2 * np.pi * (1 - np.cos(np.radians(radius))) * (180 / np.pi) ** 2)
            row = {"telescope": name, "area_deg2": round(area, 1), "leaves": leaves}
            found["area"].append({**row, "points": len(inputs.points), **_cost(inputs)})
    for exposure in (25.0, 50.0, 100.0, 200.0, 300.0, 600.0):
        inputs, _ = _inputs("ZTF", 20.0, exposure_times_s=[exposure])
        found["exposures"].append({"telescope": "ZTF", "exposure_s": exposure, **_cost(inputs)})
    inputs, _ = _inputs("DECam", 20.0)
    everything = len(inputs.targets)
    rng = np.random.default_rng(1)
    for share in (0.1, 0.2, 0.4, 0.7, 1.0):
        keep = rng.random(everything) < share
        part = replace(inputs, targets=inputs.targets.take(keep))
        found["fields"].append({"telescope": "DECam", "fields": int(keep.sum()), **_cost(part)})
    found["telescopes"] = _telescopes()
    print("  growth measured", flush=True)
    return found


def _telescopes() -> list[dict[str, Any]]:
    """One, two, ... telescopes from one map, one after the other in one process."""
    from too_planner import planning

    rows: list[dict[str, Any]] = []
    for radius in (5.0, 56.0):
        many = [_inputs(name, radius)[0] for name in ("ZTF", "Gattini", "DECam", "GROWTH-India")]
        for inputs in many:
            planning.make_plan(inputs)
        cpu = time.process_time()
        for count, inputs in enumerate(many, start=1):
            planning.make_plan(inputs)
            row = {"radius_deg": radius, "telescopes": count}
            rows.append({**row, "cpu_s": round(time.process_time() - cpu, 3)})
    return rows

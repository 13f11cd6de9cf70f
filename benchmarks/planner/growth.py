"""How the cost of a plan grows: the map's area and leaves, fields, exposures, telescopes.

Processor time of plans made warm in one process, medians of some repeats. The regions are round
and lie where all sites can see them in the same night. `python -m benchmarks.planner.growth`
measures and prints; `--quick` takes fewer points of each curve.
"""

import argparse
import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

BEGIN = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
TELESCOPES = ("ZTF", "Gattini", "DECam", "GROWTH-India", "KPED")
RADII_DEG = (0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 70.0)
_REPEATS = 3
_CENTRE = (115.0, 5.0)


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


def _region(radius_deg: float, split: int = 0) -> Any:
    """A round region; its leaves divided `split` times, a billionth apart so that they stay so."""
    import numpy as np
    from too_common.astro import leaves
    from too_common.astro.cone import cone_skymap
    from too_common.astro.skymap import SkyMap

    skymap = cone_skymap(*_CENTRE, radius_deg, 0.9)
    if split == 0:
        return skymap
    parts = 4**split
    ipix = (skymap.ipix[:, None] * parts + np.arange(parts)).ravel()
    density = np.repeat(skymap.probdensity, parts)
    density *= 1 + 1e-9 * np.random.default_rng(1).random(len(density))
    return SkyMap.from_leaves(
        leaves.Leaves(np.repeat(skymap.order + split, parts), ipix, density[:, None])
    )


def _inputs(name: str, skymap: Any, points: Any = None, **values: Any) -> Any:
    """Inputs of a plan by the telescope's own definition: a day from `BEGIN`."""
    from too_planner import fieldgrid
    from too_planner import telescope as definitions
    from too_planner.coverage import Points
    from too_planner.making import Material, inputs_of
    from too_planner.request import PlanRequest, resolve

    telescope = definitions.read_definitions(definitions.BUILT_IN)[name]
    wanted = {
        "telescope": name,
        "require_references": False,
        "probability": 1.0,
        "windows": [{"begin": BEGIN, "end": BEGIN + timedelta(hours=24)}],
        **({"strategy": "free"} if telescope.grid.file is None else {}),
        **values,
    }
    parameters = resolve(
        PlanRequest.model_validate(wanted), telescope, now=BEGIN - timedelta(hours=1)
    )
    file = telescope.grid.file
    material = Material(
        telescope=telescope,
        parameters=parameters,
        grid=None if file is None else fieldgrid.load_grid(fieldgrid.BUILT_IN / file),
        points=Points.of_map(skymap) if points is None else points,
        skymap=skymap,
    )
    return inputs_of(material)[0]


def measure(*, quick: bool = False) -> dict[str, list[dict[str, Any]]]:
    """Cost against each of the sizes, the others held fixed."""
    found = {
        "area": _areas(RADII_DEG[1::3] if quick else RADII_DEG),
        "leaves": _leaves((0, 2) if quick else (0, 1, 2, 3)),
        "exposures": _exposures((50.0, 300.0) if quick else (25.0, 50.0, 100.0, 200.0, 400.0)),
        "fields": _fields((0.2, 1.0) if quick else (0.1, 0.2, 0.4, 0.7, 1.0)),
        "telescopes": _telescopes((2.5,) if quick else (2.5, 20.0, 56.0)),
    }
    print("  growth measured", flush=True)
    return found


def _areas(radii: tuple[float, ...]) -> list[dict[str, Any]]:
    rows = []
    for name in TELESCOPES[:3]:
        for radius in radii:
            skymap = _region(radius)
            inputs = _inputs(name, skymap)
            rows.append(
                {
                    "telescope": name,
                    "area_deg2": round(skymap.credible_area_deg2(0.9), 2),
                    "leaves": len(skymap),
                    "points": len(inputs.points),
                    **_cost(inputs),
                }
            )
    return rows


def _leaves(splits: tuple[int, ...]) -> list[dict[str, Any]]:
    """The same region in more and more leaves: bytes to points, and the plan."""
    from too_common.astro.skymap import SkyMap
    from too_planner.coverage import Points

    rows = []
    for split in splits:
        skymap = _region(10.0, split)
        data = skymap.to_fits()
        cpus = []
        for _ in range(_REPEATS):
            cpu = time.process_time()
            Points.of_map(SkyMap.from_fits(data))
            cpus.append(time.process_time() - cpu)
        rows.append(
            {
                "telescope": "ZTF",
                "area_deg2": round(skymap.credible_area_deg2(0.9), 2),
                "leaves": len(skymap),
                "read_cpu_s": round(median(cpus), 4),
                **_cost(_inputs("ZTF", skymap)),
            }
        )
    return rows


def _exposures(times_s: tuple[float, ...]) -> list[dict[str, Any]]:
    skymap = _region(20.0)
    return [
        {"telescope": name, "exposure_s": value, **_cost(_inputs(name, skymap, **more))}
        for name in ("ZTF", "DECam")
        for value in times_s
        for more in [{"exposure_times_s": [value]}]
    ]


def _fields(shares: tuple[float, ...]) -> list[dict[str, Any]]:
    """A part of the grid's fields, drawn at random, on a region that all of it covers."""
    import numpy as np

    rows = []
    for name in ("DECam", "GROWTH-India"):
        inputs = _inputs(name, _region(20.0))
        order = np.random.default_rng(1).permutation(len(inputs.targets))
        for part in shares:
            keep = np.sort(order[: int(part * len(order))])
            some = replace(inputs, targets=inputs.targets.take(keep))
            rows.append({"telescope": name, "fields": len(keep), **_cost(some)})
    return rows


def _telescopes(radii: tuple[float, ...]) -> list[dict[str, Any]]:
    """One, two, ... telescopes from one map, one after the other: alone, and sharing the sky."""
    from too_planner import making, planning
    from too_planner.coverage import Points
    from too_planner.network import plan_network

    rows: list[dict[str, Any]] = []
    for radius in radii:
        skymap = _region(radius)
        points = Points.of_map(skymap)
        many = [_inputs(name, skymap, points) for name in TELESCOPES]
        area = round(skymap.credible_area_deg2(0.9), 1)
        for inputs in many:
            planning.make_plan(inputs)
        for count in range(1, len(many) + 1):
            cpu = time.process_time()
            for inputs in many[:count]:
                planning.make_plan(inputs)
            alone = time.process_time() - cpu
            cpu = time.process_time()
            plan_network(many[:count], make=making.make, deadline_s=30.0)
            together = time.process_time() - cpu
            rows.append(
                {
                    "area_deg2": area,
                    "telescopes": count,
                    "cpu_s": round(alone, 3),
                    "shared_cpu_s": round(together, 3),
                }
            )
    return rows


def main() -> None:
    """Measure growth alone and draw it."""
    from benchmarks.planner import pictures

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--results", type=Path, default=Path(__file__).parents[1] / "results")
    options = parser.parse_args()
    found = measure(quick=options.quick)
    print(json.dumps(found, indent=1))
    pictures.growth(found, options.results)


if __name__ == "__main__":
    main()

"""What worker processes do: bytes and plain data in, plain data out.

A worker keeps the last maps it has read, since five telescopes are planned from one map.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from too_planner import coverage, fieldgrid, planning
from too_planner.checker import check_plan
from too_planner.depth import DepthError
from too_planner.difference import difference
from too_planner.galaxies import CatalogueError
from too_planner.making import Material, finish, inputs_of, make
from too_planner.plan import Plan, empty_statistics
from too_planner.request import Parameters
from too_planner.telescope import TelescopeDefinition

_MAPS_KEPT = 2


@dataclass
class _ReadMap:
    skymap: Any
    points: coverage.Points


_maps: OrderedDict[str, _ReadMap] = OrderedDict()


def warm() -> None:
    """Import what a plan needs, so that the first one is as quick as the next."""
    import astropy_healpix  # noqa: F401
    import scipy.spatial  # noqa: F401
    from too_common.astro import skymap  # noqa: F401

    for path in fieldgrid.BUILT_IN.glob("*.npz"):
        fieldgrid.load_grid(path)


def _read_map(path: str) -> _ReadMap:
    from too_common.astro.skymap import SkyMap

    data = Path(path).read_bytes()
    key = hashlib.sha256(data).hexdigest()
    known = _maps.get(key)
    if known is None:
        skymap = SkyMap.from_fits(data)
        known = _maps[key] = _ReadMap(skymap, coverage.Points.of_map(skymap))
        while len(_maps) > _MAPS_KEPT:
            _maps.popitem(last=False)
    _maps.move_to_end(key)
    return known


def plan_task(
    *,
    definition: dict[str, Any],
    parameters: dict[str, Any],
    grid_path: str | None,
    map_path: str | None,
    map_sha256: str | None,
    catalogue_path: str | None,
    references: list[tuple[str, str]] | None,
    previous: tuple[str, dict[str, Any]] | None,
) -> dict[str, Any]:
    """Make a plan, check it, and compare it with the one before.

    Parameters
    ----------
    definition, parameters
        Telescope and complete parameters as JSON-like data.
    grid_path
        Compact grid file.
    map_path
        Multi-order FITS file in the cache; None for a manual plan without a map.
    references
        Reference images by field and filter; None: no list is loaded.
    previous
        Id and document of the plan that would be superseded.

    Returns
    -------
    dict
        ``plan`` and ``difference`` (or None).

    Raises
    ------
    RuntimeError
        If the plan breaks a limit: a fault of this program, never shown as a plan.
    """
    telescope = TelescopeDefinition.model_validate(definition)
    wanted = Parameters.model_validate(parameters)
    grid = fieldgrid.load_grid(Path(grid_path)) if grid_path else None
    read = _read_map(map_path) if map_path else None
    pairs = None if references is None else frozenset((a, b) for a, b in references)
    material = Material(
        telescope=telescope,
        parameters=wanted,
        grid=grid,
        points=read.points if read else None,
        skymap=read.skymap if read else None,
        map_sha256=map_sha256,
        catalogue_path=Path(catalogue_path) if catalogue_path else None,
        references=pairs,
    )
    try:
        inputs, chosen = inputs_of(material)
        plan = finish(make(inputs), inputs, chosen)
    except (CatalogueError, DepthError) as error:
        return {"plan": _no_plan(telescope, wanted, map_sha256, str(error)), "difference": None}
    violations = check_plan(plan, telescope, references=pairs)
    if violations:
        first = violations[0]
        raise RuntimeError(
            f"{telescope.name}: {len(violations)} violations, first: exposure {first.exposure} "
            f"{first.limit}: {first.words}"
        )
    compared = None
    if previous is not None and plan.exposures:
        compared = difference(
            UUID(previous[0]),
            Plan.model_validate(previous[1]),
            plan,
            points=read.points if read else None,
            footprint=inputs.footprint,
        ).model_dump(mode="json")
    return {"plan": plan.model_dump(mode="json"), "difference": compared}


def _no_plan(
    telescope: TelescopeDefinition, wanted: Parameters, map_sha256: str | None, reason: str
) -> dict[str, Any]:
    return Plan(
        telescope=telescope.name,
        map_sha256=map_sha256,
        parameters=wanted,
        exposures=(),
        statistics=empty_statistics(),
        failure=reason,
    ).model_dump(mode="json")


def coverage_task(
    *,
    map_path: str,
    telescopes: dict[str, tuple[dict[str, Any], str | None]],
    groups: list[tuple[str, str, list[tuple[float, float]]]],
) -> list[tuple[float, float]]:
    """Probability and area that executed exposures cover.

    Parameters
    ----------
    telescopes
        Definition and grid file by name.
    groups
        (telescope, filter, pointings) each.

    Returns
    -------
    list of (probability, area_deg2)
        One per group.
    """
    import numpy as np

    read = _read_map(map_path)
    result: list[tuple[float, float]] = []
    for name, _filter, pointings in groups:
        definition, grid_path = telescopes[name]
        telescope = TelescopeDefinition.model_validate(definition)
        grid = fieldgrid.load_grid(Path(grid_path)) if grid_path else None
        footprint = planning.footprint_of(telescope, grid)
        places = np.array(sorted(set(pointings)))
        members = coverage.members_of(read.points, footprint, places[:, 0], places[:, 1])
        seen = coverage.union_of(members, len(read.points))
        area = coverage.union_area_deg2(footprint, places[:, 0], places[:, 1])
        result.append((round(float(read.points.weight[seen].sum()), 6), round(area, 4)))
    return result


def plan_job(values: dict[str, Any]) -> dict[str, Any]:
    """`plan_task` with its arguments in one mapping, as the pool passes them by position."""
    return plan_task(**values)


def coverage_job(values: dict[str, Any]) -> list[tuple[float, float]]:
    """`coverage_task` with its arguments in one mapping."""
    return coverage_task(**values)

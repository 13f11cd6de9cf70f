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
from too_planner.depth import DepthError, Distances
from too_planner.difference import difference
from too_planner.galaxies import CatalogueError
from too_planner.making import Material, finish, inputs_of, make, no_plan
from too_planner.network import plan_network
from too_planner.plan import Plan
from too_planner.request import Parameters
from too_planner.targets import Chosen
from too_planner.telescope import TelescopeDefinition

_MAPS_KEPT, _POINTS_KEPT = 2, 200_000
"""Maps that are kept, and points of those before the last: a wide map takes 80 MB to read."""


@dataclass
class _ReadMap:
    skymap: Any
    points: coverage.Points


_maps: OrderedDict[str, _ReadMap] = OrderedDict()


def warm() -> None:
    """Import what a plan needs, so that the first one is as quick as the next."""
    import scipy.spatial  # noqa: F401
    from too_common.astro import skymap  # noqa: F401

    from too_planner import compiling, search

    if compiling.compile_kernels():
        from too_planner import camera_kernel

        camera_kernel.warm_up()
    search.warm_up()
    for path in fieldgrid.BUILT_IN.glob("*.npz"):
        fieldgrid.load_grid(path)


def _read_map(path: str) -> _ReadMap:
    from too_common.astro.skymap import SkyMap

    data = Path(path).read_bytes()
    key = hashlib.sha256(data).hexdigest()
    known = _maps.get(key)
    if known is None:
        while len(_maps) >= _MAPS_KEPT or _points_kept() > _POINTS_KEPT:
            _maps.popitem(last=False)
        skymap = SkyMap.from_fits(data)
        known = _maps[key] = _ReadMap(skymap, coverage.Points.of_map(skymap))
    _maps.move_to_end(key)
    return known


def _points_kept() -> int:
    return sum(len(read.points) for read in _maps.values())


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
    prepared = _prepare(
        definition=definition,
        parameters=parameters,
        grid_path=grid_path,
        map_path=map_path,
        map_sha256=map_sha256,
        catalogue_path=catalogue_path,
        references=references,
    )
    material = prepared.material
    try:
        inputs, chosen = inputs_of(material)
        plan = finish(make(inputs), inputs, chosen)
    except (CatalogueError, DepthError) as error:
        plan = no_plan(material, str(error))
        return {"plan": plan.model_dump(mode="json"), "difference": None}
    return _checked(plan, material, inputs, previous)


@dataclass(frozen=True)
class _Prepared:
    material: Material
    read: _ReadMap | None


def _prepare(
    *,
    definition: dict[str, Any],
    parameters: dict[str, Any],
    grid_path: str | None,
    map_path: str | None,
    map_sha256: str | None,
    catalogue_path: str | None,
    references: list[tuple[str, str]] | None,
) -> _Prepared:
    read = _read_map(map_path) if map_path else None
    material = Material(
        telescope=TelescopeDefinition.model_validate(definition),
        parameters=Parameters.model_validate(parameters),
        grid=fieldgrid.load_grid(Path(grid_path)) if grid_path else None,
        points=read.points if read else None,
        skymap=read.skymap if read else None,
        map_sha256=map_sha256,
        catalogue_path=Path(catalogue_path) if catalogue_path else None,
        references=None if references is None else frozenset((a, b) for a, b in references),
    )
    return _Prepared(material, read)


def _checked(
    plan: Plan,
    material: Material,
    inputs: planning.Inputs,
    previous: tuple[str, dict[str, Any]] | None,
) -> dict[str, Any]:
    """The plan as plain data, looked at by the checker, and its difference.

    Raises
    ------
    RuntimeError
        If it breaks a limit.
    """
    telescope = material.telescope
    violations = check_plan(plan, telescope, references=material.references)
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
            points=material.points,
            footprint=inputs.footprint,
        ).model_dump(mode="json")
    return {"plan": plan.model_dump(mode="json"), "difference": compared}


def network_task(*, members: list[dict[str, Any]], deadline_s: float) -> dict[str, Any]:
    """Plan several telescopes together.

    Parameters
    ----------
    members
        Arguments of `plan_task` for each, all with the same map.
    deadline_s
        When to stop improving.

    Returns
    -------
    dict
        ``plans``: what `plan_task` gives, in the order of the members; ``statistics`` of the
        network, or None if no telescope could be planned.
    """
    results: list[dict[str, Any] | None] = [None] * len(members)
    found: list[tuple[int, Material, planning.Inputs, Chosen]] = []
    for number, values in enumerate(members):
        material = _prepare(**{k: v for k, v in values.items() if k != "previous"}).material
        try:
            if material.parameters.depth is not None and material.skymap is not None:
                Distances(material.parameters.depth, material.skymap)
            inputs, chosen = inputs_of(material)
        except (CatalogueError, DepthError) as error:
            plan = no_plan(material, str(error))
            results[number] = {"plan": plan.model_dump(mode="json"), "difference": None}
            continue
        found.append((number, material, inputs, chosen))
    statistics = None
    if found:
        network = plan_network(
            [inputs for _, _, inputs, _ in found], make=make, deadline_s=deadline_s
        )
        statistics = network.statistics.model_dump(mode="json")
        for (number, material, inputs, chosen), plan in zip(found, network.plans, strict=True):
            done = finish(plan, inputs, chosen)
            results[number] = _checked(done, material, inputs, members[number].get("previous"))
    return {"plans": results, "statistics": statistics}


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


def network_job(values: dict[str, Any]) -> dict[str, Any]:
    """`network_task` with its arguments in one mapping."""
    return network_task(**values)

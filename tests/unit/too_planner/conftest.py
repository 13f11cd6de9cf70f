"""Telescopes, maps and helpers for the planner's pure code."""

from datetime import UTC, datetime

import pytest
from too_common.astro.cone import cone_skymap
from too_common.astro.skymap import SkyMap
from too_planner import fieldgrid, planning
from too_planner import telescope as definitions
from too_planner.coverage import Points
from too_planner.request import PlanRequest, resolve
from too_planner.telescope import TelescopeDefinition

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def telescopes() -> dict[str, TelescopeDefinition]:
    return definitions.read_definitions(definitions.BUILT_IN)


@pytest.fixture(scope="session")
def skymap() -> SkyMap:
    return cone_skymap(115.0, 10.0, 5.0, 0.9)


@pytest.fixture(scope="session")
def points(skymap) -> Points:
    return Points.of_map(skymap, 9)


def grid_of(telescope: TelescopeDefinition) -> fieldgrid.FieldGrid | None:
    name = telescope.grid.file
    return None if name is None else fieldgrid.load_grid(fieldgrid.BUILT_IN / name)


def inputs_for(
    telescope: TelescopeDefinition, points: Points | None, *, now: datetime = NOW, **values
) -> planning.Inputs:
    """Inputs of a plan with a person's values."""
    values.setdefault("telescope", telescope.name)
    parameters = resolve(PlanRequest.model_validate(values), telescope, now=now)
    grid = grid_of(telescope)
    assert grid is not None
    chosen = grid.select(parameters.field_sets)
    if parameters.field_ids is not None:
        chosen = grid.take(grid.indices_of(list(parameters.field_ids)))
    return planning.Inputs(
        telescope=telescope,
        footprint=planning.footprint_of(telescope, grid),
        parameters=parameters,
        targets=planning.targets_of_grid(chosen),
        points=points,
        structures=16,
    )

"""Plans of the planner benchmark's scenarios on the command line."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from too_planner.cli_words import words_of
from too_planner.plan import Plan


def plan_scenario(
    skymap: Path,
    scenario: Path,
    base: Path,
    *,
    objective: str | None,
    deadline_s: float | None,
    free_pointing: bool,
    catalogue: Path | None,
    seed: int | None = None,
) -> tuple[Plan, dict[str, Any]]:
    """Make the plan of a scenario and its schedule.

    Raises
    ------
    typer.BadParameter
        If the scenario cannot be read or meant.
    """
    from too_planner import planning
    from too_planner import scenario as scenarios

    if objective not in {None, "seq", "any"}:
        raise typer.BadParameter("the objective is seq or any")
    try:
        content = _read(scenario)
        inputs = scenarios.inputs_of(content, base, skymap.read_bytes(), objective)
        if deadline_s is not None and hasattr(inputs, "deadline_s"):
            inputs = replace(inputs, deadline_s=deadline_s)
        if seed is not None:
            changed = inputs.parameters.model_copy(update={"seed": seed})
            inputs = replace(inputs, parameters=changed)
        if free_pointing or catalogue is not None:
            grid = scenarios.grid_of(content, base) if catalogue is None else None
            inputs = _retargeted(inputs, catalogue, grid)
    except KeyError as error:
        raise typer.BadParameter(f"{scenario.name}: {error} is missing") from error
    except ValueError as error:
        raise typer.BadParameter(f"{scenario.name}: {words_of(error)}") from error
    except (OSError, TypeError) as error:
        raise typer.BadParameter(f"{scenario.name}: {error}") from error
    plan = planning.make_plan(inputs)
    schedule = scenarios.schedule_of(plan)
    if free_pointing or catalogue is not None:
        for row in schedule["exposures"]:
            row.pop("field_id", None)
    return plan, schedule


def _read(scenario: Path) -> Any:
    try:
        return json.loads(scenario.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: line {error.lineno}: {error.msg}") from error
    except UnicodeDecodeError as error:
        raise ValueError("not UTF-8 text") from error


def _retargeted(inputs: Any, catalogue: Path | None, grid: Any) -> Any:
    """The same request with pointings off the grid: free ones (and the grid's), or galaxies."""
    from too_planner.targets import choose_targets
    from too_planner.telescope import Strategy

    strategy = Strategy.FREE if catalogue is None else Strategy.GALAXIES
    parameters = inputs.parameters.model_copy(update={"strategy": strategy, "centred": True})
    chosen = choose_targets(
        inputs.telescope,
        parameters,
        grid=grid,
        footprint=inputs.footprint,
        points=inputs.points,
        skymap=inputs.skymap,
        catalogue_path=catalogue,
    )
    return replace(
        inputs,
        parameters=parameters,
        targets=chosen.targets,
        weight_points=chosen.weight_points,
        notes=inputs.notes + chosen.notes,
    )

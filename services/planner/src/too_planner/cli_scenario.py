"""Plans of the planner benchmark's scenarios on the command line."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from too_planner.cli_words import words_of
from too_planner.plan import Plan

_FIELDS_HOLD_MORE = "the fields of the grid hold more together than the free pointings found"


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
        fields = inputs
        if free_pointing or catalogue is not None:
            inputs = _retargeted(inputs, catalogue, scenarios.grid_of(content, base))
    except KeyError as error:
        raise typer.BadParameter(f"{scenario.name}: {error} is missing") from error
    except ValueError as error:
        raise typer.BadParameter(f"{scenario.name}: {words_of(error)}") from error
    except (OSError, TypeError) as error:
        raise typer.BadParameter(f"{scenario.name}: {error}") from error
    plan = _planned(inputs, fields)
    schedule = scenarios.schedule_of(plan)
    if free_pointing or catalogue is not None:
        for row in schedule["exposures"]:
            row.pop("field_id", None)
    return plan, schedule


def _planned(inputs: Any, fields: Any) -> Plan:
    """The plan; with free pointings not a worse one than that of the grid's fields."""
    from too_planner import planning
    from too_planner.telescope import Strategy

    plan = planning.make_plan(inputs)
    if inputs.parameters.strategy is not Strategy.FREE:
        return plan
    return _better(plan, planning.make_plan(fields))


def _better(free: Plan, fields: Plan) -> Plan:
    """The plan that holds more; the fields' own places may be pointed at freely as well.

    A search among many overlapping places does not always find that those of the grid, which need
    shorter slews, hold more together. What bounds free pointings bounds both.
    """

    def worth(plan: Plan) -> float:
        several = len(plan.parameters.filters) > 1
        found = plan.statistics
        return found.probability_sequence if several else found.probability

    if worth(fields) <= worth(free):
        return free
    bound = free.bound
    if bound is not None and bound.value > 0:
        bound = bound.model_copy(update={"share": round(worth(fields) / bound.value, 5)})
    return fields.model_copy(
        update={
            "parameters": free.parameters,
            "bound": bound,
            "notes": (*free.notes, _FIELDS_HOLD_MORE),
            "compute_s": round(free.compute_s + fields.compute_s, 3),
        }
    )


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
        grid=grid if catalogue is None else None,
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

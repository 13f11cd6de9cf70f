"""`too plan --skymap MAP ...`: plans on the command line, without any server.

Either for one of the known telescopes (``--telescope ZTF --start T --end T``) or for a scenario of
the planner benchmark (``--scenario S.json --base FOLDER``). Metrics go to standard output as JSON.
"""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from too_planner.plan import Plan

app = typer.Typer(help="Make and show plans", invoke_without_command=True, no_args_is_help=True)


@app.callback(invoke_without_command=True)
def plan_skymap(
    context: typer.Context,
    *,
    skymap: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="sky map (FITS)")
    ] = None,
    telescope: Annotated[str | None, typer.Option(help="name, e.g. ZTF")] = None,
    start: Annotated[datetime | None, typer.Option(help="begin of the window, UTC")] = None,
    end: Annotated[datetime | None, typer.Option(help="end of the window, UTC")] = None,
    scenario: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="benchmark scenario (JSON)")
    ] = None,
    base: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="folder of its file names")
    ] = None,
    objective: Annotated[str | None, typer.Option(help="seq or any; default: as it says")] = None,
    out: Annotated[
        Path | None, typer.Option(help="the plan: .json, or .csv; a scenario's schedule: .json")
    ] = None,
    telescopes: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="more telescope files")
    ] = None,
    catalogue: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="galaxy snapshot (.npy)")
    ] = None,
    filters: Annotated[str | None, typer.Option(help="sequence, e.g. 'g r g'")] = None,
    exposure_s: Annotated[str | None, typer.Option(help="one for all or one per filter")] = None,
    gap_s: Annotated[float | None, typer.Option(help="between two visits of a field")] = None,
    airmass: Annotated[float | None, typer.Option(help="largest airmass")] = None,
    probability: Annotated[float | None, typer.Option(help="stop when so much is covered")] = None,
    max_fields: Annotated[int | None, typer.Option(help="at most so many fields")] = None,
    sets: Annotated[str | None, typer.Option(help="field sets, e.g. 'primary secondary'")] = None,
    seed: Annotated[int, typer.Option(help="of the search")] = 1,
) -> None:
    """Plan a sky map without any server (or use one of the commands)."""
    if context.invoked_subcommand is not None:
        return
    if skymap is None:
        raise typer.BadParameter("name a sky map: --skymap MAP")
    began = time.perf_counter()
    if scenario is not None:
        plan, written = _scenario(skymap, scenario, base or scenario.parent, objective)
    else:
        if telescope is None:
            raise typer.BadParameter("name a telescope (--telescope ZTF) or a --scenario")
        values = {
            "telescope": telescope,
            "filters": _words(filters),
            "exposure_times_s": _numbers(exposure_s),
            "min_gap_s": gap_s,
            "airmass_max": airmass,
            "probability": probability,
            "max_fields": max_fields,
            "field_sets": _words(sets),
            "seed": seed,
        }
        plan = _telescope(skymap, values, _window(start, end), telescopes, catalogue)
        written = plan.model_dump(mode="json")
    if out is not None:
        _write(out, plan, written)
    typer.echo(json.dumps(_metrics(plan, time.perf_counter() - began), indent=1))
    if not plan.exposures:
        raise typer.Exit(3)


def _words(text: str | None) -> list[str] | None:
    return text.replace(",", " ").split() if text else None


def _numbers(text: str | None) -> list[float] | None:
    words = _words(text)
    try:
        return [float(word) for word in words] if words else None
    except ValueError as error:
        raise typer.BadParameter(f"not numbers: {text}") from error


def _window(start: datetime | None, end: datetime | None) -> list[dict[str, datetime]]:
    from datetime import timedelta

    begin = (start or datetime.now(UTC)).replace(tzinfo=UTC)
    finish = end.replace(tzinfo=UTC) if end else begin + timedelta(hours=24)
    if finish <= begin:
        raise typer.BadParameter("the window ends before it begins, or has no length")
    return [{"begin": begin, "end": finish}]


def _scenario(
    skymap: Path, scenario: Path, base: Path, objective: str | None
) -> tuple["Plan", dict[str, Any]]:
    from too_planner import planning
    from too_planner import scenario as scenarios

    if objective not in {None, "seq", "any"}:
        raise typer.BadParameter("the objective is seq or any")
    try:
        content = json.loads(scenario.read_text(encoding="utf-8"))
        inputs = scenarios.inputs_of(content, base, skymap.read_bytes(), objective)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise typer.BadParameter(f"{scenario.name}: {type(error).__name__}: {error}") from error
    plan = planning.make_plan(inputs)
    return plan, scenarios.schedule_of(plan)


def _telescope(
    skymap: Path,
    values: dict[str, Any],
    windows: list[dict[str, datetime]],
    telescopes: Path | None,
    catalogue: Path | None,
) -> "Plan":
    from datetime import timedelta

    from too_planner import fieldgrid, tasks
    from too_planner import telescope as definitions
    from too_planner.plan import Plan
    from too_planner.request import PlanRequest, resolve
    from too_planner.telescope import Strategy

    folders = [definitions.BUILT_IN, *([telescopes] if telescopes else [])]
    try:
        known = definitions.read_definitions(*folders)
        definition = known.get(values["telescope"])
        if definition is None:
            raise typer.BadParameter(
                f"unknown telescope {values['telescope']}; there are {', '.join(known)}"
            )
        # nothing here is in the past: a plan for any night may be computed
        now = windows[0]["begin"] - timedelta(seconds=2)
        request = PlanRequest.model_validate({**values, "windows": windows})
        parameters = resolve(request, definition, now=now)
        if parameters.strategy is Strategy.GALAXIES and catalogue is None:
            raise typer.BadParameter(f"{definition.name} looks at galaxies: --catalogue FILE")
        path = None
        if definition.grid.file is not None:
            own = telescopes / definition.grid.file if telescopes else None
            path = own if own and own.is_file() else fieldgrid.BUILT_IN / definition.grid.file
        result = tasks.plan_task(
            definition=definition.model_dump(mode="json"),
            parameters=parameters.model_dump(mode="json"),
            grid_path=str(path) if path else None,
            map_path=str(skymap),
            map_sha256=None,
            catalogue_path=str(catalogue) if catalogue else None,
            references=None,
            previous=None,
        )
    except ValueError as error:
        # pydantic's errors, bad maps, bad files: the message says what and where
        raise typer.BadParameter(str(error)) from error
    return Plan.model_validate(result["plan"])


def _write(out: Path, plan: "Plan", written: dict[str, Any]) -> None:
    if out.suffix == ".csv":
        from too_planner.table import exposures_csv

        out.write_text(exposures_csv(plan), encoding="utf-8")
        return
    out.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


def _metrics(plan: "Plan", wall_s: float) -> dict[str, Any]:
    return {
        "telescope": plan.telescope,
        **plan.statistics.model_dump(mode="json"),
        "cuts": [cut.model_dump(mode="json") for cut in plan.cuts],
        "failure": plan.failure,
        "notes": list(plan.notes),
        "compute_s": plan.compute_s,
        "wall_s": round(wall_s, 3),
    }

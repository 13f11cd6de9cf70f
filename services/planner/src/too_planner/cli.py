"""`too plan --skymap MAP ...`: plans on the command line, without any server.

Either for known telescopes (``--telescope ZTF --start T --end T``) or for a scenario of the
planner benchmark (``--scenario S.json --base FOLDER``). Metrics go to standard output as JSON.
"""

import json
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from too_planner import cli_compare, cli_observability, cli_pointings
from too_planner.cli_words import magnitudes_of, numbers_of, windows_of, words, words_of

if TYPE_CHECKING:
    from too_common.contracts.planner import NetworkStatistics

    from too_planner.plan import Plan

app = typer.Typer(help="Make and show plans", invoke_without_command=True, no_args_is_help=True)

NOTHING_TO_OBSERVE = 3
"""Exit status: the request is good, but nothing can be observed."""

_File = {"exists": True, "dir_okay": False}
_TELESCOPES, _REQUEST = "Telescope and window", "What is asked for"
_SEEN, _DEPTH, _BENCH = "What counts as seen", "A target that has to be seen", "Benchmark"


@app.callback(invoke_without_command=True)
def plan_skymap(
    context: typer.Context,
    *,
    skymap: Annotated[Path | None, typer.Option(**_File, help="sky map (FITS)")] = None,
    telescope: Annotated[
        list[str] | None,
        typer.Option(
            help="name, e.g. ZTF; several share the sky (repeat the option)",
            rich_help_panel=_TELESCOPES,
        ),
    ] = None,
    telescopes: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="folder with telescope files of one's own",
            rich_help_panel=_TELESCOPES,
        ),
    ] = None,
    start: Annotated[
        datetime | None,
        typer.Option(help="begin, UTC; default: now", rich_help_panel=_TELESCOPES),
    ] = None,
    end: Annotated[
        datetime | None,
        typer.Option(help="end, UTC; default: 24 h after the begin", rich_help_panel=_TELESCOPES),
    ] = None,
    window: Annotated[
        list[str] | None,
        typer.Option(
            help="BEGIN/END, UTC, instead of start and end; repeat for several",
            rich_help_panel=_TELESCOPES,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="the plan: .ecsv, .csv, .json, .geojson (tiles), .fits (MOC); several telescopes: "
            "their names are put before the suffix; a scenario's schedule: .json"
        ),
    ] = None,
    filters: Annotated[
        str | None, typer.Option(help="sequence, e.g. 'g r g'", rich_help_panel=_REQUEST)
    ] = None,
    exposure_s: Annotated[
        str | None,
        typer.Option(help="one for all or one per filter", rich_help_panel=_REQUEST),
    ] = None,
    gap_s: Annotated[
        float | None,
        typer.Option(help="least time between two visits of a field", rich_help_panel=_REQUEST),
    ] = None,
    filter_order: Annotated[
        str | None,
        typer.Option(
            help="block: many fields per filter; integrated: all filters of a field at once",
            rich_help_panel=_REQUEST,
        ),
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            help="seq: the whole sequence counts (default); any: sky seen once counts",
            rich_help_panel=_REQUEST,
        ),
    ] = None,
    balanced: Annotated[
        bool,
        typer.Option(help="only fields that get every filter", rich_help_panel=_REQUEST),
    ] = False,
    dither: Annotated[
        bool | None, typer.Option(help="two exposures a visit", rich_help_panel=_REQUEST)
    ] = None,
    airmass: Annotated[
        float | None, typer.Option(help="largest airmass", rich_help_panel=_REQUEST)
    ] = None,
    altitude: Annotated[
        float | None, typer.Option(help="lowest altitude, deg", rich_help_panel=_REQUEST)
    ] = None,
    moon: Annotated[
        float | None, typer.Option(help="least distance, deg", rich_help_panel=_REQUEST)
    ] = None,
    galactic_latitude: Annotated[
        float | None,
        typer.Option(
            help="least distance of a field's centre from the galactic plane, deg",
            rich_help_panel=_REQUEST,
        ),
    ] = None,
    sun: Annotated[
        float | None, typer.Option(help="highest altitude, deg, e.g. -18", rich_help_panel=_REQUEST)
    ] = None,
    probability: Annotated[
        float | None, typer.Option(help="stop when so much is covered", rich_help_panel=_REQUEST)
    ] = None,
    max_fields: Annotated[
        int | None, typer.Option(help="at most so many fields", rich_help_panel=_REQUEST)
    ] = None,
    field: Annotated[
        list[int] | None,
        typer.Option(help="only this field of the grid (repeatable)", rich_help_panel=_REQUEST),
    ] = None,
    keep_order: Annotated[
        bool, typer.Option(help="observe them in the order given", rich_help_panel=_REQUEST)
    ] = False,
    sets: Annotated[
        str | None,
        typer.Option(help="field sets, e.g. 'primary secondary'", rich_help_panel=_REQUEST),
    ] = None,
    primary_only: Annotated[
        bool | None,
        typer.Option(
            "--primary-only/--all-sets",
            help="the first set of fields, or all of them",
            rich_help_panel=_REQUEST,
        ),
    ] = None,
    ra: Annotated[
        str | None,
        typer.Option(help="right ascensions, hours, e.g. '22 3'", rich_help_panel=_REQUEST),
    ] = None,
    references: Annotated[
        Path | None,
        typer.Option(
            **_File,
            help="CSV of reference images (field_id, filter): only fields that have them",
            rich_help_panel=_REQUEST,
        ),
    ] = None,
    free_pointing: Annotated[
        bool,
        typer.Option(help="pointings off the grid, where allowed", rich_help_panel=_REQUEST),
    ] = False,
    catalogue: Annotated[
        Path | None,
        typer.Option(
            **_File,
            help="galaxies as targets: CSV, ECSV, FITS (columns: see the planner's README) or .npy",
            rich_help_panel=_REQUEST,
        ),
    ] = None,
    galaxy_distance: Annotated[
        str | None,
        typer.Option(help="only galaxies between, Mpc, e.g. '20 120'", rich_help_panel=_REQUEST),
    ] = None,
    fill: Annotated[
        bool, typer.Option(help="use left-over time for unseen sky", rich_help_panel=_REQUEST)
    ] = True,
    pointings: Annotated[
        list[Path] | None,
        typer.Option(
            **_File,
            help="others' pointings (CSV, ECSV, JSON, Treasure Map's form): this sky counts as "
            "seen (repeatable)",
            rich_help_panel=_SEEN,
        ),
    ] = None,
    pointings_depth: Annotated[
        float | None,
        typer.Option(help="shallower pointings do not count, mag", rich_help_panel=_SEEN),
    ] = None,
    exclude_plan: Annotated[
        list[Path] | None,
        typer.Option(
            **_File, help="leave out the sky of this plan (repeatable)", rich_help_panel=_SEEN
        ),
    ] = None,
    absolute_mag: Annotated[
        str | None,
        typer.Option(
            help="of the target, by filter, e.g. 'g=-15.5 r=-16'; without --exposure-s the "
            "exposure time is chosen too",
            rich_help_panel=_DEPTH,
        ),
    ] = None,
    distance_mpc: Annotated[
        float | None, typer.Option(help="default: the map's own", rich_help_panel=_DEPTH)
    ] = None,
    distance_err_mpc: Annotated[float, typer.Option(rich_help_panel=_DEPTH)] = 0.0,
    exposure_max_s: Annotated[
        float, typer.Option(help="longest that may be chosen", rich_help_panel=_DEPTH)
    ] = 600.0,
    deadline_s: Annotated[
        float | None, typer.Option(help="stop improving the plan after this time")
    ] = None,
    seed: Annotated[int, typer.Option(help="of the search: the same seed, the same plan")] = 1,
    scenario: Annotated[
        Path | None,
        typer.Option(
            **_File, help="scenario (JSON) instead of a telescope", rich_help_panel=_BENCH
        ),
    ] = None,
    base: Annotated[
        Path | None,
        typer.Option(
            exists=True, file_okay=False, help="folder of its file names", rich_help_panel=_BENCH
        ),
    ] = None,
) -> None:
    """Plan a sky map without any server (or use one of the commands).

    Exit status: 0 a plan was made, 2 the request cannot be meant, 3 nothing can be observed (the
    metrics say why).
    """
    if context.invoked_subcommand is not None:
        return
    if skymap is None:
        raise typer.BadParameter("name a sky map: --skymap MAP")
    began = time.perf_counter()
    if scenario is not None:
        from too_planner.cli_scenario import plan_scenario

        _refuse_beside_scenario(context)
        plan, written = plan_scenario(
            skymap,
            scenario,
            base or scenario.parent,
            objective=objective,
            deadline_s=deadline_s,
            free_pointing=free_pointing,
            catalogue=catalogue,
        )
        if out is not None:
            out.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
        _tell([plan], None, time.perf_counter() - began)
        return
    if not telescope:
        raise typer.BadParameter("name a telescope (--telescope ZTF) or a --scenario")
    values: dict[str, Any] = {
        "windows": windows_of(start, end, window),
        "filters": words(filters),
        "exposure_times_s": numbers_of(exposure_s),
        "min_gap_s": gap_s,
        "filter_order": filter_order,
        "objective": objective,
        "balanced": balanced or None,
        "dither": dither,
        "airmass_max": airmass,
        "altitude_min_deg": altitude,
        "moon_separation_min_deg": moon,
        "galactic_latitude_min_deg": galactic_latitude,
        "sun_altitude_max_deg": sun,
        "probability": probability,
        "max_fields": max_fields,
        "field_ids": field or None,
        "keep_order": keep_order,
        "field_sets": words(sets),
        "primary_grid_only": primary_only,
        "ra_slice_h": numbers_of(ra),
        "require_references": None if references is None else True,
        "strategy": _strategy(free_pointing, catalogue, telescope, telescopes),
        "galaxy_distance_mpc": numbers_of(galaxy_distance),
        "fill": fill,
        "previous_depth_min_mag": pointings_depth,
        "seed": seed,
    }
    if absolute_mag is not None:
        values["depth"] = {
            "absolute_mag": magnitudes_of(absolute_mag),
            "distance_mpc": distance_mpc,
            "distance_err_mpc": distance_err_mpc,
            "exposure_max_s": exposure_max_s,
        }
    from too_planner.cli_local import Files, make_plans, write_plan

    files = Files(
        skymap,
        telescopes,
        catalogue,
        references,
        tuple(pointings or ()),
        tuple(exclude_plan or ()),
    )
    try:
        made, statistics = make_plans(files, telescope, values, deadline_s=deadline_s)
    except ValueError as error:
        raise typer.BadParameter(words_of(error)) from error
    for item in made if out is not None else ():
        assert out is not None  # noqa: S101
        several = len(made) > 1
        name = f"{out.stem}_{item.plan.telescope}{out.suffix}" if several else out.name
        write_plan(out.with_name(name), item, skymap=skymap)
    _tell([item.plan for item in made], statistics, time.perf_counter() - began)


_WITH_SCENARIO = {
    "skymap", "scenario", "base", "out", "objective", "deadline_s", "free_pointing", "catalogue",
}  # fmt: skip


def _refuse_beside_scenario(context: typer.Context) -> None:
    """A scenario says everything itself: an option that it would not heed is a mistake."""
    for item in context.command.params:
        source = context.get_parameter_source(item.name or "")
        if item.name not in _WITH_SCENARIO and source is not None and source.name == "COMMANDLINE":
            raise typer.BadParameter(f"{item.opts[0]} does not go with --scenario, which says it")


def _strategy(
    free_pointing: bool, catalogue: Path | None, names: list[str], folder: Path | None
) -> str | None:
    """Free pointings or galaxies where they are asked for and the telescope can."""
    if free_pointing:
        return "free"
    if catalogue is None or len(names) > 1:
        return None
    from too_planner.cli_local import known_telescopes

    try:
        found = known_telescopes(folder).get(names[0])
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return "galaxies" if found is not None and found.grid.free_pointing else None


def _tell(plans: "list[Plan]", network: "NetworkStatistics | None", wall_s: float) -> None:
    """Metrics as JSON; exit status 3 if nothing at all can be observed."""
    if len(plans) == 1:
        content = _metrics(plans[0])
    else:
        content = {
            "network": None if network is None else network.model_dump(mode="json"),
            "plans": [_metrics(plan) for plan in plans],
        }
    typer.echo(json.dumps({**content, "wall_s": round(wall_s, 3)}, indent=1))
    if not any(plan.exposures for plan in plans):
        raise typer.Exit(NOTHING_TO_OBSERVE)


def _metrics(plan: "Plan") -> dict[str, Any]:
    bound = plan.model_dump(mode="json", include={"bound", "depth"})
    return {
        "telescope": plan.telescope,
        **plan.statistics.model_dump(mode="json", exclude={"costs"}),
        "bound": bound.get("bound"),
        "cuts": [cut.model_dump(mode="json") for cut in plan.cuts],
        "failure": plan.failure,
        "notes": list(plan.notes),
        "galaxy_score": plan.galaxy_score,
        "depth": bound.get("depth"),
        "compute_s": plan.compute_s,
    }


cli_compare.add_to(app)
cli_observability.add_to(app)
cli_pointings.add_to(app)

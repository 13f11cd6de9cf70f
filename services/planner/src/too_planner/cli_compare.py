"""`too plan compare A B`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from too_common.astro.footprint import Footprint

    from too_planner.compare import PlanFile


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("compare")(compare_plans)


def compare_plans(
    first: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="plan A")],
    second: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="plan B")],
    *,
    skymap: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="measure both plans on this map"),
    ] = None,
    telescope: Annotated[
        list[str] | None,
        typer.Option(help="of A and B, where the files do not say (give it once or twice)"),
    ] = None,
    telescopes: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="more telescope files")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="all numbers as JSON")] = False,
) -> None:
    """Compare two plans (JSON, CSV or ECSV): fields, area, probability, what they share.

    With --skymap both are measured on that map; else the table shows what each plan tells of its
    own map.
    """
    from too_planner.cli_words import words_of
    from too_planner.compare import compare, read_plan

    try:
        plans = (read_plan(first), read_plan(second))
        names = telescope or []
        if len(names) > 2:
            raise typer.BadParameter("there are two plans: at most two telescopes")
        cameras = [
            _camera(plan, names[min(k, len(names) - 1)] if names else None, telescopes)
            for k, plan in enumerate(plans)
        ]
        found = compare(plans[0], plans[1], (cameras[0], cameras[1]), _points(skymap))
    except ValueError as error:
        raise typer.BadParameter(words_of(error)) from error
    typer.echo(json.dumps(found, indent=1) if as_json else _table(found))


def _points(skymap: Path | None) -> Any:
    if skymap is None:
        return None
    from too_common.astro.skymap import SkyMap

    from too_planner.coverage import Points

    return Points.of_map(SkyMap.from_fits(skymap.read_bytes()))


def _camera(plan: "PlanFile", named: str | None, folder: Path | None) -> "Footprint":
    from too_planner import fieldgrid, planning
    from too_planner.cli_local import grid_path, known_telescopes

    name = plan.telescope or named
    if name is None:
        raise typer.BadParameter(f"{plan.name} does not name its telescope: --telescope NAME")
    known = known_telescopes(folder)
    if name not in known:
        raise typer.BadParameter(f"unknown telescope {name}; there are {', '.join(known)}")
    path = grid_path(known[name], folder)
    return planning.footprint_of(known[name], fieldgrid.load_grid(path) if path else None)


def _table(found: dict[str, Any]) -> str:
    a, b = found["plans"]
    rows: list[tuple[str, Any, Any]] = [
        ("file", a["file"], b["file"]),
        ("telescope", a["telescope"], b["telescope"]),
        ("map", _short(a["map_sha256"]), _short(b["map_sha256"])),
        ("fields", a["fields"], b["fields"]),
        ("exposures", _counts(a), _counts(b)),
        ("exposure time, s", f"{a['exposure_time_s']:g}", f"{b['exposure_time_s']:g}"),
        ("first exposure", a["first_exposure"], b["first_exposure"]),
        ("probability (told)", _percent(a["probability"]), _percent(b["probability"])),
        (
            "whole sequence (told)",
            _percent(a["probability_sequence"]),
            _percent(b["probability_sequence"]),
        ),
        ("bound (told)", _percent(a["bound"]), _percent(b["bound"])),
        ("area, deg2", found["area_deg2"]["first"], found["area_deg2"]["second"]),
    ]
    measured = found["probability"]
    if measured is not None:
        rows.append(
            ("probability on the map", _percent(measured["first"]), _percent(measured["second"]))
        )
        rows.append(
            (
                "seen by it alone",
                _percent(measured["only_first"]),
                _percent(measured["only_second"]),
            )
        )
    fields = found["fields"]
    rows.append(("fields only in it", len(fields["only_first"]), len(fields["only_second"])))
    texts = [tuple(str(cell if cell is not None else "-") for cell in row) for row in rows]
    widths = [max(len(row[k]) for row in texts) for k in range(3)]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in texts]
    lines.append(
        f"fields in both: {len(fields['shared'])}; area in both: "
        f"{found['area_deg2']['shared']:g} of {found['area_deg2']['both']:g} deg2"
    )
    if measured is not None:
        lines.append(
            f"together {_percent(measured['both'])}, shared {_percent(measured['shared'])}, "
            f"B - A {100 * measured['difference']:+.2f} %"
        )
    return "\n".join(line.rstrip() for line in lines)


def _short(digest: str | None) -> str | None:
    return None if digest is None else digest[:12]


def _counts(plan: dict[str, Any]) -> str:
    parts = ", ".join(f"{count} {name}" for name, count in plan["exposures_by_filter"].items())
    return f"{plan['exposures']} ({parts})" if parts else "0"


def _percent(value: float | None) -> str | None:
    return None if value is None else f"{100 * value:.2f} %"

"""`too observability`: when the sites can see a map, without any server."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("observability")(show_observability)


def show_observability(
    skymap: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="sky map (FITS)")],
    *,
    telescope: Annotated[
        list[str] | None, typer.Option(help="name (repeatable); default: all that are known")
    ] = None,
    start: Annotated[datetime | None, typer.Option(help="begin, UTC; default: now")] = None,
    hours: Annotated[float, typer.Option(min=0.1, max=72.0, help="how long")] = 24.0,
    telescopes: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="more telescope files")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="with samples for charts")] = False,
) -> None:
    """Show when each site can observe a sky map: windows of its peak, probability, airmass.

    The windows are those in which the map's peak is within the telescope's limits while it is
    dark; "probability" is what of the whole map is within the limits at some time.
    """
    from too_common.astro.skymap import SkyMap

    from too_planner.cli_local import known_telescopes
    from too_planner.cli_words import words_of
    from too_planner.coverage import Points
    from too_planner.observability import cells_of, observability

    begin = (start or datetime.now(UTC)).replace(tzinfo=UTC)
    try:
        known = known_telescopes(telescopes)
        unknown = [name for name in telescope or () if name not in known]
        if unknown:
            raise typer.BadParameter(
                f"unknown telescope {unknown[0]}; there are {', '.join(known)}"
            )
        skymap_ = SkyMap.from_fits(skymap.read_bytes())
    except ValueError as error:
        raise typer.BadParameter(words_of(error)) from error
    facts = skymap_.facts()
    cells = cells_of(Points.of_map(skymap_, 8))
    rows = [
        observability(
            known[name],
            ra_deg=facts.peak_ra_deg,
            dec_deg=facts.peak_dec_deg,
            begin=begin,
            hours=hours,
            cells=cells,
        )
        for name in telescope or sorted(known)
    ]
    if as_json:
        typer.echo(json.dumps({"facts": facts.model_dump(mode="json"), "telescopes": rows}))
        return
    typer.echo(
        f"peak at RA {facts.peak_ra_deg:.3f}, Dec {facts.peak_dec_deg:+.3f} deg; 90 % in "
        f"{facts.area90_deg2:.4g} deg2; from {begin:%Y-%m-%d %H:%M} UTC, {hours:g} h"
    )
    typer.echo(
        f"{'telescope':<14}{'probability':>12}{'best airmass':>14}  windows of the peak, UTC"
    )
    for row in rows:
        typer.echo(_line(row))


def _line(row: dict[str, Any]) -> str:
    ever = row.get("observable_ever")
    share = "-" if ever is None else f"{100 * ever:.1f} %"
    spans = [(span["begin"], span["end"]) for span in row["intervals"]]
    best = min(
        (
            sample["airmass"]
            for sample in row["samples"]
            if sample["airmass"] is not None
            and any(begin <= sample["time"] <= end for begin, end in spans)
        ),
        default=None,
    )
    windows = ", ".join(f"{begin[5:16]}/{end[5:16]}" for begin, end in spans).replace("T", " ")
    airmass = "-" if best is None else f"{best:.2f}"
    return f"{row['telescope']:<14}{share:>12}{airmass:>14}  {windows or row['reason']}"

"""``too plan``: make plans, list them, show them."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from too_common.cli.client import Api, items_of, print_json, print_table
from too_common.cli.errors import CommandError

app = typer.Typer()
_OWNER = "planner"
_POLL_S = 0.5


@app.command()
def make(
    telescope: Annotated[str, typer.Argument(help="ZTF, DECam, KPED, Gattini, GROWTH-India")],
    event: Annotated[str, typer.Argument(help="name or id of an event, e.g. S250818k")],
    *,
    begin: Annotated[datetime | None, typer.Option(help="UTC; default: now")] = None,
    end: Annotated[datetime | None, typer.Option(help="UTC; default: 24 h after")] = None,
    filters: Annotated[str | None, typer.Option(help="sequence, e.g. 'g r g'")] = None,
    exposure_s: Annotated[
        str | None, typer.Option(help="one for all or one per filter, e.g. '300'")
    ] = None,
    gap_s: Annotated[float | None, typer.Option(help="between two visits of a field")] = None,
    airmass: Annotated[float | None, typer.Option(help="largest airmass")] = None,
    probability: Annotated[float | None, typer.Option(help="stop when so much is covered")] = None,
    max_fields: Annotated[int | None, typer.Option(help="at most so many fields")] = None,
    field: Annotated[
        list[int] | None, typer.Option(help="manual plan of these fields, in order (repeatable)")
    ] = None,
    name: Annotated[str | None, typer.Option(help="of the plan")] = None,
    wait_s: Annotated[float, typer.Option(help="for the result; 0: do not wait")] = 120.0,
) -> None:
    """Make a plan; what is left out is the telescope's default."""
    api = Api()
    body: dict[str, Any] = {
        "telescope": telescope,
        "event_id": event_id_of(api, event),
        "window_begin": _utc(begin),
        "window_end": _utc(end),
        "filters": filters.replace(",", " ").split() if filters else None,
        "exposure_times_s": [float(part) for part in exposure_s.replace(",", " ").split()]
        if exposure_s
        else None,
        "min_gap_s": gap_s,
        "airmass_max": airmass,
        "probability": probability,
        "max_fields": max_fields,
        "field_ids": field,
        "name": name,
    }
    given = {key: value for key, value in body.items() if value is not None}
    row = api.post(_OWNER, "/plans/manual" if field else "/plans", given)
    deadline = time.monotonic() + wait_s
    while row["state"] == "planning":
        if time.monotonic() > deadline:
            typer.echo(f"{row['plan_id']}: still {row['state']}; see `too plan show`")
            return
        time.sleep(_POLL_S)
        row = api.get(_OWNER, f"/plans/{row['plan_id']}")
    _print(row)


def _utc(when: datetime | None) -> str | None:
    return when.replace(tzinfo=when.tzinfo or UTC).isoformat() if when else None


def event_id_of(api: Api, event: str) -> str:
    """Internal id of an event, named by that or by its mission's id in any spelling.

    Raises
    ------
    CommandError
        If there is no such event, or several.
    """
    try:
        return str(UUID(event))
    except ValueError:
        pass
    rows = items_of(api.get("ingest", "/events", native_id=event))
    if len(rows) != 1:
        names = ", ".join(f"{row['name']} ({row['id']})" for row in rows)
        raise CommandError(f"{names or 'no event'} found for {event!r}")
    return str(rows[0]["id"])


@app.command("list")
def list_plans(
    event: Annotated[str | None, typer.Argument(help="of this event alone")] = None,
) -> None:
    """List plans, newest first."""
    api = Api()
    rows = items_of(api.get(_OWNER, "/plans", event_id=event_id_of(api, event) if event else None))
    print_table(
        (
            (
                row["plan_id"],
                row["event_name"],
                row["telescope"],
                row["state"],
                row["window_begin"][:16],
                _covered(row),
                row["reason"] or "",
            )
            for row in rows
        ),
        ("plan", "event", "telescope", "state", "window", "probability", "reason"),
    )


def _covered(row: dict[str, Any]) -> str:
    covered = (row.get("statistics") or {}).get("probability")
    return f"{100 * covered:.1f} %" if covered is not None else "-"


@app.command()
def show(
    plan_id: str,
    *,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="write the exposures to this file")
    ] = None,
    document: Annotated[bool, typer.Option("--document", help="the plan's whole document")] = False,
) -> None:
    """Show a plan, its document, or its exposures as CSV."""
    api = Api()
    if csv_file is not None:
        csv_file.write_text(api.get(_OWNER, f"/plans/{plan_id}.csv"), encoding="utf-8")
        typer.echo(f"written: {csv_file}")
    elif document:
        print_json(api.get(_OWNER, f"/plans/{plan_id}/document"))
    else:
        _print(api.get(_OWNER, f"/plans/{plan_id}"))


def _print(row: dict[str, Any]) -> None:
    typer.echo(f"{row['plan_id']}  {row['telescope']}  {row['state']}  {row['reason'] or ''}")
    for name, value in (row.get("statistics") or {}).items():
        typer.echo(f"  {name:<28} {value}")
    for note in row.get("notes") or ():
        typer.echo(f"  {note}")

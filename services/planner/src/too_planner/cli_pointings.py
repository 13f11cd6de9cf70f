"""`too plan list-pointings`: tell the marshal where others have looked."""

from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("list-pointings")(list_pointings)


def list_pointings(
    event: Annotated[str, typer.Argument(help="name or id of an event, e.g. S250818k")],
    file: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False, help="CSV, ECSV or JSON, also as the Treasure Map gives it"
        ),
    ],
    *,
    source: Annotated[str, typer.Option(help="who lists them; a new list replaces the old")] = (
        "file"
    ),
) -> None:
    """Enter others' pointings on an event; plans with credit_others leave that sky out.

    Every row says how much it sees: radius_deg, side_deg, or an instrument that is known.
    """
    from too_common.cli.client import Api
    from too_common.cli.plan import event_id_of

    from too_planner.cli_local import known_telescopes
    from too_planner.pointings_file import PointingsError, read_pointings

    try:
        rows = read_pointings(file, known_telescopes(None))
    except PointingsError as error:
        raise typer.BadParameter(str(error)) from error
    api = Api()
    done = api.request(
        "PUT",
        "queue-submit",
        f"/events/{event_id_of(api, event)}/foreign-pointings/{source}",
        body={"pointings": [row.model_dump(mode="json") for row in rows]},
    )
    typer.echo(f"{done['source']}: {done['pointings']} pointings")

"""``too projections``: readers' copies of what the owners know."""

from typing import Annotated

import typer

from too_common.cli.client import OperatorApi, print_table
from too_common.settings import SERVICES

app = typer.Typer()


@app.callback()
def group() -> None:
    """Readers' copies of what the owners know."""


@app.command()
def rebuild(
    services: Annotated[
        list[str] | None, typer.Argument(help="readers to fill; all if left out")
    ] = None,
    owner: Annotated[
        list[str] | None, typer.Option("--from", help="from this owner alone (repeatable)")
    ] = None,
) -> None:
    """Fill readers from the snapshots of the owners; what they know already stays."""
    rows = []
    for service in services or SERVICES:
        done = OperatorApi(service).post("/projections/rebuild", params={"owner": owner or []})
        for name, counts in done.items():
            said = ", ".join(f"{number} {word}" for word, number in counts.items())
            rows.append((service, name, said or "nothing"))
    print_table(rows, ("reader", "owner", "items"))

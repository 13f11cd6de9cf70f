"""``too dlq``: messages that could not be handled, per service."""

import base64
from typing import Annotated, Any

import typer

from too_common.cli.client import OperatorApi, print_json, print_table
from too_common.cli.errors import CommandError
from too_common.settings import SERVICES

app = typer.Typer()
_Service = Annotated[
    str | None, typer.Option("--service", "-s", help="of this service alone", show_default="all")
]


def _find(message_id: str, service: str | None) -> tuple[OperatorApi, dict[str, Any]]:
    for name in [service] if service else SERVICES:
        api = OperatorApi(name)
        for row in api.get("/dlq", state="all", limit=1000):
            if str(row["id"]).startswith(message_id) or str(row["id"]).endswith(message_id):
                return api, row
    raise CommandError(f"no parked message {message_id}")


@app.command("list")
def list_messages(
    service: _Service = None,
    state: Annotated[str, typer.Option(help="parked, replayed, discarded or all")] = "parked",
) -> None:
    """List parked messages, oldest first; `behind` waits for one before it."""
    rows: list[dict[str, Any]] = []
    for name in [service] if service else SERVICES:
        rows += OperatorApi(name).get("/dlq", state=state)
    print_table(
        (
            (
                row["id"],
                row["service"],
                row["parked_at"][:19],
                row["type"],
                row["key"],
                row["state"] + (", behind" if row["is_behind"] else ""),
                row["reason"].splitlines()[0][:80] if row["reason"] else "",
            )
            for row in rows
        ),
        ("id", "service", "parked at", "type", "key", "state", "reason"),
    )


@app.command()
def show(
    message_id: str,
    service: _Service = None,
    *,
    raw: Annotated[bool, typer.Option("--raw", help="its bytes alone, as they came")] = False,
) -> None:
    """Show one parked message."""
    api, row = _find(message_id, service)
    detail = api.get(f"/dlq/{row['id']}")
    if raw:
        typer.echo(base64.b64decode(detail["raw_base64"]), nl=False)
    else:
        print_json(detail)


@app.command()
def replay(message_id: str, service: _Service = None) -> None:
    """Handle a parked message again, and those behind it, in order."""
    api, row = _find(message_id, service)
    answer = api.post(f"/dlq/{row['id']}/replay")
    typer.echo(f"{answer['handled']} handled")


@app.command()
def discard(
    message_id: str,
    service: _Service = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Give a parked message up for good."""
    api, row = _find(message_id, service)
    if not yes:
        typer.confirm(f"Discard {row['type']} of {row['key']} at {row['service']}?", abort=True)
    api.post(f"/dlq/{row['id']}/discard")
    typer.echo("discarded")

"""``too clock``: the stack clock of the simulated world."""

import os
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from too_common.cli.client import Api, ask, layout
from too_common.cli.errors import CommandError

app = typer.Typer()
_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _request(method: str, path: str = "", body: Any = None) -> Any:
    import httpx

    url = os.environ.get("TOO_STACK_CLOCK_URL") or f"{layout().simulators_url}/control/clock"
    with httpx.Client(timeout=30.0, trust_env=False) as http:
        return ask(http, method, url + path, json=body)


def _show(reading: dict[str, Any]) -> None:
    stack = datetime.fromisoformat(reading["stack_time"])
    wall = datetime.fromisoformat(reading["wall_time"])
    ahead_h = (stack - wall).total_seconds() / 3600.0
    typer.echo(
        f"{stack.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, {ahead_h:.2f} h ahead of the machine, "
        f"speed {reading['speed']:g}"
    )


def seconds_of(text: str) -> float:
    """A duration such as ``90s``, ``15m``, ``2.5h`` or ``1d``, in seconds."""
    unit = _UNITS_S.get(text[-1:])
    try:
        return float(text[:-1]) * unit if unit else float(text)
    except ValueError:
        raise CommandError(f"cannot read the duration {text!r}; like 90s, 15m, 2.5h, 1d") from None


@app.command()
def show() -> None:
    """Show the stack's time."""
    _show(_request("GET"))


@app.command()
def advance(by: Annotated[str, typer.Argument(help="90s, 15m, 2.5h, 1d")]) -> None:
    """Move the clock forward."""
    _show(_request("POST", body={"advance_s": seconds_of(by)}))


@app.command()
def to(when: Annotated[datetime, typer.Argument(help="UTC, never before now")]) -> None:
    """Move the clock forward to a time."""
    aware = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    _show(_request("POST", body={"to": aware.isoformat()}))


@app.command()
def speed(
    factor: Annotated[float, typer.Argument(min=0.0, help="stack seconds per second")],
) -> None:
    """Let the clock run faster (or stand still, with 0)."""
    _show(_request("POST", body={"speed": factor}))


@app.command("next-window")
def next_window() -> None:
    """Move the clock to the next window of what is planned or queued."""
    before = Api().get("vetting-api", "/clock")
    after = Api().post("vetting-api", "/clock", {"to_next_window": True})
    typer.echo(f"{before.get('next_jump_reason') or 'the next window'}:")
    _show(after)

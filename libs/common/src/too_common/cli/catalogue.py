"""``too catalogue``: galaxy catalogues."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from too_common.cli.client import Api, ask, print_table
from too_common.cli.errors import CommandError

app = typer.Typer()
_OWNER = "vetting-api"
_FORMATS = ("openngc", "clu", "nedlvs", "gladeplus")
_CHUNK = 1 << 20


@app.command("list")
def list_catalogues() -> None:
    """List loaded catalogues."""
    rows: list[dict[str, Any]] = Api().get(_OWNER, "/catalogues")
    print_table(
        (
            (row.get("name"), row.get("version"), row.get("rows"), str(row.get("sha256"))[:12])
            for row in rows
        ),
        ("name", "version", "galaxies", "hash"),
    )


@app.command()
def load(
    format_name: Annotated[str, typer.Argument(metavar="FORMAT", help=", ".join(_FORMATS))],
    file: Annotated[
        Path | None,
        typer.Argument(help="the catalogue's public file", exists=True, dir_okay=False),
    ] = None,
    *,
    version: Annotated[str | None, typer.Option(help="as shown to people")] = None,
) -> None:
    """Load a catalogue from its public file; `openngc` alone comes with the program."""
    if format_name not in _FORMATS:
        raise CommandError(f"no format {format_name!r}; there are {', '.join(_FORMATS)}")
    if file is None and format_name != _FORMATS[0]:
        raise CommandError(f"{format_name} needs its file")
    api = Api()
    params = {"format": format_name, **({"version": version} if version else {})}
    answer = ask(
        api.http,
        "POST",
        f"/api/{_OWNER}/v1/catalogues",
        params=params,
        content=b"" if file is None else _pieces(file),
        headers={"Content-Type": "application/octet-stream"},
    )
    size = f" ({answer['bytes_received']} bytes)" if file is not None else ""
    typer.echo(f"loading {format_name}{size}; `too catalogue list` shows it when it is read")


def _pieces(file: Path) -> Iterator[bytes]:
    """The file in pieces: catalogues have some gigabytes."""
    with file.open("rb") as source:
        while piece := source.read(_CHUNK):
            yield piece

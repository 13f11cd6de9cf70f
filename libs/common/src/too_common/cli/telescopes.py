"""``too telescopes``: definitions, grids and references."""

import base64
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from too_common.cli.client import Api, print_json, print_table
from too_common.cli.errors import CommandError

app = typer.Typer()
_OWNER = "planner"
_FIELD_COLUMNS = ("field_id", "field", "fieldid", "id")
_FILTER_COLUMNS = ("filter", "filtercode", "fid", "band")
_ZTF_FILTER_IDS = {"1": "g", "2": "r", "3": "i"}


@app.command("list")
def list_telescopes() -> None:
    """List telescopes with their grids."""
    rows: list[dict[str, Any]] = Api().get(_OWNER, "/telescopes")
    print_table(
        (
            (
                row["name"],
                row["revision"],
                row["source"],
                _fields(row.get("grid_info")),
                "loaded" if row["references_loaded"] else "-",
                row.get("provisional") or "",
            )
            for row in rows
        ),
        ("name", "revision", "source", "fields", "references", "provisional"),
    )


def _fields(info: dict[str, Any] | None) -> str:
    sets = (info or {}).get("sets") or {}
    return ", ".join(f"{name} {count}" for name, count in sets.items()) or "-"


@app.command()
def show(name: str) -> None:
    """Show a telescope's definition."""
    print_json(Api().get(_OWNER, f"/telescopes/{name}")["definition"])


@app.command("import")
def import_telescope(
    definition: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="YAML file")],
    grid: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="grid: CSV (field_id, ra_deg, dec_deg, set) or compact; else the one there is",
        ),
    ] = None,
) -> None:
    """Enter a telescope, or replace one; its file does not replace it any more."""
    import yaml

    try:
        text = definition.read_text(encoding="utf-8")
        content = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CommandError(f"{definition}: {error}") from error
    if not isinstance(content, dict) or not content.get("name"):
        raise CommandError(f"{definition}: a telescope file has a name")
    # the text itself, so that what is wrong is told with its line
    body: dict[str, Any] = {"text": text}
    if grid is not None:
        body["grid_base64"] = base64.b64encode(grid.read_bytes()).decode()
    row = Api().request("PUT", _OWNER, f"/telescopes/{content['name']}", body=body)
    typer.echo(f"{row['name']}: revision {row['revision']}")


@app.command("import-references")
def import_references(
    name: str,
    file: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False, help="CSV with the columns field_id and filter"
        ),
    ],
) -> None:
    """Replace the list of a telescope's reference images."""
    references = list(read_references(file))
    done = Api().post(_OWNER, f"/telescopes/{name}/references", {"references": references})
    typer.echo(f"{done['telescope']}: {done['references']} references")


def read_references(file: Path) -> Iterator[dict[str, str]]:
    """Field and filter of each row of a CSV; ZTF's numbers of filters are understood.

    Raises
    ------
    CommandError
        If a column is missing, or a row is incomplete.
    """
    with file.open(encoding="utf-8-sig", newline="") as source:
        reader = csv.DictReader(source, skipinitialspace=True)
        names = {(column or "").strip().lower(): column for column in reader.fieldnames or ()}
        field_column = next((names[name] for name in _FIELD_COLUMNS if name in names), None)
        filter_column = next((names[name] for name in _FILTER_COLUMNS if name in names), None)
        if field_column is None or filter_column is None:
            raise CommandError(
                f"{file}: the columns field_id and filter are needed; there are "
                f"{', '.join(reader.fieldnames or ()) or 'none'}"
            )
        for number, row in enumerate(reader, start=2):
            field_id = (row[field_column] or "").strip()
            band = (row[filter_column] or "").strip()
            if not field_id or not band:
                raise CommandError(f"{file}: line {number} has no field or no filter")
            yield {"field_id": field_id, "filter": _ZTF_FILTER_IDS.get(band, band)}

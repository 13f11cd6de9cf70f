"""Pointings from files: others' (as the Treasure Map lists them, or a table), and plans of ours.

Text tables (CSV, ECSV) need ``ra_deg`` and ``dec_deg`` (or ``ra``, ``dec``) and may have
``radius_deg`` or ``side_deg``, ``filter`` (``band``), ``depth_mag`` (``depth``), ``at`` (``time``,
``start``), ``instrumentid``. JSON is a list of such objects, or an object with ``pointings`` or
``exposures``; ``position`` may be ``POINT (ra dec)``. Cancelled pointings are left out. A row
without a measure has the field of view of its instrument if that is known by its Treasure Map
number, else that of the telescope that is planned for.
"""

import csv
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from too_planner.asked import Pointing
from too_planner.telescope import TelescopeDefinition

_POINT = re.compile(r"POINT\s*\(\s*([-+.\deE]+)\s+([-+.\deE]+)\s*\)")
_NAMES: dict[str, tuple[str, ...]] = {
    "ra_deg": ("ra_deg", "ra"),
    "dec_deg": ("dec_deg", "dec"),
    "radius_deg": ("radius_deg", "radius"),
    "side_deg": ("side_deg", "side"),
    "polygon_deg": ("polygon_deg",),
    "filter": ("filter", "band"),
    "depth_mag": ("depth_mag", "depth"),
    "at": ("at", "time", "start"),
}
_UNSEEN = {"cancelled", "canceled"}


class PointingsError(ValueError):
    """A file of pointings that cannot be used; says where."""


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Rows of a text table or a JSON file.

    Raises
    ------
    PointingsError
        If it is neither.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PointingsError(f"{path.name}: {error}") from error
    if text.lstrip().startswith(("[", "{")):
        return _json_rows(text, path.name)
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        raise PointingsError(f"{path.name}: the file is empty")
    delimiter = "," if "," in lines[0] else ("\t" if "\t" in lines[0] else " ")
    return list(csv.DictReader(lines, delimiter=delimiter, skipinitialspace=True))


def _json_rows(text: str, name: str) -> list[dict[str, Any]]:
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise PointingsError(
            f"{name}, line {error.lineno}, column {error.colno}: {error.msg}"
        ) from error
    if isinstance(content, dict):
        content = content.get("pointings", content.get("exposures"))
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise PointingsError(f"{name}: a list of pointings is expected")
    return content


def read_pointings(
    path: Path, telescopes: Mapping[str, TelescopeDefinition] | None = None
) -> list[Pointing]:
    """Pointings of a file.

    Parameters
    ----------
    telescopes
        Known telescopes; those with a Treasure Map number give their field of view.

    Raises
    ------
    PointingsError
        With the number of the first row that cannot be read.
    """
    shapes = {
        definition.treasure_map_instrument_id: shape_of(definition)
        for definition in (telescopes or {}).values()
        if definition.treasure_map_instrument_id is not None
    }
    found: list[Pointing] = []
    for number, raw in enumerate(rows_of(path), start=1):
        row = {str(key).strip().lower(): value for key, value in raw.items() if key is not None}
        if str(row.get("status", "")).lower() in _UNSEEN:
            continue
        values = _values(row, path.name, number)
        if not {"radius_deg", "side_deg", "polygon_deg"} & set(values):
            instrument = _instrument(row)
            values |= {} if instrument is None else shapes.get(instrument, {})
        try:
            found.append(Pointing.model_validate(values))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise PointingsError(
                f"{path.name}, row {number}, {where or 'row'}: {first['msg']}"
            ) from error
    return found


def _values(row: Mapping[str, Any], name: str, number: int) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for wanted, aliases in _NAMES.items():
        for alias in aliases:
            value = row.get(alias)
            if value is not None and value != "":
                values[wanted] = value
                break
    place = _POINT.search(str(row.get("position", "")))
    if place is not None:
        values["ra_deg"], values["dec_deg"] = place.groups()
    for wanted in ("ra_deg", "dec_deg"):
        try:
            values[wanted] = float(values[wanted])
        except KeyError:
            raise PointingsError(f"{name}, row {number}: no {wanted} (nor ra/dec)") from None
        except (TypeError, ValueError):
            raise PointingsError(
                f"{name}, row {number}, {wanted}: not a number: {values[wanted]!r}"
            ) from None
    values["ra_deg"] %= 360.0
    if "at" in values and isinstance(values["at"], str):
        text = values["at"].strip().replace(" ", "T")
        values["at"] = text if re.search(r"(Z|[+-]\d\d:?\d\d)$", text) else f"{text}Z"
    return values


def _instrument(row: Mapping[str, Any]) -> int | None:
    try:
        return int(row.get("instrumentid") or "")
    except (TypeError, ValueError):
        return None


def shape_of(definition: TelescopeDefinition) -> dict[str, float]:
    """A telescope's field of view as a circle or a square (chips: a square of their area)."""
    model = definition.footprint
    if model.radius_deg is not None:
        return {"radius_deg": model.radius_deg}
    if model.side_deg is not None:
        return {"side_deg": model.side_deg}
    from too_planner import coverage, fieldgrid, planning

    path = fieldgrid.BUILT_IN / Path(definition.grid.file or "").name
    grid = fieldgrid.load_grid(path) if path.is_file() else None
    try:
        footprint = planning.footprint_of(definition, grid)
    except ValueError:
        return {}
    return {"side_deg": round(coverage.footprint_area_deg2(footprint) ** 0.5, 4)}


def places_of(rows: Iterable[Mapping[str, Any]]) -> list[tuple[float, float]]:
    """Different places of the exposures of a plan, in the order of their first exposure."""
    return list(dict.fromkeys((float(row["ra_deg"]), float(row["dec_deg"])) for row in rows))

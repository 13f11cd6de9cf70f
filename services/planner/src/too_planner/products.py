"""A plan's files for other programs; each says how it was made.

A product is made from the plan's document alone (and the telescope), so that the same plan gives
the same bytes at any time.
"""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from too_common.astro.footprint import Footprint

from too_planner import geojson, moc, obsloctap
from too_planner.plan import Plan
from too_planner.provenance import Provenance
from too_planner.table import COLUMNS as EXPOSURE_COLUMNS
from too_planner.telescope import TelescopeDefinition


class Product(StrEnum):
    """Files that a plan is handed on as; the value is the last part of the address."""

    ECSV = "exposures.ecsv"
    CSV = "exposures.csv"
    JSON = "plan.json"
    GEOJSON = "tiles.geojson"
    MOC_FITS = "coverage.moc.fits"
    MOC_JSON = "coverage.moc.json"
    OBSLOCTAP_ECSV = "obsloctap.ecsv"
    OBSLOCTAP_CSV = "obsloctap.csv"
    OBSLOCTAP_JSON = "obsloctap.json"


@dataclass(frozen=True)
class Kind:
    """What a product is: for links, content types and names of files."""

    title: str
    media_type: str
    ending: str


KINDS: dict[Product, Kind] = {
    Product.ECSV: Kind("Exposures, ECSV (astropy)", "text/plain; charset=utf-8", "ecsv"),
    Product.CSV: Kind("Exposures, CSV", "text/csv; charset=utf-8; header=present", "csv"),
    Product.JSON: Kind("The whole plan, JSON", "application/json", "json"),
    Product.GEOJSON: Kind("Tiles, GeoJSON", "application/geo+json", "geojson"),
    Product.MOC_FITS: Kind("Coverage, MOC 2.0 FITS", "application/fits", "moc.fits"),
    Product.MOC_JSON: Kind("Coverage, MOC 2.0 JSON", "application/json", "moc.json"),
    Product.OBSLOCTAP_ECSV: Kind(
        "IVOA ObsLocTAP rows, ECSV", "text/plain; charset=utf-8", "obsplan.ecsv"
    ),
    Product.OBSLOCTAP_CSV: Kind(
        "IVOA ObsLocTAP rows, CSV", "text/csv; charset=utf-8; header=present", "obsplan.csv"
    ),
    Product.OBSLOCTAP_JSON: Kind(
        "IVOA ObsLocTAP rows, JSON", "application/json", "obsplan.json"
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Source:
    """What a product is made from.

    Attributes
    ----------
    document
        The plan's document as it is kept.
    made_at
        When the plan was made.
    """

    plan: Plan
    document: dict[str, Any]
    telescope: TelescopeDefinition
    footprint: Footprint
    provenance: Provenance
    made_at: datetime


def make(product: Product, source: Source) -> bytes:
    """The file."""
    titled = replace(source.provenance, product=KINDS[product].title)
    return _MAKERS[product](replace(source, provenance=titled))


EXPOSURE_META: dict[str, tuple[str | None, str]] = {
    "number": (None, "1, 2, 3 ... in order of time"),
    "field_id": (None, "id in the telescope's grid, or name of the target"),
    "ra_deg": ("deg", "centre of the pointing, ICRS"),
    "dec_deg": ("deg", "centre of the pointing, ICRS"),
    "filter": (None, "filter"),
    "start": (None, "shutter opens, UTC (ISO 8601)"),
    "exposure_s": ("s", "exposure time"),
    "airmass": (None, "plane-parallel, in the middle of the exposure"),
    "visit": (None, "1 for the field's first visit"),
    "dither": (None, "0, or 1 for the offset exposure of a visit"),
    "probability": (None, "of the map inside the field"),
}
"""Unit and meaning of each column of a plan's exposures."""


def _ecsv(
    rows: list[dict[str, Any]],
    columns: list[tuple[str, str | None, str]],
    meta: dict[str, Any],
) -> bytes:
    """A table that astropy reads with its units, its types and its meta data.

    ECSV 1.0 (Astropy Proposal for Enhancement 6): a YAML header in comments, then CSV.
    """
    import yaml

    described: list[dict[str, Any]] = []
    for name, unit, words in columns:
        kind = _datatype([row[name] for row in rows])
        item: dict[str, Any] = {"name": name}
        if unit is not None:
            item["unit"] = unit
        item |= {"datatype": kind, "description": words}
        described.append(item)
    header = {"delimiter": ",", "datatype": described, "meta": meta}
    text = yaml.safe_dump(header, sort_keys=False, allow_unicode=True, width=1000)
    lines = ["# %ECSV 1.0", "# ---", *(f"# {line}" for line in text.splitlines())]
    return "\n".join([*lines, _csv_text(rows, [name for name, _, _ in columns])]).encode()


def _datatype(values: list[Any]) -> str:
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, int) for value in known):
        return "int64"
    if known and all(isinstance(value, int | float) for value in known):
        return "float64"
    return "string" if known else "float64"


def _csv_text(rows: list[dict[str, Any]], names: list[str]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow(["" if row[name] is None else row[name] for name in names])
    return stream.getvalue()


def _exposure_rows(plan: Plan) -> list[dict[str, Any]]:
    return [row.model_dump(mode="json") for row in plan.exposures]


def _exposures_ecsv(source: Source) -> bytes:
    columns = [(name, *EXPOSURE_META[name]) for name in EXPOSURE_COLUMNS]
    meta = {
        "provenance": source.provenance.as_dict(),
        "statistics": source.plan.statistics.model_dump(mode="json"),
    }
    return _ecsv(_exposure_rows(source.plan), columns, meta)


def _exposures_csv(source: Source) -> bytes:
    # no comment lines: they are no part of RFC 4180, and spreadsheets would show them as data
    rows = [{**row, "plan_id": source.provenance.plan_id} for row in _exposure_rows(source.plan)]
    extra = {
        "event": source.provenance.event,
        "map_sha256": source.provenance.map_sha256,
        "telescope": source.provenance.telescope,
        "telescope_revision": source.provenance.telescope_revision,
        "engine": source.provenance.engine,
        "made_at": source.provenance.plan_made_at,
    }
    names = [*EXPOSURE_COLUMNS, "plan_id", *extra]
    return _csv_text([{**row, **extra} for row in rows], names).encode()


def _json(source: Source) -> bytes:
    body = {**source.document, "provenance": source.provenance.as_dict()}
    return json.dumps(body, separators=(",", ":"), sort_keys=True).encode()


def _geojson(source: Source) -> bytes:
    tiles = geojson.tiles_of(source.plan, source.footprint)
    # a foreign member, which RFC 7946 section 6.1 allows
    body = {**tiles, "provenance": source.provenance.as_dict()}
    return json.dumps(body, separators=(",", ":")).encode()


def _coverage(source: Source) -> moc.Moc:
    places = {(row.ra_deg, row.dec_deg) for row in source.plan.exposures}
    return moc.coverage_moc(source.footprint, places)


def _moc_fits(source: Source) -> bytes:
    made = source.provenance
    cards: dict[str, Any] = {
        "MOCTOOL": (made.rendered_by, "program"),
        "EXTNAME": ("COVERAGE", ""),
        "TELESCOP": (made.telescope, ""),
        "DATE": (source.made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"), "UTC"),
    }
    if made.event:
        cards["OBJECT"] = (made.event, "event")
    return moc.to_fits(_coverage(source), cards, comments=made.lines())


def _moc_json(source: Source) -> bytes:
    # the standard's object has room for orders alone: the provenance stands in the HTTP headers
    return moc.to_json(_coverage(source)).encode()


def obsplan_rows(source: Source) -> list[dict[str, Any]]:
    """Rows of ``ivoa.obsplan``."""
    made = source.provenance
    return obsloctap.rows_of(
        source.plan,
        source.telescope,
        source.footprint,
        plan_id=made.plan_id,
        target=made.event or made.plan_name,
        made_at=source.made_at,
        status=obsloctap.status_of(made.plan_state),
    )


def _obsloctap_ecsv(source: Source) -> bytes:
    meta = {"provenance": source.provenance.as_dict(), "table": "ivoa.obsplan"}
    return _ecsv(obsplan_rows(source), list(obsloctap.COLUMNS), meta)


def _obsloctap_csv(source: Source) -> bytes:
    return _csv_text(obsplan_rows(source), [name for name, _, _ in obsloctap.COLUMNS]).encode()


def _obsloctap_json(source: Source) -> bytes:
    body = {
        "table": "ivoa.obsplan",
        "columns": [
            {"name": name, "unit": unit, "description": words}
            for name, unit, words in obsloctap.COLUMNS
        ],
        "rows": obsplan_rows(source),
        "provenance": source.provenance.as_dict(),
    }
    return json.dumps(body, separators=(",", ":")).encode()


_MAKERS: dict[Product, Callable[[Source], bytes]] = {
    Product.ECSV: _exposures_ecsv,
    Product.CSV: _exposures_csv,
    Product.JSON: _json,
    Product.GEOJSON: _geojson,
    Product.MOC_FITS: _moc_fits,
    Product.MOC_JSON: _moc_json,
    Product.OBSLOCTAP_ECSV: _obsloctap_ecsv,
    Product.OBSLOCTAP_CSV: _obsloctap_csv,
    Product.OBSLOCTAP_JSON: _obsloctap_json,
}

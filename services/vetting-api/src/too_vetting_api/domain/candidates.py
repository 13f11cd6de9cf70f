"""Candidates as people and programs bring them: checks, row by row, that refuse one and not all."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from too_common.contracts.base import UtcDatetime
from too_common.contracts.vetting_api import Photometry

MJD_EPOCH = datetime(1858, 11, 17, tzinfo=UTC)
MAX_ROWS = 20_000
"""Rows of one request; more come in several."""

ALIASES = {
    "id": "name",
    "objectid": "name",
    "object_id": "name",
    "candidate": "name",
    "ra": "ra_deg",
    "raj2000": "ra_deg",
    "radeg": "ra_deg",
    "dec": "dec_deg",
    "dej2000": "dec_deg",
    "decj2000": "dec_deg",
    "decdeg": "dec_deg",
    "z": "redshift",
    "z_err": "redshift_error",
    "redshift_err": "redshift_error",
    "dist_mpc": "distance_mpc",
    "distance": "distance_mpc",
    "distmpc": "distance_mpc",
    "distance_err": "distance_error_mpc",
    "distance_err_mpc": "distance_error_mpc",
    "class": "classification",
    "type": "classification",
    "tns_name": "iau_name",
    "iau": "iau_name",
    "host": "host_name",
    "mag": "magnitude",
    "magerr": "magnitude_error",
    "mag_err": "magnitude_error",
    "e_mag": "magnitude_error",
    "filt": "filter",
    "band": "filter",
    "limit_mag": "limiting_magnitude",
    "limiting_mag": "limiting_magnitude",
    "date": "time",
    "obsdate": "time",
    "first_detection": "first_detected_at",
    "discovery_date": "first_detected_at",
    "comment": "notes",
    "group": "source",
}
"""Other spellings of columns, lower case."""

MISSING = {"", "nan", "none", "null", "-", "--", "n/a", "na"}
"""Cells that say nothing."""

_SEXAGESIMAL = re.compile(r"([+-]?)(\d{1,3})[:hd ]\s*(\d{1,2})[:m' ]\s*(\d{1,2}(?:\.\d*)?)[s\"]?")


def _sexagesimal(text: str) -> float | None:
    match = _SEXAGESIMAL.fullmatch(text.strip())
    if match is None:
        return None
    sign, whole, minutes, seconds = match.groups()
    if int(minutes) >= 60 or float(seconds) >= 60:
        raise ValueError(f"{text!r}: minutes and seconds are below 60")
    value = int(whole) + int(minutes) / 60 + float(seconds) / 3600
    return -value if sign == "-" else value


def parse_ra(value: Any) -> Any:
    """Degrees, or hours, minutes and seconds (``13:09:48.1``)."""
    if isinstance(value, str):
        hours = _sexagesimal(value)
        return value if hours is None else hours * 15.0
    return value


def parse_dec(value: Any) -> Any:
    """Degrees, or degrees, minutes and seconds (``-23:22:53``)."""
    if isinstance(value, str):
        degrees = _sexagesimal(value.replace("\u2212", "-"))
        return value if degrees is None else degrees
    return value


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("is not a finite number")
    return value


Finite = Annotated[float, AfterValidator(_finite)]


class CandidateIn(BaseModel):
    """A candidate as it is brought in. Positions are ICRS."""

    model_config = ConfigDict(str_strip_whitespace=True, extra="ignore")

    name: str = Field(min_length=1, max_length=100, description="Name within the event")
    ra_deg: Annotated[float, BeforeValidator(parse_ra), Field(ge=0, lt=360)]
    dec_deg: Annotated[float, BeforeValidator(parse_dec), Field(ge=-90, le=90)]
    event_id: UUID | None = None
    iau_name: str | None = Field(None, max_length=50)
    redshift: Annotated[Finite, Field(gt=-0.01, lt=20)] | None = None
    redshift_error: Annotated[Finite, Field(ge=0)] | None = None
    distance_mpc: Annotated[Finite, Field(gt=0)] | None = None
    distance_error_mpc: Annotated[Finite, Field(ge=0)] | None = None
    classification: str | None = Field(None, max_length=100)
    host_name: str | None = Field(None, max_length=100)
    source: str = Field("", max_length=100, description="Survey or group")
    notes: str = Field("", max_length=4000)
    first_detected_at: UtcDatetime | None = None
    photometry: list[Photometry] = Field(default_factory=list, max_length=2000)

    @model_validator(mode="after")
    def _first_detection(self) -> "CandidateIn":
        if self.first_detected_at is None:
            detections = [point.time for point in self.photometry if point.magnitude is not None]
            if detections:
                self.first_detected_at = min(detections)
        return self

    def latest_detection(self) -> Photometry | None:
        """Latest measured magnitude."""
        seen = [point for point in self.photometry if point.magnitude is not None]
        return max(seen, key=lambda point: point.time, default=None)


class RejectedRow(BaseModel):
    """A row that was not taken, and why."""

    row: int = Field(description="1 is the first row of data")
    name: str | None = None
    detail: str


def flat_to_nested(cells: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a row of a flat table into the nested form.

    Columns may have other usual names (`ALIASES`); a single magnitude with ``mjd``, ``jd`` or
    ``time`` and ``filter`` becomes one point of photometry; empty cells are left out.
    """
    row: dict[str, Any] = {}
    for key, value in cells.items():
        if value is None or (isinstance(value, str) and value.strip().lower() in MISSING):
            continue
        if isinstance(value, float) and math.isnan(value):
            continue
        name = re.sub(r"[\s\-]+", "_", str(key).strip().lower())
        row.setdefault(ALIASES.get(name, name), value)
    for name in ("name", "iau_name", "classification", "host_name", "source", "notes"):
        if name in row:
            row[name] = str(row[name])
    when = _time_of(row)
    magnitude, limit = row.pop("magnitude", None), row.pop("limiting_magnitude", None)
    error, band = row.pop("magnitude_error", None), row.pop("filter", None)
    if (magnitude is not None or limit is not None) and "photometry" not in row:
        if when is None:
            raise ValueError("a magnitude needs its time: column time, mjd or jd")
        row["photometry"] = [
            {
                "time": when,
                "filter": "" if band is None else str(band),
                "magnitude": magnitude,
                "error": error,
                "limiting_magnitude": limit,
                "instrument": str(row.get("instrument", "")),
            }
        ]
    return row


def _time_of(row: dict[str, Any]) -> datetime | str | None:
    for name, zero in (("mjd", 0.0), ("jd", 2_400_000.5)):
        if name in row:
            days = float(row.pop(name)) - zero
            if not 0 < days < 150_000:
                raise ValueError(f"{name} is out of range")
            return MJD_EPOCH + timedelta(days=days)
    value = row.pop("time", None)
    if value is None:
        return None
    text = str(value).strip().replace(" ", "T", 1)
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"time {value!r} is not in ISO form") from None
    # a table without zones is in UTC, as is usual in the field
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def checked_rows(
    rows: list[Any], *, event_id: UUID | None = None, flat: bool = False
) -> tuple[list[tuple[int, CandidateIn]], list[RejectedRow]]:
    """Check rows one by one.

    Parameters
    ----------
    rows
        Mappings, nested (JSON) or flat (table).
    event_id
        Event of the rows that do not name one.
    flat
        The rows are of a flat table.

    Returns
    -------
    tuple
        The good ones with their row numbers, and the refused ones with the reason.
    """
    good: list[tuple[int, CandidateIn]] = []
    bad: list[RejectedRow] = []
    seen: dict[tuple[UUID | None, str], int] = {}
    for number, cells in enumerate(rows, start=1):
        name = None
        if not isinstance(cells, Mapping):
            bad.append(RejectedRow(row=number, detail="is not an object"))
            continue
        try:
            row = flat_to_nested(cells) if flat else dict(cells)
            name = None if row.get("name") is None else str(row["name"])[:100]
            item = CandidateIn.model_validate(row)
        except ValidationError as error:
            bad.append(RejectedRow(row=number, name=name, detail=_words(error)))
            continue
        except (ValueError, OverflowError) as error:
            bad.append(RejectedRow(row=number, name=name, detail=str(error)))
            continue
        if item.event_id is None:
            item.event_id = event_id
        key = (item.event_id, item.name)
        if key in seen:
            detail = f"the name was given in row {seen[key]} already"
            bad.append(RejectedRow(row=number, name=name, detail=detail))
            continue
        seen[key] = number
        good.append((number, item))
    return good, bad


def _words(error: ValidationError) -> str:
    parts = []
    for item in error.errors(include_url=False):
        where = ".".join(str(part) for part in item["loc"])
        parts.append(f"{where}: {item['msg']}")
    return "; ".join(parts)[:1000]

"""Executed exposures of telescopes without a service of their own.

Gattini's database rows, and files that somebody puts into a folder (JSON or ECSV).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from too_common.contracts.queue_submit import ExecutedExposure

from too_queue_submit import sky
from too_queue_submit.telescopes.base import PayloadRow


def gattini_exposures(
    rows: Iterable[Mapping[str, Any]], targets: Sequence[PayloadRow]
) -> tuple[ExecutedExposure, ...]:
    """Stacks of Gattini: ``field, fieldseq, datebeg, limmag`` grouped by (field, fieldseq).

    The database has neither exposure time nor filter: both are those that were asked of the field,
    and a field that was not asked is left out.
    """
    asked = {row.field_id: row for row in reversed(targets) if row.field_id is not None}
    found: list[ExecutedExposure] = []
    for row in rows:
        target = asked.get(str(row["field"]))
        if target is None:
            continue
        limit = row.get("limmag")
        found.append(
            ExecutedExposure(
                exposure_id=f"{row['field']}-{row['fieldseq']}",
                field_id=str(row["field"]),
                ra_deg=target.ra_deg,
                dec_deg=target.dec_deg,
                filter=target.filter,
                start=as_utc(row["datebeg"]),
                exposure_s=target.exposure_s,
                depth_mag=None if limit is None else round(float(limit), 3),
                source="gattini_database",
            )
        )
    return tuple(found)


def as_utc(value: Any) -> datetime:
    """Time of a database or a file: datetime (naive means UTC), ISO text, JD or MJD.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, int | float):
        number = float(value)
        return sky.from_mjd(number - 2400000.5 if number > 2400000.5 else number)
    return as_utc(datetime.fromisoformat(str(value).strip()))


def file_exposures(text: str, *, ecsv: bool, external_name: str) -> tuple[ExecutedExposure, ...]:
    """Executed exposures of a file: a JSON list (or ``{"exposures": [...]}``) or an ECSV table.

    Columns are those of ``ExecutedExposure``; ``queue_name``, where given, must be ours.

    Raises
    ------
    ValueError
        With the row and the reason, if a row does not fit.
    """
    rows = _ecsv_rows(text) if ecsv else _json_rows(text)
    found: list[ExecutedExposure] = []
    for number, row in enumerate(rows, start=1):
        if row.get("queue_name") not in {None, "", external_name}:
            continue
        data = {**row, "source": str(row.get("source") or "file")}
        if data.get("field_id") is not None:
            data["field_id"] = str(data["field_id"])
        data["exposure_id"] = str(data.get("exposure_id", ""))
        try:
            data["start"] = as_utc(data["start"])
            found.append(ExecutedExposure.model_validate(data))
        except (KeyError, ValidationError) as error:
            raise ValueError(f"row {number} of executed exposures: {error}") from error
    return tuple(found)


def report_state(files: Mapping[str, bytes], external_name: str) -> str | None:
    """State that a telescope's report gives to a file of ours, if there is such a report.

    A report is a JSON object with ``name`` (ours) and ``state``.
    """
    raw = files.get(f"{external_name}.json")
    if raw is None:
        return None
    try:
        document = json.loads(raw)
    except ValueError:
        return None
    if not isinstance(document, dict) or document.get("name") != external_name:
        return None
    state = document.get("state")
    return state if isinstance(state, str) else None


def _json_rows(text: str) -> list[dict[str, Any]]:
    document = json.loads(text)
    rows = document.get("exposures") if isinstance(document, dict) else document
    if not isinstance(rows, list):
        raise ValueError("no list of executed exposures")  # noqa: TRY004 - bad content
    return rows


def _ecsv_rows(text: str) -> list[dict[str, Any]]:
    from astropy.table import Table

    table = Table.read(text.splitlines(), format="ascii.ecsv")
    return [{name: _plain(row[name]) for name in table.colnames} for row in table]


def _plain(value: Any) -> Any:
    import numpy as np

    if value is np.ma.masked:
        return None
    return value.item() if hasattr(value, "item") else value

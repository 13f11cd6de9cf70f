"""ZTF's queue objects: what the server checks, what it does not, and what it gives back."""

import csv
import importlib.util
import math
import re
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field

from too_simulators.core.store import compact_json

FILTER_LETTERS = {1: "g", 2: "r", 3: "i"}
PROTECTED = ("default", "fallback")
_REQUIRED = ("field_id", "program_id", "subprogram_name", "filter_id", "program_pi")
_DEFAULTS: dict[str, Any] = {"exposure_time": 30.0, "max_airmass": 2.5, "n_repeats": 1}
_OPTIONAL = (*_DEFAULTS, "mode_num", "ewr_num_images", "ra", "dec")
_MODE_IN_NAME = re.compile(r"\?.*\bmode_num=(\d+)")


class QueueRefusedError(ValueError):
    """The server answers 400 with this text."""


class ServerFailureError(Exception):
    """The server trips over the request: 500."""


class Row(BaseModel):
    """One target as the engine keeps it; None where an optional column was sent in part."""

    request_id: int = Field(description="The row's number: what was sent under this key is dropped")
    field_id: int
    filter_id: int
    exposure_time: float | None
    program_id: int
    program_pi: str
    max_airmass: float | None
    subprogram_name: str
    ra: float
    dec: float
    mode_num: int | None = 0
    ewr_num_images: int | None = None
    n_repeats: int | None = 1
    left: int = Field(default=1, description="How often it will still be handed out")


class Queue(BaseModel):
    """A list queue."""

    queue_name: str
    validity_window_mjd: tuple[float, float] | None
    rows: list[Row]
    is_too: bool
    planned: int = Field(default=0, description="Exposures asked for")
    submitted_at: AwareDatetime

    def valid_at(self, mjd: float) -> bool:
        """Within the window, both ends included; a queue without one is always valid."""
        if self.validity_window_mjd is None:
            return True
        return self.validity_window_mjd[0] <= mjd <= self.validity_window_mjd[1]

    def status(self, *, mjd: float, current: bool) -> dict[str, Any]:
        """The status object; the rows are JSON inside JSON."""
        window = self.validity_window_mjd
        return {
            "queue_name": self.queue_name,
            "queue_type": "list",
            "is_current": current,
            "validity_window_mjd": None if window is None else list(window),
            "is_valid": self.valid_at(mjd),
            "is_TOO": self.is_too,
            "queue": compact_json([self._row_json(row) for row in self.rows]),
        }

    def _row_json(self, row: Row) -> dict[str, Any]:
        shown = {
            "field_id": row.field_id,
            "filter_id": row.filter_id,
            "exposure_time": row.exposure_time,
            "program_id": row.program_id,
            "program_pi": row.program_pi,
            "max_airmass": row.max_airmass,
            "subprogram_name": row.subprogram_name,
            "ra": row.ra,
            "dec": row.dec,
            "ordered": True,
            "mode_num": row.mode_num,
            "n_repeats": row.left,
        }
        if row.ewr_num_images is not None:
            shown["ewr_num_images"] = row.ewr_num_images
        # the order of keys is not to be relied upon: it varies from queue to queue
        keys = list(shown)
        turn = sum(self.queue_name.encode()) % len(keys)
        return {key: shown[key] for key in keys[turn:] + keys[:turn]}


def survey_status(name: str, *, current: bool) -> dict[str, Any]:
    """Status of the two queues that are always there."""
    return {
        "queue_name": name,
        "queue_type": "greedy" if name == "default" else "list",
        "is_current": current,
        "validity_window_mjd": None,
        "is_valid": True,
        "is_TOO": False,
        "queue": "[]",
    }


@cache
def field_centres() -> dict[int, tuple[float, float]]:
    """Centres of ZTF's fields (deg, J2000) from the ``ztffields`` package's own table.

    The package itself is not imported: it brings plotting libraries.
    """
    spec = importlib.util.find_spec("ztffields")
    if spec is None or not spec.submodule_search_locations:
        return {}
    table = Path(spec.submodule_search_locations[0]) / "data" / "ztf_fields.txt"
    with table.open(encoding="utf-8", newline="") as file:
        return {
            int(line["ID"]): (float(line["RA"]), float(line["Dec"]))
            for line in csv.DictReader(file)
        }


def read_queue(body: Any, submitted_at: AwareDatetime) -> Queue:
    """Check a queue object as the server does: no more, and no less.

    Raises
    ------
    ServerFailureError
        No ``targets`` key, or not an object: the server answers 500.
    QueueRefusedError
        The server answers 400.
    """
    if not isinstance(body, dict) or "targets" not in body or "queue_name" not in body:
        raise ServerFailureError("KeyError")
    targets = body["targets"]
    if body.get("queue_type") != "list":
        raise QueueRefusedError("Only list queues can be submitted")
    if not isinstance(targets, list) or not targets:
        raise QueueRefusedError("targets is empty")
    name = str(body["queue_name"])
    rows = _rows(targets, name)
    return Queue(
        queue_name=name,
        validity_window_mjd=_window(body.get("validity_window_mjd")),
        rows=rows,
        planned=sum(max(row.left, 1) for row in rows),
        is_too=rows[0].subprogram_name.startswith("ToO"),
        submitted_at=submitted_at,
    )


def _window(value: Any) -> tuple[float, float] | None:
    if value is None:
        return None
    if not (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(end, (int, float)) and math.isfinite(end) for end in value)
    ):
        raise QueueRefusedError("validity_window_mjd must be two numbers")
    if value[0] >= value[1]:
        raise QueueRefusedError("validity window starts after it ends")
    return float(value[0]), float(value[1])


def _rows(targets: list[Any], queue_name: str) -> list[Row]:
    for number, target in enumerate(targets):
        if not isinstance(target, dict):
            raise QueueRefusedError(f"target {number} is not an object")
        for key in _REQUIRED:
            if key not in target:
                raise QueueRefusedError(f"target {number} lacks {key}")
    # a column exists if any row has it; rows without it then hold null, not the default
    columns = {key for key in _OPTIONAL if any(key in target for target in targets)}
    if ("ra" in columns) != ("dec" in columns):
        raise QueueRefusedError("ra and dec must both be given or both be absent")
    mode = _MODE_IN_NAME.search(queue_name)
    named_mode = int(mode.group(1)) if mode and "mode_num" not in columns else 0
    return [_row(number, target, columns, named_mode) for number, target in enumerate(targets)]


def _row(number: int, target: dict[str, Any], columns: set[str], named_mode: int) -> Row:
    def optional(key: str) -> Any:
        return target.get(key) if key in columns else _DEFAULTS.get(key)

    try:
        field_id, filter_id = _whole(target["field_id"]), _whole(target["filter_id"])
        ra, dec = _position(number, target, columns, field_id)
        repeats = optional("n_repeats")
        row = Row(
            request_id=number,
            field_id=field_id,
            filter_id=filter_id,
            exposure_time=optional("exposure_time"),
            program_id=_whole(target["program_id"]),
            program_pi=target["program_pi"],
            max_airmass=optional("max_airmass"),
            subprogram_name=target["subprogram_name"],
            ra=ra,
            dec=dec,
            mode_num=target.get("mode_num") if "mode_num" in columns else named_mode,
            ewr_num_images=target.get("ewr_num_images"),
            n_repeats=repeats,
            left=1 if repeats is None else repeats,
        )
    except QueueRefusedError:
        raise
    except ValueError as error:
        raise QueueRefusedError(f"target {number} has a value of a wrong type") from error
    if row.filter_id not in FILTER_LETTERS:
        raise QueueRefusedError(f"target {number}: filter_id {row.filter_id} does not exist")
    return row


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
        raise ValueError("not a whole number")
    return int(value)


def _position(
    number: int, target: dict[str, Any], columns: set[str], field_id: int
) -> tuple[float, float]:
    if "ra" not in columns:
        if field_id not in field_centres():
            raise QueueRefusedError(f"target {number}: field {field_id} does not exist")
        return field_centres()[field_id]
    ra, dec = target.get("ra"), target.get("dec")
    if not (isinstance(ra, (int, float)) and isinstance(dec, (int, float))):
        raise QueueRefusedError(f"target {number}: ra or dec is missing")
    if not (0 <= ra <= 360 and -90 <= dec <= 90):
        raise QueueRefusedError(f"target {number}: ra or dec is out of range")
    return float(ra), float(dec)

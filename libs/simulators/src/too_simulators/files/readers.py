"""The telescopes' readers: strict, as scripts at a telescope are.

No parser of Gattini, KPED and GROWTH-India is public; these take what the original writes and
refuse what it is known to have written wrongly (lists for scalars, masked times, folded columns).
"""

import csv
import io
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from too_simulators.core.sky import from_mjd
from too_simulators.files.programs import Asked, MalformedError, ProgramRow

Reader = Callable[[str, bytes], Asked]
"""Takes the file's name without extension, and its content."""

_DECAM_FILTERS = frozenset(
    {"u", "g", "r", "i", "z", "Y", "VR", "N419", "N501", "N540", "N662", "N673", "N708", "N964"}
)
_DECAM_TYPES = frozenset({"object", "zero", "dark", "dome flat"})
_DECAM_TEXTS = ("object", "seqid", "program", "propid", "comment", "note", "proposer")
_COMMENT_FIELD = re.compile(r"\bfield ([A-Za-z0-9_.+-]+)")
_COMMENT_WINDOW = re.compile(r"not before (\S+Z), not after (\S+Z)")

_QUEUE_KEYS = {"queue_name", "targets", "validity_window_mjd"}
_TARGET_TYPES: dict[str, type | tuple[type, ...]] = {
    "dec": (int, float),
    "exposure_time": (int, float),
    "field_id": int,
    "filter_id": int,
    "program_id": int,
    "program_pi": str,
    "ra": (int, float),
    "request_id": int,
    "subprogram_name": str,
}
_TARGET_OPTIONAL: dict[str, type | tuple[type, ...]] = {"mode_num": int, "ewr_num_images": int}
_MJD_RANGE = (40_000.0, 100_000.0)

_INDIA_BANDS = ("x", "u", "g", "r", "i", "z")
_INDIA_COLUMNS = [
    "tile_id",
    "ra",
    "Dec",
    "domesleep",
    "Priority",
    "dec",
    "rise_time_IST",
    "set_time_IST",
    "moon_angle",
    "RA",
    "Target",
    *_INDIA_BANDS,
]
_INDIA_CELL = re.compile(r"^(\d+)X(\d+)$")
_IST = ZoneInfo("Asia/Kolkata")
_SEXAGESIMAL = re.compile(r"^([+-]?)(\d+):(\d+):(\d+(?:\.\d+)?)$")


def read_decam(name: str, content: bytes) -> Asked:
    """DECam: a JSON list of flat objects, one per exposure."""
    del name
    script = _json(content)
    if not isinstance(script, list) or not script:
        raise MalformedError("not a list of exposures")
    rows = [_decam_row(index, exposure) for index, exposure in enumerate(script)]
    begins = [row.begin for row in rows if row.begin is not None]
    ends = [row.end for row in rows if row.end is not None]
    return Asked(rows=rows, begin=min(begins, default=None), end=max(ends, default=None))


def _decam_row(index: int, exposure: Any) -> ProgramRow:
    where = f"exposure {index + 1}"
    if not isinstance(exposure, dict):
        raise MalformedError(f"{where} is not an object")
    for key, value in exposure.items():
        if isinstance(value, (list, dict)) or value is None:
            raise MalformedError(f"{where}: {key} is not a scalar")
    _check_decam_texts(where, exposure)
    # the camera's own writers spell expTime and exptime
    lower = {key.lower(): value for key, value in exposure.items()}
    kind, band = lower.get("exptype"), exposure.get("filter")
    if kind not in _DECAM_TYPES:
        raise MalformedError(f"{where}: expType {kind!r}")
    if kind in {"object", "dome flat"} and band not in _DECAM_FILTERS:
        raise MalformedError(f"{where}: there is no filter {band!r}")
    exposure_s = _number(where, "expTime", lower.get("exptime"))
    if exposure_s < 0 or (kind == "object" and exposure_s == 0):
        raise MalformedError(f"{where}: expTime {exposure_s}")
    count = _whole(where, "count", exposure.get("count", 1))
    for key in ("seqnum", "seqtot"):
        if key in exposure:
            _whole(where, key, exposure[key])
    if ("RA" in exposure) != ("dec" in exposure):
        raise MalformedError(f"{where}: RA and dec belong together")
    pointed = "RA" in exposure
    comment = str(exposure.get("comment", ""))
    field, window = _COMMENT_FIELD.search(comment), _COMMENT_WINDOW.search(comment)
    return ProgramRow(
        index=index,
        field_id=field.group(1) if field else None,
        ra_deg=_angle(where, "RA", exposure["RA"], hours=True) if pointed else None,
        dec_deg=_angle(where, "dec", exposure["dec"], hours=False) if pointed else None,
        filter=str(band),
        exposure_s=exposure_s,
        count=count,
        left=count,
        label=exposure.get("object"),
        begin=_iso(where, window.group(1)) if window else None,
        end=_iso(where, window.group(2)) if window else None,
    )


def _check_decam_texts(where: str, exposure: Mapping[str, Any]) -> None:
    for key in _DECAM_TEXTS:
        if key in exposure and not isinstance(exposure[key], str):
            raise MalformedError(f"{where}: {key} is not a string")
    if exposure.get("wait", "False") not in {"False", "True"}:
        raise MalformedError(f"{where}: wait is 'False' or 'True', as a string")


def queue_json_reader(filters: Mapping[int, str]) -> Reader:
    """Gattini and KPED: a queue object as a file; the filters that the camera has."""

    def read(name: str, content: bytes) -> Asked:
        queue = _json(content)
        if not isinstance(queue, dict) or set(queue) != _QUEUE_KEYS:
            raise MalformedError(f"the keys are {', '.join(sorted(_QUEUE_KEYS))}, and no others")
        if queue["queue_name"] != name:
            raise MalformedError(f"queue_name {queue['queue_name']!r} is not the file's name")
        begin, end = _window(queue["validity_window_mjd"])
        if not isinstance(queue["targets"], list) or not queue["targets"]:
            raise MalformedError("targets is not a list, or empty")
        rows = [_queue_row(i, target, filters) for i, target in enumerate(queue["targets"])]
        return Asked(rows=rows, begin=begin, end=end)

    return read


def _queue_row(index: int, target: Any, filters: Mapping[int, str]) -> ProgramRow:
    where = f"target {index}"
    if not isinstance(target, dict):
        raise MalformedError(f"{where} is not an object")
    for key, kind in _TARGET_TYPES.items():
        if key not in target:
            raise MalformedError(f"{where} lacks {key}")
        if not isinstance(target[key], kind) or isinstance(target[key], bool):
            raise MalformedError(f"{where}: {key} is a {type(target[key]).__name__}")
    for key in set(target) - set(_TARGET_TYPES):
        wanted = _TARGET_OPTIONAL.get(key)
        if wanted is None or not isinstance(target[key], wanted):
            raise MalformedError(f"{where}: {key} is not known here")
    if target["filter_id"] not in filters:
        raise MalformedError(f"{where}: there is no filter {target['filter_id']}")
    if target["exposure_time"] <= 0:
        raise MalformedError(f"{where}: exposure_time {target['exposure_time']}")
    return ProgramRow(
        index=index,
        field_id=str(target["field_id"]),
        ra_deg=_angle(where, "ra", target["ra"], hours=True),
        dec_deg=_angle(where, "dec", target["dec"], hours=False),
        filter=filters[target["filter_id"]],
        exposure_s=float(target["exposure_time"]),
        label=target["subprogram_name"],
    )


def _window(value: Any) -> tuple[datetime, datetime]:
    if not (isinstance(value, list) and len(value) == 2):
        raise MalformedError("validity_window_mjd is not two numbers")
    begin, end = (_number("validity_window_mjd", "end", mjd) for mjd in value)
    low, high = _MJD_RANGE
    if not (low < begin < end < high):
        raise MalformedError(f"validity_window_mjd {begin} to {end} cannot be MJD")
    return from_mjd(begin), from_mjd(end)


def read_growth_india(name: str, content: bytes) -> Asked:
    """GROWTH-India: a CSV whose columns differ in case alone; times in Indian Standard Time."""
    del name
    try:
        lines = list(csv.reader(io.StringIO(content.decode()), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise MalformedError(f"not a CSV file: {error}") from error
    if not lines or lines[0] != _INDIA_COLUMNS:
        raise MalformedError(f"the columns are {','.join(_INDIA_COLUMNS)}, in this order")
    rows: list[ProgramRow] = []
    for number, cells in enumerate(lines[1:]):
        if len(cells) != len(_INDIA_COLUMNS):
            raise MalformedError(f"row {number + 1} has {len(cells)} cells")
        rows.extend(_india_rows(number, dict(zip(_INDIA_COLUMNS, cells, strict=True))))
    if not rows:
        raise MalformedError("no targets")
    ends = [row.end for row in rows if row.end is not None]
    return Asked(rows=rows, end=max(ends))


def _india_rows(number: int, cells: Mapping[str, str]) -> Sequence[ProgramRow]:
    where = f"row {number + 1}"
    ra_deg = _angle(where, "ra", _text_number(where, "ra", cells["ra"]), hours=True)
    dec_deg = _angle(where, "Dec", _text_number(where, "Dec", cells["Dec"]), hours=False)
    if abs((_angle(where, "RA", cells["RA"], hours=True) - ra_deg + 180) % 360 - 180) > 0.01:
        raise MalformedError(f"{where}: ra and RA are different places")
    if abs(_angle(where, "dec", cells["dec"], hours=False) - dec_deg) > 0.01:
        raise MalformedError(f"{where}: Dec and dec are different places")
    for key in ("domesleep", "Priority", "moon_angle"):
        _text_number(where, key, cells[key])
    begin, end = _ist(where, cells["rise_time_IST"]), _ist(where, cells["set_time_IST"])
    if end <= begin:
        raise MalformedError(f"{where} sets before it rises")
    found = []
    for band in _INDIA_BANDS:
        if not cells[band]:
            continue
        match = _INDIA_CELL.match(cells[band])
        if match is None or int(match.group(1)) == 0 or int(match.group(2)) == 0:
            raise MalformedError(f"{where}: {band} holds {cells[band]!r}")
        found.append(
            ProgramRow(
                index=number,
                field_id=cells["tile_id"],
                ra_deg=ra_deg,
                dec_deg=dec_deg,
                filter=band,
                exposure_s=float(match.group(2)),
                count=int(match.group(1)),
                left=int(match.group(1)),
                label=cells["Target"],
                begin=begin,
                end=end,
            )
        )
    if not found:
        raise MalformedError(f"{where} names no filter")
    return found


def _ist(where: str, text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise MalformedError(f"{where}: {text!r} is no time") from error
    if at.tzinfo is not None:
        raise MalformedError(f"{where}: times here have no zone")
    return at.replace(tzinfo=_IST).astimezone(UTC)


def _iso(where: str, text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise MalformedError(f"{where}: {text!r} is no time") from error


def _json(content: bytes) -> Any:
    def refuse(constant: str) -> float:
        raise MalformedError(f"{constant} is not a number")

    try:
        return json.loads(content, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        if isinstance(error, MalformedError):
            raise
        raise MalformedError(f"not JSON: {error}") from error


def _number(where: str, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise MalformedError(f"{where}: {key} is not a number")
    return float(value)


def _whole(where: str, key: str, value: Any) -> int:
    if isinstance(value, str) and value.isdigit():
        value = int(value)  # some writers send digits as strings
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise MalformedError(f"{where}: {key} is not a positive whole number")
    return value


def _text_number(where: str, key: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise MalformedError(f"{where}: {key} is not a number: {text!r}") from error
    return _number(where, key, value)


def _angle(where: str, key: str, value: Any, *, hours: bool) -> float:
    if isinstance(value, str):
        match = _SEXAGESIMAL.match(value)
        if match is None:
            raise MalformedError(f"{where}: {key} is no angle: {value!r}")
        sign, whole, minutes, seconds = match.groups()
        degrees = int(whole) + int(minutes) / 60 + float(seconds) / 3600
        angle = degrees * (15 if hours else 1) * (-1 if sign == "-" else 1)
    else:
        angle = _number(where, key, value)
    low, high = (0.0, 360.0) if hours else (-90.0, 90.0)
    if not low <= angle <= high:
        raise MalformedError(f"{where}: {key} is out of range")
    return angle

"""JSON from outside: bounded in size, depth and count, cleaned of what no column takes."""

import json
from typing import Any, NoReturn

from too_ingest.notices.model import ParseError
from too_ingest.notices.values import clean_text

MAX_JSON_BYTES = 16 * 1_048_576
"""Kafka's brokers at GCN take 4 MiB; a map in base64 may be larger by hand."""
MAX_DEPTH = 40
MAX_VALUES = 200_000
MAX_MARKS = 2 * MAX_VALUES
"""Commas and opening brackets; texts may hold some of them too."""
_PRINTABLE = bytes(range(0x20, 0x7F))


def read_json(raw: bytes) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    ParseError
        If it is too large, too deep, no JSON or no object.
    """
    if len(raw) > MAX_JSON_BYTES:
        raise ParseError(f"JSON of {len(raw)} bytes; above {MAX_JSON_BYTES} it is refused")
    if len(raw) - len(raw.translate(None, b",[{")) > MAX_MARKS:
        # before anything is built: five million empty lists fit into this size
        raise ParseError(f"JSON holds more than {MAX_MARKS} values")
    if b"\0" not in raw[:4]:
        raw = raw.rstrip(b"\0")
    try:
        document = json.loads(raw, parse_constant=_no_constant)
    except RecursionError as error:
        raise ParseError("JSON is nested too deeply") from error
    except (ValueError, OverflowError, LookupError) as error:
        raise ParseError(f"JSON cannot be read: {clean_text(str(error))[:300]}") from error
    if not isinstance(document, dict):
        raise ParseError(f"JSON is no object but {type(document).__name__}")
    cleaned, _ = _clean(document, 0, 0)
    return dict(cleaned)


def _no_constant(name: str) -> None:
    # NaN and Infinity are not JSON, but senders write them: as good as no value
    del name


def _refuse(reason: str) -> NoReturn:
    raise ParseError(reason)


def _is_plain(value: str) -> bool:
    """Nothing but printable ASCII; quick also for a map of some megabytes in base64."""
    return value.isascii() and not value.encode("ascii").translate(None, _PRINTABLE)


def _clean(value: Any, depth: int, count: int) -> tuple[Any, int]:
    if depth > MAX_DEPTH:
        _refuse(f"JSON is nested deeper than {MAX_DEPTH}")
    if count > MAX_VALUES:
        _refuse(f"JSON holds more than {MAX_VALUES} values")
    if isinstance(value, str):
        return (value if _is_plain(value) else clean_text(value)), count + 1
    if isinstance(value, dict):
        members: dict[str, Any] = {}
        for name, item in value.items():
            members[clean_text(name)], count = _clean(item, depth + 1, count)
        return members, count + 1
    if isinstance(value, list):
        items = []
        for item in value:
            cleaned, count = _clean(item, depth + 1, count)
            items.append(cleaned)
        return items, count + 1
    return value, count + 1

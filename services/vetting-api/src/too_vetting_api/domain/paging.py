"""Keyset paging and filters of tables: the cursor names the last row that was shown."""

import base64
import json
import math
from dataclasses import dataclass
from typing import Any

from too_common.errors import InvalidError


def encode_cursor(value: Any, key: Any) -> str:
    """Opaque cursor from the sort value and the unique key of the last row."""
    if isinstance(value, float) and math.isnan(value):
        value = None
    raw = json.dumps([value, key], default=str, separators=(",", ":"))
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[Any, Any]:
    """Inverse of `encode_cursor`.

    Raises
    ------
    InvalidError
        If it is not one of ours.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        value, key = json.loads(base64.urlsafe_b64decode(padded.encode()))
    except (ValueError, TypeError) as error:
        raise InvalidError("the cursor is not one that this list gave") from error
    return value, key


@dataclass(frozen=True, slots=True)
class Range:
    """A column's wanted values; None means unbounded."""

    column: str
    low: float | None
    high: float | None


def parse_ranges(texts: list[str], allowed: set[str]) -> list[Range]:
    """Read ``column:low:high`` filters, either end may be empty.

    Raises
    ------
    InvalidError
        Naming the filter that cannot be read.
    """
    found = []
    for text in texts:
        parts = text.split(":")
        if len(parts) != 3 or parts[0] not in allowed:
            raise InvalidError(
                f"filter {text!r} is not column:low:high with a column of {sorted(allowed)}"
            )
        try:
            low, high = (float(part) if part.strip() else None for part in parts[1:])
        except ValueError:
            raise InvalidError(f"filter {text!r}: the limits are numbers") from None
        if (low is not None and math.isnan(low)) or (high is not None and math.isnan(high)):
            raise InvalidError(f"filter {text!r}: the limits are numbers")
        found.append(Range(parts[0], low, high))
    return found

"""Tables for people to take along: CSV and Markdown."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124 -- NaN
        return ""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, float):
        return repr(round(value, 9))
    return str(value)


def to_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """CSV (RFC 4180). Text that a spreadsheet would take for a formula gets a quote before it."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(columns)
    for row in rows:
        cells = []
        for value in row:
            cell = _cell(value)
            if isinstance(value, str) and cell.startswith(_FORMULA):
                cell = "'" + cell
            cells.append(cell)
        writer.writerow(cells)
    return buffer.getvalue()


def to_markdown(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Markdown table; numbers are rounded to six digits for reading."""

    def shown(value: Any) -> str:
        text = f"{value:.6g}" if isinstance(value, float) and value == value else _cell(value)  # noqa: PLR0124
        return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")

    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(shown(value) for value in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"

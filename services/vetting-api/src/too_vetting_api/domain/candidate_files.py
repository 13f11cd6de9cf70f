"""Files of candidates: CSV in its dialects, and ECSV with units."""

import csv
import io
from typing import Any

from too_common.errors import InvalidError, TooLargeError

from too_vetting_api.domain.candidates import MAX_ROWS

ECSV_BEGIN = "# %ECSV"
_CSV_FIELD_LIMIT = 200_000


def is_ecsv(data: bytes) -> bool:
    """True if the file says that it is ECSV."""
    return data.lstrip(b"\xef\xbb\xbf").startswith(ECSV_BEGIN.encode())


def read_csv(data: bytes) -> list[dict[str, Any]]:
    """Rows of a CSV file: comma, semicolon, tab or bar between cells, ``#`` lines left out.

    Raises
    ------
    InvalidError
        If there is no header with a name and a position.
    TooLargeError
        If there are too many rows.
    """
    text = data.decode("utf-8-sig", "replace")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        raise InvalidError("the file is empty")
    delimiter = max(",;\t|", key=lines[0].count)
    csv.field_size_limit(_CSV_FIELD_LIMIT)
    reader = csv.DictReader(io.StringIO("\n".join(lines)), delimiter=delimiter)
    try:
        rows: list[dict[str, Any]] = []
        for row in reader:
            # cells beyond the header's width have no meaning: the row is refused by its name
            extra = row.pop(None, None)
            rows.append({"name": None} if extra else dict(row))
            if len(rows) > MAX_ROWS:
                raise TooLargeError(f"more than {MAX_ROWS} rows: send them in several files")
    except csv.Error as error:
        raise InvalidError(f"line {reader.line_num}: {error}") from error
    return rows


def read_ecsv(data: bytes) -> list[dict[str, Any]]:
    """Rows of an ECSV file; columns with a unit of angle are turned into degrees.

    Slow to import (astropy): run it in a worker.

    Raises
    ------
    InvalidError
        If the file cannot be read.
    """
    from astropy import units as u
    from astropy.table import Table

    try:
        # lines, never a string: a string could be taken for the name of a file
        lines = data.decode("utf-8-sig", "replace").splitlines()
        table = Table.read(lines, format="ascii.ecsv")
    except Exception as error:
        raise InvalidError(f"not a readable ECSV file: {error}") from error
    if len(table) > MAX_ROWS:
        raise TooLargeError(f"more than {MAX_ROWS} rows: send them in several files")
    for column in table.itercols():
        if column.unit is not None and column.unit.is_equivalent(u.deg):
            column.convert_unit_to(u.deg)
    names = table.colnames
    masked = {name: getattr(table[name], "mask", None) for name in names}
    rows = []
    for index in range(len(table)):
        row: dict[str, Any] = {}
        for name in names:
            mask = masked[name]
            if mask is not None and mask[index]:
                continue
            value = table[name][index]
            row[name] = value.item() if hasattr(value, "item") else value
        rows.append(row)
    return rows

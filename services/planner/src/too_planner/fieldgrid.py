"""Field grids, stored ready to load: no text is parsed in the path of a plan.

A grid file is a NumPy archive with ``field_id`` (int32), ``ra_udeg`` and ``dec_udeg`` (int32, units
of 1e-5 deg), ``set_code`` (uint8), ``sets`` (names), ``credit``, and where the camera has chips
``rectangles_udeg`` (int32, shape (n, 4), units of 1e-6 deg).
"""

import csv
import io
import math
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BUILT_IN = Path(__file__).parent / "grids"
"""The grids that come with the program; made by tools/grids."""

_POSITION_UNIT = 1e-5
_CHIP_UNIT = 1e-6


class GridError(ValueError):
    """A grid that cannot be used."""


@dataclass(frozen=True)
class FieldGrid:
    """Allowed pointings of a telescope.

    Attributes
    ----------
    field_id : ndarray of int
    ra_deg, dec_deg : ndarray of float
        ICRS centres.
    set_code : ndarray of int
        Index into `sets`.
    sets : tuple of str
        For example primary, secondary.
    credit : str
        Where the grid comes from.
    rectangles_deg : ndarray of shape (n, 4), optional
        Chips of the camera: centre x, centre y, half width, half height.
    """

    field_id: NDArray[np.int64]
    ra_deg: NDArray[np.float64]
    dec_deg: NDArray[np.float64]
    set_code: NDArray[np.uint8]
    sets: tuple[str, ...]
    credit: str = ""
    rectangles_deg: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.field_id)

    def select(self, sets: tuple[str, ...]) -> "FieldGrid":
        """The fields of some sets.

        Raises
        ------
        GridError
            If the grid has no set of that name.
        """
        unknown = [name for name in sets if name not in self.sets]
        if unknown:
            raise GridError(f"no field set {unknown[0]!r}; there are {', '.join(self.sets)}")
        codes = [self.sets.index(name) for name in sets]
        return self.take(np.isin(self.set_code, codes))

    def take(self, keep: NDArray[Any]) -> "FieldGrid":
        """The fields at some indices (or where a mask is true)."""
        return FieldGrid(
            field_id=self.field_id[keep],
            ra_deg=self.ra_deg[keep],
            dec_deg=self.dec_deg[keep],
            set_code=self.set_code[keep],
            sets=self.sets,
            credit=self.credit,
            rectangles_deg=self.rectangles_deg,
        )

    def indices_of(self, field_ids: list[int]) -> NDArray[np.int64]:
        """Places of fields by id, in the order asked.

        Raises
        ------
        GridError
            If an id is unknown.
        """
        where = {int(value): index for index, value in enumerate(self.field_id)}
        unknown = [value for value in field_ids if value not in where]
        if unknown:
            raise GridError(f"unknown field {', '.join(str(value) for value in unknown[:5])}")
        return np.array([where[value] for value in field_ids], dtype=np.int64)


def make_grid(
    field_id: Any,
    ra_deg: Any,
    dec_deg: Any,
    set_names: list[str] | None = None,
    credit: str = "",
    rectangles_deg: Any = None,
) -> FieldGrid:
    """Check and build a grid.

    Raises
    ------
    GridError
        For duplicate ids, positions off the sky, or columns of different lengths.
    """
    ids = np.asarray(field_id, dtype=np.int64)
    ra = np.asarray(ra_deg, dtype=np.float64)
    dec = np.asarray(dec_deg, dtype=np.float64)
    names = set_names or ["primary"] * len(ids)
    if not len(ids) == len(ra) == len(dec) == len(names):
        raise GridError("columns of the grid differ in length")
    if len(ids) == 0:
        raise GridError("the grid has no fields")
    values, counts = np.unique(ids, return_counts=True)
    if np.any(counts > 1):
        raise GridError(f"field {int(values[counts > 1][0])} is there more than once")
    if not (np.all(np.isfinite(ra)) and np.all(np.abs(dec) <= 90)):
        raise GridError("a field lies off the sky: |dec| must not exceed 90 deg")
    sets = tuple(dict.fromkeys(names))
    return FieldGrid(
        field_id=ids,
        ra_deg=ra % 360.0,
        dec_deg=dec,
        set_code=np.array([sets.index(name) for name in names], dtype=np.uint8),
        sets=sets,
        credit=credit,
        rectangles_deg=None if rectangles_deg is None else np.asarray(rectangles_deg, dtype=float),
    )


def to_bytes(grid: FieldGrid) -> bytes:
    """The compact file of a grid."""
    arrays: dict[str, Any] = {
        "field_id": grid.field_id.astype(np.int32),
        "ra_udeg": np.round(grid.ra_deg / _POSITION_UNIT).astype(np.int32),
        "dec_udeg": np.round(grid.dec_deg / _POSITION_UNIT).astype(np.int32),
        "set_code": grid.set_code,
        "sets": np.array(grid.sets),
        "credit": np.array(grid.credit),
    }
    if grid.rectangles_deg is not None:
        arrays["rectangles_udeg"] = np.round(grid.rectangles_deg / _CHIP_UNIT).astype(np.int32)
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def from_bytes(data: bytes) -> FieldGrid:
    """Read a compact file.

    Raises
    ------
    GridError
        If it is not one.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            chips = archive.get("rectangles_udeg")
            ids = archive["field_id"]
            if len(np.unique(ids)) != len(ids):
                values, counts = np.unique(ids, return_counts=True)
                raise GridError(f"field {int(values[counts > 1][0])} is there more than once")
            return FieldGrid(
                field_id=archive["field_id"].astype(np.int64),
                ra_deg=archive["ra_udeg"] * _POSITION_UNIT,
                dec_deg=archive["dec_udeg"] * _POSITION_UNIT,
                set_code=archive["set_code"],
                sets=tuple(str(name) for name in archive["sets"]),
                credit=str(archive["credit"]),
                rectangles_deg=None if chips is None else chips * _CHIP_UNIT,
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise GridError(f"not a grid file: {error}") from error


_ARCHIVE = b"PK"
_COLUMNS = {
    "field_id": ("field_id", "field", "id", "fieldid"),
    "ra_deg": ("ra_deg", "ra"),
    "dec_deg": ("dec_deg", "dec"),
    "set": ("set", "grid"),
}


def compact(data: bytes) -> bytes:
    """A grid file in its compact form; a table of text is read first.

    A table (CSV with a header) has the columns ``field_id``, ``ra_deg``, ``dec_deg`` and may have
    ``set`` (primary, secondary ...).

    Raises
    ------
    GridError
        With the line and the column of the first thing that is wrong.
    """
    return data if data.startswith(_ARCHIVE) else to_bytes(from_table(data))


def from_table(data: bytes, credit: str = "") -> FieldGrid:
    """Read a grid from CSV; see `compact`."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise GridError(f"neither a grid file nor a table of text: {error}") from error
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.startswith("#")
    ]
    if not lines:
        raise GridError("the grid is empty")
    header = [cell.strip().lower() for cell in next(csv.reader([lines[0][1]]))]
    places: dict[str, int] = {}
    for column, names in _COLUMNS.items():
        found = next((header.index(name) for name in names if name in header), None)
        if found is not None:
            places[column] = found
        elif column != "set":
            raise GridError(f"line {lines[0][0]}: no column {column}; there are {header}")
    rows: list[tuple[int, float, float, str]] = []
    where: dict[int, int] = {}
    for number, line in lines[1:]:
        cells = next(csv.reader([line]))
        values = [_cell(cells, places[name], number, name) for name in list(_COLUMNS)[:3]]
        field, ra, dec = int(values[0]), values[1], values[2]
        if field in where:
            raise GridError(
                f"line {number}: field {field} is there already, in line {where[field]}"
            )
        if not (abs(dec) <= 90 and -360 <= ra <= 360):
            raise GridError(f"line {number}: field {field} lies off the sky (ra {ra}, dec {dec})")
        where[field] = number
        kind = cells[places["set"]].strip() if "set" in places else "primary"
        rows.append((field, ra, dec, kind or "primary"))
    return make_grid(
        [row[0] for row in rows],
        [row[1] for row in rows],
        [row[2] for row in rows],
        [row[3] for row in rows],
        credit=credit,
    )


def _cell(cells: list[str], place: int, line: int, column: str) -> float:
    try:
        value = float(cells[place])
    except (IndexError, ValueError):
        cell = cells[place] if place < len(cells) else ""
        raise GridError(f"line {line}, column {column}: not a number: {cell[:40]!r}") from None
    if not math.isfinite(value) or (column == "field_id" and value != int(value)):
        raise GridError(f"line {line}, column {column}: {value} is not allowed")
    return value


@lru_cache(maxsize=16)
def load_grid(path: Path) -> FieldGrid:
    """Read a grid file (compact, or a table) once per process."""
    data = path.read_bytes()
    return from_bytes(data) if data.startswith(_ARCHIVE) else from_table(data)


def ring_grid(side_deg: float, dec_min_deg: float, dec_max_deg: float) -> FieldGrid:
    """Tile a zone of declination with squares on rings, without gaps within a ring.

    Rings lie ``side_deg`` apart. Each holds the smallest whole number of fields whose width
    covers the ring at its edge nearer to the equator; every second ring is turned by half a
    field. Ids count from 1, ring by ring from the south, eastward from RA 0.
    """
    ra: list[float] = []
    dec: list[float] = []
    rings = int((dec_max_deg - dec_min_deg) / side_deg + 1e-9) + 1
    for ring in range(rings):
        height = dec_min_deg + ring * side_deg
        widest = max(0.0, abs(height) - side_deg / 2)
        count = max(1, math.ceil(360.0 * math.cos(math.radians(widest)) / side_deg))
        ra.extend((k + 0.5 * (ring % 2)) * 360.0 / count for k in range(count))
        dec.extend([height] * count)
    return make_grid(
        range(1, len(ra) + 1),
        ra,
        dec,
        credit=f"ring tiling, {side_deg:g} deg squares; provisional",
    )

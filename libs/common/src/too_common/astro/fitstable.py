"""A binary table of a FITS file, read in pieces.

A gzipped file of 0.75 MB may expand to more than 1 GB, so a file is never decompressed as a whole
into memory: rows come in chunks. The size after decompression has a cap.
"""

import gzip
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from too_common.astro.errors import SkyMapError

BLOCK = 2880
_CHUNK_BYTES = 8_000_000
_MAX_HEADER_BLOCKS = 200
_MAX_REPEAT = 100_000
_MAX_FIELDS = 500
_FORMS = {
    "L": "S1",
    "B": ">u1",
    "I": ">i2",
    "J": ">i4",
    "K": ">i8",
    "E": ">f4",
    "D": ">f8",
    "A": "S1",
}


@dataclass(frozen=True)
class Table:
    """The first binary table of a file, open for one pass over its rows."""

    header: dict[str, Any]
    primary: dict[str, Any]
    names: tuple[str, ...]
    dtype: np.dtype[Any]
    n_rows: int
    stream: "_CappedStream"

    def unit(self, name: str) -> str:
        """TUNIT of a column, or an empty text."""
        return str(self.header.get(f"TUNIT{self.names.index(name) + 1}", "")).strip()

    def width(self, name: str) -> int:
        """Number of elements of a column per row."""
        shape = self.dtype[name].shape
        return int(shape[0]) if shape else 1

    def chunks(self, rows_per_chunk: int | None = None) -> Iterator[NDArray[Any]]:
        """Structured arrays of some rows each; can be used once."""
        size = self.dtype.itemsize
        step = rows_per_chunk or max(1, _CHUNK_BYTES // size)
        for first in range(0, self.n_rows, step):
            count = min(step, self.n_rows - first)
            yield np.frombuffer(self.stream.read_exactly(count * size), dtype=self.dtype)


class _CappedStream:
    """Reads exactly what is asked for, and never more than the cap in all."""

    def __init__(self, raw: IO[bytes], cap: int) -> None:
        self._raw = raw
        self._left = cap
        self._cap = cap

    def read(self, count: int) -> bytes:
        """Up to `count` bytes."""
        if count > self._left:
            raise SkyMapError(
                f"the file is larger than {self._cap / 1e6:.0f} MB when decompressed", "file"
            )
        try:
            data = self._raw.read(count)
        except (OSError, EOFError, zlib.error) as error:
            raise SkyMapError(f"the compressed file is damaged: {error}", "gzip") from error
        self._left -= len(data)
        return data

    def read_exactly(self, count: int) -> bytes:
        """`count` bytes, or an error that says that the file is cut off."""
        data = self.read(count)
        if len(data) != count:
            raise SkyMapError("the file is cut off", "table")
        return data

    def skip(self, count: int) -> None:
        """Skip bytes."""
        while count > 0:
            count -= len(self.read_exactly(min(count, _CHUNK_BYTES)))


@contextmanager
def open_table(data: bytes, *, max_decompressed_bytes: int) -> Iterator[Table]:
    """Find the first binary table of a FITS file, gzipped or not."""
    if not data:
        raise SkyMapError("the file is empty", "file")
    raw: IO[bytes] = io.BytesIO(data)
    if data[:2] == b"\x1f\x8b":
        raw = gzip.GzipFile(fileobj=raw, mode="rb")  # type: ignore[assignment]
    with raw:
        stream = _CappedStream(raw, max_decompressed_bytes)
        primary = _read_header(stream, first=True)
        stream.skip(_padded_size(primary))
        header = _read_header(stream)
        while header.get("XTENSION") != "BINTABLE":
            stream.skip(_padded_size(header))
            header = _read_header(stream)
        yield _table(header, primary, stream)


def header_block(cards: Sequence[tuple[str, Any]]) -> bytes:
    """Cards of fixed format (FITS standard 4.0, section 4.2), with END, padded to whole blocks."""
    text = "".join(_card(keyword, value) for keyword, value in [*cards, ("END", None)])
    return text.ljust(-(-len(text) // BLOCK) * BLOCK).encode("ascii")


def _card(keyword: str, value: Any) -> str:
    if value is None:
        return keyword.ljust(80)
    if isinstance(value, bool):
        field = ("T" if value else "F").rjust(20)
    elif isinstance(value, (int, float)):
        field = str(value).replace("e", "E").rjust(20)
    else:
        field = ("'" + value.replace("'", "''").ljust(8) + "'").ljust(20)
    return f"{keyword:<8}= {field}".ljust(80)


def _read_header(stream: _CappedStream, *, first: bool = False) -> dict[str, Any]:
    text = b""
    for _ in range(_MAX_HEADER_BLOCKS):
        block = stream.read(BLOCK)
        if first and not text and not block.startswith(b"SIMPLE  ="):
            raise SkyMapError("this is not a FITS file", "first bytes")
        if not block and not text:
            raise SkyMapError("the file has no table", "extensions")
        if len(block) < BLOCK:
            raise SkyMapError("the file is cut off", "header")
        text += block
        if any(block[at : at + 80].rstrip() == b"END" for at in range(0, BLOCK, 80)):
            break
    else:
        raise SkyMapError("a header does not end", "header")
    return _cards(text)


def _cards(text: bytes) -> dict[str, Any]:
    """Keywords and values up to END; comments, history and continued texts are left out."""
    cards: dict[str, Any] = {}
    for at in range(0, len(text), 80):
        card = text[at : at + 80].decode("latin-1")
        keyword = card[:8].rstrip()
        if keyword == "END":
            break
        if card[8:10] == "= " and keyword not in cards:
            cards[keyword] = _value(card[10:])
    return cards


def _value(field: str) -> Any:
    """Value of a card; None if it is empty or not understood."""
    text = field.strip()
    if text.startswith("'"):
        match = re.match(r"'((?:[^']|'')*)'", text)
        return match[1].replace("''", "'").strip() if match else None
    text = text.split("/", 1)[0].strip()
    if text in {"T", "F"}:
        return text == "T"
    for kind in (int, float):
        try:
            return kind(text.replace("D", "E"))
        except ValueError:
            continue
    return None


def _integer(header: dict[str, Any], key: str, default: int | None = None) -> int:
    value = header.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise SkyMapError(f"{key} is missing or no number", "header")
    return value


def _padded_size(header: dict[str, Any]) -> int:
    n_axes = _integer(header, "NAXIS", 0)
    if not n_axes:
        return 0
    bits = header.get("BITPIX", 8)
    if bits not in {8, 16, 32, 64, -32, -64}:
        raise SkyMapError("BITPIX is missing or unknown", "header")
    size: int = abs(bits) // 8 * _integer(header, "GCOUNT", 1)
    elements = 1
    for axis in range(1, n_axes + 1):
        elements *= _integer(header, f"NAXIS{axis}")
    size *= elements + _integer(header, "PCOUNT", 0)
    return size + (-size % BLOCK)


def _table(header: dict[str, Any], primary: dict[str, Any], stream: _CappedStream) -> Table:
    fields: list[tuple[Any, ...]] = []
    names: list[str] = []
    if _integer(header, "TFIELDS") > _MAX_FIELDS:
        raise SkyMapError("the table has too many columns", "TFIELDS")
    for number in range(1, _integer(header, "TFIELDS") + 1):
        name = str(header.get(f"TTYPE{number}", f"COL{number}")).strip().upper()
        form = str(header.get(f"TFORM{number}", "")).strip().upper()
        match = re.fullmatch(r"(\d*)([LBIJKEDA]).*", form)
        if match is None:
            raise SkyMapError(f"a column has the unknown form {form!r}", name)
        if header.get(f"TSCAL{number}", 1) != 1 or header.get(f"TZERO{number}", 0) != 0:
            raise SkyMapError("scaled columns are not read", name)
        if name in names:
            raise SkyMapError("a column name is used twice", name)
        repeat = int(match[1] or 1)
        if repeat > _MAX_REPEAT:
            raise SkyMapError("a column is too wide", name)
        names.append(name)
        fields.append(
            (name, _FORMS[match[2]]) if repeat == 1 else (name, _FORMS[match[2]], (repeat,))
        )
    dtype = np.dtype(fields)
    if dtype.itemsize != _integer(header, "NAXIS1") or not dtype.itemsize:
        raise SkyMapError("the columns do not fill a row", "NAXIS1")
    return Table(header, primary, tuple(names), dtype, _integer(header, "NAXIS2"), stream)

"""The immutable snapshot of a galaxy catalogue: rows sorted by nested HEALPix index of order 29.

A ``.npy`` file, because it can be mapped into memory at once (facts: opening 23 million rows
takes 3 ms); missing values are NaN. The SHA-256 of the file is the snapshot's identity.
"""

import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

HPX_ORDER = 29
"""Finest nested HEALPix order that fits into 64 bits."""

DTYPE = np.dtype(
    [
        ("hpx29", "<i8"),
        ("ra_deg", "<f8"),
        ("dec_deg", "<f8"),
        ("distance_mpc", "<f4"),
        ("distance_err_mpc", "<f4"),
        ("b_mag", "<f4"),
        ("log_mstar", "<f4"),
        ("name", "S32"),
    ]
)
"""One galaxy: ICRS position, luminosity distance and error, apparent B, log10 of Msun."""


@dataclass(frozen=True, slots=True)
class CatalogueSource:
    """What a catalogue is and whom to credit."""

    name: str
    version: str
    credit: str
    licence: str


class CatalogueReader(Protocol):
    """Reads one public file format in pieces."""

    source: CatalogueSource

    def pieces(self) -> Iterator[NDArray[Any]]:
        """Galaxies as arrays of `DTYPE`; ``hpx29`` is filled in later."""
        ...


def empty(rows: int) -> NDArray[Any]:
    """Rows in which everything is missing."""
    table: NDArray[Any] = np.zeros(rows, DTYPE)
    for column in ("distance_mpc", "distance_err_mpc", "b_mag", "log_mstar"):
        table[column] = np.nan
    return table


def assemble(pieces: Iterable[NDArray[Any]]) -> NDArray[Any]:
    """Put pieces together, drop what has no place in the sky, index and sort.

    Returns
    -------
    numpy.ndarray
        Of `DTYPE`, sorted by ``hpx29``, then by name, so that equal input gives equal bytes.
    """
    from astropy import units as u
    from astropy_healpix import HEALPix

    healpix = HEALPix(nside=2**HPX_ORDER, order="nested")
    parts = []
    for piece in pieces:
        placed = np.isfinite(piece["ra_deg"]) & np.isfinite(piece["dec_deg"])
        placed &= np.abs(piece["dec_deg"]) <= 90
        kept = piece[placed]
        kept["ra_deg"] %= 360.0
        kept["hpx29"] = healpix.lonlat_to_healpix(kept["ra_deg"] * u.deg, kept["dec_deg"] * u.deg)
        parts.append(kept)
    table = np.concatenate(parts) if parts else np.zeros(0, DTYPE)
    missing = ~(table["distance_mpc"] > 0)
    table["distance_mpc"][missing] = np.nan
    table["distance_err_mpc"][missing | ~(table["distance_err_mpc"] > 0)] = np.nan
    return table[np.lexsort((table["name"], table["hpx29"]))]


def to_bytes(table: NDArray[Any]) -> bytes:
    """The ``.npy`` file (version 1.0 of the format)."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(table), version=(1, 0))
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class Written:
    """A snapshot on disk."""

    path: Path
    sha256: str
    size_bytes: int
    rows: int


def write(table: NDArray[Any], folder: Path) -> Written:
    """Write a snapshot under its hash; a crash leaves no half file under that name."""
    folder.mkdir(parents=True, exist_ok=True)
    unnamed = folder / f".{id(table):x}.part"
    with unnamed.open("wb") as file:
        np.lib.format.write_array(file, np.ascontiguousarray(table), version=(1, 0))
    digest = hashlib.sha256()
    with unnamed.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    path = folder / f"{digest.hexdigest()}.npy"
    size = unnamed.stat().st_size
    unnamed.replace(path)
    return Written(path, digest.hexdigest(), size, len(table))


def open_snapshot(path: Path) -> NDArray[Any]:
    """Map a snapshot into memory.

    Raises
    ------
    ValueError
        If the file does not have the snapshot's columns.
    """
    table: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    if table.dtype != DTYPE:
        raise ValueError(f"{path.name} is no catalogue snapshot: columns {table.dtype.names}")
    return table

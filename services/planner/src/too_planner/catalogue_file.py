"""Galaxy catalogues as people have them: CSV, ECSV, FITS, or vetting-api's snapshots.

Columns, by any of these names (case does not matter):

=================  ==============================================  ==========================
column             also as                                         unit
=================  ==============================================  ==========================
name               objname, galaxy, pgc                            text; may be left out
ra_deg             ra, raj2000                                     degrees, ICRS
dec_deg            dec, dej2000, decl                              degrees, ICRS
distance_mpc       distmpc, distance, dist, d_l, dl                Mpc, luminosity distance
distance_err_mpc   distmpc_unc, distance_err, e_dist, e_dl         Mpc; may be left out
b_mag              magb, bmag, m_b                                 apparent B; may be left out
log_mstar          logmstar, logmstarhec                           log10 of solar masses
mstar              m*                                              solar masses, linear
=================  ==============================================  ==========================

Missing values are empty, ``nan``, ``null`` or ``--``; distances that are not positive are missing.
"""

import csv
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from too_common.astro import pixels

from too_planner.galaxies import CATALOGUE_DTYPE, CatalogueError, open_catalogue

NAMES: dict[str, tuple[str, ...]] = {
    "name": ("name", "objname", "galaxy", "pgc"),
    "ra_deg": ("ra_deg", "ra", "raj2000"),
    "dec_deg": ("dec_deg", "dec", "dej2000", "decl"),
    "distance_mpc": ("distance_mpc", "distmpc", "distance", "dist", "d_l", "dl"),
    "distance_err_mpc": ("distance_err_mpc", "distmpc_unc", "distance_err", "e_dist", "e_dl"),
    "b_mag": ("b_mag", "magb", "bmag", "m_b"),
    "log_mstar": ("log_mstar", "logmstar", "logmstarhec"),
    "mstar": ("mstar", "m*"),
}
_MISSING = {"", "nan", "null", "none", "--", "---"}
_FITS_SUFFIXES = {".fits", ".fit", ".fits.gz", ".fit.gz"}
MAX_ROWS = 30_000_000


def open_any_catalogue(path: Path) -> NDArray[Any]:
    """Read a catalogue, told by its name (``.npy``, ``.fits[.gz]``, else text with a header).

    Returns
    -------
    ndarray
        Rows of `CATALOGUE_DTYPE`, sorted by nested HEALPix index of order 29.

    Raises
    ------
    CatalogueError
        If the file cannot be used; names the line and the column.
    """
    suffix = "".join(path.suffixes[-2:]).lower() if path.suffix == ".gz" else path.suffix.lower()
    if suffix in {"", ".npy"}:
        # the cache of the service keeps snapshots without a suffix
        return open_catalogue(path)
    columns = _of_fits(path) if suffix in _FITS_SUFFIXES else _of_text(path)
    return _rows(columns, path.name)


def _find(names: Iterable[str], where: str) -> dict[str, str]:
    plain = {name.strip().lower(): name for name in names}
    found = {
        column: plain[alias]
        for column, aliases in NAMES.items()
        for alias in reversed(aliases)
        if alias in plain
    }
    for wanted in ("ra_deg", "dec_deg"):
        if wanted not in found:
            raise CatalogueError(
                f"{where}: no column {wanted} (nor {', '.join(NAMES[wanted][1:])}); there are "
                f"{', '.join(plain) or 'none'}"
            )
    return found


def _of_text(path: Path) -> dict[str, Any]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            lines = _numbered(stream)
            first = next(lines, None)
            if first is None:
                raise CatalogueError(f"{path.name}: the catalogue is empty")
            delimiter = "," if "," in first[1] else ("\t" if "\t" in first[1] else " ")
            header = _split(first[1], delimiter)
            found = _find(header, path.name)
            places = {column: header.index(name) for column, name in found.items()}
            columns: dict[str, list[Any]] = {column: [] for column in found}
            for number, line in lines:
                cells = _split(line, delimiter)
                if len(cells) != len(header):
                    raise CatalogueError(
                        f"{path.name}, line {number}: {len(cells)} values for {len(header)} columns"
                    )
                for column, place in places.items():
                    cell = cells[place]
                    columns[column].append(
                        cell if column == "name" else _number(cell, path.name, number, column)
                    )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CatalogueError(f"{path.name}: not a table of text: {error}") from error
    return columns


def _numbered(stream: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Lines with their number; comments (the head of an ECSV file) and empty lines left out."""
    for number, line in enumerate(stream, start=1):
        if line.strip() and not line.startswith("#"):
            yield number, line.rstrip("\r\n")


def _split(line: str, delimiter: str) -> list[str]:
    row = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
    return [cell.strip() for cell in row]


def _number(cell: str, name: str, line: int, column: str) -> float:
    if cell.lower() in _MISSING:
        return math.nan
    try:
        return float(cell)
    except ValueError:
        raise CatalogueError(
            f"{name}, line {line}, column {column}: not a number: {cell[:40]!r}"
        ) from None


def _of_fits(path: Path) -> dict[str, Any]:
    from astropy.io import fits

    try:
        with fits.open(path, memmap=False) as file:
            table = next((hdu for hdu in file if isinstance(hdu, fits.BinTableHDU)), None)
            if table is None:
                raise CatalogueError(f"{path.name}: no table in the FITS file")
            found = _find(table.columns.names, path.name)
            return {column: np.array(table.data[name]) for column, name in found.items()}
    except (OSError, ValueError, TypeError, KeyError) as error:
        if isinstance(error, CatalogueError):
            raise
        raise CatalogueError(f"{path.name}: not a FITS table: {error}") from error


def _rows(columns: dict[str, Any], where: str) -> NDArray[Any]:
    ra = np.asarray(columns["ra_deg"], dtype=np.float64)
    dec = np.asarray(columns["dec_deg"], dtype=np.float64)
    if not 0 < len(ra) <= MAX_ROWS:
        raise CatalogueError(f"{where}: {len(ra)} rows")
    bad = ~(np.isfinite(ra) & (np.abs(dec) <= 90.0) & (ra >= -360.0) & (ra <= 360.0))
    if bad.any():
        raise CatalogueError(
            f"{where}: row {int(np.argmax(bad)) + 1} is not on the sky "
            f"(ra {ra[bad][0]}, dec {dec[bad][0]} deg)"
        )
    rows = np.zeros(len(ra), dtype=CATALOGUE_DTYPE)
    rows["ra_deg"], rows["dec_deg"] = ra % 360.0, dec
    rows["hpx29"] = pixels.lonlat_to_index(rows["ra_deg"], dec)
    for column in ("distance_mpc", "distance_err_mpc", "b_mag", "log_mstar"):
        rows[column] = np.asarray(columns.get(column, np.nan), dtype=np.float64)
    if "log_mstar" not in columns and "mstar" in columns:
        mass = np.asarray(columns["mstar"], dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            rows["log_mstar"] = np.where(mass > 0, np.log10(mass), np.nan)
    far = rows["distance_mpc"]
    rows["distance_mpc"] = np.where(np.isfinite(far) & (far > 0), far, np.nan)
    if "name" in columns:
        rows["name"] = [_text(value) for value in columns["name"]]
    rows.sort(order="hpx29", kind="stable")
    return rows


def _text(value: Any) -> bytes:
    raw = value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
    return raw.strip()[:32]

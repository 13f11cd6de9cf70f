"""GLADE+ (Dalya et al. 2022, MNRAS 514, 1403): text of 40 columns, 39 in older copies.

Quasars are dropped; the columns are counted before anything is read. Distances by measured
redshift or measured directly are kept, photometric ones too, with the error that they have.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from too_vetting_api.catalogues.snapshot import CatalogueSource, empty

COLUMNS = (39, 40)
"""Older copies lack the flag of the stellar mass, the last but two."""
PIECE = 200_000
QUASAR = "Q"

_PGC, _GWGC, _HYPERLEDA, _TWOMASS, _WISE, _TYPE = 1, 2, 3, 4, 5, 7
_RA, _DEC, _B, _D, _D_ERR, _D_FLAG, _MASS = 8, 9, 10, 32, 33, 34, 35


class GladePlusReader:
    """Reads ``GLADE+.txt``."""

    def __init__(self, path: Path, version: str | None = None) -> None:
        self._path = path
        self.source = CatalogueSource(
            name="gladeplus",
            version=version or path.stem,
            credit="GLADE+, Dalya et al. 2022, MNRAS 514, 1403 (VizieR VII/291)",
            licence="not stated; credit the paper",
        )

    def pieces(self) -> Iterator[NDArray[Any]]:
        """Galaxies, 200,000 lines at a time.

        Raises
        ------
        ValueError
            With the line number, if a line does not have 39 or 40 columns.
        """
        with self._path.open(encoding="ascii", errors="replace") as file:
            batch: list[list[str]] = []
            width = 0
            for number, line in enumerate(file, start=1):
                cells = line.split()
                if not cells:
                    continue
                width = width or len(cells)
                if len(cells) != width or width not in COLUMNS:
                    raise ValueError(
                        f"{self._path.name} line {number}: {len(cells)} columns, "
                        f"expected {width if width in COLUMNS else '40 (or 39)'}"
                    )
                if cells[_TYPE] != QUASAR:
                    batch.append(cells)
                if len(batch) >= PIECE:
                    yield _piece(batch)
                    batch = []
            if batch:
                yield _piece(batch)


def _numbers(rows: list[list[str]], column: int) -> NDArray[np.float64]:
    return np.array([np.nan if row[column] == "null" else float(row[column]) for row in rows])


def _name(row: list[str]) -> bytes:
    for column, prefix in (
        (_HYPERLEDA, ""),
        (_GWGC, ""),
        (_PGC, "PGC"),
        (_TWOMASS, "2MASX J"),
        (_WISE, "WISE J"),
    ):
        if row[column] != "null":
            return f"{prefix}{row[column]}".encode("ascii", "replace")[:32]
    return f"GLADE+ {row[0]}".encode()


def _piece(rows: list[list[str]]) -> NDArray[Any]:
    table = empty(len(rows))
    table["name"] = [_name(row) for row in rows]
    table["ra_deg"], table["dec_deg"] = _numbers(rows, _RA), _numbers(rows, _DEC)
    table["b_mag"] = _numbers(rows, _B)
    flag = _numbers(rows, _D_FLAG)
    distance = np.where(flag > 0, _numbers(rows, _D), np.nan)
    table["distance_mpc"] = distance
    table["distance_err_mpc"] = _numbers(rows, _D_ERR)
    mass = _numbers(rows, _MASS)  # in units of 1e10 solar masses
    with np.errstate(divide="ignore", invalid="ignore"):
        table["log_mstar"] = np.where(mass > 0, np.log10(mass) + 10.0, np.nan)
    return table

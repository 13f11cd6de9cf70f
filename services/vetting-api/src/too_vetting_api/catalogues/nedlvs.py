"""NED-LVS (Cook et al. 2023, ApJS 268, 14): a FITS table of 1.2 GB, read in pieces.

Only what ranks: galaxies (not groups, quasars, parts), with the catalogue's own distance;
redshifts marked unreliable lend no distance. Zero and infinity mean missing.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from too_vetting_api.catalogues.snapshot import CatalogueSource, empty

GALAXY_TYPES = (b"G", b"")
"""Types that count as single galaxies; an empty type is kept."""
PIECE = 100_000


class NedLvsReader:
    """Reads the FITS file of any release."""

    def __init__(self, path: Path, version: str | None = None) -> None:
        from astropy.io import fits

        self._path = path
        header = fits.getheader(path, 0)
        self.source = CatalogueSource(
            name="nedlvs",
            version=version or str(header.get("VERSION") or header.get("EXTRACT") or path.stem),
            credit=f"NED-LVS, Cook et al. 2023, ApJS 268, 14; DOI "
            f"{header.get('DOI', '10.26132/NED8')}",
            licence="not stated; credit paper and DOI",
        )

    def pieces(self) -> Iterator[NDArray[Any]]:
        """Galaxies, 100,000 rows of the file at a time."""
        from astropy.io import fits

        with fits.open(self._path, memmap=True) as hdus:
            data = hdus[1].data
            names = {name.lower(): name for name in data.dtype.names}
            missing = {"objname", "ra", "dec", "distmpc"} - set(names)
            if missing:
                raise ValueError(f"{self._path.name}: no column {min(missing)!r}")
            for start in range(0, len(data), PIECE):
                yield _piece(data[start : start + PIECE], names)


def _column(rows: Any, names: dict[str, str], name: str) -> NDArray[np.float64]:
    if name not in names:
        return np.full(len(rows), np.nan)
    values = np.asarray(rows.field(names[name]), float)
    return np.where(np.isfinite(values) & (np.abs(values) < 1e300), values, np.nan)


def _piece(rows: Any, names: dict[str, str]) -> NDArray[Any]:
    if "objtype" in names:
        kinds = np.char.strip(np.asarray(rows.field(names["objtype"]), "S8"))
        rows = rows[np.isin(kinds, GALAXY_TYPES)]
    table = empty(len(rows))
    table["name"] = np.char.strip(np.asarray(rows.field(names["objname"]), "S32"))
    table["ra_deg"], table["dec_deg"] = _column(rows, names, "ra"), _column(rows, names, "dec")
    distance = _column(rows, names, "distmpc")
    error = _column(rows, names, "distmpc_unc")
    if "z_qual" in names and "distmpc_method" in names:
        doubtful = np.asarray(rows.field(names["z_qual"]), bool)
        method = np.char.strip(np.asarray(rows.field(names["distmpc_method"]), "S16"))
        distance = np.where(doubtful & (method != b"zIndependent"), np.nan, distance)
    table["distance_mpc"] = np.where(distance > 0, distance, np.nan)
    table["distance_err_mpc"] = np.where(error > 0, error, np.nan)
    mass = _column(rows, names, "mstar")
    with np.errstate(divide="ignore", invalid="ignore"):
        table["log_mstar"] = np.where(mass > 0, np.log10(mass), np.nan)
    return table

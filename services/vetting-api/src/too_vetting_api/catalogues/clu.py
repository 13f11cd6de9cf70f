"""CLU, the Census of the Local Universe: one HDF5 dataset written by astropy's Table.

Its distances are kinematic (3e5 z / 72), so they are turned back into a redshift and made
luminosity distances of our cosmology; rows below 1000 km/s keep their value, because CLU's
nearest distances are measured ones.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from too_vetting_api.catalogues.distance import (
    C_KM_S,
    H0_KM_S_MPC,
    MIN_CZ_KM_S,
    PECULIAR_KM_S,
    luminosity_distance_mpc,
)
from too_vetting_api.catalogues.snapshot import CatalogueSource, empty

CLU_C_KM_S, CLU_H0 = 3.0e5, 72.0
"""With these the catalogue's distances were made from redshift."""
PIECE = 200_000


class CluReader:
    """Reads ``CLU.hdf5``."""

    def __init__(self, path: Path, version: str) -> None:
        self._path = path
        self.source = CatalogueSource(
            name="clu",
            version=version,
            credit="Census of the Local Universe (Cook et al. 2019, ApJ 880, 7)",
            licence="not public; for the collaboration's own use",
        )

    def pieces(self) -> Iterator[NDArray[Any]]:
        """Galaxies, some 200,000 at a time."""
        import h5py  # type: ignore[import-untyped]

        with h5py.File(self._path, "r") as file:
            data = file["data"] if "data" in file else file[next(iter(file))]
            missing = {"name", "ra", "dec", "distmpc"} - set(data.dtype.names or ())
            if missing:
                raise ValueError(f"{self._path.name}: no column {min(missing)!r}")
            for start in range(0, len(data), PIECE):
                yield self._piece(data[start : start + PIECE])

    def _piece(self, rows: NDArray[Any]) -> NDArray[Any]:
        table = empty(len(rows))
        table["name"] = [bytes(name)[:32] for name in rows["name"]]
        table["ra_deg"], table["dec_deg"] = rows["ra"], rows["dec"]
        stated = np.asarray(rows["distmpc"], float)
        z = stated * CLU_H0 / CLU_C_KM_S
        far = z * C_KM_S >= MIN_CZ_KM_S
        distance = np.where(far, luminosity_distance_mpc(z), stated)
        table["distance_mpc"] = distance
        table["distance_err_mpc"] = np.where(far, PECULIAR_KM_S / H0_KM_S_MPC, np.nan)
        if "magb" in (rows.dtype.names or ()):
            table["b_mag"] = rows["magb"]
        if "mstar" in (rows.dtype.names or ()):
            mass = np.asarray(rows["mstar"], float)  # linear solar masses
            with np.errstate(divide="ignore", invalid="ignore"):
                table["log_mstar"] = np.where(mass > 0, np.log10(mass), np.nan)
        return table

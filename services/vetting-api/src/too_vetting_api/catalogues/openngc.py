"""OpenNGC by the ``pyongc`` package: the sample catalogue that needs no download.

Positions are stored in radians; there are no distances, so they are made from redshifts where
that is meaningful. Database: CC-BY-SA-4.0, see the licence note beside the exported file.
"""

import sqlite3
from collections.abc import Iterator
from importlib import metadata, resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from too_vetting_api.catalogues.distance import distance_from_redshift
from too_vetting_api.catalogues.snapshot import CatalogueSource, empty

GALAXY_TYPE = "G"
"""Type of single galaxies; pairs, groups and duplicates are left out."""

LICENCE = "CC-BY-SA-4.0 (OpenNGC database); derived tables carry the same licence"


class OpenNgcReader:
    """Galaxies of the New General and Index Catalogues."""

    def __init__(self) -> None:
        self.source = CatalogueSource(
            name="openngc",
            version=f"pyongc-{metadata.version('pyongc')}",
            credit="OpenNGC by Mattia Verga (github.com/mattiaverga/OpenNGC), distances from "
            "redshift by the ToO Marshal",
            licence=LICENCE,
        )

    def pieces(self) -> Iterator[NDArray[Any]]:
        """All galaxies in one piece."""
        with resources.as_file(resources.files("pyongc") / "ongc.db") as path:
            connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
            try:
                rows = connection.execute(
                    "SELECT name, ra, dec, bmag, redshift FROM objects "
                    "WHERE type = ? AND ra IS NOT NULL AND dec IS NOT NULL ORDER BY name",
                    (GALAXY_TYPE,),
                ).fetchall()
            finally:
                connection.close()
        table = empty(len(rows))
        names, ra, dec, b_mag, redshift = zip(*rows, strict=True)
        table["name"] = [name.encode("ascii", "replace")[:32] for name in names]
        table["ra_deg"] = np.degrees(np.array(ra, float))
        table["dec_deg"] = np.degrees(np.array(dec, float))
        table["b_mag"] = np.array(b_mag, float)
        distance, error = distance_from_redshift(
            np.array(redshift, float), table["ra_deg"], table["dec_deg"]
        )
        table["distance_mpc"], table["distance_err_mpc"] = distance, error
        yield table

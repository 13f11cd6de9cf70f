"""CPU work, run in worker processes: levels of candidates, ranking of galaxies, catalogues, ECSV.

Everything slow to import (astropy, numpy's friends) is imported inside.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

RANK_KEEP_LEVEL = 0.999
"""Galaxies outside this 2-D credible region are left out of an event's list."""


@dataclass(frozen=True, slots=True)
class Levels:
    """Where a candidate lies in a map; None where that is not known."""

    level_2d: float | None
    level_3d: float | None
    density_2d_per_sr: float | None


def warm() -> None:
    """Import what the tasks need, once per process."""
    import too_common.astro.galaxies
    import too_common.astro.skymap  # noqa: F401


def candidate_levels(map_path: str, candidates: list[dict[str, Any]]) -> list[Levels]:
    """Credible levels of positions; a distance is the stated one, else from the redshift."""
    import numpy as np
    from too_common.astro.skymap import SkyMap

    from too_vetting_api.catalogues.distance import distance_from_redshift

    skymap = SkyMap.from_fits(Path(map_path).read_bytes())

    def column(name: str) -> Any:
        values = [item[name] for item in candidates]
        return np.array([np.nan if value is None else value for value in values], float)

    ra, dec = column("ra_deg"), column("dec_deg")
    by_z, by_z_error = distance_from_redshift(column("redshift"), ra, dec, column("redshift_error"))
    stated, stated_error = column("distance_mpc"), column("distance_error_mpc")
    distance = np.where(np.isfinite(stated), stated, by_z)
    error = np.where(np.isfinite(stated), np.nan_to_num(stated_error), by_z_error)
    level_2d, density = skymap.credible_level(ra, dec), skymap.density(ra, dec)
    level_3d = np.full(len(ra), np.nan)
    if skymap.is_3d:
        level_3d = skymap.credible_level_3d(ra, dec, distance, error)
    return [
        Levels(_known(two), _known(three), _known(rho))
        for two, three, rho in zip(level_2d, level_3d, density, strict=True)
    ]


def _known(value: Any) -> float | None:
    number = float(value)
    return number if number == number else None  # noqa: PLR0124 -- NaN


def rank_catalogue(map_path: str, catalogue_path: str, out_path: str) -> int:
    """Rank a catalogue in a map and keep the result as a ``.npy`` file.

    Returns
    -------
    int
        Number of galaxies inside `RANK_KEEP_LEVEL`.
    """
    import numpy as np
    from too_common.astro.galaxies import rank_galaxies
    from too_common.astro.skymap import SkyMap

    from too_vetting_api.catalogues.distance import b_luminosity
    from too_vetting_api.catalogues.ranking import RANK_DTYPE
    from too_vetting_api.catalogues.snapshot import open_snapshot

    skymap = SkyMap.from_fits(Path(map_path).read_bytes())
    table = open_snapshot(Path(catalogue_path))
    index = np.asarray(table["hpx29"])
    level_2d = np.asarray(skymap.leaf_levels)[skymap.leaf_at_index(index)]
    inside = (level_2d <= RANK_KEEP_LEVEL) & (skymap.leaf_at_index(index) >= 0)
    rows = np.flatnonzero(inside)
    if not len(rows):
        rows = np.zeros(0, np.int64)
    found = table[rows]
    ranking = np.zeros(len(rows), RANK_DTYPE)
    ranking["row"] = rows
    if len(rows):
        result = rank_galaxies(
            skymap,
            found["ra_deg"],
            found["dec_deg"],
            found["distance_mpc"],
            np.nan_to_num(found["distance_err_mpc"], nan=0.0),
            b_luminosity(found["b_mag"], found["distance_mpc"]),
            index29=np.ascontiguousarray(found["hpx29"]),
        )
        for name in ("level_2d", "level_3d", "density_2d", "density_3d", "score"):
            ranking[name] = getattr(result, name)
    target = Path(out_path)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    with part.open("wb") as file:
        np.lib.format.write_array(file, ranking, version=(1, 0))
    part.replace(target)
    return len(rows)


def build_catalogue(
    form: str, path: str | None, version: str | None, folder: str
) -> dict[str, Any]:
    """Read a catalogue's file and write its snapshot.

    Raises
    ------
    ValueError
        If the file is not what the format says.
    """
    from too_vetting_api.catalogues.readers import reader_of
    from too_vetting_api.catalogues.snapshot import assemble, write

    reader = reader_of(form, None if path is None else Path(path), version)
    written = write(assemble(reader.pieces()), Path(folder))
    source = reader.source
    return {
        "name": source.name,
        "version": source.version,
        "credit": source.credit,
        "licence": source.licence,
        "sha256": written.sha256,
        "size_bytes": written.size_bytes,
        "rows": written.rows,
    }


def read_candidate_file(data: bytes) -> list[dict[str, Any]]:
    """Rows of an ECSV file."""
    from too_vetting_api.domain.candidate_files import read_ecsv

    return read_ecsv(data)

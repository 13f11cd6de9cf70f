"""Galaxies as targets: choose them by the map's volume, put neighbours into one pointing.

For a camera of a few arc minutes galaxies are the fields. Each has a score, its share of the
catalogue's probability (sky or volume, times luminosity or mass); galaxies that share a field
of view become one pointing, and the scheduler then covers score as it covers sky.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from too_common.astro.galaxies import rank_galaxies
from too_common.astro.sphere import separation_deg

from too_planner.assembly import Target
from too_planner.coverage import Points
from too_planner.nightsky import FloatArray

if TYPE_CHECKING:
    from too_common.astro.footprint import Footprint
    from too_common.astro.skymap import SkyMap

CATALOGUE_DTYPE = np.dtype(
    [
        ("hpx29", "i8"),
        ("ra_deg", "f8"),
        ("dec_deg", "f8"),
        ("distance_mpc", "f4"),
        ("distance_err_mpc", "f4"),
        ("b_mag", "f4"),
        ("log_mstar", "f4"),
        ("name", "S32"),
    ]
)
"""Rows of a catalogue snapshot, sorted by nested HEALPix index; NaN where nothing is known."""
MAX_GALAXIES = 400
"""Best galaxies that become candidates; a night has room for a hundred or so."""
REACH_WITHOUT_DISTANCE_MPC = 200.0
"""Where the map has no distance, galaxies beyond this are left out unless asked for."""
LEVEL = 0.95
"""Galaxies outside this credible region are not looked at."""
_SUN_B_MAG = 5.48
"""Absolute B magnitude of the Sun."""


class CatalogueError(ValueError):
    """A snapshot that cannot be used."""


def open_catalogue(path: Path) -> NDArray[Any]:
    """Open a snapshot as a memory map.

    Raises
    ------
    CatalogueError
        If the file is not a snapshot.
    """
    try:
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise CatalogueError(f"not a catalogue snapshot: {error}") from error
    missing = [name for name in CATALOGUE_DTYPE.names or () if name not in (rows.dtype.names or ())]
    if missing:
        raise CatalogueError(f"the catalogue has no column {missing[0]}")
    return np.asarray(rows) if rows.ndim == 1 else rows.reshape(-1)


@dataclass(frozen=True)
class GalaxyTargets:
    """Pointings at galaxies.

    Attributes
    ----------
    targets : Target
        Pointings, richest galaxy's name first.
    points : Points
        All chosen galaxies, weighted by score (the whole catalogue's is 1).
    rows : list of dict
        The galaxies, best first.
    """

    targets: Target
    points: Points
    rows: list[dict[str, Any]]
    notes: tuple[str, ...] = ()


def choose_galaxies(
    catalogue: NDArray[Any],
    skymap: "SkyMap",
    footprint: "Footprint",
    limit: int = MAX_GALAXIES,
    *,
    distance_mpc: tuple[float, float] | None = None,
) -> GalaxyTargets:
    """Rank a catalogue against a map and group the best galaxies into pointings.

    With distances in the map galaxies are ranked by its volume density times mass or light, else
    by its density on the sky times mass or light, down to a depth.

    Parameters
    ----------
    distance_mpc
        Only galaxies between these distances; left out: all if the map has distances, else those
        up to `REACH_WITHOUT_DISTANCE_MPC`.

    Raises
    ------
    CatalogueError
        If no galaxy of the catalogue lies in the map's region.
    """
    near = _in_region(catalogue, skymap)
    if len(near) == 0:
        raise CatalogueError("no galaxy of the catalogue lies in the map's 95 % region")
    rows = catalogue[near]
    notes: tuple[str, ...] = ()
    if distance_mpc is None and not skymap.is_3d:
        distance_mpc = (0.0, REACH_WITHOUT_DISTANCE_MPC)
        reach = f"{REACH_WITHOUT_DISTANCE_MPC:g} Mpc"
        notes = (f"the map has no distance: galaxies up to {reach} are ranked by place alone",)
    if distance_mpc is not None:
        low, high = distance_mpc
        inside = (rows["distance_mpc"] >= low) & (rows["distance_mpc"] <= high)
        if not inside.any():
            raise CatalogueError(
                f"no galaxy of the map's region lies between {low:g} and {high:g} Mpc"
            )
        rows = rows[inside]
    ranking = rank_galaxies(
        skymap,
        rows["ra_deg"],
        rows["dec_deg"],
        rows["distance_mpc"].astype(np.float64),
        rows["distance_err_mpc"].astype(np.float64),
        luminosity_of(rows),
        index29=rows["hpx29"].astype(np.int64),
    )
    order = np.argsort(-ranking.score, kind="stable")
    order = order[ranking.score[order] > 0][:limit]
    if len(order) == 0:
        raise CatalogueError("no galaxy of the catalogue lies at the map's distance")
    chosen, score = rows[order], ranking.score[order]
    ra, dec = chosen["ra_deg"].astype(np.float64), chosen["dec_deg"].astype(np.float64)
    names = [bytes(name).decode("utf-8", "replace").strip("\0 ") for name in chosen["name"]]
    labels = [
        name or f"galaxy {float(a):.4f} {float(d):+.4f}"
        for name, a, d in zip(names, ra, dec, strict=True)
    ]
    return GalaxyTargets(
        targets=_pointings(labels, ra, dec, footprint),
        points=Points.make(ra, dec, score, np.zeros(len(score))),
        rows=[
            {
                "name": label,
                "ra_deg": round(float(a), 5),
                "dec_deg": round(float(d), 5),
                "distance_mpc": _number(row["distance_mpc"]),
                "score": round(float(value), 6),
            }
            for label, a, d, row, value in zip(labels, ra, dec, chosen, score, strict=True)
        ],
        notes=notes,
    )


def luminosity_of(rows: NDArray[Any]) -> FloatArray:
    """Stellar mass if the catalogue has it for most galaxies, else B luminosity (solar units)."""
    mass = rows["log_mstar"].astype(np.float64)
    if np.isfinite(mass).mean() > 0.5:
        return np.where(np.isfinite(mass), 10.0**mass, np.nan)
    distance = rows["distance_mpc"].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        absolute = rows["b_mag"].astype(np.float64) - 5.0 * np.log10(distance) - 25.0
        return np.asarray(10.0 ** (-0.4 * (absolute - _SUN_B_MAG)))


def _in_region(catalogue: NDArray[Any], skymap: "SkyMap") -> NDArray[np.int64]:
    """Rows inside the credible region, by ranges of the sorted index."""
    inside = np.flatnonzero(skymap.leaf_levels <= LEVEL)
    if len(inside) == 0:
        inside = np.array([int(np.argmax(skymap.probdensity))])
    index = catalogue["hpx29"]
    first = np.searchsorted(index, skymap.range_start[inside], side="left")
    last = np.searchsorted(index, skymap.range_end[inside], side="left")
    parts = [np.arange(a, b) for a, b in zip(first, last, strict=True) if b > a]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def _pointings(
    labels: list[str], ra: FloatArray, dec: FloatArray, footprint: "Footprint"
) -> Target:
    """One pointing per group: the best galaxy's, moved so that its neighbours fit too."""
    taken = np.zeros(len(labels), dtype=bool)
    names: list[str] = []
    centres: list[tuple[float, float]] = []
    for index in range(len(labels)):
        if taken[index]:
            continue
        near = np.flatnonzero(
            ~taken & (separation_deg(ra[index], dec[index], ra, dec) < 2 * footprint.radius_deg)
        )
        members = [index]
        centre = (float(ra[index]), float(dec[index]))
        for other in near:
            if other == index:
                continue
            trial = [*members, int(other)]
            moved = _middle(ra[trial], dec[trial])
            if footprint.contains(*moved, ra[trial], dec[trial]).all():
                members, centre = trial, moved
        taken[members] = True
        names.append(labels[index])
        centres.append(centre)
    places = np.array(centres)
    return Target(names, places[:, 0], places[:, 1])


def _middle(ra: FloatArray, dec: FloatArray) -> tuple[float, float]:
    offset = (ra - ra[0] + 180.0) % 360.0 - 180.0
    middle_ra = (ra[0] + (offset.min() + offset.max()) / 2) % 360.0
    return float(middle_ra), float((dec.min() + dec.max()) / 2)


def _number(value: Any) -> float | None:
    number = float(value)
    return round(number, 3) if np.isfinite(number) else None

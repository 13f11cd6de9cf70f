"""What a plan may point at: fields of the grid, galaxies, or pointings of its own."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from too_planner import coverage, depth, pointings, visibility
from too_planner.assembly import Target
from too_planner.coverage import Points
from too_planner.fieldgrid import FieldGrid
from too_planner.request import Parameters
from too_planner.telescope import Strategy, TelescopeDefinition

if TYPE_CHECKING:
    from too_common.astro.footprint import Footprint
    from too_common.astro.skymap import SkyMap

SPARE = 1.3
"""Free pointings are chosen for somewhat more time than there is: some set too early."""
MAX_TILES = 200
_WHOLE = 0.98
"""Fields that hold this much of a small region leave nothing to be wished for."""
_ONE_TILE = "the region fits the field of view: one centred tile"
_IN_GAPS = "the region fits the field of view, but lies in gaps of the fields of"
_TWO_TILES = "the region fits the field of view: two tiles close together, for the camera's gaps"


@dataclass(frozen=True)
class Chosen:
    """Candidates of a plan.

    Attributes
    ----------
    weight_points : Points, optional
        What is to be covered if it is not the map's probability (galaxies with their score).
    galaxies : list of dict
        Rows of the galaxies, best first.
    notes : tuple of str
        What a person should know of the choice.
    """

    targets: Target
    weight_points: Points | None = None
    galaxies: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()


def choose_targets(
    telescope: TelescopeDefinition,
    parameters: Parameters,
    *,
    grid: FieldGrid | None,
    footprint: "Footprint",
    points: Points | None,
    skymap: "SkyMap | None",
    catalogue_path: Path | None,
    has_reference_list: bool = False,
) -> Chosen:
    """Choose what the plan may point at.

    Parameters
    ----------
    has_reference_list
        Reference images are asked for and their list is known: free pointings have none.

    Raises
    ------
    ValueError
        If what the strategy needs is not there (a map, a catalogue, a grid).
    CatalogueError
        If no galaxy can be a target.
    """
    if parameters.strategy is Strategy.GALAXIES:
        return _galaxies(telescope, parameters, footprint, skymap, catalogue_path)
    if parameters.strategy is Strategy.FREE:
        if points is None:
            raise ValueError("free pointings need a map")
        return _free(telescope, parameters, footprint, points, grid)
    if grid is None:
        raise ValueError(f"{telescope.name} has no grid")
    if parameters.field_ids is not None:
        return Chosen(_of_grid(grid.take(grid.indices_of(list(parameters.field_ids)))))
    chosen = grid.select(parameters.field_sets)
    if points is None or not parameters.centred:
        return Chosen(_of_grid(chosen))
    free = telescope.grid.free_pointing
    if free and not (parameters.require_references and has_reference_list):
        tiles = _small(footprint, points)
        return _few(tiles) if tiles else Chosen(_of_grid(chosen))
    better = _other_set(grid, chosen, footprint, points)
    if better is None:
        return Chosen(_of_grid(chosen))
    sets = ", ".join(parameters.field_sets)
    return Chosen(_of_grid(better), notes=(f"{_IN_GAPS} {sets}: fields of all sets are used",))


def _galaxies(
    telescope: TelescopeDefinition,
    parameters: Parameters,
    footprint: "Footprint",
    skymap: "SkyMap | None",
    catalogue_path: Path | None,
) -> Chosen:
    if skymap is None or catalogue_path is None:
        raise ValueError("galaxies need a map and a catalogue")
    from too_planner.catalogue_file import open_any_catalogue
    from too_planner.galaxies import choose_galaxies

    between = parameters.galaxy_distance_mpc
    if between is None and parameters.depth is not None:
        between = (0.0, depth.farthest_mpc(telescope, parameters))
    found = choose_galaxies(
        open_any_catalogue(catalogue_path),
        skymap,
        footprint,
        distance_mpc=between,
    )
    return Chosen(found.targets, found.points, tuple(found.rows), found.notes)


def _few(tiles: list[pointings.Tile]) -> Chosen:
    note = _ONE_TILE if len(tiles) == 1 else _TWO_TILES
    return Chosen(pointings.targets_of(tiles), notes=(note,))


def _of_grid(grid: FieldGrid) -> Target:
    return Target([str(value) for value in grid.field_id], grid.ra_deg, grid.dec_deg)


def _small(footprint: "Footprint", points: Points) -> list[pointings.Tile]:
    """Tiles for a region that fits the field of view; none if it does not."""
    return pointings.single_tile(points, footprint) if _fits(footprint, points) else []


def _fits(footprint: "Footprint", points: Points) -> bool:
    """Could one field of view hold the region? A quick look at the places that matter."""
    cells = coverage.coarse_cells(points, max(footprint.radius_deg, 0.05))
    heavy = cells.weight > 0.02 * cells.weight.sum()
    centre = (cells.vectors[heavy] * cells.weight[heavy, None]).sum(axis=0)
    length = float(np.linalg.norm(centre))
    if not heavy.any() or length == 0:
        return False
    # places of 2 % or more that lie apart: do not even try
    reach = np.degrees(np.arccos(np.clip(cells.vectors[heavy] @ (centre / length), -1, 1)))
    return bool(reach.max() <= 1.1 * footprint.radius_deg + 0.05)


def _other_set(
    grid: FieldGrid, chosen: FieldGrid, footprint: "Footprint", points: Points
) -> FieldGrid | None:
    """All sets, if one of their fields holds a small region that those asked for split."""
    if len(chosen) == len(grid):
        return None
    if not _fits(footprint, points):
        return None
    here = _reach(chosen, footprint, points)
    if here >= _WHOLE:
        return None
    return grid if _reach(grid, footprint, points) > here + pointings.WORTH_A_DITHER else None


def _reach(grid: FieldGrid, footprint: "Footprint", points: Points) -> float:
    """Share of the weight in any of the fields around the heaviest place."""
    heavy = points.vectors[np.argmax(points.weight)]
    near = _unit(grid.ra_deg, grid.dec_deg) @ heavy
    inside = np.flatnonzero(near > np.cos(np.radians(min(2 * footprint.radius_deg, 90.0))))
    members = [points.inside(footprint, grid.ra_deg[i], grid.dec_deg[i]) for i in inside]
    seen = coverage.union_of(members, len(points))
    return float(points.weight[seen].sum() / points.weight.sum())


def _unit(ra_deg: Any, dec_deg: Any) -> Any:
    from too_common.astro.sphere import unit_vectors

    return unit_vectors(ra_deg, dec_deg)


def _free(
    telescope: TelescopeDefinition,
    parameters: Parameters,
    footprint: "Footprint",
    points: Points,
    grid: FieldGrid | None,
) -> Chosen:
    """Free pointings; regular tilings and the grid's own fields are there to choose from too."""
    night = night_of(telescope, parameters)
    limits = parameters.constraints(telescope)
    visible = visibility.ever_observable(night, limits, points.ra_deg, points.dec_deg)["moon"]
    seen = points.without(np.flatnonzero(~visible))
    if parameters.centred:
        tiles = _small(footprint, seen)
        if tiles:
            return _few(tiles)
    visit_s = sum(parameters.exposure_times_s) + telescope.timing.overhead_s * len(
        parameters.filters
    )
    count = int(SPARE * night.dark_s / visit_s) + 3
    if parameters.max_fields is not None:
        count = min(count, int(SPARE * parameters.max_fields) + 3)
    tiles = pointings.free_tiles(seen, footprint, min(count, MAX_TILES))
    lattice = pointings.lattices(seen, footprint)
    more = Target(
        [pointings.name_of(ra, dec) for ra, dec in lattice],
        np.array([ra for ra, _ in lattice], dtype=np.float64),
        np.array([dec for _, dec in lattice], dtype=np.float64),
    )
    parts = [pointings.targets_of(tiles), more]
    if grid is not None:
        fields = _of_grid(grid.select(parameters.field_sets))
        parts.append(fields.take(_touching(seen, footprint, fields)))
    return Chosen(_joined(parts))


def _touching(points: Points, footprint: "Footprint", targets: Target) -> Any:
    """Tell which targets may hold a point of weight."""
    from scipy.spatial import cKDTree

    cells = coverage.coarse_cells(points)
    if len(cells) == 0:
        return np.zeros(len(targets), dtype=bool)
    reach = 2 * np.sin(np.radians(min(footprint.radius_deg + 1.0, 180.0)) / 2)
    vectors = _unit(targets.ra_deg, targets.dec_deg)
    away, _ = cKDTree(cells.vectors).query(vectors, distance_upper_bound=float(reach))
    return np.isfinite(away)


def _joined(parts: list[Target]) -> Target:
    """Targets of several kinds, every name once."""
    labels = [label for part in parts for label in part.labels]
    ra = np.concatenate([part.ra_deg for part in parts])
    dec = np.concatenate([part.dec_deg for part in parts])
    _, first = np.unique(labels, return_index=True)
    keep = np.sort(first)
    return Target([labels[index] for index in keep], ra[keep], dec[keep])


def night_of(telescope: TelescopeDefinition, parameters: Parameters) -> visibility.Night:
    """The dark time of a request, its epoch a whole second."""
    epoch = parameters.window_begin.replace(microsecond=0)
    if epoch < parameters.window_begin:
        epoch += timedelta(seconds=1)
    windows = [
        (max(0.0, (window.begin - epoch).total_seconds()), (window.end - epoch).total_seconds())
        for window in parameters.windows
    ]
    return visibility.make_night(telescope.site, epoch, windows, parameters.sun_altitude_max_deg)

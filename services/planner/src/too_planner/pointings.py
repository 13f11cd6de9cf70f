"""Pointings off the grid: where a telescope accepts them, and one tile where one is enough.

The sky that can be observed is covered greedily: the place whose field of view holds most of what
is not covered yet is taken, moved to where it holds most, and so on; then every pointing is moved
once more while the others stay. Coverage is submodular, so a gain never grows while others are
added, and most candidates need not be looked at again (Minoux 1978).
"""

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from too_common.astro.sphere import from_tangent_plane, from_unit_vectors, unit_vectors

from too_planner.assembly import Target
from too_planner.coverage import FloatArray, IntArray, Points, coarse_cells

if TYPE_CHECKING:
    from too_common.astro.footprint import Footprint

SMALL = 0.9
"""A region of which one field of view holds this much is small."""
WORTH_A_DITHER = 0.02
"""A second, shifted pointing has to add this much (gaps between chips)."""
MAX_CANDIDATES = 2400
_STEPS = (1 / 4, 1 / 10, 1 / 25)
"""Of the camera's radius: how far a pointing is moved at a time."""
_MOVES = 6
_DIRECTIONS = np.stack([np.cos(np.arange(8) * np.pi / 4), np.sin(np.arange(8) * np.pi / 4)], -1)
_LEAST_GAIN = 1e-5
_SWEEPS = 4
_MOVE_GAIN = 1e-6
"""A move has to gain this much: among equals the centre of the region stays in the middle."""


@dataclass(frozen=True)
class Tile:
    """One pointing and what it sees."""

    ra_deg: float
    dec_deg: float
    members: IntArray
    weight: float
    """Weight inside that no tile before it holds."""


def single_tile(points: Points, footprint: "Footprint", level: float = SMALL) -> list[Tile]:
    """One tile around a small region, or two close together where the camera has gaps.

    Parameters
    ----------
    points
        What is to be seen.
    level
        Share of the points' weight that the first tile has to hold.

    Returns
    -------
    list of Tile
        Empty if the region does not fit the field of view.
    """
    total = float(points.weight.sum())
    if total <= 0:
        return []
    centre = _mean_place(points.vectors, points.weight)
    free = np.ones(len(points), dtype=bool)
    first = _moved(points, footprint, free, centre)
    if first.weight < level * total:
        return []
    free[first.members] = False
    if total - first.weight < WORTH_A_DITHER * total:
        return [first]
    second = _moved(points, footprint, free, (first.ra_deg, first.dec_deg))
    return [first, second] if second.weight >= WORTH_A_DITHER * total else [first]


def free_tiles(points: Points, footprint: "Footprint", count: int) -> list[Tile]:
    """Cover points with at most `count` free pointings, richest first.

    Parameters
    ----------
    points
        What is to be seen; points that cannot be observed have the weight 0.
    """
    if count < 1 or not np.any(points.weight > 0):
        return []
    # cells small against the camera, or its gaps, are enough to choose places
    parts = 60.0 if footprint.shape in {"rectangles", "polygons"} else 20.0
    coarse = coarse_cells(points, max(footprint.radius_deg / parts, 0.004))
    if len(coarse) < 0.7 * len(points):
        points = coarse
    places = _candidates(points, footprint, count)
    free = np.ones(len(points), dtype=bool)
    members = [points.inside(footprint, ra, dec) for ra, dec in places]
    heap = [(-float(points.weight[index].sum()), number) for number, index in enumerate(members)]
    heapq.heapify(heap)
    tiles: list[Tile] = []
    while heap and len(tiles) < count:
        _, number = heapq.heappop(heap)
        gain = _gain(points, members[number], free)
        if gain <= _LEAST_GAIN:
            continue
        if heap and gain < -heap[0][0] - _LEAST_GAIN:
            heapq.heappush(heap, (-gain, number))
            continue
        tile = _moved(points, footprint, free, places[number])
        free[tile.members] = False
        tiles.append(tile)
    return _settled(points, footprint, tiles)


def targets_of(tiles: list[Tile]) -> Target:
    """Tiles as targets; they are named by their place, so that a name stays with its sky."""
    return Target(
        [name_of(tile.ra_deg, tile.dec_deg) for tile in tiles],
        np.array([tile.ra_deg for tile in tiles], dtype=np.float64),
        np.array([tile.dec_deg for tile in tiles], dtype=np.float64),
    )


def name_of(ra_deg: float, dec_deg: float) -> str:
    """Name of a free pointing, e.g. ``J115.0021+10.0000``."""
    return f"J{ra_deg % 360.0:08.4f}{dec_deg:+08.4f}"


def _candidates(points: Points, footprint: "Footprint", count: int) -> list[tuple[float, float]]:
    """Places of weight, about half a field of view apart, richest first."""
    cells = coarse_cells(points, max(0.35 * footprint.radius_deg, 0.02))
    wanted = int(np.clip(12 * count, 200, MAX_CANDIDATES))
    order = np.argsort(-cells.weight, kind="stable")[:wanted]
    return [(float(cells.ra_deg[i]), float(cells.dec_deg[i])) for i in order]


def _gain(points: Points, members: IntArray, free: NDArray[np.bool_]) -> float:
    return float(points.weight[members[free[members]]].sum())


def _moved(
    points: Points, footprint: "Footprint", free: NDArray[np.bool_], place: tuple[float, float]
) -> Tile:
    """Move a pointing uphill, in steps that grow smaller."""
    ra, dec = place
    around = _around(points, place, 2.5 * footprint.radius_deg)
    vectors = points.vectors[around]
    weight = np.where(free[around], points.weight[around], 0.0)
    gain = float(weight[footprint.contains_vectors(ra, dec, vectors)].sum())
    for part in _STEPS:
        step = part * footprint.radius_deg
        for _ in range(_MOVES):
            x, y = step * _DIRECTIONS[:, 0], step * _DIRECTIONS[:, 1]
            there_ra, there_dec = from_tangent_plane(ra, dec, x, y)
            gains = [
                float(weight[footprint.contains_vectors(float(a), float(d), vectors)].sum())
                for a, d in zip(there_ra, there_dec, strict=True)
            ]
            best = int(np.argmax(gains))
            if gains[best] <= gain + _MOVE_GAIN:
                break
            ra, dec, gain = float(there_ra[best]) % 360.0, float(there_dec[best]), gains[best]
    members = points.inside(footprint, ra, dec)
    return Tile(ra, dec, members, _gain(points, members, free))


def _around(points: Points, place: tuple[float, float], radius_deg: float) -> IntArray:
    near = points.vectors @ unit_vectors(*place)
    return np.flatnonzero(near > np.cos(np.radians(min(radius_deg, 180.0))))


def _settled(points: Points, footprint: "Footprint", tiles: list[Tile]) -> list[Tile]:
    """Move every tile again, the others held, until nothing is gained any more."""
    if not 1 < len(tiles) <= 60:
        return tiles
    times = np.zeros(len(points), dtype=np.int64)
    for tile in tiles:
        times[tile.members] += 1
    covered = float(points.weight[times > 0].sum())
    for _ in range(_SWEEPS):
        moved: list[Tile] = []
        for tile in tiles:
            times[tile.members] -= 1
            found = _moved(points, footprint, times == 0, (tile.ra_deg, tile.dec_deg))
            times[found.members] += 1
            moved.append(found)
        tiles = moved
        now = float(points.weight[times > 0].sum())
        if now < covered + _LEAST_GAIN * 10:
            break
        covered = now
    return [tile for tile in tiles if tile.weight > _LEAST_GAIN]


def lattices(points: Points, footprint: "Footprint") -> list[tuple[float, float]]:
    """Regular tilings of a region, hexagonal for a round camera, in four positions each.

    A greedy choice packs a round region badly; the planner picks the best of both.
    """
    centre_ra, centre_dec = _mean_place(points.vectors, points.weight)
    reach = _reach_deg(points, centre_ra, centre_dec)
    round_camera = footprint.circle_radius_deg is not None
    step_x, step_y = 1.4 * footprint.radius_deg, 1.4 * footprint.radius_deg
    if round_camera:
        step_x, step_y = np.sqrt(3.0) * footprint.radius_deg, 1.5 * footprint.radius_deg
    if reach > 20.0 or reach / step_y > 15:
        return []
    rows = np.arange(-np.ceil(reach / step_y) - 1, np.ceil(reach / step_y) + 2)
    columns = np.arange(-np.ceil(reach / step_x) - 1, np.ceil(reach / step_x) + 2)
    places: list[tuple[float, float]] = []
    for shift_x, shift_y in ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5)):
        for row in rows:
            turned = 0.5 * (row % 2) if round_camera else 0.0
            x = (columns + shift_x + turned) * step_x
            y = np.full(len(x), (row + shift_y) * step_y)
            near = np.hypot(x, y) <= reach + footprint.radius_deg
            ra, dec = from_tangent_plane(centre_ra, centre_dec, x[near], y[near])
            places += [(float(a) % 360.0, float(d)) for a, d in zip(ra, dec, strict=True)]
    return places


def _reach_deg(points: Points, ra_deg: float, dec_deg: float) -> float:
    """Radius about a place that holds nearly all of the weight."""
    away = np.degrees(np.arccos(np.clip(points.vectors @ unit_vectors(ra_deg, dec_deg), -1, 1)))
    order = np.argsort(away)
    inside = np.searchsorted(np.cumsum(points.weight[order]), 0.98 * points.weight.sum())
    return float(away[order[min(int(inside), len(order) - 1)]])


def _mean_place(vectors: FloatArray, weight: FloatArray) -> tuple[float, float]:
    ra, dec = from_unit_vectors((vectors * weight[:, None]).sum(axis=0, keepdims=True))
    return float(ra[0]), float(dec[0])

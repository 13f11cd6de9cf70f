"""The inner loop of `camera.py`, compiled: which points around a pointing its camera sees.

Imported only where numba is loaded anyhow, for its import costs half a second. It gives the points
that the version without it gives: what falls into a raster cell with an edge in it, or close to
a circle's rim, is left to the exact outline.
"""

import math
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from too_common.astro.footprint import Footprint

    from too_planner.camera import Batch, Frame, Raster

_CELLS = 1024
_RIM_DEG = 1e-9


def _compiled(function: Any) -> Any:
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # nowhere to keep the machine code
        return numba.njit(nogil=True)(function)


def _walk(
    owner: NDArray[np.int64],
    start: NDArray[np.int64],
    stop: NDArray[np.int64],
    points: NDArray[np.float64],
    centre: NDArray[np.float64],
    east: NDArray[np.float64],
    north: NDArray[np.float64],
    smallest: float,
    limit: float,
    table: NDArray[np.int8],
    reach: float,
    scale: float,
    index: NDArray[np.int64],
    of_pointing: NDArray[np.int64],
    unsure: NDArray[np.int64],
    plane: NDArray[np.float64],
) -> tuple[int, int]:
    """Fill `index` and `of_pointing`; places whose points are unsure, with their coordinates."""
    found, doubts = 0, 0
    degree = 180.0 / math.pi
    for run in range(len(owner)):
        o = owner[run]
        cx, cy, cz = centre[0, o], centre[1, o], centre[2, o]
        ex, ey, ez = east[0, o], east[1, o], east[2, o]
        nx, ny, nz = north[0, o], north[1, o], north[2, o]
        for i in range(start[run], stop[run]):
            px, py, pz = points[0, i], points[1, i], points[2, i]
            along = px * cx + py * cy + pz * cz
            if along <= smallest:
                continue
            unit = degree / along
            x = (px * ex + py * ey + pz * ez) * unit
            y = (px * nx + py * ny + pz * nz) * unit
            if limit > 0.0:
                away = math.hypot(x, y) - limit
                if away > _RIM_DEG:
                    continue
                sure = away < -_RIM_DEG
            else:
                if not (abs(x) < reach and abs(y) < reach):
                    continue
                row = int((y + reach) * scale) + 1
                code = table[row * _CELLS + int((x + reach) * scale) + 1]
                if code == 0:
                    continue
                sure = code == 1
            if not sure:
                unsure[doubts] = found
                plane[0, doubts] = x
                plane[1, doubts] = y
                doubts += 1
            index[found] = i
            of_pointing[found] = o
            found += 1
    return found, doubts


_walk_compiled = _compiled(_walk)


def seen(
    batch: "Batch",
    columns: NDArray[np.float64],
    frame: "Frame",
    footprint: "Footprint",
    raster: "Raster | None",
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Points that the pointings of a batch see, and where those of each begin."""
    size = int((batch.stop - batch.start).sum())
    index, owner = np.empty(size, dtype=np.int64), np.empty(size, dtype=np.int64)
    unsure, plane = np.empty(size, dtype=np.int64), np.empty((2, size))
    limit = 0.0
    if footprint.circle_radius_deg is not None:
        limit = float(np.degrees(np.tan(np.radians(footprint.circle_radius_deg))))
    found, doubts = _walk_compiled(
        batch.owner,
        batch.start,
        batch.stop,
        columns,
        frame.centre,
        frame.east,
        frame.north,
        float(np.cos(np.radians(footprint.radius_deg)) - 1e-12),
        limit,
        np.zeros(1, dtype=np.int8) if raster is None else raster.table,
        0.0 if raster is None else raster.reach,
        0.0 if raster is None else raster.scale,
        index,
        owner,
        unsure,
        plane,
    )
    keep = np.ones(found, dtype=bool)
    keep[unsure[:doubts]] = footprint.contains_plane(plane[0, :doubts], plane[1, :doubts])
    owner = owner[:found][keep]
    edges = np.searchsorted(owner, np.arange(batch.first, batch.last + 1))
    return index[:found][keep], edges


def warm_up() -> None:
    """Load or make the machine code, so that no plan waits for it."""
    whole, real = np.zeros(0, dtype=np.int64), np.zeros((3, 0))
    _walk_compiled(
        whole,
        whole,
        whole,
        real,
        real,
        real,
        real,
        1.0,
        0.0,
        np.zeros(1, dtype=np.int8),
        0.0,
        0.0,
        whole,
        whole,
        whole,
        np.zeros((2, 0)),
    )

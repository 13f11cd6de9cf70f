"""Which points of the sky many pointings see, found for all pointings together.

The camera is laid on a fine raster of its tangent plane once. A raster cell is wholly inside,
wholly outside, or crossed by an edge; only points that fall into the last kind are tested against
the camera's exact outline. So the answer is the exact one, at the price of a table look-up.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from too_common.astro.sphere import tangent_basis, unit_vectors

if TYPE_CHECKING:
    from too_common.astro.footprint import Footprint

    from too_planner.coverage import Points

_CELLS = 1024
_OUTSIDE, _INSIDE, _EDGE = 0, 1, 2
_PAIRS = 250_000
"""Points against pointings that are tested at once: bounds the memory."""


class Raster:
    """A camera's tangent plane in square cells.

    Parameters
    ----------
    footprint
        Polygons; circles need no raster.
    """

    def __init__(self, footprint: "Footprint") -> None:
        self._footprint = footprint
        self._reach = float(np.degrees(np.tan(np.radians(footprint.radius_deg)))) * (1 + 1e-9)
        self._scale = (_CELLS - 2) / (2 * self._reach)
        table = np.zeros((_CELLS, _CELLS), dtype=np.int8)
        for polygon in footprint.polygons:
            corners = np.asarray(polygon)
            low, high = self._cell(corners.min(axis=0)), self._cell(corners.max(axis=0))
            box = table[low[1] : high[1] + 1, low[0] : high[0] + 1]
            inner = box[1:-1, 1:-1].copy()
            box[box == _OUTSIDE] = _EDGE
            upright = len({tuple(c) for c in polygon}) == 4 and all(
                x in (corners[:, 0].min(), corners[:, 0].max())
                and y in (corners[:, 1].min(), corners[:, 1].max())
                for x, y in polygon
            )
            box[1:-1, 1:-1] = _INSIDE if upright else np.where(inner == _INSIDE, _INSIDE, _EDGE)
        self._table = table.ravel()

    def _cell(self, plane_deg: NDArray[np.float64]) -> NDArray[np.int64]:
        return np.asarray((plane_deg + self._reach) * self._scale, dtype=np.int64) + 1

    def contains(self, x_deg: NDArray[np.float64], y_deg: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which points of the tangent plane the camera sees."""
        inside = (np.abs(x_deg) < self._reach) & (np.abs(y_deg) < self._reach)
        column = ((np.where(inside, x_deg, 0.0) + self._reach) * self._scale).astype(np.int64)
        row = ((np.where(inside, y_deg, 0.0) + self._reach) * self._scale).astype(np.int64)
        code = self._table[(row + 1) * _CELLS + column + 1]
        inside &= code != _OUTSIDE
        edge = np.flatnonzero(inside & (code == _EDGE))
        inside[edge] = self._footprint.contains_plane(x_deg[edge], y_deg[edge])
        return inside


@lru_cache(maxsize=16)
def raster_of(footprint: "Footprint") -> Raster | None:
    """The raster of a camera, made once per process; None for a circle."""
    return None if footprint.circle_radius_deg is not None else Raster(footprint)


def seen_points(
    points: "Points",
    footprint: "Footprint",
    ra_deg: NDArray[np.float64],
    dec_deg: NDArray[np.float64],
) -> list[NDArray[np.int64]]:
    """For each pointing the indices of the points that it sees, rising.

    Parameters
    ----------
    points
        Weighted points, sorted by bands.
    footprint
        The camera.
    ra_deg, dec_deg : ndarray, shape (n,)
        Centres, ICRS.
    """
    if len(ra_deg) == 0:
        return []
    centres = unit_vectors(ra_deg, dec_deg)
    east, north = tangent_basis(ra_deg, dec_deg)
    raster = raster_of(footprint)
    smallest = np.cos(np.radians(footprint.radius_deg)) - 1e-12
    found: list[NDArray[np.int64]] = []
    for first, last, wide_owner, wide in _near(points, footprint.radius_deg, ra_deg, dec_deg):
        near = _dot(points.vectors[wide], centres, wide_owner) > smallest
        owner, index = wide_owner[near], wide[near]
        vectors = points.vectors[index]
        scale = np.degrees(1.0) / _dot(vectors, centres, owner)
        x, y = _dot(vectors, east, owner) * scale, _dot(vectors, north, owner) * scale
        seen = footprint.contains_plane(x, y) if raster is None else raster.contains(x, y)
        edges = np.searchsorted(owner[seen], np.arange(first, last + 1))
        inside = index[seen]
        found.extend(inside[a:b] for a, b in pairwise(edges.tolist()))
    return found


def _dot(
    vectors: NDArray[np.float64], of_pointing: NDArray[np.float64], owner: NDArray[np.int64]
) -> NDArray[np.float64]:
    chosen = of_pointing[owner]
    return np.asarray(np.einsum("ni,ni->n", vectors, chosen))


def _near(
    points: "Points",
    radius_deg: float,
    ra_deg: NDArray[np.float64],
    dec_deg: NDArray[np.float64],
) -> Iterator[tuple[int, int, NDArray[np.int64], NDArray[np.int64]]]:
    """Points of a box around each pointing, in batches: pointings from, to; owner and index."""
    owner, start, stop = points.spans(radius_deg, ra_deg, dec_deg)
    length = stop - start
    total = np.concatenate([[0], np.cumsum(length)])
    edges = np.searchsorted(owner, np.arange(len(ra_deg) + 1))
    reached = total[edges]
    first = 0
    while first < len(ra_deg):
        last = int(np.searchsorted(reached, reached[first] + _PAIRS, side="right")) - 1
        last = min(max(last, first + 1), len(ra_deg))
        rows = slice(int(edges[first]), int(edges[last]))
        count = length[rows]
        offset = start[rows] - (total[rows] - total[edges[first]])
        size = int(total[edges[last]] - total[edges[first]])
        yield first, last, np.repeat(owner[rows], count), np.arange(size) + np.repeat(offset, count)
        first = last

"""Which points of the sky many pointings see, found for all pointings together.

The camera is laid on a fine raster of its tangent plane once. A raster cell is wholly inside,
wholly outside, or crossed by an edge; only points that fall into the last kind are tested against
the camera's exact outline. So the answer is the exact one, at the price of a table look-up.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from too_common.astro.sphere import tangent_basis, unit_vectors

if TYPE_CHECKING:
    from types import ModuleType

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
        self.reach = float(np.degrees(np.tan(np.radians(footprint.radius_deg)))) * (1 + 1e-9)
        self.scale = (_CELLS - 2) / (2 * self.reach)
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
        self.table = table.ravel()
        """Kind of each cell, row by row."""

    def _cell(self, plane_deg: NDArray[np.float64]) -> NDArray[np.int64]:
        return np.asarray((plane_deg + self.reach) * self.scale, dtype=np.int64) + 1

    def contains(self, x_deg: NDArray[np.float64], y_deg: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which points of the tangent plane the camera sees."""
        inside = (np.abs(x_deg) < self.reach) & (np.abs(y_deg) < self.reach)
        column = ((np.where(inside, x_deg, 0.0) + self.reach) * self.scale).astype(np.int64)
        row = ((np.where(inside, y_deg, 0.0) + self.reach) * self.scale).astype(np.int64)
        code = self.table[(row + 1) * _CELLS + column + 1]
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
    frame = Frame.of(ra_deg, dec_deg)
    kernel, raster = _kernel(), raster_of(footprint)
    found: list[NDArray[np.int64]] = []
    for batch in _near(points, footprint.radius_deg, ra_deg, dec_deg):
        if kernel is None:
            index, edges = _seen(batch, points.columns, frame, footprint)
        else:
            index, edges = kernel.seen(batch, points.columns, frame, footprint, raster)
        found.extend(index[a:b] for a, b in pairwise(edges.tolist()))
    return found


@dataclass(frozen=True)
class Frame:
    """Axes of the pointings, components first: shape (3, n)."""

    centre: NDArray[np.float64]
    east: NDArray[np.float64]
    north: NDArray[np.float64]

    @classmethod
    def of(cls, ra_deg: NDArray[np.float64], dec_deg: NDArray[np.float64]) -> "Frame":
        """Axes of pointings at some places."""
        east, north = tangent_basis(ra_deg, dec_deg)
        parts = (unit_vectors(ra_deg, dec_deg), east, north)
        return cls(*(np.ascontiguousarray(part.T) for part in parts))


@dataclass(frozen=True)
class Batch:
    """Runs of points around some pointings that follow each other.

    Attributes
    ----------
    first, last : int
        Pointings from, to.
    owner, start, stop : ndarray of int
        Pointing of each run, its first point and the one after the last; sorted by `owner`.
    """

    first: int
    last: int
    owner: NDArray[np.int64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]


def _seen(
    batch: Batch, columns: NDArray[np.float64], frame: Frame, footprint: "Footprint"
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Points that the pointings of a batch see, and where those of each begin."""
    raster = raster_of(footprint)
    count = batch.stop - batch.start
    index = np.arange(int(count.sum()))
    index += np.repeat(batch.start - (np.cumsum(count) - count), count)
    owner = np.repeat(batch.owner, count)
    near = _dot(columns, index, frame.centre, batch.owner, count) > _cos_radius(footprint)
    index, owner = index[near], owner[near]
    count = np.bincount(owner - batch.first, minlength=batch.last - batch.first)
    pointings = np.arange(batch.first, batch.last)
    here = columns[:, index]
    scale = np.degrees(1.0) / _dot(here, None, frame.centre, pointings, count)
    x = _dot(here, None, frame.east, pointings, count) * scale
    y = _dot(here, None, frame.north, pointings, count) * scale
    seen = footprint.contains_plane(x, y) if raster is None else raster.contains(x, y)
    edges = np.searchsorted(owner[seen], np.arange(batch.first, batch.last + 1))
    return index[seen], edges


def _cos_radius(footprint: "Footprint") -> float:
    return float(np.cos(np.radians(footprint.radius_deg)) - 1e-12)


def _dot(
    columns: NDArray[np.float64],
    index: NDArray[np.int64] | None,
    axis: NDArray[np.float64],
    pointings: NDArray[np.int64],
    count: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Components of points (all, or some) along an axis of their own pointing."""
    total = np.zeros(int(count.sum()))
    for column, component in zip(columns, axis, strict=True):
        part = column if index is None else column[index]
        total += part * np.repeat(component[pointings], count)
    return total


def _near(
    points: "Points",
    radius_deg: float,
    ra_deg: NDArray[np.float64],
    dec_deg: NDArray[np.float64],
) -> Iterator[Batch]:
    """Points of a box around each pointing, in batches."""
    owner, start, stop = points.spans(radius_deg, ra_deg, dec_deg)
    total = np.concatenate([[0], np.cumsum(stop - start)])
    edges = np.searchsorted(owner, np.arange(len(ra_deg) + 1))
    reached = total[edges]
    first = 0
    while first < len(ra_deg):
        last = int(np.searchsorted(reached, reached[first] + _PAIRS, side="right")) - 1
        last = min(max(last, first + 1), len(ra_deg))
        rows = slice(int(edges[first]), int(edges[last]))
        yield Batch(first, last, owner[rows], start[rows], stop[rows])
        first = last


def _kernel() -> "ModuleType | None":
    """The compiled inner loop if the compiler is loaded anyhow; it gives the same points."""
    numba = sys.modules.get("numba")
    if numba is None or numba.config.DISABLE_JIT:
        return None
    from too_planner import camera_kernel

    return camera_kernel

"""Outline of a set of HEALPix pixels of mixed orders, as closed rings on the sphere.

Corners of pixels lie on a lattice: in ring `j` (0 at the north pole, 4 nside at the south pole)
there are 8 n places, n = min(j, 4 nside - j, nside), of which corners use every second one. The
pair (j, place) names a corner exactly, whichever pixel or base face it is reached from. So the
outline needs no neighbour search and no tolerance: an edge that two pixels of the set share
occurs twice and is dropped, the others are chained.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from too_common.astro.pixels import FACE_PLACE, FACE_RING, IntArray, face_xy
from too_common.astro.sphere import FloatArray

_MAX_EDGES = 3_000_000
_MAX_OUTER_EDGES = 300_000


def outline_rings(order: ArrayLike, ipix: ArrayLike) -> tuple[list[FloatArray], int]:
    """Rings around a set of disjoint pixels.

    Returns
    -------
    rings : list of ndarray (n, 3)
        Unit vectors of the midpoints of the outer edges, which smooths the stairs of the
        pixels. Not closed (the first is not repeated); the set lies to the left.
    order : int
        Order of the pixels whose edges were followed.
    """
    levels, pixels = np.asarray(order), np.asarray(ipix, dtype=np.int64)
    finest = int(levels.max())
    present = np.bincount(levels, minlength=finest + 1)
    while finest > 0 and _edges(present, finest) > _MAX_EDGES:
        finest -= 1
    while True:
        coarse, merged = _coarsened(levels, pixels, finest)
        if not len(merged):
            return [], finest
        start, end = _outer_edges(coarse, merged, finest)
        if len(start) <= _MAX_OUTER_EDGES or not finest:
            break
        # noise: an outline of a million tiny islands says nothing
        finest -= 1
    if not len(start):
        return [], finest
    return _chain(start, end, finest), finest


def corner_vectors(ids: IntArray, order: int) -> FloatArray:
    """Unit vectors of lattice corners (see the module's text)."""
    nside = 1 << order
    ring, place = np.divmod(ids, 8 * nside)
    n = np.minimum(np.minimum(ring, 4 * nside - ring), nside)
    lon = np.pi / 4.0 * place / np.maximum(n, 1)
    # polar caps: sin(colatitude / 2) = n / (nside sqrt(6)), without cancellation at the pole
    colatitude = 2.0 * np.arcsin(n / (nside * np.sqrt(6.0)))
    colatitude = np.where(ring > 2 * nside, np.pi - colatitude, colatitude)
    equatorial = np.arccos(np.clip((2 * nside - ring) * 2.0 / (3.0 * nside), -1.0, 1.0))
    colatitude = np.where(n == nside, equatorial, colatitude)
    sin = np.sin(colatitude)
    return np.stack([sin * np.cos(lon), sin * np.sin(lon), np.cos(colatitude)], axis=-1)


def _edges(present: IntArray, finest: int) -> int:
    """Number of edges of the order `finest` around so many pixels of each order."""
    return int(sum(int(count) * 4 << max(finest - order, 0) for order, count in enumerate(present)))


def _coarsened(
    levels: NDArray[np.integer[Any]], pixels: IntArray, finest: int
) -> tuple[IntArray, IntArray]:
    """Replace pixels finer than `finest` by those of `finest` that they fill by half or more."""
    fine = levels > finest
    if not fine.any():
        return levels.astype(np.int64), pixels
    depth = levels[fine] - levels.dtype.type(finest)
    parent = pixels[fine] >> (2 * depth)
    share = np.ldexp(1.0, -2 * np.arange(64))[depth]
    if (parent[1:] < parent[:-1]).any():
        by_parent = np.argsort(parent, kind="stable")
        parent, share = parent[by_parent], share[by_parent]
    first = np.flatnonzero(np.concatenate([[True], parent[1:] != parent[:-1]]))
    kept = parent[first][np.add.reduceat(share, first) >= 0.5]
    return (
        np.concatenate([levels[~fine].astype(np.int64), np.full(len(kept), finest)]),
        np.concatenate([pixels[~fine], kept]),
    )


def _outer_edges(levels: IntArray, pixels: IntArray, finest: int) -> tuple[IntArray, IntArray]:
    """Directed unit edges (corner ids) that belong to one pixel alone, the pixel on the left."""
    starts: list[IntArray] = []
    ends: list[IntArray] = []
    for level in np.unique(levels):
        here = levels == level
        face, x, y = face_xy(levels[here], pixels[here])
        size = 1 << (finest - int(level))
        step = np.arange(size + 1, dtype=np.int64)
        left, low = (x * size)[:, np.newaxis], (y * size)[:, np.newaxis]
        right, high = left + size, low + size
        for column, row in (
            (left + step, low + 0 * step),
            (right + 0 * step, low + step),
            (right - step, high + 0 * step),
            (left + 0 * step, high - step),
        ):
            ids = _corner_ids(face[:, np.newaxis], column, row, finest)
            starts.append(ids[:, :-1].ravel())
            ends.append(ids[:, 1:].ravel())
    start, end = np.concatenate(starts), np.concatenate(ends)
    corners, index = np.unique(np.concatenate([start, end]), return_inverse=True)
    first, second = index[: len(start)], index[len(start) :]
    key = np.minimum(first, second) * len(corners) + np.maximum(first, second)
    _, where, count = np.unique(key, return_index=True, return_counts=True)
    outer = np.sort(where[count == 1])
    return start[outer], end[outer]


def _corner_ids(face: IntArray, x: IntArray, y: IntArray, order: int) -> IntArray:
    nside = 1 << order
    ring: IntArray = FACE_RING[face] * nside - x - y
    n = np.minimum(np.minimum(ring, 4 * nside - ring), nside)
    place: IntArray = (FACE_PLACE[face] * n + x - y) % np.maximum(8 * n, 1)
    ids: IntArray = ring * (8 * nside) + place
    return ids


def _chain(start: IntArray, end: IntArray, order: int) -> list[FloatArray]:
    outgoing: dict[int, list[int]] = {}
    for edge, corner in enumerate(start.tolist()):
        outgoing.setdefault(corner, []).append(edge)
    head = corner_vectors(start, order)
    tail = corner_vectors(end, order)
    middle = head + tail
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    used = np.zeros(len(start), dtype=bool)
    ends = end.tolist()
    rings: list[FloatArray] = []
    for first in range(len(start)):
        if used[first]:
            continue
        ring: list[int] = []
        edge = first
        while not used[edge]:
            used[edge] = True
            ring.append(edge)
            choices = outgoing[ends[edge]]
            edge = choices[0] if len(choices) == 1 else _leftmost(edge, choices, used, (head, tail))
        rings.append(middle[ring])
    return rings


def _leftmost(
    edge: int, choices: list[int], used: NDArray[np.bool_], ends: tuple[FloatArray, FloatArray]
) -> int:
    """Where pixels touch in a corner, stay with the own one: the sharpest turn to the left."""
    head, tail = ends
    up = tail[edge]
    came = tail[edge] - head[edge]

    def turn(choice: int) -> float:
        goes = tail[choice] - head[choice]
        return float(np.arctan2(up @ np.cross(came, goes), came @ goes))

    free = [choice for choice in choices if not used[choice]]
    return max(free, key=turn) if free else choices[0]

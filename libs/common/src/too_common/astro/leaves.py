"""Leaves of a multi-order map: sorting, checking for overlaps, lossless merging.

A table of leaves is (order, ipix, values): `values` has one row per leaf and one column per
quantity. Four siblings with equal values say the same as their parent, so they are merged; the
result depends on the map alone, not on how its file was cut or ordered.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from too_common.astro.errors import SkyMapError
from too_common.astro.pixels import IntArray, range_length, range_start
from too_common.astro.sphere import FloatArray

_PIECE = 1_000_000


@dataclass(frozen=True, eq=False)
class Leaves:
    """Pixels of mixed orders with their values (n, columns)."""

    order: NDArray[np.int8]
    ipix: IntArray
    values: FloatArray

    def __len__(self) -> int:
        return len(self.ipix)

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> "Leaves":
        """The leaves of an index array or mask."""
        ipix = self.ipix[index]
        values = empty_values(len(ipix), self.values.shape[1])
        for number, column in enumerate(self.values.T):
            values[:, number] = column[index]
        return Leaves(self.order[index], ipix, values)


def empty_values(rows: int, columns: int) -> FloatArray:
    """Room for values, column after column in memory: columns can then be used without a copy."""
    return np.empty((columns, rows)).T


def concatenate(parts: Iterable[Leaves]) -> Leaves:
    """Put tables of leaves one after the other; a list is emptied, to save half of the memory."""
    listed = parts if isinstance(parts, list) else list(parts)
    count = sum(len(part) for part in listed)
    columns = listed[0].values.shape[1]
    order, ipix = np.empty(count, dtype=np.int8), np.empty(count, dtype=np.int64)
    values = empty_values(count, columns)
    listed.reverse()
    end = 0
    while listed:
        part = listed.pop()
        begin, end = end, end + len(part)
        order[begin:end], ipix[begin:end] = part.order, part.ipix
        values[begin:end] = part.values
    return Leaves(order, ipix, values)


def sort_and_check(leaves: Leaves) -> Leaves:
    """Sort leaves along the nested index.

    Raises
    ------
    SkyMapError
        If a pixel is given twice, or lies inside another one.
    """
    start = range_start(leaves.order, leaves.ipix)
    result = leaves
    if (start[1:] < start[:-1]).any():
        by_start = np.argsort(start, kind="stable")
        result, start = leaves.take(by_start), start[by_start]
        del by_start
    clash = [
        first + np.flatnonzero(start[first + 1 : last + 1] < _ends(result, start, first, last))
        for first, last in _pieces(len(start) - 1)
    ]
    count = sum(len(found) for found in clash)
    if count:
        first = int(next(found for found in clash if len(found))[0])
        raise SkyMapError(
            f"{count} pixels overlap others",
            f"order {result.order[first]} pixel {result.ipix[first]} and "
            f"order {result.order[first + 1]} pixel {result.ipix[first + 1]}",
        )
    return result


def _ends(leaves: Leaves, start: IntArray, first: int, last: int) -> IntArray:
    ends: IntArray = start[first:last] + range_length(leaves.order[first:last])
    return ends


def _pieces(count: int) -> Iterator[tuple[int, int]]:
    """Parts of a large table: what is computed of it in passing must not double the memory."""
    return ((first, min(first + _PIECE, count)) for first in range(0, count, _PIECE))


def merge_sorted(leaves: Leaves) -> Leaves:
    """Merge equal siblings, over and over, until none are left. Input and output are sorted."""
    current = leaves
    while True:
        merged = _merge_once(current)
        if merged is None:
            return current
        current = merged


def _merge_once(leaves: Leaves) -> Leaves | None:
    if len(leaves) < 4:
        return None
    order, ipix, values = leaves.order, leaves.ipix, leaves.values
    last = len(leaves) - 3
    first_child = (ipix[:last] & 3 == 0) & (order[:last] > 0)
    for step in (1, 2, 3):
        first_child &= order[step : last + step] == order[:last]
        first_child &= ipix[step : last + step] == ipix[:last] + step
    candidates = np.flatnonzero(first_child)
    for step in (1, 2, 3):
        same = (values[candidates + step] == values[candidates]).all(axis=1)
        candidates = candidates[same]
    if not candidates.size:
        return None
    keep = np.ones(len(leaves), dtype=bool)
    for step in (1, 2, 3):
        keep[candidates + step] = False
    merged = leaves.take(keep)
    where = np.cumsum(keep)[candidates] - 1
    merged.order[where] -= 1
    merged.ipix[where] >>= 2
    return merged


def merge_blocks(order: int, blocks: IntArray, values: FloatArray) -> Leaves:
    """Merge whole blocks of 4^depth pixels of one order, each for itself.

    Faster than :func:`merge_sorted` on flat maps: no neighbour has to be looked for.

    Parameters
    ----------
    order : int
        Order of the pixels.
    blocks : ndarray of int64, shape (k,)
        Nested index of each block at the order ``order - depth``, ascending.
    values : ndarray of float64, shape (k, 4^depth, columns)

    Returns
    -------
    Leaves
        Sorted; none is larger than a block.
    """
    size, columns = values.shape[1:]
    ipix = (blocks[:, np.newaxis] * size + np.arange(size)).ravel()
    rows = values.reshape(-1, columns)
    parts: list[Leaves] = []
    alive = np.ones(len(rows), dtype=bool)
    for level in range(order, -1, -1):
        mergeable = np.zeros(0, dtype=bool)
        if size >= 4:
            groups = rows.reshape(len(rows) // 4, 4, columns)
            mergeable = (groups[:, 1:] == groups[:, :1]).all(axis=(1, 2))
            mergeable &= alive.reshape(-1, 4).all(axis=1)
        stays = alive
        if mergeable.size:
            stays = alive & ~np.repeat(mergeable, 4)
        here = np.flatnonzero(stays)
        parts.append(Leaves(np.full(here.size, level, dtype=np.int8), ipix[here], rows[here]))
        if not mergeable.any():
            break
        rows, ipix, alive, size = rows[::4], ipix[::4] >> 2, mergeable, size // 4
    merged = concatenate(parts)
    return merged.take(np.argsort(range_start(merged.order, merged.ipix), kind="stable"))

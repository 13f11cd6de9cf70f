"""Leaves of a multi-order map: sorting, checking for overlaps, lossless merging.

A table of leaves is (order, ipix, values): `values` has one row per leaf and one column per
quantity. Four siblings with equal values say the same as their parent, so they are merged; the
result depends on the map alone, not on how its file was cut or ordered.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from too_common.astro.errors import SkyMapError
from too_common.astro.pixels import IntArray, range_length, range_start
from too_common.astro.sphere import FloatArray


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
        return Leaves(self.order[index], self.ipix[index], self.values[index])


def concatenate(parts: Iterable[Leaves]) -> Leaves:
    """Put tables of leaves one after the other."""
    listed = list(parts)
    return Leaves(
        np.concatenate([part.order for part in listed]),
        np.concatenate([part.ipix for part in listed]),
        np.concatenate([part.values for part in listed]),
    )


def sort_and_check(leaves: Leaves) -> Leaves:
    """Sort leaves along the nested index.

    Raises
    ------
    SkyMapError
        If a pixel is given twice, or lies inside another one.
    """
    start = range_start(leaves.order, leaves.ipix)
    by_start = np.argsort(start, kind="stable")
    result = leaves.take(by_start)
    start = start[by_start]
    end = start + range_length(result.order)
    clash = np.flatnonzero(start[1:] < end[:-1])
    if clash.size:
        first = int(clash[0])
        raise SkyMapError(
            f"{clash.size} pixels overlap others",
            f"order {result.order[first]} pixel {result.ipix[first]} and "
            f"order {result.order[first + 1]} pixel {result.ipix[first + 1]}",
        )
    return result


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
    new_order, new_ipix = order.copy(), ipix.copy()
    new_order[candidates] -= 1
    new_ipix[candidates] >>= 2
    return Leaves(new_order[keep], new_ipix[keep], values[keep])


def merge_block(order: int, first_ipix: int, values: FloatArray) -> Leaves:
    """Merge a full block of 4^k pixels of one order that begins at a multiple of its length.

    Faster than :func:`merge_sorted` on flat maps: no neighbour has to be looked for.
    """
    parts: list[Leaves] = []
    alive = np.ones(len(values), dtype=bool)
    first, level = first_ipix, order
    while True:
        mergeable = np.zeros(0, dtype=bool)
        if level > 0 and len(values) >= 4:
            groups = values.reshape(len(values) // 4, 4, -1)
            mergeable = (groups[:, 1:] == groups[:, :1]).all(axis=(1, 2))
            mergeable &= alive.reshape(-1, 4).all(axis=1)
        stays = alive.copy()
        if mergeable.size:
            stays &= ~np.repeat(mergeable, 4)
        here = np.flatnonzero(stays)
        parts.append(Leaves(np.full(here.size, level, dtype=np.int8), first + here, values[here]))
        if not mergeable.any():
            break
        values, alive = values[::4], mergeable
        first, level = first >> 2, level - 1
    merged = concatenate(parts)
    return merged.take(np.argsort(range_start(merged.order, merged.ipix), kind="stable"))

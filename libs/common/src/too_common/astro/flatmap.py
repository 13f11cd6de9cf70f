"""Flat HEALPix maps (one order, NESTED or RING), merged without loss while they are read.

A map is never held as a whole: rows come in chunks, are put into blocks of pixels, and a block is
merged as soon as all of it is there. In RING order a few thousand blocks are open at a time (two
belts of them), whose pixels are under a tenth of a large map's.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from too_common.astro.distance import has_distance
from too_common.astro.errors import SkyMapError
from too_common.astro.fitstable import Table
from too_common.astro.leaves import Leaves, concatenate, merge_blocks
from too_common.astro.pixels import IntArray, pixel_area_sr, ring_to_nested
from too_common.astro.sphere import FloatArray

MAX_FLAT_ORDER = 13
"""Largest order of a flat map (nside 8192)."""
MAX_LEAVES = 13_000_000
"""Most leaves of a map after merging: all pixels of nside 1024 (0.2 GB)."""
MAX_LEAVES_3D = 5_000_000
"""The same with distances (0.2 GB)."""
_BLOCK_DEPTH = 9
"""NESTED: blocks of 4^9 pixels are merged at a time."""
_RING_DEPTH = 6
"""RING: small blocks, so that few pixels wait for the rest of their block."""
_RING_CHUNK = 1 << 18
_UNSEEN = -1.6e30
"""Values below this are the customary mark of pixels that were not seen."""


def check_count(count: int, columns: int) -> None:
    """Refuse maps with more leaves than a worker can hold."""
    limit = MAX_LEAVES if columns == 1 else MAX_LEAVES_3D
    if count > limit:
        raise SkyMapError(f"the map has more than {limit} different pixels", "table")


def tidy_distance(values: FloatArray) -> None:
    """Give leaves without a usable distance the customary values inf, 1, 0 (in place)."""
    if values.shape[1] < 4:
        return
    mu, sigma, norm = values[:, 1], values[:, 2], values[:, 3]
    values[~has_distance(mu, sigma, norm), 1:] = (np.inf, 1.0, 0.0)


def read_flat(table: Table, name: str, distance: tuple[str, ...]) -> Leaves:
    """Read a flat map; the probability column is `name`."""
    columns = (name, *distance)
    widths = {table.width(column) for column in columns}
    if len(widths) != 1:
        raise SkyMapError("columns have different lengths", ", ".join(columns))
    if any(table.dtype[column].base.kind != "f" for column in columns):
        raise SkyMapError("a column has no real numbers", ", ".join(columns))
    is_ring = _ordering(table) == "RING"
    pixel_column = next((n for n in ("PIXEL", "PIX", "IPIX") if n in table.names), None)
    explicit = pixel_column is not None and (
        str(table.header.get("INDXSCHM", "EXPLICIT")).strip().upper() == "EXPLICIT"
    )
    if explicit and pixel_column is not None:
        return _read_explicit(table, columns, pixel_column, is_ring=is_ring)
    order = _order_of(table.n_rows * widths.pop(), table)
    # PROB is per pixel, PROBDENSITY per steradian
    factor = 1.0 if name == "PROBDENSITY" else 1.0 / float(pixel_area_sr(order))
    blocks = _ring_blocks if is_ring else _nested_blocks
    parts: list[Leaves] = []
    count = 0
    for first, values in blocks(table, columns, order, factor):
        parts.append(merge_blocks(order, first, values))
        count += len(parts[-1])
        check_count(count, len(columns))
    return concatenate(parts)


def _ordering(table: Table) -> str:
    ordering = str(table.header.get("ORDERING", "")).strip().upper()
    if ordering in {"NEST", "NESTED"}:
        return "NESTED"
    if ordering == "RING":
        return "RING"
    raise SkyMapError("the order of the pixels is not given", f"ORDERING = {ordering or 'absent'}")


def _order_of(n_pixels: int, table: Table) -> int:
    for order in range(MAX_FLAT_ORDER + 1):
        if 12 << (2 * order) == n_pixels:
            break
    else:
        raise SkyMapError(f"{n_pixels} pixels are no whole sky", "NAXIS2")
    nside = table.header.get("NSIDE")
    if isinstance(nside, int) and nside != 1 << order:
        raise SkyMapError(f"NSIDE is {nside}, but there are {n_pixels} pixels", "NSIDE")
    return order


def _nested_blocks(
    table: Table, columns: tuple[str, ...], order: int, factor: float
) -> Iterator[tuple[IntArray, FloatArray]]:
    """Whole blocks in the order of the file: (numbers (k,), values (k, pixels, columns))."""
    size = 1 << (2 * min(order, _BLOCK_DEPTH))
    pending: list[FloatArray] = []
    held, number = 0, 0
    for chunk in table.chunks():
        pending.append(_values(chunk, columns, factor))
        held += len(pending[-1])
        while held >= size:
            joined = np.concatenate(pending) if len(pending) > 1 else pending[0]
            yield np.array([number]), joined[np.newaxis, :size]
            number += 1
            pending, held = [joined[size:]], held - size


def _ring_blocks(
    table: Table, columns: tuple[str, ...], order: int, factor: float
) -> Iterator[tuple[IntArray, FloatArray]]:
    """Whole blocks as soon as they are, which is in no order."""
    depth = min(order, _RING_DEPTH)
    size = 1 << (2 * depth)
    count = 12 << (2 * (order - depth))
    missing = np.full(count, size, dtype=np.int64)
    slot_of = np.full(count, -1, dtype=np.int64)
    room = np.empty((0, size, len(columns)))
    free: list[int] = []
    first = 0
    per_row = table.width(columns[0])
    for chunk in table.chunks(max(1, _RING_CHUNK // per_row)):
        values = _values(chunk, columns, factor)
        nested = ring_to_nested(order, np.arange(first, first + len(values)))
        first += len(values)
        block = nested >> (2 * depth)
        here, number = np.unique(block, return_counts=True)
        new = here[slot_of[here] < 0]
        if len(new) > len(free):
            more = max(len(new) - len(free), len(room) // 2)
            free += range(len(room), len(room) + more)
            room = np.concatenate([room, np.empty((more, size, len(columns)))])
        slot_of[new] = [free.pop() for _ in range(len(new))]
        room[slot_of[block], nested & (size - 1)] = values
        missing[here] -= number
        done = here[missing[here] == 0]
        if done.size:
            yield done, room[slot_of[done]]
            free += slot_of[done].tolist()


def _values(chunk: NDArray[Any], columns: tuple[str, ...], factor: float) -> FloatArray:
    values = np.empty((chunk[columns[0]].size, len(columns)))
    for number, column in enumerate(columns):
        values[:, number] = chunk[column].ravel()
    return _scaled(values, factor)


def _scaled(values: FloatArray, factor: float) -> FloatArray:
    values[values[:, 0] < _UNSEEN, 0] = 0.0
    values[:, 0] *= factor
    tidy_distance(values)
    return values


def _read_explicit(
    table: Table, columns: tuple[str, ...], pixel_column: str, *, is_ring: bool
) -> Leaves:
    nside = table.header.get("NSIDE")
    if not isinstance(nside, int) or nside < 1 or nside & (nside - 1) or nside > 1 << 29:
        raise SkyMapError("NSIDE is missing or no power of two", "NSIDE")
    order = nside.bit_length() - 1
    factor = 1.0 if columns[0] == "PROBDENSITY" else 1.0 / float(pixel_area_sr(order))
    check_count(table.n_rows * table.width(columns[0]), len(columns))
    parts: list[Leaves] = []
    for chunk in table.chunks():
        raw = np.asarray(chunk[pixel_column]).ravel()
        if raw.dtype.kind not in "iu":
            raise SkyMapError("pixel numbers are no integers", pixel_column)
        values = _values(chunk, columns, factor)
        if len(raw) != len(values) or (raw < 0).any() or (raw >= 12 * nside**2).any():
            raise SkyMapError("a pixel number does not exist", pixel_column)
        ipix = raw.astype(np.int64)
        if is_ring:
            ipix = ring_to_nested(order, ipix)
        parts.append(Leaves(np.full(len(ipix), order, dtype=np.int8), ipix, values))
    if not parts:
        raise SkyMapError("the map has no pixels", "table")
    return concatenate(parts)

"""Flat HEALPix maps (one order, NESTED or RING), merged without loss while they are read."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from too_common.astro.distance import has_distance
from too_common.astro.errors import SkyMapError
from too_common.astro.fitstable import Table
from too_common.astro.leaves import Leaves, concatenate, merge_block
from too_common.astro.pixels import IntArray, pixel_area_sr
from too_common.astro.sphere import FloatArray

MAX_FLAT_ORDER = 13
"""Largest order of a flat map (nside 8192)."""
MAX_LEAVES = 13_000_000
"""Most leaves of a map after merging: all pixels of nside 1024 (with distances 0.5 GB)."""
_BLOCK_ORDER = 9
"""Blocks of 4^9 pixels are merged at a time."""
_UNSEEN = -1.6e30
"""Values below this are the customary mark of pixels that were not seen."""


def check_count(count: int) -> None:
    """Refuse maps with more leaves than a worker can hold."""
    if count > MAX_LEAVES:
        raise SkyMapError(f"the map has more than {MAX_LEAVES} different pixels", "table")


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
    parts: list[Leaves] = []
    count = 0
    for first, values in _blocks(table, columns, order, factor, is_ring=is_ring):
        parts.append(merge_block(order, first, values))
        count += len(parts[-1])
        check_count(count)
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


def _blocks(
    table: Table, columns: tuple[str, ...], order: int, factor: float, *, is_ring: bool
) -> Iterator[tuple[int, FloatArray]]:
    size = 1 << (2 * min(order, _BLOCK_ORDER))
    if is_ring:
        yield from _ring_blocks(table, columns, order, factor, size)
        return
    pending: list[FloatArray] = []
    held, first = 0, 0
    for chunk in table.chunks():
        pending.append(_values(chunk, columns, factor))
        held += len(pending[-1])
        while held >= size:
            joined = np.concatenate(pending) if len(pending) > 1 else pending[0]
            yield first, joined[:size]
            first += size
            pending, held = [joined[size:]], held - size


def _ring_blocks(
    table: Table, columns: tuple[str, ...], order: int, factor: float, size: int
) -> Iterator[tuple[int, FloatArray]]:
    from astropy_healpix.core import nested_to_ring

    width = table.width(columns[0])
    with table.rows() as rows:
        for first in range(0, 12 << (2 * order), size):
            ring = np.asarray(nested_to_ring(np.arange(first, first + size), 1 << order))
            values = np.empty((size, len(columns)))
            for number, column in enumerate(columns):
                source = rows[column]
                values[:, number] = (
                    source[ring] if width == 1 else source[ring // width, ring % width]
                )
            yield first, _scaled(values, factor)


def _values(chunk: NDArray[Any], columns: tuple[str, ...], factor: float) -> FloatArray:
    values = np.stack([chunk[column].ravel() for column in columns], axis=1).astype(np.float64)
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
    ipix_parts: list[IntArray] = []
    value_parts: list[FloatArray] = []
    for chunk in table.chunks():
        raw = np.asarray(chunk[pixel_column]).ravel()
        if raw.dtype.kind not in "iu":
            raise SkyMapError("pixel numbers are no integers", pixel_column)
        ipix_parts.append(raw.astype(np.int64))
        value_parts.append(_values(chunk, columns, factor))
    if not ipix_parts:
        raise SkyMapError("the map has no pixels", "table")
    ipix, values = np.concatenate(ipix_parts), np.concatenate(value_parts)
    if len(ipix) != len(values) or (ipix < 0).any() or (ipix >= 12 * nside**2).any():
        raise SkyMapError("a pixel number does not exist", pixel_column)
    if is_ring:
        from astropy_healpix.core import ring_to_nested

        ipix = np.asarray(ring_to_nested(ipix, nside), dtype=np.int64)
    return Leaves(np.full(len(ipix), order, dtype=np.int8), ipix, values)

"""HEALPix pixels of mixed orders, NESTED: the arithmetic below the sky map.

A pixel of order k covers the contiguous range [ipix << 2 (29 - k), (ipix + 1) << 2 (29 - k)) of
the indices of order 29; everything that asks 'which pixel' uses that.

The formulas are those of Gorski et al. 2005 (ApJ 622, 759, section 5), in numpy: libraries that
have them import astropy.coordinates, which costs a worker process a second and 50 MB. They work in
pieces, so that the temporary arrays stay in the processor's cache and out of the peak of memory.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from too_common.astro.sphere import FloatArray

IntArray = NDArray[np.int64]

MAX_ORDER = 29

FACE_RING = np.array([2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4], dtype=np.int64)
"""Ring of the southern corner of each base face, in units of nside."""
FACE_PLACE = np.array([1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7], dtype=np.int64)
"""Longitude of the axis of each base face, in units of 45 deg."""
_PIECE = 1 << 15
_AREA_SR = np.ldexp(np.pi / 3.0, -2 * np.arange(MAX_ORDER + 1))


def pixel_area_sr(order: ArrayLike) -> FloatArray:
    """Area of a pixel in steradians."""
    return np.asarray(_AREA_SR[np.asarray(order)])


def range_start(order: ArrayLike, ipix: ArrayLike) -> IntArray:
    """First order-29 index inside a pixel."""
    shift = 2 * (MAX_ORDER - np.asarray(order, dtype=np.int64))
    return np.asarray(ipix, dtype=np.int64) << shift


def range_length(order: ArrayLike) -> IntArray:
    """Number of order-29 indices inside a pixel."""
    shift = 2 * (MAX_ORDER - np.asarray(order, dtype=np.int64))
    return np.int64(1) << shift


def uniq_to_order_ipix(uniq: ArrayLike) -> tuple[NDArray[np.int8], IntArray]:
    """Order and nested index of NUNIQ numbers (4^(order + 1) + ipix)."""
    values = np.asarray(uniq, dtype=np.int64)
    # log2 of a 64-bit integer in float64 may round up at the top of an order: corrected after
    order = (np.log2(np.maximum(values, 4).astype(np.float64)).astype(np.int64) // 2) - 1
    order = np.where(values < (np.int64(4) << (2 * order)), order - 1, order)
    return order.astype(np.int8), values - (np.int64(4) << (2 * order))


def order_ipix_to_uniq(order: ArrayLike, ipix: ArrayLike) -> IntArray:
    """NUNIQ number of pixels."""
    levels = np.asarray(order, dtype=np.int64)
    return (np.int64(4) << (2 * levels)) + np.asarray(ipix, dtype=np.int64)


def lonlat_to_index(ra_deg: ArrayLike, dec_deg: ArrayLike, order: int = MAX_ORDER) -> IntArray:
    """Nested index of the pixel that holds each position; -1 for positions that are none."""
    ra, dec = np.broadcast_arrays(
        np.asarray(ra_deg, dtype=np.float64), np.asarray(dec_deg, dtype=np.float64)
    )
    result = np.empty(ra.shape, dtype=np.int64)
    flat, ra, dec = result.reshape(-1), ra.reshape(-1), dec.reshape(-1)
    for piece in _pieces(len(flat)):
        flat[piece] = _index_of(ra[piece], dec[piece], order)
    return result


def centres(order: ArrayLike, ipix: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """RA and Dec (deg) of pixel centres; `order` may differ from pixel to pixel."""
    levels, pixels = np.broadcast_arrays(
        np.asarray(order, dtype=np.int64), np.asarray(ipix, dtype=np.int64)
    )
    ra, dec = np.empty(pixels.shape), np.empty(pixels.shape)
    flat_ra, flat_dec = ra.reshape(-1), dec.reshape(-1)
    levels, pixels = levels.reshape(-1), pixels.reshape(-1)
    for piece in _pieces(len(pixels)):
        flat_ra[piece], flat_dec[piece] = _centres_of(levels[piece], pixels[piece])
    return ra, dec


def face_xy(order: ArrayLike, ipix: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Base face, and column and row in it, of nested pixels."""
    levels = np.asarray(order, dtype=np.int64)
    face = ipix >> (2 * levels)
    within = ipix - (face << (2 * levels))
    return face, _even_bits(within), _even_bits(within >> 1)


def ring_to_nested(order: int, ring: IntArray) -> IntArray:
    """Nested index of pixels that are numbered ring by ring from the north pole."""
    result = np.empty(len(ring), dtype=np.int64)
    for piece in _pieces(len(ring)):
        result[piece] = _ring_to_nested(order, ring[piece])
    return result


# -- inner parts -------------------------------------------------------------------------------
def _pieces(count: int) -> Iterator[slice]:
    return (slice(first, first + _PIECE) for first in range(0, count, _PIECE))


def _index_of(ra: FloatArray, dec: FloatArray, order: int) -> IntArray:
    nside = 1 << order
    good = np.isfinite(ra) & (np.abs(dec) <= 90.0)
    if not good.all():
        ra, dec = np.where(good, ra, 0.0), np.where(good, dec, 0.0)
    dec = np.radians(dec)
    height = np.sin(dec)
    # in quarter turns
    turn = np.mod(ra, 360.0) * (1.0 / 90.0)
    across, along = nside * (0.5 + turn), nside * 0.75 * height
    rising = (across - along).astype(np.int64)
    falling = (across + along).astype(np.int64)
    face_up, face_down = rising >> order, falling >> order
    face = np.where(
        face_up == face_down,
        (face_up & 3) | 4,
        np.where(face_up < face_down, face_up & 3, (face_down & 3) + 8),
    )
    x = falling & (nside - 1)
    y = (nside - 1) - (rising & (nside - 1))
    polar = np.flatnonzero(np.abs(height) > 2.0 / 3.0)
    if polar.size:
        face[polar], x[polar], y[polar] = _polar_index(
            turn[polar], dec[polar], height[polar], nside
        )
    index = (face << (2 * order)) | _spread_bits(x) | (_spread_bits(y) << 1)
    return index if good.all() else np.where(good, index, -1)


def _polar_index(
    turn: FloatArray, dec: FloatArray, height: FloatArray, nside: int
) -> tuple[IntArray, IntArray, IntArray]:
    quarter = np.minimum(turn.astype(np.int64), 3)
    part = turn - quarter
    # nside sqrt(3 (1 - |z|)), without cancellation at the pole
    reach = nside * np.cos(dec) * np.sqrt(3.0 / (1.0 + np.abs(height)))
    rising = np.minimum((part * reach).astype(np.int64), nside - 1)
    falling = np.minimum(((1.0 - part) * reach).astype(np.int64), nside - 1)
    north = height >= 0
    return (
        np.where(north, quarter, quarter + 8),
        np.where(north, nside - 1 - falling, rising),
        np.where(north, nside - 1 - rising, falling),
    )


def _centres_of(order: IntArray, ipix: IntArray) -> tuple[FloatArray, FloatArray]:
    face, x, y = face_xy(order, ipix)
    nside = np.int64(1) << order
    ring = FACE_RING[face] * nside - x - y - 1
    from_pole = np.minimum(ring, 4 * nside - ring)
    length = np.minimum(from_pole, nside)
    place = FACE_PLACE[face] * length + x - y
    ra = place * (45.0 / length)
    ra = np.where(ra < 0.0, ra + 360.0, ra)
    dec = np.degrees(np.arcsin(np.clip((2 * nside - ring) * (2.0 / 3.0) / nside, -1.0, 1.0)))
    polar = np.flatnonzero(from_pole < nside)
    if polar.size:
        # sin(colatitude / 2) = ring / (nside sqrt(6)), without cancellation at the pole
        colatitude = 2.0 * np.degrees(np.arcsin(length[polar] / (nside[polar] * np.sqrt(6.0))))
        dec[polar] = np.where(ring[polar] < nside[polar], 90.0 - colatitude, colatitude - 90.0)
    return ra, dec


def _ring_to_nested(order: int, ring: IntArray) -> IntArray:
    nside = 1 << order
    count, cap = 12 * nside * nside, 2 * nside * (nside - 1)
    # of the equatorial belt first; the caps are put right below
    within = ring - cap
    number = (within >> (order + 2)) + nside
    place = (within & (4 * nside - 1)) + 1
    shift = (number + nside) & 1
    length = np.full(len(ring), nside, dtype=np.int64)
    depth = number - nside + 1
    face_down = (place - depth // 2 + nside - 1) >> order
    face_up = (place - (2 * nside + 2 - depth) // 2 + nside - 1) >> order
    face = np.where(
        face_up == face_down,
        (face_up & 3) | 4,
        np.where(face_up < face_down, face_up, face_down + 8),
    )
    for south, mask in ((False, ring < cap), (True, ring >= count - cap)):
        where = np.flatnonzero(mask)
        if not where.size:
            continue
        # counted from the pole, 0 first
        away = count - 1 - ring[where] if south else ring[where]
        near = _ring_number(away)
        along = away - 2 * near * (near - 1)
        along = 4 * near - along if south else along + 1
        length[where], place[where], shift[where] = near, along, 0
        number[where] = 4 * nside - near if south else near
        face[where] = (along - 1) // near + (8 if south else 0)
    below = number - FACE_RING[face] * nside + 1
    beside = 2 * place - FACE_PLACE[face] * length - shift - 1
    beside = np.where(beside >= 2 * nside, beside - 8 * nside, beside)
    x, y = (beside - below) >> 1, (-beside - below) >> 1
    nested: IntArray = (face << (2 * order)) | _spread_bits(x) | (_spread_bits(y) << 1)
    return nested


def _ring_number(away: IntArray) -> IntArray:
    """Ring (1 at the pole) of the pixel with that number: 2 n (n - 1) <= number < 2 n (n + 1)."""
    number = (0.5 * (1.0 + np.sqrt(1.0 + 2.0 * away))).astype(np.int64)
    # the root of a 64-bit integer may be off by one
    number = np.where(2 * number * (number - 1) > away, number - 1, number)
    result: IntArray = np.where(2 * number * (number + 1) <= away, number + 1, number)
    return result


def _spread(values: IntArray) -> IntArray:
    bits = values.copy()
    for shift, mask in (
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    ):
        bits |= bits << shift
        bits &= mask
    return bits


_SPREAD_16 = _spread(np.arange(1 << 16, dtype=np.int64))


def _spread_bits(values: IntArray) -> IntArray:
    """Bit k of each value to bit 2 k."""
    result: IntArray = _SPREAD_16[values & 0xFFFF] | (_SPREAD_16[values >> 16] << 32)
    return result


def _even_bits(values: IntArray) -> IntArray:
    """Bit 2 k of each value to bit k."""
    bits: IntArray = values & 0x5555555555555555
    for shift, mask in (
        (1, 0x3333333333333333),
        (2, 0x0F0F0F0F0F0F0F0F),
        (4, 0x00FF00FF00FF00FF),
        (8, 0x0000FFFF0000FFFF),
        (16, 0x00000000FFFFFFFF),
    ):
        bits |= bits >> shift
        bits &= mask
    return bits

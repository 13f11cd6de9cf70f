"""HEALPix pixels of mixed orders, NESTED: the arithmetic below the sky map.

A pixel of order k covers the contiguous range [ipix << 2 (29 - k), (ipix + 1) << 2 (29 - k)) of
the indices of order 29; everything that asks 'which pixel' uses that.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from too_common.astro.sphere import FloatArray

IntArray = NDArray[np.int64]

MAX_ORDER = 29


def pixel_area_sr(order: ArrayLike) -> FloatArray:
    """Area of a pixel in steradians."""
    return np.ldexp(np.pi / 3.0, -2 * np.asarray(order, dtype=np.int64))


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
    import astropy.units as u
    from astropy_healpix import lonlat_to_healpix

    ra, dec = np.broadcast_arrays(
        np.asarray(ra_deg, dtype=np.float64), np.asarray(dec_deg, dtype=np.float64)
    )
    good = np.isfinite(ra) & (np.abs(dec) <= 90.0)
    index = lonlat_to_healpix(
        u.Quantity(np.where(good, ra, 0.0), u.deg),
        u.Quantity(np.where(good, dec, 0.0), u.deg),
        1 << order,
        order="nested",
    )
    return np.where(good, np.asarray(index, dtype=np.int64), -1)


def centres(order: ArrayLike, ipix: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """RA and Dec (deg) of pixel centres; `order` may differ from pixel to pixel."""
    import astropy.units as u
    from astropy_healpix import healpix_to_lonlat

    nside = np.int64(1) << np.asarray(order, dtype=np.int64)
    lon, lat = healpix_to_lonlat(np.asarray(ipix, dtype=np.int64), nside, order="nested")
    return np.asarray(lon.to_value(u.deg)), np.asarray(lat.to_value(u.deg))

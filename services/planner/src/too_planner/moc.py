"""Multi-Order Coverage maps (IVOA MOC 2.0): the sky that some pointings see, as HEALPix cells.

A cell of the finest order belongs to the coverage if its centre is in a footprint; four siblings
are their parent, so that every coverage has one form (section 'Canonical form' of the standard).
"""

import io
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from too_common.astro import moc as sky
from too_common.astro import pixels
from too_common.astro.pixels import IntArray
from too_common.astro.sphere import DEG2_PER_SR, unit_vectors

if TYPE_CHECKING:
    from too_common.astro.footprint import Footprint

Moc = dict[int, IntArray]
"""Cells (nested, ascending) by order; the finest order stands there even without a cell."""

MIN_ORDER, MAX_ORDER = 8, 16
_ACROSS = 128
"""Cells across a footprint: a chip gap of a hundredth of the camera is still seen."""
_MAX_CELLS = 2_500_000
"""Most cells that are looked at; more pointings get coarser cells."""


_ORDER_0_DEG = 58.6
"""Side of a cell of order 0."""


class MocError(ValueError):
    """Not a MOC, or one that is not in its canonical form; says why."""


def order_for(footprint: "Footprint", pointings: int) -> int:
    """Finest order for some pointings: fine against the camera, bounded in the work."""
    diameter = 2.0 * footprint.radius_deg
    order = int(np.ceil(np.log2(_ORDER_0_DEG * _ACROSS / diameter)))
    disc_deg2 = np.pi * footprint.radius_deg**2
    order = int(np.clip(order, MIN_ORDER, MAX_ORDER))
    while order > MIN_ORDER:
        cells = pointings * disc_deg2 / (float(pixels.pixel_area_sr(order)) * DEG2_PER_SR)
        if cells <= _MAX_CELLS:
            break
        order -= 1
    return order


def coverage_moc(
    footprint: "Footprint", places: Iterable[tuple[float, float]], order: int | None = None
) -> Moc:
    """Sky seen at least once by some pointings.

    Parameters
    ----------
    places
        RA, Dec in degrees of each pointing; repeated ones count once.
    order
        Finest order; left out: fine against the camera.
    """
    chosen = sorted(set(places))
    finest = order_for(footprint, len(chosen)) if order is None else order
    found: list[IntArray] = []
    for ra, dec in chosen:
        near = _disc(ra, dec, footprint.radius_deg, finest)
        cell_ra, cell_dec = pixels.centres(np.full(len(near), finest), near)
        found.append(near[footprint.contains(ra, dec, cell_ra, cell_dec)])
    cells = np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)
    return canonical(cells, finest)


def _disc(ra_deg: float, dec_deg: float, radius_deg: float, order: int) -> IntArray:
    """Cells of an order that may have their centre in a disc, found from the coarse to the fine."""
    centre = unit_vectors(ra_deg, dec_deg)
    cells = np.arange(12, dtype=np.int64)
    for level in range(order + 1):
        if level:
            cells = (cells[:, None] * 4 + np.arange(4)).ravel()
        ra, dec = pixels.centres(np.full(len(cells), level), cells)
        # corners lie within 0.9 sides of a cell's centre
        reach = radius_deg + (0.9 * _ORDER_0_DEG / (1 << level) if level < order else 0.0)
        near = unit_vectors(ra, dec) @ centre >= np.cos(np.radians(min(reach, 180.0)))
        cells = cells[near]
    return cells


def canonical(cells: IntArray, order: int) -> Moc:
    """Cells of one order in the canonical form: whole families become their parent."""
    finest = np.unique(np.asarray(cells, dtype=np.int64))
    found = sky.Moc.of_pixels(np.full(len(finest), order, dtype=np.int64), finest).cells()
    kept = {level: ipix for level, ipix in found.items() if len(ipix)}
    kept.setdefault(order, np.empty(0, dtype=np.int64))
    return dict(sorted(kept.items()))


def area_deg2(moc: Moc) -> float:
    """Solid angle."""
    return float(
        sum(
            len(cells) * float(pixels.pixel_area_sr(order)) * DEG2_PER_SR
            for order, cells in moc.items()
        )
    )


def contains(moc: Moc, ra_deg: Any, dec_deg: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which positions are covered."""
    inside = np.zeros(np.shape(ra_deg), dtype=bool)
    for order, cells in moc.items():
        inside |= np.isin(pixels.lonlat_to_index(ra_deg, dec_deg, order), cells)
    return inside


def to_json(moc: Moc) -> str:
    """JSON form of the standard: an object with the cells of each order."""
    return json.dumps(
        {str(order): cells.tolist() for order, cells in moc.items()}, separators=(",", ":")
    )


def to_fits(moc: Moc, cards: Mapping[str, Any], *, comments: Iterable[str] = ()) -> bytes:
    """FITS form: one column of NUNIQ numbers, ascending.

    Parameters
    ----------
    cards
        More header values (ORIGIN, DATE, MOCID ...), none of those that the standard sets.
    comments
        How it was made, as COMMENT cards.
    """
    from astropy.io import fits

    uniq = np.concatenate([pixels.order_ipix_to_uniq(order, cells) for order, cells in moc.items()])
    column = fits.Column(name="UNIQ", format="1K", array=np.sort(uniq))
    table = fits.BinTableHDU.from_columns([column])
    header = table.header
    header["MOCVERS"] = ("2.0", "MOC standard version")
    header["MOCDIM"] = ("SPACE", "physical dimension")
    header["ORDERING"] = ("NUNIQ", "coding method")
    header["COORDSYS"] = ("C", "ICRS")
    header["MOCORD_S"] = (max(moc), "finest order")
    header["MOCORDER"] = (max(moc), "the same for readers of MOC 1")
    header["MOCTYPE"] = ("IMAGE", "source of the coverage")
    for name, value in cards.items():
        header[name] = value
    for line in comments:
        header.add_comment(line)
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(stream, checksum=False)
    return stream.getvalue()


def from_fits(data: bytes) -> Moc:
    """Read a space MOC and check that it is canonical.

    Raises
    ------
    MocError
        If a keyword is missing or wrong, or the cells are not in the canonical form.
    """
    from astropy.io import fits

    with fits.open(io.BytesIO(data)) as units:
        header, rows = units[1].header, np.asarray(units[1].data["UNIQ"], dtype=np.int64)
    for name, wanted in (("ORDERING", "NUNIQ"), ("COORDSYS", "C"), ("MOCDIM", "SPACE")):
        if header.get(name) != wanted:
            raise MocError(f"{name} is {header.get(name)!r}, not {wanted!r}")
    if (np.diff(rows) <= 0).any():
        raise MocError("the cells are not in ascending order, or one is there twice")
    order, ipix = pixels.uniq_to_order_ipix(rows)
    moc: Moc = {int(level): ipix[order == level] for level in np.unique(order)}
    moc.setdefault(int(header["MOCORD_S"]), np.empty(0, dtype=np.int64))
    return checked(dict(sorted(moc.items())))


def from_json(text: str) -> Moc:
    """Read the JSON form and check that it is canonical.

    Raises
    ------
    MocError
        If it is none.
    """
    raw = json.loads(text)
    if not isinstance(raw, dict):
        raise MocError("a MOC is an object of orders")
    return checked({int(order): np.array(cells, dtype=np.int64) for order, cells in raw.items()})


def checked(moc: Moc) -> Moc:
    """The same MOC, if every cell exists, none covers another, and no whole family is there.

    Raises
    ------
    MocError
        If not.
    """
    starts: list[IntArray] = []
    lengths: list[IntArray] = []
    for order, cells in moc.items():
        if not 0 <= order <= pixels.MAX_ORDER:
            raise MocError(f"there is no order {order}")
        if len(cells) and (cells[0] < 0 or cells[-1] >= 12 << (2 * order)):
            raise MocError(f"a cell of order {order} does not exist")
        if (np.diff(cells) <= 0).any():
            raise MocError(f"the cells of order {order} are not in ascending order")
        if order and len(cells):
            _, counts = np.unique(cells >> 2, return_counts=True)
            if (counts == 4).any():
                raise MocError(f"four siblings of order {order} stand instead of their parent")
        starts.append(pixels.range_start(order, cells))
        lengths.append(np.full(len(cells), pixels.range_length(order), dtype=np.int64))
    begin, length = np.concatenate(starts), np.concatenate(lengths)
    sequence = np.argsort(begin)
    begin, length = begin[sequence], length[sequence]
    if (begin[1:] < (begin + length)[:-1]).any():
        raise MocError("a cell covers another")
    return moc

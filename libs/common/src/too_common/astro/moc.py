"""Regions of maps as MOCs (IVOA Multi-Order Coverage map 2.0): FITS, JSON and ASCII.

A MOC says which pixels belong to a region, without values. Here it is kept as disjoint, ascending
ranges of order-29 indices: two regions with the same sky give the same ranges.
"""

import io
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from too_common.astro import levels, pixels
from too_common.astro.fitstable import BLOCK, header_block
from too_common.astro.pixels import MAX_ORDER, IntArray
from too_common.astro.sphere import DEG2_PER_SR

if TYPE_CHECKING:
    from too_common.astro.skymap import SkyMap


class MocFormat(StrEnum):
    """How a MOC is written."""

    FITS = "fits"
    JSON = "json"
    ASCII = "ascii"


@dataclass(frozen=True, eq=False)
class Moc:
    """A region of the sky.

    Attributes
    ----------
    start, end : ndarray of int64, shape (n,)
        Ranges [start, end) of order-29 nested indices, ascending, disjoint, not touching.
    order : int
        Finest order that the region needs.
    """

    start: IntArray
    end: IntArray
    order: int

    @classmethod
    def of_pixels(cls, order: ArrayLike, ipix: IntArray) -> "Moc":
        """Region of disjoint pixels, in any order."""
        if not len(ipix):
            return cls(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), 0)
        start = pixels.range_start(order, ipix)
        by_start = np.argsort(start, kind="stable")
        start = start[by_start]
        end = start + pixels.range_length(np.broadcast_to(order, ipix.shape)[by_start])
        gap = np.flatnonzero(start[1:] != end[:-1])
        first = np.concatenate([[0], gap + 1])
        last = np.concatenate([gap, [len(start) - 1]])
        return cls(start[first], end[last], int(np.max(order)))

    @classmethod
    def of_region(cls, skymap: "SkyMap", level: float) -> "Moc":
        """Smallest region of a map that holds the probability `level`, leaves taken whole."""
        if not 0.0 < level <= 1.0:
            raise ValueError(f"level = {level} is no probability above 0")
        inside = levels.inside_level(skymap, level)
        return cls.of_pixels(skymap.order[inside], skymap.ipix[inside])

    @property
    def area_deg2(self) -> float:
        """Area of the region."""
        count = float((self.end - self.start).astype(np.float64).sum())
        return count * float(pixels.pixel_area_sr(MAX_ORDER)) * DEG2_PER_SR

    def cells(self) -> dict[int, IntArray]:
        """The fewest pixels that make up the region, by order (ascending)."""
        found: dict[int, list[IntArray]] = {}
        start, end = self.start.copy(), self.end.copy()
        # from the finest order up: pixels at the ends of a range that do not fill their parent
        for order in range(self.order, -1, -1):
            shift = 2 * (MAX_ORDER - order)
            first, last = start >> shift, end >> shift
            if order == 0:
                found[0] = [_counted(first, last)]
                break
            low = np.minimum((first + 3) & ~np.int64(3), last)
            high = np.maximum(last & ~np.int64(3), low)
            found[order] = [_counted(first, low), _counted(high, last)]
            keep = high > low
            start, end = low[keep] << shift, high[keep] << shift
        return {
            order: np.sort(np.concatenate(parts))
            for order, parts in sorted(found.items())
            if sum(map(len, parts)) or order == self.order
        }

    def to_json(self) -> bytes:
        """``{"order": [pixels], ...}``."""
        cells = {str(order): ipix.tolist() for order, ipix in self.cells().items()}
        return json.dumps(cells, separators=(",", ":")).encode("ascii")

    def to_ascii(self) -> bytes:
        """``order/pixel,first-last ...``."""
        return " ".join(
            f"{order}/" + ",".join(_runs(ipix)) for order, ipix in self.cells().items()
        ).encode("ascii")

    def to_fits(self) -> bytes:
        """Binary table of ranges (MOCVERS 2.0, ORDERING RANGE)."""
        rows = np.stack([self.start, self.end], axis=1).astype(">i8")
        file = io.BytesIO()
        file.write(header_block([("SIMPLE", True), ("BITPIX", 8), ("NAXIS", 0), ("EXTEND", True)]))
        file.write(
            header_block(
                [
                    ("XTENSION", "BINTABLE"),
                    ("BITPIX", 8),
                    ("NAXIS", 2),
                    ("NAXIS1", 8),
                    ("NAXIS2", rows.size),
                    ("PCOUNT", 0),
                    ("GCOUNT", 1),
                    ("TFIELDS", 1),
                    ("TTYPE1", "RANGE"),
                    ("TFORM1", "1K"),
                    ("MOCVERS", "2.0"),
                    ("MOCDIM", "SPACE"),
                    ("ORDERING", "RANGE"),
                    ("MOCORD_S", self.order),
                    ("MOCORDER", self.order),
                    ("COORDSYS", "C"),
                ]
            )
        )
        file.write(rows.tobytes())
        file.write(b"\0" * (-file.tell() % BLOCK))
        return file.getvalue()

    def written(self, form: MocFormat) -> bytes:
        """The MOC in a format."""
        match form:
            case MocFormat.FITS:
                return self.to_fits()
            case MocFormat.JSON:
                return self.to_json()
            case MocFormat.ASCII:
                return self.to_ascii()


def _counted(first: IntArray, last: IntArray) -> IntArray:
    """All numbers of the ranges [first, last)."""
    count = np.maximum(last - first, 0)
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return np.asarray(np.repeat(first, count) + within, dtype=np.int64)


def _runs(ipix: IntArray) -> list[str]:
    if not len(ipix):
        return []
    gap = np.flatnonzero(np.diff(ipix) != 1)
    first = ipix[np.concatenate([[0], gap + 1])].tolist()
    last = ipix[np.concatenate([gap, [len(ipix) - 1]])].tolist()
    return [
        str(low) if low == high else f"{low}-{high}" for low, high in zip(first, last, strict=True)
    ]

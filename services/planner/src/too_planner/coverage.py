"""What exposures cover of a sky map: points, the camera's test, unions by atoms.

The map is cut into points small against the camera. A field's points are those inside its
footprint. Points that are seen by the same set of fields are joined into one *atom*, so that
unions cost a few hundred additions instead of a million.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from too_common.astro.sphere import (
    DEG2_PER_SR,
    from_tangent_plane,
    from_unit_vectors,
)

if TYPE_CHECKING:
    from too_common.astro.footprint import Footprint
    from too_common.astro.skymap import SkyMap

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_BAND_DEG = 0.5
_BAND_KEY = 512.0
"""More than 360, so that bands do not mix."""
PRUNE = 0.9995
"""Smallest region that is cut into points; the rest of the sky counts for nothing."""

CORE = 0.95
"""Smallest region that is cut finely."""


def sampling_order(area90_deg2: float) -> int:
    """HEALPix order of the points: fine where chip gaps matter, coarse where they average out."""
    for order, limit in ((11, 60.0), (10, 250.0), (9, 4000.0)):
        if area90_deg2 < limit:
            return order
    return 8


@dataclass(frozen=True)
class Points:
    """Weighted points on the sky, sorted by bands of declination and by right ascension.

    Attributes
    ----------
    ra_deg, dec_deg : ndarray, shape (n,)
    weight : ndarray, shape (n,)
        Probability, or any other weight whose whole is 1.
    area_deg2 : ndarray, shape (n,)
    vectors : ndarray, shape (n, 3)
    """

    ra_deg: FloatArray
    dec_deg: FloatArray
    weight: FloatArray
    area_deg2: FloatArray
    vectors: FloatArray
    _keys: FloatArray = field(repr=False)
    """Band and right ascension in one number, rising."""

    def __len__(self) -> int:
        return len(self.weight)

    @classmethod
    def make(
        cls, ra_deg: FloatArray, dec_deg: FloatArray, weight: FloatArray, area_deg2: FloatArray
    ) -> "Points":
        """Sort points for quick search."""
        ra = ra_deg % 360.0
        band = _band_of(dec_deg)
        keys = band * _BAND_KEY + ra
        order = np.argsort(keys)
        ra, dec = ra[order], dec_deg[order]
        return cls(
            ra_deg=ra,
            dec_deg=dec,
            weight=weight[order],
            area_deg2=area_deg2[order],
            vectors=_columns(ra, dec).T,
            _keys=keys[order],
        )

    @classmethod
    def of_map(cls, skymap: "SkyMap", order: int | None = None) -> "Points":
        """Cut the part of a map that holds almost all of its probability into points."""
        from too_common.astro import pixels

        if order is None:
            order = sampling_order(skymap.credible_area_deg2(0.9))
        falling = np.argsort(-skymap.probdensity, kind="stable")
        cumulative = np.cumsum(skymap.probability[falling])
        count = int(np.searchsorted(cumulative, PRUNE * cumulative[-1])) + 1
        chosen = falling[:count]
        levels = skymap.order[chosen].astype(np.int64)
        # the faint outskirts are many and matter little: one order coarser
        edge = int(np.searchsorted(cumulative, CORE * cumulative[-1])) + 1
        target = np.where(np.arange(len(chosen)) < edge, order, max(order - 1, 8))
        depth = np.maximum(np.minimum(target, order) - levels, 0)
        pieces = np.int64(1) << (2 * depth)
        first = np.repeat(skymap.ipix[chosen] << (2 * depth), pieces)
        within = np.arange(int(pieces.sum())) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        ra, dec = pixels.centres(np.repeat(levels + depth, pieces), first + within)
        return cls.make(
            ra,
            dec,
            np.repeat(skymap.probability[chosen] / pieces, pieces),
            np.repeat(pixels.pixel_area_sr(levels + depth) * DEG2_PER_SR, pieces),
        )

    @property
    def columns(self) -> FloatArray:
        """`vectors` component by component, shape (3, n)."""
        return np.ascontiguousarray(self.vectors.T)

    @cached_property
    def cells(self) -> "Points":
        """The same weight on cells of about one degree."""
        return coarse_cells(self)

    def spans(
        self, radius_deg: float, ra_deg: FloatArray, dec_deg: FloatArray
    ) -> tuple[IntArray, IntArray, IntArray]:
        """Runs of points that together hold all points of a circle around each of some places.

        Returns
        -------
        owner, start, stop : ndarray of int
            Index of the place, first point, and the one after the last; sorted by `owner`.
        """
        dec = np.asarray(dec_deg, dtype=np.float64)
        ra = np.asarray(ra_deg, dtype=np.float64) % 360.0
        low = _band_of(np.maximum(dec - radius_deg, -90.0))
        high = _band_of(np.minimum(dec + radius_deg, 90.0))
        ratio = np.sin(np.radians(radius_deg)) / np.maximum(np.cos(np.radians(dec)), 1e-9)
        polar = (np.abs(dec) + radius_deg >= 90.0) | (ratio >= 1.0)
        half = np.where(polar, 180.0, np.degrees(np.arcsin(np.minimum(ratio, 1.0))) + 1e-9)
        count = high - low + 1
        place = np.repeat(np.arange(len(ra)), count)
        band = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count - low, count)
        begin, end = (ra - half)[place], (ra + half)[place]
        # what passes 0 or 360 is two runs; a whole circle is one and an empty one
        first = np.where(begin < 0, 0.0, begin)
        second = np.where(begin < 0, begin + 360.0, 0.0)
        wraps = (begin < 0) | (end >= 360.0)
        first_end = np.where(end >= 360.0, 360.0, end)
        second_end = np.where(begin < 0, 360.0, end - 360.0)
        whole = polar[place]
        first, first_end = np.where(whole, 0.0, first), np.where(whole, 360.0, first_end)
        wraps &= ~whole
        base = band * _BAND_KEY
        runs = [
            (
                np.searchsorted(self._keys, base + first),
                np.searchsorted(self._keys, base + first_end, side="right"),
            ),
            (
                np.searchsorted(self._keys, base[wraps] + second[wraps]),
                np.searchsorted(self._keys, base[wraps] + second_end[wraps], side="right"),
            ),
        ]
        owner = np.concatenate([place, place[wraps]])
        start = np.concatenate([run[0] for run in runs])
        stop = np.concatenate([run[1] for run in runs])
        used = np.flatnonzero(stop > start)
        order = used[np.lexsort((start[used], owner[used]))]
        return owner[order], start[order], stop[order]

    def inside(self, footprint: "Footprint", ra_deg: float, dec_deg: float) -> IntArray:
        """Indices of the points that one exposure sees."""
        from too_planner.camera import seen_points

        return seen_points(self, footprint, np.array([ra_deg]), np.array([dec_deg]))[0]

    def without(self, index: IntArray) -> "Points":
        """The same points, some of them with weight zero."""
        weight = self.weight.copy()
        weight[index] = 0.0
        return Points(self.ra_deg, self.dec_deg, weight, self.area_deg2, self.vectors, self._keys)


def _columns(ra_deg: FloatArray, dec_deg: FloatArray) -> FloatArray:
    """Unit vectors, one component after the other, shape (3, n)."""
    columns = np.empty((3, len(ra_deg)))
    angle = np.radians(dec_deg)
    columns[2] = np.sin(angle)
    columns[0] = columns[1] = np.cos(angle)
    angle = np.radians(ra_deg)
    columns[0] *= np.cos(angle)
    columns[1] *= np.sin(angle)
    return columns


def _band_of(dec_deg: FloatArray) -> IntArray:
    return np.asarray(np.floor((np.asarray(dec_deg) + 90.0) / _BAND_DEG), dtype=np.int64)


@dataclass(frozen=True)
class Atoms:
    """Sky grouped by the set of fields that sees it.

    Attributes
    ----------
    weight : ndarray, shape (a,)
        Of each atom. Sky that no field sees is left out.
    of_field : list of ndarray
        For each field the atoms that it sees.
    """

    weight: FloatArray
    of_field: list[IntArray]

    def gain(self, index: int, covered: NDArray[np.bool_]) -> float:
        """Weight that a field would add to what is covered."""
        atoms = self.of_field[index]
        return float(self.weight[atoms][~covered[atoms]].sum())

    def union(self, fields: Sequence[int]) -> float:
        """Weight of the sky in at least one of some fields."""
        covered = np.zeros(len(self.weight), dtype=bool)
        for index in fields:
            covered[self.of_field[index]] = True
        return float(self.weight[covered].sum())


def make_atoms(members: Sequence[IntArray], weight: FloatArray, seed: int = 20180116) -> Atoms:
    """Group points by the set of fields that sees them.

    Parameters
    ----------
    members
        For each field the indices of its points.
    weight
        Of each point.
    seed
        Of the 64-bit numbers that stand for the fields; their XOR stands for a set of fields,
        and two different sets have the same number with a chance of 10^-13.
    """
    rng = np.random.default_rng(seed)
    keys = rng.integers(1, np.iinfo(np.int64).max, size=len(members), dtype=np.int64)
    code = np.zeros(len(weight), dtype=np.int64)
    for index, key in zip(members, keys, strict=True):
        code[index] ^= key
    seen = np.flatnonzero(code)
    values, example, inverse = np.unique(code[seen], return_index=True, return_inverse=True)
    # an atom is in a field if any one of its points is
    atom_of_example = np.full(len(weight), -1, dtype=np.int64)
    atom_of_example[seen[example]] = np.arange(len(values))
    flat = np.concatenate([*members, np.empty(0, dtype=np.int64)])
    atoms = atom_of_example[flat]
    kept = np.concatenate([[0], np.cumsum(atoms >= 0)])
    edges = kept[np.cumsum([0, *(len(index) for index in members)])]
    atoms = atoms[atoms >= 0]
    return Atoms(
        weight=_sums(inverse, weight[seen], len(values)),
        of_field=[np.sort(atoms[a:b]) for a, b in pairwise(edges.tolist())],
    )


def members_of(
    points: Points, footprint: "Footprint", ra_deg: FloatArray, dec_deg: FloatArray
) -> list[IntArray]:
    """For each pointing the indices of the points that it sees."""
    from too_planner.camera import seen_points

    return seen_points(points, footprint, np.asarray(ra_deg), np.asarray(dec_deg))


def union_of(members: Sequence[IntArray], size: int) -> NDArray[np.bool_]:
    """Mask of the points that are in at least one of some sets."""
    seen = np.zeros(size, dtype=bool)
    for index in members:
        seen[index] = True
    return seen


def _sums(group: IntArray, values: FloatArray, size: int) -> FloatArray:
    return np.bincount(group, weights=values, minlength=size).astype(np.float64)


_CELLS_PER_POINT = 8
"""Where the whole sky has more cells than this for each point, a list of them all is not kept."""


def coarse_cells(points: Points, side_deg: float = 1.0) -> Points:
    """The same weight on cells of about one degree, at the weighted mean place of each."""
    rows = int(np.ceil(180.0 / side_deg))
    band = np.minimum(np.floor((points.dec_deg + 90.0) / side_deg), rows - 1).astype(np.int64)
    middle = np.radians((np.arange(rows) + 0.5) * side_deg - 90.0)
    around = np.maximum(1.0, np.ceil(360.0 / side_deg * np.cos(middle)))[band]
    stride = int(360.0 / side_deg) + 2
    cell = band * stride + np.floor(points.ra_deg / 360.0 * around).astype(np.int64)
    size = rows * stride
    if size > _CELLS_PER_POINT * len(points):
        # fine cells, of which nearly all are empty: only those with a point are counted
        _, cell = np.unique(cell, return_inverse=True)
        size = int(cell.max(initial=-1)) + 1
    weight = _sums(cell, points.weight, size)
    used = np.flatnonzero(weight > 0)
    vectors = np.stack(
        [_sums(cell, points.weight * points.vectors[:, axis], size)[used] for axis in range(3)],
        axis=-1,
    )
    ra, dec = from_unit_vectors(vectors)
    area = _sums(cell, np.where(points.weight > 0, points.area_deg2, 0.0), size)
    return Points.make(ra, dec, weight[used], area[used])


_AREA_SAMPLES = 24
"""Points across the footprint, to see how pointings overlap."""
_AREA_RASTER = 600
"""Points across the footprint for the area of one pointing."""


def footprint_area_deg2(footprint: "Footprint") -> float:
    """Solid angle of one pointing."""
    return _footprint_area(footprint)


@lru_cache(maxsize=32)
def _footprint_area(footprint: "Footprint") -> float:
    return float(_inside_samples(footprint, _AREA_RASTER)[2].sum())


@lru_cache(maxsize=32)
def _few_samples(footprint: "Footprint") -> tuple[FloatArray, FloatArray, FloatArray]:
    return _inside_samples(footprint, _AREA_SAMPLES)


def _inside_samples(
    footprint: "Footprint", number: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    from too_planner.camera import raster_of

    x, y, solid = _plane_samples(footprint, number)
    raster = raster_of(footprint)
    inside = footprint.contains_plane(x, y) if raster is None else raster.contains(x, y)
    return x[inside], y[inside], solid[inside]


def union_area_deg2(footprint: "Footprint", ra_deg: FloatArray, dec_deg: FloatArray) -> float:
    """Solid angle seen at least once by some pointings.

    Each pointing's footprint is sampled evenly in the tangent plane; a sample that lies in m
    pointings counts 1/m.
    """
    if len(ra_deg) == 0:
        return 0.0
    x, y, solid = _few_samples(footprint)
    ra, dec = from_tangent_plane(
        np.asarray(ra_deg)[:, None], np.asarray(dec_deg)[:, None], x[None, :], y[None, :]
    )
    area = np.broadcast_to(solid, ra.shape).ravel()
    samples = Points.make(ra.ravel(), dec.ravel(), area, area)
    times = np.zeros(len(samples))
    for index in members_of(samples, footprint, ra_deg, dec_deg):
        times[index] += 1
    once = float((samples.weight / np.maximum(times, 1)).sum()) / float(samples.weight.sum())
    return once * len(ra_deg) * footprint_area_deg2(footprint)


def _plane_samples(
    footprint: "Footprint", number: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """An even grid over the footprint's box, and the solid angle of each point."""
    reach = float(np.degrees(np.tan(np.radians(min(footprint.radius_deg, 80.0)))))
    step = 2 * reach / number
    axis = -reach + step * (np.arange(number) + 0.5)
    x, y = (values.ravel() for values in np.meshgrid(axis, axis))
    # an area of the tangent plane is seen smaller by the cube of its direction's cosine
    solid = step**2 * np.cos(np.arctan(np.radians(np.hypot(x, y)))) ** 3
    return x, y, solid

"""Sky maps: multi-order HEALPix, NESTED, ICRS, with or without distance."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from too_common.astro import distance, leaves, levels, mapfile, pixels
from too_common.astro.errors import SkyMapError
from too_common.astro.pixels import IntArray
from too_common.astro.sphere import DEG2_PER_SR, FloatArray

if TYPE_CHECKING:
    from too_common.contracts.ingest import MapFacts

__all__ = ["SkyMap", "SkyMapError"]


@dataclass(frozen=True, eq=False)
class SkyMap:
    """A probability map of the sky, kept in its native resolution.

    The leaves are disjoint and sorted along the nested index; what they do not cover has the
    probability 0. Made by :meth:`from_fits` or :meth:`from_leaves`, which check and normalise.

    Attributes
    ----------
    order : ndarray of int8, shape (n,)
        HEALPix order of each leaf.
    ipix : ndarray of int64, shape (n,)
        Nested index at that order.
    probdensity : ndarray of float64, shape (n,)
        Probability per steradian.
    distmu, distsigma, distnorm : ndarray of float64, shape (n,), or None
        Parameters of the distance (Mpc, Mpc, Mpc^-2); None in a map without distance. Leaves
        without distance have inf, 1 and 0.
    meta : mapping
        Header values worth keeping (OBJECT, DATE-OBS, INSTRUME ...).
    """

    order: NDArray[np.int8]
    ipix: IntArray
    probdensity: FloatArray
    distmu: FloatArray | None = None
    distsigma: FloatArray | None = None
    distnorm: FloatArray | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)

    # -- making ------------------------------------------------------------------------------
    @classmethod
    def from_fits(
        cls, data: bytes, *, max_decompressed_bytes: int = mapfile.MAX_DECOMPRESSED_BYTES
    ) -> "SkyMap":
        """Read a multi-order or flat HEALPix map, gzipped or not.

        Raises
        ------
        SkyMapError
            If the file is no sky map, or one that cannot be used; see :mod:`.mapfile`.
        """
        table, meta = mapfile.read(data, max_decompressed_bytes=max_decompressed_bytes)
        return cls.from_leaves(table, meta)

    @classmethod
    def from_leaves(
        cls,
        table: leaves.Leaves,
        meta: Mapping[str, Any] | None = None,
        *,
        tolerance: float = mapfile.NORMALISATION_TOLERANCE,
    ) -> "SkyMap":
        """Make a map from leaves with 1 (density) or 4 columns (and distance).

        Checks the values and the sum, sorts, merges equal siblings without loss, normalises.
        """
        mapfile.check_values(table)
        tidy = leaves.merge_sorted(leaves.sort_and_check(table))
        density = np.array(tidy.values[:, 0])
        with np.errstate(over="ignore"):
            total = float((density * pixels.pixel_area_sr(tidy.order)).sum())
        if not abs(total - 1.0) <= tolerance:
            raise SkyMapError(f"the probability sums to {total:.6g}, not to 1", "PROBDENSITY")
        if abs(total - 1.0) > mapfile.NORMALISED_WITHIN:
            density /= total
        made = cls(tidy.order, tidy.ipix, density, meta=dict(meta or {}))
        if tidy.values.shape[1] == 4 and distance.has_distance(*tidy.values[:, 1:].T).any():
            mu, sigma, norm = (np.ascontiguousarray(column) for column in tidy.values[:, 1:].T)
            made = replace(made, distmu=mu, distsigma=sigma, distnorm=norm)
        for array in (made.order, made.ipix, density, made.distmu, made.distsigma, made.distnorm):
            if array is not None:
                array.flags.writeable = False
        return made

    # -- what it is made of ------------------------------------------------------------------
    def __len__(self) -> int:
        return len(self.ipix)

    @property
    def is_3d(self) -> bool:
        """Whether the map has distances."""
        return self.distmu is not None

    @cached_property
    def uniq(self) -> IntArray:
        """NUNIQ numbers of the leaves."""
        return pixels.order_ipix_to_uniq(self.order, self.ipix)

    @property
    def area_sr(self) -> FloatArray:
        """Area of each leaf in steradians."""
        return pixels.pixel_area_sr(self.order)

    @cached_property
    def probability(self) -> FloatArray:
        """Probability of each leaf; sums to 1."""
        return self.probdensity * self.area_sr

    @cached_property
    def range_start(self) -> IntArray:
        """First order-29 index of each leaf (ascending)."""
        return pixels.range_start(self.order, self.ipix)

    @property
    def range_end(self) -> IntArray:
        """End (exclusive) of each leaf's range of order-29 indices."""
        return self.range_start + pixels.range_length(self.order)

    @cached_property
    def falling(self) -> NDArray[np.intp]:
        """Leaves in the order of falling density; equal ones in their own order."""
        return np.argsort(-self.probdensity, kind="stable")

    @cached_property
    def enclosed(self) -> FloatArray:
        """Probability of the first, the first two, ... leaves in the order of falling density."""
        probability = self.probability[self.falling]
        return np.cumsum(probability, out=probability)

    # -- files -------------------------------------------------------------------------------
    def to_fits(self) -> bytes:
        """The map as a multi-order FITS file; the same map gives the same bytes."""
        return mapfile.write(self)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of :meth:`to_fits`: the identity of the map."""
        return hashlib.sha256(self.to_fits()).hexdigest()

    # -- looking up --------------------------------------------------------------------------
    def leaf_at_index(self, index29: IntArray) -> NDArray[np.intp]:
        """Leaf that holds each order-29 index; -1 where the map has none, -2 for index -1."""
        found = np.searchsorted(self.range_start, index29, side="right") - 1
        end = self.range_start[found] + pixels.range_length(self.order[found])
        outside = (found < 0) | (index29 >= end)
        return np.where(outside, np.where(index29 < 0, levels.NOWHERE, levels.OUTSIDE), found)

    def leaf_at(self, ra_deg: ArrayLike, dec_deg: ArrayLike) -> NDArray[np.intp]:
        """Leaf at each position; -1 where the map has none, -2 for positions that are none."""
        return self.leaf_at_index(pixels.lonlat_to_index(ra_deg, dec_deg))

    def density(self, ra_deg: ArrayLike, dec_deg: ArrayLike) -> FloatArray:
        """Probability per steradian at each position; NaN for positions that are none."""
        return levels.at_leaf(self.probdensity, self.leaf_at(ra_deg, dec_deg), 0.0)

    def density_3d(
        self,
        ra_deg: ArrayLike,
        dec_deg: ArrayLike,
        distance_mpc: ArrayLike,
        distance_err_mpc: ArrayLike | None = None,
    ) -> FloatArray:
        """Probability per Mpc^3 at each place; NaN where map or galaxy have no distance."""
        leaf = self.leaf_at(ra_deg, dec_deg)
        return np.exp(levels.log_density_3d(self, leaf, distance_mpc, distance_err_mpc))

    # -- credible regions --------------------------------------------------------------------
    @cached_property
    def leaf_levels(self) -> FloatArray:
        """2-D credible level of each leaf: probability of all leaves at least as dense."""
        return levels.leaf_levels(self)

    def credible_level(self, ra_deg: ArrayLike, dec_deg: ArrayLike) -> FloatArray:
        """Smallest credible region (0 to 1) that holds each position.

        1 outside a partial map, NaN for positions that are none (NaN, or Dec beyond a pole).
        """
        return levels.at_leaf(self.leaf_levels, self.leaf_at(ra_deg, dec_deg), 1.0)

    def credible_level_3d(
        self,
        ra_deg: ArrayLike,
        dec_deg: ArrayLike,
        distance_mpc: ArrayLike,
        distance_err_mpc: ArrayLike | None = None,
    ) -> FloatArray:
        """Smallest credible volume that holds each place; NaN where there is no distance."""
        leaf = self.leaf_at(ra_deg, dec_deg)
        logs = levels.log_density_3d(self, leaf, distance_mpc, distance_err_mpc)
        return self.volume_levels(logs)

    @cached_property
    def volume_levels(self) -> levels.VolumeLevels:
        """Credible level of a volume density (natural log of Mpc^-3)."""
        return levels.VolumeLevels.of(self)

    def credible_area_deg2(self, level: float) -> float:
        """Area of the smallest region of that probability, leaves cut in proportion."""
        return levels.credible_area_sr(self, level) * DEG2_PER_SR

    def searched_area_deg2(self, ra_deg: ArrayLike, dec_deg: ArrayLike) -> FloatArray:
        """Area of the leaves at least as dense as each position's own.

        That is what is searched until the position is found, if the densest leaves come first and
        equal ones are all searched. NaN outside a partial map and for positions that are none.
        """
        leaf = self.leaf_at(ra_deg, dec_deg)
        area = levels.at_leaf(levels.searched_area_sr(self), leaf, np.nan)
        return np.asarray(area * DEG2_PER_SR)

    # -- derived -----------------------------------------------------------------------------
    def facts(self) -> "MapFacts":
        """Areas, volumes, peak, distance and size, see :func:`.facts.facts_of`."""
        from too_common.astro.facts import facts_of

        return facts_of(self)

    def contours(self, levels: Sequence[float] = (0.5, 0.9)) -> dict[str, Any]:
        """Outlines of credible regions as a GeoJSON FeatureCollection, see :mod:`.contours`."""
        from too_common.astro.contours import feature_collection

        return feature_collection(self, levels)

    def points(
        self, order: int = 9, prune: float = 0.999
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Sample points for footprints, see :func:`.sampling.sample_points`.

        Returns
        -------
        ra_deg, dec_deg, probability : ndarray
        """
        from too_common.astro.sampling import sample_points

        return sample_points(self, order, prune)

"""Sky that counts for nothing in a plan: seen before, or left to other telescopes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from too_common.astro.footprint import Footprint

from too_planner import coverage
from too_planner.asked import Pointing
from too_planner.coverage import IntArray, Points
from too_planner.nightsky import FloatArray


@dataclass(frozen=True)
class Credit:
    """What another telescope sees: it counts for nothing in this plan.

    Attributes
    ----------
    ra_deg, dec_deg : ndarray, shape (n,)
        Its pointings.
    """

    footprint: Footprint
    ra_deg: FloatArray
    dec_deg: FloatArray

    def members(self, points: Points) -> NDArray[np.bool_]:
        """Mask of the points that it sees."""
        found = coverage.members_of(points, self.footprint, self.ra_deg, self.dec_deg)
        return coverage.union_of(found, len(points))


def seen_by(points: Points, footprint: Footprint, pointings: Sequence[Pointing]) -> IntArray:
    """Indices of the points that some pointings see, each with its own field of view."""
    shapes: dict[tuple[object, ...], Footprint] = {(None, None, None): footprint}
    seen = np.zeros(len(points), dtype=bool)
    for row in pointings:
        camera = shapes.get(row.shape)
        if camera is None:
            camera = shapes[row.shape] = _footprint_of_pointing(row)
        seen[points.inside(camera, row.ra_deg, row.dec_deg)] = True
    return np.flatnonzero(seen)


def without_others(points: Points | None, others: Sequence[Credit]) -> tuple[Points | None, float]:
    """Points without what others see, and the weight that goes with it."""
    if points is None or not others:
        return points, 0.0
    seen = np.zeros(len(points), dtype=bool)
    for credit in others:
        seen |= credit.members(points)
    return points.without(np.flatnonzero(seen)), float(points.weight[seen].sum())


def still_wanted(target: float | None, shared: float) -> float | None:
    """What others see counts towards the probability at which planning stops."""
    return None if target is None else max(target - shared, 1e-6)


def _footprint_of_pointing(row: Pointing) -> Footprint:
    if row.radius_deg is not None:
        return Footprint.from_definition({"shape": "circle", "radius_deg": row.radius_deg})
    if row.side_deg is not None:
        return Footprint.from_definition({"shape": "square", "side_deg": row.side_deg})
    return Footprint.from_definition({"shape": "polygons", "polygons": [row.polygon_deg]})

"""Which constraint keeps which sky out of reach, and what dropping it alone would bring.

The map is cut into cells, and every constraint is asked for each of them at sampled moments of the
window. Constraints are counted in a fixed order, each together with those before it *at the same
moment*: a cell belongs to the first one with which no moment is left. So the shares are disjoint
and add up. Beside that stands what would come within reach if one constraint alone were dropped and
all others kept: that is what a person can act on, and such amounts do not add up.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from too_common.astro import galactic
from too_common.astro.sphere import from_unit_vectors

from too_planner.coverage import Points
from too_planner.nightsky import FloatArray, night_sky
from too_planner.visibility import Constraints, Interval, Night

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

_CELLS = 4000
"""About so many cells for a map; for small regions they are small."""
_SIDE_DEG = (0.2, 1.5)
_STEP_S = 600.0
_MOMENTS = 150
"""At most about so many moments; in windows of many nights the step is longer."""
_CHUNK = 1_000_000
"""Cells times moments that are looked at together."""


class Constraint(StrEnum):
    """Constraints in the order in which they are counted."""

    NEVER_UP = "never_up"
    DAYLIGHT = "daylight"
    AIRMASS = "airmass"
    TELESCOPE_LIMITS = "telescope_limits"
    MOON = "moon"
    GALACTIC_PLANE = "galactic_plane"
    RA_SLICE = "ra_slice"


ORDER = tuple(Constraint)


@dataclass(frozen=True)
class Reach:
    """Cells of the sky and what each of them fails.

    Attributes
    ----------
    cell_of : ndarray of int, shape (n,)
        Cell of each point; -1: of no weight when the question was asked.
    first : ndarray of int, shape (c,)
        Place in `ORDER` of the constraint that a cell belongs to; ``len(ORDER)``: within reach.
    lifted : dict of ndarray of bool, shape (c,)
        By constraint: cells out of reach that come within reach without it.
    """

    cell_of: IntArray
    first: IntArray
    lifted: dict[Constraint, BoolArray]

    def shares(self, weight: FloatArray) -> tuple[dict[Constraint, float], float]:
        """Weight that belongs to each constraint, and weight within reach."""
        per_cell = self._per_cell(weight)
        sums = np.bincount(self.first, weights=per_cell, minlength=len(ORDER) + 1)
        return {name: float(sums[k]) for k, name in enumerate(ORDER)}, float(sums[-1])

    def brings(self, weight: FloatArray) -> dict[Constraint, float]:
        """Weight that comes within reach without each constraint."""
        per_cell = self._per_cell(weight)
        return {name: float(per_cell[mask].sum()) for name, mask in self.lifted.items()}

    def _per_cell(self, weight: FloatArray) -> FloatArray:
        asked = self.cell_of >= 0
        sums = np.bincount(self.cell_of[asked], weights=weight[asked], minlength=len(self.first))
        return sums.astype(np.float64)


def in_ra_slice(ra_deg: FloatArray, slice_h: tuple[float, float]) -> BoolArray:
    """Right ascension between two hours; from 22 to 3 passes midnight."""
    low, high = slice_h
    hours = np.asarray(ra_deg) / 15.0
    if low <= high:
        return np.asarray((hours >= low) & (hours <= high))
    return np.asarray((hours >= low) | (hours <= high))


def find_reach(
    night: Night,
    windows: list[Interval],
    limits: Constraints,
    points: Points,
    *,
    galactic_latitude_min_deg: float = 0.0,
    ra_slice_h: tuple[float, float] | None = None,
) -> Reach:
    """Ask every constraint for cells of a map.

    Parameters
    ----------
    night
        The dark time; gives site and epoch.
    windows
        Seconds after the epoch, by day and by night.
    limits
        Of telescope and request.
    points
        The map's points; those of weight zero are not asked for.
    galactic_latitude_min_deg, ra_slice_h
        What the request leaves out of the sky; 0 and None: nothing.
    """
    cell_of, ra, dec = _cells(points)
    static = {
        Constraint.GALACTIC_PLANE: np.abs(galactic.latitude_deg(ra, dec))
        >= galactic_latitude_min_deg,
        Constraint.RA_SLICE: np.ones(len(ra), dtype=bool)
        if ra_slice_h is None
        else in_ra_slice(ra, ra_slice_h),
    }
    dark, light = _moments(night, windows)
    first = np.zeros(len(ra), dtype=np.int64)
    lifted = {name: np.zeros(len(ra), dtype=bool) for name in ORDER}
    rows = max(1, _CHUNK // max(len(dark) + len(light), 1))
    for begin in range(0, len(ra), rows):
        part = slice(begin, begin + rows)
        here = {name: mask[part] for name, mask in static.items()}
        found, brings = _ask(night, limits, (dark, light), (ra[part], dec[part]), here)
        first[part] = found
        for name, mask in brings.items():
            lifted[name][part] = mask
    return Reach(cell_of, first, lifted)


def _ask(
    night: Night,
    limits: Constraints,
    moments: tuple[FloatArray, FloatArray],
    place: tuple[FloatArray, FloatArray],
    static: dict[Constraint, BoolArray],
) -> tuple[IntArray, dict[Constraint, BoolArray]]:
    by_night = _conditions(night, limits, moments[0], *place)
    by_day = _conditions(night, limits, moments[1], *place)
    galactic, inside = static[Constraint.GALACTIC_PLANE], static[Constraint.RA_SLICE]
    fixed = galactic & inside
    steps = []
    kept = by_night["up"]
    steps += [kept.any(axis=1) | by_day["up"].any(axis=1), kept.any(axis=1)]
    for name in ("airmass", "limits", "moon"):
        kept = kept & by_night[name]
        steps.append(kept.any(axis=1))
    good = steps[-1]
    steps += [good & galactic, good & fixed]
    # the number of constraints that hold before the first one that does not
    first = np.cumprod(np.stack(steps), axis=0).sum(axis=0)
    out = ~steps[-1]

    def without(name: str, conditions: dict[str, BoolArray]) -> BoolArray:
        rest = [mask for other, mask in conditions.items() if other not in {name, "horizon"}]
        left = reduce(np.logical_and, rest, conditions["horizon"])
        return np.asarray(left.any(axis=1)) & fixed & out

    brings = {
        Constraint.NEVER_UP: without("up", by_night),
        Constraint.DAYLIGHT: without("", by_day),
        Constraint.AIRMASS: without("airmass", by_night),
        Constraint.TELESCOPE_LIMITS: without("limits", by_night),
        Constraint.MOON: without("moon", by_night),
        Constraint.GALACTIC_PLANE: good & inside & ~galactic,
        Constraint.RA_SLICE: good & galactic & ~inside,
    }
    return np.asarray(first, dtype=np.int64), brings


def _conditions(
    night: Night, limits: Constraints, seconds: FloatArray, ra_deg: FloatArray, dec_deg: FloatArray
) -> dict[str, BoolArray]:
    """Each condition for all places (n,) at all moments (t,): shape (n, t) or (n, 1)."""
    if len(seconds) == 0:
        nothing = np.zeros((len(ra_deg), 1), dtype=bool)
        return dict.fromkeys(("horizon", "up", "airmass", "limits", "moon"), nothing)
    sky = night_sky(night.site, night.epoch, seconds)
    apparent = sky.apparent(ra_deg, dec_deg)
    sine = sky.sin_altitude(apparent)
    inside = ((dec_deg >= limits.dec_deg[0]) & (dec_deg <= limits.dec_deg[1]))[:, None]
    if limits.hour_angle_h is not None or limits.forbidden:
        ra_h = ra_deg / 15.0 if limits.catalogue_hour_angle else sky.apparent_ra_h(apparent)
        angle = sky.hour_angle_h(ra_h)
        if limits.hour_angle_h is not None:
            low, high = limits.hour_angle_h
            inside = inside & (angle >= low) & (angle <= high)
        for zone in limits.forbidden:
            closed = (angle > zone.hour_angle_min_h) & (angle < zone.hour_angle_max_h)
            inside = inside & ~(closed & (dec_deg <= zone.dec_max_deg)[:, None])
    away = np.ones((len(ra_deg), 1), dtype=bool)
    if limits.moon_separation_min_deg > 0:
        nearest = np.cos(np.radians(limits.moon_separation_min_deg))
        away = sky.cos_moon_separation(apparent) <= nearest
    return {
        "horizon": sine >= 0.0,
        "up": sine >= np.sin(np.radians(limits.altitude_min_deg)),
        "airmass": sine >= 1.0 / limits.airmass_max,
        "limits": inside,
        "moon": away,
    }


def _moments(night: Night, windows: list[Interval]) -> tuple[FloatArray, FloatArray]:
    """Moments in the dark (with its ends), and moments of the window in daylight."""
    spans = [(begin, end) for begin, end in windows if end > begin]
    total = sum(end - begin for begin, end in spans)
    step = max(_STEP_S, total / _MOMENTS)
    dark = [_every(begin, end, step) for begin, end in night.dark]
    all_day = [_every(begin, end, 2 * step) for begin, end in spans]
    light = np.concatenate([*all_day, np.empty(0)])
    for begin, end in night.dark:
        light = light[(light < begin) | (light > end)]
    return np.concatenate([*dark, np.empty(0)]), light


def _every(begin: float, end: float, step: float) -> FloatArray:
    return np.linspace(begin, end, max(2, int(np.ceil((end - begin) / step)) + 1))


def _cells(points: Points) -> tuple[IntArray, FloatArray, FloatArray]:
    """Cell of each point, and the mean place of each cell; -1 for points of no weight."""
    asked = np.flatnonzero(points.weight > 0)
    area = float(points.area_deg2.sum())
    side = float(np.clip(np.sqrt(area / _CELLS), *_SIDE_DEG))
    rows = int(np.ceil(180.0 / side))
    band = np.floor((points.dec_deg[asked] + 90.0) / side).astype(np.int64)
    band = np.minimum(band, rows - 1)
    middle = np.radians((np.arange(rows) + 0.5) * side - 90.0)
    around = np.maximum(1.0, np.ceil(360.0 / side * np.cos(middle)))
    number = np.floor(points.ra_deg[asked] / 360.0 * around[band]).astype(np.int64)
    key = band * (int(360.0 / side) + 2) + number
    size = rows * (int(360.0 / side) + 2)
    count = np.bincount(key, minlength=size)
    used = np.flatnonzero(count)
    place = np.full(size, -1, dtype=np.int64)
    place[used] = np.arange(len(used))
    cells = place[key]
    vectors = points.vectors[asked]
    mean = np.stack(
        [np.bincount(cells, weights=vectors[:, axis], minlength=len(used)) for axis in range(3)],
        axis=-1,
    )
    cell_of = np.full(len(points), -1, dtype=np.int64)
    cell_of[asked] = cells
    ra, dec = from_unit_vectors(mean)
    return cell_of, np.asarray(ra), np.asarray(dec)

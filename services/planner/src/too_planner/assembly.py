"""From scheduled visits to the rows and numbers of a plan."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from too_common.astro.footprint import Footprint
from too_common.contracts.planner import PlanStatistics

from too_planner import coverage, plan, visibility
from too_planner.coverage import Points
from too_planner.nightsky import FloatArray
from too_planner.plan import PlannedExposure
from too_planner.telescope import TelescopeDefinition
from too_planner.timeline import Placed, VisitTemplate


@dataclass(frozen=True)
class Target:
    """What may be pointed at.

    Attributes
    ----------
    labels : list of str
        Field ids or names of galaxies.
    ra_deg, dec_deg : ndarray
        ICRS centres.
    """

    labels: list[str]
    ra_deg: FloatArray
    dec_deg: FloatArray

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: NDArray[Any]) -> "Target":
        """Some of them."""
        places = np.arange(len(self.labels))[index]
        return Target([self.labels[i] for i in places], self.ra_deg[index], self.dec_deg[index])


def dithered(
    telescope: TelescopeDefinition, ra_deg: FloatArray, dec_deg: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Places of the offset exposures: a step to the north and to the east."""
    offset = telescope.dither_offset_arcsec / 3600.0
    dec = np.minimum(dec_deg + offset, 89.99)
    ra = (ra_deg + offset / np.maximum(np.cos(np.radians(dec_deg)), 0.01)) % 360.0
    return ra, dec


def exposures_of(
    telescope: TelescopeDefinition,
    targets: Target,
    placed: list[Placed],
    templates: tuple[VisitTemplate, ...],
    epoch: datetime,
    members: list[NDArray[np.int64]],
    points: Points | None,
) -> tuple[PlannedExposure, ...]:
    """Rows of a plan: one per shutter opening, dithers at their own place."""
    rows: list[tuple[float, Placed, Any, float, float]] = []
    moved_ra, moved_dec = dithered(telescope, targets.ra_deg, targets.dec_deg)
    for visit in placed:
        ra, dec = float(targets.ra_deg[visit.field]), float(targets.dec_deg[visit.field])
        for part in templates[visit.step].exposures:
            row_ra, row_dec = ra, dec
            if part.dither:
                row_ra, row_dec = float(moved_ra[visit.field]), float(moved_dec[visit.field])
            rows.append((visit.start_s + part.offset_s, visit, part, row_ra, row_dec))
    if not rows:
        return ()
    middles = np.array([start + part.exposure_s / 2 for start, _, part, _, _ in rows])
    airmass = visibility.airmass_at(
        telescope.site,
        epoch,
        middles,
        np.array([row[3] for row in rows]),
        np.array([row[4] for row in rows]),
    )
    inside = {
        index: float(points.weight[members[index]].sum()) if points is not None else 0.0
        for index in {visit.field for visit in placed}
    }
    return tuple(
        PlannedExposure(
            number=number,
            field_id=targets.labels[visit.field],
            ra_deg=round(ra, 6) % 360.0,
            dec_deg=round(dec, 6),
            filter=part.filter,
            start=epoch + timedelta(seconds=round(start, 3)),
            exposure_s=part.exposure_s,
            airmass=round(float(mass), 4),
            visit=visit.step + 1,
            dither=part.dither,
            probability=round(inside[visit.field], 8),
        )
        for number, ((start, visit, part, ra, dec), mass) in enumerate(
            zip(rows, airmass, strict=True), start=1
        )
    )


def statistics_of(
    footprint: Footprint,
    targets: Target,
    placed: list[Placed],
    exposures: tuple[PlannedExposure, ...],
    steps: int,
    members: list[NDArray[np.int64]],
    points: Points | None,
) -> PlanStatistics:
    """Numbers of a plan, unions counted once."""
    span = plan.span_of(exposures)
    if span is None:
        return plan.empty_statistics()
    fields = sorted({visit.field for visit in placed})
    visits = Counter(visit.field for visit in placed)
    whole = [index for index in fields if visits[index] == steps]
    by_filter: dict[str, int] = {}
    for row in exposures:
        by_filter[row.filter] = by_filter.get(row.filter, 0) + 1
    return PlanStatistics(
        fields=len(fields),
        exposures=len(exposures),
        exposures_by_filter=by_filter,
        probability=seen_weight(points, [members[i] for i in fields]),
        probability_sequence=seen_weight(points, [members[i] for i in whole]),
        area_deg2=round(
            coverage.union_area_deg2(footprint, targets.ra_deg[fields], targets.dec_deg[fields]),
            4,
        ),
        exposure_time_s=sum(row.exposure_s for row in exposures),
        total_time_s=(span[1] - span[0]).total_seconds(),
        first_exposure_at=span[0],
        last_exposure_end=span[1],
    )


def seen_weight(points: Points | None, members: list[NDArray[np.int64]]) -> float:
    """Weight of the points in at least one of some fields."""
    if points is None:
        return 0.0
    mask = coverage.union_of(members, len(points))
    return round(float(points.weight[mask].sum()), 6)

"""How a plan differs from the one that it supersedes."""

from uuid import UUID

from too_common.astro.footprint import Footprint
from too_common.contracts.planner import PlanDifference

from too_planner import coverage
from too_planner.coverage import Points
from too_planner.plan import Plan


def difference(
    previous_id: UUID, before: Plan, after: Plan, *, points: Points | None, footprint: Footprint
) -> PlanDifference:
    """Compare two plans of one telescope.

    Parameters
    ----------
    points
        The new map; the old plan is measured on it too.

    Notes
    -----
    A field of the old plan whose place counts as seen in the new request was observed: it is
    *done*, neither kept nor dropped.
    """
    seen_before = {
        (round(row.ra_deg, 3), round(row.dec_deg, 3))
        for row in after.parameters.previous
        if row.shape == (None, None, None)
    }
    old = {row.field_id or "": (row.ra_deg, row.dec_deg) for row in reversed(before.exposures)}
    new = {row.field_id or "" for row in after.exposures}
    done = {
        label for label, (ra, dec) in old.items() if (round(ra, 3), round(dec, 3)) in seen_before
    }
    on_new_map = on_new_map_done = None
    if points is not None:
        members = [points.inside(footprint, ra, dec) for ra, dec in old.values()]
        seen = coverage.union_of(members, len(points))
        on_new_map = round(float(points.weight[seen].sum()), 6)
        finished = [points.inside(footprint, *old[label]) for label in sorted(done)]
        covered = coverage.union_of(finished, len(points))
        on_new_map_done = round(float(points.weight[covered].sum()), 6)
    return PlanDifference(
        previous_plan_id=previous_id,
        fields_added=tuple(sorted(new - set(old))),
        fields_dropped=tuple(sorted(set(old) - new - done)),
        fields_kept=tuple(sorted(set(old) & new)),
        fields_done=tuple(sorted(done - new)),
        probability_done=on_new_map_done,
        probability_before=before.statistics.probability,
        probability_before_on_new_map=on_new_map,
        probability_after=after.statistics.probability,
    )

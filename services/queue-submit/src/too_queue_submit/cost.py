"""What a payload costs: the time that the facility is ours."""

from collections.abc import Sequence
from itertools import pairwise

from too_queue_submit.plan_document import PlannedExposure


def total_time_s(
    exposures: Sequence[PlannedExposure], *, overhead_s: float, filter_change_s: float
) -> float:
    """Open shutter, overhead per exposure and filter changes.

    Gaps that the planner left between exposures are not counted: in them the telescope is free.
    """
    changes = sum(before.filter != after.filter for before, after in pairwise(exposures))
    open_s = sum(exposure.exposure_s for exposure in exposures)
    return open_s + overhead_s * len(exposures) + filter_change_s * changes


def open_shutter_s(exposures: Sequence[PlannedExposure]) -> float:
    """Open shutter alone."""
    return sum(exposure.exposure_s for exposure in exposures)

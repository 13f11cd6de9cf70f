"""Where to move the stack clock so that something happens: the button "to the next window"."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from too_common.contracts.planner import PlanChanged, PlanState
from too_common.contracts.queue_submit import SubmissionChanged, SubmissionState

LEAD = timedelta(seconds=60)
"""So much before the first exposure, and after the last."""
SOON = timedelta(seconds=30)
"""What is nearer than this is not a jump."""

IN_QUEUE = {
    SubmissionState.ACCEPTED,
    SubmissionState.DELIVERED,
    SubmissionState.ACTIVE,
    SubmissionState.PARTIAL,
}


@dataclass(frozen=True, slots=True)
class Jump:
    """A time to go to, and why."""

    to: datetime
    reason: str


def next_jump(
    plans: list[PlanChanged], submissions: list[SubmissionChanged], now: datetime
) -> Jump | None:
    """The next begin or end of observing of what is in a queue; else of what is planned.

    Pressed again and again, it goes from the first exposure to the last, and on.
    """
    by_id = {plan.plan_id: plan for plan in plans}
    queued: list[Jump] = []
    for item in submissions:
        if item.state not in IN_QUEUE:
            continue
        plan = by_id.get(item.plan_id) if item.plan_id else None
        queued += _jumps(plan, item.facility, item.window_begin, item.window_end)
    planned: list[Jump] = []
    for plan in plans:
        if plan.state is PlanState.READY:
            planned += _jumps(plan, plan.telescope, plan.window_begin, plan.window_end)
    for jumps in (queued, planned):
        ahead = [jump for jump in jumps if jump.to > now + SOON]
        if ahead:
            return min(ahead, key=lambda jump: jump.to)
    return None


def _jumps(plan: PlanChanged | None, telescope: str, begin: datetime, end: datetime) -> list[Jump]:
    statistics = plan.statistics if plan else None
    first = (statistics.first_exposure_at if statistics else None) or begin
    last = (statistics.last_exposure_end if statistics else None) or end
    return [
        Jump(first - LEAD, f"first exposure of {telescope}"),
        Jump(last + LEAD, f"last exposure of {telescope} is over"),
    ]

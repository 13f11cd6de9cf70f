"""Slow work: making a plan, measuring coverage. Begins without an open transaction."""

from too_common.cause import Cause
from too_common.context import Context

from too_planner.jobs_payloads import MakePlan, PlanEvent, UpdateCoverage
from too_planner.usecases import plan_event, record_plan, update_coverage

__all__ = [
    "MakePlan",
    "PlanEvent",
    "UpdateCoverage",
    "make_plan",
    "measure_coverage",
    "plan_without_word",
]


async def make_plan(ctx: Context, job: MakePlan, cause: Cause) -> None:
    """Fetch what the plan needs, make it in a worker process, record it."""
    await record_plan.make_and_record(ctx, job.plan_id, job.revision, cause)


async def plan_without_word(ctx: Context, job: PlanEvent, cause: Cause) -> None:
    """Plan on a map of which no program has spoken in time."""
    async with ctx.unit_of_work(cause) as uow:
        await plan_event.plan_event(uow, job.event_id, waits=False)


async def measure_coverage(ctx: Context, job: UpdateCoverage, cause: Cause) -> None:
    """Measure in a worker process and record what changed."""
    await update_coverage.measure_and_record(ctx, job.event_id, cause)

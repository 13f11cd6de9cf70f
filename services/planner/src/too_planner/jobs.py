"""Slow work: making a plan, measuring coverage. Begins without an open transaction."""

from too_common.cause import Cause
from too_common.context import Context

from too_planner.jobs_payloads import (
    MakeNetwork,
    MakePlan,
    PlanEvent,
    ProposeLost,
    UpdateCoverage,
)
from too_planner.usecases import (
    plan_event,
    plan_network,
    propose_lost,
    record_plan,
    update_coverage,
)

__all__ = [
    "MakeNetwork",
    "MakePlan",
    "PlanEvent",
    "ProposeLost",
    "UpdateCoverage",
    "make_network",
    "make_plan",
    "measure_coverage",
    "plan_without_word",
    "propose_lost_fields",
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


async def propose_lost_fields(ctx: Context, job: ProposeLost, cause: Cause) -> None:
    """Propose what a night lost for the next window."""
    async with ctx.unit_of_work(cause) as uow:
        await propose_lost.propose(uow, job.submission_id)


async def make_network(ctx: Context, job: MakeNetwork, cause: Cause) -> None:
    """Plan several telescopes together in a worker process, record their plans."""
    await plan_network.make_and_record(ctx, job.network_id, job.revision, cause)

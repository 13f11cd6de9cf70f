"""What queue-submit tells of submissions and of others' pointings."""

from too_common.contracts.base import Envelope
from too_common.contracts.queue_submit import (
    ForeignPointingsListed,
    SubmissionChanged,
    SubmissionState,
)
from too_common.uow import UnitOfWork

from too_planner import store
from too_planner.jobs_payloads import ProposeLost
from too_planner.tables import ForeignPointingsRow, PlanRow, SubmissionRow
from too_planner.usecases import propose_lost

ENDED = frozenset({SubmissionState.PARTIAL, SubmissionState.EXPIRED})
"""The window is over and something of the plan was not observed."""
LAST_WORD_S = 5.0
"""The last exposures are told right after the end."""


async def submission_changed(uow: UnitOfWork, envelope: Envelope[SubmissionChanged]) -> None:
    """Keep a submission; one that ended with losses has them planned for the next window."""
    data = envelope.data
    row = await uow.session.get(SubmissionRow, data.submission_id, with_for_update=True)
    if store.is_stale(row, envelope.revision):
        return
    # asked before the row is added: a query in between would flush it half filled
    plan = None if data.plan_id is None else await uow.session.get(PlanRow, data.plan_id)
    if row is None:
        row = SubmissionRow(submission_id=data.submission_id, looked_at=False)
        uow.session.add(row)
    row.revision = envelope.revision
    row.event_id, row.plan_id = data.event_id, data.plan_id
    row.telescope = None if plan is None else plan.telescope
    row.facility, row.state = data.facility, data.state.value
    row.window_begin, row.window_end = data.window_begin, data.window_end
    row.exposures_planned = data.exposures_planned
    row.exposures_executed = data.exposures_executed
    await uow.session.flush()
    if plan is None or not plan.has_event:
        return
    if data.state in ENDED and not row.looked_at:
        await uow.enqueue(
            ProposeLost(submission_id=data.submission_id),
            delay_s=LAST_WORD_S,
            dedupe_key=str(data.submission_id),
        )
    elif data.state is SubmissionState.COMPLETE:
        await propose_lost.take_back(uow, plan)


async def foreign_pointings_listed(
    uow: UnitOfWork, envelope: Envelope[ForeignPointingsListed]
) -> None:
    """Keep what a source lists; plans that ask for it leave that sky out."""
    data = envelope.data
    key = (data.event_id, data.source)
    row = await uow.session.get(ForeignPointingsRow, key, with_for_update=True)
    if store.is_stale(row, envelope.revision):
        return
    if row is None:
        row = ForeignPointingsRow(event_id=data.event_id, source=data.source)
        uow.session.add(row)
    row.revision = envelope.revision
    row.pointings = [item.model_dump(mode="json") for item in data.pointings]
    await uow.session.flush()

"""The definition of queue-submit."""

from collections.abc import AsyncIterator

from sqlalchemy import select
from too_common.contracts.ingest import EventChanged, LocalizationReady
from too_common.contracts.notify import DecisionChanged
from too_common.contracts.planner import PlanChanged, TelescopeChanged
from too_common.contracts.queue_submit import ExecutedExposure, ExposuresExecuted
from too_common.contracts.vetting_api import AccountChanged
from too_common.service import (
    DueWork,
    ServiceDefinition,
    SnapshotItem,
    job_type,
    subscribe,
)
from too_common.uow import UnitOfWork

from too_queue_submit import (
    api,
    background,
    consumers,
    due,
    foreign,
    jobs,
    store,
    tables,
    work,
)
from too_queue_submit.resources import make_resources
from too_queue_submit.settings import QueueSubmitSettings
from too_queue_submit.usecases import core


async def snapshot(uow: UnitOfWork) -> AsyncIterator[SnapshotItem]:
    """Current state of every submission, and its executed exposures."""
    statement = select(tables.SubmissionRow).order_by(tables.SubmissionRow.submission_id)
    for row in (await uow.session.execute(statement)).scalars():
        yield SnapshotItem(core.snapshot_of(row), core.key_of(row), row.revision)
        if row.exposures_executed:
            found = await store.exposures(uow.session, submission_id=row.submission_id)
            yield SnapshotItem(
                ExposuresExecuted(
                    submission_id=row.submission_id,
                    event_id=row.event_id,
                    plan_id=row.plan_id,
                    facility=row.facility,
                    exposures=tuple(
                        ExecutedExposure.model_validate(exposure.data) for exposure, _ in found
                    ),
                ),
                core.key_of(row),
                row.revision,
            )


SERVICE = ServiceDefinition(
    name="queue-submit",
    description="Sends approved plans to telescope queues and follows what they observe.",
    settings=QueueSubmitSettings,
    metadata=tables.METADATA,
    routers=lambda: [api.router, foreign.router],
    subscriptions=(
        subscribe(EventChanged, consumers.on_event_changed),
        subscribe(LocalizationReady, consumers.on_localization_ready),
        subscribe(PlanChanged, consumers.on_plan_changed),
        subscribe(TelescopeChanged, consumers.on_telescope_changed),
        subscribe(DecisionChanged, consumers.on_decision_changed),
        subscribe(AccountChanged, consumers.on_account_changed),
    ),
    jobs=(
        job_type(work.DraftPlan, jobs.draft_plan, concurrency=4, timeout_s=120, max_attempts=12),
        # a repeated job finds the state changed and does nothing: it never sends a second time
        job_type(work.SendSubmission, jobs.send_submission, concurrency=8),
        job_type(work.ReconcileSubmission, jobs.reconcile_submission, concurrency=4),
        job_type(work.WithdrawSubmission, jobs.withdraw_submission, concurrency=8),
        job_type(work.WatchSubmission, jobs.watch_submission, concurrency=4, timeout_s=180),
    ),
    due=(
        DueWork("submissions", due.attend_to_due),
        DueWork("stranded", due.find_stranded),
    ),
    resources=make_resources,
    background=(background.watch_facilities,),
    snapshot=snapshot,
)

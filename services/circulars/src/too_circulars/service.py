"""The SERVICE definition of circulars."""

from collections.abc import AsyncIterator

from too_common.contracts.ingest import EventChanged, LocalizationReady
from too_common.contracts.notify import DutyChanged, IncidentChanged
from too_common.contracts.planner import CoverageChanged, TelescopeChanged
from too_common.contracts.queue_submit import ExposuresExecuted, SubmissionChanged
from too_common.contracts.vetting_api import AccountChanged, CandidateChanged
from too_common.service import ServiceDefinition, SnapshotItem, job_type, subscribe
from too_common.uow import UnitOfWork

from too_circulars import api, consumers, jobs, store
from too_circulars.settings import CircularsSettings
from too_circulars.tables import METADATA
from too_circulars.usecases.compose_draft import state_of


async def snapshot(uow: UnitOfWork) -> AsyncIterator[SnapshotItem]:
    """Every draft as it is now."""
    for draft in await store.drafts(uow.session, None):
        latest = await store.version(uow.session, draft.id, draft.version)
        if latest is None:
            continue
        yield SnapshotItem(state_of(draft, latest), str(draft.event_id), draft.revision)


SERVICE = ServiceDefinition(
    name="circulars",
    description="Composes GCN Circulars from what was observed and vetted; sends nothing itself.",
    settings=CircularsSettings,
    metadata=METADATA,
    routers=lambda: [api.router],
    subscriptions=(
        subscribe(EventChanged, consumers.on_event_changed),
        subscribe(LocalizationReady, consumers.on_localization_ready),
        subscribe(CoverageChanged, consumers.on_coverage_changed),
        subscribe(TelescopeChanged, consumers.on_telescope_changed),
        subscribe(SubmissionChanged, consumers.on_submission_changed),
        subscribe(ExposuresExecuted, consumers.on_exposures_executed),
        subscribe(IncidentChanged, consumers.on_incident_changed),
        subscribe(DutyChanged, consumers.on_duty_changed),
        subscribe(AccountChanged, consumers.on_account_changed),
        subscribe(CandidateChanged, consumers.on_candidate_changed),
    ),
    jobs=(job_type(jobs.ComposeDraft, jobs.run_compose_draft, concurrency=2, timeout_s=30.0),),
    snapshot=snapshot,
)

"""The planner as a service."""

from collections.abc import AsyncIterator

from sqlalchemy import select
from too_common.contracts.ingest import EventChanged, LocalizationReady
from too_common.contracts.notify import DecisionChanged
from too_common.contracts.planner import CoverageChanged, PlanState
from too_common.contracts.queue_submit import (
    ExposuresExecuted,
    ForeignPointingsListed,
    SubmissionChanged,
)
from too_common.contracts.vetting_api import CataloguePublished
from too_common.service import ServiceDefinition, SnapshotItem, job_type, subscribe
from too_common.uow import UnitOfWork

from too_planner import api, consumers, jobs, resources, store, tables, tasks
from too_planner.settings import PlannerSettings
from too_planner.usecases import publish_plan, telescopes


async def snapshot(uow: UnitOfWork) -> AsyncIterator[SnapshotItem]:
    """Telescopes, plans that are not superseded, coverage."""
    for telescope in await store.telescopes(uow.session):
        yield SnapshotItem(
            telescopes.as_event(telescope), f"telescope:{telescope.name}", telescope.revision
        )
    plans = select(tables.PlanRow).where(tables.PlanRow.state != PlanState.SUPERSEDED.value)
    for plan in (await uow.session.scalars(plans.order_by(tables.PlanRow.seq))).all():
        yield SnapshotItem(publish_plan.as_event(plan), str(plan.event_id), plan.revision)
    rows = select(tables.CoverageRow).order_by(tables.CoverageRow.event_id)
    for row in (await uow.session.scalars(rows)).all():
        data = CoverageChanged.model_validate(row.data)
        yield SnapshotItem(data, str(row.event_id), row.revision)


SERVICE = ServiceDefinition(
    name="planner",
    settings=PlannerSettings,
    metadata=tables.METADATA,
    description="Plans observations of an event's sky map for every telescope.",
    routers=lambda: api.ROUTERS,
    subscriptions=(
        subscribe(EventChanged, consumers.on_event_changed),
        subscribe(LocalizationReady, consumers.on_localization_ready),
        subscribe(DecisionChanged, consumers.on_decision_changed),
        subscribe(ExposuresExecuted, consumers.on_exposures_executed),
        subscribe(CataloguePublished, consumers.on_catalogue_published),
        subscribe(SubmissionChanged, consumers.on_submission_changed),
        subscribe(ForeignPointingsListed, consumers.on_foreign_pointings_listed),
    ),
    jobs=(
        job_type(jobs.MakePlan, jobs.make_plan, concurrency=5, timeout_s=300.0),
        job_type(jobs.PlanEvent, jobs.plan_without_word, concurrency=2, timeout_s=60.0),
        job_type(jobs.MakeNetwork, jobs.make_network, concurrency=2, timeout_s=300.0),
        job_type(jobs.ProposeLost, jobs.propose_lost_fields, concurrency=2, timeout_s=60.0),
        job_type(jobs.UpdateCoverage, jobs.measure_coverage, concurrency=2, timeout_s=300.0),
    ),
    resources=resources.make_resources,
    snapshot=snapshot,
    warm=tasks.warm,
)

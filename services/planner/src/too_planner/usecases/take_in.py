"""Keep what other services tell, and do what follows from it."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from too_common.cause import Cause
from too_common.contracts.base import Envelope
from too_common.contracts.ingest import EventChanged, LocalizationReady
from too_common.contracts.notify import DecisionChanged
from too_common.contracts.planner import PlanState
from too_common.contracts.queue_submit import ExposuresExecuted
from too_common.contracts.vetting_api import CataloguePublished
from too_common.uow import UnitOfWork

from too_planner import store
from too_planner.tables import (
    CatalogueRow,
    DecisionRow,
    EventRow,
    ExecutedRow,
    LocalizationRow,
    PlanRow,
)
from too_planner.usecases.plan_event import plan_event, retract_event, start_plan
from too_planner.usecases.update_coverage import measure_again, request_coverage


async def event_changed(uow: UnitOfWork, envelope: Envelope[EventChanged]) -> None:
    """Keep the event's state; a retraction ends all of its plans, and so does a merge.

    What is part of another event is planned with that one, from the maps and decisions that are
    told under its key. Plans of a part that comes out again are made anew.
    """
    data = envelope.data
    row = await store.event(uow.session, data.event_id, lock=True)
    if store.is_stale(row, envelope.revision):
        return
    if row is None:
        row = EventRow(event_id=data.event_id)
        uow.session.add(row)
    row.revision = envelope.revision
    row.name = data.name
    row.is_retracted = data.is_retracted or data.merged_into is not None
    row.event_time = data.event_time
    row.cause = Cause.of(envelope).to_json()
    await uow.session.flush()
    if data.merged_into is not None:
        await retract_event(uow, data.event_id, reason=f"{data.name} is part of another event now")
    elif data.is_retracted:
        await retract_event(uow, data.event_id)
    else:
        await plan_event(uow, data.event_id)


async def localization_ready(uow: UnitOfWork, envelope: Envelope[LocalizationReady]) -> None:
    """Keep the localization; plan on it and measure coverage on it if it is the preferred one."""
    data = envelope.data
    row = await uow.session.get(LocalizationRow, data.localization_id, with_for_update=True)
    if store.is_stale(row, envelope.revision):
        return
    if row is None:
        row = LocalizationRow(localization_id=data.localization_id, event_id=data.event_id)
        uow.session.add(row)
    # a merge or a split moves it
    row.event_id = data.event_id
    row.revision = envelope.revision
    row.sequence, row.rank = data.sequence, data.rank
    row.is_preferred = data.is_preferred
    row.map_sha256 = data.map.sha256
    row.data = data.model_dump(mode="json")
    await uow.session.flush()
    await plan_event(uow, data.event_id)
    await request_coverage(uow, data.event_id)


async def decision_changed(uow: UnitOfWork, envelope: Envelope[DecisionChanged]) -> None:
    """Keep a program's newest decision and plan if it wants the event."""
    data = envelope.data
    key = (data.event_id, data.program_id)
    row = await uow.session.get(DecisionRow, key, with_for_update=True)
    if store.is_stale(row, envelope.revision):
        return
    if row is None:
        row = DecisionRow(event_id=data.event_id, program_id=data.program_id)
        uow.session.add(row)
    row.decision_id = data.decision_id
    row.revision = envelope.revision
    row.verdict = data.verdict.value
    row.priority = data.priority
    row.data = data.model_dump(mode="json")
    await uow.session.flush()
    await plan_event(uow, data.event_id)


async def exposures_executed(uow: UnitOfWork, envelope: Envelope[ExposuresExecuted]) -> None:
    """Keep a submission's executed exposures (all known so far) and measure the coverage."""
    data = envelope.data
    row = await uow.session.get(ExecutedRow, data.submission_id, with_for_update=True)
    if store.is_stale(row, envelope.revision):
        return
    # asked before the row is added: a query in between would flush it half filled
    telescope = await _telescope_of_plan(uow, data.plan_id)
    if row is None:
        row = ExecutedRow(submission_id=data.submission_id)
        uow.session.add(row)
    moved_from = row.event_id if row.event_id != data.event_id else None
    row.revision = envelope.revision
    row.event_id = data.event_id
    row.facility = data.facility
    row.telescope = telescope
    row.exposures = [item.model_dump(mode="json") for item in data.exposures]
    await uow.session.flush()
    if data.event_id is not None and data.exposures:
        await request_coverage(uow, data.event_id)
    if moved_from is not None:
        await measure_again(uow, moved_from)


async def _telescope_of_plan(uow: UnitOfWork, plan_id: UUID | None) -> str | None:
    if plan_id is None:
        return None
    statement = select(PlanRow.telescope).where(PlanRow.plan_id == plan_id)
    name: str | None = await uow.session.scalar(statement)
    return name


async def catalogue_published(uow: UnitOfWork, envelope: Envelope[CataloguePublished]) -> None:
    """Keep the reference and make the plans that waited for galaxies."""
    data = envelope.data
    row: Any = await uow.session.get(CatalogueRow, data.name, with_for_update=True)
    if store.is_stale(row, envelope.revision):
        return
    if row is None:
        row = CatalogueRow(name=data.name)
        uow.session.add(row)
    row.revision = envelope.revision
    row.version, row.rows = data.version, data.rows
    row.snapshot = data.snapshot.model_dump(mode="json")
    row.published_at = envelope.occurred_at
    await uow.session.flush()
    waiting = select(PlanRow).where(
        PlanRow.waits_for_galaxies, PlanRow.state == PlanState.FAILED.value
    )
    for plan in (await uow.session.scalars(waiting.with_for_update())).all():
        if plan.window_end > uow.now:
            await start_plan(uow, plan)

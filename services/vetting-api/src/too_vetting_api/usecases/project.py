"""Keep what an event of any service tells, for the pages."""

from typing import Any

from too_common.contracts import ingest
from too_common.contracts.base import Envelope
from too_common.uow import UnitOfWork

from too_vetting_api.domain.projections import Kind, is_snapshot, row_of
from too_vetting_api.domain.timeline import marks_of
from too_vetting_api.store import projections as store
from too_vetting_api.usecases.candidates import move_candidates
from too_vetting_api.usecases.rank_candidates import request_ranking


async def project(uow: UnitOfWork, envelope: Envelope[Any]) -> None:
    """Write the read models, the time line, and wake open pages.

    Stale revisions change nothing but may still mark an earlier step of the time line.
    """
    event_id = getattr(envelope.data, "event_id", None)
    if isinstance(envelope.data, ingest.EventChanged):
        kept = await store.upsert_event(uow.session, envelope)
        if kept:
            await move_candidates(uow, envelope.data)
    else:
        row = row_of(envelope)
        kept = row is not None and await store.upsert(uow.session, envelope, row)
        if kept and row is not None and row.kind is Kind.LOCALIZATION and row.event_id:
            await request_ranking(uow, row.event_id)
    for item in [] if is_snapshot(envelope) else marks_of(envelope):
        correlation_id = envelope.correlation_id
        if item.plan_id is not None:
            of_plan = await store.correlation_of_plan(uow.session, item.plan_id)
            correlation_id = of_plan or correlation_id
        await store.mark(uow.session, correlation_id, item)
    if kept:
        await store.tell_pages(uow.session, event_id)

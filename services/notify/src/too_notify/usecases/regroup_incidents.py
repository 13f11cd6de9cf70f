"""Incidents of events that were merged or split: one stays current, and nobody is paged anew.

Where an incident comes from is never lost: its thread keeps the event that it was opened for.
"""

from uuid import UUID

from sqlalchemy import select
from too_common.contracts.ingest import EventMerged, EventSplit
from too_common.contracts.notify import IncidentState
from too_common.uow import UnitOfWork

from too_notify.store import incidents as store
from too_notify.tables import IncidentRow
from too_notify.usecases.plan_delivery import post_news
from too_notify.usecases.publish_incident import publish_incident, record
from too_notify.usecases.resolve_incident import close


def _key(row: IncidentRow, event_id: UUID) -> str:
    return f"event:{event_id}:{row.severity}"


async def join_whole(uow: UnitOfWork, part_id: UUID, whole_id: UUID, *, name: str) -> None:
    """Give a part's incidents to the whole; an open one beside the whole's own ends quietly."""
    theirs = await store.of_event(uow.session, whole_id)
    is_open = any(row.state != IncidentState.RESOLVED for row in theirs)
    for row in await _opened_for(uow, part_id):
        if row.event_id == whole_id:
            continue
        if row.state != IncidentState.RESOLVED and is_open:
            # as if a person had resolved it: what joins the whole is no reason to call again
            row.resolved_by = uow.cause.actor
            await close(
                uow, row, f"{name} is part of another event now", by=uow.cause.actor, quiet=True
            )
        row.event_id, row.key = whole_id, _key(row, whole_id)
        is_open = is_open or row.state != IncidentState.RESOLVED
        await _tell(uow, row, "joined", f"{name} is part of another event now")


async def leave_whole(uow: UnitOfWork, part_id: UUID) -> None:
    """Take back the incidents that were opened for an event that is by itself again."""
    for row in await _opened_for(uow, part_id):
        if row.event_id != part_id:
            row.event_id, row.key = part_id, _key(row, part_id)
            await _tell(uow, row, "joined", "the event is by itself again")


async def _opened_for(uow: UnitOfWork, event_id: UUID) -> list[IncidentRow]:
    statement = (
        select(IncidentRow)
        .where(IncidentRow.thread_key == f"event:{event_id}", IncidentRow.alarm_id.is_(None))
        .order_by(IncidentRow.opened_at, IncidentRow.id)
        .with_for_update()
    )
    return list(await uow.session.scalars(statement))


async def _tell(uow: UnitOfWork, row: IncidentRow, what: str, detail: str) -> None:
    await uow.session.flush()
    record(uow, row, what, detail=detail)
    await publish_incident(uow, row)


async def tell_merge(uow: UnitOfWork, data: EventMerged) -> None:
    """Post that events were merged, once, into the whole's thread."""
    who = "by rule" if data.is_automatic else f"by {data.by or 'a person'}"
    reason = f": {data.reason}" if data.reason else ""
    await post_news(
        uow,
        f"{data.from_name} is part of {data.into_name} now ({who}{reason})",
        thread_key=f"event:{data.into_event_id}",
        mode=uow.cause.mode,
    )


async def tell_split(uow: UnitOfWork, data: EventSplit) -> None:
    """Post that an event was split, once, into the whole's thread."""
    reason = f": {data.reason}" if data.reason else ""
    await post_news(
        uow,
        f"{data.into_name} was split from {data.from_name} (by {data.by or 'a person'}{reason})",
        thread_key=f"event:{data.from_event_id}",
        mode=uow.cause.mode,
    )

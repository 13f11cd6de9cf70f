"""Keep what ingest tells of events and maps; stale revisions are dropped."""

from too_common.contracts.base import Envelope
from too_common.contracts.ingest import EventChanged, LocalizationReady
from too_common.uow import UnitOfWork

from too_notify.store import events as store
from too_notify.tables import EventRow, MapRow
from too_notify.usecases.judge_event import judge_event
from too_notify.usecases.regroup_incidents import join_whole, leave_whole


async def record_event(uow: UnitOfWork, event: Envelope[EventChanged]) -> None:
    """Take over an event's state and judge it; a part of another event is judged with that one."""
    data = event.data
    row = await store.event(uow.session, data.event_id)
    if row is not None and row.revision >= event.revision:
        return
    was_part = row is not None and row.data.get("merged_into") is not None
    if row is None:
        row = EventRow(event_id=data.event_id)
        uow.session.add(row)
    row.revision = event.revision
    row.name = data.name
    row.is_retracted = data.is_retracted
    row.mode = event.mode
    row.drill_id = event.drill_id
    row.correlation_id = event.correlation_id
    row.received_at = data.received_at
    row.data = data.model_dump(mode="json")
    await uow.session.flush()
    if data.merged_into is not None:
        await join_whole(uow, data.event_id, data.merged_into, name=data.name)
        return
    if was_part:
        await leave_whole(uow, data.event_id)
    await judge_event(uow, data.event_id, heard_at=data.received_at)


async def record_localization(uow: UnitOfWork, event: Envelope[LocalizationReady]) -> None:
    """Take over a localization and judge its event with it."""
    data = event.data
    row = await uow.session.get(MapRow, data.localization_id, with_for_update=True)
    if row is not None and row.revision > event.revision:
        return
    if row is None:
        row = MapRow(localization_id=data.localization_id, event_id=data.event_id)
        uow.session.add(row)
    # a merge or a split moves it
    row.event_id = data.event_id
    row.revision = event.revision
    row.is_preferred = data.is_preferred
    row.event_revision = data.event_revision
    row.sequence = data.sequence
    row.data = data.model_dump(mode="json")
    await uow.session.flush()
    await judge_event(uow, data.event_id, heard_at=data.received_at)

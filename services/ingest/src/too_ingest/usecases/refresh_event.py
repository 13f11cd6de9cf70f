"""Compute an event's state anew from its notices, and publish it."""

from collections.abc import Sequence
from uuid import UUID

from too_common.contracts.ingest import EventChanged, NativeId
from too_common.uow import UnitOfWork

from too_ingest import store
from too_ingest.event_state import EventState, event_state
from too_ingest.tables import Event, EventId


def to_contract(event: Event, state: EventState, ids: Sequence[EventId]) -> EventChanged:
    """The event as it is published."""
    return EventChanged(
        event_id=event.id,
        name=event.name,
        mission=event.mission,
        kind=state.kind,
        ids=tuple(
            NativeId(mission=i.mission, native_id=i.native_id, is_primary=i.is_primary) for i in ids
        ),
        event_time=state.event_time,
        first_notice_at=state.first_notice_at,
        latest_notice_at=state.latest_notice_at,
        received_at=state.received_at,
        notice_id=state.notice_id,
        notice_count=state.notice_count,
        notice_type=state.notice_type,
        alert_kind=state.alert_kind,
        is_retracted=state.is_retracted,
        is_test=state.is_test,
        is_subthreshold=state.is_subthreshold,
        is_replay=state.is_replay,
        is_stale=state.is_stale,
        facts=state.facts,
        tags=state.tags,
    )


def apply_state(event: Event, state: EventState) -> None:
    """Write the state into the event's row."""
    event.kind = state.kind
    event.event_time = state.event_time
    event.latest_notice_at = state.latest_notice_at
    event.is_retracted = state.is_retracted
    event.is_test = state.is_test
    event.is_subthreshold = state.is_subthreshold
    event.is_replay = state.is_replay
    event.is_stale = state.is_stale


async def refresh_event(uow: UnitOfWork, event_id: UUID) -> Event:
    """Recompute and publish; the caller has locked the event's row."""
    event = await store.lock_event(uow.session, event_id)
    if event is None:
        raise LookupError(f"no event {event_id}")
    rows = await store.notices_of(uow.session, event_id)
    state = event_state(store.record_of(row) for row in rows)
    apply_state(event, state)
    event.revision += 1
    event.changed_at = uow.now
    changed = to_contract(event, state, await store.ids_of(uow.session, event_id))
    event.state = changed.model_dump(mode="json")
    uow.publish(changed, key=event.id, revision=event.revision, overrides=state.is_retracted)
    return event

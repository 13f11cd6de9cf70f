"""Compute an event's state anew from its notices, and publish it."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from too_common.contracts.ingest import (
    CoincidenceFact,
    EventChanged,
    EventKind,
    EventMember,
    NativeId,
)
from too_common.uow import UnitOfWork

from too_ingest import store, store_events
from too_ingest.drill_plan import drill_name
from too_ingest.event_state import EventState, event_state
from too_ingest.tables import Event, EventId, Notice
from too_ingest.tables_events import Coincidence, EventChange
from too_ingest.usecases.find_coincidences import mark_for_review
from too_ingest.usecases.remake_cones import knows_place, remake_cones
from too_ingest.usecases.tell_localizations import tell_all


def to_contract(
    event: Event,
    state: EventState,
    ids: Sequence[EventId],
    members: Iterable[EventMember] = (),
    coincidences: Iterable[CoincidenceFact] = (),
) -> EventChanged:
    """The event as it is published."""
    lead = (state.mission, state.identity)
    return EventChanged(
        event_id=event.id,
        name=event.name,
        mission=event.mission,
        kind=state.kind,
        ids=tuple(
            NativeId(
                mission=i.mission,
                native_id=i.native_id,
                is_primary=(i.mission, i.native_id) == lead,
            )
            for i in ids
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
        members=tuple(members),
        coincidences=tuple(coincidences),
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


def name_event(event: Event, state: EventState) -> None:
    """Name an event by its leading id; one without any keeps the name that it was given."""
    if state.native_id is not None:
        name = state.native_id
        event.name = drill_name(name, event.drill_key) if event.drill_key else name
        event.mission = state.mission


async def refresh_event(
    uow: UnitOfWork, event_id: UUID, *, regrouped: bool = False, retell: bool = False
) -> Event:
    """Recompute and publish an event, or the one that it is part of.

    Parameters
    ----------
    regrouped
        A person merged or split: nobody is paged on account of it.
    retell
        The parts of the event have changed: what readers hold of it is told again.
    """
    event = await store_events.lock_root(uow.session, event_id)
    if event is None:
        raise LookupError(f"no event {event_id}")
    members = await store_events.members_of(uow.session, event.id)
    rows = await store_events.notices_of_root(uow.session, event.id)
    changes = await _changes(uow, members)
    state = event_state(
        (store.record_of(row) for row in rows), prefer=_prefer(event, rows, changes.values())
    )
    was_retracted, before = event.is_retracted, _decisive(event)
    knew_place = knows_place(event)
    name_event(event, state)
    apply_state(event, state)
    event.revision += 1
    event.changed_at = uow.now
    homes = {row.event_id for row in rows}
    changed = to_contract(
        event,
        state,
        await store_events.ids_of_root(uow.session, event.id),
        _members(members, changes, homes),
        await coincidence_facts(uow, event.id),
    ).model_copy(update={"is_regrouped": regrouped})
    event.state = changed.model_dump(mode="json")
    uow.publish(changed, key=event.id, revision=event.revision, overrides=state.is_retracted)
    if retell or was_retracted != state.is_retracted:
        for member in members:
            if member.id != event.id:
                await _tell_member(uow, member, changed, state)
    if retell:
        await tell_all(uow, event)
    if event.revision > 1 and knows_place(event) and not knew_place:
        rows_of_maps = await store_events.localizations_of_root(uow.session, event.id)
        await remake_cones(uow, event, rows_of_maps)
    if event.revision == 1 or retell or _decisive(event) != before:
        mark_for_review(uow, event)
    return event


def tell_alone(
    uow: UnitOfWork, event: Event, rows: Sequence[Notice], ids: Sequence[EventId]
) -> None:
    """Recompute and publish an event that stands alone: no part of another, no coincidence.

    The same as `refresh_event` for such a one, without a question to the database; the caller has
    locked it.
    """
    state = event_state(store.record_of(row) for row in rows)
    before = _decisive(event)
    name_event(event, state)
    apply_state(event, state)
    event.revision += 1
    event.changed_at = uow.now
    changed = to_contract(event, state, ids)
    event.state = changed.model_dump(mode="json")
    uow.publish(changed, key=event.id, revision=event.revision, overrides=state.is_retracted)
    if event.revision == 1 or _decisive(event) != before:
        mark_for_review(uow, event)


def _decisive(event: Event) -> tuple[object, ...]:
    """What an event's coincidences depend on, but for its map."""
    facts = event.state.get("facts") or {}
    return (
        event.kind,
        event.mission,
        event.event_time,
        event.is_retracted,
        event.is_test,
        event.is_subthreshold,
        facts.get("far_hz"),
        facts.get("group"),
    )


async def _changes(uow: UnitOfWork, members: Sequence[Event]) -> dict[UUID, EventChange]:
    found = {}
    for member in members:
        if member.merge_id is not None:
            row = await store_events.change(uow.session, member.merge_id)
            if row is not None:
                found[member.id] = row
    return found


def _prefer(
    event: Event, rows: Sequence[Notice], changes: Iterable[EventChange]
) -> tuple[str, str] | None:
    """Once a person merged, the event that the others were merged into keeps its name."""
    if all(change.is_automatic for change in changes):
        return None
    own = [store.record_of(row) for row in rows if row.event_id == event.id]
    if not own:
        return None
    state = event_state(own)
    return state.mission, state.identity


def _members(
    members: Sequence[Event], changes: dict[UUID, EventChange], homes: set[UUID]
) -> list[EventMember]:
    return [
        EventMember(
            event_id=member.id,
            name=member.name,
            change_id=change.id,
            is_automatic=change.is_automatic,
            reason=change.reason,
            by=change.made_by_name,
            at=change.made_at,
        )
        for member in members
        # what a person split off and put back holds nothing any more
        if member.id in homes and (change := changes.get(member.id)) is not None
    ]


async def _tell_member(
    uow: UnitOfWork, member: Event, whole: EventChanged, state: EventState
) -> None:
    """Tell under an alias's own key that it is part of another event, and how that one is."""
    apply_state(member, state)
    member.revision += 1
    member.changed_at = uow.now
    ids = await store.ids_of(uow.session, member.id)
    told = whole.model_copy(
        update={
            "event_id": member.id,
            "name": member.name,
            "mission": member.mission,
            "ids": tuple(
                NativeId(mission=i.mission, native_id=i.native_id, is_primary=i.is_primary)
                for i in ids
            ),
            "merged_into": whole.event_id,
            "members": (),
            "coincidences": (),
        }
    )
    member.state = told.model_dump(mode="json")
    uow.publish(told, key=member.id, revision=member.revision, overrides=told.is_retracted)


def fact_of(row: Coincidence, event_id: UUID, other: Event) -> CoincidenceFact:
    """A coincidence as seen from one of its events."""
    sign = 1.0 if row.one_id == event_id else -1.0
    return CoincidenceFact(
        coincidence_id=row.id,
        event_id=other.id,
        name=other.name,
        kind=EventKind(other.kind),
        mission=other.mission,
        time_offset_s=sign * float(row.numbers["time_offset_s"]),
        overlap_integral=row.numbers.get("overlap_integral"),
        joint_far_hz=row.numbers.get("joint_far_hz"),
    )


async def coincidence_facts(uow: UnitOfWork, event_id: UUID) -> list[CoincidenceFact]:
    """Standing coincidences of an event."""
    found = []
    for row in await store_events.coincidences_of(uow.session, event_id, states=("found",)):
        other = await uow.session.get(Event, row.other_id if row.one_id == event_id else row.one_id)
        if other is not None:
            found.append(fact_of(row, event_id, other))
    return found


async def retell_state(uow: UnitOfWork, event: Event) -> None:
    """Publish an event whose coincidences have changed and nothing else; its row is locked."""
    if not event.state:
        return
    event.revision += 1
    event.changed_at = uow.now
    told = EventChanged.model_validate(event.state).model_copy(
        update={"coincidences": tuple(await coincidence_facts(uow, event.id))}
    )
    event.state = told.model_dump(mode="json")
    uow.publish(told, key=event.id, revision=event.revision, overrides=event.is_retracted)

"""Take an event apart at a person's word, and take a merge or a split back."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select
from too_common.contracts.ingest import EventSplit
from too_common.errors import ConflictError, InvalidError, NotFoundError
from too_common.ids import uuid7
from too_common.uow import UnitOfWork

from too_ingest import store, store_events
from too_ingest.attachment import names_of
from too_ingest.event_state import event_state, is_statement
from too_ingest.tables import Event, EventId, Localization, Notice
from too_ingest.tables_events import EventChange
from too_ingest.usecases.merge_events import act_in_world_of, hang, lock_families, tell_merged
from too_ingest.usecases.refresh_event import apply_state, name_event, refresh_event

log = structlog.get_logger(__name__)


async def _lock_whole(uow: UnitOfWork, event_id: UUID) -> Event:
    whole = await store_events.root_of(uow.session, event_id)
    await lock_families(uow, whole)
    event = await store_events.lock_root(uow.session, event_id)
    if event is None:
        raise NotFoundError(f"there is no event {event_id}")
    act_in_world_of(uow, event)
    return event


async def split_by_hand(
    uow: UnitOfWork, *, event_id: UUID, notice_ids: Sequence[UUID], reason: str, who: str
) -> tuple[Event, EventChange]:
    """Make an event of its own of some notices; ids that only they have go with them.

    Returns
    -------
    tuple
        The new event, and the act.

    Raises
    ------
    InvalidError
        If the notices are none, all, or not this event's.
    """
    whole = await _lock_whole(uow, event_id)
    rows = await store_events.notices_of_root(uow.session, whole.id)
    wanted = set(notice_ids)
    going = [row for row in rows if row.id in wanted]
    staying = [row for row in rows if row.id not in wanted]
    if len(going) != len(wanted):
        raise InvalidError("some of these notices are not this event's", code="not_its_notices")
    if all(is_statement(store.record_of(row).notice) for row in going):
        raise InvalidError("choose at least one notice of a mission", code="nothing_to_split")
    if all(is_statement(store.record_of(row).notice) for row in staying):
        raise InvalidError("at least one notice must stay", code="nothing_left")
    members = [m.id for m in await store_events.members_of(uow.session, whole.id)]
    part = await _new_part(uow, whole, going)
    change = EventChange(
        id=uuid7(),
        kind="split",
        from_id=whole.id,
        into_id=part.id,
        is_automatic=False,
        reason=reason[:2000],
        made_at=uow.now,
        made_by=uow.cause.actor,
        made_by_name=who,
        detail={
            "notices": {str(row.id): str(row.event_id) for row in going},
            "ids": await _move_ids(uow, part, going, staying),
        },
    )
    uow.session.add(change)
    for row in going:
        row.event_id = part.id
    await uow.session.flush()
    await _move_localizations(uow, {row.id: part.id for row in going})
    await store_events.keep_apart(uow.session, members, [part.id], change.id)
    await _tell_split(uow, change, whole, part)
    return part, change


async def _new_part(uow: UnitOfWork, whole: Event, going: Sequence[Notice]) -> Event:
    part_id = uuid7()
    state = event_state([store.record_of(row) for row in going])
    part = Event(
        id=part_id,
        root_id=part_id,
        mission=state.mission,
        name=f"part of {whole.name}",
        drill_key=whole.drill_key,
        mode=whole.mode,
        # readers have heard of these notices' maps under the other key
        revision=whole.revision,
        state={},
        created_at=uow.now,
        changed_at=uow.now,
    )
    name_event(part, state)
    apply_state(part, state)
    uow.session.add(part)
    await uow.session.flush()
    return part


def _names(rows: Sequence[Notice]) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for row in rows:
        notice = store.record_of(row).notice
        if not is_statement(notice):
            found |= {(notice.mission, name) for name in names_of(notice, row.content_sha256)}
    return found


async def _move_ids(
    uow: UnitOfWork, part: Event, going: Sequence[Notice], staying: Sequence[Notice]
) -> list[dict[str, Any]]:
    """Give the part the ids that no other notice has; later notices with them follow."""
    moved: list[dict[str, Any]] = []
    for mission, name in sorted(_names(going) - _names(staying)):
        row = await uow.session.get(EventId, (mission, name, part.drill_key))
        if row is not None:
            moved.append({"mission": mission, "native_id": name, "home": str(row.event_id)})
            row.event_id = part.id
    if not moved:
        # all its names stay with the other: it needs one by which it can be asked for
        uow.session.add(
            EventId(
                mission=part.mission,
                native_id=f"{part.name}{_made_up(part.id)}",
                drill_key=part.drill_key,
                event_id=part.id,
                is_primary=True,
            )
        )
    await uow.session.flush()
    return moved


def _made_up(part_id: UUID) -> str:
    return f"#{part_id.hex[-6:]}"


def is_made_up(native_id: str, part_id: UUID) -> bool:
    """Tell whether an id is the one that a part was given for want of one of its own."""
    return native_id.endswith(_made_up(part_id))


async def _move_localizations(uow: UnitOfWork, homes: dict[UUID, UUID]) -> None:
    rows = await uow.session.execute(
        select(Localization).where(Localization.notice_id.in_(list(homes)))
    )
    for row in rows.scalars():
        if row.notice_id is not None:
            row.event_id = homes[row.notice_id]
    await uow.session.flush()


async def _tell_split(uow: UnitOfWork, change: EventChange, whole: Event, part: Event) -> None:
    told = EventSplit(
        change_id=change.id,
        from_event_id=whole.id,
        from_name=whole.name,
        into_event_id=part.id,
        into_name=part.name,
        reason=change.undo_reason if change.undone_at else change.reason,
        by=change.undone_by_name if change.undone_at else change.made_by_name,
        at=uow.now,
    )
    for event in (whole, part):
        event.revision += 1
        uow.publish(told, key=event.id, revision=event.revision)
    for event in (whole, part):
        await refresh_event(uow, event.id, regrouped=True, retell=True)
    log.info("event_split", whole=whole.name, part=part.name)


async def undo(
    uow: UnitOfWork, change_id: UUID, *, reason: str, who: str
) -> tuple[Event, EventChange]:
    """Take a merge or a split back; the events are as if it had not been, later notices included.

    Returns
    -------
    tuple
        The event that is by itself again (merge) or whole again (split), and the act.

    Raises
    ------
    NotFoundError
        If there is no such act.
    ConflictError
        If it was taken back already, or what was done since stands in the way.
    """
    change = await store_events.change(uow.session, change_id)
    if change is None:
        raise NotFoundError(f"there is no merge or split {change_id}")
    ends = sorted({change.from_id, change.into_id})
    roots = await store_events.roots_of(uow.session, ends)
    await lock_families(uow, *sorted(set(roots.values())))
    await store_events.lock_events(uow.session, {*ends, *roots.values()})
    await uow.session.refresh(change, with_for_update=True)
    if change.undone_at is not None:
        raise ConflictError("it was taken back already", code="undone_already")
    change.undone_at, change.undone_by = uow.now, uow.cause.actor
    change.undone_by_name, change.undo_reason = who, reason[:2000]
    if change.kind == "merge":
        return await _undo_merge(uow, change), change
    return await _undo_split(uow, change), change


async def _undo_merge(uow: UnitOfWork, change: EventChange) -> Event:
    part = await uow.session.get_one(Event, change.from_id)
    if part.merge_id != change.id:
        raise ConflictError("this merge does not stand any more", code="not_standing")
    whole = await uow.session.get_one(Event, part.root_id)
    act_in_world_of(uow, whole)
    members = await store_events.members_of(uow.session, whole.id)
    below = _below(part, members)
    homes = {row.event_id for row in await store_events.notices_of_root(uow.session, whole.id)}
    if homes.isdisjoint(m.id for m in below) or homes <= {m.id for m in below}:
        raise ConflictError(
            "one of the two would be left without a notice", code="nothing_to_split"
        )
    for member in below:
        member.root_id = part.id
    part.merged_into = part.merge_id = None
    part.revision = max(part.revision, whole.revision)
    await uow.session.flush()
    rest = [m.id for m in members if m not in below]
    await store_events.keep_apart(uow.session, rest, [m.id for m in below], change.id)
    await _tell_split(uow, change, whole, part)
    return part


def _below(part: Event, members: Sequence[Event]) -> list[Event]:
    """A part with all that was merged into it."""
    found = [part]
    for event in found:
        found += [m for m in members if m.merged_into == event.id]
    return found


async def _undo_split(uow: UnitOfWork, change: EventChange) -> Event:
    part = await uow.session.get_one(Event, change.into_id)
    home = await uow.session.get_one(Event, change.from_id)
    whole = await uow.session.get_one(Event, home.root_id)
    if part.merged_into is not None:
        raise ConflictError(
            f"{part.name} has been merged since: take that back first", code="merged_since"
        )
    act_in_world_of(uow, whole)
    homes = {UUID(k): UUID(v) for k, v in change.detail["notices"].items()}
    own = await uow.session.execute(select(Notice).where(Notice.event_id == part.id))
    moved = {}
    for row in own.scalars():
        # what came since goes to the event that it would have gone to
        row.event_id = moved[row.id] = homes.get(row.id, home.id)
    went = {(e["mission"], e["native_id"]): UUID(e["home"]) for e in change.detail["ids"]}
    for known in await store.ids_of(uow.session, part.id):
        if not is_made_up(known.native_id, part.id):
            known.event_id = went.get((known.mission, known.native_id), home.id)
    await uow.session.flush()
    await _move_localizations(uow, moved)
    ones = [m.id for m in await store_events.members_of(uow.session, part.id)]
    others = [m.id for m in await store_events.members_of(uow.session, whole.id)]
    await store_events.let_together(uow.session, ones, others)
    await hang(uow, part, whole, change.id)
    tell_merged(uow, change, part, whole)
    return await refresh_event(uow, whole.id, regrouped=True, retell=True)

"""Make one event of two: by a rule when a notice shows it, or at a person's word."""

from collections.abc import Mapping
from uuid import UUID

import structlog
from too_common.contracts.base import Mode
from too_common.contracts.ingest import EventMerged
from too_common.errors import ConflictError, NotFoundError
from too_common.ids import uuid7
from too_common.uow import UnitOfWork

from too_ingest import store, store_events
from too_ingest.attachment import family_of
from too_ingest.tables import Event
from too_ingest.tables_events import EventChange
from too_ingest.usecases.find_coincidences import mark_for_review
from too_ingest.usecases.refresh_event import refresh_event

log = structlog.get_logger(__name__)


async def join_events(uow: UnitOfWork, home_id: UUID, links: Mapping[UUID, str]) -> bool:
    """Merge the events of a notice's links into the oldest of them, as far as nobody objects.

    Parameters
    ----------
    home_id
        The event that holds the notice.
    links
        Events that the notice shows to be the same, with the reason.

    Returns
    -------
    bool
        True if any were merged.
    """
    roots = await store_events.roots_of(uow.session, [home_id, *links])
    home = roots[home_id]
    reasons = {roots[event_id]: reason for event_id, reason in links.items()}
    reasons.pop(home, None)
    merged = False
    for other in sorted(reasons):
        if await store_events.are_apart(uow.session, home, other):
            log.info("kept_apart", one=str(home), other=str(other))
            continue
        pair = await store_events.lock_events(uow.session, [home, other])
        if any(event.merged_into is not None for event in pair) or len(pair) != 2:
            raise LookupError("an event was merged while its family was locked")
        older, younger = sorted(pair, key=lambda e: (e.created_at, e.id))
        await merge(uow, younger, older, reason=reasons[other], is_automatic=True)
        home = older.id
        merged = True
    return merged


async def merge(
    uow: UnitOfWork,
    from_event: Event,
    into: Event,
    *,
    reason: str,
    is_automatic: bool,
    who: str = "",
) -> EventChange:
    """Make an event part of another; both are by themselves and locked.

    The caller refreshes `into` afterwards, which tells the consequences.
    """
    change = EventChange(
        id=uuid7(),
        kind="merge",
        from_id=from_event.id,
        into_id=into.id,
        is_automatic=is_automatic,
        reason=reason[:2000],
        made_at=uow.now,
        made_by=None if is_automatic else uow.cause.actor,
        made_by_name=who,
        detail={},
    )
    uow.session.add(change)
    await uow.session.flush()
    await hang(uow, from_event, into, change.id)
    tell_merged(uow, change, from_event, into)
    log.info("events_merged", from_event=from_event.name, into=into.name, automatic=is_automatic)
    return change


def tell_merged(uow: UnitOfWork, change: EventChange, part: Event, whole: Event) -> None:
    """Tell under both keys that an event is part of another now.

    An act that was taken back (a split) has the reason and the person of its undoing.
    """
    undone = change.undone_at is not None
    told = EventMerged(
        change_id=change.id,
        from_event_id=part.id,
        from_name=part.name,
        into_event_id=whole.id,
        into_name=whole.name,
        is_automatic=change.is_automatic,
        reason=change.undo_reason if undone else change.reason,
        by=change.undone_by_name if undone else change.made_by_name,
        at=uow.now,
    )
    for event in (part, whole):
        event.revision += 1
        uow.publish(told, key=event.id, revision=event.revision)


async def hang(uow: UnitOfWork, from_event: Event, into: Event, change_id: UUID) -> None:
    """Hang an event with its parts below another."""
    for member in await store_events.members_of(uow.session, from_event.id):
        member.root_id = into.id
    from_event.merged_into, from_event.merge_id = into.id, change_id
    # what was told under the one key is told again under the other, and must count as newer
    into.revision = max(into.revision, from_event.revision)
    await uow.session.flush()
    mark_for_review(uow, from_event)


async def lock_families(uow: UnitOfWork, *event_ids: UUID) -> None:
    """Wait until no notice of these events' missions is being attached, and keep it so."""
    wanted: set[tuple[str, str]] = set()
    for event_id in event_ids:
        for row in await store_events.ids_of_root(uow.session, event_id):
            wanted.add((family_of(row.mission), row.drill_key))
    for family, drill_key in sorted(wanted):
        await store.lock_identity(uow.session, family, drill_key)


def act_in_world_of(uow: UnitOfWork, event: Event) -> None:
    """What a person does to a drill's or a test's event stays in that world."""
    drill_id = UUID(event.drill_key) if event.drill_key else None
    uow.cause = uow.cause.with_(mode=Mode(event.mode), drill_id=drill_id)


async def lock_part(uow: UnitOfWork, event_id: UUID) -> Event:
    """Lock an event that is by itself.

    Raises
    ------
    NotFoundError, ConflictError
        If there is none, or it is part of another one already.
    """
    found = await store_events.lock_events(uow.session, [event_id])
    if not found:
        raise NotFoundError(f"there is no event {event_id}")
    if found[0].merged_into is not None:
        whole = await uow.session.get(Event, found[0].root_id)
        raise ConflictError(
            f"{found[0].name} is part of {whole.name if whole else 'another event'} already",
            code="merged_already",
        )
    return found[0]


async def merge_by_hand(
    uow: UnitOfWork, *, from_id: UUID, into_id: UUID, reason: str, who: str
) -> tuple[Event, EventChange]:
    """Merge at a person's word; nobody is paged and nothing submitted on account of it.

    Raises
    ------
    NotFoundError
        If an event does not exist.
    ConflictError
        If they are one already, or of two worlds: a test, a drill and the real sky do not mix.
    """
    if from_id == into_id:
        raise ConflictError("an event cannot be merged into itself", code="same_event")
    await lock_families(uow, from_id, into_id)
    for event_id in sorted((from_id, into_id)):
        await lock_part(uow, event_id)
    from_event = await lock_part(uow, from_id)
    into = await lock_part(uow, into_id)
    if (from_event.drill_key, from_event.is_test) != (into.drill_key, into.is_test):
        raise ConflictError(
            "a test or drill and a real event cannot be one", code="different_worlds"
        )
    act_in_world_of(uow, into)
    ones = [m.id for m in await store_events.members_of(uow.session, from_event.id)]
    others = [m.id for m in await store_events.members_of(uow.session, into.id)]
    await store_events.let_together(uow.session, ones, others)
    change = await merge(uow, from_event, into, reason=reason, is_automatic=False, who=who)
    whole = await refresh_event(uow, into.id, regrouped=True, retell=True)
    return whole, change

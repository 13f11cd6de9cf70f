"""Queries on how events hang together: roots and members, candidates of attachment, changes."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import product
from uuid import UUID

from sqlalchemy import and_, func, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from too_ingest.attachment import Stream
from too_ingest.tables import Event, EventId, Localization, Notice
from too_ingest.tables_events import Coincidence, EventChange, KeptApart


# -- roots and members -------------------------------------------------------------------------
async def lock_root(session: AsyncSession, event_id: UUID) -> Event | None:
    """Lock the event that an event is part of (itself, if of none)."""
    wanted = event_id
    while True:
        found = await lock_events(session, [wanted])
        if not found or found[0].root_id == wanted:
            return found[0] if found else None
        # merged while it was waited for, or an alias to begin with
        wanted = found[0].root_id


async def lock_events(session: AsyncSession, event_ids: Iterable[UUID]) -> Sequence[Event]:
    """Lock events in the order of their ids, the same for everybody."""
    statement = (
        select(Event)
        .where(Event.id.in_(list(event_ids)))
        .order_by(Event.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.execute(statement)).scalars().all()


async def members_of(session: AsyncSession, root_id: UUID) -> Sequence[Event]:
    """The event itself and all that are part of it, oldest first."""
    statement = (
        select(Event)
        .where(Event.root_id == root_id)
        .order_by(Event.created_at, Event.id)
        .execution_options(populate_existing=True)
    )
    return (await session.execute(statement)).scalars().all()


async def roots_of(session: AsyncSession, event_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """Root of each event."""
    statement = select(Event.id, Event.root_id).where(Event.id.in_(list(event_ids)))
    return {row.id: row.root_id for row in (await session.execute(statement)).all()}


async def root_of(session: AsyncSession, event_id: UUID) -> UUID:
    """The event that an event is part of."""
    return (await roots_of(session, [event_id])).get(event_id, event_id)


async def notices_of_root(session: AsyncSession, root_id: UUID) -> Sequence[Notice]:
    """Notices of an event and of all that are part of it, in the order of arrival."""
    statement = (
        select(Notice)
        .join(Event, Event.id == Notice.event_id)
        .where(Event.root_id == root_id)
        .order_by(Notice.received_at, Notice.id)
    )
    return (await session.execute(statement)).scalars().all()


async def ids_of_root(session: AsyncSession, root_id: UUID) -> Sequence[EventId]:
    """Ids of an event and of all that are part of it, its own primary id first."""
    statement = (
        select(EventId)
        .join(Event, Event.id == EventId.event_id)
        .where(Event.root_id == root_id)
        .order_by(
            (EventId.event_id == root_id).desc(),
            EventId.is_primary.desc(),
            EventId.created_at,
            EventId.native_id,
        )
    )
    return (await session.execute(statement)).scalars().all()


async def localizations_of_root(session: AsyncSession, root_id: UUID) -> Sequence[Localization]:
    """Localizations of an event and of all that are part of it, in the order of their notices."""
    statement = (
        select(Localization)
        .join(Event, Event.id == Localization.event_id)
        .where(Event.root_id == root_id)
        .order_by(Localization.notice_at, Localization.id)
        .execution_options(populate_existing=True)
    )
    return (await session.execute(statement)).scalars().all()


# -- attachment --------------------------------------------------------------------------------
async def notices_of_streams(
    session: AsyncSession,
    streams: Sequence[Stream],
    *,
    begin: datetime,
    end: datetime,
    drill_key: str,
    limit: int = 500,
) -> Sequence[Notice]:
    """Notices that a rule may attach to one of an event time within these."""
    statement = (
        select(Notice)
        .where(
            Notice.stream.in_([stream.value for stream in streams]),
            Notice.event_time.between(begin, end),
            Notice.drill_key == drill_key,
        )
        .order_by(Notice.event_time, Notice.id)
        .limit(limit)
    )
    return (await session.execute(statement)).scalars().all()


def _pair(one: UUID, other: UUID) -> tuple[UUID, UUID]:
    return (one, other) if one < other else (other, one)


async def keep_apart(
    session: AsyncSession, ones: Iterable[UUID], others: Iterable[UUID], change_id: UUID
) -> None:
    """Remember that a person holds these to be different."""
    pairs = sorted(
        {_pair(one, other) for one, other in product(ones, list(others)) if one != other}
    )
    if pairs:
        await session.execute(
            insert(KeptApart)
            .values([{"one_id": a, "other_id": b, "change_id": change_id} for a, b in pairs])
            .on_conflict_do_nothing()
        )


async def are_apart(session: AsyncSession, one_root: UUID, other_root: UUID) -> bool:
    """Tell whether a person keeps any two parts of these events apart."""
    ones = select(Event.id).where(Event.root_id == one_root)
    others = select(Event.id).where(Event.root_id == other_root)
    statement = select(KeptApart.change_id).where(
        or_(
            and_(KeptApart.one_id.in_(ones), KeptApart.other_id.in_(others)),
            and_(KeptApart.one_id.in_(others), KeptApart.other_id.in_(ones)),
        )
    )
    return (await session.execute(statement.limit(1))).first() is not None


async def let_together(session: AsyncSession, ones: Iterable[UUID], others: Iterable[UUID]) -> None:
    """Forget that these were kept apart: a person merges them."""
    for one, other in {_pair(a, b) for a, b in product(ones, list(others)) if a != b}:
        row = await session.get(KeptApart, (one, other))
        if row is not None:
            await session.delete(row)
    await session.flush()


# -- changes -----------------------------------------------------------------------------------
async def change(
    session: AsyncSession, change_id: UUID, *, lock: bool = False
) -> EventChange | None:
    """A merge or a split."""
    return await session.get(EventChange, change_id, with_for_update=lock or None)


async def changes_of(session: AsyncSession, event_ids: Sequence[UUID]) -> Sequence[EventChange]:
    """Merges and splits in which one of these events took part, oldest first."""
    statement = (
        select(EventChange)
        .where(or_(EventChange.from_id.in_(event_ids), EventChange.into_id.in_(event_ids)))
        .order_by(EventChange.made_at, EventChange.id)
    )
    return (await session.execute(statement)).scalars().all()


# -- coincidences ------------------------------------------------------------------------------
async def coincidences_of(
    session: AsyncSession, event_id: UUID, *, states: Sequence[str] = ("found", "withdrawn")
) -> Sequence[Coincidence]:
    """Coincidences in which an event takes part, oldest first."""
    statement = (
        select(Coincidence)
        .where(
            or_(Coincidence.one_id == event_id, Coincidence.other_id == event_id),
            Coincidence.state.in_(states),
        )
        .order_by(Coincidence.found_at, Coincidence.id)
        .execution_options(populate_existing=True)
    )
    return (await session.execute(statement)).scalars().all()


async def coincidence_of_pair(
    session: AsyncSession, one_id: UUID, other_id: UUID
) -> Coincidence | None:
    """The row of a pair, whichever leads, locked."""
    statement = (
        select(Coincidence)
        .where(
            or_(
                and_(Coincidence.one_id == one_id, Coincidence.other_id == other_id),
                and_(Coincidence.one_id == other_id, Coincidence.other_id == one_id),
            )
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.execute(statement)).scalars().first()


async def events_between(
    session: AsyncSession,
    *,
    begin: datetime,
    end: datetime,
    near: datetime,
    drill_key: str,
    but_missions: Sequence[str],
    is_test: bool,
    limit: int,
) -> Sequence[Event]:
    """Events by themselves of other missions whose time lies within these, the nearest first."""
    apart = func.abs(func.extract("epoch", Event.event_time - near))
    statement = (
        select(Event)
        .where(
            Event.event_time.between(begin, end),
            Event.drill_key == drill_key,
            Event.merged_into.is_(None),
            Event.is_retracted.is_(False),
            Event.is_test == is_test,
            Event.mission.not_in(but_missions),
        )
        .order_by(apart, Event.id)
        .limit(limit)
    )
    return (await session.execute(statement)).scalars().all()


async def due_for_review(session: AsyncSession, *, limit: int) -> Sequence[Event]:
    """Events whose coincidences are to be looked at; those that somebody works on are left out."""
    statement = (
        select(Event)
        .where(Event.is_review_due)
        .order_by(Event.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return (await session.execute(statement)).scalars().all()


_WITH_COMPANY = text(
    """
    WITH RECURSIVE missions AS (
        (SELECT mission FROM ingest.events ORDER BY mission LIMIT 1)
        UNION ALL
        SELECT (SELECT e.mission FROM ingest.events e WHERE e.mission > m.mission
                ORDER BY e.mission LIMIT 1)
        FROM missions m WHERE m.mission IS NOT NULL
    )
    SELECT e.id FROM ingest.events e
    WHERE e.id = ANY(CAST(:ids AS uuid[])) AND (
        EXISTS (
            SELECT 1 FROM missions m CROSS JOIN LATERAL (
                SELECT 1 FROM ingest.events o
                WHERE o.mission = m.mission
                  AND o.event_time BETWEEN e.event_time - CAST(:reach AS interval)
                                       AND e.event_time + CAST(:reach AS interval)
                LIMIT 1
            ) near
            WHERE m.mission <> e.mission
        )
        OR EXISTS (SELECT 1 FROM ingest.coincidences c WHERE c.one_id = e.id)
        OR EXISTS (SELECT 1 FROM ingest.coincidences c WHERE c.other_id = e.id)
    )
    """
)
"""Looks once into each mission's part of the index: a flood of one mission's events costs nothing
more, where a scan of all within the window would."""


async def with_company(
    session: AsyncSession, event_ids: Sequence[UUID], *, reach_s: float
) -> set[UUID]:
    """Of these events, those that may have another mission's near in time, or a coincidence."""
    rows = await session.execute(
        _WITH_COMPANY, {"ids": list(event_ids), "reach": timedelta(seconds=reach_s)}
    )
    return set(rows.scalars())

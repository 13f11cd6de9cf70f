"""Queries on the list of events: filters, keyset paging, what stands beside each event."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from too_vetting_api.domain.projections import Kind
from too_vetting_api.tables import Candidate, EventRow, Projection

LIST_KINDS = (Kind.LOCALIZATION, Kind.DECISION, Kind.INCIDENT, Kind.PLAN, Kind.SUBMISSION)
"""What the list shows of each event."""


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events to list."""

    kinds: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    search: str = ""
    with_retracted: bool = False
    with_test: bool = False


async def page(
    session: AsyncSession,
    wanted: EventFilter,
    *,
    limit: int,
    before: tuple[datetime, UUID] | None = None,
) -> list[EventRow]:
    """Events, newest first, after the given place in that order."""
    # a part of another event is found under that one
    statement = select(EventRow).where(EventRow.data["merged_into"].astext.is_(None))
    if not wanted.with_retracted:
        statement = statement.where(EventRow.is_retracted.is_(False))
    if not wanted.with_test:
        statement = statement.where(EventRow.is_test.is_(False))
    if wanted.kinds:
        statement = statement.where(EventRow.kind.in_(wanted.kinds))
    if wanted.tags:
        statement = statement.where(EventRow.tags.contains(list(wanted.tags)))
    if wanted.search:
        statement = statement.where(EventRow.name.icontains(wanted.search, autoescape=True))
    if before is not None:
        statement = statement.where(tuple_(EventRow.sort_at, EventRow.event_id) < before)
    statement = statement.order_by(EventRow.sort_at.desc(), EventRow.event_id.desc()).limit(limit)
    return list((await session.execute(statement)).scalars())


async def beside(
    session: AsyncSession, event_ids: list[UUID]
) -> dict[UUID, dict[Kind, list[Projection]]]:
    """Projected rows that the list needs, by event and kind."""
    statement = (
        select(Projection)
        .where(
            Projection.kind.in_([kind.value for kind in LIST_KINDS]),
            Projection.event_id.in_(event_ids),
        )
        .order_by(Projection.occurred_at)
    )
    found: dict[UUID, dict[Kind, list[Projection]]] = {
        event_id: {kind: [] for kind in LIST_KINDS} for event_id in event_ids
    }
    for row in (await session.execute(statement)).scalars():
        if row.event_id is not None:
            found[row.event_id][Kind(row.kind)].append(row)
    return found


async def near_in_time(session: AsyncSession, row: EventRow, *, limit: int = 30) -> list[EventRow]:
    """Other events by themselves, the nearest in time first: one of them may be the same."""
    apart = func.abs(func.extract("epoch", EventRow.sort_at - row.sort_at))
    statement = (
        select(EventRow)
        .where(
            EventRow.event_id != row.event_id,
            EventRow.data["merged_into"].astext.is_(None),
            EventRow.is_test == row.is_test,
            EventRow.mode == row.mode,
        )
        .order_by(apart, EventRow.event_id)
        .limit(limit)
    )
    return list((await session.execute(statement)).scalars())


async def candidate_counts(session: AsyncSession, event_ids: list[UUID]) -> dict[UUID, int]:
    """Number of candidates of each event."""
    statement = (
        select(Candidate.event_id, func.count())
        .where(Candidate.event_id.in_(event_ids))
        .group_by(Candidate.event_id)
    )
    rows = (await session.execute(statement)).all()
    return {row[0]: row[1] for row in rows if row[0] is not None}


async def known_tags(session: AsyncSession, limit: int = 40) -> list[str]:
    """Tags in use, the most frequent first."""
    tag = func.unnest(EventRow.tags).label("tag")
    inner = select(tag).subquery()
    statement = (
        select(inner.c.tag).group_by(inner.c.tag).order_by(func.count().desc(), inner.c.tag)
    ).limit(limit)
    return list((await session.execute(statement)).scalars())

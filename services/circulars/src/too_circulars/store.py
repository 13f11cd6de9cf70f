"""Queries of circulars."""

from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from too_common.contracts.base import Envelope, EventData

from too_circulars.tables import Draft, DraftVersion, Known

D = TypeVar("D", bound=EventData)


async def remember(
    session: AsyncSession, envelope: Envelope[Any], *, key: str, event_id: UUID | None
) -> bool:
    """Keep the newest state of an aggregate; False if ours is as new already."""
    values = {
        "type": envelope.type,
        "key": key,
        "event_id": event_id,
        "revision": envelope.revision,
        "mode": envelope.mode.value,
        "data": envelope.data.model_dump(mode="json"),
    }
    statement = (
        insert(Known)
        .values(values)
        .on_conflict_do_update(
            index_elements=[Known.type, Known.key],
            set_=values,
            where=Known.revision < envelope.revision,
        )
        .returning(Known.revision)
    )
    return (await session.execute(statement)).one_or_none() is not None


async def known(session: AsyncSession, model: type[D], key: str) -> tuple[D, str] | None:
    """Newest state of one aggregate, and its mode."""
    row = await session.get(Known, (model.TYPE, key))
    return (model.model_validate(row.data), row.mode) if row is not None else None


async def known_of_event(session: AsyncSession, model: type[D], event_id: UUID) -> list[D]:
    """Newest states of all aggregates of a type that belong to an event."""
    rows = await session.scalars(
        select(Known)
        .where(Known.type == model.TYPE, Known.event_id == event_id)
        .order_by(Known.key)
    )
    return [model.model_validate(row.data) for row in rows]


async def all_known(session: AsyncSession, model: type[D]) -> list[D]:
    """Newest states of all aggregates of a type."""
    rows = await session.scalars(select(Known).where(Known.type == model.TYPE).order_by(Known.key))
    return [model.model_validate(row.data) for row in rows]


async def drafts(session: AsyncSession, event_id: UUID | None) -> list[Draft]:
    """Drafts, newest first."""
    statement = select(Draft).order_by(Draft.created_at.desc())
    if event_id is not None:
        statement = statement.where(Draft.event_id == event_id)
    return list(await session.scalars(statement))


async def draft_for_update(session: AsyncSession, draft_id: UUID) -> Draft | None:
    """A draft, locked until the end of the transaction."""
    return await session.get(Draft, draft_id, with_for_update=True)


async def open_draft(session: AsyncSession, event_id: UUID) -> Draft | None:
    """The open draft of an event, locked; the oldest if there are several."""
    statement = (
        select(Draft)
        .where(Draft.event_id == event_id, Draft.state == "draft")
        .order_by(Draft.created_at)
        .limit(1)
        .with_for_update()
    )
    return (await session.scalars(statement)).one_or_none()


async def versions(session: AsyncSession, draft_id: UUID) -> list[DraftVersion]:
    """Versions of a draft, oldest first."""
    statement = (
        select(DraftVersion).where(DraftVersion.draft_id == draft_id).order_by(DraftVersion.version)
    )
    return list(await session.scalars(statement))


async def version(session: AsyncSession, draft_id: UUID, number: int) -> DraftVersion | None:
    """One version of a draft."""
    statement = select(DraftVersion).where(
        DraftVersion.draft_id == draft_id, DraftVersion.version == number
    )
    return (await session.scalars(statement)).one_or_none()

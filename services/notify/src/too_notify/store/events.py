"""Read models of events, maps and accounts, and the pictures that were judged."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from too_common.contracts.ingest import EventChanged, LocalizationReady

from too_notify.facts import Picture
from too_notify.tables import AccountRow, EventRow, MapRow, PictureRow


async def event(session: AsyncSession, event_id: UUID) -> EventRow | None:
    """An event, locked: decisions about one event are made one after the other."""
    return await session.get(EventRow, event_id, with_for_update=True)


async def open_events(session: AsyncSession, since: datetime) -> list[UUID]:
    """Events heard of since then and not retracted, newest first."""
    statement = (
        select(EventRow.event_id)
        .where(EventRow.received_at >= since, EventRow.is_retracted.is_(False))
        .order_by(EventRow.received_at.desc())
    )
    return list(await session.scalars(statement))


async def preferred_map(session: AsyncSession, event_id: UUID) -> LocalizationReady | None:
    """The map that ingest prefers: the latest that it named so."""
    statement = (
        select(MapRow)
        .where(MapRow.event_id == event_id, MapRow.is_preferred)
        .order_by(MapRow.event_revision.desc(), MapRow.sequence.desc(), MapRow.seq.desc())
        .limit(1)
    )
    row = (await session.scalars(statement)).one_or_none()
    return None if row is None else LocalizationReady.model_validate(row.data)


async def picture_of(session: AsyncSession, row: EventRow) -> Picture:
    """An event with its preferred map, as known now."""
    picture = Picture.of(
        EventChanged.model_validate(row.data), await preferred_map(session, row.event_id)
    )
    return picture.model_copy(update={"event_revision": row.revision})


async def add_picture(session: AsyncSession, picture: Picture, at: datetime) -> None:
    """Keep a picture, unless it is the same as the one before."""
    content = picture.model_dump(mode="json")
    statement = (
        select(PictureRow)
        .where(PictureRow.event_id == picture.event_id)
        .order_by(PictureRow.number.desc())
        .limit(1)
    )
    last = (await session.scalars(statement)).one_or_none()
    if last is not None and last.picture == content:
        return
    number = 1 if last is None else last.number + 1
    session.add(PictureRow(event_id=picture.event_id, number=number, at=at, picture=content))
    await session.flush()


async def pictures(session: AsyncSession, event_id: UUID) -> list[tuple[datetime, Picture]]:
    """Every picture of an event, in order."""
    statement = (
        select(PictureRow).where(PictureRow.event_id == event_id).order_by(PictureRow.number)
    )
    return [
        (row.at, Picture.model_validate(row.picture)) for row in await session.scalars(statement)
    ]


async def past_events(session: AsyncSession, *, limit: int, offset: int) -> list[UUID]:
    """Events with pictures, newest first."""
    statement = (
        select(PictureRow.event_id)
        .group_by(PictureRow.event_id)
        .order_by(func.max(PictureRow.at).desc(), PictureRow.event_id)
        .limit(limit)
        .offset(offset)
    )
    return list(await session.scalars(statement))


async def accounts(session: AsyncSession) -> dict[UUID, AccountRow]:
    """All accounts that notify has heard of."""
    return {row.account_id: row for row in await session.scalars(select(AccountRow))}


async def account_name(session: AsyncSession, account_id: UUID | None) -> str:
    """Name of a person to show."""
    row = None if account_id is None else await session.get(AccountRow, account_id)
    return "somebody" if row is None else row.name or row.username

"""Queries of the ingest schema."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from too_ingest import raw_store
from too_ingest.event_state import NoticeRecord
from too_ingest.localization_plan import candidates
from too_ingest.notices import ParsedNotice, parse_notice
from too_ingest.tables import (
    DeadLetter,
    Event,
    EventId,
    MapFile,
    Notice,
    RawNotice,
    SkyMapRow,
)


# -- raw notices -------------------------------------------------------------------------------
async def lock_raw(session: AsyncSession, raw_id: UUID) -> RawNotice | None:
    """Lock a raw notice with its bytes; waits for whoever works on it."""
    return (
        await session.execute(
            select(RawNotice)
            .where(RawNotice.id == raw_id)
            .options(undefer(RawNotice.body))
            .with_for_update()
        )
    ).scalar_one_or_none()


async def waiting_raw(
    session: AsyncSession, *, older_than_s: float, limit: int = 50
) -> Sequence[RawNotice]:
    """Raw notices that nobody has read yet, oldest first."""
    edge = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, older_than_s)
    statement = (
        select(RawNotice)
        .where(RawNotice.state == "received", RawNotice.stored_at < edge)
        .order_by(RawNotice.stored_at)
        .limit(limit)
    )
    return (await session.execute(statement)).scalars().all()


# -- events ------------------------------------------------------------------------------------
async def lock_identity(session: AsyncSession, mission: str, drill_key: str) -> None:
    """Let one transaction at a time decide which event a mission's notice belongs to."""
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        {"name": f"ingest:{mission}:{drill_key}"},
    )


async def find_event_ids(
    session: AsyncSession, mission: str, native_ids: Sequence[str], drill_key: str
) -> Sequence[EventId]:
    """Alias rows of a mission's ids, oldest first."""
    statement = (
        select(EventId)
        .where(
            EventId.mission == mission,
            EventId.native_id.in_(native_ids),
            EventId.drill_key == drill_key,
        )
        .order_by(EventId.created_at, EventId.native_id)
    )
    return (await session.execute(statement)).scalars().all()


async def add_event_ids(
    session: AsyncSession,
    *,
    event_id: UUID,
    mission: str,
    native_ids: Sequence[str],
    drill_key: str,
    primary: str | None,
) -> None:
    """Add ids that are not taken yet."""
    if native_ids:
        await session.execute(
            insert(EventId)
            .values(
                [
                    {
                        "mission": mission,
                        "native_id": native_id,
                        "drill_key": drill_key,
                        "event_id": event_id,
                        "is_primary": native_id == primary,
                    }
                    for native_id in dict.fromkeys(native_ids)
                ]
            )
            .on_conflict_do_nothing()
        )


async def ids_of(session: AsyncSession, event_id: UUID) -> Sequence[EventId]:
    """All ids of an event, the primary one first."""
    statement = (
        select(EventId)
        .where(EventId.event_id == event_id)
        .order_by(EventId.is_primary.desc(), EventId.created_at, EventId.native_id)
    )
    return (await session.execute(statement)).scalars().all()


async def list_events(
    session: AsyncSession,
    *,
    limit: int,
    before: datetime | None = None,
    mission: str | None = None,
    native_id: str | None = None,
    is_test: bool | None = None,
    is_retracted: bool | None = None,
) -> Sequence[Event]:
    """Events, the one with the latest notice first."""
    statement = select(Event).order_by(Event.latest_notice_at.desc(), Event.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(Event.latest_notice_at < before)
    if mission is not None:
        statement = statement.where(Event.mission == mission)
    if is_test is not None:
        statement = statement.where(Event.is_test == is_test)
    if is_retracted is not None:
        statement = statement.where(Event.is_retracted == is_retracted)
    # what is part of another event is found by that one, under any of its names
    statement = statement.where(Event.merged_into.is_(None))
    if native_id is not None:
        owners = select(EventId.event_id).where(EventId.native_id == native_id)
        roots = select(Event.root_id).where(Event.id.in_(owners))
        statement = statement.where(Event.id.in_(roots))
    return (await session.execute(statement)).scalars().all()


# -- notices -----------------------------------------------------------------------------------
async def notice_by_content(
    session: AsyncSession, content_sha256: str, drill_key: str
) -> Notice | None:
    """The notice made from these bytes, whatever topic they came on."""
    return (
        await session.execute(
            select(Notice).where(
                Notice.content_sha256 == content_sha256, Notice.drill_key == drill_key
            )
        )
    ).scalar_one_or_none()


def record_of(row: Notice) -> NoticeRecord:
    """What the reducer looks at."""
    return NoticeRecord(
        notice_id=row.id,
        content_sha256=row.content_sha256,
        received_at=row.received_at,
        notice=ParsedNotice.model_validate(row.parsed),
        is_stale=row.is_stale,
        is_replay=row.is_replay,
    )


# -- localizations and maps --------------------------------------------------------------------
async def put_map_file(session: AsyncSession, sha256: str, body: bytes) -> None:
    """Keep a map file as it came."""
    await session.execute(
        insert(MapFile)
        .values(sha256=sha256, body=body, size_bytes=len(body))
        .on_conflict_do_nothing()
    )


async def note_embedded_file(
    session: AsyncSession, sha256: str, raw_id: UUID, size_bytes: int
) -> None:
    """Note that a stored notice carries a map file; its bytes are not stored again."""
    await session.execute(
        insert(MapFile)
        .values(sha256=sha256, raw_id=raw_id, size_bytes=size_bytes)
        .on_conflict_do_nothing()
    )


async def map_file(session: AsyncSession, sha256: str) -> bytes | None:
    """Bytes of a map file."""
    found = select(MapFile.body, MapFile.raw_id).where(MapFile.sha256 == sha256)
    row = (await session.execute(found)).one_or_none()
    if row is None or row.raw_id is None:
        return row.body if row else None
    body, topic = await raw_store.read_raw(session, row.raw_id)
    # reading and decoding some megabytes of text would hold the loop up
    return await asyncio.to_thread(embedded_file, body, topic, sha256)


def embedded_file(body: bytes, topic: str, sha256: str) -> bytes | None:
    """The map file of this hash out of a notice's bytes."""
    for candidate in candidates(parse_notice(body, topic or None)):
        if candidate.data is not None and hashlib.sha256(candidate.data).hexdigest() == sha256:
            return candidate.data
    return None


async def put_map(session: AsyncSession, values: dict[str, Any]) -> None:
    """Keep a normalised map by its hash."""
    await session.execute(insert(SkyMapRow).values(**values).on_conflict_do_nothing())


async def get_map(
    session: AsyncSession, sha256: str, *, body: bool = False, contours: bool = False
) -> SkyMapRow | None:
    """A normalised map."""
    statement = select(SkyMapRow).where(SkyMapRow.sha256 == sha256)
    if body:
        statement = statement.options(undefer(SkyMapRow.body))
    if contours:
        statement = statement.options(undefer(SkyMapRow.contours))
    return (await session.execute(statement)).scalar_one_or_none()


# -- dead letters ------------------------------------------------------------------------------
async def open_dead_letter_of(session: AsyncSession, raw_id: UUID) -> DeadLetter | None:
    """The open dead letter of a raw notice."""
    return (
        await session.execute(
            select(DeadLetter)
            .where(DeadLetter.raw_id == raw_id, DeadLetter.state == "open")
            .with_for_update()
        )
    ).scalar_one_or_none()


async def list_dead_letters(
    session: AsyncSession, *, state: str | None, limit: int
) -> Sequence[tuple[DeadLetter, RawNotice]]:
    """Dead letters with their raw notices, newest first."""
    statement = (
        select(DeadLetter, RawNotice)
        .join(RawNotice, RawNotice.id == DeadLetter.raw_id)
        .order_by(DeadLetter.created_at.desc())
        .limit(limit)
    )
    if state is not None:
        statement = statement.where(DeadLetter.state == state)
    return [(dead, raw) for dead, raw in (await session.execute(statement)).all()]


async def has_parked(session: AsyncSession, event_id: UUID) -> bool:
    """Tell whether an unread message seems to speak of this event, or of a part of it."""
    statement = select(
        select(DeadLetter.id)
        .where(
            and_(
                DeadLetter.event_id.in_(select(Event.id).where(Event.root_id == event_id)),
                DeadLetter.state == "open",
            )
        )
        .exists()
    )
    return bool((await session.execute(statement)).scalar())


async def events_by_any_id(
    session: AsyncSession, native_ids: Sequence[str], drill_key: str
) -> Sequence[UUID]:
    """Events that have one of these ids, of whatever mission."""
    if not native_ids:
        return []
    statement = (
        select(EventId.event_id)
        .where(EventId.native_id.in_(native_ids), EventId.drill_key == drill_key)
        .distinct()
    )
    return (await session.execute(statement)).scalars().all()


async def mark_raw(
    session: AsyncSession, raw_id: UUID, state: str, notice_id: UUID | None = None
) -> None:
    """Set the state of a raw notice."""
    await session.execute(
        update(RawNotice)
        .where(RawNotice.id == raw_id)
        .values(state=state, notice_id=notice_id)
        .execution_options(synchronize_session="fetch")
    )


async def count_open(session: AsyncSession) -> tuple[int, int]:
    """Numbers of waiting raw notices and open dead letters."""
    waiting = select(func.count()).select_from(RawNotice).where(RawNotice.state == "received")
    dead = select(func.count()).select_from(DeadLetter).where(or_(DeadLetter.state == "open"))
    return (await session.execute(waiting)).scalar_one(), (await session.execute(dead)).scalar_one()

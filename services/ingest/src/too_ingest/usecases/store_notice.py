"""Store the bytes of a notice before anybody looks at them."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from too_common.contracts.base import Mode
from too_common.contracts.ingest import StreamChanged, StreamState
from too_common.ids import uuid7
from too_common.uow import UnitOfWork

from too_ingest import store
from too_ingest.notices.values import clean_text
from too_ingest.tables import NO_DRILL, Stream

NO_TOPIC = ""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as it came in."""

    body: bytes
    topic: str = NO_TOPIC
    source: str = "http"
    partition: int | None = None
    offset: int | None = None
    source_time: datetime | None = None
    is_replay: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a message lies now."""

    raw_id: UUID
    is_new: bool


def drill_key(uow: UnitOfWork) -> str:
    """Drill part of an identity: a drill's notices are events of their own."""
    return str(uow.cause.drill_id) if uow.cause.drill_id else NO_DRILL


async def store_notice(uow: UnitOfWork, incoming: Incoming) -> Stored:
    """Store a message; the same bytes on the same topic are stored once."""
    cause = uow.cause
    if incoming.is_replay and cause.mode is Mode.LIVE:
        cause = cause.with_(mode=Mode.REPLAY)
    raw_id, is_new = await store.insert_raw(
        uow.session,
        {
            "id": uuid7(),
            "topic": clean_text(incoming.topic)[:249],
            "drill_key": drill_key(uow),
            "content_sha256": hashlib.sha256(incoming.body).hexdigest(),
            "size_bytes": len(incoming.body),
            "body": incoming.body,
            "source": incoming.source,
            "source_partition": incoming.partition,
            "source_offset": incoming.offset,
            "source_time": incoming.source_time,
            "received_at": uow.now,
            "cause": cause.to_json(),
            "is_replay": incoming.is_replay,
        },
    )
    if is_new and incoming.topic and not incoming.is_replay:
        await touch_stream(uow, incoming.topic)
    return Stored(raw_id, is_new)


async def touch_stream(uow: UnitOfWork, name: str) -> None:
    """Note that a stream gave something; a stream that was silent or refused is alive again."""
    row = await _set_stream(uow, name, StreamState.ALIVE, "")
    row.last_notice_at = uow.now
    row.notices += 1


async def mark_stream(uow: UnitOfWork, name: str, state: StreamState, reason: str) -> None:
    """Note that a stream fell silent or refused us."""
    await _set_stream(uow, name, state, reason)


async def _set_stream(uow: UnitOfWork, name: str, state: StreamState, reason: str) -> Stream:
    """Lock a stream's row, made if need be; publish if its state is new."""
    name = clean_text(name)[:249]
    values = {"name": name, "state": state, "since": uow.now, "reason": reason}
    made = await uow.session.scalar(
        insert(Stream).values(**values).on_conflict_do_nothing().returning(Stream.name)
    )
    row = (
        await uow.session.execute(
            select(Stream)
            .where(Stream.name == name)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).scalar_one()
    if row.state != state:
        row.state, row.since, row.reason = state, uow.now, reason
        row.revision += 1
        publish_stream(uow, row)
    elif made is not None:
        publish_stream(uow, row)
    return row


def publish_stream(uow: UnitOfWork, row: Stream) -> None:
    """Tell the state of a stream."""
    uow.publish(
        StreamChanged(
            stream=row.name, state=StreamState(row.state), since=row.since, reason=row.reason
        ),
        key=f"stream:{row.name}",
        revision=row.revision,
    )

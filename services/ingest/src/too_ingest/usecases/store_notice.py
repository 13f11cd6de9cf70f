"""Store the bytes of a notice before anybody looks at them."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from too_common.cause import Cause
from too_common.contracts.base import Mode
from too_common.contracts.ingest import StreamChanged, StreamState
from too_common.ids import uuid7
from too_common.uow import UnitOfWork

from too_ingest import raw_store
from too_ingest.notices.values import clean_text
from too_ingest.tables import NO_DRILL, Stream

NO_TOPIC = ""


QUIET_SOURCES = frozenset({"backfill", "drill", "gracedb"})
"""What comes by these says nothing about whether its stream is alive."""


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
    origin_id: UUID | None = None
    """The backfill or drill that brings it."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a message lies now."""

    raw_id: UUID
    is_new: bool
    state: str = "received"
    """Of a message that was known: how far it got."""


def _values(uow: UnitOfWork, incoming: Incoming, cause: Cause) -> dict[str, Any]:
    if incoming.is_replay and cause.mode is Mode.LIVE:
        cause = cause.with_(mode=Mode.REPLAY)
    return {
        "id": uuid7(),
        "topic": clean_text(incoming.topic)[:249],
        "drill_key": str(cause.drill_id) if cause.drill_id else NO_DRILL,
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
        "origin_id": incoming.origin_id,
    }


async def store_notice(uow: UnitOfWork, incoming: Incoming) -> Stored:
    """Store a message; the same bytes on the same topic are stored once."""
    return (await store_notices(uow, [(incoming, uow.cause)]))[0]


async def store_notices(
    uow: UnitOfWork, messages: Sequence[tuple[Incoming, Cause]]
) -> list[Stored]:
    """Store messages in few statements; the same bytes on the same topic are stored once.

    Returns
    -------
    list of Stored
        One per message, in order; of equal ones in a batch the first counts as the new one.
    """
    rows = [_values(uow, incoming, cause) for incoming, cause in messages]
    kept = await raw_store.insert_raws(uow.session, rows)
    stored: list[Stored] = []
    first: set[UUID] = set()
    news: Counter[str] = Counter()
    for row, (incoming, _cause) in zip(rows, messages, strict=True):
        found = kept[raw_store.content_key(row)]
        is_new = found.id == row["id"] and found.id not in first
        first.add(found.id)
        stored.append(Stored(found.id, is_new, found.state))
        counts = incoming.topic and not incoming.is_replay
        if is_new and counts and incoming.source not in QUIET_SOURCES:
            news[row["topic"]] += 1
    if news:
        await touch_streams(uow, news)
    return stored


async def touch_streams(uow: UnitOfWork, news: Mapping[str, int]) -> None:
    """Note how many new messages streams gave; one that was silent or refused is alive again."""
    names = sorted(news)
    table = insert(Stream).values(
        [
            {
                "name": name,
                "state": StreamState.ALIVE,
                "since": uow.now,
                "reason": "",
                "notices": news[name],
                "last_notice_at": uow.now,
                "last_seen_at": uow.ctx.wall.now(),
            }
            for name in names
        ]
    )
    rows = await uow.session.execute(
        table.on_conflict_do_update(
            index_elements=[Stream.name],
            set_={
                "notices": Stream.notices + table.excluded.notices,
                "last_notice_at": table.excluded.last_notice_at,
                "last_seen_at": table.excluded.last_seen_at,
            },
        ).returning(Stream.name, Stream.state, Stream.notices)
    )
    for row in rows.all():
        if row.state != StreamState.ALIVE:
            await _set_stream(uow, row.name, StreamState.ALIVE, "")
        elif row.notices == news[row.name]:
            made = await uow.session.get_one(Stream, row.name, populate_existing=True)
            publish_stream(uow, made)


async def touch_stream(uow: UnitOfWork, name: str) -> None:
    """Note a sign of life of a stream, which is no notice."""
    row = await _set_stream(uow, name, StreamState.ALIVE, "")
    row.last_seen_at = uow.ctx.wall.now()


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
            stream=row.name,
            state=StreamState(row.state),
            since=row.since,
            reason=row.reason,
            last_seen_at=row.last_seen_at,
        ),
        key=f"stream:{row.name}",
        revision=row.revision,
    )

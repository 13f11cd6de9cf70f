"""Backfill: read from the broker again what the topics hold between two moments.

The messages take the same way as new ones: bytes first; known ones are recognised by their content.
Where the reading stands is part of the transaction that stores the bytes, so it goes on after a
restart without counting anything twice.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from too_common.cause import Cause
from too_common.errors import ConflictError, InvalidError, NotFoundError
from too_common.ids import uuid7
from too_common.uow import UnitOfWork

from too_ingest.clients.gcn import Message
from too_ingest.clients.gcn_history import Span
from too_ingest.stream_tables import Backfill
from too_ingest.tables import RawNotice
from too_ingest.usecases.store_notice import Incoming, Stored, store_notices

WAITING, RUNNING, DONE, FAILED, STOPPED = "waiting", "running", "done", "failed", "stopped"


async def request_backfill(
    uow: UnitOfWork, *, since: datetime, until: datetime | None, topics: Sequence[str]
) -> Backfill:
    """Plan a backfill.

    Raises
    ------
    InvalidError
        If the span is empty, or no topic is named.
    """
    now = uow.ctx.wall.now()
    if since >= (until or now):
        raise InvalidError("the backfill ends before it begins", code="empty_span")
    if not topics:
        raise InvalidError("no topic is named", code="no_topics")
    row = Backfill(
        id=uuid7(),
        since=since,
        until=until,
        topics=list(dict.fromkeys(topics)),
        state=WAITING,
        progress=[],
        read=0,
        new=0,
        known=0,
        requested_at=now,
        cause=uow.cause.to_json(),
    )
    uow.session.add(row)
    await uow.session.flush()
    return row


async def get_backfill(uow: UnitOfWork, backfill_id: UUID, *, lock: bool = False) -> Backfill:
    """A backfill, or 404."""
    row = await uow.session.get(Backfill, backfill_id, with_for_update=lock or None)
    if row is None:
        raise NotFoundError(f"there is no backfill {backfill_id}")
    return row


def spans_of(row: Backfill) -> list[Span]:
    """Where the reading stands."""
    return [Span(**part) for part in row.progress]


def _kept(spans: Sequence[Span]) -> list[dict[str, Any]]:
    return [
        {
            "topic": s.topic,
            "partition": s.partition,
            "next_offset": s.next_offset,
            "end_offset": s.end_offset,
        }
        for s in spans
    ]


async def begin(uow: UnitOfWork, backfill_id: UUID, spans: Sequence[Span]) -> None:
    """Note what is to be read."""
    row = await get_backfill(uow, backfill_id, lock=True)
    if row.state == WAITING:
        row.state, row.progress = RUNNING, _kept(spans)


async def store_batch(
    uow: UnitOfWork, backfill_id: UUID, messages: Sequence[Message]
) -> tuple[list[Stored], list[Span]]:
    """Store messages and note how far the reading is, in one transaction.

    Returns
    -------
    list of Stored
        One per message that belongs to the backfill, in order; [] if a person has stopped it.
    list of Span
        What is left.
    """
    row = await get_backfill(uow, backfill_id, lock=True)
    spans = {(s.topic, s.partition): s for s in spans_of(row)}
    if row.state != RUNNING:
        return [], []
    person = Cause.from_json(row.cause)
    wanted = []
    for message in messages:
        span = spans.get((message.topic, message.partition))
        if span is None or not span.next_offset <= message.offset < span.end_offset:
            continue
        wanted.append(message)
        span.next_offset = message.offset + 1
    stored = await store_notices(
        uow, [(_incoming(message, row.id), Cause(actor=person.actor)) for message in wanted]
    )
    new = sum(one.is_new for one in stored)
    row.read += len(stored)
    row.new += new
    row.known += len(stored) - new
    left = list(spans.values())
    row.progress = _kept(left)
    return stored, left


def wanted_of(messages: Sequence[Message], spans: Sequence[Span]) -> list[Message]:
    """Messages that lie within the spans."""
    known = {(s.topic, s.partition): s for s in spans}
    return [
        m
        for m in messages
        if (s := known.get((m.topic, m.partition))) and s.next_offset <= m.offset < s.end_offset
    ]


def _incoming(message: Message, backfill_id: UUID) -> Incoming:
    return Incoming(
        body=message.body,
        topic=message.topic,
        source="backfill",
        partition=message.partition,
        offset=message.offset,
        source_time=message.time,
        origin_id=backfill_id,
    )


async def finish(uow: UnitOfWork, backfill_id: UUID, *, failure: str = "") -> None:
    """Note that it is done, or why it cannot be done."""
    row = await get_backfill(uow, backfill_id, lock=True)
    if row.state in {WAITING, RUNNING}:
        row.state, row.reason = (FAILED, failure[:500]) if failure else (DONE, "")
        row.finished_at = uow.ctx.wall.now()


async def stop(uow: UnitOfWork, backfill_id: UUID) -> Backfill:
    """Read no further.

    Raises
    ------
    ConflictError
        If it is over already.
    """
    row = await get_backfill(uow, backfill_id, lock=True)
    if row.state not in {WAITING, RUNNING}:
        raise ConflictError(f"the backfill is {row.state} already", code="is_over")
    row.state, row.finished_at = STOPPED, uow.ctx.wall.now()
    return row


async def unreadable(uow: UnitOfWork, backfill_id: UUID) -> int:
    """How many of its new messages lie among the dead letters."""
    statement = (
        select(func.count())
        .select_from(RawNotice)
        .where(RawNotice.origin_id == backfill_id, RawNotice.state == "dead")
    )
    return (await uow.session.execute(statement)).scalar_one()

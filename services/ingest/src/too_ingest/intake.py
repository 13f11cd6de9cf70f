"""The way in, for every source: bytes stored and committed first, read in a second transaction.

A crash between the two leaves a row that the sweep finds; what cannot be read is buried, and the
next message goes on at once. The messages of a batch share a transaction for each of the steps; if
one spoils it, they are taken one by one.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from too_common.cause import Cause
from too_common.context import Context
from too_common.db.retry import is_database_away
from too_common.errors import NotFoundError, TransientError
from too_common.uow import UnitOfWork

from too_ingest import raw_store
from too_ingest.circulars_in.record import CircularRecord, is_circulars_topic, read_circular
from too_ingest.notices import ParsedNotice, ParseError, parse_notice
from too_ingest.tables import Notice, RawNotice
from too_ingest.usecases import accept_batch, dead_letters
from too_ingest.usecases.drill import as_of_the_drill
from too_ingest.usecases.read_notice import Outcome
from too_ingest.usecases.store_notice import Incoming, Stored, store_notices
from too_ingest.usecases.take_circular import READ, take_circular

log = structlog.get_logger(__name__)

THREAD_ABOVE_BYTES = 200_000
"""Larger notices (embedded maps) are read in a thread: they take the loop some milliseconds."""
CHUNK = 40
"""Notices that are read in one transaction: what they lock is locked for so long."""
CHUNK_BYTES = 24_000_000
UNREAD = "received"
_IN_HAND = "notices_in_hand"
HOUSEKEEPING = "housekeeping"


@dataclass(frozen=True, slots=True)
class Unread:
    """A stored message with its bytes at hand."""

    raw_id: UUID
    topic: str
    body: bytes


Content = ParsedNotice | CircularRecord | ParseError


async def store(ctx: Context, incoming: Incoming, cause: Cause) -> Stored:
    """First step: the bytes are durable when this returns."""
    return (await store_batch(ctx, [(incoming, cause)]))[0]


async def store_batch(ctx: Context, messages: Sequence[tuple[Incoming, Cause]]) -> list[Stored]:
    """First step of several messages, each with a cause of its own, in one transaction."""
    async with ctx.unit_of_work(messages[0][1]) as uow:
        return await store_notices(uow, messages)


async def read(ctx: Context, raw_id: UUID) -> Outcome:
    """Second step: read a stored message, or bury it; repeating it is harmless.

    Raises
    ------
    NotFoundError
        If there is no such message.
    TransientError
        If the database is away: the message waits, nothing is lost.
    """
    async with ctx.unit_of_work() as uow:
        try:
            body, topic = await raw_store.read_raw(uow.session, raw_id)
        except LookupError as error:
            raise NotFoundError(str(error)) from error
    return (await read_batch(ctx, [Unread(raw_id, topic, body)]))[0]


def in_hand(ctx: Context) -> set[UUID]:
    """Messages that this process is about to read: the sweep leaves them alone."""
    waiting: set[UUID] = ctx.state.setdefault(_IN_HAND, set())
    return waiting


async def read_batch(ctx: Context, messages: Sequence[Unread]) -> list[Outcome]:
    """Second step of several messages, in their order.

    Raises
    ------
    TransientError
        If the database is away: the messages wait, nothing is lost.
    """
    outcomes: list[Outcome] = []
    ids = {message.raw_id for message in messages}
    in_hand(ctx).update(ids)
    try:
        for chunk in _chunks(messages):
            outcomes += await _read_chunk(ctx, chunk)
    finally:
        in_hand(ctx).difference_update(ids)
    return outcomes


async def take_in(ctx: Context, incoming: Incoming, cause: Cause) -> tuple[Stored, Outcome]:
    """Both steps in turn."""
    stored = await store(ctx, incoming, cause)
    return stored, await read(ctx, stored.raw_id)


def _chunks(messages: Sequence[Unread]) -> Iterator[list[Unread]]:
    chunk: list[Unread] = []
    size = 0
    for message in messages:
        if chunk and (len(chunk) >= CHUNK or size + len(message.body) > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(message)
        size += len(message.body)
    if chunk:
        yield chunk


def understand(body: bytes, topic: str) -> Content:
    """Read the bytes; what cannot be read gives the reason.

    A fault of ours is a reason like another: the message is buried, and replayed after the fix.
    """
    try:
        if is_circulars_topic(topic):
            return read_circular(body)
        return parse_notice(body, topic or None)
    except ParseError as error:
        return error
    except Exception as error:
        log.exception("notice_unexpected", topic=topic)
        return ParseError(f"unexpected {type(error).__name__}: {error}")


async def _understand(message: Unread) -> Content:
    if len(message.body) > THREAD_ABOVE_BYTES:
        return await asyncio.to_thread(understand, message.body, message.topic)
    return understand(message.body, message.topic)


async def _read_chunk(ctx: Context, chunk: Sequence[Unread]) -> list[Outcome]:
    contents = [await _understand(message) for message in chunk]
    try:
        async with ctx.unit_of_work() as uow:
            outcomes = await _accept(uow, chunk, contents)
    except Exception as error:
        if isinstance(error, TransientError):
            raise
        if is_database_away(error):
            raise TransientError("the database is away; the notice is stored") from error
        if len(chunk) > 1:
            return [one for message in chunk for one in await _read_chunk(ctx, [message])]
        log.exception("notice_unexpected", raw_id=str(chunk[0].raw_id))
        reason = f"unexpected {type(error).__name__}: {error}"
        return [await _bury(ctx, chunk[0].raw_id, reason)]
    return [
        await _bury(ctx, outcome.raw_id, outcome.reason or "")
        if outcome.state == UNREAD
        else outcome
        for outcome in outcomes
    ]


async def _accept(
    uow: UnitOfWork, chunk: Sequence[Unread], contents: Sequence[Content]
) -> list[Outcome]:
    """Take a chunk into its events; what could not be read stays unread, with its reason."""
    raws = await raw_store.lock_raws(uow.session, [message.raw_id for message in chunk])
    batch = await accept_batch.open_batch(
        uow,
        [
            (raw, content)
            for message, content in zip(chunk, contents, strict=True)
            if isinstance(content, ParsedNotice)
            and (raw := raws.get(message.raw_id)) is not None
            and raw.state == UNREAD
        ],
    )
    outcomes = []
    for message, content in zip(chunk, contents, strict=True):
        raw = raws.get(message.raw_id)
        outcomes.append(await _accept_one(uow, batch, raw, message, content))
    await accept_batch.write(uow, batch)
    done = [o.raw_id for o in outcomes if o.state in {"parsed", "duplicate", READ, HOUSEKEEPING}]
    await dead_letters.settle(uow, done)
    return outcomes


async def _accept_one(
    uow: UnitOfWork,
    batch: accept_batch.Batch,
    raw: RawNotice | None,
    message: Unread,
    content: Content,
) -> Outcome:
    if raw is None:
        raise NotFoundError(f"there is no raw notice {message.raw_id}")
    if raw.state != UNREAD:
        known = await uow.session.get(Notice, raw.notice_id) if raw.notice_id else None
        return Outcome(raw.id, raw.state, raw.notice_id, known.event_id if known else None)
    uow.cause = Cause.from_json(raw.cause)
    if isinstance(content, ParseError):
        return Outcome(raw.id, UNREAD, reason=str(content))
    if isinstance(content, CircularRecord):
        await take_circular(uow, raw, content, message.body)
        return Outcome(raw.id, READ)
    if content.is_housekeeping:
        # where a satellite looks, a sign of life: kept as it came, and no event
        raw.state = HOUSEKEEPING
        return Outcome(raw.id, HOUSEKEEPING)
    notice = await as_of_the_drill(uow, raw, content)
    return await accept_batch.accept(uow, batch, raw, notice)


async def _bury(ctx: Context, raw_id: UUID, reason: str) -> Outcome:
    async with ctx.unit_of_work() as uow:
        await dead_letters.bury(uow, raw_id, reason)
    log.warning("notice_buried", raw_id=str(raw_id), reason=reason[:300])
    return Outcome(raw_id, "dead", reason=reason)

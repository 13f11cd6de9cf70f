"""Takes notices from GCN's Kafka: bytes stored first, offset committed after, then read."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import structlog
from too_common.cause import Cause
from too_common.context import Context
from too_common.contracts.ingest import StreamState
from too_common.db.retry import is_database_away
from too_common.errors import TransientError
from too_common.uow import UnitOfWork

from too_ingest import intake
from too_ingest.backlog import backlog_of
from too_ingest.clients import gcn
from too_ingest.settings import IngestSettings
from too_ingest.usecases.store_notice import Incoming, Stored, mark_stream, touch_stream
from too_ingest.usecases.watch_streams import CONNECTION, Listening, watch_streams

log = structlog.get_logger(__name__)

RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)
HEARTBEAT_EVERY_S = 5.0
"""Heartbeats come each second; noting one in five is enough."""
AUTH_ALARM = "gcn_refused"
LISTENING = "gcn_listening"
"""Where the context keeps what the listener knows."""


async def gcn_listener(ctx: Context) -> None:
    """Listen for as long as the service runs."""
    settings: IngestSettings = ctx.settings
    if not gcn.is_configured(settings):
        log.info("gcn_not_configured")
        await asyncio.Event().wait()
    topics = gcn.topics_of(settings)
    listening = Listening(
        since=ctx.wall.now(), topics=topics, has_credentials=gcn.has_credentials(settings)
    )
    ctx.state[LISTENING] = listening
    if not topics:
        log.warning("gcn_no_topics")
        await asyncio.Event().wait()
    if ctx.common.profile != "production":
        await gcn.prepare_topics(settings, topics)
    access = _Access(ctx)
    backlog = backlog_of(ctx)
    async with (
        gcn.open_stream(settings, access.refused) as stream,
        asyncio.TaskGroup() as group,
    ):
        listening.absent = stream.absent
        log.info("gcn_listening", topics=len(topics))
        heartbeat = _Heartbeat(ctx)
        reader = _Reader(ctx, group)
        while True:
            messages = await stream.next_batch()
            backlog.note(is_there=gcn.is_full(messages))
            await access.tell(is_alive=bool(messages))
            if messages:
                unread = await _take_in(ctx, messages, heartbeat)
                # only now that the bytes are stored
                committed = group.create_task(stream.commit(messages))
                await reader.go_on_with(unread)
                await committed


async def watch(uow: UnitOfWork) -> datetime | None:
    """Due work: look after the streams every two seconds."""
    listening: Listening | None = uow.ctx.state.get(LISTENING)
    if listening is not None:
        await watch_streams(uow, listening, uow.ctx.wall.now())
    return None


async def _take_in(
    ctx: Context, messages: Sequence[gcn.Message], heartbeat: "_Heartbeat"
) -> list[intake.Unread]:
    """Store a batch; gives what is to be read."""
    settings: IngestSettings = ctx.settings
    notices = [m for m in messages if m.topic != settings.gcn_heartbeat_topic]
    stored = await _store(ctx, notices) if notices else []
    if len(notices) < len(messages):
        await heartbeat.beat(settings.gcn_heartbeat_topic)
    return [
        intake.Unread(kept.raw_id, message.topic, message.body)
        for kept, message in zip(stored, notices, strict=True)
        if kept.state == intake.UNREAD
    ]


class _Reader:
    """Reads batches in their order, each while the next one is fetched and stored."""

    def __init__(self, ctx: Context, group: asyncio.TaskGroup) -> None:
        self._ctx = ctx
        self._group = group
        self._reading: asyncio.Task[None] | None = None

    async def go_on_with(self, unread: Sequence[intake.Unread]) -> None:
        """Begin with a batch once the one before it has been read."""
        # the sweep leaves alone what waits here, or it would overtake
        waiting = intake.in_hand(self._ctx)
        ids = {message.raw_id for message in unread}
        waiting.update(ids)
        try:
            if self._reading is not None:
                await self._reading
        except BaseException:
            waiting.difference_update(ids)
            raise
        self._reading = self._group.create_task(self._read(unread))
        self._reading.add_done_callback(lambda _task: waiting.difference_update(ids))

    async def _read(self, unread: Sequence[intake.Unread]) -> None:
        try:
            await intake.read_batch(self._ctx, unread)
        except TransientError:
            # they are stored: the sweep reads them when the database is back
            log.warning("notices_wait", number=len(unread))


class _Heartbeat:
    """Notes that the stream lives; the beats themselves are never stored."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._noted_at = -HEARTBEAT_EVERY_S

    async def beat(self, topic: str) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._noted_at < HEARTBEAT_EVERY_S:
            return
        self._noted_at = now
        try:
            async with self._ctx.unit_of_work() as uow:
                await touch_stream(uow, topic)
        except Exception as error:
            if not is_database_away(error):
                raise
            log.warning("heartbeat_not_noted")


class _Access:
    """Tells once that our credentials are refused, and once that they are taken again."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._reason: str | None = None
        self._is_told = False

    def refused(self, reason: str) -> None:
        """Note a refusal (called between two batches)."""
        self._reason = reason

    async def tell(self, *, is_alive: bool) -> None:
        """Publish what has changed."""
        reason, self._reason = self._reason, None
        if reason is not None and not self._is_told:
            self._is_told = True
            async with self._ctx.unit_of_work() as uow:
                await mark_stream(uow, CONNECTION, StreamState.REFUSED, reason)
                await uow.alarm(
                    alarm_id=AUTH_ALARM,
                    code="stream_refused",
                    summary=f"GCN refuses our credentials: {reason}",
                    severity="critical",
                )
        elif is_alive and self._is_told:
            self._is_told = False
            async with self._ctx.unit_of_work() as uow:
                await touch_stream(uow, CONNECTION)
                await uow.clear_alarm(alarm_id=AUTH_ALARM)


async def _store(ctx: Context, messages: Sequence[gcn.Message]) -> list[Stored]:
    """Store a batch, however long the database is away; the offsets wait meanwhile."""
    incoming = [
        (
            Incoming(
                body=message.body,
                topic=message.topic,
                source="kafka",
                partition=message.partition,
                offset=message.offset,
                source_time=message.time,
            ),
            Cause(),
        )
        for message in messages
    ]
    attempt = 0
    while True:
        try:
            return await intake.store_batch(ctx, incoming)
        except Exception as error:
            if not is_database_away(error):
                raise
            log.warning("store_waits", messages=len(messages), offset=messages[0].offset)
            await asyncio.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)])
            attempt += 1

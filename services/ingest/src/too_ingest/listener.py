"""Takes notices from GCN's Kafka: bytes stored first, offset committed after, then read."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import structlog
from too_common.cause import Cause
from too_common.context import Context
from too_common.contracts.ingest import StreamState
from too_common.db.retry import is_database_away
from too_common.errors import TransientError

from too_ingest import intake
from too_ingest.clients import gcn
from too_ingest.settings import IngestSettings
from too_ingest.usecases.store_notice import Incoming, mark_stream, touch_stream

log = structlog.get_logger(__name__)

RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)
HEARTBEAT_EVERY_S = 10.0
"""Heartbeats come each second; noting one in ten is enough."""
STREAM_NAME = "gcn"
AUTH_ALARM = "gcn_refused"


async def gcn_listener(ctx: Context) -> None:
    """Listen for as long as the service runs."""
    settings: IngestSettings = ctx.settings
    if not gcn.is_configured(settings):
        log.info("gcn_not_configured")
        await asyncio.Event().wait()
    if ctx.common.profile != "production":
        await gcn.prepare_topics(settings, settings.gcn_topics)
    access = _Access(ctx)
    async with gcn.open_stream(settings, access.refused) as stream:
        log.info("gcn_listening", topics=len(settings.gcn_topics))
        heartbeat = _Heartbeat(ctx)
        while True:
            messages = await stream.next_batch()
            await access.tell(is_alive=bool(messages))
            if messages:
                await _take_in(ctx, stream, messages, heartbeat)


async def _take_in(
    ctx: Context,
    stream: gcn.NoticeStream,
    messages: Sequence[gcn.Message],
    heartbeat: "_Heartbeat",
) -> None:
    """Store a batch, commit its offsets, then read it message by message."""
    notices = [m for m in messages if m.topic != gcn.HEARTBEAT_TOPIC]
    stored = [await _store(ctx, message) for message in notices]
    if len(notices) < len(messages):
        await heartbeat.beat()
    await stream.commit(messages)
    for raw_id in stored:
        try:
            await intake.read(ctx, raw_id)
        except TransientError:
            # it is stored: the sweep reads it when the database is back
            log.warning("notice_waits", raw_id=str(raw_id))


class _Heartbeat:
    """Notes that the stream lives; the beats themselves are never stored."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._noted_at = -HEARTBEAT_EVERY_S

    async def beat(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._noted_at < HEARTBEAT_EVERY_S:
            return
        self._noted_at = now
        async with self._ctx.unit_of_work() as uow:
            await touch_stream(uow, gcn.HEARTBEAT_TOPIC)


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
                await mark_stream(uow, STREAM_NAME, StreamState.REFUSED, reason)
                await uow.alarm(
                    alarm_id=AUTH_ALARM,
                    code="stream_refused",
                    summary=f"GCN refuses our credentials: {reason}",
                    severity="critical",
                )
        elif is_alive and self._is_told:
            self._is_told = False
            async with self._ctx.unit_of_work() as uow:
                await touch_stream(uow, STREAM_NAME)
                await uow.clear_alarm(alarm_id=AUTH_ALARM)


async def _store(ctx: Context, message: gcn.Message) -> UUID:
    """Store one message, however long the database is away; the offset waits meanwhile."""
    incoming = Incoming(
        body=message.body,
        topic=message.topic,
        source="kafka",
        partition=message.partition,
        offset=message.offset,
        source_time=message.time,
    )
    attempt = 0
    while True:
        try:
            return (await intake.store(ctx, incoming, Cause())).raw_id
        except Exception as error:
            if not is_database_away(error):
                raise
            log.warning("store_waits", topic=message.topic, offset=message.offset)
            await asyncio.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)])
            attempt += 1

"""Takes notices from GCN's Kafka: bytes stored first, offset committed after, then read."""

import asyncio
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
    refused: list[str] = []
    is_refused = False
    heartbeat_at = 0.0
    loop = asyncio.get_running_loop()
    async with gcn.open_stream(settings, refused.append) as stream:
        log.info("gcn_listening", topics=len(settings.gcn_topics))
        while True:
            messages = await stream.next_batch()
            if refused:
                if not is_refused:
                    await _note_refusal(ctx, refused[0])
                is_refused = True
                refused.clear()
            if not messages:
                continue
            if is_refused:
                is_refused = False
                await _note_acceptance(ctx)
            beats = [m for m in messages if m.topic == gcn.HEARTBEAT_TOPIC]
            notices = [m for m in messages if m.topic != gcn.HEARTBEAT_TOPIC]
            stored = [await _store(ctx, message) for message in notices]
            if beats and loop.time() - heartbeat_at > HEARTBEAT_EVERY_S:
                heartbeat_at = loop.time()
                async with ctx.unit_of_work() as uow:
                    await touch_stream(uow, gcn.HEARTBEAT_TOPIC)
            await stream.commit(messages)
            for raw_id in stored:
                try:
                    await intake.read(ctx, raw_id)
                except TransientError:
                    # it is stored: the sweep reads it when the database is back
                    log.warning("notice_waits", raw_id=str(raw_id))


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


async def _note_refusal(ctx: Context, reason: str) -> None:
    async with ctx.unit_of_work() as uow:
        await mark_stream(uow, STREAM_NAME, StreamState.REFUSED, reason)
        await uow.alarm(
            alarm_id=AUTH_ALARM,
            code="stream_refused",
            summary=f"GCN refuses our credentials: {reason}",
            severity="critical",
        )


async def _note_acceptance(ctx: Context) -> None:
    async with ctx.unit_of_work() as uow:
        await touch_stream(uow, STREAM_NAME)
        await uow.clear_alarm(alarm_id=AUTH_ALARM)

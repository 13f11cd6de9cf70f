"""Look after the streams: silence, topics that are not there, credentials that go unused."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from too_common.contracts.ingest import StreamState
from too_common.uow import UnitOfWork

from too_ingest.settings import DEFAULT_TOPICS, IngestSettings
from too_ingest.streams import (
    Seen,
    absent_streams,
    misspelt,
    silent_streams,
    unused_credentials,
)
from too_ingest.tables import Stream
from too_ingest.usecases.store_notice import mark_stream

CONNECTION = "gcn"
"""Stream name of the connection as a whole."""
UNUSED_ALARM = "gcn_unused"
TOPICS_ALARM = "gcn_topics_absent"


@dataclass
class Listening:
    """What the listener of this process knows; the loops look at it."""

    since: datetime
    topics: Collection[str]
    has_credentials: bool = False
    absent: set[str] = field(default_factory=set)


async def watch_streams(uow: UnitOfWork, listening: Listening, now: datetime) -> None:
    """Compare what was seen with what should be; publish what has changed.

    Parameters
    ----------
    uow
        Unit of work.
    listening
        The listener.
    now
        Wall time.
    """
    settings: IngestSettings = uow.ctx.settings
    rows = (await uow.session.execute(select(Stream))).scalars().all()
    seen = {row.name: Seen(row.name, StreamState(row.state), row.last_seen_at) for row in rows}
    silent = silent_streams(
        seen,
        settings.silence_s,
        subscribed=listening.topics,
        listening_since=listening.since,
        now=now,
    )
    for finding in (*silent, *absent_streams(seen, listening.absent)):
        await mark_stream(uow, finding.name, finding.state, finding.reason)
    for finding in silent:
        await uow.alarm(
            alarm_id=silence_alarm(finding.name),
            code="stream_silent",
            summary=f"{finding.name} is silent: {finding.reason}",
            severity="critical" if finding.name == settings.gcn_heartbeat_topic else "warning",
        )
    heard = {row.name for row in rows if row.state == StreamState.ALIVE}
    for name in settings.silence_s:
        if name in heard:
            await uow.clear_alarm(alarm_id=silence_alarm(name))
    await _absent(uow, settings, listening)
    await _unused(uow, settings, listening, now)


def silence_alarm(name: str) -> str:
    """Name of the alarm of a silent stream."""
    return f"stream_silent:{name}"


async def _absent(uow: UnitOfWork, settings: IngestSettings, listening: Listening) -> None:
    known = {*DEFAULT_TOPICS, settings.gcn_circulars_topic, settings.gcn_heartbeat_topic}
    names = misspelt(listening.absent, known=known)
    if names:
        await uow.alarm(
            alarm_id=TOPICS_ALARM,
            code="stream_absent",
            summary=f"subscribed topics that do not exist: {', '.join(names)[:300]}",
        )
    else:
        await uow.clear_alarm(alarm_id=TOPICS_ALARM)


async def _unused(
    uow: UnitOfWork, settings: IngestSettings, listening: Listening, now: datetime
) -> None:
    last = await uow.session.scalar(select(func.max(Stream.last_seen_at)))
    problem = unused_credentials(
        has_credentials=listening.has_credentials,
        subscribed=listening.topics,
        last_message_at=last,
        configured_since=listening.since,
        limit_s=settings.gcn_unused_s,
        now=now,
    )
    if problem is None:
        await uow.clear_alarm(alarm_id=UNUSED_ALARM)
    else:
        await uow.alarm(
            alarm_id=UNUSED_ALARM, code="stream_unused", summary=problem, severity="critical"
        )

"""Slow and outward work about streams: backfills, drills, the cross-check with GraceDB."""

import time
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

import structlog
from too_common.cause import Cause
from too_common.context import Context
from too_common.errors import TransientError
from too_common.jobs import JobPayload
from too_common.uow import UnitOfWork

from too_ingest import intake
from too_ingest.clients.gcn_history import History, Span, open_history
from too_ingest.clients.gracedb import GraceDb, SupereventCatalogue, announced
from too_ingest.jobs import ParseNotice
from too_ingest.settings import IngestSettings
from too_ingest.usecases import backfill, cross_check, drill, take_circular
from too_ingest.usecases.store_notice import Incoming

log = structlog.get_logger(__name__)

SLICE_S = 60.0
"""A backfill works so long, then makes room for others and goes on."""
PATIENCE_S = 20.0
"""A partition that gives nothing for so long has nothing before its end (control records)."""
LINK_EVERY_S = 15.0
LVK_TOPIC = "igwn.gwalert"


class RunBackfill(JobPayload):
    """Go on with a backfill."""

    TYPE: ClassVar[str] = "run_backfill"
    backfill_id: UUID


async def run_backfill(ctx: Context, job: RunBackfill, cause: Cause) -> None:
    """Read on from where the backfill stands; a restart goes on in the same way."""
    settings: IngestSettings = ctx.settings
    async with ctx.unit_of_work(cause) as uow:
        row = await backfill.get_backfill(uow, job.backfill_id)
        state, since, until, topics = row.state, row.since, row.until, list(row.topics)
        spans = backfill.spans_of(row)
    if state not in {backfill.WAITING, backfill.RUNNING}:
        return
    async with open_history(settings, f"{settings.gcn_group_id}.backfill") as history:
        if state == backfill.WAITING:
            spans = await history.spans(topics, since, until)
            async with ctx.unit_of_work(cause) as uow:
                await backfill.begin(uow, job.backfill_id, spans)
        is_done = await _read_slice(ctx, history, job.backfill_id, spans, cause)
    async with ctx.unit_of_work(cause) as uow:
        if is_done:
            await backfill.finish(uow, job.backfill_id)
        else:
            await uow.enqueue(job, dedupe_key=str(job.backfill_id), priority=-1)


async def _read_slice(
    ctx: Context, history: History, backfill_id: UUID, spans: list[Span], cause: Cause
) -> bool:
    """Read for a while; True if nothing is left (or a person has stopped it)."""
    await history.begin(spans)
    begun = heard = time.monotonic()
    while any(span.left for span in spans):
        now = time.monotonic()
        if now - begun > SLICE_S:
            return False
        messages = await history.next_batch()
        wanted = backfill.wanted_of(messages, spans)
        if not wanted:
            if now - heard > PATIENCE_S:
                if not await _past_the_end(history, spans):
                    raise TransientError("the broker gives nothing of what it should have")
                return True
            continue
        heard = now
        async with ctx.unit_of_work(cause) as uow:
            stored, spans = await backfill.store_batch(uow, backfill_id, wanted)
        if not stored:
            return True
        unread = [
            intake.Unread(kept.raw_id, message.topic, message.body)
            for kept, message in zip(stored, wanted, strict=True)
            if kept.state == intake.UNREAD
        ]
        await intake.read_batch(ctx, unread)
    return True


async def _past_the_end(history: History, spans: list[Span]) -> bool:
    ends = await history.ends([span for span in spans if span.left])
    return all(ends.get((s.topic, s.partition), -1) >= s.end_offset for s in spans if s.left)


async def send_due_drill(uow: UnitOfWork) -> datetime | None:
    """Due work: send the next notice of a drill."""
    row = await drill.send_due(uow, lambda raw_id: ParseNotice(raw_id=raw_id))
    return row.due_at if row is not None else None


async def link_circulars(uow: UnitOfWork) -> datetime | None:
    """Due work: link circulars to events that came after them, every few seconds."""
    now = time.monotonic()
    last = uow.ctx.state.get("circulars_linked_at")
    if last is not None and now - last < LINK_EVERY_S:
        return None
    made = await take_circular.link_late(uow)
    uow.ctx.state["circulars_linked_at"] = None if made else now
    return uow.now if made else None


class CrossCheckSuperevents(JobPayload):
    """Compare GraceDB's superevents with our events."""

    TYPE: ClassVar[str] = "cross_check_superevents"


class CatchUpSuperevent(JobPayload):
    """Fetch the notices of a superevent that we missed."""

    TYPE: ClassVar[str] = "catch_up_superevent"
    superevent_id: str


def catalogue_of(ctx: Context) -> SupereventCatalogue | None:
    """The catalogue to compare with; a test may put its own into the context."""
    made: SupereventCatalogue | None = ctx.state.get("gracedb")
    settings: IngestSettings = ctx.settings
    if made is not None:
        return made
    return GraceDb(ctx.http, settings.gracedb_url) if settings.gracedb_url else None


async def cross_check_due(uow: UnitOfWork) -> datetime | None:
    """Due work: have GraceDB asked."""
    if catalogue_of(uow.ctx) is None:
        return None
    is_due, again = await cross_check.take_due(uow)
    if is_due:
        await uow.enqueue(CrossCheckSuperevents(), dedupe_key=cross_check.CATALOGUE)
    return again


async def cross_check_superevents(ctx: Context, job: CrossCheckSuperevents, cause: Cause) -> None:
    """Ask GraceDB, note what we lack, and have its notices fetched; an outage is a warning."""
    del job
    catalogue = catalogue_of(ctx)
    if catalogue is None:
        return
    settings: IngestSettings = ctx.settings
    now = ctx.clock.now()
    try:
        found = await catalogue.created_between(
            now - timedelta(seconds=settings.gracedb_lookback_s),
            now - timedelta(seconds=settings.gracedb_grace_s),
        )
    except TransientError as error:
        async with ctx.unit_of_work(cause) as uow:
            await cross_check.away(uow, str(error))
        return
    async with ctx.unit_of_work(cause) as uow:
        for name in await cross_check.compare(uow, announced(found)):
            await uow.enqueue(CatchUpSuperevent(superevent_id=name), dedupe_key=name)


async def catch_up_superevent(ctx: Context, job: CatchUpSuperevent, cause: Cause) -> None:
    """Take in the notices of a missed superevent by the usual way; old ones page nobody."""
    catalogue = catalogue_of(ctx)
    if catalogue is None:
        return
    notices, reason = 0, ""
    try:
        for file in await catalogue.notices_of(job.superevent_id):
            body = await catalogue.fetch(file)
            topic = LVK_TOPIC if file.is_json else ""
            incoming = Incoming(body=body, topic=topic, source="gracedb")
            _stored, outcome = await intake.take_in(ctx, incoming, Cause())
            notices += outcome.state != "dead"
    except TransientError as error:
        reason = str(error)
    if not notices and not reason:
        reason = "GraceDB has no notice of it"
    async with ctx.unit_of_work(cause) as uow:
        await cross_check.caught_up(uow, job.superevent_id, notices=notices, reason=reason)

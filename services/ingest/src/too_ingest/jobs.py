"""Slow and outward work: unread notices, coincidences, sample alerts (maps: `map_jobs`)."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

import structlog
from too_common.cause import Cause
from too_common.context import Context
from too_common.jobs import JobPayload
from too_common.uow import UnitOfWork

from too_ingest import intake, store
from too_ingest.clients import gcn
from too_ingest.tables import SampleMessageRow
from too_ingest.usecases import samples as sample_cases
from too_ingest.usecases.store_notice import Incoming

log = structlog.get_logger(__name__)

SWEEP_AGE_S = 10.0
"""Younger unread notices are still in the hands of whoever stored them."""


class ParseNotice(JobPayload):
    """Read a stored notice that nobody has read."""

    TYPE: ClassVar[str] = "parse_notice"
    raw_id: UUID


class SendSample(JobPayload):
    """Put a sample alert on the GCN-side broker."""

    TYPE: ClassVar[str] = "send_sample"
    sample_id: UUID


async def parse_notice(ctx: Context, job: ParseNotice, cause: Cause) -> None:
    """Read a stored notice; done already, nothing happens."""
    del cause  # the raw notice remembers its own
    await intake.read(ctx, job.raw_id)


async def sweep_unread(uow: UnitOfWork) -> datetime | None:
    """Have stored notices read that a crash left unread."""
    waiting = await store.waiting_raw(uow.session, older_than_s=SWEEP_AGE_S)
    in_hand = intake.in_hand(uow.ctx)
    for raw in waiting:
        if raw.id in in_hand:
            continue
        await uow.enqueue(
            ParseNotice(raw_id=raw.id), dedupe_key=str(raw.id), cause=Cause.from_json(raw.cause)
        )
    return None


async def send_due_sample(uow: UnitOfWork) -> datetime | None:
    """Have a sample alert sent whose stack time has come."""
    return await sample_cases.take_due(uow, lambda sample_id: SendSample(sample_id=sample_id))


async def send_sample(ctx: Context, job: SendSample, cause: Cause) -> None:
    """Send a sample alert through the broker, as GCN would; sent twice, it is stored once."""
    del cause
    async with ctx.unit_of_work() as uow:
        row = await uow.session.get(SampleMessageRow, job.sample_id)
        if row is None or row.state == "sent":
            return
        body = await sample_cases.body_of(uow, job.sample_id)
        topic, key = row.topic, row.key
    if gcn.is_configured(ctx.settings):
        await gcn.prepare_topics(ctx.settings, [topic])
        await gcn.send(ctx.settings, topic, key, body)
    else:
        await intake.take_in(ctx, Incoming(body=body, topic=topic, source="sample"), Cause())
    async with ctx.unit_of_work() as uow:
        await sample_cases.mark_sent(uow, job.sample_id)

"""Slow and outward work: maps fetched, checked and made; unread notices; sample alerts."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from uuid import UUID

import structlog
from too_common.astro import tasks
from too_common.astro.errors import SkyMapError
from too_common.cause import Cause
from too_common.context import Context
from too_common.errors import PermanentError, TransientError
from too_common.jobs import JobPayload
from too_common.uow import UnitOfWork

from too_ingest import intake, store
from too_ingest.clients import gcn, maps
from too_ingest.localization_plan import Cone
from too_ingest.settings import IngestSettings
from too_ingest.tables import Localization, SampleMessageRow
from too_ingest.usecases import samples as sample_cases
from too_ingest.usecases.make_map import BuildConeMap, FetchMap, NormaliseMap
from too_ingest.usecases.record_localization import (
    fail_localization,
    postpone_map,
    record_file,
    record_localization,
)
from too_ingest.usecases.store_notice import Incoming

log = structlog.get_logger(__name__)

MAP_RETRY_S = (5.0, 10.0, 20.0, 40.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0)
"""Waits before a late map is asked for again; the last one repeated."""
SWEEP_AGE_S = 3.0
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
    for raw in waiting:
        await uow.enqueue(
            ParseNotice(raw_id=raw.id), dedupe_key=str(raw.id), cause=Cause.from_json(raw.cause)
        )
    return None


async def _pending(ctx: Context, localization_id: UUID, revision: int) -> Localization | None:
    async with ctx.unit_of_work() as uow:
        row = await uow.session.get(Localization, localization_id)
        if row is None or row.revision != revision or row.state != "pending":
            return None
        uow.session.expunge(row)
        return row


async def fetch_map(ctx: Context, job: FetchMap, cause: Cause) -> None:
    """Fetch the file that a notice names; one that is not there yet is asked for again."""
    row = await _pending(ctx, job.localization_id, job.revision)
    if row is None or row.url is None:
        return
    settings: IngestSettings = ctx.settings
    extra = () if ctx.common.profile == "production" else settings.map_extra_hosts
    try:
        body = await maps.fetch_map(
            ctx.http,
            row.url,
            hosts=settings.map_hosts,
            extra_hosts=extra,
            max_bytes=settings.map_max_bytes,
        )
    except TransientError as error:
        await _later(ctx, job, cause, row, str(error))
        return
    except maps.MapRefusedError as error:
        async with ctx.unit_of_work(cause) as uow:
            await fail_localization(
                uow,
                localization_id=job.localization_id,
                revision=job.revision,
                reason=str(error),
            )
        return
    async with ctx.unit_of_work(cause) as uow:
        await record_file(
            uow,
            localization_id=job.localization_id,
            revision=job.revision,
            file_sha256=hashlib.sha256(body).hexdigest(),
            body=body,
        )


async def _later(ctx: Context, job: FetchMap, cause: Cause, row: Localization, reason: str) -> None:
    settings: IngestSettings = ctx.settings
    waited = datetime.now(UTC) - row.wait_since
    async with ctx.unit_of_work(cause) as uow:
        if waited > timedelta(seconds=settings.map_retry_for_s):
            await fail_localization(
                uow,
                localization_id=job.localization_id,
                revision=job.revision,
                reason=f"given up after {waited}: {reason}",
            )
            return
        await postpone_map(
            uow,
            localization_id=job.localization_id,
            revision=job.revision,
            delay_s=MAP_RETRY_S[min(row.attempts, len(MAP_RETRY_S) - 1)],
            reason=reason,
        )


async def _record(
    ctx: Context, job: NormaliseMap | BuildConeMap, cause: Cause, result: tasks.NormalisedMap
) -> None:
    async with ctx.unit_of_work(cause) as uow:
        await record_localization(
            uow, localization_id=job.localization_id, revision=job.revision, result=result
        )


async def _fail(ctx: Context, job: NormaliseMap | BuildConeMap, cause: Cause, reason: str) -> None:
    async with ctx.unit_of_work(cause) as uow:
        await fail_localization(
            uow, localization_id=job.localization_id, revision=job.revision, reason=reason
        )


async def normalise_map(ctx: Context, job: NormaliseMap, cause: Cause) -> None:
    """Check a map file in a worker process and record what it says."""
    row = await _pending(ctx, job.localization_id, job.revision)
    if row is None or row.file_sha256 is None:
        return
    async with ctx.unit_of_work() as uow:
        body = await store.map_file(uow.session, row.file_sha256)
    if body is None:
        await _fail(ctx, job, cause, "the map's file is gone")
        return
    settings: IngestSettings = ctx.settings
    try:
        result = await ctx.workers.run(
            tasks.normalise_map, body, deadline_s=settings.map_deadline_s
        )
    except (SkyMapError, PermanentError) as error:
        await _fail(ctx, job, cause, f"the map cannot be used: {error}")
        return
    await _record(ctx, job, cause, result)


async def build_cone_map(ctx: Context, job: BuildConeMap, cause: Cause) -> None:
    """Make a map of an error circle or ellipse in a worker process."""
    row = await _pending(ctx, job.localization_id, job.revision)
    if row is None or row.cone is None:
        return
    cone = Cone.from_row(row.cone)
    settings: IngestSettings = ctx.settings
    try:
        if cone.semi_axes_deg is not None:
            # the first axis is not always the longer one in what missions send
            result = await ctx.workers.run(
                tasks.ellipse_map,
                cone.ra_deg,
                cone.dec_deg,
                *cone.semi_axes_deg,
                cone.position_angle_deg,
                cone.containment,
                cone.systematic_deg,
                deadline_s=settings.map_deadline_s,
            )
        else:
            result = await ctx.workers.run(
                tasks.cone_map,
                cone.ra_deg,
                cone.dec_deg,
                cone.radius_deg,
                cone.containment,
                cone.systematic_deg,
                deadline_s=settings.map_deadline_s,
            )
    except (SkyMapError, PermanentError) as error:
        await _fail(ctx, job, cause, f"no map of the error region: {error}")
        return
    await _record(ctx, job, cause, result)


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

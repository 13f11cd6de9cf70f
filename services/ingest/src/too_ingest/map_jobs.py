"""Map work: files fetched, checked and normalised; maps made of error regions."""

from datetime import UTC, datetime
from typing import Any

import structlog
from too_common.astro import tasks
from too_common.astro.errors import SkyMapError
from too_common.cause import Cause
from too_common.context import Context
from too_common.errors import PermanentError, TransientError
from too_common.uow import UnitOfWork

from too_ingest import store
from too_ingest.backlog import backlog_of
from too_ingest.clients import maps
from too_ingest.localization_plan import Cone
from too_ingest.notices.fermi_gbm import SPACECRAFT_LATITUDE, SPACECRAFT_LONGITUDE
from too_ingest.settings import IngestSettings
from too_ingest.tables import Event, Localization
from too_ingest.usecases import request_file
from too_ingest.usecases.make_map import BuildConeMap, FetchMap, NormaliseMap
from too_ingest.usecases.record_localization import fail_localization, record_localization
from too_ingest.usecases.remake_cones import MISSION

log = structlog.get_logger(__name__)


async def ask_for_due_maps(uow: UnitOfWork) -> datetime | None:
    """Have a map asked for whose stack time has come."""
    return await request_file.take_due(uow)


async def fetch_map(ctx: Context, job: FetchMap, cause: Cause) -> None:
    """Ask for the file that a notice names; one that is not there yet is asked for again."""
    async with ctx.unit_of_work() as uow:
        wanted = await request_file.wanted(uow, job.localization_id, job.revision)
    if wanted is None:
        return
    settings: IngestSettings = ctx.settings
    key: dict[str, Any] = {"localization_id": job.localization_id, "revision": job.revision}
    try:
        fetched = await maps.fetch_map(
            ctx.http,
            wanted.url,
            hosts=settings.map_hosts,
            extra_hosts=settings.extra_hosts_of(ctx.common.profile),
            max_bytes=settings.map_max_bytes,
            known=wanted.known,
        )
    except (TransientError, maps.MapRefusedError) as error:
        is_final = isinstance(error, maps.MapRefusedError)
        async with ctx.unit_of_work(cause) as uow:
            await request_file.did_not_come(uow, **key, reason=str(error), is_final=is_final)
        return
    async with ctx.unit_of_work(cause) as uow:
        await request_file.came(uow, **key, fetched=fetched)


async def _pending(ctx: Context, job: NormaliseMap | BuildConeMap) -> Localization | None:
    async with ctx.unit_of_work() as uow:
        row = await uow.session.get(Localization, job.localization_id)
        if row is None or row.revision != job.revision or row.state != "pending":
            return None
        uow.session.expunge(row)
        return row


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
    await backlog_of(ctx).over()
    row = await _pending(ctx, job)
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
    """Make a map of an error circle, ellipse or box in a worker process."""
    await backlog_of(ctx).over()
    row = await _pending(ctx, job)
    if row is None or row.cone is None:
        return
    cone = Cone.from_row(row.cone)
    settings: IngestSettings = ctx.settings
    async with ctx.unit_of_work() as uow:
        event = await uow.session.get(Event, row.event_id)
        # a burst of several missions: only this one's detectors look from there
        is_from_there = event is not None and row.mission == MISSION
        earth = earth_of(event.state, event.event_time) if event and is_from_there else None
    common = (cone.containment, cone.systematic_deg, earth)
    function: Any
    region: tuple[Any, ...]
    if cone.corners_deg is not None:
        function, region = tasks.polygon_map, (cone.corners_deg, cone.containment, earth)
    elif cone.semi_axes_deg is not None:
        # the first axis is not always the longer one in what missions send
        axes = (*cone.semi_axes_deg, cone.position_angle_deg)
        function, region = tasks.ellipse_map, (cone.ra_deg, cone.dec_deg, *axes, *common)
    else:
        function = tasks.cone_map
        region = (cone.ra_deg, cone.dec_deg, cone.radius_deg, *common)
    try:
        result = await ctx.workers.run(function, *region, deadline_s=settings.map_deadline_s)
    except (SkyMapError, PermanentError) as error:
        await _fail(ctx, job, cause, f"no map of the error region: {error}")
        return
    await _record(ctx, job, cause, result)


def earth_of(state: dict[str, Any], event_time: datetime | None) -> Any:
    """The Earth's disc on the spacecraft's sky, where a notice of the event gives its place."""
    extra = (state.get("facts") or {}).get("extra") or {}
    longitude, latitude = extra.get(SPACECRAFT_LONGITUDE), extra.get(SPACECRAFT_LATITUDE)
    if event_time is None or longitude is None or latitude is None:
        return None
    from too_common.astro.occultation import earth_disc

    return earth_disc(float(longitude), float(latitude), event_time.astimezone(UTC))

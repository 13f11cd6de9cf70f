"""Work on how events hang together: coincidences compared, events told again."""

from too_common.astro.overlap import overlap_of
from too_common.cause import Cause
from too_common.context import Context
from too_common.uow import UnitOfWork

from too_ingest import store, store_events
from too_ingest.backlog import backlog_of
from too_ingest.settings import IngestSettings
from too_ingest.tables import Event, Localization
from too_ingest.tables_events import Coincidence
from too_ingest.usecases.find_coincidences import CompareEvents, RetellEvent, record_coincidence
from too_ingest.usecases.refresh_event import retell_state


async def compare_events(ctx: Context, job: CompareEvents, cause: Cause) -> None:
    """Compute how well the maps of two events agree, in a worker, and record the coincidence."""
    await backlog_of(ctx).over()
    async with ctx.unit_of_work() as uow:
        row = await uow.session.get(Coincidence, job.coincidence_id)
        if row is None or row.state == "withdrawn":
            return
        basis, fits = row.basis, await _maps_of(uow, row)
    settings: IngestSettings = ctx.settings
    overlap = None
    if fits is not None:
        overlap = await ctx.workers.run(overlap_of, *fits, deadline_s=settings.map_deadline_s)
    async with ctx.unit_of_work(cause) as uow:
        row = await uow.session.get(Coincidence, job.coincidence_id, with_for_update=True)
        # with another basis its own job is on the way
        if row is not None and row.basis == basis:
            await record_coincidence(uow, row, overlap)


async def _maps_of(uow: UnitOfWork, row: Coincidence) -> tuple[bytes, bytes] | None:
    found: list[bytes] = []
    for event_id in (row.one_id, row.other_id):
        event = await uow.session.get(Event, event_id)
        chosen = event.preferred_localization_id if event else None
        localization = await uow.session.get(Localization, chosen) if chosen else None
        if localization is None or localization.map_sha256 is None:
            return None
        skymap = await store.get_map(uow.session, localization.map_sha256, body=True)
        if skymap is None:
            return None
        found.append(skymap.body)
    return found[0], found[1]


async def retell_event(ctx: Context, job: RetellEvent, cause: Cause) -> None:
    """Publish an event whose coincidences have changed."""
    await backlog_of(ctx).over()
    async with ctx.unit_of_work(cause) as uow:
        event = await store_events.lock_root(uow.session, job.event_id)
        if event is not None:
            await retell_state(uow, event)

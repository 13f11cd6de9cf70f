"""The ingest service: alerts in, events and sky maps out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import select
from too_common.context import Context
from too_common.contracts.ingest import EventChanged, LocalizationReady
from too_common.errors import PermanentError
from too_common.service import DueWork, ServiceDefinition, SnapshotItem, job_type
from too_common.uow import UnitOfWork

from too_ingest import api, event_jobs, jobs, map_jobs, stream_jobs, stream_tables, tables_maps
from too_ingest.listener import gcn_listener, watch
from too_ingest.settings import IngestSettings
from too_ingest.tables import METADATA, Event, Localization
from too_ingest.tables_events import Coincidence
from too_ingest.usecases.find_coincidences import (
    REVIEW,
    CompareEvents,
    RetellEvent,
    message_of,
    review_due,
)
from too_ingest.usecases.make_map import BuildConeMap, FetchMap, NormaliseMap

METADATA_MODULES = (stream_tables, tables_maps)
"""Modules whose tables are in METADATA because they are imported here."""


def warm() -> None:
    """Import what map tasks need, in a worker process before the first alert."""
    from too_common.astro import cone, skymap

    del cone, skymap


@asynccontextmanager
async def check_settings(ctx: Context) -> AsyncIterator[None]:
    """Refuse to start with settings that would be dangerous."""
    settings: IngestSettings = ctx.settings
    if ctx.common.profile == "production" and settings.map_extra_hosts:
        raise PermanentError("TOO_INGEST_MAP_EXTRA_HOSTS is refused in the production profile")
    yield None


async def snapshot(uow: UnitOfWork) -> AsyncIterator[SnapshotItem]:
    """All events, each followed by its localizations, the preferred one last; coincidences.

    What is part of another event comes before it, so that nothing is begun for it.
    """
    events = (
        (await uow.session.execute(select(Event).order_by(Event.merged_into.is_(None), Event.id)))
        .scalars()
        .all()
    )
    for event in events:
        yield SnapshotItem(EventChanged.model_validate(event.state), str(event.id), event.revision)
        if event.merged_into is not None:
            continue
        rows = (
            await uow.session.execute(
                select(Localization)
                .join(Event, Event.id == Localization.event_id)
                .where(Event.root_id == event.id, Localization.state == "ready")
                .order_by(Localization.ready_at, Localization.id)
            )
        ).scalars()
        chosen = event.preferred_localization_id
        for localization in sorted(rows, key=lambda r: r.id == chosen):
            ready = LocalizationReady.model_validate(localization.message)
            ready = ready.model_copy(update={"is_preferred": localization.id == chosen})
            yield SnapshotItem(ready, str(event.id), ready.event_revision)
    for row in (
        await uow.session.execute(select(Coincidence).where(Coincidence.state == "found"))
    ).scalars():
        one = await uow.session.get_one(Event, row.one_id)
        other = await uow.session.get_one(Event, row.other_id)
        for side, partner in ((one, other), (other, one)):
            yield SnapshotItem(message_of(row, side, partner), str(side.id), row.revision)


SERVICE = ServiceDefinition(
    name="ingest",
    description="Takes in alerts of every mission, makes events and sky maps of them.",
    settings=IngestSettings,
    metadata=METADATA,
    routers=api.routers,
    jobs=(
        job_type(jobs.ParseNotice, jobs.parse_notice, concurrency=2, timeout_s=60),
        job_type(NormaliseMap, map_jobs.normalise_map, concurrency=4, timeout_s=300),
        job_type(BuildConeMap, map_jobs.build_cone_map, concurrency=4, timeout_s=300),
        job_type(FetchMap, map_jobs.fetch_map, concurrency=4, timeout_s=120),
        job_type(CompareEvents, event_jobs.compare_events, concurrency=2, timeout_s=300),
        job_type(RetellEvent, event_jobs.retell_event, concurrency=2, timeout_s=60),
        job_type(jobs.SendSample, jobs.send_sample, concurrency=2, timeout_s=60),
        job_type(stream_jobs.RunBackfill, stream_jobs.run_backfill, concurrency=1, timeout_s=180),
        job_type(
            stream_jobs.CrossCheckSuperevents, stream_jobs.cross_check_superevents, concurrency=1
        ),
        job_type(stream_jobs.CatchUpSuperevent, stream_jobs.catch_up_superevent, concurrency=2),
    ),
    due=(
        DueWork("sweep_unread", jobs.sweep_unread),
        DueWork("send_due_sample", jobs.send_due_sample),
        DueWork("ask_for_due_maps", map_jobs.ask_for_due_maps),
        DueWork(REVIEW, review_due),
        DueWork("watch_streams", watch),
        DueWork("send_due_drill", stream_jobs.send_due_drill),
        DueWork("link_circulars", stream_jobs.link_circulars),
        DueWork("cross_check", stream_jobs.cross_check_due),
    ),
    resources=check_settings,
    background=(gcn_listener,),
    snapshot=snapshot,
    warm=warm,
)

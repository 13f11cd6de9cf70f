"""Events: listed, shown, made, retracted and re-opened by hand."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime
from sqlalchemy import select
from too_common.errors import NotFoundError
from too_common.http import Ctx, Principal, require
from too_common.uow import UnitOfWork

from too_ingest import store, store_events
from too_ingest.api.body import read_body
from too_ingest.api.models import (
    EventPage,
    EventView,
    LocalizationView,
    NewEvent,
    NoticeView,
    Statement,
)
from too_ingest.settings import IngestSettings
from too_ingest.tables import Event, Localization, RawNotice
from too_ingest.usecases import manual
from too_ingest.usecases.manual_maps import add_upload, check_map_address
from too_ingest.usecases.tell_localizations import chosen_of

router = APIRouter(tags=["events"])


async def _view(uow: UnitOfWork, event: Event) -> EventView:
    # of an event that is part of another, the other's map is the one that counts
    whole = await uow.session.get_one(Event, event.root_id)
    rows = await store_events.localizations_of_root(uow.session, whole.id)
    preferred = next((r for r in rows if r.id == whole.preferred_localization_id), None)
    return EventView.of(
        event,
        map_sha256=preferred.map_sha256 if preferred else None,
        localization_id=whole.preferred_localization_id,
        is_parked=await store.has_parked(uow.session, whole.id),
        # a file that its server does not have yet is waited for up to a day: that is no map
        # in the making
        maps_pending=sum(1 for row in rows if row.state == "pending" and row.attempts == 0),
    )


async def _event(uow: UnitOfWork, event_id: UUID) -> Event:
    # a share lock: the event and its localizations are then read as of one moment
    event = await uow.session.scalar(
        select(Event)
        .where(Event.id == event_id)
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    if event is None:
        raise NotFoundError(f"there is no event {event_id}")
    return event


@router.get("/events", summary="Events, latest notice first")
async def list_events(
    ctx: Ctx,
    _who: Annotated[Principal, require("read")],
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: AwareDatetime | None = None,
    mission: str | None = None,
    native_id: Annotated[str | None, Query(description="Any spelling of a mission's id")] = None,
    is_test: bool | None = None,
    is_retracted: bool | None = None,
) -> EventPage:
    """List events."""
    async with ctx.unit_of_work() as uow:
        rows = await store.list_events(
            uow.session,
            limit=limit,
            before=before,
            mission=mission,
            native_id=native_id,
            is_test=is_test,
            is_retracted=is_retracted,
        )
        hashes = await _map_hashes(uow, rows)
        last: datetime | None = rows[-1].latest_notice_at if len(rows) == limit else None
        return EventPage(
            items=[EventView.of(row, map_sha256=hashes.get(row.id)) for row in rows],
            next_before=last,
        )


async def _map_hashes(uow: UnitOfWork, events: Sequence[Event]) -> dict[UUID, str]:
    wanted = [e.preferred_localization_id for e in events if e.preferred_localization_id]
    if not wanted:
        return {}
    rows = await uow.session.execute(
        select(Event.id, Localization.map_sha256)
        .join(Localization, Localization.id == Event.preferred_localization_id)
        .where(Localization.id.in_(wanted))
    )
    return {event_id: sha256 for event_id, sha256 in rows.all() if sha256}


@router.get(
    "/events/{event_id}",
    summary="One event",
    description="Also what is asked right before a submission: `is_retracted`, `map_sha256` of "
    "the preferred map, and `is_parked`.",
)
async def get_event(
    event_id: UUID, ctx: Ctx, _who: Annotated[Principal, require("read")]
) -> EventView:
    """Show an event."""
    async with ctx.unit_of_work() as uow:
        return await _view(uow, await _event(uow, event_id))


@router.get("/events/{event_id}/notices", summary="Notices of an event, in order of arrival")
async def list_notices(
    event_id: UUID, ctx: Ctx, _who: Annotated[Principal, require("read")]
) -> list[NoticeView]:
    """List an event's notices."""
    async with ctx.unit_of_work() as uow:
        event = await _event(uow, event_id)
        rows = await store_events.notices_of_root(uow.session, event.root_id)
        raws = {
            raw.id: raw
            for raw in (
                await uow.session.execute(
                    select(RawNotice).where(RawNotice.id.in_([row.raw_id for row in rows]))
                )
            ).scalars()
        }
        return [NoticeView.of(row, raws[row.raw_id]) for row in rows]


@router.get("/events/{event_id}/localizations", summary="Localizations of an event")
async def list_localizations(
    event_id: UUID, ctx: Ctx, _who: Annotated[Principal, require("read")]
) -> list[LocalizationView]:
    """List an event's localizations in the order of their notices."""
    async with ctx.unit_of_work() as uow:
        event = await _event(uow, event_id)
        rows = await store_events.localizations_of_root(uow.session, event.root_id)
        return [LocalizationView.of(row, chosen_of(rows)) for row in rows]


@router.post("/events", summary="Make an event by hand", status_code=201)
async def create_event(
    new: NewEvent, ctx: Ctx, who: Annotated[Principal, require("plan", "admin")]
) -> EventView:
    """Make an event from a form."""
    statement = manual.ManualEvent(
        name=new.name,
        kind=new.kind,
        event_time=new.event_time,
        position=new.position(),
        region=new.region(),
        comment=new.comment,
        is_test=new.is_test,
    )
    async with ctx.unit_of_work(who.cause()) as uow:
        url = check_map_address(uow, new.map_url) if new.map_url else None
        outcome = await manual.create_event(uow, statement)
        if outcome.event_id is None:
            raise NotFoundError("the event was not made")
        if url is not None:
            await add_upload(uow, outcome.event_id, url=url)
        return await _view(uow, await _event(uow, outcome.event_id))


@router.post(
    "/events/{event_id}/maps",
    summary="Upload a sky map",
    description="Body: a HEALPix FITS file, multi-order or flat, gzipped or not. It is checked "
    "and normalised in a worker process; the localization turns ready or failed with a reason.",
    status_code=202,
)
async def upload_map(
    event_id: UUID,
    request: Request,
    ctx: Ctx,
    who: Annotated[Principal, require("plan", "admin")],
) -> LocalizationView:
    """Add a map to an event."""
    settings: IngestSettings = ctx.settings
    body = await read_body(request, settings.map_max_bytes)
    async with ctx.unit_of_work(who.cause()) as uow:
        row = await manual.upload_map(uow, event_id, body)
        await uow.session.refresh(row)
        return LocalizationView.of(row, None)


@router.post("/events/{event_id}/retract", summary="Retract an event by hand")
async def retract_event(
    event_id: UUID,
    statement: Statement,
    ctx: Ctx,
    who: Annotated[Principal, require("submit", "admin")],
) -> EventView:
    """Retract: everything queued for the event is withdrawn."""
    async with ctx.unit_of_work(who.cause()) as uow:
        event = await manual.retract_event(uow, event_id, statement.reason)
        return await _view(uow, event)


@router.post("/events/{event_id}/reopen", summary="Take a retraction back by hand")
async def reopen_event(
    event_id: UUID,
    statement: Statement,
    ctx: Ctx,
    who: Annotated[Principal, require("submit", "admin")],
) -> EventView:
    """Re-open a retracted event."""
    async with ctx.unit_of_work(who.cause()) as uow:
        event = await manual.reopen_event(uow, event_id, statement.reason)
        return await _view(uow, event)

"""Streams: backfills, drills, the cross-check with GraceDB, circulars of others."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlalchemy.orm import undefer
from too_common.cause import Cause
from too_common.contracts.base import Mode
from too_common.errors import ConflictError, NotFoundError
from too_common.http import Ctx, Principal, require
from too_common.uow import UnitOfWork

from too_ingest import stream_jobs
from too_ingest.api.stream_models import (
    BackfillView,
    CircularView,
    CrossCheckView,
    DrillView,
    NewBackfill,
    NewDrill,
)
from too_ingest.clients import gcn
from too_ingest.settings import IngestSettings
from too_ingest.stream_tables import (
    Backfill,
    Circular,
    CircularLink,
    CrossCheck,
    Drill,
    DrillMessage,
    MissedEvent,
)
from too_ingest.tables import Event
from too_ingest.usecases import backfill, cross_check, drill
from too_ingest.usecases.manual import retract_event

router = APIRouter(tags=["streams"])
Admin = Annotated[Principal, require("admin")]
Reader = Annotated[Principal, require("read")]
Limit = Annotated[int, Query(ge=1, le=200)]


# -- backfills ---------------------------------------------------------------------------------
@router.post(
    "/backfills",
    summary="Read the broker's topics again from a time on",
    description="The messages take the usual way; known ones are recognised by their content, old "
    "ones page nobody.",
    status_code=202,
)
async def post_backfill(wanted: NewBackfill, ctx: Ctx, who: Admin) -> BackfillView:
    """Start a backfill."""
    settings: IngestSettings = ctx.settings
    if not gcn.is_configured(settings):
        raise ConflictError("no GCN broker is configured", code="no_broker")
    topics = [
        name
        for name in wanted.topics or gcn.topics_of(settings)
        if name != settings.gcn_heartbeat_topic
    ]
    async with ctx.unit_of_work(who.cause()) as uow:
        row = await backfill.request_backfill(
            uow, since=wanted.since, until=wanted.until, topics=topics
        )
        await uow.enqueue(stream_jobs.RunBackfill(backfill_id=row.id), dedupe_key=str(row.id))
        return BackfillView.of(row, failed=0)


@router.get("/backfills", summary="Backfills, newest first")
async def list_backfills(ctx: Ctx, _who: Reader, limit: Limit = 20) -> list[BackfillView]:
    """List backfills."""
    async with ctx.unit_of_work() as uow:
        rows = await uow.session.execute(
            select(Backfill).order_by(Backfill.requested_at.desc()).limit(limit)
        )
        return [
            BackfillView.of(row, failed=await backfill.unreadable(uow, row.id))
            for row in rows.scalars().all()
        ]


@router.get("/backfills/{backfill_id}", summary="One backfill")
async def get_backfill(backfill_id: UUID, ctx: Ctx, _who: Reader) -> BackfillView:
    """Show a backfill and what it brought."""
    async with ctx.unit_of_work() as uow:
        row = await backfill.get_backfill(uow, backfill_id)
        return BackfillView.of(row, failed=await backfill.unreadable(uow, row.id))


@router.post("/backfills/{backfill_id}/stop", summary="Read no further")
async def stop_backfill(backfill_id: UUID, ctx: Ctx, who: Admin) -> BackfillView:
    """Stop a backfill; what it brought stays."""
    async with ctx.unit_of_work(who.cause()) as uow:
        row = await backfill.stop(uow, backfill_id)
        return BackfillView.of(row, failed=await backfill.unreadable(uow, row.id))


# -- drills ------------------------------------------------------------------------------------
@router.post(
    "/drills",
    summary="Run a past event through the whole chain as a drill",
    description="Its notices come again in their order, as an event of its own in mode `drill`: "
    "pages begin with DRILL, submissions end at the draft (simulated ones take it further).",
    status_code=202,
)
async def post_drill(wanted: NewDrill, ctx: Ctx, who: Admin) -> DrillView:
    """Start a drill."""
    async with ctx.unit_of_work(who.cause()) as uow:
        event = await drill.find_source(uow, wanted.event)
        row = await drill.start_drill(uow, event, speed=wanted.speed)
        return await _drill(uow, row)


@router.get("/drills", summary="Drills, newest first")
async def list_drills(ctx: Ctx, _who: Reader, limit: Limit = 20) -> list[DrillView]:
    """List drills."""
    async with ctx.unit_of_work() as uow:
        rows = await uow.session.execute(
            select(Drill).order_by(Drill.begun_at.desc(), Drill.id.desc()).limit(limit)
        )
        return [await _drill(uow, row) for row in rows.scalars().all()]


@router.get("/drills/{drill_id}", summary="One drill")
async def get_drill(drill_id: UUID, ctx: Ctx, _who: Reader) -> DrillView:
    """Show a drill, its notices and its events."""
    async with ctx.unit_of_work() as uow:
        return await _drill(uow, await drill.get_drill(uow, drill_id))


@router.post("/drills/{drill_id}/stop", summary="Send no more of a drill's notices")
async def stop_drill(drill_id: UUID, ctx: Ctx, who: Admin) -> DrillView:
    """Stop a drill; its event stays open."""
    async with ctx.unit_of_work(who.cause()) as uow:
        return await _drill(uow, await drill.stop_drill(uow, drill_id))


@router.post(
    "/drills/{drill_id}/end",
    summary="End a drill",
    description="No more notices are sent, and its events are retracted, so that incidents close "
    "and drafts go.",
)
async def end_drill(drill_id: UUID, ctx: Ctx, who: Admin) -> DrillView:
    """End a drill and close its events."""
    cause = Cause(mode=Mode.DRILL, drill_id=drill_id, actor=who.account_id)
    async with ctx.unit_of_work(cause) as uow:
        row, event_ids = await drill.end_drill(uow, drill_id)
        for event_id in event_ids:
            await retract_event(uow, event_id, "the drill has ended")
        return await _drill(uow, row)


async def _drill(uow: UnitOfWork, row: Drill) -> DrillView:
    messages = await uow.session.execute(
        select(DrillMessage)
        .where(DrillMessage.drill_id == row.id)
        .order_by(DrillMessage.position)
        .execution_options(populate_existing=True)
    )
    events = await uow.session.execute(
        select(Event.id).where(Event.drill_key == str(row.id)).order_by(Event.created_at)
    )
    return DrillView.of(row, list(messages.scalars()), list(events.scalars()))


# -- GraceDB -----------------------------------------------------------------------------------
@router.get("/cross-check", summary="Superevents of GraceDB that we missed")
async def get_cross_check(ctx: Ctx, _who: Reader) -> CrossCheckView:
    """Show how the comparison stands, and what was missed, newest first."""
    async with ctx.unit_of_work() as uow:
        row = await uow.session.get(CrossCheck, cross_check.CATALOGUE)
        missed = await uow.session.execute(
            select(MissedEvent).order_by(MissedEvent.missed_at.desc()).limit(100)
        )
        return CrossCheckView.of(
            row,
            list(missed.scalars()),
            is_configured=stream_jobs.catalogue_of(ctx) is not None,
        )


@router.post("/cross-check", summary="Compare with GraceDB now", status_code=202)
async def post_cross_check(ctx: Ctx, who: Admin) -> CrossCheckView:
    """Have GraceDB asked at once."""
    if stream_jobs.catalogue_of(ctx) is None:
        raise ConflictError("no GraceDB is configured", code="no_gracedb")
    async with ctx.unit_of_work(who.cause()) as uow:
        await uow.enqueue(stream_jobs.CrossCheckSuperevents(), dedupe_key=cross_check.CATALOGUE)
    return await get_cross_check(ctx, who)


# -- circulars ---------------------------------------------------------------------------------
@router.get("/circulars", summary="GCN Circulars, newest first")
async def list_circulars(
    ctx: Ctx,
    _who: Reader,
    event_id: Annotated[UUID | None, Query(description="Of this event only")] = None,
    limit: Limit = 50,
) -> list[CircularView]:
    """List circulars."""
    statement = select(Circular).order_by(Circular.created_at.desc()).limit(limit)
    if event_id is not None:
        mine = select(CircularLink.circular_id).where(CircularLink.event_id == event_id)
        statement = statement.where(Circular.circular_id.in_(mine))
    async with ctx.unit_of_work() as uow:
        rows = (await uow.session.execute(statement)).scalars().all()
        links = await _links(uow, [row.circular_id for row in rows])
        return [CircularView.of(row, links.get(row.circular_id, [])) for row in rows]


@router.get("/circulars/{circular_id}", summary="One GCN Circular with its text")
async def get_circular(circular_id: float, ctx: Ctx, _who: Reader) -> CircularView:
    """Show a circular."""
    async with ctx.unit_of_work() as uow:
        row = await uow.session.scalar(
            select(Circular)
            .where(Circular.circular_id == circular_id)
            .options(undefer(Circular.body))
        )
        if row is None:
            raise NotFoundError(f"there is no circular {circular_id:g}")
        links = await _links(uow, [circular_id])
        return CircularView.of(row, links.get(circular_id, []), body=row.body)


async def _links(uow: UnitOfWork, ids: list[float]) -> dict[float, list[CircularLink]]:
    found: dict[float, list[CircularLink]] = {}
    rows = await uow.session.execute(
        select(CircularLink).where(CircularLink.circular_id.in_(ids)).order_by(CircularLink.place)
    )
    for row in rows.scalars():
        found.setdefault(row.circular_id, []).append(row)
    return found

"""Events as the pages show them: everything known, from the projections."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from too_common.contracts.ingest import EventKind
from too_common.http import Ctx, Principal, require

from too_vetting_api.store import events as list_store
from too_vetting_api.usecases.read_events import (
    EventDetail,
    EventPage,
    NoticeTimeline,
    list_events,
    read_event,
)

router = APIRouter(tags=["events"])
Reader = Annotated[Principal, require("read")]


@router.get("/events", summary="Events, newest first, with what became of them")
async def get_events(
    ctx: Ctx,
    _who: Reader,
    kind: Annotated[list[EventKind] | None, Query()] = None,
    tag: Annotated[list[str] | None, Query()] = None,
    search: Annotated[str, Query(max_length=100)] = "",
    retracted: Annotated[bool, Query(description="Also the retracted")] = False,
    test: Annotated[bool, Query(description="Also tests and mock data")] = False,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> EventPage:
    """List events."""
    wanted = list_store.EventFilter(
        kinds=tuple(item.value for item in kind or ()),
        tags=tuple(tag or ()),
        search=search.strip(),
        with_retracted=retracted,
        with_test=test,
    )
    async with ctx.unit_of_work() as uow:
        return await list_events(uow, wanted, limit=limit, cursor=cursor)


@router.get("/events/{event}", summary="Everything known of one event")
async def get_event(event: str, ctx: Ctx, _who: Reader) -> EventDetail:
    """Show an event by its id or any mission's name of it."""
    async with ctx.unit_of_work() as uow:
        return await read_event(uow, event)


@router.get("/events/{event_id}/timeline", summary="The way of each notice, in seconds")
async def get_timeline(event_id: UUID, ctx: Ctx, _who: Reader) -> list[NoticeTimeline]:
    """Show when each step was reached."""
    async with ctx.unit_of_work() as uow:
        return (await read_event(uow, str(event_id))).timeline

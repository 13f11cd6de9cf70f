"""Circulars: the drafts of an event, and the editor. The texts are circulars' own."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse
from too_common.http import Ctx

from too_vetting_api.domain.projections import Kind
from too_vetting_api.pages.shell import Person, ask, gateway, listed, render
from too_vetting_api.store import projections as store
from too_vetting_api.tables import EventRow
from too_vetting_api.usecases.read_events import read_event

router = APIRouter(include_in_schema=False)


@router.get("/events/{event}/circulars")
async def circulars_page(event: str, request: Request, ctx: Ctx, viewer: Person) -> HTMLResponse:
    """List an event's drafts."""
    async with ctx.unit_of_work() as uow:
        detail = await read_event(uow, event)
    return render(request, "circulars.html", viewer, event=detail.event, drafts=detail.drafts)


@router.get("/circulars/{draft_id}")
async def circular_page(draft_id: UUID, request: Request, ctx: Ctx, viewer: Person) -> HTMLResponse:
    """Edit a draft."""
    gate = gateway(request, viewer)
    draft, problem = await ask(gate, "circulars", f"/drafts/{draft_id}")
    versions: Any = None
    versions_problem = link_problem = None
    link: Any = None
    if problem is None:
        versions, versions_problem = await ask(gate, "circulars", f"/drafts/{draft_id}/versions")
        link, link_problem = await ask(gate, "circulars", f"/drafts/{draft_id}/submission-link")
    if isinstance(link, str):
        link = {"url": link}
    event = None
    async with ctx.unit_of_work() as uow:
        row = await store.get_row(uow.session, Kind.DRAFT, str(draft_id))
        if row is not None and row.event_id is not None:
            event = await uow.session.get(EventRow, row.event_id)
    return render(
        request,
        "circular.html",
        viewer,
        draft_id=draft_id,
        draft=draft,
        problem=problem,
        versions=listed(versions),
        versions_problem=versions_problem,
        link=link,
        link_problem=link_problem,
        event=event,
    )

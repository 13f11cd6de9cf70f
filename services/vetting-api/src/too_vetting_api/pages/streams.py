"""Streams of notices: how they are, dead letters, backfills, drills, missed superevents."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from too_vetting_api.pages.shell import Person, ask, gateway, listed, render

router = APIRouter(include_in_schema=False)

ASKED = {
    "streams": ("/streams", {}),
    "dead": ("/dead-letters", {"limit": 100}),
    "backfills": ("/backfills", {"limit": 10}),
    "drills": ("/drills", {"limit": 10}),
    "check": ("/cross-check", {}),
}
SHOWN_BACK = timedelta(hours=6)
"""How far back the form for a backfill begins."""


@router.get("/streams")
async def streams_page(request: Request, viewer: Person) -> HTMLResponse:
    """Show the frame; the parts are asked for at ingest."""
    since = datetime.now(UTC).replace(second=0, microsecond=0) - SHOWN_BACK
    return render(request, "streams.html", viewer, since=since)


@router.get("/streams/list")
async def streams_list(request: Request, viewer: Person) -> HTMLResponse:
    """Show what ingest says of its streams."""
    gate = gateway(request, viewer)
    answers = await asyncio.gather(
        *(ask(gate, "ingest", path, params) for path, params in ASKED.values())
    )
    found = dict(zip(ASKED, answers, strict=True))
    problem = next((why for _answer, why in answers if why), None)
    return render(
        request,
        "_streams.html",
        viewer,
        problem=problem,
        check=found["check"][0] or {},
        streams=listed(found["streams"][0]),
        dead=listed(found["dead"][0]),
        backfills=listed(found["backfills"][0]),
        drills=listed(found["drills"][0]),
    )


@router.get("/dialogs/discard/{dead_id}")
async def discard_dialog(dead_id: UUID, request: Request, viewer: Person) -> HTMLResponse:
    """Ask why a dead letter is closed unread."""
    return render(request, "dialog_discard.html", viewer, dead_id=dead_id)

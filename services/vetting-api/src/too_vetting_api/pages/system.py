"""Health, about, and the API's documentation."""

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, JSONResponse
from too_common.contracts import ingest
from too_common.http import Ctx

from too_vetting_api.api.world import read_health, versions
from too_vetting_api.openapi_merge import merged_document
from too_vetting_api.pages.plans import kill_switch
from too_vetting_api.pages.shell import Person, ask, gateway, listed, render
from too_vetting_api.store import catalogues as catalogue_store

router = APIRouter(include_in_schema=False)


@router.get("/health")
async def health_page(request: Request, viewer: Person) -> HTMLResponse:
    """Show the frame; the parts are asked for one by one."""
    return render(request, "health.html", viewer)


@router.get("/health/list")
async def health_list(request: Request, ctx: Ctx, viewer: Person) -> HTMLResponse:
    """Show services, telescopes' queues, streams and alarms."""
    health = await read_health(ctx)
    answer, problem = await ask(gateway(request, viewer), "queue-submit", "/facilities")
    kill, facilities = kill_switch(answer)
    streams, streams_problem = await ask(gateway(request, viewer), "ingest", "/streams")
    async with ctx.unit_of_work() as uow:
        catalogues = await catalogue_store.all_catalogues(uow.session)
    return render(
        request,
        "_health.html",
        viewer,
        h=health,
        kill=kill,
        facilities=[_facility(item) for item in facilities],
        facilities_problem=problem,
        streams=_streams(listed(streams), health.streams),
        streams_problem=streams_problem,
        catalogues=[item for item in catalogues if item.is_current],
    )


def _streams(
    current: list[dict[str, Any]], told: list[ingest.StreamChanged]
) -> list[dict[str, Any]]:
    """Streams as ingest knows them now; if it does not answer, as it told last.

    Topics that are absent come last: at GCN that is the normal state of a quiet mission.
    """
    shown = current or [
        {
            "name": t.stream,
            "state": t.state.value,
            "reason": t.reason,
            "last_seen_at": t.last_seen_at,
        }
        for t in told
    ]
    return sorted(shown, key=lambda s: (s.get("state") == "absent", str(s.get("name"))))


def _facility(item: dict[str, Any]) -> dict[str, Any]:
    """What the table shows of a facility; an unknown reachability is not shown as good."""
    reachable = item.get("is_reachable")
    return {
        "name": item.get("name", "?"),
        "mode": item.get("mode", "off"),
        "modes": item.get("modes_available") or ["off", "simulated", "live"],
        "is_stopped": bool(item.get("is_stopped")),
        "reachable": reachable if isinstance(reachable, bool) else None,
        "detail": item.get("contact_error") or "",
        "out_there": item.get("out_there") or 0,
    }


@router.get("/dialogs/queue/{facility}")
async def queue_dialog(facility: str, request: Request, viewer: Person) -> HTMLResponse:
    """Show a telescope's queue as it is at this moment."""
    path = f"/facilities/{quote(facility, safe='')}/queue"
    answer, problem = await ask(gateway(request, viewer), "queue-submit", path)
    return render(
        request, "dialog_queue.html", viewer, facility=facility, queue=answer, problem=problem
    )


@router.get("/dialogs/samples")
async def samples_dialog(request: Request, viewer: Person) -> HTMLResponse:
    """Show the kinds of sample alerts."""
    answer, problem = await ask(gateway(request, viewer), "ingest", "/samples")
    return render(request, "dialog_samples.html", viewer, samples=listed(answer), problem=problem)


@router.get("/about")
async def about_page(request: Request, ctx: Ctx, viewer: Person) -> HTMLResponse:
    """Show versions and credits."""
    async with ctx.unit_of_work() as uow:
        catalogues = await catalogue_store.all_catalogues(uow.session)
    return render(
        request,
        "about.html",
        viewer,
        versions=versions(),
        catalogues=[item for item in catalogues if item.is_current],
    )


@router.get("/docs")
async def docs_page(request: Request, viewer: Person) -> HTMLResponse:
    """Show the API's documentation."""
    return render(request, "docs.html", viewer)


@router.get("/openapi.json")
async def openapi(request: Request, ctx: Ctx, viewer: Person) -> JSONResponse:
    """Give the merged OpenAPI document of all six services."""
    del viewer
    return JSONResponse(await merged_document(ctx, request.app.openapi()))

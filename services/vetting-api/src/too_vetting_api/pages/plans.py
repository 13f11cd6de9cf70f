"""New plans, manual observation, approval, queues."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse
from too_common.context import Context
from too_common.contracts.ingest import LocalizationReady
from too_common.contracts.planner import PlanChanged, TelescopeChanged
from too_common.contracts.queue_submit import SubmissionChanged, SubmissionState
from too_common.errors import NotFoundError
from too_common.http import Ctx

from too_vetting_api.api.world import read_submissions
from too_vetting_api.domain.projections import Kind, preferred
from too_vetting_api.pages.event import OVER, WITHDRAWABLE, map_url
from too_vetting_api.pages.shell import Person, ask, gateway, listed, render
from too_vetting_api.store import events as event_store
from too_vetting_api.store import projections as store
from too_vetting_api.tables import EventRow
from too_vetting_api.usecases.read_events import read_event, resolve_event

router = APIRouter(include_in_schema=False)

MAX_FIELDS_SHOWN = 400
RECENT_EVENTS = 50
DONE = OVER | {SubmissionState.COMPLETE}


async def known_telescopes(ctx: Context) -> list[dict[str, Any]]:
    """Telescopes that the planner told of, each with what forms need."""
    async with ctx.unit_of_work() as uow:
        rows = await store.rows_of_kind(uow.session, Kind.TELESCOPE)
    found = []
    for row in rows:
        data = TelescopeChanged.model_validate(row.data)
        found.append(telescope_values(data.name, data.definition))
    return found


def telescope_values(name: str, definition: dict[str, Any]) -> dict[str, Any]:
    """Name, filters and default plan out of a telescope's definition."""
    plan = definition.get("defaults") or {}
    filters = [str(item) for item in definition.get("filters") or []]
    return {
        "name": name,
        "long_name": str(definition.get("long_name", "")),
        "filters": filters,
        "has_grid": bool((definition.get("grid") or {}).get("file")),
        "defaults": {
            "filters": [str(f) for f in plan.get("filters") or filters[:1]],
            "exposure_times_s": plan.get("exposure_times_s") or [],
            "probability": plan.get("probability") or plan.get("integrated_probability") or 0.9,
            "airmass_max": plan.get("airmass_max") or 2.5,
            "min_gap_s": plan.get("min_gap_s") or plan.get("revisit_gap_s") or 0.0,
            "require_references": bool(plan.get("require_references", False)),
            "dither": bool(plan.get("dither", False)),
        },
    }


@router.get("/events/{event}/plans/new")
async def new_plan(
    event: str, request: Request, ctx: Ctx, viewer: Person, telescope: str | None = None
) -> HTMLResponse:
    """Show the form, filled with the telescope's own defaults."""
    async with ctx.unit_of_work() as uow:
        detail = await read_event(uow, event)
    telescopes = await known_telescopes(ctx)
    names = [item["name"] for item in telescopes]
    chosen = telescope if telescope in names else (names[0] if names else None)
    definition = next((item for item in telescopes if item["name"] == chosen), None)
    begin = ctx.clock.now() + timedelta(minutes=5)
    return render(
        request,
        "new_plan.html",
        viewer,
        d=detail,
        chosen=detail.preferred,
        telescopes=telescopes,
        telescope=chosen,
        definition=definition or {},
        defaults=(definition or {}).get("defaults", {}),
        begin=begin,
        end=begin + timedelta(hours=24),
        map_url=map_url,
    )


@router.get("/manual")
async def manual(
    request: Request, ctx: Ctx, viewer: Person, event: str | None = None
) -> HTMLResponse:
    """Show the form for an observation by field list."""
    async with ctx.unit_of_work() as uow:
        row = await resolve_event(uow, event) if event else None
        wanted = event_store.EventFilter(with_test=True)
        events = await event_store.page(uow.session, wanted, limit=RECENT_EVENTS)
    begin = ctx.clock.now() + timedelta(minutes=10)
    return render(
        request,
        "manual.html",
        viewer,
        event=row,
        events=events,
        telescopes=await known_telescopes(ctx),
        begin=begin,
        end=begin + timedelta(hours=24),
    )


async def _submission(ctx: Context, submission_id: UUID) -> SubmissionChanged:
    async with ctx.unit_of_work() as uow:
        row = await store.get_row(uow.session, Kind.SUBMISSION, str(submission_id))
    if row is None:
        raise NotFoundError(f"no submission {submission_id} is known here")
    return SubmissionChanged.model_validate(row.data)


@router.get("/dialogs/approve/{submission_id}")
async def approve_dialog(
    submission_id: UUID, request: Request, ctx: Ctx, viewer: Person
) -> HTMLResponse:
    """Show what will be sent: fields, hours, cost, warnings, difference."""
    item = await _submission(ctx, submission_id)
    plan: PlanChanged | None = None
    stale = False
    async with ctx.unit_of_work() as uow:
        if item.plan_id is not None:
            row = await store.get_row(uow.session, Kind.PLAN, str(item.plan_id))
            plan = None if row is None else PlanChanged.model_validate(row.data)
        if plan is not None and plan.map_sha256 is not None:
            rows = await store.rows_of_event(uow.session, plan.event_id)
            chosen = preferred(
                [LocalizationReady.model_validate(r.data) for r in rows[Kind.LOCALIZATION]]
            )
            stale = chosen is not None and chosen.map.sha256 != plan.map_sha256
    predecessor = await _submission(ctx, item.supersedes) if item.supersedes else None
    fields: list[dict[str, Any]] = []
    problem = None
    if plan is not None:
        document, problem = await ask(
            gateway(request, viewer), "planner", f"/plans/{plan.plan_id}/document"
        )
        fields = exposures_of(document)[:MAX_FIELDS_SHOWN]
    return render(
        request,
        "dialog_approve.html",
        viewer,
        s=item,
        plan=plan,
        predecessor=predecessor,
        stale_map=stale,
        fields=fields,
        fields_problem=problem,
    )


def exposures_of(document: Any) -> list[dict[str, Any]]:
    """Exposures of a plan's document, in the order of their times."""
    raw = document.get("exposures", []) if isinstance(document, dict) else []
    found = [
        {
            "start": item.get("start") or item.get("begin") or item.get("start_at"),
            "field": item.get("field_id"),
            "ra": item.get("ra_deg"),
            "dec": item.get("dec_deg"),
            "filter": item.get("filter", ""),
            "seconds": item.get("exposure_s") or item.get("exposure_time_s"),
        }
        for item in raw
        if isinstance(item, dict)
    ]
    return sorted(found, key=lambda item: str(item["start"]))


@router.get("/dialogs/withdraw/{submission_id}")
async def withdraw_dialog(
    submission_id: UUID, request: Request, ctx: Ctx, viewer: Person
) -> HTMLResponse:
    """Ask before a withdrawal."""
    return render(request, "dialog_withdraw.html", viewer, s=await _submission(ctx, submission_id))


async def _queue_values(request: Request, ctx: Context, viewer: Any) -> dict[str, Any]:
    items = await read_submissions(ctx)
    ids = {item.event_id for item in items if item.event_id is not None}
    async with ctx.unit_of_work() as uow:
        names = {}
        for event_id in ids:
            row = await uow.session.get(EventRow, event_id)
            if row is not None:
                names[event_id] = row.name
    rows = [
        {
            "s": item,
            "event": names.get(item.event_id) if item.event_id else None,
            "can_withdraw": item.state in WITHDRAWABLE,
        }
        for item in items
    ]
    answer, problem = await ask(gateway(request, viewer), "queue-submit", "/facilities")
    kill, _ = kill_switch(answer)

    def state(row: dict[str, Any]) -> SubmissionState:
        found: SubmissionState = row["s"].state
        return found

    return {
        "drafts": [row for row in rows if state(row) is SubmissionState.DRAFT],
        "active": [
            row
            for row in rows
            if state(row) not in DONE and state(row) is not SubmissionState.DRAFT
        ],
        "done": [row for row in rows if state(row) in DONE],
        "kill": bool(kill),
        "problem": None if problem is None else f"Facilities: {problem}",
    }


def kill_switch(answer: Any) -> tuple[bool | None, list[dict[str, Any]]]:
    """Global kill switch and the list of facilities out of queue-submit's answer."""
    kill: bool | None = None
    if isinstance(answer, dict):
        found = answer.get("is_stopped")
        kill = bool(found) if found is not None else None
        items = answer.get("facilities")
        if isinstance(items, list):
            return kill, items
    return kill, listed(answer)


@router.get("/queues")
async def queues(request: Request, ctx: Ctx, viewer: Person) -> HTMLResponse:
    """Show drafts, queues and progress."""
    return render(request, "queues.html", viewer, **await _queue_values(request, ctx, viewer))


@router.get("/queues/list")
async def queue_list(request: Request, ctx: Ctx, viewer: Person) -> HTMLResponse:
    """Show the changing part of the page."""
    return render(request, "_queues.html", viewer, **await _queue_values(request, ctx, viewer))

"""The page of one event."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse
from too_common.contracts.ingest import LocalizationReady
from too_common.contracts.planner import PlanChanged, PlanState
from too_common.contracts.queue_submit import SubmissionChanged, SubmissionState
from too_common.http import Ctx

from too_vetting_api.domain.timeline import Step
from too_vetting_api.pages.shell import Person, ask, gateway, listed, render
from too_vetting_api.security import Viewer
from too_vetting_api.store.events import near_in_time
from too_vetting_api.usecases.read_events import EventDetail, read_event, resolve_event

router = APIRouter(include_in_schema=False)

WITHDRAWABLE = {
    SubmissionState.APPROVED,
    SubmissionState.SENDING,
    SubmissionState.ACCEPTED,
    SubmissionState.DELIVERED,
    SubmissionState.UNKNOWN,
    SubmissionState.ACTIVE,
    SubmissionState.PARTIAL,
}
OVER = {
    SubmissionState.DISCARDED,
    SubmissionState.CANCELLED,
    SubmissionState.EXPIRED,
    SubmissionState.REJECTED,
}


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A plan with the submission made of it."""

    plan: PlanChanged
    submission: SubmissionChanged | None
    can_go: bool
    can_withdraw: bool


def map_url(localization: LocalizationReady) -> str:
    """Address of a map at its owner, through the front door."""
    return f"/api/ingest/v1/maps/{localization.map.sha256}"


def plan_rows(detail: EventDetail) -> tuple[list[PlanRow], list[PlanChanged]]:
    """Plans to show, by telescope, and the superseded ones apart.

    A superseded plan whose submission is still out there stays among the first: it counts.
    """
    newest: dict[UUID, SubmissionChanged] = {}
    for item in detail.submissions:
        if item.plan_id is not None:
            known = newest.get(item.plan_id)
            if known is None or known.state in OVER:
                newest[item.plan_id] = item
    shown: list[PlanRow] = []
    old: list[PlanChanged] = []
    for plan in detail.plans:
        submission = newest.get(plan.plan_id)
        out_there = submission is not None and submission.state in (
            WITHDRAWABLE | {SubmissionState.COMPLETE, SubmissionState.CANCEL_REQUESTED}
        )
        if plan.state is PlanState.SUPERSEDED and not out_there:
            old.append(plan)
            continue
        is_draft = submission is not None and submission.state is SubmissionState.DRAFT
        shown.append(
            PlanRow(
                plan=plan,
                submission=submission,
                can_go=is_draft and not detail.event.is_retracted,
                can_withdraw=submission is not None and submission.state in WITHDRAWABLE,
            )
        )
    shown.sort(key=lambda row: (row.plan.telescope, row.plan.made_at))
    return shown, sorted(old, key=lambda plan: plan.made_at, reverse=True)


def values_of(detail: EventDetail, viewer: Viewer) -> dict[str, Any]:
    """What the event page's parts need."""
    rows, old = plan_rows(detail)
    lines = {line.correlation_id: line for line in detail.timeline}
    reached = {
        key: sum(1 for entry in line.entries if entry.at is not None)
        for key, line in lines.items()
        if any(entry.step is Step.RECEIVED and entry.at for entry in line.entries)
    }
    # the notice that brought the most about is opened; the first of equals
    main = max(reached, key=lambda key: reached[key], default=None)
    links = dict(detail.event.facts.links)
    return {
        "d": detail,
        "viewer": viewer,
        "chosen": detail.preferred,
        "plan_rows": rows,
        "old_plans": old,
        "coverage": detail.current_coverage,
        "open_incidents": [i for i in detail.incidents if i.state.value == "triggered"],
        "links": list(links.items()),
        "main_line": main,
        "map_url": map_url,
    }


@router.get("/events/{event}")
async def event_page(event: str, request: Request, ctx: Ctx, viewer: Person) -> HTMLResponse:
    """Show an event: all of it from our own read models."""
    async with ctx.unit_of_work() as uow:
        detail = await read_event(uow, event)
    return render(request, "event.html", oob=False, **values_of(detail, viewer))


PARTS = (
    "_hero.html",
    "_plans.html",
    "_coverage.html",
    "_told.html",
    "_decisions.html",
    "_coincidences.html",
    "_parts.html",
    "_localizations.html",
    "_circulars_in.html",
    "_timeline.html",
)


@router.get("/events/{event}/parts")
async def event_parts(event: str, request: Request, ctx: Ctx, viewer: Person) -> HTMLResponse:
    """Parts of the page that change, for a live update."""
    async with ctx.unit_of_work() as uow:
        detail = await read_event(uow, event)
    values = values_of(detail, viewer)
    parts = [render(request, name, oob=True, **values).body for name in PARTS]
    return HTMLResponse(b"\n".join(bytes(part) for part in parts))


@router.get("/events/{event}/notices")
async def event_notices(event: str, request: Request, ctx: Ctx, viewer: Person) -> HTMLResponse:
    """Show the notices, as ingest keeps them."""
    async with ctx.unit_of_work() as uow:
        row = await resolve_event(uow, event)
    answer, problem = await ask(
        gateway(request, viewer), "ingest", f"/events/{row.event_id}/notices"
    )
    return render(request, "_notices.html", viewer, notices=listed(answer), problem=problem)


@router.get("/dialogs/map/{event}")
async def map_dialog(event: str, request: Request, ctx: Ctx, viewer: Person) -> HTMLResponse:
    """Ask for a map's file."""
    async with ctx.unit_of_work() as uow:
        row = await resolve_event(uow, event)
    return render(request, "dialog_map.html", viewer, event=row)


@router.get("/dialogs/merge/{event}")
async def merge_dialog(event: str, request: Request, ctx: Ctx, viewer: Person) -> HTMLResponse:
    """Ask which event is the same as this one."""
    async with ctx.unit_of_work() as uow:
        row = await resolve_event(uow, event)
        others = await near_in_time(uow.session, row)
    return render(request, "dialog_merge.html", viewer, event=row, others=others)


@router.get("/dialogs/split/{event}")
async def split_dialog(event: str, request: Request, ctx: Ctx, viewer: Person) -> HTMLResponse:
    """Ask which notices are an event of their own."""
    async with ctx.unit_of_work() as uow:
        row = await resolve_event(uow, event)
    answer, problem = await ask(
        gateway(request, viewer), "ingest", f"/events/{row.event_id}/notices"
    )
    return render(
        request, "dialog_split.html", viewer, event=row, notices=listed(answer), problem=problem
    )

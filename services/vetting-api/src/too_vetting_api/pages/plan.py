"""One plan: the sky, the night, what it covers and what it does not, and its files."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse
from too_common.contracts.ingest import LocalizationReady
from too_common.contracts.planner import PlanChanged
from too_common.contracts.queue_submit import SubmissionChanged
from too_common.errors import NotFoundError
from too_common.http import Ctx

from too_vetting_api.domain.plan_words import (
    Reach,
    difference_rows,
    losses_of,
    parameter_rows,
    reach_of,
)
from too_vetting_api.domain.projections import Kind, preferred
from too_vetting_api.pages.event import map_url
from too_vetting_api.pages.plans import MAX_FIELDS_SHOWN
from too_vetting_api.pages.shell import Person, ask, gateway, render
from too_vetting_api.store import projections as store
from too_vetting_api.tables import EventRow

router = APIRouter(include_in_schema=False)


@router.get("/plans/{plan_id}")
async def plan_page(plan_id: UUID, request: Request, ctx: Ctx, viewer: Person) -> HTMLResponse:
    """Show a plan; what only the planner knows is left out while it is away."""
    async with ctx.unit_of_work() as uow:
        row = await store.get_row(uow.session, Kind.PLAN, str(plan_id))
        if row is None:
            raise NotFoundError(f"no plan {plan_id} is known here")
        plan = PlanChanged.model_validate(row.data)
        event = await uow.session.get(EventRow, plan.event_id)
        beside = await store.rows_of_event(uow.session, plan.event_id)
    maps = [LocalizationReady.model_validate(item.data) for item in beside[Kind.LOCALIZATION]]
    current = preferred(maps)
    used = next((item for item in maps if item.map.sha256 == plan.map_sha256), None)
    submissions = [SubmissionChanged.model_validate(item.data) for item in beside[Kind.SUBMISSION]]
    document: dict[str, Any] = {}
    products: dict[str, Any] = {}
    problem = None
    if plan.plan is not None or plan.statistics is not None:
        gate = gateway(request, viewer)
        answer, problem = await ask(gate, "planner", f"/plans/{plan_id}/document")
        document = answer if isinstance(answer, dict) else {}
        answer, _ = await ask(gate, "planner", f"/plans/{plan_id}/products")
        products = answer if isinstance(answer, dict) else {}
    exposures = list(document.get("exposures") or [])
    reach: Reach | None = None
    if plan.statistics is not None and plan.map_sha256 is not None:
        numbers = plan.statistics
        reach = reach_of(numbers.probability, numbers.probability_sequence, plan.bound, document)
    costs = plan.statistics.costs if plan.statistics is not None else ()
    losses, free = losses_of(document, costs)
    return render(
        request,
        "plan.html",
        viewer,
        plan=plan,
        event=event,
        used=used,
        is_current=current is None or plan.map_sha256 in (None, current.map.sha256),
        map_url=map_url,
        submission=next((item for item in submissions if item.plan_id == plan_id), None),
        document=document,
        problem=problem,
        exposures=exposures[:MAX_FIELDS_SHOWN],
        exposures_total=len(exposures),
        reach=reach,
        network=plan.network,
        losses=losses,
        free=free,
        difference=difference_rows(plan.difference),
        parameters=parameter_rows(document.get("parameters") or {}),
        notes=list(document.get("notes") or []),
        galaxies=list(document.get("galaxies") or [])[:40],
        products=list(products.get("products") or []),
        provenance=dict(products.get("provenance") or {}),
    )

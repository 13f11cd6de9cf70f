"""Plans: made by the marshal or by a person, their documents, tiles and tables."""

import json
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field
from too_common.contracts.planner import (
    NetworkStatistics,
    PlanChanged,
    PlanDifference,
    PlanState,
    PlanStatistics,
)
from too_common.errors import ConflictError, NotFoundError
from too_common.http import Ctx, Principal, require
from too_common.uow import UnitOfWork

from too_planner import fieldgrid, geojson, planning, store
from too_planner.api.plan_request import ManualBody, PlanBody, request_of
from too_planner.depth_report import DepthReport
from too_planner.plan import Cut, Plan
from too_planner.table import exposures_csv
from too_planner.tables import DocumentRow, GridRow, PlanRow, TelescopeRow
from too_planner.telescope import NAME_PATTERN, TelescopeDefinition
from too_planner.usecases import make_plan as usecase
from too_planner.usecases.publish_plan import as_event

router = APIRouter(tags=["plans"])

IMMUTABLE = {"Cache-Control": "private, max-age=31536000, immutable"}


class PlanView(BaseModel):
    """A plan, without its exposures."""

    plan_id: UUID
    revision: int
    event_id: UUID | None
    event_name: str | None
    telescope: str
    name: str
    state: PlanState
    reason: str | None
    is_manual: bool
    made_by: str | None
    program_name: str | None
    localization_id: UUID | None
    map_sha256: str | None
    window_begin: datetime
    window_end: datetime
    statistics: PlanStatistics | None
    difference: PlanDifference | None
    superseded_by: UUID | None
    document_sha256: str | None
    parameters: dict[str, Any]
    made_at: datetime
    map_is_current: bool | None = Field(
        default=None, description="Is it made on the event's preferred map?"
    )
    cuts: tuple[Cut, ...] = ()
    notes: tuple[str, ...] = ()
    bound: float | None = Field(default=None, description="Proven upper limit of the probability")
    network_id: UUID | None = None
    network: NetworkStatistics | None = None
    proposal_of: UUID | None = Field(
        default=None, description="Plan whose lost fields this one proposes; sent by a person only"
    )
    depth: DepthReport | None = None


def view(row: PlanRow) -> PlanView:
    """A row as it is shown."""
    told: PlanChanged = as_event(row)
    return PlanView(
        plan_id=row.plan_id,
        revision=row.revision,
        event_id=row.event_id if row.has_event else None,
        event_name=row.event_name,
        telescope=row.telescope,
        name=row.name,
        state=told.state,
        reason=row.reason,
        is_manual=row.is_manual,
        made_by=row.made_by,
        program_name=row.program_name,
        localization_id=row.localization_id,
        map_sha256=row.map_sha256,
        window_begin=row.window_begin,
        window_end=row.window_end,
        statistics=told.statistics,
        difference=told.difference,
        superseded_by=row.superseded_by,
        document_sha256=row.document_sha256,
        parameters=row.parameters or row.request,
        made_at=row.made_at,
        bound=row.bound,
        network_id=row.network_id,
        network=told.network,
        proposal_of=row.proposal_of,
    )


async def _start(ctx: Ctx, body: PlanBody, who: Principal) -> PlanView:
    async with ctx.unit_of_work(who.cause()) as uow:
        request = await request_of(uow, body)
        row = await usecase.make_plan(
            uow,
            request,
            event_id=body.event_id,
            localization_id=body.localization_id,
            name=body.name,
            who=who,
        )
        return view(row)


@router.post("/plans", status_code=202, summary="Make a plan with one's own parameters")
async def post_plan(
    body: PlanBody, ctx: Ctx, who: Annotated[Principal, require("plan")]
) -> PlanView:
    """Planning starts at once; ask again, or wait for ``planner.plan_changed``."""
    return await _start(ctx, body, who)


@router.post("/plans/manual", status_code=202, summary="Make a plan by a list of fields")
async def post_manual_plan(
    body: ManualBody, ctx: Ctx, who: Annotated[Principal, require("plan")]
) -> PlanView:
    """The fields in the order given, as far as they can be observed in the window."""
    return await _start(ctx, body, who)


@router.get("/plans", summary="Plans, newest first")
async def list_plans(
    ctx: Ctx,
    _who: Annotated[Principal, require("read")],
    event_id: Annotated[UUID | None, Query()] = None,
    telescope: Annotated[str | None, Query(pattern=NAME_PATTERN)] = None,
    state: Annotated[PlanState | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[PlanView]:
    """Plans of an event, a telescope, or all."""
    async with ctx.unit_of_work() as uow:
        rows = await store.plans(
            uow.session,
            event_id=event_id,
            telescope=telescope,
            state=None if state is None else state.value,
            limit=limit,
        )
        return [view(row) for row in rows]


async def _find(uow: UnitOfWork, plan_id: UUID) -> PlanRow:
    row = await uow.session.get(PlanRow, plan_id)
    if row is None:
        raise NotFoundError(f"no plan {plan_id}")
    return row


async def _content(uow: UnitOfWork, row: PlanRow) -> bytes:
    document = None
    if row.document_sha256 is not None:
        document = await uow.session.get(DocumentRow, row.document_sha256)
    if document is None:
        reason = row.reason or "it is being made"
        raise ConflictError(f"plan {row.name} has no exposures: {reason}", code="no_document")
    return document.content


@router.get("/documents/{sha256}", summary="A plan's document by its hash")
async def get_document(
    sha256: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")],
    ctx: Ctx,
    _who: Annotated[Principal, require("read", "machine")],
) -> Response:
    """The exposures of a plan; immutable."""
    async with ctx.unit_of_work() as uow:
        row = await uow.session.get(DocumentRow, sha256)
    if row is None:
        raise NotFoundError(f"no plan document {sha256[:12]}")
    return Response(row.content, media_type="application/json", headers=IMMUTABLE)


@router.get("/plans/{plan_id}.csv", summary="A plan's exposures as CSV")
async def get_plan_csv(
    plan_id: UUID, ctx: Ctx, _who: Annotated[Principal, require("read")]
) -> Response:
    """One row per exposure, in order of time."""
    async with ctx.unit_of_work() as uow:
        row = await _find(uow, plan_id)
        plan = Plan.model_validate_json(await _content(uow, row))
    name = "".join(c if c.isalnum() or c in "-_." else "_" for c in row.name)[:60]
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(exposures_csv(plan), media_type="text/csv", headers=headers)


@router.get("/plans/{plan_id}", summary="One plan")
async def get_plan(
    plan_id: UUID, ctx: Ctx, _who: Annotated[Principal, require("read")]
) -> PlanView:
    """State, numbers, what was cut and why."""
    async with ctx.unit_of_work() as uow:
        row = await _find(uow, plan_id)
        shown = view(row)
        current = None
        if row.has_event and row.map_sha256 is not None:
            localization = await store.preferred_localization(uow.session, row.event_id)
            current = localization is not None and localization.map_sha256 == row.map_sha256
        update: dict[str, Any] = {"map_is_current": current}
        if row.document_sha256 is not None:
            plan = Plan.model_validate_json(await _content(uow, row))
            update |= {"cuts": plan.cuts, "notes": plan.notes, "depth": plan.depth}
        return shown.model_copy(update=update)


@router.get("/plans/{plan_id}/document", summary="A plan's document")
async def get_plan_document(
    plan_id: UUID, ctx: Ctx, _who: Annotated[Principal, require("read", "machine")]
) -> Response:
    """Exposures, parameters, cuts; the same bytes as by hash."""
    async with ctx.unit_of_work() as uow:
        row = await _find(uow, plan_id)
        content = await _content(uow, row)
    headers = {"ETag": f'"{row.document_sha256}"'}
    return Response(content, media_type="application/json", headers=headers)


@router.get("/plans/{plan_id}/tiles", summary="A plan's pointings as GeoJSON")
async def get_plan_tiles(
    plan_id: UUID,
    ctx: Ctx,
    _who: Annotated[Principal, require("read")],
    chips: Annotated[bool, Query(description="Every chip instead of the outline")] = False,
) -> Response:
    """Outlines with field, filters, starts, probability; longitude is RA in [-180, 180)."""
    async with ctx.unit_of_work() as uow:
        row = await _find(uow, plan_id)
        plan = Plan.model_validate_json(await _content(uow, row))
        telescope = await uow.session.get(TelescopeRow, row.telescope)
        if telescope is None:
            raise NotFoundError(f"there is no telescope named {row.telescope} any more")
        grid = await uow.session.get(GridRow, telescope.grid_sha256 or "")
    footprint = planning.footprint_of(
        TelescopeDefinition.model_validate(telescope.definition),
        None if grid is None else fieldgrid.from_bytes(grid.data),
    )
    body = json.dumps(geojson.tiles_of(plan, footprint, chips=chips), separators=(",", ":"))
    return Response(body, media_type="application/geo+json")


@router.delete("/plans/{plan_id}", summary="Discard a plan")
async def delete_plan(
    plan_id: UUID, ctx: Ctx, who: Annotated[Principal, require("plan")]
) -> PlanView:
    """The plan ends; what a telescope has accepted is withdrawn at queue-submit."""
    async with ctx.unit_of_work(who.cause()) as uow:
        return view(await usecase.discard_plan(uow, plan_id, who))

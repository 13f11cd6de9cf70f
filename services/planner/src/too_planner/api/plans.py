"""Plans: made by the marshal or by a person, their documents, tiles and tables."""

import json
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from too_common.contracts.base import UtcDatetime
from too_common.contracts.planner import PlanChanged, PlanDifference, PlanState, PlanStatistics
from too_common.errors import ConflictError, InvalidError, NotFoundError
from too_common.http import Ctx, Principal, require
from too_common.uow import UnitOfWork

from too_planner import fieldgrid, geojson, planning, store
from too_planner.plan import Cut, Plan
from too_planner.request import PlanRequest, Window
from too_planner.table import exposures_csv
from too_planner.tables import DocumentRow, ExecutedRow, GridRow, PlanRow, TelescopeRow
from too_planner.telescope import NAME_PATTERN, FilterOrder, Strategy, TelescopeDefinition
from too_planner.usecases import make_plan as usecase
from too_planner.usecases.publish_plan import as_event

router = APIRouter(tags=["plans"])

IMMUTABLE = {"Cache-Control": "private, max-age=31536000, immutable"}


class PlanBody(BaseModel):
    """A person's own plan. Whatever is left out is the telescope's default."""

    model_config = ConfigDict(extra="forbid")

    telescope: str = Field(pattern=NAME_PATTERN, description="E.g. ZTF")
    event_id: UUID | None = Field(default=None, description="Event whose map is observed")
    localization_id: UUID | None = Field(default=None, description="Left out: the preferred one")
    name: str | None = Field(default=None, max_length=80)
    window_begin: UtcDatetime | None = Field(default=None, description="Left out: now")
    window_end: UtcDatetime | None = Field(
        default=None, description="Left out: 24 hours after the begin"
    )
    windows: list[Window] | None = Field(
        default=None, max_length=20, description="Several windows instead of one"
    )
    filters: list[str] | None = Field(
        default=None, max_length=12, description="Sequence, e.g. g r g"
    )
    exposure_times_s: list[float] | None = Field(
        default=None, max_length=12, description="One per filter, or one for all; seconds"
    )
    min_gap_s: float | None = Field(
        default=None, ge=0, le=86400, description="Between the starts of two visits of a field; s"
    )
    airmass_max: float | None = Field(default=None, gt=1, le=40)
    sun_altitude_max_deg: float | None = Field(default=None, ge=-90, le=0)
    moon_separation_min_deg: float | None = Field(default=None, ge=0, le=180)
    probability: float | None = Field(
        default=None, gt=0, le=1, description="Stop when this much of the map is covered"
    )
    max_fields: int | None = Field(default=None, ge=1, le=100_000)
    field_sets: list[str] | None = Field(default=None, description="E.g. primary secondary")
    primary_grid_only: bool | None = Field(
        default=None, description="Short for field_sets: the first set alone, or all of them"
    )
    field_ids: list[int] | None = Field(
        default=None, max_length=2000, description="Only these fields of the grid"
    )
    keep_order: bool = Field(default=False, description="Observe field_ids in the order given")
    ra_min_h: float | None = Field(default=None, ge=0, le=24)
    ra_max_h: float | None = Field(default=None, ge=0, le=24)
    require_references: bool | None = None
    dither: bool | None = None
    filter_order: FilterOrder | None = None
    strategy: Strategy | None = None
    skip_completed: bool = Field(
        default=False, description="Leave out the sky that was observed already"
    )
    fill: bool = Field(default=True, description="Use left-over time for unseen sky")


class ManualBody(PlanBody):
    """A plan by a list of fields."""

    field_ids: list[int] = Field(min_length=1, max_length=2000)
    keep_order: bool = True


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
    )


async def _request(uow: UnitOfWork, body: PlanBody) -> PlanRequest:
    telescope = await usecase.telescope_row(uow, body.telescope)
    windows = _windows(body, uow.now)
    sets = tuple(body.field_sets) if body.field_sets is not None else None
    known = list((telescope.grid_info or {}).get("sets", {}))
    if sets is None and body.primary_grid_only is not None and known:
        sets = tuple(known[:1]) if body.primary_grid_only else tuple(known)
    ra_slice = None
    if body.ra_min_h is not None or body.ra_max_h is not None:
        ra_slice = (
            0.0 if body.ra_min_h is None else body.ra_min_h,
            24.0 if body.ra_max_h is None else body.ra_max_h,
        )
    values = body.model_dump(
        include={
            "telescope",
            "filters",
            "exposure_times_s",
            "min_gap_s",
            "airmass_max",
            "sun_altitude_max_deg",
            "moon_separation_min_deg",
            "probability",
            "max_fields",
            "field_ids",
            "keep_order",
            "require_references",
            "dither",
            "filter_order",
            "strategy",
            "fill",
        }
    )
    previous = await _completed(uow, body) if body.skip_completed and body.event_id else []
    try:
        return PlanRequest.model_validate(
            {
                **values,
                "windows": windows,
                "field_sets": sets,
                "ra_slice_h": ra_slice,
                "previous": previous,
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidError(f"{where}: {first['msg']}".lstrip(": "), code="plan_request") from error


def _windows(body: PlanBody, now: datetime) -> list[dict[str, datetime]]:
    if body.windows is not None:
        return [{"begin": window.begin, "end": window.end} for window in body.windows]
    if body.window_begin is None and body.window_end is None:
        return []
    begin = body.window_begin or now
    end = body.window_end or begin + timedelta(hours=24)
    if end <= begin:
        raise InvalidError("the window ends before it begins, or has no length", code="window")
    return [{"begin": begin, "end": end}]


async def _completed(uow: UnitOfWork, body: PlanBody) -> list[dict[str, float]]:
    rows: list[ExecutedRow] = []
    if body.event_id is not None:
        rows = list(await store.executed(uow.session, body.event_id))
    places = {
        (float(item["ra_deg"]) % 360.0, float(item["dec_deg"]))
        for row in rows
        if row.telescope in {None, body.telescope}
        for item in row.exposures
    }
    return [{"ra_deg": ra, "dec_deg": dec} for ra, dec in sorted(places)]


async def _start(ctx: Ctx, body: PlanBody, who: Principal) -> PlanView:
    async with ctx.unit_of_work(who.cause()) as uow:
        request = await _request(uow, body)
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
            update |= {"cuts": plan.cuts, "notes": plan.notes}
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

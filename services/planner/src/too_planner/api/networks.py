"""Networks: several telescopes planned together, so that they share the sky."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy import select
from too_common.contracts.planner import NetworkStatistics, PlanState
from too_common.errors import InvalidError
from too_common.http import Ctx, Principal, require
from too_common.uow import UnitOfWork

from too_planner.api.plan_request import PlanBody, PlanOptions, request_of
from too_planner.api.plans import PlanView, view
from too_planner.profile import fit_filters
from too_planner.tables import NetworkRow
from too_planner.telescope import TelescopeDefinition
from too_planner.usecases import make_plan, plan_network

router = APIRouter(tags=["networks"])


class NetworkBody(PlanOptions):
    """Telescopes that share an event's sky, and what all of them are asked for.

    Left out, the probability is 1: they plan to the end of their time.
    """

    event_id: UUID
    localization_id: UUID | None = Field(default=None, description="Left out: the preferred one")
    name: str | None = Field(default=None, max_length=60)
    telescopes: list[str] = Field(min_length=1, max_length=plan_network.MAX_TELESCOPES)
    by_telescope: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="Options that differ, by telescope's name"
    )


class NetworkView(BaseModel):
    """A network and its plans."""

    network_id: UUID
    event_id: UUID
    map_sha256: str
    state: PlanState
    reason: str | None
    telescopes: list[str]
    made_by: str | None
    made_at: datetime
    statistics: NetworkStatistics | None
    plans: list[PlanView]


async def _view(uow: UnitOfWork, row: NetworkRow) -> NetworkView:
    return NetworkView(
        network_id=row.network_id,
        event_id=row.event_id,
        map_sha256=row.map_sha256,
        state=PlanState(row.state),
        reason=row.reason,
        telescopes=list(row.telescopes),
        made_by=row.made_by,
        made_at=row.made_at,
        statistics=None if row.result is None else NetworkStatistics.model_validate(row.result),
        plans=[view(plan) for plan in await plan_network.plans_of(uow, row)],
    )


async def _body(uow: UnitOfWork, body: NetworkBody, name: str) -> PlanBody:
    """What one telescope is asked for; filters that it does not have are left out."""
    telescope = await make_plan.telescope_row(uow, name)
    definition = TelescopeDefinition.model_validate(telescope.definition)
    shared = body.model_dump(exclude={"telescopes", "by_telescope", "name"}, exclude_unset=True)
    filters, times = fit_filters(
        None if body.filters is None else tuple(body.filters),
        None if body.exposure_times_s is None else tuple(body.exposure_times_s),
        definition,
    )
    if body.filters is not None or body.exposure_times_s is not None:
        shared |= {"filters": filters, "exposure_times_s": times}
    # a telescope's own plan ends at its usual probability; together they use the night
    shared.setdefault("probability", plan_network.PROBABILITY)
    try:
        return PlanBody.model_validate(
            {**shared, **body.by_telescope.get(name, {}), "telescope": name}
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidError(f"{name}: {where}: {first['msg']}", code="plan_request") from error


@router.post("/networks", status_code=202, summary="Plan several telescopes together")
async def post_network(
    body: NetworkBody, ctx: Ctx, who: Annotated[Principal, require("plan")]
) -> NetworkView:
    """One plan per telescope; they share the sky instead of repeating it."""
    strange = [name for name in body.by_telescope if name not in body.telescopes]
    if strange:
        raise InvalidError(f"by_telescope: {strange[0]} is not among the telescopes")
    async with ctx.unit_of_work(who.cause()) as uow:
        requests = [await request_of(uow, await _body(uow, body, name)) for name in body.telescopes]
        row = await plan_network.request_network(
            uow,
            requests,
            event_id=body.event_id,
            localization_id=body.localization_id,
            name=body.name,
            who=who,
        )
        return await _view(uow, row)


@router.get("/networks", summary="Networks, newest first")
async def list_networks(
    ctx: Ctx,
    _who: Annotated[Principal, require("read")],
    event_id: Annotated[UUID | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> list[NetworkView]:
    """Networks of an event, or all."""
    statement = select(NetworkRow).order_by(NetworkRow.seq.desc()).limit(limit)
    if event_id is not None:
        statement = statement.where(NetworkRow.event_id == event_id)
    async with ctx.unit_of_work() as uow:
        rows = (await uow.session.scalars(statement)).all()
        return [await _view(uow, row) for row in rows]


@router.get("/networks/{network_id}", summary="One network with its plans")
async def get_network(
    network_id: UUID, ctx: Ctx, _who: Annotated[Principal, require("read")]
) -> NetworkView:
    """Joint probability, each telescope's share, the plans."""
    async with ctx.unit_of_work() as uow:
        return await _view(uow, await plan_network.find(uow, network_id))

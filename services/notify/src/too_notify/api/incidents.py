"""Incidents: who was told, how it went, and taking them."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from too_common.contracts.notify import IncidentState
from too_common.errors import ConflictError, ForbiddenError
from too_common.http import Ctx, Principal, require
from too_common.uow import UnitOfWork

from too_notify.delivery import Channel, DeliveryState, Purpose
from too_notify.incident import Outcome, Via
from too_notify.store import incidents as store
from too_notify.tables import DeliveryLogRow, DeliveryRow, IncidentRow
from too_notify.usecases.acknowledge import Answer, acknowledge, hand_over
from too_notify.usecases.resolve_incident import resolve

router = APIRouter(tags=["incidents"])
Acting = Annotated[Principal, require("plan", "vet", "submit")]


class IncidentView(BaseModel):
    """A page as it stands."""

    id: UUID
    event_id: UUID | None
    alarm_id: str | None
    code: str
    name: str
    title: str
    severity: int
    programs: list[str]
    mode: str
    state: IncidentState
    opened_at: datetime
    step: int
    acknowledged_by: UUID | None
    acknowledged_name: str | None
    acknowledged_via: str | None
    acknowledged_at: datetime | None
    acknowledgement_runs_out_at: datetime | None
    resolved_at: datetime | None
    resolved_reason: str | None
    revision: int


class AttemptView(BaseModel):
    """One entry of a delivery's log."""

    at: datetime
    attempt: int
    what: str
    detail: dict[str, Any]


class DeliveryView(BaseModel):
    """One message: to whom, in which way, and what became of it."""

    id: UUID
    account_id: UUID | None
    name: str
    channel: Channel
    purpose: Purpose
    body: str
    state: DeliveryState
    state_at: datetime
    planned_at: datetime
    sent_at: datetime | None
    heard_at: datetime | None
    reason: str | None
    attempts: list[AttemptView]


class StepView(BaseModel):
    """A step of the escalation."""

    round: int
    number: int
    kind: str
    due_at: datetime
    state: str
    done_at: datetime | None


class LogView(BaseModel):
    """Something that happened to an incident."""

    at: datetime
    what: str
    account_id: UUID | None
    name: str | None
    via: str | None
    detail: str


class IncidentDetail(IncidentView):
    """An incident with its messages, steps and history."""

    deliveries: list[DeliveryView]
    steps: list[StepView]
    log: list[LogView]


class Resolution(BaseModel):
    """Why an incident is over."""

    reason: str = Field(default="", max_length=200)


def view(row: IncidentRow) -> IncidentView:
    """Row as it is shown."""
    return IncidentView(
        id=row.id,
        event_id=row.event_id,
        alarm_id=row.alarm_id,
        code=row.code,
        name=row.name,
        title=row.title,
        severity=row.severity,
        programs=list(row.programs),
        mode=row.mode,
        state=IncidentState(row.state),
        opened_at=row.opened_at,
        step=row.step,
        acknowledged_by=row.ack_account_id,
        acknowledged_name=row.ack_name,
        acknowledged_via=row.ack_via,
        acknowledged_at=row.ack_at,
        acknowledgement_runs_out_at=row.ack_runs_out_at,
        resolved_at=row.resolved_at,
        resolved_reason=row.resolved_reason,
        revision=row.revision,
    )


def delivery_view(row: DeliveryRow, log: list[DeliveryLogRow]) -> DeliveryView:
    """Delivery as it is shown: never with a number; a verification's code is left out."""
    secret = row.purpose == Purpose.VERIFY
    return DeliveryView(
        id=row.id,
        account_id=row.account_id,
        name=row.name,
        channel=Channel(row.channel),
        purpose=Purpose(row.purpose),
        body="" if secret else row.body,
        state=DeliveryState(row.state),
        state_at=row.state_at,
        planned_at=row.planned_at,
        sent_at=row.sent_at,
        heard_at=row.heard_at,
        reason=row.reason,
        attempts=[
            AttemptView(at=one.at, attempt=one.attempt, what=one.what, detail=one.detail)
            for one in log
        ],
    )


async def _detail(uow: UnitOfWork, incident_id: UUID) -> IncidentDetail:
    row = await store.incident(uow.session, incident_id, lock=False)
    deliveries = await store.deliveries(uow.session, [incident_id])
    logs = await store.delivery_log(uow.session, [one.id for one in deliveries])
    return IncidentDetail(
        **view(row).model_dump(),
        deliveries=[delivery_view(one, logs.get(one.id, [])) for one in deliveries],
        steps=[
            StepView(
                round=one.round,
                number=one.number,
                kind=one.kind,
                due_at=one.due_at,
                state=one.state,
                done_at=one.done_at,
            )
            for one in await store.steps(uow.session, incident_id)
        ],
        log=[
            LogView(
                at=one.at,
                what=one.what,
                account_id=one.account_id,
                name=one.name,
                via=one.via,
                detail=one.detail,
            )
            for one in await store.log(uow.session, incident_id)
        ],
    )


@router.get("/incidents", summary="Incidents, newest first")
async def list_incidents(
    ctx: Ctx,
    _who: Annotated[Principal, require("read")],
    state: Annotated[list[IncidentState] | None, Query()] = None,
    event_id: UUID | None = None,
    before: datetime | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[IncidentView]:
    """Page on with ``before`` = ``opened_at`` of the last one."""
    async with ctx.unit_of_work() as uow:
        rows = await store.listed(
            uow.session, states=state or (), event_id=event_id, before=before, limit=limit
        )
        return [view(row) for row in rows]


@router.get("/incidents/{incident_id}", summary="One incident with everything that was sent")
async def get_incident(
    incident_id: UUID, ctx: Ctx, _who: Annotated[Principal, require("read")]
) -> IncidentDetail:
    """Messages with their attempts, steps, and who did what."""
    async with ctx.unit_of_work() as uow:
        return await _detail(uow, incident_id)


@router.post("/incidents/{incident_id}/ack", summary="Acknowledge an incident")
async def ack_incident(incident_id: UUID, ctx: Ctx, who: Acting) -> IncidentDetail:
    """The first wins: 409 names the holder. Again by the holder: the time begins anew."""
    async with ctx.unit_of_work(who.cause()) as uow:
        answer = await acknowledge(uow, incident_id, account_id=_person(who), via=Via.PAGE)
        _refuse_unless_done(answer)
        return await _detail(uow, incident_id)


@router.post("/incidents/{incident_id}/hand-over", summary="Hand an incident to the next on duty")
async def hand_over_incident(incident_id: UUID, ctx: Ctx, who: Acting) -> IncidentDetail:
    """The next on duty is called at once."""
    async with ctx.unit_of_work(who.cause()) as uow:
        answer = await hand_over(uow, incident_id, account_id=_person(who), via=Via.PAGE)
        _refuse_unless_done(answer)
        return await _detail(uow, incident_id)


@router.post("/incidents/{incident_id}/resolve", summary="Resolve an incident")
async def resolve_incident(
    incident_id: UUID, body: Resolution, ctx: Ctx, who: Acting
) -> IncidentDetail:
    """Ends it; updates of the event join it and page nobody anew."""
    async with ctx.unit_of_work(who.cause()) as uow:
        answer = await resolve(uow, incident_id, account_id=_person(who), reason=body.reason)
        _refuse_unless_done(answer)
        return await _detail(uow, incident_id)


def _person(who: Principal) -> UUID:
    if who.account_id is None:
        raise ForbiddenError("only a person can do this")
    return who.account_id


def _refuse_unless_done(answer: Answer) -> None:
    if answer.outcome in {Outcome.TAKEN, Outcome.OVER}:
        extra = {"holder": str(answer.holder)} if answer.holder else {}
        raise ConflictError(answer.words, code=f"incident_{answer.outcome}", extra=extra)

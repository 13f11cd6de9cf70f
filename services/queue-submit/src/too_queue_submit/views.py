"""What the API shows."""

import base64
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from too_common.contracts.queue_submit import ExecutedExposure, FacilityMode, SubmissionChanged
from too_common.uow import UnitOfWork

from too_queue_submit import store
from too_queue_submit.resources import Resources
from too_queue_submit.tables import (
    AttemptRow,
    AuditRow,
    ExchangeRow,
    ExposureRow,
    FacilityRow,
    PlanRow,
    SubmissionRow,
    SwitchRow,
)
from too_queue_submit.usecases import core

SHOWN_BYTES = 200_000
"""Of a request or an answer in an attempt; more is cut."""


class SubmissionView(SubmissionChanged):
    """A submission in lists."""

    is_manual: bool
    is_automatic: bool
    map_sha256: str | None
    made_at: datetime
    changed_at: datetime
    exposures_matched: int
    confirmed_at: datetime | None
    revision: int


class RowView(BaseModel):
    """One exposure of a payload."""

    field_id: str | None
    ra_deg: float
    dec_deg: float
    filter: str
    exposure_s: float
    repeats: int


class ExchangeView(BaseModel):
    """One request and its answer. Bytes that are no text are base64."""

    at: datetime
    operation: str
    request: str
    status: str | None
    response: str | None
    error: str | None


class AttemptView(BaseModel):
    """One outward act."""

    attempt_id: UUID
    kind: str
    stage: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    detail: str | None
    exchanges: list[ExchangeView]


class ApprovalView(BaseModel):
    """Who approved which bytes."""

    payload_sha256: str
    account_id: UUID | None
    name: str
    is_automatic: bool
    acknowledged_newer_map: bool
    approved_at: datetime
    dropped_at: datetime | None
    dropped_reason: str | None


class SubmissionDetail(SubmissionView):
    """A submission with all that is known of it."""

    rows: list[RowView]
    approvals: list[ApprovalView]
    approvals_required: int
    attempts: list[AttemptView]


class ExposureView(ExecutedExposure):
    """An executed exposure with what it belongs to."""

    submission_id: UUID
    event_id: UUID | None
    plan_id: UUID | None
    facility: str


class FacilityView(BaseModel):
    """A facility: its world, its switches, its health."""

    name: str
    telescope: str
    adapter: str
    mode: FacilityMode
    modes_available: list[FacilityMode]
    is_stopped: bool
    is_reachable: bool | None
    contact_at: datetime | None
    contact_error: str | None
    out_there: int
    needs_person: bool
    approvals_required: int
    changed_at: datetime | None
    changed_by_name: str


class FacilitiesView(BaseModel):
    """All facilities, and the global switches."""

    is_stopped: bool
    is_armed: bool
    facilities: list[FacilityView]


class QueueEntryView(BaseModel):
    """An entry of a telescope's queue."""

    name: str
    is_ours: bool
    summary: dict[str, Any]


class QueueView(BaseModel):
    """A telescope's queue."""

    facility: str
    mode: FacilityMode
    at: datetime
    entries: list[QueueEntryView]


class RefusedPlan(BaseModel):
    """A plan of which no draft could be made."""

    plan_id: UUID
    event_id: UUID | None
    telescope: str
    name: str
    problem: str


def submission_view(row: SubmissionRow) -> SubmissionView:
    """View of a submission."""
    return SubmissionView(
        **core.snapshot_of(row).model_dump(),
        is_manual=row.is_manual,
        is_automatic=row.is_automatic,
        map_sha256=row.map_sha256,
        made_at=row.made_at,
        changed_at=row.changed_at,
        exposures_matched=row.exposures_matched,
        confirmed_at=row.confirmed_at,
        revision=row.revision,
    )


async def submission_detail(uow: UnitOfWork, submission_id: UUID) -> SubmissionDetail:
    """View of a submission with approvals, rows and attempts."""
    resources: Resources = uow.ctx.resources
    row = await store.submission(uow.session, submission_id)
    attempts = await store.attempts(uow.session, submission_id)
    exchanges = await store.exchanges(uow.session, [a.attempt_id for a in attempts])
    by_attempt: dict[UUID, list[ExchangeRow]] = {}
    for exchange in exchanges:
        by_attempt.setdefault(exchange.attempt_id, []).append(exchange)
    payload_rows = (
        resources.adapter(row.facility).rows(row.payload)
        if row.facility in resources.facilities
        else ()
    )
    approvals = await store.approvals(uow.session, submission_id)
    return SubmissionDetail(
        **submission_view(row).model_dump(),
        rows=[RowView.model_validate(vars(item)) for item in payload_rows],
        approvals=[ApprovalView.model_validate(item, from_attributes=True) for item in approvals],
        approvals_required=(
            resources.config(row.facility).limits.approvals_required
            if row.facility in resources.facilities
            else 1
        ),
        attempts=[_attempt_view(a, by_attempt.get(a.attempt_id, [])) for a in attempts],
    )


def _attempt_view(row: AttemptRow, exchanges: list[ExchangeRow]) -> AttemptView:
    return AttemptView(
        attempt_id=row.attempt_id,
        kind=row.kind,
        stage=row.stage,
        started_at=row.started_at,
        ended_at=row.ended_at,
        outcome=row.outcome,
        detail=row.detail,
        exchanges=[
            ExchangeView(
                at=item.at,
                operation=item.operation,
                request=_text(item.request),
                status=item.status,
                response=None if item.response is None else _text(item.response),
                error=item.error,
            )
            for item in exchanges
        ],
    )


def _text(raw: bytes) -> str:
    shown = raw[:SHOWN_BYTES]
    try:
        return shown.decode()
    except UnicodeDecodeError:
        return base64.b64encode(shown).decode()


def exposure_view(exposure: ExposureRow, submission: SubmissionRow) -> ExposureView:
    """View of an executed exposure."""
    return ExposureView(
        **exposure.data,
        submission_id=submission.submission_id,
        event_id=submission.event_id,
        plan_id=submission.plan_id,
        facility=submission.facility,
    )


async def facility_view(uow: UnitOfWork, row: FacilityRow) -> FacilityView:
    """View of a facility; one that left the file is shown as off."""
    resources: Resources = uow.ctx.resources
    config = resources.facilities.get(row.name)
    out_there = await store.out_there(uow.session, row.name)
    available = [FacilityMode.OFF]
    if config is not None:
        available += [
            mode
            for mode in (FacilityMode.SIMULATED, FacilityMode.LIVE)
            if config.endpoint(mode) is not None
        ]
    return FacilityView(
        name=row.name,
        telescope=(config.telescope if config is not None else None) or row.name,
        adapter=config.adapter if config is not None else "",
        mode=FacilityMode(row.mode),
        modes_available=available,
        is_stopped=row.is_stopped,
        is_reachable=row.is_reachable,
        contact_at=row.contact_at,
        contact_error=row.contact_error,
        out_there=len(out_there),
        needs_person=config.needs_person if config is not None else False,
        approvals_required=config.limits.approvals_required if config is not None else 1,
        changed_at=row.changed_at,
        changed_by_name=await store.account_name(uow.session, row.changed_by),
    )


async def facilities_view(uow: UnitOfWork) -> FacilitiesView:
    """View of all facilities."""
    rows = await store.facilities(uow.session)
    switch = await uow.session.get(SwitchRow, 1)
    return FacilitiesView(
        is_stopped=switch.is_stopped if switch is not None else False,
        is_armed=uow.ctx.settings.armed,
        facilities=[await facility_view(uow, row) for row in rows],
    )


def refused_view(row: PlanRow) -> RefusedPlan:
    """View of a plan without a draft."""
    return RefusedPlan(
        plan_id=row.plan_id,
        event_id=row.event_id,
        telescope=row.telescope,
        name=str(row.data.get("name", "")),
        problem=row.problem or "",
    )


def audit_view(row: AuditRow) -> dict[str, Any]:
    """View of a line of the audit."""
    return {
        "at": row.at,
        "account_id": row.account_id,
        "who": row.who,
        "what": row.what,
        "facility": row.facility,
        "submission_id": row.submission_id,
        "details": row.details,
    }

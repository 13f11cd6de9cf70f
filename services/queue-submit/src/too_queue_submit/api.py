"""HTTP routes below ``/api/queue-submit/v1``."""

import asyncio
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from too_common.contracts.queue_submit import FacilityMode
from too_common.contracts.queue_submit import SubmissionState as S
from too_common.errors import PermanentError, TransientError, UnavailableError
from too_common.http import Ctx, Principal, require

from too_queue_submit import background, jobs, store, views
from too_queue_submit.clients.base import NotSentError, Recorder
from too_queue_submit.resources import Resources
from too_queue_submit.usecases import approve, confirm, reconcile, switches, withdraw

router = APIRouter(tags=["submissions"])

Reader = Annotated[Principal, require("read")]
Submitter = Annotated[Principal, require("submit")]
Admin = Annotated[Principal, require("admin")]


class ApproveBody(BaseModel):
    """What a person approves: exact bytes, by their hash."""

    payload_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    acknowledged_newer_map: bool = Field(
        default=False, description="Send although a newer map has come since the plan was made"
    )


class ReasonBody(BaseModel):
    """Why."""

    reason: str = Field(default="withdrawn by hand", min_length=1, max_length=300)


class SettleBody(BaseModel):
    """What a person learned by asking the telescope."""

    is_there: bool


class ModeBody(BaseModel):
    """Another world for a facility."""

    mode: FacilityMode
    force: bool = Field(default=False, description="Although something of ours is out there")


class SwitchBody(BaseModel):
    """A kill switch."""

    stopped: bool


@router.get("/submissions", summary="Submissions, newest first")
async def list_submissions(
    ctx: Ctx,
    _who: Reader,
    event_id: UUID | None = None,
    facility: str | None = None,
    state: Annotated[list[S] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[views.SubmissionView]:
    """All submissions, or those of an event, a facility, some states."""
    async with ctx.unit_of_work() as uow:
        rows = await store.submissions(
            uow.session, event_id=event_id, facility=facility, states=state or [], limit=limit
        )
        return [views.submission_view(row) for row in rows]


@router.get("/submissions/{submission_id}", summary="One submission with its attempts")
async def get_submission(ctx: Ctx, _who: Reader, submission_id: UUID) -> views.SubmissionDetail:
    """The submission, its rows as a table, its approvals and every attempt with its bytes."""
    async with ctx.unit_of_work() as uow:
        return await views.submission_detail(uow, submission_id)


@router.get(
    "/submissions/{submission_id}/payload",
    summary="The payload's exact bytes",
    response_class=Response,
)
async def get_payload(ctx: Ctx, _who: Reader, submission_id: UUID) -> Response:
    """What is, or would be, sent: these bytes have the hash that is approved."""
    async with ctx.unit_of_work() as uow:
        row = await store.submission(uow.session, submission_id)
        return Response(
            row.payload,
            media_type=row.media_type,
            headers={
                "X-Payload-SHA256": row.payload_sha256,
                "Content-Disposition": f'inline; filename="{row.external_name}"',
                "X-Content-Type-Options": "nosniff",
            },
        )


@router.post("/submissions/{submission_id}/approve", summary="Approve a payload: it is sent")
async def approve_submission(
    ctx: Ctx, who: Submitter, submission_id: UUID, body: ApproveBody
) -> views.SubmissionView:
    """Go. 409 if the bytes changed, a newer map came, or the facility takes nothing now."""
    async with ctx.unit_of_work() as uow:
        event_id = (await store.submission(uow.session, submission_id)).event_id
    answer = None if event_id is None else await jobs.ask_ingest(ctx, event_id)
    async with ctx.unit_of_work(who.cause()) as uow:
        row = await approve.by_person(
            uow,
            submission_id,
            approve.Approval(body.payload_sha256, body.acknowledged_newer_map),
            who=who,
            answer=answer,
        )
        return views.submission_view(row)


@router.post("/submissions/{submission_id}/withdraw", summary="Withdraw from the queue")
async def withdraw_submission(
    ctx: Ctx, who: Submitter, submission_id: UUID, body: ReasonBody
) -> views.SubmissionView:
    """Take back what was sent; a draft is discarded. Works while the kill switch is on."""
    async with ctx.unit_of_work(who.cause()) as uow:
        row = await withdraw.by_person(uow, submission_id, who=who.name, reason=body.reason)
        return views.submission_view(row)


@router.post("/submissions/{submission_id}/discard", summary="Discard a draft")
async def discard_submission(
    ctx: Ctx, who: Submitter, submission_id: UUID, body: ReasonBody
) -> views.SubmissionView:
    """End a draft, or one that is approved and not sent."""
    async with ctx.unit_of_work(who.cause()) as uow:
        row = await withdraw.discard_by_person(uow, submission_id, who=who.name, reason=body.reason)
        return views.submission_view(row)


@router.post("/submissions/{submission_id}/settle", summary="Settle what is not known")
async def settle_submission(
    ctx: Ctx, who: Submitter, submission_id: UUID, body: SettleBody
) -> views.SubmissionView:
    """A person has asked the telescope whether it has the payload."""
    async with ctx.unit_of_work(who.cause()) as uow:
        row = await reconcile.by_person(uow, submission_id, is_there=body.is_there, who=who.name)
        return views.submission_view(row)


@router.post("/submissions/{submission_id}/confirm-loaded", summary="It was loaded by hand")
async def confirm_loaded(ctx: Ctx, who: Submitter, submission_id: UUID) -> views.SubmissionView:
    """For facilities where a person loads the file (DECam)."""
    async with ctx.unit_of_work(who.cause()) as uow:
        row = await confirm.loaded(uow, submission_id, who=who.name)
        return views.submission_view(row)


@router.get("/refused-plans", summary="Plans of which no draft could be made")
async def list_refused(
    ctx: Ctx, _who: Reader, event_id: UUID | None = None
) -> list[views.RefusedPlan]:
    """Each with the reason."""
    async with ctx.unit_of_work() as uow:
        rows = await store.plans_without_draft(uow.session, event_id=event_id)
        return [views.refused_view(row) for row in rows]


@router.get("/exposures", summary="Executed exposures")
async def list_exposures(
    ctx: Ctx, _who: Reader, event_id: UUID | None = None, submission_id: UUID | None = None
) -> list[views.ExposureView]:
    """What telescopes really observed, by start."""
    async with ctx.unit_of_work() as uow:
        rows = await store.exposures(uow.session, event_id=event_id, submission_id=submission_id)
        return [views.exposure_view(exposure, submission) for exposure, submission in rows]


@router.get("/facilities", summary="Facilities: mode, switches, reachability")
async def list_facilities(ctx: Ctx, _who: Reader) -> views.FacilitiesView:
    """All facilities, and the global switches."""
    async with ctx.unit_of_work() as uow:
        return await views.facilities_view(uow)


@router.put("/facilities/{name}/mode", summary="Move a facility to another world")
async def put_mode(ctx: Ctx, who: Admin, name: str, body: ModeBody) -> views.FacilityView:
    """``off``, ``simulated`` or ``live``; refused while something of ours is out there."""
    async with ctx.unit_of_work(who.cause()) as uow:
        row = await switches.set_mode(uow, name, body.mode, who=who.name, force=body.force)
        return await views.facility_view(uow, row)


@router.put("/facilities/{name}/kill-switch", summary="Stop one facility's new submissions")
async def put_kill_switch(
    ctx: Ctx,
    who: Annotated[Principal, require("admin", "submit")],
    name: str,
    body: SwitchBody,
) -> views.FacilityView:
    """Never stops withdrawals or reading back."""
    async with ctx.unit_of_work(who.cause()) as uow:
        row = await switches.stop_facility(uow, name, stopped=body.stopped, who=who.name)
        return await views.facility_view(uow, row)


@router.put("/kill-switch", summary="Stop all new submissions")
async def put_global_kill_switch(
    ctx: Ctx, who: Annotated[Principal, require("admin", "submit")], body: SwitchBody
) -> views.FacilitiesView:
    """Never stops withdrawals or reading back."""
    async with ctx.unit_of_work(who.cause()) as uow:
        await switches.stop_all(uow, stopped=body.stopped, who=who.name)
        return await views.facilities_view(uow)


@router.post("/facilities/{name}/ping", summary="Look whether a facility can be reached")
async def ping_facility(ctx: Ctx, _who: Submitter, name: str) -> views.FacilityView:
    """Asks who it is and whether it could take something; gives it nothing."""
    async with ctx.unit_of_work() as uow:
        mode = FacilityMode((await store.facility(uow.session, name)).mode)
    if mode is not FacilityMode.OFF:
        await background.ping(ctx, name, mode)
    async with ctx.unit_of_work() as uow:
        return await views.facility_view(uow, await store.facility(uow.session, name))


@router.get("/facilities/{name}/queue", summary="The telescope's queue as it is now")
async def get_queue(ctx: Ctx, _who: Reader, name: str) -> views.QueueView:
    """Asked of the telescope at this moment: queues with their targets, or the files."""
    async with ctx.unit_of_work() as uow:
        mode = FacilityMode((await store.facility(uow.session, name)).mode)
        now: datetime = uow.now
    if mode is FacilityMode.OFF:
        return views.QueueView(facility=name, mode=mode, at=now, entries=[])
    resources: Resources = ctx.resources
    try:
        async with asyncio.timeout(20), resources.queue_client(name, mode) as client:
            entries = await client.queue(Recorder(ctx.wall.now))
    except (TransientError, NotSentError, PermanentError, TimeoutError) as error:
        raise UnavailableError(f"{name} does not answer: {error}") from error
    return views.QueueView(
        facility=name,
        mode=mode,
        at=now,
        entries=[
            views.QueueEntryView(name=e.name, is_ours=e.is_ours, summary=e.summary) for e in entries
        ],
    )


@router.get("/audit", summary="Who did what")
async def list_audit(
    ctx: Ctx,
    _who: Reader,
    facility: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[dict[str, Any]]:
    """Approvals, modes, switches, sends: newest first."""
    async with ctx.unit_of_work() as uow:
        rows = await store.audit(uow.session, facility_name=facility, limit=limit)
        return [views.audit_view(row) for row in rows]

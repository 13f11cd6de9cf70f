"""Approval of exact bytes, by a person or by the program's policy."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from pydantic import ValidationError
from too_common.auth import Principal
from too_common.contracts import Mode
from too_common.contracts.notify import SubmissionPolicy, Verdict
from too_common.contracts.planner import PlanChanged
from too_common.contracts.queue_submit import FacilityMode
from too_common.contracts.queue_submit import SubmissionState as S
from too_common.errors import ConflictError, RefusedError
from too_common.uow import UnitOfWork

from too_queue_submit import store, work
from too_queue_submit.errors import DomainError
from too_queue_submit.gate import EventAnswer, Ruling, Situation, judge_event, judge_world
from too_queue_submit.limits import check_night
from too_queue_submit.policy import AutoRequest, reasons_against
from too_queue_submit.state_machine import SUPERSEDABLE
from too_queue_submit.tables import ApprovalRow, DecisionRow, FacilityRow, SubmissionRow
from too_queue_submit.usecases import core
from too_queue_submit.windows import Window, check_window

SEND_AGAIN = timedelta(seconds=20)
"""The job sends at once; should it be lost, the row is due again after this."""


@dataclass(frozen=True)
class Approval:
    """What a person says when they press Go."""

    payload_sha256: str
    acknowledged_newer_map: bool = False


async def by_person(
    uow: UnitOfWork,
    submission_id: UUID,
    approval: Approval,
    *,
    who: Principal,
    answer: EventAnswer | None,
) -> SubmissionRow:
    """Approve a draft's bytes; it is sent at once.

    Parameters
    ----------
    answer
        What ingest said of the event just now; None if it did not answer.

    Raises
    ------
    ConflictError
        If the bytes are not those that the person saw, the state is not ``draft``, a newer map
        has come, the window has ended, or the facility takes nothing now.
    """
    row = await store.submission(uow.session, submission_id, lock=True)
    if row.payload_sha256 != approval.payload_sha256:
        raise ConflictError(
            "the payload has changed since you saw it: look at it again", code="payload_changed"
        )
    if row.state != S.DRAFT.value:
        raise ConflictError(f"it is {row.state} already", code="not_a_draft")
    facility = await store.facility(uow.session, row.facility)
    await _check_event(uow, row, approval, answer, facility)
    await _check_sendable(uow, row, facility)
    valid = await store.approvals(uow.session, row.submission_id, valid=True)
    if any(item.account_id == who.account_id for item in valid):
        raise ConflictError("you approved it already: another person must", code="second_person")
    await _take_lane(uow, row)
    _add_approval(uow, row, approval=approval, who=who)
    core.note(uow, "approved", who=who.name, row=row, payload_sha256=row.payload_sha256)
    required = uow.ctx.resources.config(row.facility).limits.approvals_required
    row.acknowledged_newer_map = approval.acknowledged_newer_map
    if len(valid) + 1 < required:
        row.reason = f"{len(valid) + 1} of {required} approvals"
        core.announce(uow, row)
        return row
    await _approve(uow, row, approved_by=who.account_id)
    return row


async def by_policy(uow: UnitOfWork, row: SubmissionRow, plan: PlanChanged) -> bool:
    """Approve a draft if the program's policy allows it; else say why a person must look."""
    policy, verdict = await _policy(uow, plan)
    if policy is None:
        return False
    against = reasons_against(await _auto_request(uow, row, plan, policy, verdict), now=uow.now)
    if not against:
        try:
            await _check_sendable(uow, row, await store.facility(uow.session, row.facility))
            await _take_lane(uow, row)
        except RefusedError as error:
            against = (error.detail,)
    if against:
        if policy.kind == "automatic":
            row.reason = f"not sent automatically: {'; '.join(against)}"
            core.announce(uow, row)
        return False
    uow.session.add(
        ApprovalRow(
            submission_id=row.submission_id,
            payload_sha256=row.payload_sha256,
            account_id=None,
            name=plan.program_name or "program",
            is_automatic=True,
            acknowledged_newer_map=False,
            policy=policy.model_dump(mode="json"),
            approved_at=uow.now,
        )
    )
    core.note(
        uow, "approved by policy", who=plan.program_name or "program", row=row,
        payload_sha256=row.payload_sha256,
    )  # fmt: skip
    row.is_automatic = True
    await _approve(uow, row, approved_by=None)
    return True


async def _approve(uow: UnitOfWork, row: SubmissionRow, *, approved_by: UUID | None) -> None:
    row.facility_mode = (await store.facility(uow.session, row.facility)).mode
    row.send_attempts = 0
    core.change(
        uow,
        row,
        S.APPROVED,
        due_at=min(uow.now + SEND_AGAIN, row.window_end),
        approved_by=approved_by,
        approved_at=uow.now,
    )
    await core.enqueue_for(uow, row, work.SendSubmission(submission_id=row.submission_id))


async def _take_lane(uow: UnitOfWork, row: SubmissionRow) -> None:
    """One active submission per event and facility, plus its successor."""
    if row.event_id is None:
        return
    others = await store.occupying(uow.session, row.event_id, row.facility)
    others = [other for other in others if other.submission_id != row.submission_id]
    waiting = [other for other in others if other.state == S.APPROVED.value]
    others = [other for other in others if other.state != S.APPROVED.value]
    if any(other.state in {S.SENDING.value, S.UNKNOWN.value} for other in others):
        raise ConflictError(
            "an earlier submission of this event is not settled: wait, or withdraw it",
            code="not_settled",
        )
    current = [other for other in others if S(other.state) in SUPERSEDABLE]
    lanes = {other.lane for other in others}
    if len(lanes) > 1:
        raise ConflictError(
            "two submissions of this event are at the facility already", code="two_active"
        )
    for other in waiting:
        await core.discard(uow, other, "another payload for this event was approved")
    await uow.session.flush()
    row.lane = 1 - lanes.pop() if lanes else 0
    row.supersedes = current[0].submission_id if current else None
    await uow.session.flush()


async def _check_event(
    uow: UnitOfWork,
    row: SubmissionRow,
    approval: Approval,
    answer: EventAnswer | None,
    facility: FacilityRow,
) -> None:
    known = await store.event(uow.session, row.event_id)
    situation = Situation(
        automatic=False,
        acknowledged_newer_map=approval.acknowledged_newer_map,
        plan_map_sha256=row.map_sha256,
        has_event=row.event_id is not None,
        event=answer,
        known_retracted=known.is_retracted if known else False,
        known_map_sha256=known.map_sha256 if known else None,
        parked=False,
        event_mode=Mode(row.cause.get("mode") or "live"),
        facility_mode=FacilityMode(facility.mode),
        armed=uow.ctx.settings.armed,
    )
    for ruling in (judge_event(situation), judge_world(situation)):
        if ruling.ruling is not Ruling.SEND:
            raise ConflictError(ruling.reason, code=ruling.code)


async def _check_sendable(uow: UnitOfWork, row: SubmissionRow, facility: FacilityRow) -> None:
    """Kill switch, window, hours of the night."""
    if facility.is_stopped or await store.is_stopped_globally(uow.session):
        raise ConflictError("new submissions are stopped (kill switch)", code="kill_switch")
    config = uow.ctx.resources.config(row.facility)
    mode = FacilityMode(facility.mode)
    if mode is not FacilityMode.OFF and config.endpoint(mode) is None:
        raise ConflictError(f"no address is configured for mode {mode}", code="no_endpoint")
    try:
        check_window(Window(row.window_begin, row.window_end), now=uow.now, site=None)
        others = (
            await store.occupying(uow.session, row.event_id, row.facility) if row.event_id else []
        )
        taken = await store.hours_taken(
            uow.session,
            row.facility,
            begin=row.window_begin,
            end=row.window_end,
            but=[row.submission_id, *(other.submission_id for other in others)],
        )
        check_night(hours_asked=row.total_time_s / 3600, hours_taken=taken, limits=config.limits)
    except DomainError as error:
        raise ConflictError(error.detail, code=error.code) from error


def _add_approval(
    uow: UnitOfWork, row: SubmissionRow, *, approval: Approval, who: Principal
) -> None:
    uow.session.add(
        ApprovalRow(
            submission_id=row.submission_id,
            payload_sha256=row.payload_sha256,
            account_id=who.account_id,
            name=who.name,
            is_automatic=False,
            acknowledged_newer_map=approval.acknowledged_newer_map,
            policy=None,
            approved_at=uow.now,
        )
    )


async def _policy(
    uow: UnitOfWork, plan: PlanChanged
) -> tuple[SubmissionPolicy | None, Verdict | None]:
    """The decision's policy and verdict; the plan's own copy where the decision is not here."""
    if plan.decision_id is not None:
        decision = await uow.session.get(DecisionRow, plan.decision_id)
        if decision is not None:
            policy = SubmissionPolicy.model_validate(decision.submission)
            return policy, Verdict(decision.verdict)
    if plan.submission_policy is None:
        return None, None
    try:
        return SubmissionPolicy.model_validate(plan.submission_policy), Verdict.WANTED
    except ValidationError:
        return None, None


async def _auto_request(
    uow: UnitOfWork,
    row: SubmissionRow,
    plan: PlanChanged,
    policy: SubmissionPolicy,
    verdict: Verdict | None,
) -> AutoRequest:
    facility = await store.facility(uow.session, row.facility)
    event = await store.event(uow.session, row.event_id)
    occupied = (
        await store.occupying(uow.session, row.event_id, row.facility) if row.event_id else []
    )
    return AutoRequest(
        policy=policy,
        verdict=verdict,
        facility=row.facility,
        facility_mode=FacilityMode(facility.mode),
        facility_stopped=facility.is_stopped or await store.is_stopped_globally(uow.session),
        approvals_required=uow.ctx.resources.config(row.facility).limits.approvals_required,
        event_mode=Mode(row.cause.get("mode") or "live"),
        event_known=event is not None,
        is_retracted=event.is_retracted if event else False,
        is_stale=event.is_stale if event else False,
        is_replay=event.is_replay if event else False,
        plan_map_sha256=row.map_sha256,
        newest_map_sha256=event.map_sha256 if event else None,
        plan_is_manual=plan.is_manual,
        plan_made_at=plan.made_at,
        probability=row.probability,
        total_time_s=row.total_time_s,
        window_end=row.window_end,
        occupied=any(
            other.submission_id != row.submission_id
            and S(other.state) not in SUPERSEDABLE
            and other.state != S.APPROVED.value
            for other in occupied
        ),
    )

"""Sending, in three steps: intent committed, the act, outcome recorded.

`begin` commits the intent under a lease. `pass_gate` is asked last before the socket. `conclude`
writes the outcome, whatever has happened meanwhile; the table of transitions decides what it means.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from too_common.contracts import Mode
from too_common.contracts.queue_submit import FacilityMode
from too_common.contracts.queue_submit import SubmissionState as S
from too_common.ids import uuid7
from too_common.uow import UnitOfWork

from too_queue_submit import leases, store, work
from too_queue_submit.clients.base import Exchange, GateClosedError, SendState, Stage
from too_queue_submit.errors import DomainError
from too_queue_submit.gate import (
    Answer,
    EventAnswer,
    Ruling,
    Situation,
    judge_clock,
    judge_event,
    judge_switches,
)
from too_queue_submit.state_machine import SUPERSEDABLE
from too_queue_submit.tables import AttemptRow, SubmissionRow
from too_queue_submit.usecases import core, withdraw
from too_queue_submit.windows import Window, check_window

BUSY_RETRY = timedelta(seconds=2)


class HeldBackError(GateClosedError):
    """The gate did not open; nothing was sent."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.reason)
        self.answer = answer


@dataclass(frozen=True)
class Attempt:
    """An attempt that has begun: what it may do, and under which number."""

    attempt_id: UUID
    submission_id: UUID
    facility: str
    mode: FacilityMode
    fencing: int
    external_name: str
    payload: bytes
    window: Window
    event_id: UUID | None


class Outcome:
    """Words for the outcome of an attempt to send, as they stand in its row."""

    SENT = "sent"
    REJECTED = "rejected"
    NOT_SENT = "not_sent"
    HELD_BACK = "held_back"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class SendOutcome:
    """What became of an attempt."""

    outcome: str
    detail: str = ""
    state: SendState | None = None
    is_verified: bool = False
    held_back: Answer | None = None


async def begin(uow: UnitOfWork, submission_id: UUID) -> Attempt | None:
    """Commit the intent: state ``sending``, an attempt's row, a lease; None if not (now)."""
    row = await store.submission(uow.session, submission_id, lock=True)
    if row.state != S.APPROVED.value:
        return None
    if await _stop_early(uow, row):
        return None
    settings = uow.ctx.settings
    fencing = await leases.acquire(
        uow.session,
        row.facility,
        holder=uow.ctx.resources.holder,
        wall_now=uow.ctx.wall.now(),
        lease_s=settings.lease_s,
    )
    if fencing is None:
        row.due_at = uow.now + BUSY_RETRY
        uow.wake_due()
        return None
    attempt = AttemptRow(
        attempt_id=uuid7(),
        submission_id=row.submission_id,
        facility=row.facility,
        facility_mode=row.facility_mode,
        kind="send",
        fencing=fencing,
        stage=Stage.INTENT.value,
        payload_sha256=row.payload_sha256,
        started_at=uow.now,
    )
    uow.session.add(attempt)
    core.change(
        uow,
        row,
        S.SENDING,
        fencing=fencing,
        send_attempts=row.send_attempts + 1,
        sent_at=row.sent_at or uow.now,
    )
    return Attempt(
        attempt_id=attempt.attempt_id,
        submission_id=row.submission_id,
        facility=row.facility,
        mode=FacilityMode(row.facility_mode),
        fencing=fencing,
        external_name=row.external_name,
        payload=row.payload,
        window=Window(row.window_begin, row.window_end),
        event_id=row.event_id,
    )


async def _stop_early(uow: UnitOfWork, row: SubmissionRow) -> bool:
    """What is known without asking anybody: window, mode, switches, what is there already."""
    try:
        check_window(Window(row.window_begin, row.window_end), now=uow.now, site=None)
    except DomainError as error:
        await core.discard(uow, row, error.detail)
        await core.tell(uow, row, error.code, f"not sent: {error.detail}")
        return True
    facility = await store.facility(uow.session, row.facility)
    if facility.mode != row.facility_mode:
        await core.back_to_draft(
            uow, row, f"the facility was switched to {facility.mode} after the approval"
        )
        return True
    if await _is_predecessor_unsettled(uow, row):
        row.due_at = uow.now + BUSY_RETRY
        uow.wake_due()
        return True
    return False


async def _is_predecessor_unsettled(uow: UnitOfWork, row: SubmissionRow) -> bool:
    if row.event_id is None:
        return False
    others = await store.occupying(uow.session, row.event_id, row.facility)
    return any(
        other.submission_id != row.submission_id
        and other.state in {S.SENDING.value, S.UNKNOWN.value}
        for other in others
    )


async def pass_gate(
    uow: UnitOfWork,
    attempt: Attempt,
    *,
    event: EventAnswer | None,
    clock_offset_s: float | None,
    clock_tolerance_s: float,
) -> None:
    """The last look before the socket; on success the act is on record as begun.

    Parameters
    ----------
    event
        What ingest said just now; None if it did not answer.
    clock_offset_s, clock_tolerance_s
        The peer's clock minus ours, and what is tolerated.

    Raises
    ------
    HeldBackError
        With the ruling.
    """
    row = await store.submission(uow.session, attempt.submission_id, lock=True)
    # the facility's row is locked too: a kill switch thrown now waits until this is decided
    facility = await store.facility(uow.session, attempt.facility, lock=True)
    if row.state != S.SENDING.value or row.fencing != attempt.fencing:
        raise HeldBackError(Answer(Ruling.REFUSE, "withdrawn while sending", "withdrawn"))
    if not await leases.is_held(
        uow.session, attempt.facility, fencing=attempt.fencing, wall_now=uow.ctx.wall.now()
    ):
        raise HeldBackError(Answer(Ruling.WAIT, "the lease ran out", "lease_lost"))
    known = await store.event(uow.session, row.event_id)
    situation = Situation(
        automatic=row.is_automatic,
        acknowledged_newer_map=row.acknowledged_newer_map,
        plan_map_sha256=row.map_sha256,
        has_event=row.event_id is not None,
        event=event,
        known_retracted=known.is_retracted if known else False,
        known_map_sha256=known.map_sha256 if known else None,
        parked=row.event_id is not None and await store.is_parked(uow.session, row.event_id),
        event_mode=Mode(row.cause.get("mode") or "live"),
        facility_mode=(
            FacilityMode(facility.mode) if facility.mode == attempt.mode.value else FacilityMode.OFF
        ),
        armed=uow.ctx.settings.armed,
        stopped=facility.is_stopped or await store.is_stopped_globally(uow.session),
        clock_offset_s=clock_offset_s,
        clock_tolerance_s=clock_tolerance_s,
    )
    for answer in (
        judge_event(situation),
        _judge_window(attempt, uow),
        judge_clock(situation),
        judge_switches(situation),
    ):
        if answer.ruling is not Ruling.SEND:
            raise HeldBackError(answer)
    record = await uow.session.get(AttemptRow, attempt.attempt_id)
    if record is not None:
        record.stage = Stage.ACTING.value


def _judge_window(attempt: Attempt, uow: UnitOfWork) -> Answer:
    try:
        check_window(attempt.window, now=uow.now, site=None)
    except DomainError as error:
        return Answer(Ruling.REFUSE, error.detail, error.code)
    return Answer(Ruling.SEND)


async def conclude(
    uow: UnitOfWork, attempt: Attempt, outcome: SendOutcome, exchanges: list[Exchange]
) -> None:
    """Record an attempt's outcome and go where it leads."""
    record = await uow.session.get(AttemptRow, attempt.attempt_id, with_for_update=True)
    if record is not None and record.ended_at is None:
        record.ended_at = uow.now
        record.outcome = outcome.outcome
        record.detail = outcome.detail[:2000]
    store.add_exchanges(uow.session, attempt.attempt_id, exchanges)
    await leases.release(uow.session, attempt.facility, attempt.fencing)
    row = await store.submission(uow.session, attempt.submission_id, lock=True)
    if row.state == S.CANCEL_REQUESTED.value:
        row.cancel_certain = outcome.outcome != Outcome.UNKNOWN
        await core.enqueue_for(uow, row, work.WithdrawSubmission(submission_id=row.submission_id))
        return
    if row.state != S.SENDING.value or row.fencing != attempt.fencing:
        if row.state == S.UNKNOWN.value:  # declared stranded while we were still at it
            await core.enqueue_for(
                uow, row, work.ReconcileSubmission(submission_id=row.submission_id)
            )
        return
    await _follow(uow, row, outcome)


async def _follow(uow: UnitOfWork, row: SubmissionRow, outcome: SendOutcome) -> None:
    if outcome.outcome == Outcome.SENT:
        await accepted(uow, row, outcome)
    elif outcome.outcome == Outcome.REJECTED:
        core.change(uow, row, S.REJECTED, reason=outcome.detail)
        await core.tell(uow, row, "rejected", f"the facility refused it: {outcome.detail}")
    elif outcome.outcome == Outcome.HELD_BACK and outcome.held_back is not None:
        await _held_back(uow, row, outcome.held_back)
    elif outcome.outcome == Outcome.NOT_SENT:
        await not_sent(uow, row, outcome.detail)
    else:
        await to_unknown(uow, row, outcome.detail)


async def accepted(uow: UnitOfWork, row: SubmissionRow, outcome: SendOutcome) -> None:
    """The facility has it; once that is verified, the predecessor is withdrawn."""
    delivered = outcome.state is SendState.DELIVERED
    now = uow.now
    core.change(
        uow,
        row,
        S.DELIVERED if delivered else S.ACCEPTED,
        reason=outcome.detail or None,
        due_at=now + timedelta(seconds=1 if not outcome.is_verified else 60),
        accepted_at=row.accepted_at or now,
        verified_at=now if outcome.is_verified else None,
    )
    core.note(uow, "sent", who="queue-submit", row=row, payload_sha256=row.payload_sha256)
    await core.clear(uow, row)
    if outcome.is_verified:
        await withdraw_predecessor(uow, row)


async def withdraw_predecessor(uow: UnitOfWork, row: SubmissionRow) -> None:
    """What a facility had accepted before goes only now: its successor is verified."""
    if row.supersedes is None:
        return
    older = await store.submission(uow.session, row.supersedes, lock=True)
    if S(older.state) in SUPERSEDABLE:
        await withdraw.request(uow, older, f"superseded by {row.external_name}")


async def not_sent(uow: UnitOfWork, row: SubmissionRow, detail: str) -> None:
    """Proven that nothing was taken: tried again, up to a limit, under the same approval."""
    if row.send_attempts >= uow.ctx.settings.max_send_attempts:
        await core.back_to_draft(uow, row, f"not sent after {row.send_attempts} attempts: {detail}")
        await core.tell(uow, row, "facility_away", f"not sent, approve it again: {detail}")
        return
    due = min(uow.now + timedelta(seconds=uow.ctx.settings.auto_retry_s), row.window_end)
    core.change(uow, row, S.APPROVED, reason=f"not sent yet: {detail}", due_at=due)
    await core.tell(uow, row, "facility_away", f"not sent yet: {detail}")


async def to_unknown(uow: UnitOfWork, row: SubmissionRow, detail: str) -> None:
    """It may be there or not: found out by reading, never by sending again."""
    core.change(uow, row, S.UNKNOWN, reason=detail, due_at=uow.now + timedelta(seconds=15))
    await core.tell(uow, row, "outcome_unknown", f"not known whether it was taken: {detail}")
    await core.enqueue_for(uow, row, work.ReconcileSubmission(submission_id=row.submission_id))


async def _held_back(uow: UnitOfWork, row: SubmissionRow, answer: Answer) -> None:
    core.note(uow, "held back", who="queue-submit", row=row, code=answer.code)
    if answer.ruling is Ruling.WAIT:
        due = min(uow.now + timedelta(seconds=uow.ctx.settings.auto_retry_s), row.window_end)
        row.send_attempts -= 1  # waiting is no failed attempt
        core.change(uow, row, S.APPROVED, reason=answer.reason, due_at=due)
        await core.tell(uow, row, answer.code, answer.reason)
    elif answer.ruling is Ruling.REFUSE:
        await core.discard(uow, row, answer.reason)
    else:
        await core.back_to_draft(uow, row, answer.reason)
        await core.tell(uow, row, answer.code, f"not sent: {answer.reason}", severity="warning")


async def take_stranded(uow: UnitOfWork) -> bool:
    """One row that a crashed sender left in ``sending``; True if there was one."""
    row = await store.stranded(uow.session, uow.ctx.wall.now())
    if row is None:
        return False
    attempt = await store.last_send_attempt(uow.session, row.submission_id)
    acted = attempt is None or attempt.stage == Stage.ACTING.value
    if attempt is not None and attempt.ended_at is None:
        attempt.ended_at = uow.now
        attempt.outcome = Outcome.UNKNOWN if acted else Outcome.NOT_SENT
        attempt.detail = "the sender was interrupted"
    if acted:
        await to_unknown(uow, row, "the sender was interrupted after the intent")
    else:
        await not_sent(uow, row, "the sender was interrupted before the call")
    return True

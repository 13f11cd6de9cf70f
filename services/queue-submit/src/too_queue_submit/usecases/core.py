"""What every use case does: change a state by the table, tell it, note who did it."""

from datetime import datetime
from typing import Any

from too_common.cause import Cause
from too_common.contracts.queue_submit import FacilityMode, SubmissionChanged
from too_common.contracts.queue_submit import SubmissionState as S
from too_common.jobs import JobPayload
from too_common.uow import UnitOfWork

from too_queue_submit import state_machine, store
from too_queue_submit.tables import AuditRow, SubmissionRow

OVERRIDING = frozenset({S.CANCEL_REQUESTED, S.CANCELLED, S.DISCARDED})
"""States that readers must hear even behind a parked message."""


def cause_of(uow: UnitOfWork, row: SubmissionRow) -> Cause:
    """The submission's own cause, with the person who acts now."""
    cause = Cause.from_json(row.cause)
    return cause.with_(actor=uow.cause.actor) if uow.cause.actor else cause


def key_of(row: SubmissionRow) -> str:
    """Partition key: the event, or the telescope for what has none."""
    return str(row.event_id) if row.event_id else f"telescope:{row.facility}"


def snapshot_of(row: SubmissionRow) -> SubmissionChanged:
    """The state as it is told."""
    return SubmissionChanged(
        submission_id=row.submission_id,
        event_id=row.event_id,
        plan_id=row.plan_id,
        facility=row.facility,
        facility_mode=FacilityMode(row.facility_mode),
        state=S(row.state),
        external_name=row.external_name,
        payload_sha256=row.payload_sha256,
        window_begin=row.window_begin,
        window_end=row.window_end,
        exposures_planned=row.exposures_planned,
        exposures_executed=row.exposures_executed,
        total_time_s=row.total_time_s,
        warnings=tuple(row.warnings),
        reason=row.reason,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
        sent_at=row.sent_at,
        accepted_at=row.accepted_at,
        verified_at=row.verified_at,
        cancelled_at=row.cancelled_at,
        supersedes=row.supersedes,
    )


def announce(uow: UnitOfWork, row: SubmissionRow) -> None:
    """Tell the submission's state under a new revision."""
    row.revision += 1
    row.changed_at = uow.now
    uow.publish(
        snapshot_of(row),
        key=key_of(row),
        revision=row.revision,
        overrides=S(row.state) in OVERRIDING,
        cause=cause_of(uow, row),
    )


def change(
    uow: UnitOfWork,
    row: SubmissionRow,
    target: S,
    *,
    reason: str | None = None,
    due_at: datetime | None = None,
    **fields: Any,
) -> None:
    """Go to another state, tell it, and say when to look again.

    Raises
    ------
    ForbiddenTransitionError
        If the table does not have the step.
    """
    state_machine.check(S(row.state), target)
    row.state = target.value
    row.reason = reason
    row.due_at = due_at
    for name, value in fields.items():
        setattr(row, name, value)
    announce(uow, row)
    uow.wake_due()


def note(
    uow: UnitOfWork,
    what: str,
    *,
    who: str,
    row: SubmissionRow | None = None,
    facility: str | None = None,
    **details: Any,
) -> None:
    """Append to the audit."""
    uow.session.add(
        AuditRow(
            at=uow.now,
            account_id=uow.cause.actor,
            who=who,
            what=what,
            facility=facility or (row.facility if row is not None else None),
            submission_id=row.submission_id if row is not None else None,
            details=details,
        )
    )


async def drop_approvals(uow: UnitOfWork, row: SubmissionRow, reason: str) -> None:
    """End the approvals of a submission; they stay on record."""
    for approval in await store.approvals(uow.session, row.submission_id, valid=True):
        approval.dropped_at = uow.now
        approval.dropped_reason = reason
    row.approved_by = None
    row.approved_at = None
    row.is_automatic = False
    row.acknowledged_newer_map = False


async def back_to_draft(uow: UnitOfWork, row: SubmissionRow, reason: str) -> None:
    """Take the approval away: a person must look again."""
    await drop_approvals(uow, row, reason)
    change(uow, row, S.DRAFT, reason=reason, due_at=row.window_end)


async def discard(uow: UnitOfWork, row: SubmissionRow, reason: str) -> None:
    """End something that was never sent."""
    await drop_approvals(uow, row, reason)
    change(uow, row, S.DISCARDED, reason=reason)
    await clear(uow, row)


async def enqueue_for(
    uow: UnitOfWork, row: SubmissionRow, job: JobPayload, *, delay_s: float = 0.0
) -> None:
    """Put a job for a submission, one of its kind at a time."""
    await uow.enqueue(
        job, dedupe_key=str(row.submission_id), delay_s=delay_s, cause=cause_of(uow, row)
    )


async def tell(
    uow: UnitOfWork, row: SubmissionRow, code: str, text: str, *, severity: str = "critical"
) -> None:
    """Alarm about a submission: a person hears of it within a minute (rule 13)."""
    await uow.alarm(
        alarm_id=alarm_id(row),
        code=code,
        summary=f"{row.facility}, {row.external_name}: {text}"[:500],
        event_id=row.event_id,
        severity=severity,
    )


async def clear(uow: UnitOfWork, row: SubmissionRow) -> None:
    """All is well with a submission, or it has ended."""
    await uow.clear_alarm(alarm_id=alarm_id(row))


def alarm_id(row: SubmissionRow) -> str:
    """Stable name of a submission's alarm."""
    return f"submission:{row.submission_id}"

"""Withdrawal: at once what was not sent, by the facility's own means what was."""

from datetime import timedelta
from uuid import UUID

from too_common.contracts.queue_submit import SubmissionState as S
from too_common.errors import ConflictError
from too_common.uow import UnitOfWork

from too_queue_submit import store, work
from too_queue_submit.clients.base import Withdrawal
from too_queue_submit.state_machine import UNSENT, WITHDRAWABLE
from too_queue_submit.tables import SubmissionRow
from too_queue_submit.usecases import core

RETRY = timedelta(seconds=30)
"""Stack time after which a withdrawal that did not succeed is tried again."""
AGAIN = timedelta(seconds=60)
"""Stack time between two looks for what may still turn up."""
GRACE = timedelta(seconds=50)
"""So long a telescope may take to heed a notice before a person is asked to call it."""
CANCELLED_REPORT = "cancelled"


async def request(uow: UnitOfWork, row: SubmissionRow, reason: str) -> bool:
    """Ask for a withdrawal; True if there was something to stop or take back.

    ``sending`` and ``unknown`` count as possibly accepted: they are withdrawn too, after the
    attempt has ended.
    """
    state = S(row.state)
    if state in UNSENT:
        await core.discard(uow, row, reason)
        return True
    if state not in WITHDRAWABLE:
        return False
    core.change(
        uow,
        row,
        S.CANCEL_REQUESTED,
        reason=reason,
        due_at=uow.now + RETRY,
        cancel_reason=reason,
        cancel_certain=state not in {S.SENDING, S.UNKNOWN},
    )
    await core.enqueue_for(uow, row, work.WithdrawSubmission(submission_id=row.submission_id))
    return True


async def by_person(
    uow: UnitOfWork, submission_id: UUID, *, who: str, reason: str
) -> SubmissionRow:
    """Withdraw or discard on a person's word.

    Raises
    ------
    ConflictError
        If there is nothing to withdraw.
    """
    row = await store.submission(uow.session, submission_id, lock=True)
    if not await request(uow, row, f"{reason} ({who})" if who else reason):
        raise ConflictError(f"it is {row.state}: nothing to withdraw", code="nothing_to_withdraw")
    core.note(uow, "withdrawal requested", who=who, row=row, reason=reason)
    return row


async def of_event(uow: UnitOfWork, event_id: UUID, reason: str) -> int:
    """Stop and take back everything of an event (retraction)."""
    count = 0
    for row in await store.all_of_event(uow.session, event_id):
        count += await request(uow, row, reason)
    return count


async def record(
    uow: UnitOfWork,
    submission_id: UUID,
    found: Withdrawal,
    *,
    is_file: bool,
    report_state: str | None = None,
) -> None:
    """Write down what reading back said of a withdrawal.

    Parameters
    ----------
    report_state
        What the telescope's own report says of a file that it had taken.
    """
    row = await store.submission(uow.session, submission_id, lock=True)
    if S(row.state) not in {S.CANCEL_REQUESTED, S.CANCEL_FAILED}:
        return
    if found.notice_left and row.cancel_notice_at is None:
        row.cancel_notice_at = uow.now
    if not found.gone:
        await _still_there(uow, row, found)
        return
    reported = report_state == CANCELLED_REPORT
    if (
        found.removed
        or reported
        or uow.now > row.window_end
        or (row.cancel_certain and not is_file)
    ):
        detail = "the telescope reports it as cancelled" if reported else found.detail
        core.change(
            uow,
            row,
            S.CANCELLED,
            reason=f"{row.cancel_reason or 'withdrawn'}; {detail}",
            cancelled_at=uow.now,
            due_at=uow.now + RETRY,
        )
        await core.clear(uow, row)
        return
    await _look_again(uow, row, taken=is_file and row.cancel_certain)


async def _still_there(uow: UnitOfWork, row: SubmissionRow, found: Withdrawal) -> None:
    if row.state == S.CANCEL_REQUESTED.value:
        reason = f"the facility still has it: {found.detail}"
        core.change(uow, row, S.CANCEL_FAILED, reason=reason, due_at=uow.now + RETRY)
    else:
        row.due_at = uow.now + RETRY
    await core.tell(uow, row, "cancel_failed", f"withdrawal failed: {found.detail}")


async def _look_again(uow: UnitOfWork, row: SubmissionRow, *, taken: bool) -> None:
    """Gone, but not by us: it may have been taken, or turn up late. Looked for until the end."""
    reason = f"{row.cancel_reason}; looked for until the window ends"
    if taken:
        reason = (
            f"{row.cancel_reason}; the file had been taken: a CANCEL notice was left, whether the "
            "telescope heeds it is not known yet"
        )
        if row.cancel_notice_at is not None and uow.now - row.cancel_notice_at > GRACE:
            await core.tell(
                uow,
                row,
                "withdrawal_not_confirmed",
                "withdrawn, but the telescope had taken the file: please call it",
            )
    row.due_at = min(uow.now + AGAIN, row.window_end + timedelta(seconds=1))
    if row.reason != reason:
        row.reason = reason
        core.announce(uow, row)


async def failed(uow: UnitOfWork, submission_id: UUID, detail: str) -> None:
    """The facility did not answer: tried again, and a person is told."""
    row = await store.submission(uow.session, submission_id, lock=True)
    if S(row.state) not in {S.CANCEL_REQUESTED, S.CANCEL_FAILED}:
        return
    row.due_at = uow.now + RETRY
    await core.tell(uow, row, "withdrawal_waits", f"the withdrawal waits: {detail}")


async def discard_by_person(
    uow: UnitOfWork, submission_id: UUID, *, who: str, reason: str
) -> SubmissionRow:
    """End a draft on a person's word.

    Raises
    ------
    ConflictError
        If it was sent already: then it can only be withdrawn.
    """
    row = await store.submission(uow.session, submission_id, lock=True)
    if S(row.state) not in UNSENT:
        raise ConflictError(f"it is {row.state}: only drafts are discarded", code="not_a_draft")
    await core.discard(uow, row, f"{reason} ({who})" if who else reason)
    core.note(uow, "discarded", who=who, row=row, reason=reason)
    return row

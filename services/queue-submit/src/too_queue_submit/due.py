"""What is due in stack time, and what a crash left behind: rows in, jobs out."""

from datetime import datetime, timedelta

from too_common.cause import Cause
from too_common.contracts.queue_submit import SubmissionState as S
from too_common.uow import UnitOfWork

from too_queue_submit import store, work
from too_queue_submit.state_machine import UNSENT, WITH_PROGRESS
from too_queue_submit.tables import SubmissionRow
from too_queue_submit.usecases import core, send, watch

HOLD = timedelta(seconds=20)
"""After a job was asked for, the row is looked at again in case it did not come to anything."""


async def attend_to_due(uow: UnitOfWork) -> datetime | None:
    """One submission whose time has come: a job for what its state wants."""
    row = await store.due(uow.session, uow.now)
    if row is None:
        return await store.next_due(uow.session)
    await _attend(uow, row)
    return uow.now


async def _attend(uow: UnitOfWork, row: SubmissionRow) -> None:
    state, now = S(row.state), uow.now
    settings = uow.ctx.settings
    if state in UNSENT and now >= row.window_end:
        await core.discard(uow, row, "the window ended while it waited")
        if state is S.DRAFT:
            # nobody asked for it: most drafts end so, and nobody is woken for that
            return
        await core.tell(uow, row, "window_ended", "not sent: the window ended while it waited")
        return
    if state is S.APPROVED:
        row.due_at = min(now + HOLD, row.window_end)
        await core.enqueue_for(uow, row, work.SendSubmission(submission_id=row.submission_id))
    elif state is S.UNKNOWN:
        row.due_at = now + HOLD
        await core.enqueue_for(uow, row, work.ReconcileSubmission(submission_id=row.submission_id))
        if now >= row.window_begin:
            await _watch(uow, row)
    elif state in {S.CANCEL_REQUESTED, S.CANCEL_FAILED}:
        row.due_at = now + HOLD
        await core.enqueue_for(uow, row, work.WithdrawSubmission(submission_id=row.submission_id))
        if now >= row.window_begin:
            await _watch(uow, row)
    elif state in WITH_PROGRESS:
        row.due_at = watch.next_look(
            row, now=now, watch_s=settings.watch_interval_s, nights=settings.progress_nights
        )
        await _watch(uow, row)
    else:
        row.due_at = row.window_end if state in UNSENT else None


async def _watch(uow: UnitOfWork, row: SubmissionRow) -> None:
    await core.enqueue_for(uow, row, work.WatchSubmission(submission_id=row.submission_id))


async def find_stranded(uow: UnitOfWork) -> datetime | None:
    """Rows left in ``sending`` by a crash become ``unknown``, or approved if nothing was done."""
    uow.cause = Cause()
    return uow.now if await send.take_stranded(uow) else None

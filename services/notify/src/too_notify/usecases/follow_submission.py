"""What telescopes' queues make of plans: holds acknowledgements, and failures reach a person."""

from uuid import UUID

from too_common.contracts.base import Mode
from too_common.contracts.notify import IncidentState
from too_common.contracts.queue_submit import SubmissionChanged, SubmissionState
from too_common.uow import UnitOfWork

from too_notify import texts
from too_notify.delivery import Purpose
from too_notify.store import incidents as store
from too_notify.store import people
from too_notify.tables import EventRow, SubmissionRow
from too_notify.usecases.acknowledge import hold_acknowledgements
from too_notify.usecases.plan_delivery import post_news, tell

HELD_BY = {
    SubmissionState.APPROVED,
    SubmissionState.SENDING,
    SubmissionState.ACCEPTED,
    SubmissionState.DELIVERED,
    SubmissionState.ACTIVE,
    SubmissionState.PARTIAL,
    SubmissionState.COMPLETE,
    SubmissionState.UNKNOWN,
}
"""Somebody has submitted a plan, whatever becomes of it."""
FAILED = {
    SubmissionState.REJECTED,
    SubmissionState.CANCEL_FAILED,
    SubmissionState.EXPIRED,
}
"""What a person must know of at once."""


async def follow_submission(
    uow: UnitOfWork, submission: SubmissionChanged, *, revision: int
) -> None:
    """Take over a submission's state; the same failure is told once."""
    row = await uow.session.get(SubmissionRow, submission.submission_id, with_for_update=True)
    if row is not None and row.revision >= revision:
        return
    before = None if row is None else row.state
    if row is None:
        row = SubmissionRow(submission_id=submission.submission_id)
        uow.session.add(row)
    row.revision, row.state = revision, submission.state
    await uow.session.flush()
    if submission.event_id is not None and submission.state in HELD_BY:
        await hold_acknowledgements(uow, submission.event_id)
    if submission.state in FAILED and before != submission.state:
        await _tell_failure(uow, submission)


async def _tell_failure(uow: UnitOfWork, submission: SubmissionChanged) -> None:
    event = None
    if submission.event_id is not None:
        event = await uow.session.get(EventRow, submission.event_id)
    name = "a manual plan" if event is None else event.name
    mode = uow.cause.mode
    text = texts.submission_failed(
        submission.facility, submission.state, submission.reason, name, mode
    )
    key = f"event:{submission.event_id}" if event is not None else "queues"
    await post_news(uow, text, thread_key=key, mode=mode)
    if mode not in {Mode.LIVE, Mode.DRILL}:
        return
    for account_id in await _whom(uow, submission):
        told = await tell(uow, account_id, purpose=Purpose.NEWS, subject=text, body=text, mode=mode)
        if told is not None:
            return


async def _whom(uow: UnitOfWork, submission: SubmissionChanged) -> list[UUID]:
    """Who approved it, else who holds the incident, else who is on duty."""
    chosen: list[UUID] = []
    if submission.approved_by is not None:
        chosen.append(submission.approved_by)
    if submission.event_id is not None:
        chosen += [
            row.ack_account_id
            for row in await store.of_event(uow.session, submission.event_id)
            if row.ack_account_id is not None and row.state != IncidentState.RESOLVED
        ]
    roster, _ = await people.roster(uow.session, uow.now)
    return list(dict.fromkeys([*chosen, *roster.on_duty(uow.now)]))

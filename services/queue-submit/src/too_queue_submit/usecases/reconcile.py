"""What became of an attempt: found out by reading, decided by a table, never by sending again."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from too_common.contracts.queue_submit import SubmissionState as S
from too_common.errors import ConflictError
from too_common.uow import UnitOfWork

from too_queue_submit import store
from too_queue_submit.clients.base import Presence, ReadBack, SendState, Stage
from too_queue_submit.tables import SubmissionRow
from too_queue_submit.telescopes import Comparison
from too_queue_submit.usecases import core, send

AGAIN = timedelta(seconds=60)


@dataclass(frozen=True)
class Evidence:
    """What reading gave."""

    found: ReadBack
    comparison: Comparison | None
    history_count: int | None
    """Exposures of ours in the facility's history; None where it cannot tell."""
    is_file: bool
    report_state: str | None = None
    """What the telescope's own report says of a file that was taken."""


async def decide(uow: UnitOfWork, submission_id: UUID, evidence: Evidence) -> None:
    """Leave ``unknown`` if the evidence allows it; else stay, and ask a person."""
    row = await store.submission(uow.session, submission_id, lock=True)
    if row.state != S.UNKNOWN.value:
        return
    presence = evidence.found.presence
    if presence is Presence.PRESENT or evidence.report_state is not None:
        await _present(uow, row, evidence)
        return
    if uow.now > row.window_end:
        row.due_at = uow.now + AGAIN  # progress will say what was observed
        await settle_after_window(uow, row)
        return
    if await _was_taken_by_the_reader(uow, row, evidence):
        await send.accepted(
            uow,
            row,
            send.SendOutcome(
                send.Outcome.SENT,
                "delivered; the reader has taken it already: its part was put in place",
                state=SendState.DELIVERED,
                is_verified=True,
            ),
        )
        return
    proven_absent = presence is Presence.ABSENT or not await store.ever_acted(
        uow.session, row.submission_id
    )
    if not evidence.is_file and evidence.history_count:
        core.change(
            uow,
            row,
            S.ACTIVE,
            reason=f"its queue is gone, {evidence.history_count} exposures are in the history",
            due_at=uow.now + timedelta(seconds=1),
            accepted_at=row.accepted_at or uow.now,
        )
        await core.clear(uow, row)
        return
    if not evidence.is_file and evidence.history_count == 0:
        proven_absent = True
    if proven_absent:
        await _absent(uow, row, evidence.found.detail)
        return
    row.due_at = uow.now + AGAIN
    why = (
        "not in the folder: taken by the reader, or never there; a person must decide"
        if evidence.is_file
        else "not in the queue, and the history cannot be read"
    )
    if row.reason != why:
        row.reason = why
        core.announce(uow, row)
    await core.tell(uow, row, "outcome_unknown", why)


async def _was_taken_by_the_reader(uow: UnitOfWork, row: SubmissionRow, evidence: Evidence) -> bool:
    """Whether a file that is not in the folder any more was there.

    A part is written and compared before the last gate commits that we act, and from then on only
    the renaming takes it away. So if neither the file nor its part is there, the file was.
    """
    if not evidence.is_file or evidence.found.presence is not Presence.GONE:
        return False
    last = await store.last_send_attempt(uow.session, row.submission_id)
    return last is not None and last.stage == Stage.ACTING.value


async def _present(uow: UnitOfWork, row: SubmissionRow, evidence: Evidence) -> None:
    comparison = evidence.comparison or Comparison(("it could not be compared",))
    if evidence.report_state is not None:
        comparison = Comparison()
    if comparison.agrees:
        state = SendState.DELIVERED if evidence.is_file else SendState.ACCEPTED
        await send.accepted(
            uow,
            row,
            send.SendOutcome(
                send.Outcome.SENT, _found_how(evidence), state=state, is_verified=True
            ),
        )
        return
    row.due_at = uow.now + AGAIN
    row.reason = f"other content stands under its name: {'; '.join(comparison.differences)}"
    core.announce(uow, row)
    await core.tell(uow, row, "other_content", row.reason)


def _found_how(evidence: Evidence) -> str:
    if evidence.report_state is not None:
        return f"the telescope has taken it, and reports: {evidence.report_state}"
    return "found by reading back"


async def _absent(uow: UnitOfWork, row: SubmissionRow, detail: str) -> None:
    """Proven that it never arrived: the approval still holds, so it is sent anew, in its limits."""
    if row.accepted_at is not None:
        # it had been accepted and verified, and was lost: a person decides, not a retry
        row.due_at = uow.now + AGAIN
        why = "it was accepted and has vanished from the queue; withdraw it or send a new plan"
        if row.reason != why:
            row.reason = why
            core.announce(uow, row)
        await core.tell(uow, row, "vanished", why)
        return
    if row.send_attempts >= uow.ctx.settings.max_send_attempts:
        core.change(uow, row, S.REJECTED, reason=f"it never arrived: {detail}")
        await core.tell(uow, row, "never_arrived", "it never arrived; make a new draft")
        return
    core.change(
        uow,
        row,
        S.APPROVED,
        reason=f"it had not arrived ({detail}): sent anew",
        due_at=uow.now,
    )


async def unreachable(uow: UnitOfWork, submission_id: UUID, detail: str) -> None:
    """The facility does not answer: still not known."""
    row = await store.submission(uow.session, submission_id, lock=True)
    if row.state != S.UNKNOWN.value:
        return
    row.due_at = uow.now + timedelta(seconds=30)
    await core.tell(
        uow, row, "outcome_unknown", f"not known whether it was taken; no answer: {detail}"
    )


async def settle_after_window(uow: UnitOfWork, row: SubmissionRow) -> None:
    """After the window nothing can be observed any more: what was, decides."""
    if row.state != S.UNKNOWN.value:
        return
    if row.exposures_matched >= row.exposures_planned:
        target = S.COMPLETE
    else:
        target = S.PARTIAL if row.exposures_executed else S.EXPIRED
    core.change(
        uow,
        row,
        target,
        reason="it was never known whether the facility had it; the window has ended",
        due_at=uow.now + AGAIN,
    )
    await core.clear(uow, row)


async def by_person(
    uow: UnitOfWork, submission_id: UUID, *, is_there: bool, who: str
) -> SubmissionRow:
    """A person has asked the telescope: it is there, or it is not.

    Raises
    ------
    ConflictError
        If nothing is unknown about it.
    """
    row = await store.submission(uow.session, submission_id, lock=True)
    now = uow.now
    if row.state == S.UNKNOWN.value:
        if is_there:
            is_file = uow.ctx.resources.config(row.facility).adapter != "ztf"
            core.change(
                uow,
                row,
                S.DELIVERED if is_file else S.ACCEPTED,
                reason=f"{who} says that it is there",
                due_at=now + AGAIN,
                accepted_at=row.accepted_at or now,
            )
        else:
            core.change(uow, row, S.REJECTED, reason=f"{who} says that it is not there")
    elif row.state in {S.CANCEL_REQUESTED.value, S.CANCEL_FAILED.value} and not is_there:
        core.change(
            uow, row, S.CANCELLED, reason=f"{who} says that it is not there", cancelled_at=now
        )
    else:
        raise ConflictError(f"it is {row.state}: nothing to settle", code="nothing_to_settle")
    core.note(uow, "settled by a person", who=who, row=row, is_there=is_there)
    await core.clear(uow, row)
    return row

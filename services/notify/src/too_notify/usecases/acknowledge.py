"""Acknowledge, hand over, let run out: one way for key, message, button and page."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from too_common.uow import UnitOfWork

from too_notify import texts
from too_notify.delivery import REACHED, DeliveryState, Purpose
from too_notify.incident import Outcome, Via
from too_notify.messages import UpdateThread
from too_notify.store import incidents as store
from too_notify.store.events import account_name
from too_notify.tables import IncidentRow
from too_notify.usecases.plan_delivery import post_news, tell
from too_notify.usecases.publish_incident import cause_of, publish_incident, read, record, write
from too_notify.usecases.run_step import stop_steps, trigger


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it, in words for the person."""

    outcome: Outcome
    words: str
    holder: UUID | None = None


async def acknowledge(uow: UnitOfWork, incident_id: UUID, *, account_id: UUID, via: Via) -> Answer:
    """Take an incident. The first wins; the others are told who has it."""
    row = await store.incident(uow.session, incident_id)
    name = await account_name(uow.session, account_id)
    lasts = timedelta(seconds=uow.ctx.settings.ack_lasts_s)
    state, outcome = read(row).acknowledge(
        account_id=account_id, name=name, via=via, now=uow.now, lasts=lasts
    )
    if outcome is Outcome.OVER:
        return Answer(outcome, f"{row.name} is over: {row.resolved_reason}.")
    if outcome is Outcome.TAKEN:
        record(uow, row, "acknowledged_too_late", account_id=account_id, name=name, via=via)
        return Answer(outcome, f"{row.ack_name} has it already.", row.ack_account_id)
    if row.has_submission:
        state = state.hold()
    write(row, state)
    uow.wake_due()
    if outcome is Outcome.EXTENDED:
        record(uow, row, "acknowledgement_extended", account_id=account_id, name=name, via=via)
        await publish_incident(uow, row)
        return Answer(outcome, f"You have {row.name}; the time begins anew.", account_id)
    record(uow, row, "acknowledged", account_id=account_id, name=name, via=via)
    await stop_steps(uow, row)
    await uow.clear_alarm(alarm_id=f"unanswered:{row.id}")
    await _tell_others(uow, row, account_id, name)
    await post_news(
        uow,
        f"{name} has acknowledged by {via}.",
        thread_key=row.thread_key,
        incident=row,
    )
    await update_thread(uow, row)
    await publish_incident(uow, row)
    return Answer(outcome, f"You have {row.name}.", account_id)


async def _tell_others(uow: UnitOfWork, row: IncidentRow, account_id: UUID, name: str) -> None:
    pages = await store.deliveries(uow.session, [row.id], purpose=Purpose.PAGE)
    reached = dict.fromkeys(
        page.account_id
        for page in pages
        if page.account_id not in {None, account_id} and DeliveryState(page.state) in REACHED
    )
    for other in reached:
        if other is not None:
            await tell(
                uow,
                other,
                purpose=Purpose.NEWS,
                subject=row.title,
                body=texts.taken(row.title, name),
                incident=row,
            )


async def hand_over(uow: UnitOfWork, incident_id: UUID, *, account_id: UUID, via: Via) -> Answer:
    """Pass an incident to the next on duty, who is called at once."""
    row = await store.incident(uow.session, incident_id)
    name = await account_name(uow.session, account_id)
    state, outcome = read(row).hand_over(account_id)
    if outcome is Outcome.OVER:
        return Answer(outcome, f"{row.name} is over: {row.resolved_reason}.")
    if outcome is Outcome.TAKEN:
        return Answer(outcome, f"{row.ack_name} has it already.", row.ack_account_id)
    if str(account_id) in row.passed:
        return Answer(outcome, f"{row.name} goes to the next on duty.")
    write(row, state)
    row.passed = [*row.passed, str(account_id)]
    record(uow, row, "handed_over", account_id=account_id, name=name, via=via)
    await stop_steps(uow, row)
    await post_news(
        uow, f"{name} hands over to the next on duty.", thread_key=row.thread_key, incident=row
    )
    await trigger(uow, row)
    await update_thread(uow, row)
    return Answer(outcome, f"{row.name} goes to the next on duty.")


async def run_out_acknowledgement(uow: UnitOfWork) -> datetime | None:
    """Trigger one incident again whose acknowledgement has run out; say when to look again."""
    row = await store.take_run_out_ack(uow.session, uow.now)
    if row is None:
        return await store.next_ack_end(uow.session)
    holder, name = row.ack_account_id, row.ack_name or ""
    state, ran_out = read(row).run_out(uow.now)
    if ran_out:
        write(row, state)
        record(uow, row, "acknowledgement_ran_out", account_id=holder, name=name)
        row.passed = []
        await post_news(
            uow,
            texts.ack_ran_out(row.title, name),
            thread_key=row.thread_key,
            incident=row,
        )
        await trigger(uow, row)
        await update_thread(uow, row)
    return uow.now


async def hold_acknowledgements(uow: UnitOfWork, event_id: UUID) -> None:
    """Something was submitted: the acknowledgement has served its end and stays."""
    for row in await store.of_event(uow.session, event_id):
        if row.has_submission:
            continue
        row.has_submission = True
        before = read(row)
        after = before.hold()
        if after != before:
            write(row, after)
            record(uow, row, "held_by_submission")


async def update_thread(uow: UnitOfWork, row: IncidentRow) -> None:
    """Have the first Slack message show the incident's state."""
    await uow.session.flush()
    await uow.enqueue(UpdateThread(incident_id=row.id), cause=cause_of(row))

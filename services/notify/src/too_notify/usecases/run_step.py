"""Trigger an incident and work off its escalation, step by step."""

from datetime import datetime
from uuid import UUID

from too_common.contracts.base import Mode
from too_common.contracts.notify import IncidentState
from too_common.uow import UnitOfWork

from too_notify import texts
from too_notify.delivery import Channel, DeliveryState, Purpose
from too_notify.escalation import (
    LADDER,
    Call,
    StepKind,
    has_failed,
    ladder,
    plan_step,
    within_cap,
)
from too_notify.programs import Severity
from too_notify.store import incidents as store
from too_notify.store import people
from too_notify.tables import DeliveryRow, IncidentRow, StepRow
from too_notify.usecases.plan_delivery import plan_delivery, post_news
from too_notify.usecases.publish_incident import publish_incident, record

_LAST = LADDER[-1].number


def is_channel_post(row: DeliveryRow) -> bool:
    """Say whether a delivery goes to the Slack channel, and not to a person."""
    return row.channel == Channel.SLACK and row.account_id is None


def page_of(uow: UnitOfWork, incident: IncidentRow) -> texts.Page:
    """What the texts of an incident are made of."""
    base = uow.ctx.common.public_base_url.rstrip("/")
    where = f"/events/{incident.event_id}" if incident.event_id else "/health"
    return texts.Page(
        title=incident.title,
        code=incident.code,
        address=base + where,
        programs=tuple(incident.programs),
    )


async def trigger(uow: UnitOfWork, incident: IncidentRow) -> None:
    """Begin a round of escalation: its steps as rows, the first worked off at once."""
    incident.round += 1
    incident.triggered_at = uow.now
    rows = [
        StepRow(
            incident_id=incident.id,
            round=incident.round,
            number=step.number,
            kind=step.kind,
            due_at=uow.now + step.delay,
            state=store.WAITING,
        )
        for step in ladder(Severity(incident.severity))
    ]
    uow.session.add_all(rows)
    await uow.session.flush()
    uow.wake_due()
    if rows:
        await work_step(uow, incident, rows[0])


async def run_due_step(uow: UnitOfWork) -> datetime | None:
    """Work off one due step; say when the next is due."""
    found = await store.take_due_step(uow.session, uow.now)
    if found is None:
        return await store.next_step_due(uow.session)
    step, incident = found
    if incident.state != IncidentState.TRIGGERED:
        step.state, step.done_at = store.SKIPPED, uow.now
    else:
        await work_step(uow, incident, step)
    return uow.now


async def work_step(uow: UnitOfWork, incident: IncidentRow, step: StepRow) -> None:
    """Plan what a step wants, and go on at once if it finds nobody."""
    roster, reach = await people.roster(uow.session, uow.now)
    on_duty = roster.on_duty(uow.now)
    kind = StepKind(step.kind)
    calls = plan_step(
        kind,
        on_duty=on_duty,
        everybody=roster.everybody(uow.now),
        reach=reach,
        called=[UUID(one) for one in incident.called],
        passed=[UUID(one) for one in incident.passed],
    )
    step.state = store.DONE if calls or kind is StepKind.LIST else store.SKIPPED
    step.done_at = uow.now
    incident.step = step.number
    page = page_of(uow, incident)
    for call in calls:
        await _plan_call(uow, incident, step, call, page)
    new = [str(call.account_id) for call in calls]
    incident.called = list(dict.fromkeys([*incident.called, *new]))
    if kind is StepKind.FIRST and not on_duty:
        await _nobody_on_duty(uow, incident)
    if kind is StepKind.LIST:
        await _unanswered(uow, incident, page)
    record(uow, incident, f"step_{kind}", detail=f"{len(calls)} messages")
    await publish_incident(uow, incident)
    await advance_if_failed(uow, incident, step.id)


async def _plan_call(
    uow: UnitOfWork, incident: IncidentRow, step: StepRow, call: Call, page: texts.Page
) -> DeliveryRow:
    is_drill = incident.mode == Mode.DRILL
    dropped = None
    # the first page of an astronomical event always goes out: a cap must never silence an alert
    is_first = incident.event_id is not None and StepKind(step.kind) is StepKind.FIRST
    if call.channel in {Channel.VOICE, Channel.SMS} and not is_first:
        sent = await store.pages_in_last_hour(
            uow.session,
            call.account_id,
            uow.now,
            is_drill=is_drill,
            of_events=incident.event_id is not None,
        )
        cap = uow.ctx.settings.max_pages_per_hour
        if not within_cap(sent, uow.now, cap):
            dropped = f"more than {cap} pages in an hour"
    body = {
        Channel.VOICE: texts.voice_page,
        Channel.SMS: texts.sms_page,
        Channel.EMAIL: texts.mail_page,
        Channel.SLACK: texts.sms_page,
    }[call.channel](page)
    return await plan_delivery(
        uow,
        channel=call.channel,
        purpose=Purpose.PAGE,
        subject=texts.mail_subject(page),
        body=body,
        account_id=call.account_id,
        incident=incident,
        step_id=step.id,
        dropped=dropped,
    )


async def _nobody_on_duty(uow: UnitOfWork, incident: IncidentRow) -> None:
    """Nobody on duty when a page comes: an alarm, and everybody is called at once."""
    await uow.alarm(
        alarm_id="nobody_on_duty",
        code="nobody_on_duty",
        summary=f"Nobody was on duty when {incident.name} came",
        event_id=incident.event_id,
        severity="critical",
    )
    await _bring_forward(uow, incident, to=StepKind.EVERYBODY)


async def _unanswered(uow: UnitOfWork, incident: IncidentRow, page: texts.Page) -> None:
    """Nobody has answered: the list, Slack and the red banner."""
    if uow.ctx.settings.mail_list:
        await plan_delivery(
            uow,
            channel=Channel.EMAIL,
            purpose=Purpose.PAGE,
            subject=f"UNANSWERED: {texts.mail_subject(page)}",
            body=texts.mail_list(page),
            name="mailing list",
            incident=incident,
        )
    await post_news(
        uow,
        f"Nobody has answered: {incident.title}",
        thread_key=incident.thread_key,
        incident=incident,
    )
    await uow.alarm(
        alarm_id=f"unanswered:{incident.id}",
        code="page_unanswered",
        summary=f"Nobody has answered the page: {incident.title}",
        event_id=incident.event_id,
        severity="critical",
    )


async def advance_if_failed(uow: UnitOfWork, incident: IncidentRow, step_id: UUID) -> None:
    """Go on at once if a step's messages have woken nobody and no later step has begun."""
    if incident.state != IncidentState.TRIGGERED:
        return
    step = await uow.session.get_one(StepRow, step_id)
    if step.round != incident.round or step.number != incident.step or step.number == _LAST:
        return
    messages = [
        (row.account_id, Channel(row.channel), DeliveryState(row.state))
        for row in await store.deliveries_of_step(uow.session, step_id)
        if row.account_id is not None
    ]
    if has_failed(messages):
        await _bring_forward(uow, incident)


async def _bring_forward(
    uow: UnitOfWork, incident: IncidentRow, *, to: StepKind | None = None
) -> None:
    """Make the next waiting step due now, or skip those before ``to``."""
    waiting = [
        row
        for row in await store.steps(uow.session, incident.id, state=store.WAITING)
        if row.round == incident.round
    ]
    for row in waiting:
        if to is None or row.kind == to:
            row.due_at = min(row.due_at, uow.now)
            break
        row.state, row.done_at = store.SKIPPED, uow.now
    await uow.session.flush()
    uow.wake_due()


async def stop_steps(uow: UnitOfWork, incident: IncidentRow) -> None:
    """Call off what waits, and hold back pages that nobody has begun to send."""
    for step in await store.steps(uow.session, incident.id, state=store.WAITING):
        step.state, step.done_at = store.SKIPPED, uow.now
    for row in await store.deliveries(uow.session, [incident.id], purpose=Purpose.PAGE):
        if row.state == DeliveryState.PLANNED and not is_channel_post(row):
            row.state, row.state_at = DeliveryState.DROPPED, uow.now
            row.reason = "no longer needed"
            store.add_log(uow.session, row, uow.now, "dropped")
    await uow.session.flush()

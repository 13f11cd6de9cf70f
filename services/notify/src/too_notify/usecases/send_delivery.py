"""What happens in the database before and after a message is sent, and when it is reported on."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from too_common.contracts.notify import IncidentState
from too_common.errors import TransientError
from too_common.uow import UnitOfWork

from too_notify.delivery import BAD, Channel, DeliveryState, Purpose, advance, may_send, reported
from too_notify.outcomes import STOPPED, Accepted, Post, Refused
from too_notify.store import incidents as store
from too_notify.store import people
from too_notify.tables import DeliveryRow, EventRow, IncidentRow, ThreadRow
from too_notify.usecases.acknowledge import update_thread
from too_notify.usecases.publish_incident import publish_incident
from too_notify.usecases.run_step import advance_if_failed, is_channel_post


@dataclass(frozen=True, slots=True)
class Intent:
    """A message that is about to be sent; committed before the network is touched."""

    delivery_id: UUID
    opaque_id: str
    channel: Channel
    to: str
    subject: str
    body: str
    attempt: int
    begun_at: datetime
    earlier_attempt_at: datetime | None
    thread: ThreadRow | None
    button: str | None


async def begin_delivery(uow: UnitOfWork, delivery_id: UUID) -> Intent | None:
    """Note that a message is being sent; None if there is nothing to send (any more)."""
    found = await store.delivery(uow.session, delivery_id)
    if found is None:
        return None
    row, incident = found
    state = DeliveryState(row.state)
    if not may_send(state):
        return None
    outstanding = row.begun_at if state is not DeliveryState.PLANNED else None
    if _is_moot(row, incident) and outstanding is None:
        row.state, row.state_at, row.reason = DeliveryState.DROPPED, uow.now, "no longer needed"
        store.add_log(uow.session, row, uow.now, "dropped")
        return None
    channel = Channel(row.channel)
    to = await _address(uow, row, channel)
    if to is None:
        await _settle(uow, row, incident, DeliveryState.FAILED, "there is no way to reach them")
        return None
    if outstanding is not None and state is DeliveryState.SENDING:
        # we ended between sending and noting the answer: nobody knows whether it was taken
        store.add_log(uow.session, row, uow.now, "unknown", reason="cut short")
    row.state = advance(state, DeliveryState.SENDING)
    row.state_at = uow.now
    row.attempt += 1
    row.begun_at = uow.now
    store.add_log(uow.session, row, uow.now, "begun")
    thread = None
    if _has_thread(row):
        thread = await store.thread(uow.session, row.thread_key or "")
        if incident is not None:
            await _wait_for_first_post(uow, row, incident, thread)
    return Intent(
        delivery_id=row.id,
        opaque_id=row.opaque_id,
        channel=channel,
        to=to,
        subject=row.subject,
        body=row.body,
        attempt=row.attempt,
        begun_at=uow.now,
        earlier_attempt_at=outstanding,
        thread=thread,
        button=row.opaque_id if row.purpose == Purpose.PAGE else None,
    )


def _has_thread(row: DeliveryRow) -> bool:
    """News to the channel and mails of one event belong together; a direct message stands alone."""
    if row.thread_key is None:
        return False
    return row.channel == Channel.EMAIL or is_channel_post(row)


def _is_moot(row: DeliveryRow, incident: IncidentRow | None) -> bool:
    return (
        row.purpose == Purpose.PAGE
        and not is_channel_post(row)
        and incident is not None
        and incident.state != IncidentState.TRIGGERED
    )


async def _address(uow: UnitOfWork, row: DeliveryRow, channel: Channel) -> str | None:
    settings = uow.ctx.settings
    if row.account_id is None:
        found = settings.slack_channel if channel is Channel.SLACK else settings.mail_list
        return str(found) or None
    card = await people.card(uow.session, row.account_id)
    if card is None:
        return None
    if channel is Channel.EMAIL:
        return card.email
    if channel is Channel.SLACK:
        return card.slack_user_id
    verified = card.phone_verified_at is not None or row.purpose == Purpose.VERIFY
    return card.phone if verified else None


async def record_accepted(
    uow: UnitOfWork, delivery_id: UUID, accepted: Accepted, post: Post | None = None
) -> None:
    """The provider took it. A callback may have come before this."""
    found = await store.delivery(uow.session, delivery_id)
    if found is None:
        return
    row, incident = found
    row.sid = row.sid or accepted.reference
    row.sent_at = row.sent_at or uow.now
    told = reported(accepted.status) or DeliveryState.QUEUED
    row.state = advance(advance(DeliveryState(row.state), DeliveryState.QUEUED), told)
    row.state_at = uow.now
    row.reason = None
    store.add_log(uow.session, row, uow.now, "accepted", reference=accepted.reference)
    await _measure(uow, row, incident)
    await _keep_thread(uow, row, post)
    await _tell(uow, row, incident)
    if incident is not None and _is_first_post(row) and incident.state != IncidentState.TRIGGERED:
        await update_thread(uow, incident)


def _is_first_post(row: DeliveryRow) -> bool:
    return is_channel_post(row) and row.purpose == Purpose.PAGE


async def _wait_for_first_post(
    uow: UnitOfWork, row: DeliveryRow, incident: IncidentRow, thread: ThreadRow
) -> None:
    """News go below the first message of their thread, so it goes first.

    Raises
    ------
    TransientError
        If that message is still to be sent.
    """
    if thread.slack_ts is not None or not is_channel_post(row) or _is_first_post(row):
        return
    first = await store.slack_page(uow.session, incident.id)
    if first is not None and may_send(DeliveryState(first.state)):
        raise TransientError("the thread has no first message yet")


async def _measure(uow: UnitOfWork, row: DeliveryRow, incident: IncidentRow | None) -> None:
    """Seconds from the notice's arrival to the first page in the provider's hands."""
    if incident is None or incident.event_id is None or row.account_id is None:
        return
    if row.purpose != Purpose.PAGE or incident.round != 1 or incident.step != 0:
        return
    event = await uow.session.get(EventRow, incident.event_id)
    if event is not None:
        seconds = max(0.0, (uow.now - event.received_at).total_seconds())
        uow.ctx.metrics.notice_seconds.labels("page").observe(seconds)


async def _keep_thread(uow: UnitOfWork, row: DeliveryRow, post: Post | None) -> None:
    if row.thread_key is None or not _has_thread(row):
        return
    thread = await store.thread(uow.session, row.thread_key)
    if post is not None and thread.slack_ts is None:
        thread.slack_channel, thread.slack_ts = post.channel, post.ts
    if row.channel == Channel.EMAIL and thread.mail_id is None:
        thread.mail_id = row.sid


async def record_refused(uow: UnitOfWork, delivery_id: UUID, refused: Refused) -> None:
    """The provider said no for good; a page goes on to the next step at once."""
    found = await store.delivery(uow.session, delivery_id)
    if found is None:
        return
    row, incident = found
    row.error_code = refused.code
    store.add_log(uow.session, row, uow.now, "refused", code=refused.code, reason=refused.reason)
    if refused.code == STOPPED:
        await _stopped(uow, row)
    await _settle(uow, row, incident, DeliveryState.FAILED, refused.reason)


async def record_not_taken(uow: UnitOfWork, delivery_id: UUID, reason: str) -> bool:
    """It was not taken for certain; say whether another attempt is due."""
    found = await store.delivery(uow.session, delivery_id)
    if found is None:
        return False
    row, incident = found
    row.begun_at = None
    row.reason = reason
    store.add_log(uow.session, row, uow.now, "not_taken", reason=reason)
    return await _again(uow, row, incident)


async def record_unknown(uow: UnitOfWork, delivery_id: UUID, reason: str) -> bool:
    """Its answer was lost; say whether it is to be looked for (and perhaps sent) again."""
    found = await store.delivery(uow.session, delivery_id)
    if found is None:
        return False
    row, incident = found
    row.state = advance(DeliveryState(row.state), DeliveryState.UNKNOWN)
    row.state_at, row.reason = uow.now, reason
    store.add_log(uow.session, row, uow.now, "unknown", reason=reason)
    await _tell(uow, row, incident)
    return await _again(uow, row, incident)


async def _again(uow: UnitOfWork, row: DeliveryRow, incident: IncidentRow | None) -> bool:
    if not may_send(DeliveryState(row.state)):
        return False
    if row.attempt < uow.ctx.settings.send_attempts:
        return True
    await _settle(uow, row, incident, DeliveryState.FAILED, row.reason or "given up")
    return False


async def report_delivery(
    uow: UnitOfWork,
    opaque_id: str,
    *,
    sid: str | None,
    status: str,
    error_code: int | None = None,
    answered_by: str | None = None,
) -> None:
    """A callback came: in order, out of order, twice, or about a twin of a lost message."""
    delivery_id = await store.id_of_opaque(uow.session, opaque_id)
    found = None if delivery_id is None else await store.delivery(uow.session, delivery_id)
    if found is None:
        return
    row, incident = found
    store.add_log(
        uow.session,
        row,
        uow.now,
        "callback",
        status=status,
        code=error_code,
        answered_by=answered_by,
        twin=row.sid is not None and sid != row.sid,
    )
    row.sid = row.sid or sid
    told = reported(status)
    if told is None:
        return
    state = advance(DeliveryState(row.state), told)
    if error_code is not None:
        row.error_code, row.reason = error_code, f"Twilio error {error_code}"
    if state == row.state:
        return
    row.state, row.state_at = state, uow.now
    row.sent_at = row.sent_at or uow.now
    if row.channel == Channel.SMS and state is DeliveryState.DELIVERED:
        await _reachable_again(uow, row)
    await _tell(uow, row, incident)
    await _after_failure(uow, row, incident)


async def _settle(
    uow: UnitOfWork,
    row: DeliveryRow,
    incident: IncidentRow | None,
    state: DeliveryState,
    reason: str,
) -> None:
    row.state = advance(DeliveryState(row.state), state)
    row.state_at, row.reason = uow.now, reason
    await _tell(uow, row, incident)
    await _after_failure(uow, row, incident)


async def _after_failure(uow: UnitOfWork, row: DeliveryRow, incident: IncidentRow | None) -> None:
    if DeliveryState(row.state) not in BAD or incident is None or row.step_id is None:
        return
    await uow.session.flush()
    await advance_if_failed(uow, incident, row.step_id)


async def _tell(uow: UnitOfWork, row: DeliveryRow, incident: IncidentRow | None) -> None:
    await uow.session.flush()
    if incident is not None and not is_channel_post(row):
        await publish_incident(uow, incident)


async def _stopped(uow: UnitOfWork, row: DeliveryRow) -> None:
    """The person has sent STOP: the rota shows it until a message arrives again."""
    card = None if row.account_id is None else await people.card(uow.session, row.account_id)
    if card is not None and card.sms_stopped_at is None:
        card.sms_stopped_at = uow.now
        card.revision += 1
        await uow.alarm(
            alarm_id=f"unreachable:{row.account_id}",
            code="unreachable",
            summary=f"{row.name} has stopped text messages and gets calls only",
        )


async def _reachable_again(uow: UnitOfWork, row: DeliveryRow) -> None:
    card = None if row.account_id is None else await people.card(uow.session, row.account_id)
    if card is not None and card.sms_stopped_at is not None:
        card.sms_stopped_at = None
        card.revision += 1
        await uow.clear_alarm(alarm_id=f"unreachable:{row.account_id}")

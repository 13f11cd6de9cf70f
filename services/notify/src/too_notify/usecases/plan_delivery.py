"""Plan a message: the intent is a row, and the job that sends it comes after the commit."""

from uuid import UUID

from too_common.cause import Cause
from too_common.contracts.base import Mode
from too_common.uow import UnitOfWork

from too_notify.delivery import Channel, DeliveryState, Purpose
from too_notify.incident import new_opaque_id
from too_notify.messages import SendDelivery
from too_notify.store import people
from too_notify.store.events import account_name
from too_notify.tables import DeliveryRow, IncidentRow
from too_notify.usecases.publish_incident import cause_of

_PRIORITY = {Purpose.PAGE: 10, Purpose.STAND_DOWN: 8, Purpose.TEST: 5, Purpose.VERIFY: 5}


async def plan_delivery(
    uow: UnitOfWork,
    *,
    channel: Channel,
    purpose: Purpose,
    body: str,
    account_id: UUID | None = None,
    name: str | None = None,
    subject: str = "",
    incident: IncidentRow | None = None,
    step_id: UUID | None = None,
    thread_key: str | None = None,
    mode: Mode = Mode.LIVE,
    dropped: str | None = None,
) -> DeliveryRow:
    """Plan one message.

    Parameters
    ----------
    channel, purpose, subject, body
        What to send, in which way and why.
    account_id, name
        To whom; without an account it goes to the channel or the list called ``name``.
    incident, step_id, thread_key
        Where it belongs.
    mode
        World, if there is no incident to say so.
    dropped
        Reason not to send it: the row is kept, so that a person can see why.
    """
    cause = uow.cause if incident is None else cause_of(incident, uow.cause.actor)
    world = mode if incident is None else Mode(incident.mode)
    row = DeliveryRow(
        opaque_id=new_opaque_id(),
        incident_id=None if incident is None else incident.id,
        step_id=step_id,
        thread_key=thread_key or (None if incident is None else incident.thread_key),
        account_id=account_id,
        name=name or await account_name(uow.session, account_id),
        channel=channel,
        purpose=purpose,
        subject=subject,
        body=body,
        mode=world,
        state=DeliveryState.PLANNED if dropped is None else DeliveryState.DROPPED,
        state_at=uow.now,
        planned_at=uow.now,
        attempt=0,
        reason=dropped,
    )
    uow.session.add(row)
    await uow.session.flush()
    if dropped is None:
        await _enqueue(uow, row, cause)
    return row


async def _enqueue(uow: UnitOfWork, row: DeliveryRow, cause: Cause) -> None:
    await uow.enqueue(
        SendDelivery(delivery_id=row.id),
        dedupe_key=str(row.id),
        priority=_PRIORITY.get(Purpose(row.purpose), 0),
        cause=cause,
    )


async def tell(
    uow: UnitOfWork,
    account_id: UUID,
    *,
    purpose: Purpose,
    subject: str,
    body: str,
    incident: IncidentRow | None = None,
    mode: Mode = Mode.LIVE,
) -> DeliveryRow | None:
    """Tell a person something once, without a call if there is another way.

    Returns
    -------
    DeliveryRow or None
        None if the person cannot be reached at all.
    """
    card = await people.card(uow.session, account_id)
    possible = frozenset() if card is None else people.possible_channels(card)
    for channel in (Channel.SMS, Channel.EMAIL, Channel.SLACK, Channel.VOICE):
        if channel in possible:
            return await plan_delivery(
                uow,
                channel=channel,
                purpose=purpose,
                subject=subject,
                body=body,
                account_id=account_id,
                incident=incident,
                mode=mode,
            )
    return None


async def post_news(
    uow: UnitOfWork,
    text: str,
    *,
    thread_key: str,
    incident: IncidentRow | None = None,
    mode: Mode = Mode.LIVE,
) -> None:
    """Post news into the Slack thread of an event or an alarm."""
    await plan_delivery(
        uow,
        channel=Channel.SLACK,
        purpose=Purpose.NEWS,
        body=text,
        name=uow.ctx.settings.slack_channel,
        incident=incident,
        thread_key=thread_key,
        mode=mode,
    )

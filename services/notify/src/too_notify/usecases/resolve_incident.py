"""Resolve incidents, and send one stand-down to those who were woken."""

from uuid import UUID

from too_common.contracts.base import Mode
from too_common.contracts.notify import IncidentState
from too_common.uow import UnitOfWork

from too_notify import texts
from too_notify.delivery import REACHED, Channel, DeliveryState, Purpose
from too_notify.incident import Outcome
from too_notify.store import incidents as store
from too_notify.store import people
from too_notify.store.events import account_name
from too_notify.tables import IncidentRow
from too_notify.usecases.acknowledge import Answer, update_thread
from too_notify.usecases.plan_delivery import plan_delivery, post_news, tell
from too_notify.usecases.publish_incident import publish_incident, read, record, write
from too_notify.usecases.run_step import stop_steps


async def resolve(uow: UnitOfWork, incident_id: UUID, *, account_id: UUID, reason: str) -> Answer:
    """Resolve at a person's word. Nobody is messaged: the person says that it is over."""
    row = await store.incident(uow.session, incident_id)
    if row.state == IncidentState.RESOLVED:
        return Answer(Outcome.OVER, f"{row.name} is over: {row.resolved_reason}.")
    name = await account_name(uow.session, account_id)
    row.resolved_by = account_id
    await close(uow, row, reason or f"resolved by {name}", by=account_id, by_name=name)
    return Answer(Outcome.DONE, f"{row.name} is resolved.")


async def close(
    uow: UnitOfWork,
    row: IncidentRow,
    reason: str,
    *,
    by: UUID | None = None,
    by_name: str | None = None,
    quiet: bool = False,
) -> None:
    """End an open incident: nothing more is sent for it but news."""
    state, outcome = read(row).resolve(reason)
    if outcome is Outcome.OVER:
        return
    write(row, state)
    row.resolved_at = uow.now
    record(uow, row, "resolved", account_id=by, name=by_name, detail=reason)
    await stop_steps(uow, row)
    await uow.clear_alarm(alarm_id=f"unanswered:{row.id}")
    if not quiet:
        text = f"Resolved: {reason}"
        await post_news(uow, text, thread_key=row.thread_key, incident=row)
    await update_thread(uow, row)
    await publish_incident(uow, row)


async def end_event(uow: UnitOfWork, event_id: UUID, name: str, reason: str) -> None:
    """Resolve what is open about an event and tell everybody who was woken, once.

    Those whom earlier, already resolved incidents of the event had woken are told too.
    """
    rows = await store.of_event(uow.session, event_id)
    await end_incidents(uow, rows, name, reason)


async def end_incidents(uow: UnitOfWork, rows: list[IncidentRow], name: str, reason: str) -> None:
    """Resolve incidents about one thing and send one stand-down to each person reached."""
    if not rows:
        return
    for row in rows:
        if row.state != IncidentState.RESOLVED:
            await close(uow, row, reason)
    latest = rows[0]
    owed = await _owed_a_stand_down(uow, rows)
    for account_id in owed:
        body = texts.stand_down(name, reason, Mode(latest.mode))
        subject = f"STAND DOWN {name}"
        told = await tell(
            uow,
            account_id,
            purpose=Purpose.STAND_DOWN,
            subject=subject,
            body=body,
            incident=latest,
        )
        submitted = any(row.has_submission for row in rows)
        if submitted and told is not None and told.channel != Channel.VOICE:
            await _call_too(uow, latest, account_id, body)
    if owed:
        await publish_incident(uow, latest)


async def _owed_a_stand_down(uow: UnitOfWork, rows: list[IncidentRow]) -> list[UUID]:
    """People reached since the last stand-down that they got."""
    owed: dict[UUID, None] = {}
    for delivery in await store.deliveries(uow.session, [row.id for row in rows]):
        if delivery.account_id is None:
            continue
        if delivery.purpose == Purpose.STAND_DOWN:
            owed.pop(delivery.account_id, None)
        elif delivery.purpose == Purpose.PAGE and DeliveryState(delivery.state) in REACHED:
            owed[delivery.account_id] = None
    return list(owed)


async def _call_too(uow: UnitOfWork, row: IncidentRow, account_id: UUID, body: str) -> None:
    """Telescopes are working on it: call as well, if that is this person's way."""
    card = await people.card(uow.session, account_id)
    if card is None or Channel.VOICE not in people.possible_channels(card):
        return
    if Channel.VOICE in people.wished_channels(card):
        await plan_delivery(
            uow,
            channel=Channel.VOICE,
            purpose=Purpose.STAND_DOWN,
            body=texts.spoken(body),
            account_id=account_id,
            incident=row,
        )

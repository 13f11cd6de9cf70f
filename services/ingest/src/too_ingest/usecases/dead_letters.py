"""Bury what cannot be read, show it, read it again after a fix, or discard it."""

import re
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from too_common.errors import ConflictError, NotFoundError
from too_common.ids import uuid7
from too_common.uow import UnitOfWork

from too_ingest import store
from too_ingest.notices.values import clean_text
from too_ingest.tables import DeadLetter, RawNotice

_SUPEREVENT = re.compile(rb"\b[MT]?S\d{6}[a-z]{1,8}\b")
_NUMBER = re.compile(rb"(?:TrigID|Trans_Num|\"id\")[^0-9A-Za-z-]{1,40}(?:value=.)?(-?\d{4,12})")
_BURST = re.compile(rb"\bsb\d{8}\b")
SEARCHED_BYTES = 65_536


def guess_ids(body: bytes) -> list[str]:
    """Ids that unreadable bytes seem to speak of."""
    head = body[:SEARCHED_BYTES]
    found = [*_SUPEREVENT.findall(head), *_NUMBER.findall(head), *_BURST.findall(head)]
    return list(dict.fromkeys(item.decode("ascii") for item in found[:20]))


def alarm_id(raw_id: UUID) -> str:
    """Name of the alarm of a dead letter."""
    return f"dead_letter:{raw_id}"


async def bury(uow: UnitOfWork, raw_id: UUID, reason: str) -> UUID | None:
    """Put an unread message among the dead letters and tell a person; None if it was read."""
    raw = await store.lock_raw(uow.session, raw_id)
    if raw is None or raw.state not in {"received", "dead"}:
        return None
    reason = clean_text(reason)[:1000]
    dead = await store.open_dead_letter_of(uow.session, raw.id)
    if dead is not None:
        dead.reason, dead.attempts = reason, dead.attempts + 1
    else:
        events = await store.events_by_any_id(uow.session, guess_ids(raw.body), raw.drill_key)
        dead = DeadLetter(
            id=uuid7(),
            raw_id=raw.id,
            event_id=events[0] if len(events) == 1 else None,
            reason=reason,
            state="open",
            created_at=uow.now,
            attempts=1,
        )
        uow.session.add(dead)
        uow.after_commit(uow.ctx.metrics.dead_letters.labels(f"notice:{raw.source}").inc)
    raw.state = "dead"
    await uow.session.flush()
    await uow.alarm(
        alarm_id=alarm_id(raw.id),
        code="dead_letter",
        summary=f"A message on {raw.topic or 'no topic'} cannot be read: {reason[:300]}",
        event_id=dead.event_id,
    )
    return dead.id


async def _open(uow: UnitOfWork, dead_id: UUID) -> tuple[DeadLetter, RawNotice]:
    dead = await uow.session.get(DeadLetter, dead_id, with_for_update=True)
    if dead is None:
        raise NotFoundError(f"there is no dead letter {dead_id}")
    if dead.state != "open":
        raise ConflictError(f"the dead letter is {dead.state} already")
    raw = await store.lock_raw(uow.session, dead.raw_id)
    if raw is None:
        raise NotFoundError(f"the bytes of dead letter {dead_id} are gone")
    return dead, raw


async def open_ids(uow: UnitOfWork, *, topic: str | None, limit: int) -> Sequence[UUID]:
    """Ids of open dead letters, the oldest first."""
    statement = (
        select(DeadLetter.id)
        .where(DeadLetter.state == "open")
        .order_by(DeadLetter.created_at, DeadLetter.id)
        .limit(limit)
    )
    if topic is not None:
        statement = statement.join(RawNotice, RawNotice.id == DeadLetter.raw_id).where(
            RawNotice.topic == topic
        )
    return (await uow.session.execute(statement)).scalars().all()


async def revive(uow: UnitOfWork, dead_id: UUID) -> UUID:
    """Mark a dead letter's message as unread again; gives the raw notice to read."""
    _, raw = await _open(uow, dead_id)
    raw.state = "received"
    return raw.id


async def settle(uow: UnitOfWork, raw_ids: Sequence[UUID]) -> None:
    """Close the dead letters of messages that have been read."""
    if not raw_ids:
        return
    waiting = (
        select(DeadLetter)
        .where(DeadLetter.raw_id.in_(raw_ids), DeadLetter.state == "open")
        .with_for_update()
    )
    for dead in (await uow.session.execute(waiting)).scalars():
        dead.state, dead.settled_at, dead.settled_by = "replayed", uow.now, uow.cause.actor
        await uow.clear_alarm(alarm_id=alarm_id(dead.raw_id))


async def discard(uow: UnitOfWork, dead_id: UUID, reason: str) -> None:
    """Close a dead letter unread, and say why; its bytes are kept."""
    dead, raw = await _open(uow, dead_id)
    dead.state, dead.settled_at, dead.settled_by = "discarded", uow.now, uow.cause.actor
    dead.settled_reason = clean_text(reason)[:500]
    raw.state = "dead"
    await uow.clear_alarm(alarm_id=alarm_id(raw.id))

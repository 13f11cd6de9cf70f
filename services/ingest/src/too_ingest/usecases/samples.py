"""Send a sample alert: its messages become rows that fall due on the stack clock."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from too_common.errors import NotFoundError
from too_common.ids import uuid7
from too_common.jobs import JobPayload
from too_common.uow import UnitOfWork

from too_ingest.samples import SAMPLES, SampleMessage
from too_ingest.tables import EventId, SampleMessageRow

SERIAL_LOCK = 7_310_001
"""Advisory lock under which an id is given to one sample only."""


async def next_serial(uow: UnitOfWork, name: str) -> int:
    """Number of the next sample: earlier samples and events make it grow, so ids never repeat.

    Raises
    ------
    NotFoundError
        If there is no such sample.
    """
    if name not in SAMPLES:
        raise NotFoundError(f"there is no sample {name!r}; there are {', '.join(SAMPLES)}")
    sent = select(func.count(func.distinct(SampleMessageRow.native_id)))
    known = select(func.count()).select_from(EventId)
    return (await uow.session.execute(sent)).scalar_one() + (
        await uow.session.execute(known)
    ).scalar_one()


async def schedule_sample(
    uow: UnitOfWork, name: str, messages: Sequence[SampleMessage], *, at_once: bool = False
) -> Sequence[SampleMessageRow] | None:
    """Plan the messages of a sample alert; None if another event has taken its id meanwhile.

    Parameters
    ----------
    at_once
        Without the pauses between the messages.
    """
    await uow.session.execute(select(func.pg_advisory_xact_lock(SERIAL_LOCK)))
    native_id = messages[0].native_id
    taken = await uow.session.scalar(
        select(func.count()).select_from(EventId).where(EventId.native_id == native_id)
    )
    planned = await uow.session.scalar(
        select(func.count())
        .select_from(SampleMessageRow)
        .where(SampleMessageRow.native_id == native_id)
    )
    if taken or planned:
        return None
    rows = [
        SampleMessageRow(
            id=uuid7(),
            sample=name,
            native_id=message.native_id,
            topic=message.topic,
            key=message.key,
            body=message.body,
            due_at=uow.now + timedelta(seconds=0 if at_once else message.delay_s),
            state="waiting",
        )
        for message in messages
    ]
    uow.session.add_all(rows)
    await uow.session.flush()
    uow.wake_due()
    return rows


async def take_due(uow: UnitOfWork, make_job: Callable[[UUID], JobPayload]) -> datetime | None:
    """Hand one due message to the job queue; gives when to look again."""
    row = (
        await uow.session.execute(
            select(SampleMessageRow)
            .where(SampleMessageRow.state == "waiting")
            .order_by(SampleMessageRow.due_at, SampleMessageRow.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
    ).scalar_one_or_none()
    if row is None:
        return None
    if row.due_at > uow.now:
        return row.due_at
    row.state = "taken"
    await uow.enqueue(make_job(row.id), dedupe_key=str(row.id))
    return uow.now


async def body_of(uow: UnitOfWork, sample_id: UUID) -> bytes:
    """Bytes of a sample message."""
    body = await uow.session.scalar(
        select(SampleMessageRow.body).where(SampleMessageRow.id == sample_id)
    )
    return body or b""


async def mark_sent(uow: UnitOfWork, sample_id: UUID) -> None:
    """Note that a sample message has left."""
    row = await uow.session.get(SampleMessageRow, sample_id, with_for_update=True)
    if row is not None:
        row.state, row.sent_at = "sent", uow.now

"""Game-day drills: a past event's notices come again as an exercise.

What a drill still has to send are rows due in stack time, so it goes on after a restart. Each
notice is stored under the drill's own key: an event of its own, in mode `drill` all the way.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from uuid import UUID

from sqlalchemy import func, select, update
from too_common.cause import Cause
from too_common.contracts.base import Mode
from too_common.errors import ConflictError, InvalidError, NotFoundError
from too_common.ids import uuid7
from too_common.jobs import JobPayload
from too_common.uow import UnitOfWork

from too_ingest import raw_store
from too_ingest.drill_plan import MAX_SPEED, DrillTimes, PastNotice, in_order
from too_ingest.event_state import KIND_RANK, MANUAL_MISSION
from too_ingest.notices import ParsedNotice
from too_ingest.stream_tables import Drill, DrillMessage
from too_ingest.tables import NO_DRILL, Event, EventId, Notice, RawNotice
from too_ingest.usecases.store_notice import Incoming, store_notices

RUNNING, DONE, STOPPED, ENDED = "running", "done", "stopped", "ended"
WAITING, SENT, CANCELLED = "waiting", "sent", "cancelled"


def times_of(drill: Drill) -> DrillTimes:
    """How the drill's times go."""
    return DrillTimes(drill.anchor_at, drill.begun_at, drill.speed)


async def as_of_the_drill(uow: UnitOfWork, raw: RawNotice, notice: ParsedNotice) -> ParsedNotice:
    """A notice with the times of its drill, if it belongs to one that we run."""
    if raw.drill_key == NO_DRILL or raw.source != "drill":
        return notice
    drill = await uow.session.get(Drill, UUID(raw.drill_key))
    return notice if drill is None else times_of(drill).of(notice)


async def find_source(uow: UnitOfWork, name_or_id: str) -> Event:
    """The past event, by its id, its name or any mission's id.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    by_id = None
    with suppress(ValueError):
        by_id = UUID(name_or_id)
    if by_id is not None:
        event = await uow.session.get(Event, by_id)
    else:
        owners = select(EventId.event_id).where(
            EventId.native_id == name_or_id, EventId.drill_key == NO_DRILL
        )
        event = (
            await uow.session.execute(
                select(Event)
                .where(
                    (Event.name == name_or_id) | Event.id.in_(owners), Event.drill_key == NO_DRILL
                )
                .order_by(Event.latest_notice_at.desc())
                .limit(1)
            )
        ).scalar_one_or_none()
    if event is None:
        raise NotFoundError(f"there is no event {name_or_id!r}")
    return event


async def start_drill(uow: UnitOfWork, event: Event, *, speed: float) -> Drill:
    """Plan a drill of a past event; its first notice is due at once.

    Raises
    ------
    InvalidError
        If the speed is no positive number.
    ConflictError
        If the event is a drill itself, or has no notice of a mission.
    """
    if not 0 < speed <= MAX_SPEED:
        raise InvalidError(f"the speed lies between 0 and {MAX_SPEED:g}", code="speed")
    if event.drill_key != NO_DRILL:
        raise ConflictError("the event is a drill itself; name the past event", code="is_drill")
    rows = (
        await uow.session.execute(
            select(Notice).where(Notice.event_id == event.id, Notice.mission != MANUAL_MISSION)
        )
    ).scalars()
    past = in_order(
        [
            PastNotice(
                row.raw_id,
                row.notice_time or row.received_at,
                next((n for kind, n in KIND_RANK.items() if kind == row.alert_kind), 0),
                row.notice_type,
            )
            for row in rows
        ]
    )
    if not past:
        raise ConflictError("the event has no notice of a mission to send", code="no_notices")
    drill = Drill(
        id=uuid7(),
        source_event_id=event.id,
        source_name=event.name,
        speed=speed,
        state=RUNNING,
        anchor_at=past[0].moment,
        begun_at=uow.now,
        cause=uow.cause.to_json(),
    )
    uow.session.add(drill)
    await uow.session.flush()
    times = times_of(drill)
    uow.session.add_all(
        DrillMessage(
            drill_id=drill.id,
            position=position,
            raw_id=one.raw_id,
            notice_type=one.notice_type,
            due_at=times.of_notice(one.moment),
            state=WAITING,
        )
        for position, one in enumerate(past, start=1)
    )
    await uow.session.flush()
    uow.wake_due()
    return drill


async def send_due(
    uow: UnitOfWork, read_later: Callable[[UUID], JobPayload]
) -> "DrillMessage | None":
    """Store the next notice that is due and have it read; gives the earliest row that waits."""
    row = (
        await uow.session.execute(
            select(DrillMessage)
            .where(DrillMessage.state == WAITING)
            .order_by(DrillMessage.due_at, DrillMessage.drill_id, DrillMessage.position)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
    ).scalar_one_or_none()
    if row is None or row.due_at > uow.now:
        return row
    drill = await uow.session.get_one(Drill, row.drill_id, with_for_update=True)
    person = Cause.from_json(drill.cause)
    cause = Cause(mode=Mode.DRILL, drill_id=drill.id, actor=person.actor)
    body, topic = await raw_store.read_raw(uow.session, row.raw_id)
    incoming = Incoming(
        body=body, topic=topic, source="drill", source_time=row.due_at, origin_id=drill.id
    )
    (stored,) = await store_notices(uow, [(incoming, cause)])
    row.state, row.sent_raw_id, row.sent_at = SENT, stored.raw_id, uow.now
    await uow.enqueue(
        read_later(stored.raw_id), dedupe_key=str(stored.raw_id), cause=cause, priority=1
    )
    await uow.session.flush()
    if not await _waiting(uow, drill.id):
        drill.state, drill.finished_at = DONE, uow.now
    return row


async def _waiting(uow: UnitOfWork, drill_id: UUID) -> int:
    statement = (
        select(func.count())
        .select_from(DrillMessage)
        .where(DrillMessage.drill_id == drill_id, DrillMessage.state == WAITING)
    )
    return (await uow.session.execute(statement)).scalar_one()


async def get_drill(uow: UnitOfWork, drill_id: UUID, *, lock: bool = False) -> Drill:
    """A drill, or 404."""
    drill = await uow.session.get(Drill, drill_id, with_for_update=lock or None)
    if drill is None:
        raise NotFoundError(f"there is no drill {drill_id}")
    return drill


async def stop_drill(uow: UnitOfWork, drill_id: UUID) -> Drill:
    """Send no more of its notices; what has come of them stays.

    Raises
    ------
    ConflictError
        If it does not run.
    """
    drill = await get_drill(uow, drill_id, lock=True)
    if drill.state != RUNNING:
        raise ConflictError(f"the drill is {drill.state} already", code="not_running")
    await _cancel(uow, drill)
    drill.state = STOPPED
    return drill


async def end_drill(uow: UnitOfWork, drill_id: UUID) -> tuple[Drill, Sequence[UUID]]:
    """Stop a drill for good; gives the drill's events that are open, for the caller to close.

    Raises
    ------
    ConflictError
        If it has been ended.
    """
    drill = await get_drill(uow, drill_id, lock=True)
    if drill.state == ENDED:
        raise ConflictError("the drill is ended already", code="is_ended")
    await _cancel(uow, drill)
    drill.state = ENDED
    return drill, await open_events(uow, drill_id)


async def open_events(uow: UnitOfWork, drill_id: UUID) -> Sequence[UUID]:
    """Events of a drill that are not retracted."""
    statement = (
        select(Event.id)
        .where(Event.drill_key == str(drill_id), Event.is_retracted.is_(False))
        .order_by(Event.created_at)
    )
    return (await uow.session.execute(statement)).scalars().all()


async def _cancel(uow: UnitOfWork, drill: Drill) -> None:
    await uow.session.execute(
        update(DrillMessage)
        .where(DrillMessage.drill_id == drill.id, DrillMessage.state == WAITING)
        .values(state=CANCELLED)
    )
    drill.finished_at = uow.now

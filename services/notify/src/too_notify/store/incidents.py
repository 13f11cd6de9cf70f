"""Incidents, their steps, deliveries and logs."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from too_common.contracts.notify import IncidentState
from too_common.errors import NotFoundError

from too_notify.delivery import Channel, DeliveryState, Purpose
from too_notify.tables import (
    DeliveryLogRow,
    DeliveryRow,
    IncidentLogRow,
    IncidentRow,
    StepRow,
    ThreadRow,
)

WAITING, DONE, SKIPPED = "waiting", "done", "skipped"
"""States of a step."""


async def incident(session: AsyncSession, incident_id: UUID, *, lock: bool = True) -> IncidentRow:
    """One incident, locked unless asked otherwise.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    row = await session.get(
        IncidentRow, incident_id, with_for_update=lock or None, populate_existing=lock
    )
    if row is None:
        raise NotFoundError(f"no incident {incident_id}")
    return row


async def of_event(session: AsyncSession, event_id: UUID) -> list[IncidentRow]:
    """All incidents of an event, the latest first, locked."""
    statement = (
        select(IncidentRow)
        .where(IncidentRow.event_id == event_id, IncidentRow.alarm_id.is_(None))
        .order_by(IncidentRow.opened_at.desc(), IncidentRow.id.desc())
        .with_for_update()
    )
    return list(await session.scalars(statement))


async def open_by_key(session: AsyncSession, key: str) -> IncidentRow | None:
    """The open incident with this key, locked."""
    statement = (
        select(IncidentRow)
        .where(IncidentRow.key == key, IncidentRow.state != IncidentState.RESOLVED)
        .with_for_update()
    )
    return (await session.scalars(statement)).one_or_none()


async def open_by_code(session: AsyncSession, code: str) -> IncidentRow | None:
    """The open incident with this code, locked."""
    statement = (
        select(IncidentRow)
        .where(IncidentRow.code == code, IncidentRow.state != IncidentState.RESOLVED)
        .with_for_update()
    )
    return (await session.scalars(statement)).one_or_none()


async def latest_by_code(session: AsyncSession, code: str) -> IncidentRow | None:
    """The latest incident that had this code, open or not."""
    statement = (
        select(IncidentRow)
        .where(IncidentRow.code == code)
        .order_by(IncidentRow.opened_at.desc())
        .limit(1)
    )
    return (await session.scalars(statement)).one_or_none()


async def open_that_called(session: AsyncSession, account_id: UUID) -> list[IncidentRow]:
    """Open incidents that called this person, the latest first."""
    statement = (
        select(IncidentRow)
        .where(
            IncidentRow.state != IncidentState.RESOLVED,
            IncidentRow.called.contains([str(account_id)]),
        )
        .order_by(IncidentRow.opened_at.desc())
    )
    return list(await session.scalars(statement))


async def code_is_taken(session: AsyncSession, code: str) -> bool:
    """Say whether an open incident has this code."""
    statement = select(IncidentRow.id).where(
        IncidentRow.code == code, IncidentRow.state != IncidentState.RESOLVED
    )
    return (await session.execute(statement)).first() is not None


async def listed(
    session: AsyncSession,
    *,
    states: Collection[str] = (),
    event_id: UUID | None = None,
    limit: int = 50,
    before: datetime | None = None,
) -> list[IncidentRow]:
    """Incidents, newest first."""
    order = (IncidentRow.opened_at.desc(), IncidentRow.id.desc())
    statement = select(IncidentRow).order_by(*order).limit(limit)
    if states:
        statement = statement.where(IncidentRow.state.in_(states))
    if event_id is not None:
        statement = statement.where(IncidentRow.event_id == event_id)
    if before is not None:
        statement = statement.where(IncidentRow.opened_at < before)
    return list(await session.scalars(statement))


async def log(session: AsyncSession, incident_id: UUID) -> list[IncidentLogRow]:
    """What happened to an incident, in order."""
    statement = (
        select(IncidentLogRow)
        .where(IncidentLogRow.incident_id == incident_id)
        .order_by(IncidentLogRow.id)
    )
    return list(await session.scalars(statement))


# --- steps ------------------------------------------------------------------------------------


async def take_due_step(session: AsyncSession, now: datetime) -> tuple[StepRow, IncidentRow] | None:
    """The step that has been due longest, with its incident locked.

    The incident's lock stands for its steps and deliveries: whoever changes those takes it first.
    """
    statement = (
        select(StepRow, IncidentRow)
        .join(IncidentRow, IncidentRow.id == StepRow.incident_id)
        .where(StepRow.state == WAITING, StepRow.due_at <= now)
        .order_by(StepRow.due_at, StepRow.number)
        .limit(1)
        .with_for_update(of=IncidentRow, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    found = (await session.execute(statement)).one_or_none()
    return None if found is None else (found[0], found[1])


async def next_step_due(session: AsyncSession) -> datetime | None:
    """When the next step is due."""
    statement = (
        select(StepRow.due_at).where(StepRow.state == WAITING).order_by(StepRow.due_at).limit(1)
    )
    return await session.scalar(statement)


async def steps(
    session: AsyncSession, incident_id: UUID, *, state: str | None = None
) -> list[StepRow]:
    """Steps of an incident, in order."""
    statement = (
        select(StepRow)
        .where(StepRow.incident_id == incident_id)
        .order_by(StepRow.round, StepRow.number)
    )
    if state is not None:
        statement = statement.where(StepRow.state == state)
    return list(await session.scalars(statement))


async def take_run_out_ack(session: AsyncSession, now: datetime) -> IncidentRow | None:
    """An incident whose acknowledgement has run out, locked."""
    statement = (
        select(IncidentRow)
        .where(IncidentRow.state == IncidentState.ACKNOWLEDGED, IncidentRow.ack_runs_out_at <= now)
        .order_by(IncidentRow.ack_runs_out_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return (await session.scalars(statement)).one_or_none()


async def next_ack_end(session: AsyncSession) -> datetime | None:
    """When the next acknowledgement runs out."""
    statement = (
        select(IncidentRow.ack_runs_out_at)
        .where(
            IncidentRow.state == IncidentState.ACKNOWLEDGED,
            IncidentRow.ack_runs_out_at.is_not(None),
        )
        .order_by(IncidentRow.ack_runs_out_at)
        .limit(1)
    )
    return await session.scalar(statement)


# --- deliveries -------------------------------------------------------------------------------


async def delivery(
    session: AsyncSession, delivery_id: UUID
) -> tuple[DeliveryRow, IncidentRow | None] | None:
    """One delivery and its incident, both locked, the incident first."""
    statement = select(DeliveryRow.incident_id).where(DeliveryRow.id == delivery_id)
    found = (await session.execute(statement)).one_or_none()
    if found is None:
        return None
    owner = None if found[0] is None else await incident(session, found[0])
    row = await session.get_one(
        DeliveryRow, delivery_id, with_for_update=True, populate_existing=True
    )
    return row, owner


async def id_of_opaque(session: AsyncSession, opaque_id: str) -> UUID | None:
    """The delivery that a webhook's address names."""
    statement = select(DeliveryRow.id).where(DeliveryRow.opaque_id == opaque_id)
    return await session.scalar(statement)


async def deliveries(
    session: AsyncSession, incident_ids: Collection[UUID], *, purpose: Purpose | None = None
) -> list[DeliveryRow]:
    """Deliveries of incidents, in the order in which they were planned."""
    statement = (
        select(DeliveryRow)
        .where(DeliveryRow.incident_id.in_(incident_ids))
        .order_by(DeliveryRow.planned_at, DeliveryRow.id)
        .execution_options(populate_existing=True)
    )
    if purpose is not None:
        statement = statement.where(DeliveryRow.purpose == purpose)
    return list(await session.scalars(statement))


async def deliveries_of_step(session: AsyncSession, step_id: UUID) -> list[DeliveryRow]:
    """Messages of one step."""
    return list(await session.scalars(select(DeliveryRow).where(DeliveryRow.step_id == step_id)))


async def pages_in_last_hour(
    session: AsyncSession, account_id: UUID, now: datetime, *, is_drill: bool, of_events: bool
) -> list[datetime]:
    """When calls and messages of pages went to a person.

    Drills are counted apart, and so are pages of events and of alarms: a storm of alarms must not
    use up the pages of an alert.
    """
    statement = (
        select(DeliveryRow.planned_at)
        .join(IncidentRow)
        .where(
            IncidentRow.event_id.is_not(None) if of_events else IncidentRow.event_id.is_(None),
            DeliveryRow.account_id == account_id,
            DeliveryRow.planned_at > now - timedelta(hours=1),
            DeliveryRow.channel.in_([Channel.VOICE, Channel.SMS]),
            DeliveryRow.purpose == Purpose.PAGE,
            DeliveryRow.state != DeliveryState.DROPPED,
            (DeliveryRow.mode == "drill") if is_drill else (DeliveryRow.mode != "drill"),
        )
    )
    return list(await session.scalars(statement))


async def tests_in_last_hour(session: AsyncSession, account_id: UUID, now: datetime) -> int:
    """How many test and verification messages went to a person."""
    statement = select(DeliveryRow.id).where(
        DeliveryRow.account_id == account_id,
        DeliveryRow.planned_at > now - timedelta(hours=1),
        DeliveryRow.purpose.in_([Purpose.TEST, Purpose.VERIFY]),
    )
    return len((await session.execute(statement)).all())


async def tests_of(session: AsyncSession, account_id: UUID, limit: int) -> list[DeliveryRow]:
    """Latest test messages of a person."""
    statement = (
        select(DeliveryRow)
        .where(DeliveryRow.account_id == account_id, DeliveryRow.purpose == Purpose.TEST)
        .order_by(DeliveryRow.planned_at.desc())
        .limit(limit)
    )
    return list(await session.scalars(statement))


async def known_sids(session: AsyncSession, sids: Sequence[str]) -> set[str]:
    """Which of a provider's ids belong to one of our deliveries already."""
    statement = select(DeliveryRow.sid).where(DeliveryRow.sid.in_(sids))
    return {sid for sid in await session.scalars(statement) if sid is not None}


async def delivery_log(
    session: AsyncSession, delivery_ids: Collection[UUID]
) -> dict[UUID, list[DeliveryLogRow]]:
    """Attempts, outcomes and callbacks by delivery."""
    statement = (
        select(DeliveryLogRow)
        .where(DeliveryLogRow.delivery_id.in_(delivery_ids))
        .order_by(DeliveryLogRow.id)
    )
    found: dict[UUID, list[DeliveryLogRow]] = {}
    for row in await session.scalars(statement):
        found.setdefault(row.delivery_id, []).append(row)
    return found


def add_log(
    session: AsyncSession, row: DeliveryRow, at: datetime, what: str, **detail: Any
) -> None:
    """Append to a delivery's log. Never numbers or addresses."""
    session.add(
        DeliveryLogRow(delivery_id=row.id, attempt=row.attempt, at=at, what=what, detail=detail)
    )


async def thread(session: AsyncSession, key: str) -> ThreadRow:
    """Thread of an event's news, made when first asked for; locked."""
    await session.execute(insert(ThreadRow).values(key=key).on_conflict_do_nothing())
    return await session.get_one(ThreadRow, key, with_for_update=True, populate_existing=True)


async def slack_page(session: AsyncSession, incident_id: UUID) -> DeliveryRow | None:
    """The message to the Slack channel that opened an incident."""
    statement = (
        select(DeliveryRow)
        .where(
            DeliveryRow.incident_id == incident_id,
            DeliveryRow.channel == Channel.SLACK,
            DeliveryRow.purpose == Purpose.PAGE,
            DeliveryRow.account_id.is_(None),
        )
        .order_by(DeliveryRow.planned_at)
        .limit(1)
    )
    return (await session.scalars(statement)).one_or_none()

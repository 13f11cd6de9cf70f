"""Queries on the read models: write only what is not older, read what the pages show."""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import and_, func, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from too_common.contracts import ingest
from too_common.contracts.base import Envelope, EventData, Mode

from too_vetting_api.domain.projections import Kind, Row, is_snapshot
from too_vetting_api.domain.timeline import Mark, Step
from too_vetting_api.tables import EventAlias, EventRow, Milestone, Projection

LIVE_CHANNEL = "vetting_api_live"
"""NOTIFY channel on which open pages hear that something changed."""

D = TypeVar("D", bound=EventData)


async def upsert(session: AsyncSession, envelope: Envelope[Any], row: Row) -> bool:
    """Keep a message's state unless a later one is known; True if it was kept."""
    statement = insert(Projection).values(
        kind=row.kind.value,
        item_id=row.item_id,
        event_id=row.event_id,
        revision=envelope.revision,
        mode=envelope.mode.value,
        correlation_id=envelope.correlation_id,
        occurred_at=envelope.occurred_at,
        data=envelope.data.model_dump(mode="json"),
    )
    new = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=[Projection.kind, Projection.item_id],
        set_={
            "event_id": new.event_id,
            "revision": new.revision,
            "mode": new.mode,
            "correlation_id": new.correlation_id,
            "occurred_at": new.occurred_at,
            "data": new.data,
        },
        # a snapshot's equal revision says nothing new, and knows no correlation
        where=(
            Projection.revision < new.revision
            if is_snapshot(envelope)
            else Projection.revision <= new.revision
        ),
    )
    kept = (await session.execute(statement.returning(Projection.item_id))).one_or_none()
    return kept is not None


async def upsert_event(session: AsyncSession, envelope: Envelope[ingest.EventChanged]) -> bool:
    """Keep an event's state unless a later one is known; aliases are only added."""
    data = envelope.data
    statement = insert(EventRow).values(
        event_id=data.event_id,
        revision=envelope.revision,
        name=data.name,
        mission=data.mission,
        kind=data.kind.value,
        mode=envelope.mode.value,
        is_retracted=data.is_retracted,
        is_test=data.is_test,
        is_subthreshold=data.is_subthreshold,
        sort_at=data.event_time or data.first_notice_at,
        tags=list(data.tags),
        data=data.model_dump(mode="json"),
        occurred_at=envelope.occurred_at,
    )
    new = statement.excluded
    names = [column.name for column in EventRow.__table__.columns if column.name != "event_id"]
    statement = statement.on_conflict_do_update(
        index_elements=[EventRow.event_id],
        set_={name: new[name] for name in names},
        where=EventRow.revision <= new.revision,
    )
    kept = (await session.execute(statement.returning(EventRow.event_id))).one_or_none()
    # a drill has its event's ids too; by them one means the real one
    for native in () if envelope.mode is Mode.DRILL else data.ids:
        alias = insert(EventAlias).values(
            mission=native.mission, native_id=native.native_id, event_id=data.event_id
        )
        await session.execute(alias.on_conflict_do_nothing())
    return kept is not None


async def mark(session: AsyncSession, correlation_id: UUID, item: Mark) -> None:
    """Keep the earliest time of a step."""
    statement = insert(Milestone).values(
        correlation_id=correlation_id,
        step=item.step.value,
        subject=item.subject[:200],
        event_id=item.event_id,
        at=item.at,
        detail=item.detail[:500],
    )
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[
                Milestone.event_id,
                Milestone.correlation_id,
                Milestone.step,
                Milestone.subject,
            ],
            set_={"at": func.least(Milestone.at, statement.excluded.at)},
        )
    )


async def correlation_of_plan(session: AsyncSession, plan_id: UUID) -> UUID | None:
    """Correlation id of the notice that a plan came from."""
    statement = select(Projection.correlation_id).where(
        Projection.kind == Kind.PLAN.value, Projection.item_id == str(plan_id)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def tell_pages(session: AsyncSession, event_id: UUID | None) -> None:
    """Wake open pages after the commit (of every replica)."""
    await session.execute(
        text("SELECT pg_notify(:channel, :what)"),
        {"channel": LIVE_CHANNEL, "what": str(event_id or "")},
    )


async def find_event(session: AsyncSession, name_or_id: str) -> EventRow | None:
    """An event by its id, its shown name, or any mission's id; the whole that it is part of."""
    try:
        return await _whole(session, await session.get(EventRow, UUID(name_or_id)))
    except ValueError:
        pass
    alias = select(EventAlias.event_id).where(EventAlias.native_id == name_or_id)
    statement = (
        select(EventRow)
        .where((EventRow.name == name_or_id) | EventRow.event_id.in_(alias))
        .order_by(EventRow.sort_at.desc())
        .limit(1)
    )
    return await _whole(session, (await session.execute(statement)).scalar_one_or_none())


async def _whole(session: AsyncSession, row: EventRow | None) -> EventRow | None:
    whole = row.data.get("merged_into") if row is not None else None
    return (await session.get(EventRow, UUID(whole)) or row) if whole else row


PARTS_KEEP = (Kind.PLAN, Kind.SUBMISSION, Kind.EXPOSURES, Kind.DRAFT)
"""What was made for a part is shown with the whole."""


async def rows_of_event(
    session: AsyncSession, event_id: UUID, parts: Sequence[UUID] = ()
) -> dict[Kind, list[Projection]]:
    """Everything projected for an event, by kind, in the order of its making."""
    of_parts = and_(
        Projection.event_id.in_(parts), Projection.kind.in_([kind.value for kind in PARTS_KEEP])
    )
    statement = (
        select(Projection)
        .where(or_(Projection.event_id == event_id, of_parts))
        .order_by(Projection.occurred_at, Projection.item_id)
    )
    found: dict[Kind, list[Projection]] = {kind: [] for kind in Kind}
    for row in (await session.execute(statement)).scalars():
        found[Kind(row.kind)].append(row)
    return found


async def rows_of_kind(session: AsyncSession, kind: Kind) -> list[Projection]:
    """All rows of a kind, by name."""
    statement = select(Projection).where(Projection.kind == kind.value).order_by(Projection.item_id)
    return list((await session.execute(statement)).scalars())


async def get_row(session: AsyncSession, kind: Kind, item_id: str) -> Projection | None:
    """One row."""
    return await session.get(Projection, (kind.value, item_id))


async def milestones(
    session: AsyncSession, event_id: UUID, parts: Sequence[UUID] = ()
) -> dict[UUID, list[Mark]]:
    """Steps reached, by notice (correlation id), the earliest notice first."""
    statement = (
        select(Milestone).where(Milestone.event_id.in_([event_id, *parts])).order_by(Milestone.at)
    )
    found: dict[UUID, list[Mark]] = {}
    for row in (await session.execute(statement)).scalars():
        item = Mark(Step(row.step), row.subject, row.event_id, row.at, row.detail)
        found.setdefault(row.correlation_id, []).append(item)
    return found

"""Queries on planner's own tables."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from too_common.contracts.notify import Verdict
from too_common.contracts.planner import PlanState

from too_planner.tables import (
    CatalogueRow,
    CoverageRow,
    DecisionRow,
    EventRow,
    ExecutedRow,
    LocalizationRow,
    PlanRow,
    ReferenceRow,
    TelescopeRow,
)

LIVING = (PlanState.PLANNING.value, PlanState.READY.value, PlanState.FAILED.value)
"""States of plans that have not been superseded."""


async def event(session: AsyncSession, event_id: UUID, *, lock: bool = False) -> EventRow | None:
    """An event; locked, it serialises what is planned for it."""
    return await session.get(EventRow, event_id, with_for_update=lock or None)


async def preferred_localization(session: AsyncSession, event_id: UUID) -> LocalizationRow | None:
    """The localization that counts: the one that ingest named so last."""
    rows = (
        await session.scalars(select(LocalizationRow).where(LocalizationRow.event_id == event_id))
    ).all()
    named = [row for row in rows if row.is_preferred]
    if named:
        # the one before keeps its message; a map that came late may have a lower sequence
        return max(named, key=lambda row: row.revision)
    return max(rows, key=lambda row: (row.sequence, row.rank), default=None)


async def leading_decision(session: AsyncSession, event_id: UUID) -> DecisionRow | None:
    """The decision of the wanting program of highest priority."""
    statement = (
        select(DecisionRow)
        .where(DecisionRow.event_id == event_id, DecisionRow.verdict == Verdict.WANTED.value)
        .order_by(DecisionRow.priority, DecisionRow.program_id)
        .limit(1)
    )
    return (await session.scalars(statement)).one_or_none()


async def telescopes(session: AsyncSession) -> Sequence[TelescopeRow]:
    """All telescopes by name."""
    return (await session.scalars(select(TelescopeRow).order_by(TelescopeRow.name))).all()


async def references(session: AsyncSession, telescope: str) -> list[tuple[str, str]]:
    """Fields and filters with a reference image."""
    statement = select(ReferenceRow.field_id, ReferenceRow.filter).where(
        ReferenceRow.telescope == telescope
    )
    return [(field, name) for field, name in (await session.execute(statement)).all()]


async def living_plans(
    session: AsyncSession, event_id: UUID, telescope: str | None = None
) -> Sequence[PlanRow]:
    """Plans of an event that have not been superseded, oldest first, locked."""
    statement = select(PlanRow).where(PlanRow.event_id == event_id, PlanRow.state.in_(LIVING))
    if telescope is not None:
        statement = statement.where(PlanRow.telescope == telescope)
    return (await session.scalars(statement.order_by(PlanRow.seq).with_for_update())).all()


async def wanted_plan(
    session: AsyncSession, event_id: UUID, telescope: str, wanted_key: str
) -> PlanRow | None:
    """The plan that was made for the same reason, in whatever state it is."""
    statement = select(PlanRow).where(
        PlanRow.event_id == event_id,
        PlanRow.telescope == telescope,
        PlanRow.wanted_key == wanted_key,
        PlanRow.is_manual.is_(False),
    )
    return (await session.scalars(statement)).one_or_none()


async def plans(
    session: AsyncSession,
    *,
    event_id: UUID | None,
    telescope: str | None,
    state: str | None,
    limit: int,
) -> Sequence[PlanRow]:
    """Plans, newest first."""
    statement = select(PlanRow).order_by(PlanRow.seq.desc()).limit(limit)
    if event_id is not None:
        statement = statement.where(PlanRow.event_id == event_id)
    if telescope is not None:
        statement = statement.where(PlanRow.telescope == telescope)
    if state is not None:
        statement = statement.where(PlanRow.state == state)
    return (await session.scalars(statement)).all()


async def newest_catalogue(session: AsyncSession) -> CatalogueRow | None:
    """The catalogue with the most galaxies, then the newest."""
    statement = (
        select(CatalogueRow)
        .order_by(CatalogueRow.rows.desc(), CatalogueRow.published_at.desc())
        .limit(1)
    )
    return (await session.scalars(statement)).one_or_none()


async def executed(session: AsyncSession, event_id: UUID) -> Sequence[ExecutedRow]:
    """Executed exposures of an event, by submission."""
    return (
        await session.scalars(select(ExecutedRow).where(ExecutedRow.event_id == event_id))
    ).all()


async def coverage(session: AsyncSession, event_id: UUID) -> Sequence[CoverageRow]:
    """What was covered of an event's current map."""
    statement = (
        select(CoverageRow)
        .where(CoverageRow.event_id == event_id)
        .order_by(CoverageRow.telescope, CoverageRow.filter)
    )
    return (await session.scalars(statement)).all()


def is_stale(row: Any, revision: int) -> bool:
    """True if a message of this revision tells nothing new."""
    return row is not None and bool(row.revision >= revision)

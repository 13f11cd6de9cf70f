"""Programs with their versions, and decisions."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from too_common.errors import NotFoundError

from too_notify.programs import ProgramContent
from too_notify.tables import DecisionLogRow, DecisionRow, ProgramRow, ProgramVersionRow


async def programs(
    session: AsyncSession, *, active_only: bool = False
) -> list[tuple[ProgramRow, ProgramContent]]:
    """Programs in their newest version, the most important first."""
    statement = (
        select(ProgramRow, ProgramVersionRow.content)
        .join(
            ProgramVersionRow,
            (ProgramVersionRow.program_id == ProgramRow.id)
            & (ProgramVersionRow.version == ProgramRow.version),
        )
        .order_by(ProgramRow.priority, ProgramRow.name)
    )
    if active_only:
        statement = statement.where(ProgramRow.is_active)
    found = await session.execute(statement)
    return [(row, ProgramContent.model_validate(content)) for row, content in found]


async def program(
    session: AsyncSession, program_id: UUID, *, lock: bool = False
) -> tuple[ProgramRow, ProgramContent]:
    """One program in its newest version.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    row = await session.get(ProgramRow, program_id, with_for_update=lock or None)
    if row is None:
        raise NotFoundError(f"no program {program_id}")
    version = await session.get(ProgramVersionRow, (program_id, row.version))
    if version is None:
        raise NotFoundError(f"program {program_id} has no version {row.version}")
    return row, ProgramContent.model_validate(version.content)


async def versions(session: AsyncSession, program_id: UUID) -> list[ProgramVersionRow]:
    """All versions of a program, newest first."""
    statement = (
        select(ProgramVersionRow)
        .where(ProgramVersionRow.program_id == program_id)
        .order_by(ProgramVersionRow.version.desc())
    )
    return list(await session.scalars(statement))


async def decision(session: AsyncSession, event_id: UUID, program_id: UUID) -> DecisionRow | None:
    """What a program says of an event now."""
    statement = select(DecisionRow).where(
        DecisionRow.event_id == event_id, DecisionRow.program_id == program_id
    )
    return (await session.scalars(statement)).one_or_none()


async def decisions(session: AsyncSession, event_id: UUID) -> list[tuple[DecisionRow, ProgramRow]]:
    """All decisions about an event, the most important program first."""
    statement = (
        select(DecisionRow, ProgramRow)
        .join(ProgramRow, ProgramRow.id == DecisionRow.program_id)
        .where(DecisionRow.event_id == event_id)
        .order_by(ProgramRow.priority, ProgramRow.name)
    )
    return [(row, owner) for row, owner in await session.execute(statement)]


async def decision_log(session: AsyncSession, decision_id: UUID) -> list[DecisionLogRow]:
    """History of one decision, oldest first."""
    statement = (
        select(DecisionLogRow)
        .where(DecisionLogRow.decision_id == decision_id)
        .order_by(DecisionLogRow.revision)
    )
    return list(await session.scalars(statement))

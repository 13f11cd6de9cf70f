"""Leases: one sender per facility at a time, each with a fencing number larger than the last.

A lease is in wall time: it guards against two processes, not against the night.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from too_queue_submit.tables import FacilityRow


async def acquire(
    session: AsyncSession, name: str, *, holder: UUID, wall_now: datetime, lease_s: float
) -> int | None:
    """Take the facility for one sender.

    Returns
    -------
    int
        Fencing number, larger at every lease; None if somebody else has it.
    """
    statement = (
        update(FacilityRow)
        .where(
            FacilityRow.name == name,
            or_(FacilityRow.lease_until.is_(None), FacilityRow.lease_until < wall_now),
        )
        .values(
            fencing=FacilityRow.fencing + 1,
            lease_holder=holder,
            lease_until=wall_now + timedelta(seconds=lease_s),
        )
        .returning(FacilityRow.fencing)
        .execution_options(synchronize_session=False)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def release(session: AsyncSession, name: str, fencing: int) -> None:
    """Give the facility back, if it is still ours."""
    await session.execute(
        update(FacilityRow)
        .where(FacilityRow.name == name, FacilityRow.fencing == fencing)
        .values(lease_until=None, lease_holder=None)
        .execution_options(synchronize_session=False)
    )


async def is_held(session: AsyncSession, name: str, *, fencing: int, wall_now: datetime) -> bool:
    """Whether a fencing number is the newest one and has not run out."""
    found = await session.execute(
        select(FacilityRow.name).where(
            FacilityRow.name == name,
            FacilityRow.fencing == fencing,
            FacilityRow.lease_until > wall_now,
        )
    )
    return found.first() is not None

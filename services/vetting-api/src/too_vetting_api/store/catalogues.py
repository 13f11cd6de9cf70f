"""Queries on catalogues."""

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from too_vetting_api.tables import Catalogue


async def all_catalogues(session: AsyncSession) -> list[Catalogue]:
    """Every snapshot, the current ones first."""
    statement = select(Catalogue).order_by(
        Catalogue.is_current.desc(), Catalogue.name, Catalogue.loaded_at.desc()
    )
    return list((await session.execute(statement)).scalars())


async def current(session: AsyncSession, name: str | None = None) -> Catalogue | None:
    """The current snapshot of a name; without a name, the largest one."""
    statement = select(Catalogue).where(Catalogue.is_current)
    if name is not None:
        statement = statement.where(Catalogue.name == name)
    statement = statement.order_by(Catalogue.rows.desc()).limit(1)
    return (await session.execute(statement)).scalar_one_or_none()


async def retire(session: AsyncSession, name: str) -> None:
    """The snapshots of a name are no longer the current ones."""
    await session.execute(update(Catalogue).where(Catalogue.name == name).values(is_current=False))

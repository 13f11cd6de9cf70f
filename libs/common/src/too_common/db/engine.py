"""One engine per service, sessions that only the entry points commit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from too_common.db.metadata import schema_of

CONNECT_TIMEOUT_S = 5.0
"""A database that does not answer for so long counts as away; callers retry."""
STATEMENT_TIMEOUT_MS = 30_000
"""No statement of a service runs for longer; slow work is a job without a transaction."""


def asyncpg_url(url: str) -> str:
    """Address for asyncpg (``postgresql://``), whatever driver the setting names."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def make_engine(
    url: str, *, service: str, pool_size: int = 8, search_path: str | None = None
) -> AsyncEngine:
    """Engine of a service's role.

    Parameters
    ----------
    url
        ``postgresql://role:password@host:port/database`` (any driver name).
    service
        Named in ``pg_stat_activity``; its schema leads the search path.
    pool_size
        Connections kept open; as many again may open under load.
    search_path
        Instead of the service's schema (migrations name every schema explicitly).
    """
    return create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        pool_timeout=CONNECT_TIMEOUT_S,
        connect_args={
            "timeout": CONNECT_TIMEOUT_S,
            "server_settings": {
                "application_name": f"too-{service}",
                "search_path": search_path or schema_of(service),
                "timezone": "UTC",
                "statement_timeout": str(STATEMENT_TIMEOUT_MS),
                "idle_in_transaction_session_timeout": "60000",
                # six mostly idle pools: the planner's JIT costs more than it gives here
                "jit": "off",
            },
        },
    )


class Database:
    """A service's engine and session factory."""

    def __init__(self, engine: AsyncEngine, url: str) -> None:
        self.engine = engine
        self.url = url
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Session in a transaction: committed at the end of the block, rolled back on error."""
        async with self._sessions() as session, session.begin():
            yield session

    async def dispose(self) -> None:
        """Close all connections."""
        await self.engine.dispose()

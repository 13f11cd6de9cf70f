"""One engine per service, sessions that only the entry points commit."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Engine, event, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.pool import ConnectionPoolEntry

from too_common.db.metadata import schema_of

CONNECT_TIMEOUT_S = 5.0
"""A database that does not answer for so long counts as away; callers retry."""
ASK_AFTER_S = 1.0
"""A connection that was not used for so long is asked whether it is still there."""
_RETURNED_AT = "returned_at"
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
    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"),
        pool_size=pool_size,
        max_overflow=pool_size,
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
    _look_before_use(engine.sync_engine)
    return engine


def _look_before_use(engine: Engine) -> None:
    """Have the pool open another connection instead of one that has died while it lay there.

    SQLAlchemy's own look before use asks the server each time, three round trips before every
    transaction. The driver hears at once of a connection that the server has closed; only one that
    lay there for a while is asked, since a network may go without a word.
    """

    def returned(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info[_RETURNED_AT] = time.monotonic()

    def wanted(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        driver: Any = record.driver_connection
        if driver is not None and driver.is_closed():
            raise DisconnectionError("the server has closed this connection")
        lay_s = time.monotonic() - record.info.get(_RETURNED_AT, time.monotonic())
        if lay_s < ASK_AFTER_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except Exception as error:
            raise DisconnectionError("this connection does not answer") from error

    event.listen(engine, "checkin", returned)
    event.listen(engine, "checkout", wanted)


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

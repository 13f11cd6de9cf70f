"""Gattini's pipeline database: stacked quadrants with their depth, arriving through the night."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import structlog
from pydantic import AwareDatetime, BaseModel, Field

from too_simulators.core.sky import MJD_ZERO, to_mjd
from too_simulators.files.programs import Taken

QUADRANTS = 4
FIRST_QUADRANT_S = 240.0
"""End of exposure to its first stack."""
QUADRANT_STEP_S = 60.0
RETRY_S = 5.0
"""Wall clock between two attempts while the database is away."""

_TABLES = """
CREATE TABLE IF NOT EXISTS splitstacks (
    stackquadid bigint PRIMARY KEY, field int, fieldseq int, datebeg timestamp
);
CREATE TABLE IF NOT EXISTS squadphoto (
    stackquadid bigint PRIMARY KEY, limmagpsf float8, jd float8
);
"""


class Stack(BaseModel):
    """One row of each table."""

    stackquadid: int
    field: int
    fieldseq: int
    datebeg: AwareDatetime
    limmagpsf: float
    jd: float
    arrives_at: AwareDatetime


class GattiniState(BaseModel):
    """Rows that are still to come, and counters."""

    waiting: list[Stack] = Field(default_factory=list)
    sequences: dict[int, int] = Field(default_factory=dict)
    next_quadrant: int = 1


class GattiniDatabase:
    """Writes rows when their time has come; while the database is away they wait.

    Parameters
    ----------
    state
        As loaded from disk.
    url
        Administrator's address, or None: rows are only kept.
    reader, reader_password
        Role that may only read; made at the first connection.
    now
        Stack clock.
    """

    def __init__(
        self,
        state: GattiniState,
        *,
        url: str | None,
        reader: str,
        reader_password: str,
        now: Callable[[], datetime],
    ) -> None:
        self.state = state
        self._url = url
        self._reader = reader
        self._reader_password = reader_password
        self._now = now
        self._prepared = False
        self._retry_at = 0.0
        self._writing = asyncio.Lock()
        self._log = structlog.get_logger(__name__)

    def report(self, taken: Taken) -> None:
        """An exposure was taken: its quadrants will follow."""
        field = int(taken.field_id or 0)
        sequence = self.state.sequences.get(field, 0) + 1
        self.state.sequences[field] = sequence
        for quadrant in range(QUADRANTS):
            self.state.waiting.append(
                Stack(
                    stackquadid=self.state.next_quadrant,
                    field=field,
                    fieldseq=sequence,
                    datebeg=taken.start,
                    limmagpsf=round(taken.depth_mag + 0.05 * (quadrant - 1.5), 3),
                    jd=to_mjd(taken.start) + MJD_ZERO,
                    arrives_at=taken.end
                    + timedelta(seconds=FIRST_QUADRANT_S + quadrant * QUADRANT_STEP_S),
                )
            )
            self.state.next_quadrant += 1

    def next_at(self, now: datetime) -> datetime | None:
        """When the next row arrives; overdue ones wait for the database, not for the clock."""
        return min((s.arrives_at for s in self.state.waiting if s.arrives_at > now), default=None)

    def step(self, now: datetime) -> None:
        """Nothing by itself: rows are written by `flush`."""

    def _due(self) -> list[Stack]:
        now = self._now()
        return [stack for stack in self.state.waiting if stack.arrives_at <= now]

    async def flush(self) -> None:
        """Write what is due; one writer at a time."""
        async with self._writing:
            await self._flush()

    async def _flush(self) -> None:
        due = self._due()
        clock = asyncio.get_running_loop().time()
        if self._url is None or clock < self._retry_at or not (due or not self._prepared):
            return
        try:
            await self._write(due)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            self._retry_at = clock + RETRY_S
            self._log.warning("gattini_database_away", reason=type(error).__name__)
            return
        written = {stack.stackquadid for stack in due}
        self.state.waiting = [s for s in self.state.waiting if s.stackquadid not in written]

    async def _write(self, due: list[Stack]) -> None:
        connection = await self._connect()
        try:
            if not self._prepared:
                await self._prepare(connection)
            async with connection.transaction():
                for stack in due:
                    await connection.execute(
                        "INSERT INTO splitstacks VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                        stack.stackquadid,
                        stack.field,
                        stack.fieldseq,
                        stack.datebeg.astimezone(UTC).replace(tzinfo=None),
                    )
                    await connection.execute(
                        "INSERT INTO squadphoto VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                        stack.stackquadid,
                        stack.limmagpsf,
                        stack.jd,
                    )
        finally:
            await connection.close(timeout=5)

    async def _connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        url = (self._url or "").replace("postgresql+asyncpg://", "postgresql://")
        try:
            return await asyncpg.connect(url, timeout=5)
        except asyncpg.InvalidCatalogNameError:
            parts = urlsplit(url)
            name = parts.path.lstrip("/")
            server = await asyncpg.connect(urlunsplit(parts._replace(path="/postgres")), timeout=5)
            try:
                await server.execute(f"CREATE DATABASE {_identifier(name)}")
            finally:
                await server.close(timeout=5)
            return await asyncpg.connect(url, timeout=5)

    async def _prepare(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        await connection.execute(_TABLES)
        role = _identifier(self._reader)
        exists = await connection.fetchval(
            "SELECT 1 FROM pg_roles WHERE rolname = $1", self._reader
        )
        password = "'" + self._reader_password.replace("'", "''") + "'"
        verb = "ALTER" if exists else "CREATE"
        try:
            await connection.execute(f"{verb} ROLE {role} LOGIN PASSWORD {password}")
        except asyncpg.InsufficientPrivilegeError:
            if not exists:
                raise  # who made the database must make the role too
        await connection.execute(f"GRANT SELECT ON splitstacks, squadphoto TO {role}")
        self._prepared = True


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

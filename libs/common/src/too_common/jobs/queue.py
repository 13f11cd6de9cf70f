"""Job payloads and how they enter the queue, inside the state's transaction."""

import json
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Any, ClassVar

from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import (
    QueryBuilderEnvironment,
    QueryQueueBuilder,
    QuerySchedulerBuilder,
)
from pgqueuer.queries import Queries
from pydantic import BaseModel, ConfigDict
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from too_common.cause import Cause
from too_common.db.foundation import job_settings
from too_common.db.metadata import schema_of
from too_common.ids import uuid7


class JobPayload(BaseModel):
    """What a job needs to know; small, since it is a row (large things by reference)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    TYPE: ClassVar[str]
    """Name of the kind of job within its service."""


@cache
def _builders(
    service: str,
) -> tuple[QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder]:
    names = job_settings(schema_of(service))
    return QueryBuilderEnvironment(names), QueryQueueBuilder(names), QuerySchedulerBuilder(names)


def queries(driver: AsyncpgDriver, service: str) -> Queries:
    """Queries of pgqueuer on a service's own schema and channel."""
    environment, queue, scheduler = _builders(service)
    return Queries(driver, qbe=environment, qbq=queue, qbs=scheduler)


def encode(job: JobPayload, cause: Cause) -> bytes:
    """Bytes of a job row: the payload and its cause."""
    return json.dumps({"job": job.model_dump(mode="json"), "cause": cause.to_json()}).encode()


async def enqueue(
    session: AsyncSession,
    *,
    service: str,
    job: JobPayload,
    cause: Cause,
    delay_s: float = 0.0,
    dedupe_key: str | None = None,
    priority: int = 0,
) -> None:
    """Insert a job in the session's transaction: rolled back with it, started after its commit."""
    asyncpg_connection = await _connection(session)
    key = None
    if dedupe_key is not None:
        prefix = f"{type(job).TYPE}:{dedupe_key}#"
        if await _waits(session, service, prefix):
            return
        key = f"{prefix}{uuid7()}"
    driver = AsyncpgDriver(asyncpg_connection)
    await queries(driver, service).enqueue(
        type(job).TYPE,
        encode(job, cause),
        priority=priority,
        execute_after=timedelta(seconds=delay_s) if delay_s > 0 else None,
        dedupe_key=key,
    )


async def enqueue_new(
    session: AsyncSession,
    *,
    service: str,
    jobs: Sequence[tuple[JobPayload, Cause, str, int]],
) -> None:
    """Insert jobs about things that are as new as themselves: nothing of their keys can wait.

    Parameters
    ----------
    session, service
        As in `enqueue`.
    jobs
        Payload, cause, key and priority of each.
    """
    if jobs:
        driver = AsyncpgDriver(await _connection(session))
        await queries(driver, service).enqueue(
            [type(job).TYPE for job, *_ in jobs],
            [encode(job, cause) for job, cause, *_ in jobs],
            [priority for *_, priority in jobs],
            dedupe_key=[f"{type(job).TYPE}:{key}#{uuid7()}" for job, _, key, _ in jobs],
        )


async def _connection(session: AsyncSession) -> Any:
    """The driver's connection, inside the session's transaction."""
    connection = await session.connection()
    raw = await connection.get_raw_connection()
    found: Any = raw.driver_connection
    if not found.is_in_transaction():
        # SQLAlchemy sends BEGIN with its first statement: without one the insert would commit
        # by itself and outlive a rollback
        await session.execute(text("SELECT 1"))
    return found


async def _waits(session: AsyncSession, service: str, prefix: str) -> bool:
    """True if a job of this key waits; it is locked, so that it starts after our commit only.

    pgqueuer's own deduplication also counts a job that runs. Such a job may have read the state
    before ours, so our news would be lost.
    """
    statement = text(
        f"SELECT id FROM {schema_of(service)}.pgqueuer "  # noqa: S608  -- name from our own list
        "WHERE status = 'queued' AND starts_with(dedupe_key, :prefix) LIMIT 1 FOR UPDATE"
    )
    return (await session.execute(statement, {"prefix": prefix})).first() is not None

"""The job runner: pgqueuer in the service's own schema.

A job begins without an open transaction. What it raises says what happens next: `TransientError`
is tried again with back-off; anything else holds the job for a person and raises an alarm.
A job of a killed process starts again after `HEARTBEAT_TIMEOUT`, so jobs are idempotent.
"""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import asyncpg
import structlog
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.errors import RetryRequested
from pgqueuer.domain.models import Job

from too_common.cause import Cause
from too_common.context import Context
from too_common.db.engine import asyncpg_url
from too_common.db.foundation import job_settings
from too_common.db.metadata import schema_of
from too_common.db.retry import is_database_away
from too_common.errors import TransientError
from too_common.jobs.queue import JobPayload, queries

log = structlog.get_logger(__name__)

HEARTBEAT_TIMEOUT = timedelta(seconds=20)
"""A job whose process was killed starts again after this."""
RECONNECT_S = 1.0
"""Pause before the runner connects anew after the database went away."""
BACKOFF_S = (1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 60.0)
"""Waits between attempts, the last one repeated; each is jittered by a fifth."""

P = TypeVar("P", bound=JobPayload)
JobFunction = Callable[[Context, P, Cause], Awaitable[None]]


@dataclass(frozen=True)
class JobType:
    """A kind of job: its payload, its function and its limits."""

    payload: type[JobPayload]
    function: Callable[[Context, Any, Cause], Awaitable[None]]
    concurrency: int
    timeout_s: float
    max_attempts: int


def job_type(
    payload: type[P],
    function: JobFunction[P],
    *,
    concurrency: int = 4,
    timeout_s: float = 120.0,
    max_attempts: int = 8,
) -> JobType:
    """Declare a kind of job.

    Parameters
    ----------
    payload
        Its model; ``TYPE`` names it.
    function
        ``async def f(ctx, job, cause)``.
    concurrency
        Jobs of this kind at a time, over all processes of the service.
    timeout_s
        A job that takes longer is cancelled and tried again.
    max_attempts
        After so many transient failures the job is held.
    """
    return JobType(payload, function, concurrency, timeout_s, max_attempts)


def backoff_s(attempt: int) -> float:
    """Wait before attempt ``attempt + 1`` (attempts count from 0), jittered."""
    base = BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)]
    return base * random.uniform(0.8, 1.2)


class JobRunner:
    """Works off the jobs of one service until stopped."""

    def __init__(self, ctx: Context, types: Sequence[JobType]) -> None:
        self._ctx = ctx
        self._types = tuple(types)
        self._manager: QueueManager | None = None
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Work until `stop`; reconnects when the database went away."""
        if not self._types:
            return
        while not self._stopping.is_set():
            try:
                await self._run_once()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, RuntimeError) as error:
                log.warning("job_runner_reconnects", error=type(error).__name__)
                self._ctx.state["jobs"] = "reconnecting"
            except BaseExceptionGroup as group:
                log.warning("job_runner_reconnects", error=repr(group.exceptions[0])[:200])
                self._ctx.state["jobs"] = "reconnecting"
            except Exception:
                # a connection that dies in the middle of something raises this and that: never
                # let the runner end because of it
                log.exception("job_runner_failed")
                self._ctx.state["jobs"] = "reconnecting"
            try:
                async with asyncio.timeout(RECONNECT_S):
                    await self._stopping.wait()
            except TimeoutError:
                continue

    async def stop(self) -> None:
        """Take no new jobs; those in hand end by themselves."""
        self._stopping.set()
        if self._manager is not None:
            self._manager.shutdown.set()

    async def _run_once(self) -> None:
        service = self._ctx.service
        connection = await asyncpg.connect(
            asyncpg_url(self._ctx.db.url),
            server_settings={"application_name": f"too-{service}-jobs", "jit": "off"},
            timeout=5.0,
        )
        try:
            names = job_settings(schema_of(service))
            manager = QueueManager(queries(AsyncpgDriver(connection), service), names.channel)
            for kind in self._types:
                manager.entrypoint(
                    kind.payload.TYPE, concurrency_limit=kind.concurrency, on_failure="hold"
                )(self._wrap(kind))
            self._manager = manager
            connection.add_termination_listener(lambda *_: manager.shutdown.set())
            self._ctx.state["jobs"] = "running"
            await manager.run(
                dequeue_timeout=timedelta(seconds=5),
                batch_size=10,
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
            )
        finally:
            self._manager = None
            await _close(connection)

    def _wrap(self, kind: JobType) -> Callable[[Job], Awaitable[None]]:
        async def run(job: Job) -> None:
            await self._execute(kind, job)

        return run

    async def _execute(self, kind: JobType, job: Job) -> None:
        body = json.loads(job.payload or b"{}")
        payload = kind.payload.model_validate(body["job"])
        cause = Cause.from_json(body["cause"])
        name = kind.payload.TYPE
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(
            job=name, job_id=job.id, correlation_id=str(cause.correlation_id)
        ):
            try:
                async with asyncio.timeout(kind.timeout_s):
                    await kind.function(self._ctx, payload, cause)
            except Exception as error:
                if _is_transient(error) and job.attempts + 1 < kind.max_attempts:
                    self._ctx.metrics.job_retries.labels(name).inc()
                    log.info("job_retry", attempt=job.attempts + 1, reason=str(error)[:300])
                    delay = timedelta(seconds=backoff_s(job.attempts))
                    raise RetryRequested(delay, reason=str(error)[:300]) from error
                log.exception("job_held")
                await self._raise_alarm(kind, job, cause, error)
                raise
            finally:
                self._ctx.metrics.job_seconds.labels(name).observe(time.perf_counter() - started)

    async def _raise_alarm(self, kind: JobType, job: Job, cause: Cause, error: Exception) -> None:
        name = kind.payload.TYPE
        async with self._ctx.unit_of_work(cause) as uow:
            await uow.alarm(
                alarm_id=f"held:{self._ctx.service}:{job.id}",
                code="held_job",
                summary=f"{self._ctx.service}: job {name} is held: {error or type(error).__name__}"[
                    :500
                ],
                severity="critical",
            )


def _is_transient(error: Exception) -> bool:
    return isinstance(error, TransientError | TimeoutError) or is_database_away(error)


async def _close(connection: Any) -> None:
    try:
        await connection.close(timeout=2.0)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()

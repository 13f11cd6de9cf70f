"""The relay: publishes outbox rows in order, one relay per service at a time.

Several relays would publish out of order, so one holds an advisory lock. It is woken by NOTIFY at
each commit, marks rows by a flag (sequence numbers appear out of commit order), and remembers the
broker's cluster id: to another cluster it publishes the kept rows again, in order.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import structlog
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert

from too_common.bus.client import (
    AIOKafkaProducer,
    KafkaError,
    cluster_id,
    ensure_topics,
    make_producer,
    stop_quietly,
)
from too_common.bus.courier import AlarmCourier
from too_common.context import Context
from too_common.contracts.base import dlq_topic_of, topic_of
from too_common.db.engine import asyncpg_url
from too_common.db.metadata import bus_table
from too_common.db.retry import is_database_away
from too_common.errors import TransientError
from too_common.uow import outbox_channel

log = structlog.get_logger(__name__)

BATCH = 200
SEND_TIMEOUT_S = 15.0
IDLE_S = 2.0
"""Looked for rows this often even without a NOTIFY."""
RECONNECT_S = 1.0
KEEP = timedelta(days=30)
HOUSEKEEPING_S = 3600.0
_LOCK_CLASS = 7007
"""First key of the advisory lock; the second is the schema's hash."""


class Relay:
    """Publishes the outbox of one service until stopped."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._stopping = asyncio.Event()
        self._wake = asyncio.Event()
        self._courier = AlarmCourier(ctx)

    async def run(self) -> None:
        """Publish until `stop`; reconnects to database and broker."""
        while not self._stopping.is_set():
            try:
                await self._run_once()
            except Exception as error:
                if is_database_away(error) or isinstance(error, KafkaError | TransientError):
                    log.warning("relay_reconnects", error=repr(error)[:200])
                else:
                    # a fault of ours: never let the relay end because of it
                    log.exception("relay_failed")
                self._ctx.state["relay"] = "reconnecting"
                await self._tell_by_http()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RECONNECT_S):
                    await self._stopping.wait()

    async def _tell_by_http(self) -> None:
        try:
            await self._courier.broker_failed(asyncio.get_running_loop().time())
        except Exception as error:
            if not is_database_away(error):
                log.exception("courier_failed")

    async def stop(self) -> None:
        """Publish what is there, then stop."""
        self._stopping.set()
        self._wake.set()

    async def _run_once(self) -> None:
        connection = await asyncpg.connect(
            asyncpg_url(self._ctx.db.url),
            server_settings={"application_name": f"too-{self._ctx.service}-relay"},
            timeout=5.0,
        )
        producer: AIOKafkaProducer | None = None
        lost = asyncio.Event()

        def on_lost(_connection: Any) -> None:
            lost.set()
            self._wake.set()

        connection.add_termination_listener(on_lost)
        try:
            while not await connection.fetchval(
                "SELECT pg_try_advisory_lock($1, hashtext($2))", _LOCK_CLASS, self._ctx.service
            ):
                self._ctx.state["relay"] = "standby"
                if await self._pause(IDLE_S):
                    return
            await connection.add_listener(
                outbox_channel(self._ctx.service), lambda *_: self._wake.set()
            )
            common = self._ctx.common
            await ensure_topics(
                common.kafka_bootstrap_servers,
                [
                    self._ctx.topic(topic_of(self._ctx.service)),
                    self._ctx.topic(dlq_topic_of(self._ctx.service)),
                ],
                partitions=common.bus_partitions,
                replication=common.bus_replication,
            )
            await self._check_cluster(await cluster_id(common.kafka_bootstrap_servers))
            producer = make_producer(
                common.kafka_bootstrap_servers, client_id=f"too.{self._ctx.service}.relay"
            )
            await producer.start()
            self._ctx.state["relay"] = "running"
            await self._courier.broker_answers()
            await self._publish_until_stopped(producer, lost)
        finally:
            if producer is not None:
                await stop_quietly(producer)
            try:
                await connection.close(timeout=2)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                connection.terminate()

    async def _publish_until_stopped(self, producer: AIOKafkaProducer, lost: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        next_housekeeping = loop.time()
        while not lost.is_set():
            self._wake.clear()
            sent = await self._publish_batch(producer)
            if loop.time() >= next_housekeeping:
                await self._housekeeping()
                next_housekeeping = loop.time() + HOUSEKEEPING_S
            if sent == BATCH:
                continue
            if self._stopping.is_set():
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IDLE_S):
                    await self._wake.wait()

    async def _publish_batch(self, producer: AIOKafkaProducer) -> int:
        outbox = bus_table(self._ctx.metadata, "outbox")
        async with self._ctx.db.transaction() as session:
            rows = (
                await session.execute(
                    select(outbox)
                    .where(outbox.c.published_at.is_(None))
                    .order_by(outbox.c.seq)
                    .limit(BATCH)
                )
            ).all()
        if not rows:
            self._ctx.metrics.outbox_age.set(0.0)
            return 0
        age = self._ctx.wall.now() - rows[0].created_at
        self._ctx.metrics.outbox_age.set(max(0.0, age.total_seconds()))
        done = await self._send(producer, rows)
        if done:
            async with self._ctx.db.transaction() as session:
                await session.execute(
                    update(outbox)
                    .where(outbox.c.message_id.in_(done))
                    .values(published_at=func.now())
                )
            self._ctx.metrics.published.inc(len(done))
        if len(done) < len(rows):
            raise TransientError(f"broker took {len(done)} of {len(rows)} messages")
        return len(rows)

    async def _send(self, producer: AIOKafkaProducer, rows: Sequence[Any]) -> list[Any]:
        """Send rows in order; ids of those before the first failure.

        What came after a failure is sent again, so that a key's order is restored; the inbox
        absorbs the repeats.
        """
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                futures = [
                    await producer.send(
                        row.topic,
                        value=row.payload,
                        key=row.key.encode(),
                        headers=[("type", row.type.encode())],
                    )
                    for row in rows
                ]
                results = await asyncio.gather(*futures, return_exceptions=True)
        except TimeoutError as error:
            raise TransientError("broker does not take messages") from error
        done = []
        for row, result in zip(rows, results, strict=True):
            if isinstance(result, BaseException):
                log.warning("publish_failed", error=repr(result)[:200])
                break
            done.append(row.message_id)
        return done

    async def _check_cluster(self, found: str) -> None:
        state = bus_table(self._ctx.metadata, "relay_state")
        outbox = bus_table(self._ctx.metadata, "outbox")
        async with self._ctx.db.transaction() as session:
            known = await session.scalar(select(state.c.cluster_id).where(state.c.id == 1))
            if known == found:
                return
            if known is not None:
                again = await session.execute(
                    update(outbox)
                    .where(outbox.c.published_at.is_not(None))
                    .values(published_at=None)
                )
                log.warning("new_broker_cluster", republished=_rowcount(again))
            statement = pg_insert(state).values(id=1, cluster_id=found)
            await session.execute(
                statement.on_conflict_do_update(
                    index_elements=[state.c.id],
                    set_={"cluster_id": found, "since": func.now()},
                )
            )

    async def _housekeeping(self) -> None:
        outbox = bus_table(self._ctx.metadata, "outbox")
        inbox = bus_table(self._ctx.metadata, "inbox")
        async with self._ctx.db.transaction() as session:
            await session.execute(
                delete(outbox).where(
                    outbox.c.published_at.is_not(None), outbox.c.created_at < func.now() - KEEP
                )
            )
            # one day longer than the messages live on the bus
            await session.execute(
                delete(inbox).where(inbox.c.received_at < func.now() - KEEP - timedelta(days=1))
            )

    async def _pause(self, seconds: float) -> bool:
        """Wait; true if we are to stop."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        return self._stopping.is_set()


def _rowcount(result: Any) -> int:
    return int(getattr(result, "rowcount", 0))

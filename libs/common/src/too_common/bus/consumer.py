"""The bus runner: one consumer per service, a worker per partition, offsets after commits.

Order of a handled message: inbox row, state, outbox and jobs in one commit, then the offset. A
partition whose message fails transiently waits and tries again while the others go on; polling
never stops, so the group keeps us.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any

import structlog

from too_common.bus.client import (
    AIOKafkaConsumer,
    CommitFailedError,
    ConsumerRebalanceListener,
    IllegalStateError,
    KafkaError,
    TopicPartition,
    ensure_topics,
    make_consumer,
    stop_quietly,
)
from too_common.bus.handling import MessageHandler, Received, is_transient
from too_common.context import Context
from too_common.errors import TransientError

log = structlog.get_logger(__name__)

POLL_MS = 100
BACKLOG = 300
"""Messages of a partition held in memory before its fetching is paused."""
COMMIT_INTERVAL_S = 0.3
RETRY_WAITS_S = (0.1, 0.3, 1.0, 2.0, 5.0)
RECONNECT_S = 1.0
DRAIN_S = 8.0
"""Messages in hand get this long at a stop; it is below the step's limit in `runtime`."""


class _Lane:
    """What belongs to one assigned partition: its queue, its task, its progress."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Received] = asyncio.Queue()
        self.done_offset: int | None = None
        self.committed_offset: int | None = None
        self.is_paused = False
        self.task: asyncio.Task[None] | None = None


class BusConsumer(ConsumerRebalanceListener):  # type: ignore[misc]
    """Reads the topics that a service subscribes to, until stopped."""

    def __init__(self, ctx: Context, handler: MessageHandler) -> None:
        self._ctx = ctx
        self._handler = handler
        self._consumer: AIOKafkaConsumer | None = None
        self._lanes: dict[TopicPartition, _Lane] = {}
        self._stopping = asyncio.Event()
        self.idle = asyncio.Event()
        """Set while nothing waits in memory (tests wait on it)."""

    async def run(self) -> None:
        """Read until `stop`; reconnects when the broker went away."""
        if not self._handler.topics:
            return
        while not self._stopping.is_set():
            try:
                await self._run_once()
            except (KafkaError, TransientError, OSError, TimeoutError) as error:
                log.warning("bus_consumer_reconnects", error=repr(error)[:200])
                self._ctx.state["bus"] = "reconnecting"
            except Exception:
                # a fault of ours: never let the reader end because of it
                log.exception("bus_consumer_failed")
                self._ctx.state["bus"] = "reconnecting"
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RECONNECT_S):
                    await self._stopping.wait()

    async def stop(self) -> None:
        """Stop fetching; messages in hand are finished first."""
        self._stopping.set()

    async def _run_once(self) -> None:
        consumer = make_consumer(
            self._ctx.common.kafka_bootstrap_servers, group=self._ctx.topic(self._handler.consumer)
        )
        self._consumer = consumer
        committer: asyncio.Task[None] | None = None
        try:
            # an unknown topic would be noticed only at the next refresh of the metadata
            common = self._ctx.common
            await ensure_topics(
                common.kafka_bootstrap_servers,
                self._handler.topics,
                partitions=common.bus_partitions,
                replication=common.bus_replication,
            )
            await consumer.start()
            consumer.subscribe(topics=list(self._handler.topics), listener=self)
            self._ctx.state["bus"] = "running"
            committer = asyncio.create_task(self._commit_often())
            while not self._stopping.is_set():
                batch = await consumer.getmany(timeout_ms=POLL_MS, max_records=500)
                for partition, records in batch.items():
                    self._take(partition, records)
                self._balance()
        finally:
            await self._end_lanes(list(self._lanes), wait=self._stopping.is_set())
            if committer is not None:
                committer.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await committer
            await stop_quietly(consumer)
            self._consumer = None
            self._lanes.clear()

    def _take(self, partition: TopicPartition, records: Iterable[Any]) -> None:
        lane = self._lanes.get(partition)
        if lane is None:
            lane = self._lanes[partition] = _Lane()
        if lane.task is None:
            lane.task = asyncio.create_task(self._work(partition, lane))
        for record in records:
            self.idle.clear()
            lane.queue.put_nowait(
                Received(
                    topic=record.topic,
                    partition=record.partition,
                    offset=record.offset,
                    key=(record.key or b"").decode("utf-8", "replace"),
                    raw=record.value or b"",
                )
            )

    def _balance(self) -> None:
        """Pause partitions with a long backlog, resume those that caught up."""
        consumer = self._consumer
        if consumer is None:
            return
        waiting = 0
        for partition, lane in self._lanes.items():
            size = lane.queue.qsize()
            waiting += size
            self._ctx.metrics.lag.labels(partition.topic, str(partition.partition)).set(size)
            with contextlib.suppress(IllegalStateError, ValueError):
                if size > BACKLOG and not lane.is_paused:
                    consumer.pause(partition)
                    lane.is_paused = True
                elif size < BACKLOG // 2 and lane.is_paused:
                    consumer.resume(partition)
                    lane.is_paused = False

    async def _work(self, partition: TopicPartition, lane: _Lane) -> None:
        while True:
            message = await lane.queue.get()
            attempt = 0
            while True:
                try:
                    await self._handler.handle(message)
                    break
                except Exception as error:
                    if not is_transient(error):
                        # parking itself failed: nothing may be lost, so the partition waits
                        log.exception("parking_failed", topic=partition.topic)
                    self._ctx.metrics.retries.labels(partition.topic).inc()
                    wait = RETRY_WAITS_S[min(attempt, len(RETRY_WAITS_S) - 1)]
                    log.warning("message_retry", attempt=attempt, error=repr(error)[:200])
                    attempt += 1
                    await asyncio.sleep(wait)
            lane.done_offset = message.offset + 1
            lane.queue.task_done()
            if all(item.queue.empty() for item in self._lanes.values()):
                self.idle.set()

    async def _commit_often(self) -> None:
        while True:
            await asyncio.sleep(COMMIT_INTERVAL_S)
            await self._commit(list(self._lanes))

    async def _commit(self, partitions: Iterable[TopicPartition]) -> None:
        """Commit explicit offsets of partitions that are still ours.

        A bare commit during a rebalance can cover lost partitions (aiokafka issues 929, 933).
        """
        consumer = self._consumer
        if consumer is None:
            return
        assigned = consumer.assignment()
        offsets = {}
        for partition in partitions:
            lane = self._lanes.get(partition)
            if lane is None or partition not in assigned or lane.done_offset is None:
                continue
            if lane.done_offset != lane.committed_offset:
                offsets[partition] = lane.done_offset
        if not offsets:
            return
        try:
            async with asyncio.timeout(5):
                await consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError) as error:
            # the inbox absorbs the repeat
            log.info("commit_skipped", error=type(error).__name__)
            return
        except (KafkaError, TimeoutError, OSError) as error:
            log.warning("commit_failed", error=type(error).__name__)
            return
        for partition, offset in offsets.items():
            self._lanes[partition].committed_offset = offset

    async def _end_lanes(self, partitions: Iterable[TopicPartition], *, wait: bool) -> None:
        lanes = [self._lanes[item] for item in partitions if item in self._lanes]
        if wait:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_S):
                    for lane in lanes:
                        await lane.queue.join()
        for lane in lanes:
            if lane.task is None:
                continue
            # a cancelled handler rolls back and is never a success: the message comes again
            lane.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await lane.task
        await self._commit(partitions)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Finish with partitions that move to another member."""
        gone = list(revoked)
        await self._end_lanes(gone, wait=False)
        for partition in gone:
            self._lanes.pop(partition, None)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Start lanes for the partitions that are ours now."""
        for partition in assigned:
            self._lanes.setdefault(partition, _Lane())
        log.info("partitions_assigned", count=len(list(assigned)))

"""GCN's Kafka read by time: what the topics hold between two moments.

A group of its own and partitions by hand: the listener's offsets are not touched.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.aio import AIOConsumer
from too_common.errors import TransientError

from too_ingest.clients.gcn import (
    BATCH,
    CLOSE_S,
    LARGE_BATCH,
    LARGE_BYTES,
    Message,
    consumer_config,
    to_message,
)
from too_ingest.settings import IngestSettings

ANSWER_S = 15.0
IDLE_S = 1.0
END = -1
"""What the broker answers for a time after its last message."""


@dataclass(slots=True)
class Span:
    """What is left to read of one partition: ``next_offset`` up to before ``end_offset``."""

    topic: str
    partition: int
    next_offset: int
    end_offset: int

    @property
    def left(self) -> int:
        """Number of offsets that are left (compacted ones included)."""
        return max(self.end_offset - self.next_offset, 0)


class History:
    """The topics by time."""

    def __init__(self, consumer: AIOConsumer) -> None:
        self._consumer = consumer

    async def spans(
        self, topics: Sequence[str], since: datetime, until: datetime | None
    ) -> list[Span]:
        """Where the messages of a time lie; topics that do not exist have none.

        Raises
        ------
        TransientError
            If the broker does not answer.
        """
        try:
            known = (await self._consumer.list_topics(timeout=ANSWER_S)).topics
            found = [
                TopicPartition(topic, partition)
                for topic in dict.fromkeys(topics)
                if topic in known
                for partition in sorted(known[topic].partitions)
            ]
            if not found:
                return []
            first = await self._offsets(found, since)
            last = await self._offsets(found, until) if until else {}
            spans = []
            for part in found:
                low, high = await self._consumer.get_watermark_offsets(part, timeout=ANSWER_S)
                key = (part.topic, part.partition)
                begin, end = first[key], last.get(key, END)
                spans.append(
                    Span(
                        part.topic,
                        part.partition,
                        high if begin == END else max(begin, low),
                        high if end == END else min(end, high),
                    )
                )
        except KafkaException as error:
            raise TransientError(f"the GCN-side broker does not answer: {error}") from error
        return spans

    async def _offsets(
        self, parts: Sequence[TopicPartition], moment: datetime
    ) -> dict[tuple[str, int], int]:
        milliseconds = int(moment.timestamp() * 1000)
        asked = [TopicPartition(p.topic, p.partition, milliseconds) for p in parts]
        answer = await self._consumer.offsets_for_times(asked, timeout=ANSWER_S)
        return {(p.topic, p.partition): max(p.offset, END) for p in answer}

    async def begin(self, spans: Sequence[Span]) -> None:
        """Read from where the spans begin."""
        await self._consumer.assign(
            [TopicPartition(s.topic, s.partition, s.next_offset) for s in spans if s.left]
        )

    async def next_batch(self) -> list[Message]:
        """Messages in the order of each partition; empty after a while without any.

        Raises
        ------
        TransientError
            If the broker gives an error instead.
        """
        first = await self._consumer.poll(timeout=IDLE_S)
        if first is None:
            return []
        size = LARGE_BATCH if len(first) > LARGE_BYTES else BATCH
        rest = await self._consumer.consume(num_messages=size - 1, timeout=0)
        for message in (first, *rest):
            if message.error() is not None:
                raise TransientError(f"the GCN-side broker: {message.error().str()[:200]}")
        return [to_message(message) for message in (first, *rest)]

    async def ends(self, spans: Sequence[Span]) -> dict[tuple[str, int], int]:
        """Where the reading stands, past gaps that hold no message (control records)."""
        asked = [TopicPartition(s.topic, s.partition) for s in spans]
        try:
            return {(p.topic, p.partition): p.offset for p in await self._consumer.position(asked)}
        except KafkaException as error:
            raise TransientError(f"the GCN-side broker does not answer: {error}") from error


@asynccontextmanager
async def open_history(settings: IngestSettings, group: str) -> AsyncIterator[History]:
    """Read by time for the length of a block, in a group of its own."""
    config = consumer_config(settings)
    config["group.id"] = group
    config["auto.offset.reset"] = "error"
    consumer = AIOConsumer(config, max_workers=2)
    try:
        yield History(consumer)
    finally:
        with suppress(TimeoutError, KafkaException):
            async with asyncio.timeout(CLOSE_S):
                await consumer.close()

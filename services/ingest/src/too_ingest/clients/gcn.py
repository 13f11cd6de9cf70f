"""GCN's Kafka: the one file that imports gcn_kafka and confluent_kafka.

Any broker without OIDC can stand in by configuration. Neither configuration nor secrets are ever
logged.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.aio import AIOConsumer
from gcn_kafka import Producer, core
from too_common.bus.client import ensure_topics
from too_common.errors import TransientError

from too_ingest.settings import IngestSettings

log = structlog.get_logger(__name__)

FETCH_BYTES = 8 * 1024 * 1024
"""GCN's messages have up to 4 MiB; librdkafka's default of 1 MB is a soft limit only."""
QUEUE_KBYTES = 32 * 1024
"""Fetched ahead and kept by librdkafka; its default of 64 MB would be memory for nothing."""
MAX_POLL_MS = 300_000
"""Longest time between two fetches: a batch is stored and read well within it."""
METADATA_REFRESH_MS = 30_000
"""A topic that did not exist appears after this."""
LOCAL_REFRESH_MS = 2_000
"""The same with a broker of our own, where nobody is bothered by the question."""
BATCH = 200
LARGE_BYTES = 256 * 1024
LARGE_BATCH = 8
"""Messages with embedded maps are taken a few at a time: a batch is held in memory."""
POLL_S = 0.5
CLOSE_S = 10.0
_CONSUMER_THREADS = 4
_AUTHENTICATION = frozenset(
    {KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED}  # noqa: SLF001 - its name
)
_ABSENT = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC})  # noqa: SLF001


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the stream."""

    topic: str
    partition: int
    offset: int
    body: bytes
    time: datetime | None


def topics_of(settings: IngestSettings) -> tuple[str, ...]:
    """Everything to listen to: notices, circulars and heartbeats."""
    extra = (settings.gcn_circulars_topic, settings.gcn_heartbeat_topic)
    return tuple(dict.fromkeys((*settings.gcn_topics, *(name for name in extra if name))))


def is_configured(settings: IngestSettings) -> bool:
    """Tell whether there is a broker to listen to."""
    return bool(settings.gcn_bootstrap_servers or settings.gcn_client_id)


def has_credentials(settings: IngestSettings) -> bool:
    """Tell whether there are credentials of GCN that would be lost if they went unused."""
    return bool(settings.gcn_client_id) and not settings.gcn_bootstrap_servers


def _base(settings: IngestSettings) -> dict[str, Any]:
    if settings.gcn_bootstrap_servers:
        return {
            "bootstrap.servers": settings.gcn_bootstrap_servers,
            "security.protocol": "plaintext",
        }
    return {"domain": settings.gcn_domain}


def _credentials(settings: IngestSettings) -> dict[str, Any]:
    if not settings.gcn_client_id or settings.gcn_bootstrap_servers:
        return {}
    secret = settings.gcn_client_secret
    return {
        "client_id": settings.gcn_client_id,
        "client_secret": secret.get_secret_value() if secret else "",
    }


def consumer_config(settings: IngestSettings) -> dict[str, Any]:
    """Configuration of the listener: a fixed group, offsets by hand, from the earliest.

    Several listeners with one group share the topics; a topic stays in order, since one consumer
    at a time has it, and a message that two of them see at a rebalance is stored once.
    """
    config: dict[str, Any] = {
        **_base(settings),
        "group.id": settings.gcn_group_id,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "fetch.message.max.bytes": FETCH_BYTES,
        "topic.metadata.refresh.interval.ms": LOCAL_REFRESH_MS
        if settings.gcn_bootstrap_servers
        else METADATA_REFRESH_MS,
        "session.timeout.ms": 10_000,
        "max.poll.interval.ms": MAX_POLL_MS,
        "queued.max.messages.kbytes": QUEUE_KBYTES,
        # GCN's topics have one partition each: `range` would give them all to one consumer
        "partition.assignment.strategy": "cooperative-sticky",
        "allow.auto.create.topics": False,
    }
    # the package has annotations in part only
    get_config: Callable[..., dict[str, Any]] = core.get_config
    return get_config("consumer", config, **_credentials(settings))


def to_message(message: Any) -> Message:
    """A message of the client library as ours."""
    _, milliseconds = message.timestamp()
    return Message(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        body=message.value() or b"",
        time=datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds > 0 else None,
    )


def is_full(messages: Sequence[Message]) -> bool:
    """Tell by a batch whether more messages wait behind it."""
    if any(len(message.body) > LARGE_BYTES for message in messages):
        return len(messages) >= LARGE_BATCH // 2
    return len(messages) >= BATCH // 2


class NoticeStream:
    """The stream of notices: messages in batches, and their offsets committed by hand."""

    def __init__(self, consumer: AIOConsumer, on_error: Callable[[str], None]) -> None:
        self._consumer = consumer
        self._on_error = on_error
        self.absent: set[str] = set()
        """Topics that the broker does not know; one that gives a message is taken out."""

    async def next_batch(self) -> list[Message]:
        """Messages that have arrived; empty after a while without any."""
        # consume() alone waits its whole time for a batch to fill, and alerts come one by one
        first = await self._consumer.poll(timeout=POLL_S)
        if first is None:
            return []
        size = LARGE_BATCH if len(first) > LARGE_BYTES else BATCH
        rest = await self._consumer.consume(num_messages=size - 1, timeout=0)
        found: list[Message] = []
        for message in (first, *rest):
            error = message.error()
            if error is not None:
                self._note(message.topic() or "", error)
            else:
                found.append(to_message(message))
        self.absent.difference_update(message.topic for message in found)
        return found

    async def commit(self, messages: Sequence[Message]) -> None:
        """Commit the offsets behind these messages; a failure only means a repetition later."""
        latest: dict[tuple[str, int], int] = {}
        for message in messages:
            key = (message.topic, message.partition)
            latest[key] = max(latest.get(key, 0), message.offset + 1)
        offsets = [TopicPartition(topic, part, n) for (topic, part), n in latest.items()]
        try:
            await self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            log.warning("gcn_commit_failed", error=str(error.args[0])[:200])

    def _note(self, topic: str, error: Any) -> None:
        if error.code() in _ABSENT:
            # a topic without a recent record does not exist at GCN: a normal state
            if topic not in self.absent:
                self.absent.add(topic)
                log.info("gcn_topic_absent", topic=topic)
            return
        if error.code() in _AUTHENTICATION:
            self._on_error(error.str()[:300])
        log.warning("gcn_error", code=error.name(), topic=topic)


@asynccontextmanager
async def open_stream(
    settings: IngestSettings, on_refused: Callable[[str], None]
) -> AsyncIterator[NoticeStream]:
    """Listen to the configured topics for the length of a block."""
    config = consumer_config(settings)

    async def error_cb(error: Any) -> None:
        if error.code() in _AUTHENTICATION:
            on_refused(error.str()[:300])
        else:
            log.info("gcn_connection", code=error.name())

    config["error_cb"] = error_cb
    consumer = AIOConsumer(config, max_workers=_CONSUMER_THREADS)
    try:
        await consumer.subscribe(list(topics_of(settings)))
        yield NoticeStream(consumer, on_refused)
    finally:
        with suppress(TimeoutError, KafkaException):
            async with asyncio.timeout(CLOSE_S):
                await consumer.close()


async def prepare_topics(settings: IngestSettings, topics: Sequence[str]) -> None:
    """Create topics on a broker of our own; GCN's are GCN's.

    A broker that cannot create them on demand (the in-memory one) makes them by itself.
    """
    if not settings.gcn_bootstrap_servers:
        return
    try:
        await ensure_topics(settings.gcn_bootstrap_servers, topics, partitions=1)
    except TransientError as error:
        log.info("gcn_topics_not_created", reason=str(error)[:200])


async def send(settings: IngestSettings, topic: str, key: str, body: bytes) -> None:
    """Put one message on the GCN-side broker (sample alerts of the local stack).

    Raises
    ------
    TransientError
        If the broker did not take it.
    """
    await asyncio.to_thread(_send, settings, topic, key, body)


def _send(settings: IngestSettings, topic: str, key: str, body: bytes) -> None:
    config = {
        **_base(settings),
        "message.max.bytes": FETCH_BYTES,
        "message.timeout.ms": 15_000,
        "enable.idempotence": True,
    }
    producer = Producer(config, **_credentials(settings))
    failures: list[str] = []

    def delivered(error: Any, _message: Any) -> None:
        if error is not None:
            failures.append(error.str())

    # partition 0, as GCN's own topics have no other
    producer.produce(topic, value=body, key=key.encode(), partition=0, on_delivery=delivered)
    left = producer.flush(20)
    if failures or left:
        raise TransientError(f"the GCN-side broker did not take the message: {failures[:1]}")

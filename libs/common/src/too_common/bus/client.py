"""The one file that imports aiokafka: its defaults are not safe, so one factory sets them.

Auto-commit off, start at the earliest, read committed; the producer is idempotent, waits for all
replicas, and takes messages of 4 MiB. A test asserts these.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
    TopicAlreadyExistsError,
)

from too_common.errors import TransientError

__all__ = [
    "AIOKafkaConsumer",
    "AIOKafkaProducer",
    "CommitFailedError",
    "ConsumerRebalanceListener",
    "IllegalStateError",
    "KafkaError",
    "TopicPartition",
    "cluster_id",
    "ensure_topics",
    "make_consumer",
    "make_producer",
]

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""GCN's own limit; our events are far smaller, since large things travel by reference."""
SESSION_TIMEOUT_MS = 10_000
"""A dead member's partitions move to another after this."""
REBALANCE_TIMEOUT_MS = 60_000
"""Above the slowest handler; left unset it would be the session's 10 s."""
REQUEST_TIMEOUT_MS = 10_000
STOP_TIMEOUT_S = 8.0
"""``stop()`` may never return when the broker is gone (aiokafka issue 1101)."""
TOPIC_POLL_S = 0.05
TOPIC_POLLS = 200
METADATA_MAX_AGE_MS = 5_000
"""New topics and moved leaders are noticed at least so often."""
RETENTION_MS = 30 * 24 * 3600 * 1000
"""Events are kept for 30 days, as long as the outbox keeps its rows."""


def consumer_options(bootstrap: str, *, group: str, instance: str | None = None) -> dict[str, Any]:
    """Options of every consumer of this program."""
    options: dict[str, Any] = {
        "bootstrap_servers": bootstrap,
        "group_id": group,
        "client_id": group,
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "isolation_level": "read_committed",
        "session_timeout_ms": SESSION_TIMEOUT_MS,
        "heartbeat_interval_ms": 2_000,
        "rebalance_timeout_ms": REBALANCE_TIMEOUT_MS,
        "max_poll_interval_ms": 300_000,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "fetch_max_wait_ms": 250,
        "max_partition_fetch_bytes": MAX_MESSAGE_BYTES,
        "retry_backoff_ms": 200,
        "metadata_max_age_ms": METADATA_MAX_AGE_MS,
    }
    if instance is not None:
        options["group_instance_id"] = instance
    return options


def producer_options(bootstrap: str, *, client_id: str) -> dict[str, Any]:
    """Options of every producer of this program."""
    return {
        "bootstrap_servers": bootstrap,
        "client_id": client_id,
        "enable_idempotence": True,
        "acks": "all",
        "linger_ms": 0,
        "max_request_size": MAX_MESSAGE_BYTES,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "retry_backoff_ms": 200,
        "metadata_max_age_ms": METADATA_MAX_AGE_MS,
    }


def make_consumer(
    bootstrap: str,
    *,
    group: str,
    instance: str | None = None,
) -> AIOKafkaConsumer:
    """Consumer with safe defaults; offsets are committed by the caller, explicitly."""
    return AIOKafkaConsumer(**consumer_options(bootstrap, group=group, instance=instance))


def make_producer(bootstrap: str, *, client_id: str) -> AIOKafkaProducer:
    """Idempotent producer that waits for all replicas."""
    return AIOKafkaProducer(**producer_options(bootstrap, client_id=client_id))


async def stop_quietly(client: Any) -> None:
    """Stop a consumer or producer within a time limit, whatever state the broker is in."""
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await client.stop()
    except (TimeoutError, KafkaError, OSError, RuntimeError):
        return


async def cluster_id(bootstrap: str) -> str:
    """Id of the broker's cluster.

    Raises
    ------
    TransientError
        If the broker does not answer.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5_000)
    try:
        async with asyncio.timeout(10):
            await admin.start()
            described = await admin.describe_cluster()
            return str(described.get("cluster_id") or "unnamed")
    except (TimeoutError, KafkaError, OSError) as error:
        raise TransientError(f"broker at {bootstrap} does not answer: {error}") from error
    finally:
        try:
            async with asyncio.timeout(3):
                await admin.close()
        except (TimeoutError, KafkaError, OSError):
            pass


async def ensure_topics(
    bootstrap: str, topics: Iterable[str], *, partitions: int, replication: int = 1
) -> None:
    """Create topics that do not exist; existing ones are left as they are.

    Raises
    ------
    TransientError
        If the broker does not answer.
    """
    wanted = sorted(set(topics))
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5_000)
    try:
        async with asyncio.timeout(20):
            await admin.start()
            existing = set(await admin.list_topics())
            missing = [name for name in wanted if name not in existing]
            if not missing:
                return
            await admin.create_topics(
                [
                    NewTopic(
                        name=name,
                        num_partitions=partitions,
                        replication_factor=replication,
                        topic_configs={
                            "retention.ms": str(RETENTION_MS),
                            "max.message.bytes": str(MAX_MESSAGE_BYTES),
                        },
                    )
                    for name in missing
                ]
            )
            # the controller has them before the broker tells of them; a consumer that starts in
            # between would notice at its next refresh only
            for _ in range(TOPIC_POLLS):
                if set(wanted) <= set(await admin.list_topics()):
                    return
                await asyncio.sleep(TOPIC_POLL_S)
    except TopicAlreadyExistsError:
        return
    except (TimeoutError, KafkaError, OSError) as error:
        raise TransientError(f"broker at {bootstrap}: {error}") from error
    finally:
        try:
            async with asyncio.timeout(3):
                await admin.close()
        except (TimeoutError, KafkaError, OSError):
            pass

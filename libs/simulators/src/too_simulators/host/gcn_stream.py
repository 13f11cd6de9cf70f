"""What GCN's Kafka says by itself: a heartbeat each second, and every submitted circular."""

import asyncio
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from too_common.bus.client import KafkaError, ensure_topics, make_producer, stop_quietly
from too_common.errors import TransientError

from too_simulators.core.faults import FaultBoard, FaultKind
from too_simulators.host.gcn import Circular, GcnState

HEARTBEAT_TOPIC = "gcn.heartbeat"
CIRCULARS_TOPIC = "gcn.circulars"
HEARTBEAT_ROUTE = "gcn heartbeat"
"""Where the fault `silent` stops the heartbeats."""
EVERY_S = 1.0
RETRY_S = 2.0
SUBMITTER = "Simulated Submitter at Local Stack"
_SCHEMA = "https://gcn.nasa.gov/schema/main/gcn"


def heartbeat(now: datetime) -> bytes:
    """A heartbeat: the core schema's `alert_datetime` alone."""
    return json.dumps(
        {
            "$schema": f"{_SCHEMA}/notices/core/Alert.schema.json",
            "alert_datetime": now.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        }
    ).encode()


def record(circular: Circular) -> bytes:
    """A circular as it is published."""
    return json.dumps(
        {
            "$schema": f"{_SCHEMA}/circulars.schema.json",
            "circularId": circular.circular_id,
            "subject": circular.subject,
            "body": circular.body,
            "submitter": SUBMITTER,
            "createdOn": int(circular.created_at.timestamp() * 1000),
            "submittedHow": "api" if circular.by == "api" else "web",
            "format": "text/plain",
        }
    ).encode()


class GcnStream:
    """Produces to the GCN-side broker for as long as it runs.

    Parameters
    ----------
    bootstrap_servers
        The broker.
    state
        Circulars that were submitted.
    faults
        Asked for `silent` on the route ``gcn heartbeat``.
    wall
        Wall clock: heartbeats are about the connection, not about the sky.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        state: GcnState,
        faults: FaultBoard,
        *,
        wall: Callable[[], datetime],
    ) -> None:
        self._bootstrap = bootstrap_servers
        self._state = state
        self._faults = faults
        self._wall = wall
        self._log = structlog.get_logger(__name__)

    async def run(self) -> None:
        """Produce for ever; a broker that is away is tried again."""
        while True:
            try:
                await self._produce()
            except (KafkaError, TransientError, OSError) as error:
                self._log.info("gcn_stream_waits", reason=type(error).__name__)
            await asyncio.sleep(RETRY_S)

    async def _produce(self) -> None:
        await ensure_topics(self._bootstrap, [HEARTBEAT_TOPIC, CIRCULARS_TOPIC], partitions=1)
        producer = make_producer(self._bootstrap, client_id="simulated-gcn")
        await producer.start()
        try:
            while True:
                await self.tick(producer)
                await asyncio.sleep(EVERY_S)
        finally:
            await stop_quietly(producer)

    async def tick(self, producer: Any) -> None:
        """One second: a heartbeat unless a fault is on, and the circulars that wait."""
        if self._faults.take(HEARTBEAT_ROUTE, FaultKind.SILENT) is None:
            await producer.send_and_wait(
                HEARTBEAT_TOPIC, value=heartbeat(self._wall()), partition=0
            )
        for circular in self._state.circulars:
            if not circular.is_published:
                await producer.send_and_wait(CIRCULARS_TOPIC, value=record(circular), partition=0)
                circular.is_published = True

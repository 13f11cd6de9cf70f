"""Runs services in a test's event loop, on a real database and a real broker.

Each test gets topics of its own (a prefix) and a database of its own, so tests share servers and
nothing else. Time stands still on a `SteppedClock` unless a test moves it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx

from too_common.auth.tokens import Keys, make_key_pair
from too_common.bus.client import ensure_topics, make_consumer, make_producer, stop_quietly
from too_common.cause import Cause
from too_common.clock import StackClock
from too_common.context import Context
from too_common.contracts.base import Envelope, EventData, owner_of, parse_envelope, topic_of, wrap
from too_common.db.migrate import provision, service_url, upgrade
from too_common.ids import uuid7
from too_common.runtime import Runtime
from too_common.service import ServiceDefinition
from too_common.settings import SERVICES, CommonSettings

DEADLINE_S = 30.0
ROLE_PASSWORD = "role-of-a-test-database"  # noqa: S105  -- of databases that live for one test

T = TypeVar("T")
D = TypeVar("D", bound=EventData)


class SteppedClock(StackClock):
    """A stack clock that stands still until a test advances it."""

    def __init__(self, start: datetime | None = None) -> None:
        super().__init__(speed=0.0)
        self._anchor = self._latest = start or datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
        self._version = 0

    def advance(self, **delta: float) -> None:
        """Move forward by a `timedelta`'s keywords, e.g. ``advance(minutes=4)``."""
        self.jump(self.now() + timedelta(**delta))

    def jump(self, to: datetime) -> None:
        """Move to a time that is not earlier than now."""
        self._anchor = max(to, self._latest)
        self._version += 1
        for listener in list(self._listeners):
            listener()


@dataclass
class ServiceUnderTest:
    """A running service and the ways in."""

    runtime: Runtime
    client: httpx.AsyncClient
    """Client of the public API with an administrator's token, base ``/api/<service>/v1``."""
    house: "House"

    @property
    def ctx(self) -> Context:
        """The service's context."""
        return self.runtime.ctx

    def client_for(
        self, *scopes: str, account_id: UUID | None = None, name: str = "Test Person"
    ) -> httpx.AsyncClient:
        """Client of a person with the given scopes (none: without a token)."""
        return self.house.client(
            self.runtime, scopes=scopes, account_id=account_id or uuid4(), name=name
        )


@dataclass
class House:
    """Servers, keys and topics of one test; runs services in the test's event loop."""

    admin_database_url: str
    kafka_bootstrap: str
    folder: Path
    clock: SteppedClock = field(default_factory=SteppedClock)
    prefix: str = field(default_factory=lambda: f"t{uuid4().hex[:10]}.")
    common: dict[str, Any] = field(default_factory=dict)
    _private: dict[str, dict[str, Any]] = field(default_factory=dict)
    _public: list[dict[str, Any]] = field(default_factory=list)
    _provisioned: set[str] = field(default_factory=set)
    _topics: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for name in SERVICES:
            private, public = make_key_pair(name)
            self._private[name] = private
            self._public.append(public)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "trusted.json").write_text(json.dumps({"keys": self._public}))
        for name, key in self._private.items():
            (self.folder / f"{name}.json").write_text(json.dumps(key))

    def keys_of(self, service: str) -> Keys:
        """Keys with which a service signs."""
        return Keys(service, self._private[service], self._public)

    def common_settings(self, **more: Any) -> CommonSettings:
        """Common settings of this house."""
        values: dict[str, Any] = {
            "profile": "test",
            "data_dir": self.folder,
            "kafka_bootstrap_servers": self.kafka_bootstrap,
            "bus_prefix": self.prefix,
            "bus_partitions": 2,
            "trusted_keys_file": self.folder / "trusted.json",
            **self.common,
            **more,
        }
        return CommonSettings(**values)

    async def migrate(self, definition: ServiceDefinition) -> str:
        """Make role, schema and tables of a service; gives its address."""
        url = service_url(self.admin_database_url, definition.name, ROLE_PASSWORD)
        if definition.name not in self._provisioned:
            await provision(self.admin_database_url, {definition.name: ROLE_PASSWORD})
            await upgrade(
                url,
                service=definition.name,
                migrations=definition.migrations,
                metadata=definition.metadata,
            )
            self._provisioned.add(definition.name)
        return url

    async def runtime(self, definition: ServiceDefinition, **settings: Any) -> Runtime:
        """A service's runtime, not started."""
        url = await self.migrate(definition)
        values: dict[str, Any] = {
            "database_url": url,
            "signing_key_file": self.folder / f"{definition.name}.json",
            **settings,
        }
        return Runtime(
            definition,
            common=self.common_settings(),
            settings=definition.settings(**values),
            clock=self.clock,
        )

    @asynccontextmanager
    async def run(
        self, definition: ServiceDefinition, **settings: Any
    ) -> AsyncIterator[ServiceUnderTest]:
        """Run a service for the length of a block, its loops included."""
        runtime = await self.runtime(definition, **settings)
        await runtime.start()
        client = self.client(runtime, scopes=("admin",), account_id=uuid4(), name="Admin")
        try:
            async with client:
                yield ServiceUnderTest(runtime, client, self)
        finally:
            await runtime.stop()

    def client(
        self, runtime: Runtime, *, scopes: tuple[str, ...], account_id: UUID, name: str
    ) -> httpx.AsyncClient:
        """Client of a service's public application with a person's one-minute token."""
        service = runtime.definition.name
        headers = {}
        if scopes:
            token = self.keys_of("vetting-api").sign_for_person(
                audience=service, account_id=account_id, name=name, scopes=scopes
            )
            headers["Authorization"] = f"Bearer {token}"
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(runtime.app, raise_app_exceptions=False),
            base_url=f"http://{service}/api/{service}/v1",
            headers=headers,
        )

    async def publish(
        self,
        data: EventData,
        *,
        key: UUID | str,
        revision: int = 1,
        overrides: bool = False,
        cause: Cause | None = None,
    ) -> Envelope[Any]:
        """Put an event on the bus as its owner would."""
        why = cause or Cause()
        envelope = wrap(
            data,
            id=uuid7(),
            occurred_at=self.clock.now(),
            source=owner_of(type(data).TYPE),
            key=str(key),
            revision=revision,
            overrides=overrides,
            mode=why.mode,
            drill_id=why.drill_id,
            actor=why.actor,
            correlation_id=why.correlation_id,
            causation_id=why.causation_id,
        )
        await self.produce(
            f"{self.prefix}{topic_of(envelope.source)}",
            str(key).encode(),
            envelope.model_dump_json().encode(),
        )
        return envelope

    async def produce(self, topic: str, key: bytes, value: bytes) -> None:
        """Put bytes on a topic, which is made if it does not exist."""
        await self._ensure_topic(topic)
        producer = make_producer(self.kafka_bootstrap, client_id="test")
        await producer.start()
        try:
            await producer.send_and_wait(topic, value=value, key=key)
        finally:
            await stop_quietly(producer)

    async def _ensure_topic(self, topic: str) -> None:
        if topic not in self._topics:
            partitions = self.common_settings().bus_partitions
            await ensure_topics(self.kafka_bootstrap, [topic], partitions=partitions)
            self._topics.add(topic)

    async def expect(
        self,
        data: type[D],
        condition: Callable[[D], bool] = lambda _data: True,
        *,
        deadline_s: float = DEADLINE_S,
    ) -> Envelope[D]:
        """First event of a type on the bus (from its beginning) that meets a condition.

        Raises
        ------
        AssertionError
            If none came in time; names what came instead.
        """
        seen: list[str] = []
        topic = f"{self.prefix}{topic_of(owner_of(data.TYPE))}"
        await self._ensure_topic(topic)
        consumer = make_consumer(self.kafka_bootstrap, group=f"{self.prefix}expect.{uuid4()}")
        await consumer.start()
        consumer.subscribe([topic])
        try:
            async with asyncio.timeout(deadline_s):
                while True:
                    batch = await consumer.getmany(timeout_ms=200)
                    for records in batch.values():
                        for record in records:
                            envelope = parse_envelope(record.value)
                            seen.append(envelope.type)
                            if isinstance(envelope.data, data) and condition(envelope.data):
                                return envelope
        except TimeoutError as error:
            raise AssertionError(f"no {data.TYPE} as expected; saw {seen}") from error
        finally:
            await stop_quietly(consumer)


async def eventually(
    probe: Callable[[], Any], *, deadline_s: float = DEADLINE_S, what: str = "condition"
) -> Any:
    """Wait until an (async) probe gives something true, and give it back.

    Raises
    ------
    AssertionError
        If it never did; names the last value.
    """
    last: Any = None
    try:
        async with asyncio.timeout(deadline_s):
            while True:
                last = probe()
                if asyncio.iscoroutine(last):
                    last = await last
                if last:
                    return last
                await asyncio.sleep(0.02)
    except TimeoutError as error:
        raise AssertionError(f"{what} not met in {deadline_s:g} s; last value: {last!r}") from error

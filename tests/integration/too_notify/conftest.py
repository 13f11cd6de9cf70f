"""A stage for notify: the service on real servers, reachable by simulated telephones and Slack."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest_asyncio
import uvicorn
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from too_common.cause import Cause
from too_common.contracts.base import BlobRef
from too_common.contracts.ingest import (
    AlertKind,
    EventChanged,
    EventFacts,
    EventKind,
    LocalizationOrigin,
    LocalizationReady,
    MapFacts,
    NativeId,
)
from too_common.contracts.vetting_api import AccountChanged
from too_common.db.retry import is_database_away
from too_common.local.ports import free_port as find_free_port
from too_common.testing.plugin import KafkaServer
from too_common.testing.service import House, ServiceUnderTest, eventually
from too_notify.service import SERVICE
from too_notify.settings import NotifySettings
from too_notify.usecases.save_program import seed_sample_programs
from too_simulators.running import Simulators

SENDER = "+15555550199"


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self):
        yield


class _FreshToken(httpx.Auth):
    def __init__(self, sign):
        self._sign = sign

    def auth_flow(self, request):
        request.headers["Authorization"] = f"Bearer {self._sign()}"
        yield request


@dataclass
class Person:
    account_id: UUID
    name: str
    phone: str


@dataclass
class Stage:
    """Everything a test needs to play an alert and watch what people get."""

    sims: Simulators
    house: House
    service: ServiceUnderTest
    settings: dict[str, Any]
    since: int = 0
    revisions: dict[UUID, int] = field(default_factory=dict)
    sequences: dict[UUID, int] = field(default_factory=dict)
    people: list[Person] = field(default_factory=list)

    async def advance(self, seconds: float) -> None:
        """Move both clocks, and let calls, callbacks and the steps that follow settle."""
        self.sims.clock.advance(seconds)
        self.house.clock.jump(self.sims.clock.now())
        await self.sims.settle()

    def told(self, kind: str) -> list[Any]:
        """What the simulated world wrote down in this test."""
        return self.sims.world.journal.entries(kind, self.since)

    async def clear(self) -> None:
        """Forget everything but the programs that a new installation starts with."""
        self.sims.world.faults.switch_off(None)
        await self.quiet()
        ctx = self.service.ctx
        await self.until(self._emptied, "empty tables")
        async with ctx.unit_of_work() as uow:
            await seed_sample_programs(uow)
        ctx.settings.max_pages_per_hour = NotifySettings.model_fields["max_pages_per_hour"].default
        world = self.sims.world
        for kept in (
            world.telephones.state.telephones,
            world.telephones.state.calls,
            world.telephones.state.messages,
            world.slack.state.messages,
            world.mailbox.state.mails,
        ):
            kept.clear()

    @contextlib.asynccontextmanager
    async def another_process(self) -> AsyncIterator[None]:
        """A second copy of the service on the same rows."""
        async with self.house.run(SERVICE, **self.settings):
            yield

    async def person(self, name: str, **card: Any) -> Person:
        number = f"+155555501{len(self.people):02d}"
        person = Person(uuid4(), name, number)
        self.people.append(person)
        await self.account(person)
        await self.until(
            lambda: self.sql(
                "select 1 from notify.accounts where account_id = :id", id=person.account_id
            ),
            "account known",
        )
        async with self.as_person(person) as client:
            body = {"phone": number, "channels": ["voice", "sms"], **card}
            answer = await client.put("/contact-cards/me", json=body)
            assert answer.status_code == 200, answer.text
        await self.sql(
            "update notify.contact_cards set phone_verified_at = now() where account_id = :id",
            id=person.account_id,
        )
        return person

    async def account(self, person: Person, *, active: bool = True, revision: int = 1) -> None:
        await self.house.publish(
            AccountChanged(
                account_id=person.account_id,
                username=person.name.lower(),
                name=person.name,
                scopes=("read", "plan"),
                active=active,
            ),
            key=f"account:{person.account_id}",
            revision=revision,
        )

    def as_person(self, person: Person, *scopes: str) -> httpx.AsyncClient:
        return self.client_for(*(scopes or ("read", "plan")), person=person)

    def client_for(self, *scopes: str, person: Person | None = None) -> httpx.AsyncClient:
        """Client whose one-minute token is signed anew for each request."""
        account_id = uuid4() if person is None else person.account_id
        name = "Admin" if person is None else person.name

        def sign() -> str:
            return self.house.keys_of("vetting-api").sign_for_person(
                audience="notify", account_id=account_id, name=name, scopes=scopes
            )

        client = self.service.client_for(*scopes, account_id=account_id, name=name)
        client.auth = _FreshToken(sign)
        return client

    @property
    def client(self) -> httpx.AsyncClient:
        """Client of an administrator."""
        return self.client_for("admin")

    async def event(
        self,
        event_id: UUID | None = None,
        *,
        cause: Cause | None = None,
        overrides: bool = False,
        **changes: Any,
    ) -> UUID:
        """Publish an event's state: by default a significant binary neutron star."""
        event_id = event_id or uuid4()
        revision = self.revisions[event_id] = self.revisions.get(event_id, 0) + 1
        now = self.house.clock.now()
        values: dict[str, Any] = {
            "event_id": event_id,
            "name": f"S{str(event_id.int)[:6]}k",
            "mission": "lvk",
            "kind": EventKind.GW,
            "ids": (NativeId(mission="lvk", native_id="S1", is_primary=True),),
            "event_time": now,
            "first_notice_at": now,
            "latest_notice_at": now,
            "received_at": now,
            "notice_id": uuid4(),
            "notice_type": "igwn.gwalert PRELIMINARY",
            "alert_kind": AlertKind.PRELIMINARY,
            "facts": EventFacts(
                significant=True, far_hz=1e-10, classification={"BNS": 0.95, "Terrestrial": 0.05}
            ),
        }
        await self.house.publish(
            EventChanged(**(values | changes)),
            key=event_id,
            revision=revision,
            overrides=overrides,
            cause=cause,
        )
        return event_id

    async def localization(
        self,
        event_id: UUID,
        *,
        area90: float = 120.0,
        distance: float | None = 150.0,
        cause: Cause | None = None,
    ) -> str:
        sequence = self.sequences[event_id] = self.sequences.get(event_id, 0) + 1
        now = self.house.clock.now()
        sha256 = hashlib.sha256(f"{event_id}{sequence}".encode()).hexdigest()
        await self.house.publish(
            LocalizationReady(
                localization_id=uuid4(),
                event_id=event_id,
                event_revision=self.revisions[event_id],
                map=BlobRef(
                    uri=f"/api/ingest/v1/maps/{sha256}",
                    owner="ingest",
                    sha256=sha256,
                    size_bytes=1,
                ),
                origin=LocalizationOrigin.EMBEDDED,
                rank=10,
                is_preferred=True,
                is_first=sequence == 1,
                sequence=sequence,
                notice_id=uuid4(),
                alert_kind=AlertKind.PRELIMINARY if sequence == 1 else AlertKind.UPDATE,
                notice_at=now,
                received_at=now,
                facts=MapFacts(
                    area50_deg2=area90 / 4,
                    area90_deg2=area90,
                    peak_ra_deg=197.4,
                    peak_dec_deg=-23.4,
                    distance_mean_mpc=distance,
                    distance_std_mpc=None if distance is None else 30.0,
                    is_3d=distance is not None,
                ),
            ),
            key=event_id,
            revision=self.revisions[event_id],
            cause=cause,
        )
        return sha256

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        async with self.service.ctx.db.transaction() as session:
            found = await session.execute(text(statement), values)
            return list(found) if found.returns_rows else []

    async def until(self, probe: Any, what: str = "condition") -> Any:
        return await eventually(probe, deadline_s=60.0, what=what)

    async def incident(self, event_id: UUID, state: str | None = None) -> dict[str, Any]:
        """The event's latest incident with all its deliveries, once it is in that state."""

        async def look() -> dict[str, Any] | None:
            answer = await self.client.get("/incidents", params={"event_id": str(event_id)})
            found = [one for one in answer.json() if state in {None, one["state"]}]
            if not found:
                return None
            detail = await self.client.get(f"/incidents/{found[0]['id']}")
            return detail.json()

        return await self.until(look, f"incident of {event_id} {state or ''}")

    def calls(self, person: Person) -> list[Any]:
        return [
            call
            for call in self.sims.world.telephones.state.calls.values()
            if call.to == person.phone
        ]

    def texts(self, person: Person, containing: str = "") -> list[str]:
        return [
            message.body
            for message in self.sims.world.telephones.state.messages.values()
            if message.to == person.phone and containing in message.body
        ]

    def posts(self, containing: str = "") -> list[Any]:
        return [
            message
            for message in self.sims.world.slack.state.messages
            if containing in message.text
        ]

    def phone(self, person: Person) -> Any:
        return self.sims.world.telephones.telephone(person.phone)

    async def _emptied(self) -> bool:
        # loops that look for due rows read these tables at any time: DELETE blocks no reader,
        # where TRUNCATE may deadlock with one
        try:
            async with self.service.ctx.unit_of_work() as uow:
                for table in reversed(SERVICE.metadata.sorted_tables):
                    if table.name not in {"outbox", "inbox", "parked", "relay_state"}:
                        await uow.session.execute(table.delete())
        except IntegrityError:  # a message that was still in hand has added a row meanwhile
            return False
        except DBAPIError as error:
            if not is_database_away(error):
                raise
            return False  # a loop that locks rows in another order has won
        return True

    async def quiet(self) -> None:
        """Wait until no job is left and no delivery is being sent."""

        async def nothing_left() -> bool:
            jobs = await self.sql(
                "select count(*) from notify.pgqueuer where status in ('queued', 'picked')"
            )
            busy = await self.sql(
                "select count(*) from notify.deliveries where state in ('planned', 'sending')"
            )
            return jobs[0][0] == 0 and busy[0][0] == 0

        await self.until(nothing_left, "all jobs done")
        await self.sims.settle()


@contextlib.asynccontextmanager
async def stage_of(house: House, folder: Path, port: int, **settings: Any) -> AsyncIterator[Stage]:
    base_url = f"http://127.0.0.1:{port}"
    async with Simulators.running(folder, frozen=True, notify_webhook_base_url=base_url) as sims:
        begin = max(sims.clock.now(), house.clock.now()) + timedelta(seconds=1)
        sims.clock.to(begin)
        house.clock.jump(sims.clock.now())
        known = sims.world.settings
        values: dict[str, Any] = {
            "webhook_base_url": base_url,
            "twilio_base_url": sims.host("twilio"),
            "twilio_account_sid": known.twilio_account_sid,
            "twilio_api_key_sid": known.twilio_api_key_sid,
            "twilio_api_key_secret": known.twilio_api_key_secret,
            "twilio_auth_token": known.twilio_auth_token,
            "twilio_from": SENDER,
            "slack_base_url": sims.host("slack"),
            "slack_token": known.slack_token,
            "slack_signing_secret": known.slack_signing_secret,
            "smtp_host": "127.0.0.1",
            "smtp_port": sims.smtp_port,
            "smtp_starttls": False,
            "mail_list": "list@example.org",
            **settings,
        }
        async with house.run(SERVICE, **values) as service:
            config = uvicorn.Config(
                service.runtime.app,
                host="127.0.0.1",
                port=port,
                log_config=None,
                access_log=False,
                lifespan="off",
            )
            server = _Server(config)
            serving = asyncio.create_task(server.serve())
            try:
                await eventually(lambda: server.started, what="webhooks served")
                yield Stage(sims, house, service, values)
            finally:
                server.should_exit = True
                await serving


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_stage(
    module_database_url: str, kafka_server: KafkaServer, tmp_path_factory
) -> AsyncIterator[Stage]:
    """One running service for the tests of a module."""
    folder = tmp_path_factory.mktemp("stage")
    house = House(
        admin_database_url=module_database_url,
        kafka_bootstrap=kafka_server.bootstrap_servers,
        folder=folder / "house",
    )
    async with stage_of(house, folder / "world", find_free_port()) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def stage(shared_stage: Stage) -> AsyncIterator[Stage]:
    """A stage without people, events and messages, and with the sample programs."""
    known = shared_stage
    clean = Stage(known.sims, known.house, known.service, known.settings)
    clean.since = known.sims.world.journal.entries()[-1].seq if known.sims.told() else 0
    yield clean
    await clean.clear()


@pytest_asyncio.fixture(loop_scope="module")
async def local_stage(house: House, tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage in the local profile, in which first accounts get sample contact cards."""
    house.common["profile"] = "local"
    async with stage_of(house, tmp_path / "world", find_free_port()) as running:
        yield running

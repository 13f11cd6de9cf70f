"""Queue-submit on real servers, against the simulated telescopes; other services are stood in for
by what they would answer over HTTP.
"""

import contextlib
import hashlib
import importlib.util
import json
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import yaml
from too_common.cause import Cause
from too_common.contracts import BlobRef
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
from too_common.contracts.planner import PlanChanged, PlanState, PlanStatistics, TelescopeChanged
from too_common.errors import NotFoundError, TransientError
from too_common.ids import uuid7
from too_common.testing.service import House, ServiceUnderTest, SteppedClock, eventually
from too_queue_submit.service import SERVICE
from too_simulators.running import Simulators
from too_simulators.settings import FileTelescope

_spec = importlib.util.spec_from_file_location(
    "plans_of_queue_submit",
    Path(__file__).parents[2] / "unit" / "too_queue_submit" / "plans.py",
)
plans = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plans)
sys.modules.setdefault("plans_of_queue_submit", plans)

MAP = "a" * 64


def _next_november() -> datetime:
    """An evening at Palomar that lies ahead: the world's clock never goes back."""
    now = datetime.now(UTC)
    start = datetime(now.year, 11, 22, 3, 0, tzinfo=UTC)
    return start if start > now + timedelta(days=1) else start.replace(year=now.year + 1)


START = _next_november()


@dataclass
class FakePeers:
    """What ingest and planner would answer."""

    retracted: set = field(default_factory=set)
    maps: dict = field(default_factory=dict)
    blobs: dict = field(default_factory=dict)
    is_silent: bool = False
    asked: list = field(default_factory=list)

    async def get_json(self, service: str, path: str, params: Any = None) -> Any:
        self.asked.append(path)
        if self.is_silent:
            raise TransientError(f"{service} does not answer")
        event_id = UUID(path.rsplit("/", 1)[1])
        if event_id not in self.maps:
            raise NotFoundError("no such event")
        return {
            "event_id": str(event_id),
            "is_retracted": event_id in self.retracted,
            "preferred_map_sha256": self.maps[event_id],
        }

    async def fetch_blob(self, ref: BlobRef) -> bytes:
        return self.blobs[ref.sha256]


@dataclass
class Stage:
    """The service, the world outside, and one event."""

    house: House
    service: ServiceUnderTest
    world: Simulators
    peers: FakePeers
    event_id: UUID
    revisions: dict = field(default_factory=dict)

    def revision(self, what: Any) -> int:
        self.revisions[what] = self.revisions.get(what, 0) + 1
        return self.revisions[what]

    async def advance(self, **delta: float) -> None:
        """Move both clocks; the world first, so that it has observed what there was to observe."""
        seconds = timedelta(**delta).total_seconds()
        await self.world.advance(seconds)
        self.house.clock.advance(seconds=seconds)

    async def telescope(self, name: str = "ZTF") -> None:
        await self.house.publish(
            TelescopeChanged(name=name, is_provisional=False, definition=plans.definition(name)),
            key=f"telescope:{name}",
            revision=self.revision(name),
        )

    async def event(
        self,
        *,
        retracted: bool = False,
        cause: Cause | None = None,
        event_id: UUID | None = None,
        **changes: Any,
    ) -> None:
        event_id = event_id or self.event_id
        now = self.house.clock.now()
        if retracted:
            self.peers.retracted.add(event_id)
        await self.house.publish(
            EventChanged(
                event_id=event_id,
                name="S260101a",
                mission="lvk",
                kind=EventKind.GW,
                ids=(NativeId(mission="lvk", native_id="S260101a", is_primary=True),),
                event_time=now,
                first_notice_at=now,
                latest_notice_at=now,
                received_at=now,
                notice_id=uuid4(),
                notice_type="igwn.gwalert",
                alert_kind=AlertKind.RETRACTION if retracted else AlertKind.INITIAL,
                is_retracted=retracted,
                facts=EventFacts(),
            ).model_copy(update=changes),
            key=event_id,
            revision=self.revision(("event", event_id)),
            overrides=retracted,
            cause=cause,
        )

    async def map(self, sha256: str = MAP) -> None:
        now = self.house.clock.now()
        self.peers.maps[self.event_id] = sha256
        await self.house.publish(
            LocalizationReady(
                localization_id=uuid4(),
                event_id=self.event_id,
                event_revision=1,
                map=BlobRef(uri="/maps/x", owner="ingest", sha256=sha256, size_bytes=1),
                origin=LocalizationOrigin.EMBEDDED,
                rank=1,
                is_preferred=True,
                is_first=True,
                sequence=1,
                notice_id=None,
                alert_kind=AlertKind.INITIAL,
                notice_at=now,
                received_at=now,
                facts=MapFacts(area50_deg2=1, area90_deg2=10, peak_ra_deg=1, peak_dec_deg=1),
            ),
            key=self.event_id,
            revision=self.revision("map"),
        )

    async def plan(
        self,
        telescope: str = "ZTF",
        *,
        plan_id: UUID | None = None,
        state: PlanState = PlanState.READY,
        policy: dict | None = None,
        map_sha256: str | None = MAP,
        is_manual: bool = False,
        without_event: bool = False,
        cause: Cause | None = None,
        **document: Any,
    ) -> UUID:
        plan_id = plan_id or uuid7()
        now = self.house.clock.now()
        start = document.pop("start", now + timedelta(hours=1))
        if without_event:
            document["event"] = None
        raw = json.dumps(
            plans.document(telescope, start=start, plan_id=plan_id, **document)
        ).encode()
        sha = hashlib.sha256(raw).hexdigest()
        self.peers.blobs[sha] = raw
        event_id = plan_id if without_event else self.event_id
        await self.house.publish(
            PlanChanged(
                plan_id=plan_id,
                event_id=event_id,
                event_revision=1,
                localization_id=None,
                map_sha256=None if without_event else map_sha256,
                telescope=telescope,
                name=f"{telescope} plan",
                state=state,
                is_manual=is_manual or without_event,
                plan=BlobRef(uri=f"/plans/{sha}", owner="planner", sha256=sha, size_bytes=len(raw)),
                window_begin=start,
                window_end=start + timedelta(hours=8),
                statistics=PlanStatistics(
                    fields=2,
                    exposures=4,
                    probability=0.8,
                    probability_sequence=0.8,
                    area_deg2=90,
                    exposure_time_s=120,
                    total_time_s=900,
                ),
                made_at=now,
                program_name="BNS",
                submission_policy=policy,
            ),
            key=event_id,
            revision=self.revision(plan_id),
            cause=cause,
        )
        return plan_id

    async def submissions(self, **query: Any) -> list[dict]:
        answer = await self.service.client.get("/submissions", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def of_plan(self, plan_id: UUID, state: str | None = None) -> dict:
        """The plan's submission, once it is there (and in that state)."""

        async def probe() -> dict | None:
            for row in await self.submissions():
                if row["plan_id"] == str(plan_id) and state in (None, row["state"]):
                    return row
            return None

        async def shown() -> str:
            return str([(r["state"], r["reason"]) for r in await self.submissions()])

        try:
            return await eventually(probe, what=f"submission of the plan in state {state}")
        except AssertionError as error:
            raise AssertionError(f"{error}; there are {await shown()}") from error

    async def detail(self, submission_id: str) -> dict:
        answer = await self.service.client.get(f"/submissions/{submission_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def approve(self, row: dict, *, status: int = 200, **more: Any) -> dict:
        answer = await self.service.client_for("submit", "read").post(
            f"/submissions/{row['submission_id']}/approve",
            json={"payload_sha256": row["payload_sha256"], **more},
        )
        assert answer.status_code == status, answer.text
        return answer.json()

    def queues(self) -> dict[str, Any]:
        return dict(self.world.world.ztf.state.queues)

    def accepted(self) -> list[Any]:
        """Queues that the scheduler ever made for us."""
        return self.world.told("ztf.queue_accepted")

    def seen(self, telescope: str) -> list[str]:
        """Files that a telescope's reader ever saw, CANCEL notices left out."""
        return [
            e.data["file"]
            for e in self.world.told("reader.seen")
            if e.data["telescope"] == telescope and not e.data["file"].startswith("CANCEL_")
        ]

    async def alarms(self) -> dict[str, str]:
        """Raised alarms by code."""
        from sqlalchemy import select
        from too_common.db import bus_table
        from too_queue_submit.tables import METADATA

        table = bus_table(METADATA, "alarms")
        async with self.service.ctx.unit_of_work() as uow:
            rows = await uow.session.execute(select(table).where(table.c.state == "raised"))
            return {row.code: row.summary for row in rows}

    async def alarmed(self, code: str) -> str:
        """Text of an alarm, once it is raised."""

        async def probe() -> str | None:
            return (await self.alarms()).get(code)

        return await eventually(probe, what=f"alarm {code}")

    async def quiet(self) -> None:
        """No alarm is raised."""

        async def probe() -> bool:
            return not await self.alarms()

        await eventually(probe, what="no alarm")

    async def draft(self, telescope: str = "ZTF", **kwargs: Any) -> dict:
        return await self.of_plan(await self.plan(telescope, **kwargs), "draft")

    async def accepted_plan(self, telescope: str = "ZTF", **kwargs: Any) -> dict:
        row = await self.draft(telescope, **kwargs)
        await self.approve(row)
        return await self.of_plan(
            UUID(row["plan_id"]), "accepted" if telescope == "ZTF" else "delivered"
        )

    async def ready(self, *telescopes: str) -> None:
        """An event with a map, and the telescopes' definitions."""
        for telescope in telescopes or ("ZTF",):
            await self.telescope(telescope)
        await self.event()
        await self.map()
        ctx = self.service.ctx

        async def known() -> bool:
            from too_queue_submit import store, tables

            async with ctx.unit_of_work() as uow:
                event = await store.event(uow.session, self.event_id)
                found = [
                    await uow.session.get(tables.TelescopeRow, name)
                    for name in telescopes or ("ZTF",)
                ]
                return event is not None and event.map_sha256 is not None and all(found)

        await eventually(known, what="event and telescopes known")


def facilities_file(folder: Path, world: Simulators, **changes: Any) -> Path:
    """The file that the local stack would write for this world."""
    facilities: dict[str, Any] = {
        "ZTF": {
            "adapter": "ztf",
            "mode": "simulated",
            "simulated": {
                "transport": {
                    "kind": "ztf_http",
                    "base_url": world.host("ztf"),
                    "timeout_s": 2,
                },
            },
        },
    }
    adapters = {
        FileTelescope.DECAM: "decam",
        FileTelescope.KPED: "kped",
        FileTelescope.GATTINI: "gattini",
        FileTelescope.GROWTH_INDIA: "growth_india",
    }
    for telescope, adapter in adapters.items():
        facilities[telescope.value] = {
            "adapter": adapter,
            "mode": "simulated",
            "simulated": {
                "transport": {
                    "kind": "sftp",
                    "host": "127.0.0.1",
                    "port": world.sftp_ports[telescope],
                    "username": "too",
                    "private_key_file": str(world.world.keys.client_key_file),
                    "host_key_file": str(world.world.keys.host_key_file(telescope)),
                    "timeout_s": 5,
                },
                "progress": [{"kind": "sftp_files", "directory": "executed"}],
            },
        }
    facilities["DECam"]["needs_person"] = True
    facilities["ZTF"]["simulated"]["progress"] = [
        {"kind": "irsa_tap", "url": f"{world.host('irsa')}/TAP"},
        {
            "kind": "ztf_depot",
            "url": f"{world.host('depot')}/ztf/depot",
            "username": "depot",
            "password_file": str(folder / "depot.password"),
        },
    ]
    (folder / "depot.password").write_text("simulated-depot\n")
    for name, change in changes.items():
        facilities[name] |= change
    path = folder / "facilities.yaml"
    path.write_text(yaml.safe_dump({"facilities": facilities}))
    return path


@pytest.fixture
def make_stage(house: House, tmp_path: Path):
    """Context manager that runs the service beside the simulated world."""

    @contextlib.asynccontextmanager
    async def make(*, world_settings: dict | None = None, facilities: dict | None = None, **more):
        house.clock = SteppedClock(START)
        async with Simulators.running(
            tmp_path / "world", start_at=START, frozen=True, **(world_settings or {})
        ) as world:
            # the world may have begun a little later than it was told to
            house.clock.jump(world.clock.now())
            settings = {
                "facilities_file": facilities_file(tmp_path, world, **(facilities or {})),
                "lease_s": 6,
                "reachability_interval_s": 3600,
                "workers": 0,
                **more,
            }
            peers = FakePeers()
            async with house.run(SERVICE, **settings) as service:
                service.ctx.services.get_json = peers.get_json
                service.ctx.services.fetch_blob = peers.fetch_blob
                yield Stage(house, service, world, peers, uuid4())

    return make

"""A running planner, the sky maps that ingest would serve, and what others would tell."""

import hashlib
import io
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import numpy as np
import pytest
import respx
from sqlalchemy import select
from too_common.astro import pixels
from too_common.astro.cone import cone_skymap
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
from too_common.contracts.notify import (
    DecisionChanged,
    PlanningProfile,
    SubmissionPolicy,
    Verdict,
)
from too_common.contracts.vetting_api import CataloguePublished
from too_common.db import bus_table
from too_common.testing.service import House, ServiceUnderTest, eventually
from too_planner.galaxies import CATALOGUE_DTYPE
from too_planner.service import SERVICE


@pytest.fixture
async def planner(house: House) -> AsyncIterator[ServiceUnderTest]:
    async with house.run(SERVICE, workers=1) as service:
        # a consumer that comes before its topic would wait for it for long
        await eventually(lambda: _all_told(service), deadline_s=60, what="telescopes told")
        yield service


async def _all_told(service: ServiceUnderTest) -> bool:
    table = bus_table(service.ctx.metadata, "outbox")
    async with service.ctx.unit_of_work() as uow:
        rows = (await uow.session.execute(select(table.c.published_at))).scalars().all()
    return len(rows) == 5 and all(rows)


PROGRAM = UUID(int=7)


@dataclass
class World:
    """What ingest, notify and vetting-api would say of one event."""

    house: House
    router: respx.MockRouter
    event_id: UUID = field(default_factory=uuid4)
    name: str = "S261122a"

    def map_at(self, ra_deg: float, dec_deg: float, radius_deg: float = 4.0) -> tuple[BlobRef, Any]:
        """Serve a map as ingest does."""
        skymap = cone_skymap(ra_deg, dec_deg, radius_deg, 0.9)
        data = skymap.to_fits()
        sha256 = hashlib.sha256(data).hexdigest()
        uri = f"/api/ingest/v1/maps/{sha256}"
        self.router.get(f"http://127.0.0.1:8410{uri}").mock(
            return_value=httpx.Response(200, content=data)
        )
        ref = BlobRef(uri=uri, owner="ingest", sha256=sha256, size_bytes=len(data))
        return ref, skymap.facts()

    async def event(self, revision: int = 1, *, retracted: bool = False, **changes: Any) -> None:
        now = self.house.clock.now()
        await self.house.publish(
            EventChanged(
                event_id=self.event_id,
                name=self.name,
                mission="lvk",
                kind=EventKind.GW,
                ids=(NativeId(mission="lvk", native_id=self.name, is_primary=True),),
                event_time=now - timedelta(minutes=2),
                first_notice_at=now,
                latest_notice_at=now,
                received_at=now,
                notice_id=uuid4(),
                notice_type="LVC_INITIAL",
                alert_kind=AlertKind.RETRACTION if retracted else AlertKind.INITIAL,
                is_retracted=retracted,
                facts=EventFacts(),
            ).model_copy(update=changes),
            key=self.event_id,
            revision=revision,
            overrides=retracted,
        )

    async def localization(
        self, ref: BlobRef, facts: MapFacts, sequence: int = 1, *, revision: int | None = None
    ) -> UUID:
        now = self.house.clock.now()
        localization_id = uuid4()
        await self.house.publish(
            LocalizationReady(
                localization_id=localization_id,
                event_id=self.event_id,
                event_revision=sequence,
                map=ref,
                origin=LocalizationOrigin.EMBEDDED,
                rank=sequence,
                is_preferred=True,
                is_first=sequence == 1,
                sequence=sequence,
                notice_id=uuid4(),
                alert_kind=AlertKind.INITIAL,
                notice_at=now,
                received_at=now,
                facts=facts,
            ),
            key=self.event_id,
            revision=revision or sequence,
        )
        return localization_id

    async def decision(
        self,
        verdict: Verdict = Verdict.WANTED,
        revision: int = 1,
        *,
        profile: PlanningProfile | None = None,
        program_id: UUID = PROGRAM,
        priority: int = 10,
        map_sha256: str | None = None,
    ) -> None:
        await self.house.publish(
            DecisionChanged(
                decision_id=uuid4(),
                event_id=self.event_id,
                event_revision=1,
                map_sha256=map_sha256,
                program_id=program_id,
                program_name="every significant event",
                program_version=1,
                verdict=verdict,
                clauses=(),
                priority=priority,
                planning=profile or PlanningProfile(),
                submission=SubmissionPolicy(),
            ),
            key=self.event_id,
            revision=revision,
        )

    async def catalogue(self, ra_deg: float, dec_deg: float, count: int = 400) -> None:
        """Publish a made-up catalogue around a place."""
        rng = np.random.default_rng(1)
        rows = np.zeros(count, dtype=CATALOGUE_DTYPE)
        rows["ra_deg"] = (ra_deg + rng.normal(0, 4, count)) % 360
        rows["dec_deg"] = dec_deg + rng.normal(0, 3, count)
        rows["hpx29"] = pixels.lonlat_to_index(rows["ra_deg"], rows["dec_deg"])
        rows["distance_mpc"] = rng.uniform(20, 100, count)
        rows["distance_err_mpc"] = 10
        rows["b_mag"] = rng.uniform(12, 16, count)
        rows["log_mstar"] = np.nan
        rows["name"] = [f"GAL {number}".encode() for number in range(count)]
        rows.sort(order="hpx29")
        stream = io.BytesIO()
        np.save(stream, rows)
        data = stream.getvalue()
        sha256 = hashlib.sha256(data).hexdigest()
        uri = f"/api/vetting-api/v1/catalogues/made-up/{sha256}"
        self.router.get(f"http://127.0.0.1:8400{uri}").mock(
            return_value=httpx.Response(200, content=data)
        )
        await self.house.publish(
            CataloguePublished(
                name="made-up",
                version="1",
                rows=count,
                snapshot=BlobRef(uri=uri, owner="vetting-api", sha256=sha256, size_bytes=len(data)),
            ),
            key="catalogue:made-up",
        )


@pytest.fixture
def world(house: House) -> Iterator[World]:
    with respx.mock(assert_all_called=False) as router:
        yield World(house, router)


NIGHT = datetime.fromisoformat("2026-11-22T03:00:00+00:00")
"""Where the house's clock stands: evening at Palomar, dusk at Cerro Tololo is near."""

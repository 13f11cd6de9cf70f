"""Drafts from the bus to the API: composed from executed exposures, versioned, never sent."""

from datetime import timedelta
from uuid import uuid4

import pytest
from too_circulars.service import SERVICE
from too_common.contracts.base import BlobRef
from too_common.contracts.circulars import DraftChanged
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
from too_common.contracts.notify import DutyChanged
from too_common.contracts.planner import CoverageChanged
from too_common.contracts.queue_submit import ExecutedExposure, ExposuresExecuted
from too_common.contracts.vetting_api import AccountChanged
from too_common.testing.service import eventually

EVENT, PERSON, MAP = uuid4(), uuid4(), "c" * 64


def event(now, **changes):
    values = {
        "event_id": EVENT, "name": "S261122ab", "mission": "lvk", "kind": EventKind.GW,
        "ids": (NativeId(mission="lvk", native_id="S261122ab", is_primary=True),),
        "event_time": now - timedelta(hours=5), "first_notice_at": now, "latest_notice_at": now,
        "received_at": now, "notice_id": uuid4(), "notice_type": "igwn.gwalert INITIAL",
        "alert_kind": AlertKind.INITIAL, "facts": EventFacts(),
    }  # fmt: skip
    return EventChanged(**{**values, **changes})


def localization(now):
    return LocalizationReady(
        localization_id=uuid4(), event_id=EVENT, event_revision=1,
        map=BlobRef(uri=f"/maps/{MAP}", owner="ingest", sha256=MAP, size_bytes=1),
        origin=LocalizationOrigin.EMBEDDED, rank=3, is_preferred=True, is_first=True, sequence=1,
        notice_id=uuid4(), alert_kind=AlertKind.INITIAL, notice_at=now, received_at=now,
        facts=MapFacts(area50_deg2=10, area90_deg2=50, peak_ra_deg=1, peak_dec_deg=2),
    )  # fmt: skip


def exposures(now, count):
    return ExposuresExecuted(
        submission_id=PERSON, event_id=EVENT, plan_id=None, facility="ZTF",
        exposures=tuple(
            ExecutedExposure(
                exposure_id=str(i), field_id=str(500 + i), ra_deg=10.0, dec_deg=20.0, filter="g",
                start=now - timedelta(hours=3) + timedelta(minutes=6 * i), exposure_s=300.0,
                source="irsa_tap",
            )
            for i in range(count)
        ),
    )  # fmt: skip


def coverage(now, probability):
    return CoverageChanged(
        event_id=EVENT, map_sha256=MAP, localization_id=uuid4(), telescope="ZTF", filter="g",
        depth_mag=21.4, area_deg2=120.0, probability=probability, exposures=3,
        first_exposure_at=now - timedelta(hours=3), last_exposure_end=now - timedelta(hours=2),
        exposure_ids=("0",),
    )  # fmt: skip


@pytest.fixture
async def observed(house):
    now = house.clock.now()
    await house.publish(
        AccountChanged(account_id=PERSON, username="o", name="A. Observer", affiliation="X",
                       scopes=("read",)), key=f"account:{PERSON}",
    )  # fmt: skip
    await house.publish(
        DutyChanged(account_ids=(PERSON,), begins_at=now, ends_at=now + timedelta(hours=8)),
        key="duty",
    )
    await house.publish(event(now), key=EVENT)
    await house.publish(localization(now), key=EVENT)
    await house.publish(exposures(now, 3), key=EVENT)
    await house.publish(coverage(now, 0.42), key=EVENT)
    return house


async def drafts(svc):
    return (await svc.client.get("/drafts", params={"event_id": str(EVENT)})).json()


async def composed(svc, text):
    found = await drafts(svc)
    return found[0] if found and text in found[0]["body"] else None


async def test_a_draft_is_composed_when_coverage_arrives_and_follows_it(observed):
    async with observed.run(SERVICE) as svc:
        draft = await eventually(lambda: composed(svc, "42% of the probability"))
        assert draft["subject"] == "LIGO/Virgo/KAGRA S261122ab: ZTF observations"
        assert "A. Observer (X) reports" in draft["body"]
        assert draft["problems"] == []
        await observed.publish(coverage(observed.clock.now(), 0.61), key=EVENT, revision=2)
        newer = await eventually(lambda: composed(svc, "61% of the probability"))
        assert newer["version"] > draft["version"]
        told = await observed.expect(DraftChanged, lambda d: d.version == newer["version"])
        assert told.data.derived_event == "LIGO/Virgo/KAGRA S261122ab"
        versions = (await svc.client.get(f"/drafts/{draft['id']}/versions")).json()
        assert any("61%" in line for line in versions[-1]["difference"])


async def test_a_persons_text_is_kept_and_marked_when_news_come(observed):
    async with observed.run(SERVICE) as svc:
        draft = await eventually(lambda: composed(svc, "42%"))
        text = {
            "subject": draft["subject"],
            "body": "My own words.",
            "base_version": draft["version"],
        }
        person = svc.client_for("vet", name="B. Vetter")
        edited = (await person.put(f"/drafts/{draft['id']}", json=text)).json()
        assert edited["author_name"] == "B. Vetter"
        stale = await person.put(f"/drafts/{draft['id']}", json=text)
        assert (stale.status_code, stale.json()["code"]) == (409, "newer_version")
        await observed.publish(coverage(observed.clock.now(), 0.61), key=EVENT, revision=2)

        async def marked():
            return (await drafts(svc))[0]["has_news"]

        await eventually(marked)
        assert (await drafts(svc))[0]["body"] == "My own words."
        again = (await person.post(f"/drafts/{draft['id']}/recompose")).json()
        assert "61%" in again["body"]


async def test_link_is_for_a_person_and_a_retraction_is_a_problem(observed):
    async with observed.run(SERVICE) as svc:
        draft = await eventually(lambda: composed(svc, "42%"))
        link = (await svc.client.get(f"/drafts/{draft['id']}/submission-link")).json()
        assert link["url"].startswith("https://gcn.nasa.gov/circulars/new?subject=LIGO")
        assert link["is_complete"] is True
        now = observed.clock.now()
        gone = event(now, is_retracted=True, alert_kind=AlertKind.RETRACTION)
        await observed.publish(gone, key=EVENT, revision=2, overrides=True)

        async def problem():
            again = await svc.client.post("/drafts", json={"event_id": str(EVENT)})
            return "the event has been retracted" in again.json()["problems"]

        await eventually(problem)
        closed = await svc.client.post(f"/drafts/{draft['id']}/state", json={"state": "abandoned"})
        assert closed.json()["state"] == "abandoned"


async def test_readers_may_not_write_and_unknown_events_are_404(house):
    async with house.run(SERVICE) as svc:
        nobody = await svc.client_for().get("/drafts")
        assert nobody.status_code == 401
        reader = await svc.client_for("read").post("/drafts", json={"event_id": str(EVENT)})
        assert reader.status_code == 403
        missing = await svc.client.post("/drafts", json={"event_id": str(EVENT)})
        assert missing.status_code == 404
        assert missing.headers["content-type"] == "application/problem+json"

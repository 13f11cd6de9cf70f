"""Merged and coincident events on the pages and in the API."""

import sys
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import respx
from too_common.contracts.ingest import (
    CoincidenceFound,
    CoincidenceState,
    EventKind,
    EventMember,
)
from too_common.contracts.vetting_api import CandidateChanged
from too_common.testing.service import eventually
from too_vetting_api.service import SERVICE

sys.path.insert(0, str(Path(__file__).parents[2] / "browser"))

from sample_night import DEC, RA, Night

PASSWORD = "correct horse battery"
SETTINGS = {
    "bootstrap_username": "ada",
    "bootstrap_password": PASSWORD,
    "bootstrap_name": "Ada Example",
    "load_sample_catalogue": False,
    "workers": 0,
}
INGEST = "http://ingest.invalid"


@pytest.fixture
async def service(house, tmp_path):
    house.common = {"ingest_url": INGEST, "planner_url": "http://127.0.0.1:9"}
    async with house.run(SERVICE, catalogue_dir=tmp_path / "cat", **SETTINGS) as running:
        yield running


@pytest.fixture
async def browser(service):
    transport = httpx.ASGITransport(service.runtime.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://door.test") as client:
        await client.post("/login", data={"username": "ada", "password": PASSWORD, "next": "/"})
        yield client


async def _detail(service, asked, **wanted):
    answer = await service.client.get(f"/events/{asked}")
    if answer.status_code == 404:
        return None
    detail = answer.json()
    return detail if all(detail["event"][key] == value for key, value in wanted.items()) else None


async def test_a_part_is_found_under_the_whole_and_its_candidates_with_it(service, house, browser):
    night = Night(house.clock.now(), uuid4())
    part, whole = uuid4(), night.event_id
    await house.publish(night.event(), key=whole, revision=1)
    alone = night.event(event_id=part, name="GRB 261122B", ids=(), mission="swift")
    await house.publish(alone, key=part, revision=1)
    await eventually(lambda: _detail(service, "GRB 261122B", mission="swift"), what="both")
    await eventually(lambda: _detail(service, str(whole)), what="both")
    place = {"name": "AT 1", "ra_deg": RA, "dec_deg": DEC}
    made = await service.client.post(
        "/candidates", json={"candidates": [place]}, params={"event_id": str(part)}
    )
    if made.status_code == 422:
        made = await service.client.post(
            "/candidates", json=[place], params={"event_id": str(part)}
        )
    assert made.status_code in {200, 201, 207}, made.text

    member = EventMember(
        event_id=part,
        name="GRB 261122B",
        change_id=uuid4(),
        is_automatic=False,
        reason="one <source>",
        by="Ada Example",
        at=house.clock.now(),
    )
    await house.publish(
        alone.model_copy(update={"merged_into": whole, "is_regrouped": True}), key=part, revision=2
    )
    await house.publish(night.event(members=(member,)), key=whole, revision=2)

    async def with_members():
        found = await _detail(service, "GRB 261122B", name="S261122ab")
        return [m["name"] for m in found["event"]["members"]] if found else None

    assert await eventually(with_members, what="the part named") == ["GRB 261122B"]
    listed = (await service.client.get("/events")).json()["items"]
    assert [item["name"] for item in listed] == ["S261122ab"]
    moved = await house.expect(CandidateChanged, lambda d: d.event_id == whole)
    assert moved.key == str(whole)

    page = await browser.get(f"/events/{part}")
    assert "<h1>S261122ab</h1>" in page.text
    assert "one &lt;source&gt;" in page.text
    assert f"/api/ingest/v1/changes/{member.change_id}/undo" in page.text
    dialog = await browser.get(f"/dialogs/merge/{whole}")
    assert f"/api/ingest/v1/events/{whole}/merge" in dialog.text
    assert "GRB 261122B" not in dialog.text

    # and back again
    await house.publish(alone.model_copy(update={"is_regrouped": True}), key=part, revision=3)
    await eventually(lambda: _detail(service, "GRB 261122B", mission="swift"), what="by itself")

    async def candidates_back():
        answer = await service.client.get("/candidates", params={"event_id": str(part)})
        return [row["name"] for row in answer.json()["items"]] == ["AT 1"]

    await eventually(candidates_back, what="the candidate with its own event")


async def test_a_coincidence_stands_on_the_page_until_it_is_withdrawn(service, house, browser):
    night = Night(house.clock.now(), uuid4())
    await house.publish(night.event(), key=night.event_id, revision=1)
    found = CoincidenceFound(
        coincidence_id=uuid4(),
        state=CoincidenceState.FOUND,
        event_id=night.event_id,
        event_name="S261122ab",
        event_kind=EventKind.GW,
        mission="lvk",
        other_event_id=uuid4(),
        other_name="GRB 261122A",
        other_kind=EventKind.GRB,
        other_mission="fermi_gbm",
        leads=True,
        time_offset_s=1.74,
        window_begin_s=-1.0,
        window_end_s=5.0,
        window_source="RAVEN",
        overlap_integral=12.4,
        temporal_far_hz=5.9e-15,
        joint_far_hz=4.8e-16,
        formula="FAR * R * 6 s",
        meaning="GRB 261122A is 1.74 s after S261122ab; their maps speak for one place",
    )
    await house.publish(found, key=night.event_id, revision=1)

    async def shown():
        answer = await service.client.get(f"/events/{night.event_id}")
        return answer.json()["coincidences"] if answer.status_code == 200 else None

    listed = await eventually(shown, what="the coincidence")
    assert listed[0]["joint_far_hz"] == 4.8e-16
    page = (await browser.get(f"/events/{night.event_id}")).text
    assert "speak for one place" in page
    assert "+1.74 s" in page
    gone = found.model_copy(update={"state": CoincidenceState.WITHDRAWN, "reason": "retracted"})
    await house.publish(gone, key=night.event_id, revision=2, overrides=True)

    async def empty():
        return await shown() == []

    await eventually(empty, what="none")


async def test_the_dialog_to_split_lists_the_notices(service, house, browser):
    night = Night(house.clock.now(), uuid4())
    await house.publish(night.event(), key=night.event_id, revision=1)
    await eventually(lambda: _detail(service, str(night.event_id)), what="the event")
    notice = {
        "id": str(uuid4()),
        "notice_type": "FERMI_LAT_OFFLINE",
        "mission": "fermi_lat",
        "notice_time": "2026-11-22T03:00:00Z",
        "parsed": {"native_id": "793795080"},
    }
    with respx.mock(assert_all_called=False) as outside:
        outside.get(url__startswith=INGEST).mock(return_value=httpx.Response(200, json=[notice]))
        dialog = (await browser.get(f"/dialogs/split/{night.event_id}")).text
    assert f'value="{notice["id"]}"' in dialog
    assert "793795080" in dialog
    assert f"/api/ingest/v1/events/{night.event_id}/split" in dialog

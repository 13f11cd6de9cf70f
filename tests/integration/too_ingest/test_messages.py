"""Messages as they came, and what the radii mean, over HTTP."""

import json

from too_common.testing.service import House
from too_ingest.service import SERVICE

POINTING = b"""<VOEvent ivorn="ivo://nasa.gsfc.gcn/SWIFT#Point_Dir_1" role="utility" version="2.0">
<Who><AuthorIVORN>ivo://nasa.gsfc.tan/gcn</AuthorIVORN><Date>2026-11-22T02:59:00</Date></Who>
<What><Param name="Packet_Type" value="103"/><Param name="TrigID" value="16099"/></What>
</VOEvent>"""
HEARTBEAT = json.dumps({"alert_datetime": "2026-11-22T03:00:00Z"}).encode()


async def test_housekeeping_is_kept_and_shown_and_no_event(house: House):
    async with house.run(SERVICE) as ingest:
        for body, topic in (
            (POINTING, "gcn.classic.voevent.SWIFT_ACTUAL_POINTDIR"),
            (HEARTBEAT, "gcn.heartbeat"),
        ):
            answer = await ingest.client.post("/notices", content=body, params={"topic": topic})
            assert answer.json()["state"] == "housekeeping", answer.text
            assert answer.json()["event_id"] is None
        listed = (await ingest.client.get("/messages", params={"state": "housekeeping"})).json()
        assert [item["topic"] for item in listed] == [
            "gcn.heartbeat",
            "gcn.classic.voevent.SWIFT_ACTUAL_POINTDIR",
        ]
        raw = await ingest.client.get(f"/messages/{listed[1]['raw_id']}/raw")
        assert raw.content == POINTING
        assert raw.headers["content-type"].startswith("application/xml")
        assert (await ingest.client.get("/events")).json()["items"] == []
        assert (await ingest.client.get("/dead-letters")).json() == []
        missing = await ingest.client.get(f"/messages/{'0' * 8}-0000-7000-8000-{'0' * 12}/raw")
        assert missing.status_code == 404


async def test_the_meaning_of_radii_is_listed_with_its_source(house: House):
    async with house.run(SERVICE) as ingest:
        found = (await ingest.client.get("/conventions")).json()
        by_stream = {item["stream"]: item for item in found}
        ground = by_stream["FERMI_GBM_GND_POS"]
        assert (ground["containment"], ground["systematic_included"]) == (0.68, False)
        assert ground["systematic_deg"] == 3.11
        assert all(item["source"] for item in found)

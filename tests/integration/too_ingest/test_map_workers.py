"""Maps in worker processes: huge ones neither hold up others nor break anything."""

import psutil
import pytest
from too_common.astro.cone import cone_skymap
from too_common.testing.maps import flat_map_file
from too_common.testing.service import House, eventually
from too_ingest.service import SERVICE


async def upload(ingest, name, body):
    made = await ingest.client.post("/events", json={"name": name})
    event_id = made.json()["id"]
    answer = await ingest.client.post(f"/events/{event_id}/maps", content=body)
    assert answer.status_code == 202, answer.text
    return event_id


async def localization(ingest, event_id):
    return (await ingest.client.get(f"/events/{event_id}/localizations")).json()[0]


async def settled(ingest, event_id, **kwargs):
    async def probe():
        found = await localization(ingest, event_id)
        return found if found["state"] != "pending" else None

    return await eventually(probe, what=f"map of {event_id}", **kwargs)


@pytest.fixture(scope="module")
def fifty_million_rows():
    body = flat_map_file(11, level=9)
    assert len(body) < 750_000
    return body


async def test_fifty_million_rows_beside_a_small_map(house: House, fifty_million_rows):
    small = cone_skymap(10.0, 20.0, 3.0, 0.9).to_fits()
    async with house.run(SERVICE, workers=2) as ingest:
        large_id = await upload(ingest, "Large", fifty_million_rows)
        small_id = await upload(ingest, "Small", small)
        assert (await settled(ingest, small_id, deadline_s=60))["state"] == "ready"
        found = await settled(ingest, large_id, deadline_s=120)
        assert (found["state"], found["reason"]) == ("ready", "")
        assert found["facts"]["leaves"] == 12
        assert found["facts"]["area90_deg2"] == pytest.approx(0.9 * 41252.96, rel=1e-6)


async def test_what_does_not_fit_is_refused_and_the_worker_goes_on(house: House):
    async with house.run(SERVICE, workers=1, worker_memory_mb=400) as ingest:
        large_id = await upload(ingest, "Noise", flat_map_file(9, form="D", noise=0.5, level=1))
        found = await settled(ingest, large_id, deadline_s=60)
        assert found["state"] == "failed"
        assert "wanted more than 400 MB" in found["reason"]
        small_id = await upload(ingest, "Next", cone_skymap(1.0, 2.0, 3.0, 0.9).to_fits())
        assert (await settled(ingest, small_id, deadline_s=60))["state"] == "ready"


async def test_a_map_whose_worker_is_killed_is_made_all_the_same(house: House):
    def workers():
        return [
            child
            for child in psutil.Process().children()
            if any("spawn_main" in word for word in child.cmdline())
        ]

    async with house.run(SERVICE, workers=1) as ingest:
        await eventually(lambda: len(workers()) == 1, what="a worker", deadline_s=30)
        event_id = await upload(ingest, "Killed", flat_map_file(10, level=1))
        worker = workers()[0]
        await eventually(lambda: worker.cpu_times().user > 0.5, what="work", deadline_s=60)
        worker.kill()
        found = await settled(ingest, event_id, deadline_s=120)
        assert found["state"] == "ready"
        assert found["facts"]["leaves"] == 12

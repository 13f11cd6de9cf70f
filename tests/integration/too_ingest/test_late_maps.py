"""Late maps: due in stack time, given up after a day; versions by content."""

from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest
from too_common.contracts.ingest import LocalizationReady
from too_common.testing.service import House, eventually
from too_ingest.notices import parse_notice
from too_ingest.samples import make_sample
from too_ingest.samples.voevent_text import voevent
from too_ingest.service import SERVICE

URL = "https://roc.icecube.wisc.edu/public/x.fits"


class MapServer:
    """A map server by the test's leave: what it answers, and what it was asked."""

    def __init__(self) -> None:
        self.body: bytes | None = None
        self.asked: list[httpx.Headers] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.headers)
        if self.body is None:
            return httpx.Response(404)
        etag = f'"{hash(self.body)}"'
        if request.headers.get("if-none-match") == etag:
            return httpx.Response(304)

        async def stream(body=self.body):
            yield body

        return httpx.Response(200, content=stream(), headers={"etag": etag})


@pytest.fixture
def server():
    return MapServer()


@asynccontextmanager
async def running(house: House, monkeypatch, server: MapServer):
    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(server)) as client,
        house.run(SERVICE) as ingest,
    ):
        monkeypatch.setattr(ingest.ctx, "http", client)
        yield ingest


def cascade(now, event=17, rev=0):
    return voevent(
        ivorn=f"ivo://nasa.gsfc.gcn/AMON#ICECUBE_Cascade_Event_26_142000_{event:09d}_{rev}",
        date=now,
        author="IceCube (test)",
        params=[
            ("Packet_Type", "176", ""),
            ("run_id", "142000", ""),
            ("event_id", str(event), ""),
            ("Rev", str(rev), ""),
            ("skymap_fits", URL, ""),
        ],
        groups={},
        event_time=now,
        position=(120.0, 10.0, 9.0),
        concept="process.variation.burst",
    )


def fits_of(now, number):
    return parse_notice(make_sample("bns", now, number)[0].body).skymaps[0].data


async def _by_origin(ingest, event_id):
    found = (await ingest.client.get(f"/events/{event_id}/localizations")).json()
    return {(item["origin"], item["state"]): item for item in found}


async def _request(ingest, event_id):
    return (await ingest.client.get(f"/events/{event_id}/map-requests")).json()[0]


async def test_a_late_map_replaces_the_cone(house: House, monkeypatch, server):
    async with running(house, monkeypatch, server) as ingest:
        now = house.clock.now()
        taken = (await ingest.client.post("/notices", content=cascade(now))).json()
        event_id = taken["event_id"]

        async def waits():
            found = await _by_origin(ingest, event_id)
            request = await _request(ingest, event_id)
            return found if ("cone", "ready") in found and request["attempts"] == 1 else None

        found = await eventually(waits)
        # the cone serves meanwhile, and says so
        assert found["cone", "ready"]["is_preferred"]
        assert "404" in found["url", "pending"]["reason"]
        request = await _request(ingest, event_id)
        assert request["state"] == "waiting"
        assert request["due_at"] > now.isoformat()[:19]

        # nothing is asked before its stack time
        house.clock.advance(seconds=4)
        assert len(server.asked) == 1
        house.clock.advance(seconds=2)
        await eventually(lambda: len(server.asked) == 2, what="second request")
        server.body = fits_of(now, 0)

        async def came():
            house.clock.advance(seconds=15)
            found = await _by_origin(ingest, event_id)
            return found if ("url", "ready") in found else None

        found = await eventually(came)
        assert found["url", "ready"]["is_preferred"]
        assert not found["cone", "ready"]["is_preferred"]
        assert (await _request(ingest, event_id))["state"] == "watched"


async def test_after_a_day_it_is_given_up_and_says_so(house: House, monkeypatch, server):
    async with running(house, monkeypatch, server) as ingest:
        now = house.clock.now()
        taken = (await ingest.client.post("/notices", content=cascade(now, 18))).json()
        event_id = taken["event_id"]

        async def given_up():
            request = await _request(ingest, event_id)
            if request["state"] == "waiting":
                house.clock.advance(minutes=59)
            return request if request["state"] == "given_up" else None

        request = await eventually(given_up)
        assert request["due_at"] is None
        assert house.clock.now() - now >= timedelta(days=1)

        async def cone_is_ready():
            found = await _by_origin(ingest, event_id)
            return found if ("cone", "ready") in found else None

        found = await eventually(cone_is_ready)
        assert "not there after 2" in found["url", "failed"]["reason"]
        assert "404" in found["url", "failed"]["reason"]
        assert found["cone", "ready"]["is_preferred"]
        asked = len(server.asked)
        house.clock.advance(hours=3)
        assert len(server.asked) == asked


async def test_versions_are_keyed_by_content(house: House, monkeypatch, server):
    async with running(house, monkeypatch, server) as ingest:
        now = house.clock.now()
        server.body = first = fits_of(now, 1)
        taken = (await ingest.client.post("/notices", content=cascade(now, 19))).json()
        event_id = taken["event_id"]

        async def ready():
            found = await _by_origin(ingest, event_id)
            return found if ("url", "ready") in found and ("cone", "ready") in found else None

        version = (await eventually(ready))["url", "ready"]
        # another notice with the same file: known, not a version
        house.clock.advance(seconds=30)
        again = cascade(house.clock.now(), 19, 1)
        await ingest.client.post("/notices", content=again)

        async def repeated():
            found = await _by_origin(ingest, event_id)
            return found if ("url", "repeated") in found else None

        found = await eventually(repeated)
        assert found["url", "ready"]["id"] == version["id"]
        assert "the same map" in found["url", "repeated"]["reason"]
        assert found["url", "ready"]["is_preferred"]

        # looked at again: unchanged, nothing is sent; then changed
        asked = len(server.asked)

        async def looked():
            house.clock.advance(minutes=10)
            return len(server.asked) > asked

        await eventually(looked)
        assert "if-none-match" in server.asked[-1]
        server.body = fits_of(now, 2)
        assert server.body != first

        async def changed():
            house.clock.advance(minutes=30)
            found = (await ingest.client.get(f"/events/{event_id}/localizations")).json()
            maps = {i["map_sha256"] for i in found if (i["origin"], i["state"]) == READY}
            return found if len(maps) == 2 else None

        found = await eventually(changed)
        newest = max((i for i in found if i["map_sha256"]), key=lambda i: i["notice_at"])
        assert newest["is_preferred"]
        assert newest["map_sha256"] != version["map_sha256"]
        told = await house.expect(
            LocalizationReady, lambda d: str(d.localization_id) == newest["id"]
        )
        assert told.data.is_preferred
        assert told.data.map.sha256 == newest["map_sha256"]
        # in all: the cone, the first file, its new content
        ready_now = [i for i in found if i["state"] == "ready"]
        assert len(ready_now) == 3


READY = ("url", "ready")


async def test_the_same_upload_twice_is_one_version(house: House):
    now = house.clock.now()
    async with house.run(SERVICE) as ingest:
        made = await ingest.client.post("/events", json={"name": "By hand 1", "kind": "gw"})
        event_id = made.json()["id"]
        for _ in range(2):
            answer = await ingest.client.post(f"/events/{event_id}/maps", content=fits_of(now, 3))
            assert answer.status_code == 202

            async def settled():
                found = (await ingest.client.get(f"/events/{event_id}/localizations")).json()
                return found if all(i["state"] != "pending" for i in found) else None

            found = await eventually(settled)
        assert [i["state"] for i in found] == ["ready", "repeated"]
        assert found[0]["is_preferred"]

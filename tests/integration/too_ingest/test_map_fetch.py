"""Maps by address: fetched from listed hosts only, asked for again, never followed astray."""

import httpx
import pytest
from too_common.errors import TransientError
from too_common.testing.service import House, eventually
from too_ingest import jobs
from too_ingest.clients import maps
from too_ingest.notices import parse_notice
from too_ingest.samples import make_sample
from too_ingest.samples.voevent_text import voevent
from too_ingest.service import SERVICE

HOSTS = ("gracedb.ligo.org", "roc.icecube.wisc.edu")


@pytest.mark.parametrize(
    "url",
    [
        "http://gracedb.ligo.org/a.fits",
        "https://gracedb.ligo.org:8443/a.fits",
        "https://gracedb.ligo.org.evil.example/a.fits",
        "https://user:pw@gracedb.ligo.org/a.fits",
        "file:///etc/passwd",
        "https://127.0.0.1/a.fits",
        "http://127.0.0.1:9999/a.fits",
        "https://rocket.wisc.edu/a.fits",
        "https://[::1/a.fits",
        "not an address",
    ],
)
def test_other_addresses_are_refused(url: str):
    with pytest.raises((maps.MapRefusedError, ValueError)):
        maps.check_address(url, hosts=HOSTS, extra_hosts=("127.0.0.1:8401",))


@pytest.mark.parametrize(
    "url",
    [
        "https://gracedb.ligo.org/api/superevents/S1/files/bayestar.multiorder.fits,1",
        "https://roc1.icecube.wisc.edu/public/x.fits",
        "http://127.0.0.1:8401/maps/x.fits",
    ],
)
def test_listed_addresses_are_taken(url: str):
    assert maps.check_address(url, hosts=HOSTS, extra_hosts=("127.0.0.1:8401",)) == url


def _body(content: bytes) -> httpx.Response:
    async def stream():
        yield content

    return httpx.Response(200, content=stream())


def _client(handler) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.MockTransport(handler))


async def _fetch(handler, *, max_bytes: int = 1000) -> bytes:
    async with _client(handler) as client:
        return await maps.fetch_map(
            client,
            "https://gracedb.ligo.org/a.fits",
            hosts=HOSTS,
            extra_hosts=(),
            max_bytes=max_bytes,
        )


async def test_redirects_stay_on_the_list():
    def stays(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/a.fits":
            return httpx.Response(302, headers={"location": "/b.fits"})
        return _body(b"SIMPLE")

    assert await _fetch(stays) == b"SIMPLE"

    def leaves(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"location": "http://169.254.169.254/latest"})

    with pytest.raises(maps.MapRefusedError):
        await _fetch(leaves)

    def circles(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"location": "/a.fits"})

    with pytest.raises(maps.MapRefusedError, match="redirects"):
        await _fetch(circles)


async def test_size_and_status():
    with pytest.raises(maps.MapRefusedError, match="bytes"):
        await _fetch(lambda _r: httpx.Response(200, content=b"x" * 2000))

    async def stream():
        for _ in range(20):
            yield b"x" * 100

    with pytest.raises(maps.MapRefusedError, match="more than"):
        await _fetch(lambda _r: httpx.Response(200, content=stream()))
    for status in (404, 429, 503):
        with pytest.raises(TransientError):
            await _fetch(lambda _r, status=status: httpx.Response(status))
    with pytest.raises(maps.MapRefusedError):
        await _fetch(lambda _r: httpx.Response(403))


async def test_late_map_replaces_the_cone(house: House, monkeypatch):
    now = house.clock.now()
    fits = parse_notice(make_sample("bns", now, 0)[0].body).skymaps[0].data
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(404) if len(asked) == 1 else _body(fits)

    monkeypatch.setattr(jobs, "MAP_RETRY_S", (0.05,))
    body = voevent(
        ivorn="ivo://nasa.gsfc.gcn/AMON#ICECUBE_Cascade_Event_26_142000_000000017_0",
        date=now,
        author="IceCube (test)",
        params=[
            ("Packet_Type", "176", ""),
            ("run_id", "142000", ""),
            ("event_id", "17", ""),
            ("Rev", "0", ""),
            ("skymap_fits", "https://roc.icecube.wisc.edu/public/x.fits", ""),
        ],
        groups={},
        event_time=now,
        position=(120.0, 10.0, 9.0),
        concept="process.variation.burst",
    )
    async with house.run(SERVICE) as ingest, _client(handler) as client:
        monkeypatch.setattr(ingest.ctx, "http", client)
        taken = (await ingest.client.post("/notices", content=body)).json()

        async def both():
            path = f"/events/{taken['event_id']}/localizations"
            found = (await ingest.client.get(path)).json()
            return found if all(item["state"] == "ready" for item in found) else None

        found = {item["origin"]: item for item in await eventually(both)}
        assert asked == ["https://roc.icecube.wisc.edu/public/x.fits"] * 2
        assert found["url"]["is_preferred"]
        assert not found["cone"]["is_preferred"]

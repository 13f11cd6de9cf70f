"""Maps by address: fetched from listed hosts only, asked for again, never followed astray."""

import httpx
import pytest
from too_common.errors import TransientError
from too_ingest.clients import maps

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


async def _fetch(handler, *, max_bytes: int = 1000) -> maps.Fetched:
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

    assert (await _fetch(stays)).body == b"SIMPLE"

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


async def test_unchanged_files_are_not_sent_again():
    asked: list[httpx.Headers] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers)
        if request.headers.get("if-none-match") == '"v1"':
            return httpx.Response(304)
        answer = _body(b"SIMPLE")
        answer.headers["etag"] = '"v1"'
        return answer

    async with _client(handler) as client:

        async def fetch(known: maps.Known | None) -> maps.Fetched:
            return await maps.fetch_map(
                client,
                "https://gracedb.ligo.org/a.fits",
                hosts=HOSTS,
                extra_hosts=(),
                max_bytes=1000,
                known=known,
            )

        first = await fetch(None)
        assert first == maps.Fetched(b"SIMPLE", maps.Known('"v1"', None))
        assert (await fetch(first.known)).body is None
        assert "if-none-match" not in asked[0]


async def test_a_server_that_says_unchanged_unasked_is_refused():
    with pytest.raises(maps.MapRefusedError, match="304"):
        await _fetch(lambda _r: httpx.Response(304))

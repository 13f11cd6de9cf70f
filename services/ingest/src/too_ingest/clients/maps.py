"""Fetch map files from an allow-list of https hosts; addresses in notices are untrusted input."""

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import httpx
from too_common.errors import PermanentError, TransientError

MAX_REDIRECTS = 3
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)


class MapRefusedError(PermanentError):
    """The address, or what it gave, is not acceptable; asking again will not help."""


def check_address(url: str, *, hosts: Collection[str], extra_hosts: Collection[str]) -> str:
    """Check an address against the allow-list.

    Parameters
    ----------
    hosts
        Host names, by https and its own port only. IceCube's servers share the pattern
        ``roc*.icecube.wisc.edu``, which the entry for ``roc`` covers.
    extra_hosts
        ``host:port`` of simulators, by http too.

    Raises
    ------
    MapRefusedError
        If it is not in the list.
    """
    parts = urlsplit(url)
    try:
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise MapRefusedError(f"the address {url[:200]!r} is none") from error
    if parts.username or parts.password:
        raise MapRefusedError("an address with a user name is refused")
    if parts.netloc.lower() in extra_hosts and parts.scheme in {"http", "https"}:
        return url
    if parts.scheme != "https" or port not in {None, 443}:
        raise MapRefusedError(f"maps are fetched by https only, not from {url[:200]!r}")
    if host in hosts or _is_icecube(host, hosts):
        return url
    raise MapRefusedError(f"the host {host[:100]} is not in the list of map servers")


def _is_icecube(host: str, hosts: Collection[str]) -> bool:
    name, _, domain = host.partition(".")
    return (
        "roc.icecube.wisc.edu" in hosts
        and domain == "icecube.wisc.edu"
        and name.startswith("roc")
        and name[3:].isalnum()
    )


@dataclass(frozen=True, slots=True)
class Known:
    """What the server said of the file when it came last."""

    etag: str | None = None
    last_modified: str | None = None

    def headers(self) -> dict[str, str]:
        """Headers that ask for the file only if it has changed."""
        given = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A map file; no body: it is the one that is known."""

    body: bytes | None
    known: Known


async def fetch_map(
    client: httpx.AsyncClient,
    url: str,
    *,
    hosts: Collection[str],
    extra_hosts: Collection[str],
    max_bytes: int,
    known: Known | None = None,
) -> Fetched:
    """Fetch a map file.

    Raises
    ------
    TransientError
        If the server does not answer, or does not have the file yet (404).
    MapRefusedError
        If the address, a redirect or the size is not acceptable.
    """
    headers = known.headers() if known else {}
    for _ in range(MAX_REDIRECTS + 1):
        check_address(url, hosts=hosts, extra_hosts=extra_hosts)
        answer = await _get(client, url, max_bytes, headers)
        if isinstance(answer, Fetched):
            return answer
        url = urljoin(url, answer)
    raise MapRefusedError(f"more than {MAX_REDIRECTS} redirects")


async def _get(
    client: httpx.AsyncClient, url: str, max_bytes: int, headers: dict[str, str]
) -> Fetched | str:
    """The file, or the address that it redirects to."""
    try:
        # the file's own compression stays: only our worker unpacks, with a cap
        async with client.stream(
            "GET",
            url,
            headers={"Accept-Encoding": "identity", **headers},
            follow_redirects=False,
            timeout=_TIMEOUT,
        ) as answer:
            location = answer.headers.get("location")
            known = Known(
                _short(answer.headers.get("etag")), _short(answer.headers.get("last-modified"))
            )
            if answer.status_code == 304 and headers:
                return Fetched(None, known)
            if answer.is_redirect and location:
                return str(location)
            if answer.status_code in {404, 408, 425, 429} or answer.status_code >= 500:
                raise TransientError(f"the map server answers {answer.status_code}")
            if answer.status_code != 200:
                raise MapRefusedError(f"the map server answers {answer.status_code}")
            stated = answer.headers.get("content-length", "")
            if stated.isdigit() and int(stated) > max_bytes:
                raise MapRefusedError(f"the map has {stated} bytes; above {max_bytes} refused")
            body = bytearray()
            async for chunk in answer.aiter_raw():
                body.extend(chunk)
                if len(body) > max_bytes:
                    raise MapRefusedError(f"the map has more than {max_bytes} bytes")
            return Fetched(bytes(body), known)
    except httpx.HTTPError as error:
        raise TransientError(f"the map server is away: {type(error).__name__}") from error


def _short(value: str | None) -> str | None:
    """A header that can be kept and sent back; nobody needs longer ones."""
    return value if value and len(value) <= 200 and value.isprintable() else None

"""GraceDB: the catalogue of gravitational-wave superevents, asked for what it has made public.

The REST interface of its public server: ``/api/superevents/`` with ``query``, ``start`` and
``count``, pages linked by ``links.next``; ``/api/superevents/<id>/files/`` names the files of one.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

import httpx
from too_common.errors import TransientError

PAGE = 100
MAX_PAGES = 50
MAX_BYTES = 16 * 1024 * 1024
TIMEOUT_S = 30.0
_ID = re.compile(r"^[MT]?S\d{6}[a-z]{1,8}$")
_NOTICE = re.compile(r"^[MT]?S\d{6}[a-z]{1,8}-(\d+)-[A-Za-z_]+\.(xml|json)(?:,(\d+))?$")
_STAMP = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Superevent:
    """A superevent of the catalogue."""

    superevent_id: str
    created_at: datetime
    far_hz: float | None = None
    labels: tuple[str, ...] = ()

    @property
    def was_announced(self) -> bool:
        """True if a public alert was sent for it: only then there is something to be missed."""
        return "GCN_PRELIM_SENT" in self.labels or "ADVOK" in self.labels


@dataclass(frozen=True, slots=True)
class NoticeFile:
    """A notice that was sent, as a file."""

    name: str
    url: str
    number: int
    is_json: bool


class SupereventCatalogue(Protocol):
    """What the cross-check asks."""

    async def created_between(self, since: datetime, until: datetime) -> list[Superevent]:
        """Superevents that were made in a span of time."""
        ...

    async def notices_of(self, superevent_id: str) -> list[NoticeFile]:
        """Files of the notices that were sent, in their order."""
        ...

    async def fetch(self, file: NoticeFile) -> bytes:
        """Bytes of a notice."""
        ...


def read_superevent(item: Any) -> Superevent | None:
    """A superevent of an answer; None for what makes no sense."""
    if not isinstance(item, dict):
        return None
    name, created = item.get("superevent_id"), read_time(item.get("created"))
    if not isinstance(name, str) or not _ID.match(name) or created is None:
        return None
    far, labels = item.get("far"), item.get("labels")
    return Superevent(
        superevent_id=name,
        created_at=created,
        far_hz=float(far) if isinstance(far, int | float) else None,
        labels=tuple(x for x in labels if isinstance(x, str)) if isinstance(labels, list) else (),
    )


def read_time(value: Any) -> datetime | None:
    """``2019-04-25 08:18:26 UTC``."""
    if not isinstance(value, str):
        return None
    text = value.strip().removesuffix("UTC").removesuffix("Z").strip().replace("T", " ")[:19]
    try:
        return datetime.strptime(text, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def notice_files(files: Any) -> list[NoticeFile]:
    """Notices among a superevent's files, each once, in the order of their numbers.

    A file is listed by its bare name and by each version (``name,0``); the newest version counts.
    """
    found: dict[str, tuple[int, NoticeFile]] = {}
    for name, url in files.items() if isinstance(files, dict) else ():
        match = _NOTICE.match(name)
        if match is None or not isinstance(url, str):
            continue
        version = int(match[3]) if match[3] else -1
        bare = name.partition(",")[0]
        if bare not in found or found[bare][0] < version:
            file = NoticeFile(bare, url, int(match[1]), match[2] == "json")
            found[bare] = (version, file)
    # one notice may lie there in both forms: JSON says more
    files_of: dict[int, NoticeFile] = {}
    for _version, file in found.values():
        if file.number not in files_of or file.is_json:
            files_of[file.number] = file
    return [files_of[number] for number in sorted(files_of)]


class GraceDb:
    """Client of a GraceDB server.

    Parameters
    ----------
    http
        Client for the outside.
    base_url
        Address of the server, e.g. ``https://gracedb.ligo.org``.
    """

    def __init__(self, http: httpx.AsyncClient, base_url: str) -> None:
        self._http = http
        self._base = base_url.rstrip("/")
        self._host = urlsplit(self._base).netloc

    async def created_between(self, since: datetime, until: datetime) -> list[Superevent]:
        """Superevents that were made in a span of time, whatever became of them.

        Raises
        ------
        TransientError
            If the server does not answer, or not as GraceDB does.
        """
        query = f"category: Production created: {since:{_STAMP}} .. {until:{_STAMP}}"
        parameters = urlencode({"query": query, "count": PAGE, "start": 0})
        url: str | None = f"{self._base}/api/superevents/?{parameters}"
        found: dict[str, Superevent] = {}
        for _ in range(MAX_PAGES):
            if url is None:
                return list(found.values())
            answer = await self._json(url)
            items = answer.get("superevents")
            if not isinstance(items, list):
                raise TransientError("GraceDB's answer has no list of superevents")
            for item in items:
                one = read_superevent(item)
                if one is not None:
                    found[one.superevent_id] = one
            links = answer.get("links")
            following = links.get("next") if isinstance(links, dict) else None
            # the last page's link may lead to itself
            url = following if following and following != url and items else None
        if url is not None:
            raise TransientError(f"GraceDB's answer has more than {MAX_PAGES} pages")
        return list(found.values())

    async def notices_of(self, superevent_id: str) -> list[NoticeFile]:
        """Notices that were sent for a superevent.

        Raises
        ------
        TransientError
            If the server does not answer, or not as GraceDB does.
        """
        if not _ID.match(superevent_id):
            return []
        return notice_files(
            await self._json(f"{self._base}/api/superevents/{superevent_id}/files/")
        )

    async def fetch(self, file: NoticeFile) -> bytes:
        """Bytes of a notice.

        Raises
        ------
        TransientError
            If the server does not give it.
        """
        return await self._get(file.url)

    async def _json(self, url: str) -> dict[str, Any]:
        try:
            answer = json.loads(await self._get(url, accept="application/json"))
        except (ValueError, RecursionError) as error:
            raise TransientError("GraceDB's answer is no JSON") from error
        if not isinstance(answer, dict):
            raise TransientError("GraceDB's answer is no JSON object")
        return answer

    async def _get(self, url: str, *, accept: str = "*/*") -> bytes:
        parts = urlsplit(url)
        if parts.netloc != self._host or parts.scheme not in {"https", "http"}:
            raise TransientError("GraceDB's answer leads to another host")
        body = bytearray()
        try:
            async with self._http.stream(
                "GET",
                url,
                headers={"Accept": accept},
                timeout=TIMEOUT_S,
                follow_redirects=False,
            ) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise TransientError(f"GraceDB answers {answer.status_code}")
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > MAX_BYTES:
                        raise TransientError("GraceDB's answer is too large")
        except httpx.HTTPError as error:
            raise TransientError(f"GraceDB does not answer: {type(error).__name__}") from error
        return bytes(body)


def announced(superevents: Sequence[Superevent]) -> list[Superevent]:
    """Those for which a public alert went out."""
    return [one for one in superevents if one.was_announced]

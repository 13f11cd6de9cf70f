"""GraceDB: the catalogue of gravitational-wave superevents, asked for what it has made public.

The REST interface of its public server: ``/api/superevents/`` with ``query``, ``start`` and
``count``, pages linked by ``links.next``; ``/api/superevents/<id>/files/`` names the files of one.

What GWCelery, which sends LVK's alerts, leaves there: of each Kafka alert a copy
``<id>-<alert type>.json`` (its ``tasks/alerts.py``, ``_upload_notice``), so that a second
preliminary is version 1 of the first one's name (``S240101a-preliminary.json,1``); of each VOEvent,
sent until July 2026, ``<id>-<number>-<Type>.xml``. The labels that tell that an alert went out are
those of its ``tasks/orchestrator.py``.
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
_VOEVENT = re.compile(r"^[MT]?S\d{6}[a-z]{1,8}-(\d{1,4})-[A-Za-z_]+\.xml(?:,(\d{1,4}))?$")
_ALERT_TYPES = ("earlywarning", "preliminary", "initial", "update", "retraction")
_ALERT = re.compile(
    rf"^[MT]?S\d{{6}}[a-z]{{1,8}}-({'|'.join(_ALERT_TYPES)})\.json(?:,(\d{{1,4}}))?$"
)
_SENT_LABELS = frozenset({"GCN_PRELIM_SENT", "LOW_SIGNIF_PRELIM_SENT", "ADVOK", "ADVNO"})
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
        return not _SENT_LABELS.isdisjoint(self.labels)


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
    """Notices among a superevent's files, each once, in the order in which they are sent.

    A file is listed by its bare name, which is its newest version, and by each version
    (``name,0``). Every version of a Kafka alert's copy is an alert by itself; of a VOEvent, which
    has a number in its name, only the newest version counts. Where there are copies of Kafka
    alerts, they are complete and say more than the VOEvents.
    """
    alerts: dict[tuple[int, int], NoticeFile] = {}
    packets: dict[int, tuple[int, NoticeFile]] = {}
    for name, url in files.items() if isinstance(files, dict) else ():
        if not isinstance(name, str) or not isinstance(url, str):
            continue
        if (match := _ALERT.match(name)) is not None:
            place = _ALERT_TYPES.index(match[1])
            version = int(match[2]) if match[2] else -1
            alerts[place, version] = NoticeFile(name, url, place, is_json=True)
        elif (match := _VOEVENT.match(name)) is not None:
            number, version = int(match[1]), int(match[2]) if match[2] else -1
            if number not in packets or packets[number][0] < version:
                file = NoticeFile(name.partition(",")[0], url, number, is_json=False)
                packets[number] = (version, file)
    if not alerts:
        return [packets[number][1] for number in sorted(packets)]
    versioned = {place for place, version in alerts if version >= 0}
    return [alerts[key] for key in sorted(alerts) if key[1] >= 0 or key[0] not in versioned]


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

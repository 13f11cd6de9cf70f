"""GraceDB's public REST interface: superevents by time, in pages, and the files of each."""

import base64
import binascii
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from pydantic import AwareDatetime, BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

_CREATED = re.compile(
    r"created:\s*(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\s*\.\.\s*(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)"
)
_CATEGORY = re.compile(r"category:\s*(\w+)", re.IGNORECASE)
_STAMP = "%Y-%m-%d %H:%M:%S"
_MOST = 1000


class Superevent(BaseModel):
    """A superevent; its files are kept in base64."""

    superevent_id: str = Field(pattern=r"^[MT]?S\d{6}[a-z]{1,8}$")
    created: AwareDatetime
    category: str = "Production"
    far: float = 1e-9
    labels: list[str] = Field(default_factory=lambda: ["ADVOK", "GCN_PRELIM_SENT"])
    files: dict[str, str] = Field(default_factory=dict, description="Name -> bytes in base64")


class GraceDbState(BaseModel):
    """All that is kept on disk."""

    superevents: dict[str, Superevent] = Field(default_factory=dict)


class GraceDbSite:
    """Routes below ``/gracedb``.

    Parameters
    ----------
    state
        As loaded from disk.
    base_url
        Address of this host, for the links in its answers.
    now
        Stack clock.
    """

    def __init__(self, state: GraceDbState, *, base_url: str, now: Callable[[], datetime]) -> None:
        self.state = state
        self._base = base_url
        self._now = now

    def routes(self) -> list[Route]:
        """Routes relative to the host."""
        return [
            Route("/api/superevents/", self._list, methods=["GET"]),
            Route("/api/superevents/{name}/", self._one, methods=["GET"]),
            Route("/api/superevents/{name}/files/", self._files, methods=["GET"]),
            Route("/api/superevents/{name}/files/{file}", self._file, methods=["GET"]),
        ]

    def put(self, superevent: Superevent) -> None:
        """Enter a superevent, or replace it.

        Raises
        ------
        ValueError
            If a file is no base64.
        """
        for name, text in superevent.files.items():
            try:
                base64.b64decode(text, validate=True)
            except binascii.Error as error:
                raise ValueError(f"{name} is no base64") from error
        self.state.superevents[superevent.superevent_id] = superevent

    async def _list(self, request: Request) -> Response:
        query = request.query_params.get("query", "")
        try:
            start = max(int(request.query_params.get("start", "0")), 0)
            count = min(max(int(request.query_params.get("count", "10")), 1), _MOST)
        except ValueError:
            return JSONResponse({"detail": "start and count are numbers"}, 400)
        found = self._matching(query)
        page = found[start : start + count]
        last = max((len(found) - 1) // count * count, 0)

        def link(begin: int) -> str:
            parameters = urlencode({"query": query, "start": begin, "count": count})
            return f"{self._base}/api/superevents/?{parameters}"

        links: dict[str, Any] = {"self": link(start), "first": link(0), "last": link(last)}
        if start + count < len(found):
            links["next"] = link(start + count)
        return JSONResponse(
            {
                "numRows": len(found),
                "superevents": [self._shown(one) for one in page],
                "links": links,
            }
        )

    def _matching(self, query: str) -> list[Superevent]:
        found = list(self.state.superevents.values())
        span = _CREATED.search(query)
        if span is not None:
            since, until = (
                datetime.strptime(text, _STAMP).replace(tzinfo=UTC) for text in span.groups()
            )
            found = [one for one in found if since <= one.created <= until]
        category = _CATEGORY.search(query)
        if category is not None:
            found = [one for one in found if one.category.lower() == category[1].lower()]
        return sorted(found, key=lambda one: one.created, reverse=True)

    def _shown(self, one: Superevent) -> dict[str, Any]:
        address = f"{self._base}/api/superevents/{one.superevent_id}/"
        return {
            "superevent_id": one.superevent_id,
            "category": one.category,
            "created": one.created.astimezone(UTC).strftime(f"{_STAMP} UTC"),
            "far": one.far,
            "labels": one.labels,
            "links": {"self": address, "files": f"{address}files/"},
        }

    def _find(self, request: Request) -> Superevent | None:
        return self.state.superevents.get(request.path_params["name"])

    async def _one(self, request: Request) -> Response:
        one = self._find(request)
        if one is None:
            return JSONResponse({"detail": "Not found."}, 404)
        return JSONResponse(self._shown(one))

    async def _files(self, request: Request) -> Response:
        one = self._find(request)
        if one is None:
            return JSONResponse({"detail": "Not found."}, 404)
        address = f"{self._base}/api/superevents/{one.superevent_id}/files/"
        named = {name: f"{address}{name}" for name in one.files}
        # a file is listed by its bare name and by its version
        versions = {f"{name},0": f"{url},0" for name, url in named.items() if "," not in name}
        return JSONResponse({**named, **versions})

    async def _file(self, request: Request) -> Response:
        one = self._find(request)
        name = request.path_params["file"]
        text = None if one is None else one.files.get(name) or one.files.get(name.split(",")[0])
        if text is None:
            return PlainTextResponse("Not found", 404)
        return Response(base64.b64decode(text), media_type="application/octet-stream")

"""Map servers: sky maps that the maker of sample alerts put here, fetched as from GraceDB."""

import hashlib
import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from too_simulators.core.store import Journal

MAX_MAP = 200_000_000
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._,-]{0,127}$")


class MapServer:
    """Routes below ``/maps``: PUT by the stack, GET and HEAD by anybody.

    Parameters
    ----------
    folder
        Where the files lie.
    journal
        Who fetched what.
    """

    def __init__(self, folder: Path, journal: Journal) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._journal = journal

    def routes(self) -> list[Route]:
        """Routes relative to the host; `{folder}` keeps maps of different events apart."""
        return [
            Route("/{name}", self._put, methods=["PUT"]),
            Route("/{name}", self._get, methods=["GET", "HEAD"]),
            Route("/{folder}/{name}", self._put, methods=["PUT"]),
            Route("/{folder}/{name}", self._get, methods=["GET", "HEAD"]),
        ]

    def _path(self, request: Request) -> Path | None:
        parts = [request.path_params.get("folder"), request.path_params["name"]]
        names = [part for part in parts if part is not None]
        if not all(_NAME.match(name) for name in names):
            return None
        return self._folder.joinpath(*names)

    async def _put(self, request: Request) -> Response:
        path = self._path(request)
        if path is None:
            return PlainTextResponse("bad name", 400)
        content = bytearray()
        async for chunk in request.stream():
            content += chunk
            if len(content) > MAX_MAP:
                return PlainTextResponse("too large", 413)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return JSONResponse(
            {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}, status_code=201
        )

    async def _get(self, request: Request) -> Response:
        path = self._path(request)
        if path is None or not path.is_file():
            return PlainTextResponse("Not Found", 404)
        self._journal.add("maps.fetched", name=str(path.relative_to(self._folder)))
        return FileResponse(path, media_type="application/fits")

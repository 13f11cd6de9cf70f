"""IRSA's TAP service (synchronous queries) and ZTF's depot over HTTP."""

import base64
import binascii
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from too_simulators.core.faults import FaultBoard, FaultKind
from too_simulators.ztf.adql import AdqlError, Value, parse_adql
from too_simulators.ztf.engine import ZtfEngine
from too_simulators.ztf.irsa import (
    COLUMNS,
    Pipeline,
    Quadrants,
    depot_night,
    goodsubs_night,
    references_table,
)
from too_simulators.ztf.queue import field_centres

TABLE = "ztf.ztf_current_meta_sci"
_VOTABLE = "application/x-votable+xml"
_COUNT = {"count": ("long", "", "Number of rows")}


def votable(
    columns: Mapping[str, tuple[str, str, str]],
    rows: Sequence[Mapping[str, Value]],
    *,
    overflow: bool = False,
) -> str:
    """A VOTable with its rows as text."""
    fields = "".join(
        f"<FIELD name={quoteattr(name)} datatype={quoteattr(kind)}"
        + (' arraysize="*"' if kind == "char" else "")
        + (f" unit={quoteattr(unit)}" if unit else "")
        + f"><DESCRIPTION>{escape(text)}</DESCRIPTION></FIELD>"
        for name, (kind, unit, text) in columns.items()
    )
    body = "".join(
        "<TR>" + "".join(f"<TD>{escape(str(row[name]))}</TD>" for name in columns) + "</TR>"
        for row in rows
    )
    end = '<INFO name="QUERY_STATUS" value="OVERFLOW"/>' if overflow else ""
    return _document(
        '<INFO name="QUERY_STATUS" value="OK"/>'
        f"<TABLE>{fields}<DATA><TABLEDATA>{body}</TABLEDATA></DATA></TABLE>{end}"
    )


def votable_error(reason: str) -> str:
    """A VOTable that says what was wrong."""
    return _document(f'<INFO name="QUERY_STATUS" value="ERROR">{escape(reason)}</INFO>')


def _document(content: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f'<RESOURCE type="results">{content}</RESOURCE></VOTABLE>'
    )


class IrsaApi:
    """Routes below ``/irsa`` and ``/depot``.

    Parameters
    ----------
    engine
        Whose exposures these are.
    pipeline
        How late they come.
    faults
        ``overflow`` on ``POST /irsa/TAP/sync``: ``{"rows": 100}`` are all that is given.
    max_rows
        The server's own limit.
    login
        User and password of the depot.
    now
        Stack clock.
    """

    def __init__(
        self,
        engine: ZtfEngine,
        pipeline: Pipeline,
        faults: FaultBoard,
        *,
        max_rows: int,
        login: tuple[str, str],
        now: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._pipeline = pipeline
        self._quadrants = Quadrants(pipeline)
        self._faults = faults
        self._max_rows = max_rows
        self._login = login
        self._now = now

    def irsa_routes(self) -> list[Route]:
        """Routes relative to ``/irsa``."""
        return [
            Route("/TAP/sync", self._sync, methods=["GET", "POST"]),
            Route("/TAP/capabilities", self._capabilities),
            Route("/TAP/availability", self._availability),
        ]

    def depot_routes(self) -> list[Route]:
        """Routes relative to ``/depot``."""
        references = "/ztf/depot/adhoc/specialrefs/SpecialRefImages.txt"
        return [
            Route(references, self._references, methods=["GET", "HEAD"]),
            Route("/ztf/depot/{night}/{file}", self._depot, methods=["GET", "HEAD"]),
        ]

    async def _sync(self, request: Request) -> Response:
        form = dict(request.query_params)
        if request.method == "POST":
            posted = await request.form()
            form |= {key: value for key, value in posted.items() if isinstance(value, str)}
        asked = {key.upper(): value for key, value in form.items()}
        try:
            query = parse_adql(
                asked.get("QUERY", ""),
                tables=(TABLE, f"irsa.{TABLE}"),
                columns=tuple(COLUMNS),
            )
            maxrec = int(asked.get("MAXREC", self._max_rows))
        except (AdqlError, ValueError) as error:
            return Response(votable_error(str(error)), status_code=400, media_type=_VOTABLE)
        now = self._now()
        self._engine.step(now)
        rows = query.run(list(self._quadrants.at(self._engine.state.history, now)))
        limit = min(maxrec, self._max_rows)
        fault = self._faults.take(f"{request.method} {request.url.path}", FaultKind.OVERFLOW)
        if fault is not None:
            limit = min(limit, int(fault.params.get("rows", 64)))
        columns = _COUNT if query.count else {name: COLUMNS[name] for name in query.columns}
        answer = votable(columns, rows[:limit], overflow=len(rows) > limit)
        return Response(answer, media_type=_VOTABLE)

    async def _capabilities(self, request: Request) -> Response:
        base = str(request.url).removesuffix("/capabilities")
        return Response(
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<vosi:capabilities xmlns:vosi="http://www.ivoa.net/xml/VOSICapabilities/v1.0"'
            ' xmlns:tr="http://www.ivoa.net/xml/TAPRegExt/v1.0"'
            ' xmlns:vs="http://www.ivoa.net/xml/VODataService/v1.1"'
            ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
            '<capability standardID="ivo://ivoa.net/std/TAP" xsi:type="tr:TableAccess">'
            '<interface role="std" xsi:type="vs:ParamHTTP">'
            f'<accessURL use="base">{escape(base)}</accessURL></interface>'
            "<language><name>ADQL</name><version>2.0</version></language>"
            f"<outputFormat><mime>{_VOTABLE}</mime></outputFormat>"
            f'<outputLimit><default unit="row">{self._max_rows}</default>'
            f'<hard unit="row">{self._max_rows}</hard></outputLimit>'
            "</capability></vosi:capabilities>",
            media_type="text/xml",
        )

    async def _availability(self, request: Request) -> Response:
        del request
        return Response(
            '<vosi:availability xmlns:vosi="http://www.ivoa.net/xml/VOSIAvailability/v1.0">'
            "<vosi:available>true</vosi:available></vosi:availability>",
            media_type="text/xml",
        )

    async def _references(self, request: Request) -> Response:
        if not self._logged_in(request.headers.get("authorization", "")):
            return _unauthorized()
        return PlainTextResponse(references_table(field_centres()))

    async def _depot(self, request: Request) -> Response:
        if not self._logged_in(request.headers.get("authorization", "")):
            return _unauthorized()
        stamp, file = request.path_params["night"], request.path_params["file"]
        try:
            night = datetime.strptime(stamp, "%Y%m%d").date()  # noqa: DTZ007  a UT date
        except ValueError:
            return _not_found()
        now, history = self._now(), self._engine.state.history
        self._engine.step(now)
        if file == f"ztf_recentproc_{stamp}.json":
            rows = depot_night(history, self._pipeline, night, now)
            if rows:
                return Response(json.dumps(rows), media_type="application/json")
        elif file == f"goodsubs_{stamp}.txt":
            text = goodsubs_night(history, self._pipeline, night, now)
            if text:
                return PlainTextResponse(text)
        return _not_found()

    def _logged_in(self, header: str) -> bool:
        scheme, _, encoded = header.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return hmac.compare_digest(user, self._login[0]) and hmac.compare_digest(
            password, self._login[1]
        )


def _unauthorized() -> Response:
    challenge = {"WWW-Authenticate": 'Basic realm="depot"'}
    return PlainTextResponse("Unauthorized", 401, headers=challenge)


def _not_found() -> Response:
    page = "<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>"
    return Response(page, 404, media_type="text/html")

"""The front door: requests to other services, forwarded with a one-minute token that we sign.

Cookies and the caller's own Authorization stay here; bodies and answers are streamed.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpx
import structlog
from fastapi import APIRouter, Request
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse
from too_common.auth import Principal
from too_common.context import Context
from too_common.errors import NotFoundError, RefusedError, TooLargeError
from too_common.http import Ctx
from too_common.http.problems import problem
from too_common.settings import SERVICES

log = structlog.get_logger(__name__)

ROUTED = tuple(name for name in SERVICES if name != "vetting-api")
"""Services that are reached through us."""

HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
"""RFC 9110 section 7.6.1: meant for one connection alone."""
NOT_FORWARDED = HOP_BY_HOP | {
    "authorization",
    "content-length",
    "cookie",
    "host",
    "x-csrf-token",
    "x-forwarded-for",
    "forwarded",
}
NOT_RETURNED = HOP_BY_HOP | {"set-cookie", "server", "date", "content-security-policy"}

router = APIRouter()

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


def signed_token(ctx: Context, who: Principal, service: str) -> str:
    """One-minute token for a person's request, or our own for a service's."""
    if who.account_id is None:
        raise RefusedError("services talk to each other directly", status=403, code="forbidden")
    return ctx.keys.sign_for_person(
        audience=service, account_id=who.account_id, name=who.name, scopes=who.scopes
    )


@router.api_route(
    "/api/{service}/v1/{path:path}", methods=METHODS, include_in_schema=False, name="forward"
)
async def forward(service: str, path: str, request: Request, ctx: Ctx) -> Response:
    """Forward to the owner."""
    if service not in ROUTED:
        raise NotFoundError(f"there is no /api/{service}/v1/{path}")
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    bearer = value.strip() if scheme.lower() == "bearer" and value.strip() else None
    who: Principal = await request.app.state.authenticate(request, bearer)
    limit = int(ctx.settings.upload_limit_mb * 1_000_000)
    length = request.headers.get("content-length")
    if length is not None and length.isdigit() and int(length) > limit:
        raise TooLargeError(f"more than {ctx.settings.upload_limit_mb:g} MB are not taken here")
    headers = [(name, text) for name, text in request.headers.items() if name not in NOT_FORWARDED]
    headers.append(("authorization", f"Bearer {signed_token(ctx, who, service)}"))
    has_body = request.method not in {"GET", "HEAD"} and (
        (length or "0") != "0" or "transfer-encoding" in request.headers
    )
    if has_body and length is not None:
        headers.append(("content-length", length))
    url = httpx.URL(ctx.common.url_of(service)).copy_with(
        raw_path=request.scope["raw_path"]
        + (b"?" + request.scope["query_string"] if request.scope["query_string"] else b"")
    )
    outgoing = ctx.http.build_request(
        request.method,
        url,
        headers=headers,
        content=_limited(request, limit) if has_body else None,
        timeout=httpx.Timeout(ctx.settings.forward_timeout_s, connect=3.0),
    )
    try:
        answer = await ctx.http.send(outgoing, stream=True)
    except httpx.TimeoutException:
        return away(service, "did not answer in time", status=504)
    except httpx.TransportError as error:
        log.warning("owner_away", owner=service, error=type(error).__name__)
        return away(service, "cannot be reached now")
    return StreamingResponse(
        _body(answer),
        status_code=answer.status_code,
        headers=dict(_returned(answer)),
        background=BackgroundTask(answer.aclose),
    )


async def _limited(request: Request, limit: int) -> AsyncIterator[bytes]:
    taken = 0
    async for piece in request.stream():
        taken += len(piece)
        if taken > limit:
            raise TooLargeError(f"more than {limit} bytes are not taken here")
        yield piece


async def _body(answer: httpx.Response) -> AsyncIterator[bytes]:
    # raw: what the owner compressed stays compressed
    with suppress(httpx.StreamClosed):
        async for piece in answer.aiter_raw():
            yield piece


def _returned(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(name, text) for name, text in answer.headers.items() if name not in NOT_RETURNED]


def away(service: str, what: str, *, status: int = 503) -> Response:
    """Problem document for an owner that is away: which one, and that nothing else is."""
    return problem(
        status,
        "service away",
        f"{service} {what}; the rest of the marshal goes on",
        headers={"Retry-After": "3"},
        code="owner_away",
        service=service,
    )


class Gateway:
    """Reads other services' APIs for a page, in the name of the person in front of it."""

    def __init__(self, ctx: Context, who: Principal) -> None:
        self._ctx = ctx
        self._who = who

    async def get(self, service: str, path: str, params: dict[str, Any] | None = None) -> Any:
        """JSON of a GET.

        Raises
        ------
        RefusedError
            With the owner's own words, or that it is away (503).
        """
        try:
            answer = await self._ctx.http.get(
                self._ctx.services.url(service, path),
                params=params,
                headers={"authorization": f"Bearer {signed_token(self._ctx, self._who, service)}"},
                timeout=httpx.Timeout(8.0, connect=2.0),
            )
        except httpx.TransportError as error:
            raise RefusedError(
                f"{service} cannot be reached now", status=503, code="owner_away"
            ) from error
        if answer.status_code >= 400:
            raise RefusedError(_detail(answer, service), status=answer.status_code)
        try:
            return answer.json()
        except ValueError as error:
            raise RefusedError(f"{service} gave no JSON", status=502) from error


def _detail(answer: httpx.Response, service: str) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"{service} answered {answer.status_code}"

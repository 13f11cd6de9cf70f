"""The outermost layer of every simulated host: its faults, and the stack clock's Date."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from too_simulators.core.faults import HTTP_KINDS, Fault, FaultBoard, FaultKind

_LIKE_A_PROXY = "<html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>"
_UNFAULTED = ("/control", "/healthz", "/readyz", "/static")
_DEFAULT_HANG_S = 60.0


class Edge:
    """ASGI middleware.

    Parameters
    ----------
    app
        What it wraps.
    faults
        Asked with ``METHOD /path`` for each request to a simulated host.
    now
        Stack clock.
    before_reply
        Called before an answer leaves: what was accepted is on disk by then.
    lose_state
        Called with the path's first part when that host is to forget.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        faults: FaultBoard,
        now: Callable[[], datetime],
        before_reply: Callable[[], None],
        lose_state: Callable[[str], None],
    ) -> None:
        self._app = app
        self._faults = faults
        self._now = now
        self._before_reply = before_reply
        self._lose_state = lose_state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        fault = None
        if path != "/" and not path.startswith(_UNFAULTED):
            fault = self._faults.take(f"{scope['method']} {path}", HTTP_KINDS)
        off_s = 0.0
        if fault is not None and fault.kind is FaultKind.CLOCK_OFF:
            off_s = float(fault.params.get("seconds", 300))

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                if scope["method"] != "GET":
                    self._before_reply()
                date = self._now() + timedelta(seconds=off_s)
                MutableHeaders(scope=message)["date"] = format_datetime(date, usegmt=True)
            await send(message)

        if fault is None or fault.kind is FaultKind.CLOCK_OFF:
            await self._app(scope, receive, dated)
        else:
            await self._go_wrong(fault, scope, receive, dated)

    async def _go_wrong(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        host = scope["path"].split("/")[1]
        match fault.kind:
            case FaultKind.REFUSE:
                await _cut(receive)
            case FaultKind.HANG:
                await _wait_or_gone(receive, float(fault.params.get("seconds", _DEFAULT_HANG_S)))
                await _cut(receive)
            case FaultKind.DROP_REPLY:
                await self._app(scope, receive, _swallow)
                self._before_reply()
                await _cut(receive)
            case FaultKind.LOSE_STATE:
                await self._app(scope, receive, send)
                self._lose_state(host)
                self._before_reply()
            case FaultKind.SLOW_BODY:
                await self._slowly(fault, scope, receive, send)
            case _:
                await _canned(fault, host)(scope, receive, send)

    async def _slowly(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        """Headers at once, then the body in eight parts over some seconds."""
        pause_s = float(fault.params.get("seconds", _DEFAULT_HANG_S)) / 8

        async def slow(message: Message) -> None:
            if message["type"] != "http.response.body":
                await send(message)
                return
            body: bytes = message.get("body", b"")
            part = max(1, -(-len(body) // 8))
            for begin in range(0, len(body), part):
                await asyncio.sleep(pause_s)
                chunk = body[begin : begin + part]
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({**message, "body": b""})

        await self._app(scope, receive, slow)


async def _swallow(message: Message) -> None:
    del message


async def _wait_or_gone(receive: Receive, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return


async def _cut(receive: Receive) -> None:
    """Close the connection without a word: uvicorn's `receive` knows its transport."""
    transport: Any = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is None:  # another server than uvicorn: nothing better than an empty answer
        raise ConnectionAbortedError("cut by a fault switch")
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass


def _canned(fault: Fault, host: str) -> Response:
    if fault.kind is FaultKind.HTML:
        return HTMLResponse(_LIKE_A_PROXY)
    if fault.kind is FaultKind.TOO_MANY_REQUESTS:
        after = {"Retry-After": str(fault.params.get("retry_after", 1))}
        body: dict[str, Any] = {"ok": False, "error": "ratelimited"}
        if host == "twilio":
            body = {
                "code": 20429,
                "message": "Too Many Requests",
                "more_info": "https://www.twilio.com/docs/errors/20429",
                "status": 429,
            }
        return JSONResponse(body, status_code=429, headers=after)
    status = int(fault.params.get("status", 500))
    return PlainTextResponse(str(fault.params.get("body", f"{status} by a fault switch")), status)

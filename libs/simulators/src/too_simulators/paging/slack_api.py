"""Slack's web interface, and the signed presses of buttons that it sends to the customer."""

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from too_simulators.core.faults import FaultBoard, FaultKind
from too_simulators.core.store import Journal
from too_simulators.paging.slack import (
    BOT_ID,
    BOT_USER,
    TEAM_ID,
    SlackError,
    SlackWorkspace,
    message_json,
)

ANSWER_WITHIN_S = 3.0


def slack_signature(secret: str, timestamp: int, body: bytes) -> str:
    """X-Slack-Signature, version 0."""
    base = f"v0:{timestamp}:".encode() + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


async def _arguments(request: Request) -> dict[str, Any]:
    if request.headers.get("content-type", "").startswith("application/json"):
        content = await request.json()
        return content if isinstance(content, dict) else {}
    arguments: dict[str, Any] = {
        key: value for key, value in (await request.form()).items() if isinstance(value, str)
    }
    for key in ("blocks", "attachments", "metadata"):
        if key in arguments:
            arguments[key] = json.loads(arguments[key])
    return arguments


class SlackApi:
    """Routes below ``/slack``.

    Parameters
    ----------
    workspace
        The model.
    journal
        Where presses and the customer's answers are written down.
    faults
        ``provider_error`` answers ``{"ok": false, "error": params["error"]}``.
    token
        The bot's token.
    signing_secret
        Signs interactions.
    interactions_url
        The customer's webhook, or None.
    base_url
        Address of these routes as the customer sees them.
    now
        Wall clock in seconds since 1970: signatures are checked against it.
    """

    def __init__(
        self,
        workspace: SlackWorkspace,
        journal: Journal,
        faults: FaultBoard,
        *,
        token: str,
        signing_secret: str,
        interactions_url: str | None,
        base_url: str,
        wall: Callable[[], datetime],
    ) -> None:
        self._workspace = workspace
        self._journal = journal
        self._faults = faults
        self._token = token
        self._signing_secret = signing_secret
        self._interactions_url = interactions_url
        self._base_url = base_url
        self._wall = wall

    def routes(self) -> list[Route]:
        """Routes relative to the host."""
        return [
            Route("/api/chat.postMessage", self._post, methods=["POST"]),
            Route("/api/chat.update", self._update, methods=["POST"]),
            Route("/api/auth.test", self._auth_test, methods=["POST", "GET"]),
            Route("/response/{channel}/{ts}", self._response, methods=["POST"]),
        ]

    async def press(
        self, channel: str, ts: str, action_id: str, user: dict[str, str]
    ) -> dict[str, Any]:
        """Somebody presses a button; answer what the customer's webhook said."""
        message = self._workspace.find(channel, ts)
        payload = self._workspace.interaction(
            message, action_id, user, f"{self._base_url}/response/{channel}/{ts}"
        )
        if self._interactions_url is None:
            raise SlackError("no webhook is configured")
        body = urlencode({"payload": json.dumps(payload)}).encode()
        timestamp = int(self._wall().timestamp())
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": str(timestamp),
            "X-Slack-Signature": slack_signature(self._signing_secret, timestamp, body),
        }
        try:
            async with httpx.AsyncClient(timeout=ANSWER_WITHIN_S, trust_env=False) as client:
                answer = await client.post(self._interactions_url, content=body, headers=headers)
        except httpx.HTTPError as error:
            reason = type(error).__name__
            self._journal.add("slack.webhook_failed", action_id=action_id, reason=reason)
            return {"ok": False, "error": reason}
        self._journal.add("slack.webhook", action_id=action_id, status=answer.status_code)
        return {"ok": answer.is_success, "status": answer.status_code, "body": answer.text[:1000]}

    def _refused(self, request: Request, token: str | None = None) -> Response | None:
        fault = self._faults.take(f"{request.method} {request.url.path}", FaultKind.PROVIDER_ERROR)
        if fault is not None:
            return _not_ok(str(fault.params.get("error", "internal_error")))
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        given = given if scheme.lower() == "bearer" else (token or "")
        if not given:
            return _not_ok("not_authed")
        if not hmac.compare_digest(given, self._token):
            return _not_ok("invalid_auth")
        return None

    async def _post(self, request: Request) -> Response:
        return await self._chat(request, self._workspace.post)

    async def _update(self, request: Request) -> Response:
        return await self._chat(request, self._workspace.update)

    async def _chat(self, request: Request, act: Callable[[dict[str, Any]], Any]) -> Response:
        arguments = await _arguments(request)
        if (refused := self._refused(request, arguments.get("token"))) is not None:
            return refused
        try:
            message = act(arguments)
        except SlackError as error:
            return _not_ok(str(error))
        return JSONResponse(
            {
                "ok": True,
                "channel": message.channel,
                "ts": message.ts,
                "text": message.text,
                "message": message_json(message),
            }
        )

    async def _auth_test(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        return JSONResponse(
            {
                "ok": True,
                "url": "https://simulated.slack.com/",
                "team": "Simulated",
                "user": "too-marshal",
                "team_id": TEAM_ID,
                "user_id": BOT_USER,
                "bot_id": BOT_ID,
            }
        )

    async def _response(self, request: Request) -> Response:
        """The ``response_url`` of an interaction."""
        arguments = await _arguments(request)
        channel, ts = request.path_params["channel"], request.path_params["ts"]
        if arguments.get("replace_original"):
            self._workspace.update({**arguments, "channel": channel, "ts": ts})
        elif arguments.get("response_type") == "in_channel":
            self._workspace.post({**arguments, "channel": channel})
        else:
            self._journal.add("slack.ephemeral", channel=channel, text=arguments.get("text"))
        return PlainTextResponse("ok")


def _not_ok(error: str) -> JSONResponse:
    return JSONResponse({"ok": False, "error": error})

"""Twilio's REST interface: form-encoded requests, Basic authentication, JSON resources."""

import base64
import binascii
import hmac
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from too_simulators.core.faults import FaultBoard, FaultKind
from too_simulators.paging.records import Call, CallStatus, Message, MessageStatus, new_sid
from too_simulators.paging.telephones import TelephoneNetwork, is_e164

_MESSAGES = {
    20003: "Authentication Error - invalid username",
    20404: "The requested resource was not found",
    20429: "Too Many Requests",
    21201: "No 'To' number is specified",
    21205: "Url parameter is required",
    21211: "Invalid 'To' Phone Number",
    21212: "Invalid 'From' Number",
    21213: "A 'From' phone number is required.",
    21220: "Invalid call state",
    21602: "Message body is required.",
    21603: "A 'From' phone number is required.",
    21610: "Attempt to send to unsubscribed recipient",
    21617: "The concatenated message body exceeds the 1600 character limit.",
}
MAX_BODY = 1600
MAX_TWIML = 4000


def twilio_error(code: int, status: int = 400, message: str | None = None) -> JSONResponse:
    """An error as Twilio words it."""
    body = {
        "code": code,
        "message": message or _MESSAGES.get(code, "Error"),
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return JSONResponse(body, status_code=status)


def _text(form: FormData, key: str) -> str | None:
    value = form.get(key)
    return value if isinstance(value, str) and value else None


class TwilioApi:
    """Routes below ``/twilio/2010-04-01``.

    Parameters
    ----------
    network
        The model.
    faults
        ``provider_error`` on these routes answers with ``{"code": ..., "status": ...}``.
    credentials
        User names and their secrets: the account with its auth token, the API key with its own.
    account_sid
        The account.
    now
        Stack clock.
    nudge
        Called after each change.
    """

    def __init__(
        self,
        network: TelephoneNetwork,
        faults: FaultBoard,
        *,
        credentials: Mapping[str, str],
        account_sid: str,
        now: Callable[[], datetime],
        nudge: Callable[[], None],
    ) -> None:
        self._network = network
        self._faults = faults
        self._credentials = credentials
        self._account_sid = account_sid
        self._now = now
        self._nudge = nudge

    def routes(self) -> list[Route]:
        """Routes relative to the host."""
        base = "/2010-04-01/Accounts/{account}"
        return [
            Route(f"{base}/Messages.json", self._messages, methods=["GET", "POST"]),
            Route(f"{base}/Messages/{{sid}}.json", self._message),
            Route(f"{base}/Calls.json", self._calls, methods=["GET", "POST"]),
            Route(f"{base}/Calls/{{sid}}.json", self._call, methods=["GET", "POST"]),
        ]

    def _refused(self, request: Request) -> Response | None:
        fault = self._faults.take(f"{request.method} {request.url.path}", FaultKind.PROVIDER_ERROR)
        if fault is not None:
            return twilio_error(
                int(fault.params.get("code", 20500)), int(fault.params.get("status", 500))
            )
        if not self._authenticated(request.headers.get("authorization", "")):
            answer = twilio_error(20003, 401)
            answer.headers["WWW-Authenticate"] = 'Basic realm="Twilio API"'
            return answer
        if request.path_params["account"] != self._account_sid:
            return twilio_error(20404, 404)
        return None

    def _authenticated(self, header: str) -> bool:
        scheme, _, encoded = header.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            user, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        expected = self._credentials.get(user)
        return expected is not None and hmac.compare_digest(expected, secret)

    # --- messages -----------------------------------------------------------------------------

    async def _messages(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        if request.method == "GET":
            found = [
                message
                for message in self._network.state.messages.values()
                if _matches(request, message.to, message.from_, message.created_at, "DateSent")
            ]
            return self._page(request, "messages", [self._message_json(one) for one in found])
        form = await request.form()
        to, sender = _text(form, "To"), _text(form, "From")
        service, body = _text(form, "MessagingServiceSid"), _text(form, "Body")
        code = self._message_problem(to, sender or service, body)
        if code is not None or to is None:
            return twilio_error(code or 21211)
        now = self._now()
        message = Message(
            sid=new_sid("SM"),
            to=to,
            from_=sender or "",
            body=body or "",
            messaging_service_sid=service,
            status_callback=_text(form, "StatusCallback"),
            validity_s=int(_text(form, "ValidityPeriod") or 36000),
            status=MessageStatus.ACCEPTED if service else MessageStatus.QUEUED,
            created_at=now,
            updated_at=now,
        )
        answer = JSONResponse(self._message_json(message), status_code=201)
        self._network.texts.send(message)
        self._nudge()
        return answer

    def _message_problem(self, to: str | None, sender: str | None, body: str | None) -> int | None:
        if sender is None:
            return 21603
        if to is None or not is_e164(to):
            return 21211
        if body is None:
            return 21602
        if len(body) > MAX_BODY:
            return 21617
        if self._network.telephone(to).stopped:
            return 21610
        return None

    async def _message(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        message = self._network.state.messages.get(request.path_params["sid"])
        if message is None:
            return twilio_error(20404, 404)
        return JSONResponse(self._message_json(message))

    # --- calls --------------------------------------------------------------------------------

    async def _calls(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        if request.method == "GET":
            found = [
                call
                for call in self._network.state.calls.values()
                if _matches(request, call.to, call.from_, call.created_at, "StartTime")
                and request.query_params.get("Status", call.status.value) == call.status.value
            ]
            return self._page(request, "calls", [self._call_json(call) for call in found])
        form = await request.form()
        to, sender = _text(form, "To"), _text(form, "From")
        url, twiml = _text(form, "Url"), _text(form, "Twiml")
        if to is None:
            return twilio_error(21201)
        if not is_e164(to):
            return twilio_error(21211)
        if sender is None:
            return twilio_error(21213)
        if url is None and (twiml is None or len(twiml) > MAX_TWIML):
            return twilio_error(21205)
        now = self._now()
        call = Call(
            sid=new_sid("CA"),
            to=to,
            from_=sender,
            url=url,
            method=_text(form, "Method") or "POST",
            fallback_url=_text(form, "FallbackUrl"),
            twiml=None if url else twiml,
            timeout_s=min(600.0, float(_text(form, "Timeout") or 60)),
            machine_detection=_text(form, "MachineDetection"),
            status_callback=_text(form, "StatusCallback"),
            status_callback_method=_text(form, "StatusCallbackMethod") or "POST",
            events=_events(form),
            created_at=now,
            updated_at=now,
        )
        answer = JSONResponse(self._call_json(call), status_code=201)
        self._network.place_call(call)
        self._nudge()
        return answer

    async def _call(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        call = self._network.state.calls.get(request.path_params["sid"])
        if call is None:
            return twilio_error(20404, 404)
        if request.method == "POST":
            wanted = _text(await request.form(), "Status")
            if wanted not in {"completed", "canceled"} or call.status.final:
                return twilio_error(21220)
            if wanted == "canceled" and call.status is CallStatus.IN_PROGRESS:
                return twilio_error(21220)
            self._network.end_call(call, self._now())
            self._nudge()
        return JSONResponse(self._call_json(call))

    # --- resources ----------------------------------------------------------------------------

    def _page(self, request: Request, key: str, items: list[dict[str, Any]]) -> JSONResponse:
        items.reverse()  # newest first
        size = min(1000, int(request.query_params.get("PageSize", 50)))
        page = int(request.query_params.get("Page", 0))
        path = request.url.path.removeprefix("/twilio")
        last = max(0, math.ceil(len(items) / size) - 1)

        def address(number: int) -> str:
            query = dict(request.query_params) | {"PageSize": str(size), "Page": str(number)}
            return str(
                request.url.replace(path=path, netloc="", scheme="").include_query_params(**query)
            ).removeprefix("//")

        return JSONResponse(
            {
                key: items[page * size : (page + 1) * size],
                "page": page,
                "page_size": size,
                "start": page * size,
                "end": max(0, min(len(items), (page + 1) * size) - 1),
                "uri": address(page),
                "first_page_uri": address(0),
                "next_page_uri": address(page + 1) if page < last else None,
                "previous_page_uri": address(page - 1) if page > 0 else None,
            }
        )

    def _message_json(self, message: Message) -> dict[str, Any]:
        uri = f"/2010-04-01/Accounts/{self._account_sid}/Messages/{message.sid}.json"
        waiting = message.status in {MessageStatus.ACCEPTED, MessageStatus.QUEUED}
        return {
            "account_sid": self._account_sid,
            "api_version": "2010-04-01",
            "body": message.body,
            "date_created": format_datetime(message.created_at),
            "date_sent": None if waiting else format_datetime(message.created_at),
            "date_updated": format_datetime(message.updated_at),
            "direction": message.direction,
            "error_code": message.error_code,
            "error_message": None,
            "from": message.from_ or None,
            "messaging_service_sid": message.messaging_service_sid,
            "num_media": "0",
            "num_segments": str(_segments(message.body)),
            "price": None,
            "price_unit": "USD",
            "sid": message.sid,
            "status": message.status.value,
            "subresource_uris": {"media": uri.removesuffix(".json") + "/Media.json"},
            "to": message.to,
            "uri": uri,
        }

    def _call_json(self, call: Call) -> dict[str, Any]:
        def rfc2822(at: datetime | None) -> str | None:
            return None if at is None else format_datetime(at)

        return {
            "account_sid": self._account_sid,
            "answered_by": call.answered_by,
            "api_version": "2010-04-01",
            "caller_name": None,
            "date_created": rfc2822(call.created_at),
            "date_updated": rfc2822(call.updated_at),
            "direction": "outbound-api",
            "duration": str(call.duration_s) if call.status.final else None,
            "end_time": rfc2822(call.ended_at),
            "forwarded_from": None,
            "from": call.from_,
            "from_formatted": call.from_,
            "group_sid": None,
            "parent_call_sid": None,
            "phone_number_sid": "",
            "price": None,
            "price_unit": "USD",
            "queue_time": "0",
            "sid": call.sid,
            "start_time": rfc2822(call.answered_at),
            "status": call.status.value,
            "subresource_uris": {},
            "to": call.to,
            "to_formatted": call.to,
            "trunk_sid": None,
            "uri": f"/2010-04-01/Accounts/{self._account_sid}/Calls/{call.sid}.json",
        }


def _events(form: FormData) -> tuple[str, ...]:
    events: list[str] = []
    for value in form.getlist("StatusCallbackEvent"):
        if isinstance(value, str):
            events.extend(value.split())
    return tuple(events) or ("completed",)


def _segments(body: str) -> int:
    # GSM 03.38 is nearly ASCII; any other character makes the whole message UCS-2
    single, joined = (160, 153) if body.isascii() else (70, 67)
    return 1 if len(body) <= single else math.ceil(len(body) / joined)


def _matches(request: Request, to: str, sender: str, at: datetime, date_key: str) -> bool:
    query = request.query_params
    if query.get("To", to) != to or query.get("From", sender) != sender:
        return False
    for key, value in query.multi_items():
        if not key.startswith(date_key):
            continue
        limit = datetime.fromisoformat(value)
        whole_day = "T" not in value
        limit = limit if limit.tzinfo else limit.replace(tzinfo=UTC)
        moment = at.replace(hour=0, minute=0, second=0, microsecond=0) if whole_day else at
        moment = moment.replace(microsecond=0)  # the resource carries whole seconds
        operator = key.removeprefix(date_key)
        if (
            (operator == ">" and moment < limit)
            or (operator == "<" and moment > limit)
            or (operator == "" and moment.date() != limit.date())
        ):
            return False
    return True

"""What a provider sends to the customer's web server: signed, in order, and 15 s of patience."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from urllib.parse import urlencode

import httpx
import structlog

from too_simulators.core.faults import FaultBoard, FaultKind
from too_simulators.core.store import Journal
from too_simulators.paging.records import Outgoing
from too_simulators.paging.telephones import TelephoneNetwork

ANSWER_WITHIN_S = 15.0
CONNECT_WITHIN_S = 10.0
_CALLBACK_FAULTS = frozenset(
    {
        FaultKind.CALLBACK_NEVER,
        FaultKind.CALLBACK_TWICE,
        FaultKind.CALLBACK_OUT_OF_ORDER,
    }
)


def twilio_signature(auth_token: str, url: str, params: Mapping[str, str]) -> str:
    """X-Twilio-Signature of a form: HMAC-SHA1 over the address and the sorted keys and values."""
    text = url + "".join(f"{key}{params[key]}" for key in sorted(params))
    digest = hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


class TwilioSender:
    """Sends what the telephone network left in its outbox, and feeds the answers back.

    Requests of one call or message follow each other; different ones do not wait for each other.

    Parameters
    ----------
    network
        The model.
    journal
        Where every request and its answer are written down.
    faults
        Switches on the route ``callbacks twilio``.
    auth_token
        Signs.
    now
        Stack clock.
    nudge
        Called when an answer changed the model.
    """

    def __init__(
        self,
        network: TelephoneNetwork,
        journal: Journal,
        faults: FaultBoard,
        *,
        auth_token: str,
        now: Callable[[], datetime],
        nudge: Callable[[], None],
    ) -> None:
        self._network = network
        self._journal = journal
        self._faults = faults
        self._auth_token = auth_token
        self._now = now
        self._nudge = nudge
        self._client: httpx.AsyncClient | None = None
        self._tails: dict[str, asyncio.Task[None]] = {}
        self._held_back: dict[str, Outgoing] = {}
        self._log = structlog.get_logger(__name__)

    def flush(self) -> None:
        """Start sending everything in the outbox."""
        for request in self._network.take_outbox():
            for planned in self._with_faults(request):
                before = self._tails.get(planned.sid)
                task = asyncio.create_task(self._after(before, planned))
                self._tails[planned.sid] = task
                task.add_done_callback(partial(self._forget, planned.sid))

    @property
    def busy(self) -> bool:
        """Something is on its way."""
        return bool(self._tails) or bool(self._network.outbox)

    async def drain(self) -> None:
        """Wait until everything that was started has been answered."""
        while self._tails:
            await asyncio.wait(list(self._tails.values()))
            await asyncio.sleep(0)

    async def close(self) -> None:
        """Give up what is on its way."""
        for task in list(self._tails.values()):
            task.cancel()
        await asyncio.gather(*self._tails.values(), return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    @property
    def _http(self) -> httpx.AsyncClient:
        """Made when first needed: it loads the machine's certificates."""
        if self._client is None:
            self._client = httpx.AsyncClient(
                timeout=httpx.Timeout(ANSWER_WITHIN_S, connect=CONNECT_WITHIN_S), trust_env=False
            )
        return self._client

    def _forget(self, sid: str, done: asyncio.Task[None]) -> None:
        if self._tails.get(sid) is done:
            del self._tails[sid]

    def _with_faults(self, request: Outgoing) -> list[Outgoing]:
        if request.purpose != "callback":
            return [request]
        fault = self._faults.take("callbacks twilio", _CALLBACK_FAULTS)
        held = self._held_back.pop(request.sid, None)
        late = [] if held is None else [held]
        if fault is None:
            return [request, *late]
        if fault.kind is FaultKind.CALLBACK_NEVER:
            self._journal.add("twilio.callback_withheld", sid=request.sid, params=request.params)
            return late
        if fault.kind is FaultKind.CALLBACK_TWICE:
            return [request, request, *late]
        self._held_back[request.sid] = request  # goes out after its successor
        return late

    async def _after(self, before: asyncio.Task[None] | None, request: Outgoing) -> None:
        if before is not None:
            await asyncio.wait([before])
        await self._send(request)

    async def _send(self, request: Outgoing) -> None:
        answer: httpx.Response | None
        try:
            answer = await self._exchange(request)
        except httpx.ConnectError:
            # Twilio repeats once what could not connect
            answer = await self._once_more(request)
        except httpx.HTTPError as error:
            self._failed(request, f"{type(error).__name__}")
            return
        if answer is None:
            return
        self._journal.add(
            "twilio.request",
            sid=request.sid,
            purpose=request.purpose,
            url=request.url,
            params=request.params,
            status=answer.status_code,
        )
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            self._failed(request, f"HTTP {answer.status_code}")
        elif request.purpose in {"twiml", "action"}:
            self._network.document(request.sid, str(answer.url), answer.text, self._now())
        elif request.purpose == "inbound":
            self._network.texts.reply(request.sid, answer.text, self._now())
        self._nudge()

    async def _once_more(self, request: Outgoing) -> httpx.Response | None:
        try:
            return await self._exchange(request)
        except httpx.HTTPError as error:
            self._failed(request, type(error).__name__)
            return None

    async def _exchange(self, request: Outgoing) -> httpx.Response:
        async with asyncio.timeout(ANSWER_WITHIN_S + CONNECT_WITHIN_S):
            if request.method.upper() == "GET":
                separator = "&" if "?" in request.url else "?"
                url = request.url + separator + urlencode(request.params)
                signature = twilio_signature(self._auth_token, url, {})
                return await self._http.get(url, headers={"X-Twilio-Signature": signature})
            signature = twilio_signature(self._auth_token, request.url, request.params)
            return await self._http.post(
                request.url,
                data=request.params,
                headers={"X-Twilio-Signature": signature, "User-Agent": "TwilioProxy/1.1"},
            )

    def _failed(self, request: Outgoing, reason: str) -> None:
        self._journal.add(
            "twilio.request_failed",
            sid=request.sid,
            purpose=request.purpose,
            url=request.url,
            params=request.params,
            reason=reason,
        )
        self._log.warning("customer_did_not_answer", purpose=request.purpose, reason=reason)
        if request.purpose in {"twiml", "action"}:
            self._network.document_failed(request.sid, 11200, reason, self._now())
        self._nudge()

"""Calls and text messages. The only file that imports twilio.

The SDK knows no other base address, so its HTTP client (its own extension point) is replaced by
one over httpx that swaps scheme, host and port by a setting.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.twiml.messaging_response import MessagingResponse
from twilio.twiml.voice_response import Gather, VoiceResponse

from too_notify.clients import LostAnswerError, NotConfiguredError, ProviderBusyError
from too_notify.outcomes import Accepted, Refused

TIMEOUT_S = 10.0
GATHER_TIMEOUT_S = 8
SAY_TIMES = 3
_STATUS_EVENTS = ("initiated", "ringing", "answered", "completed")
_CLOCK_SLACK = timedelta(seconds=90)
"""The provider's clock and ours may differ by this when a lost message is looked for."""
_TOO_MANY = 429
_QUEUE_FULL = {20429, 21611, 30001}


class _HttpxClient(AsyncHttpClient):  # type: ignore[misc]
    """The SDK's HTTP client over httpx, at another base address."""

    def __init__(self, client: httpx.AsyncClient, base_url: str) -> None:
        # a logger of our own, silenced: the SDK's writes numbers into its lines
        silent = logging.getLogger("too_notify.twilio_sdk")
        silent.disabled = True
        super().__init__(silent, True, TIMEOUT_S)  # noqa: FBT003  the SDK's signature
        self._client = client
        self._base = base_url.rstrip("/")

    async def request(
        self,
        method: str,
        uri: str,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  the SDK's signature
        allow_redirects: bool = False,
    ) -> Response:
        """Send a request of the SDK to the configured address."""
        answer = await self._client.request(
            method,
            self._base + urlsplit(uri).path,
            params=_pairs(params) or None,
            data=None if data is None else dict(data),
            headers=None if headers is None else dict(headers),
            auth=auth,
            timeout=timeout or TIMEOUT_S,
            follow_redirects=allow_redirects,
        )
        return Response(answer.status_code, answer.text, answer.headers)


def _pairs(values: Mapping[str, Any] | None) -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for key, value in (values or {}).items():
        many = value if isinstance(value, list | tuple) else (value,)
        pairs.extend((key, one) for one in many)
    return pairs


@dataclass(frozen=True, slots=True)
class TwilioAccount:
    """Credentials and addresses."""

    base_url: str
    account_sid: str
    api_key_sid: str
    api_key_secret: str
    auth_tokens: tuple[str, ...]
    sender: str
    webhook_base_url: str
    sms_validity_s: int = 600
    ring_timeout_s: int = 25


class TwilioClient:
    """Sends calls and text messages, and looks for those whose answer was lost.

    Parameters
    ----------
    account
        Credentials and addresses.
    http
        Shared client; its time-outs are set per request.
    """

    def __init__(self, account: TwilioAccount, http: httpx.AsyncClient) -> None:
        self._account = account
        self._client: Any = None
        if account.account_sid and account.api_key_sid:
            self._client = Client(
                account.api_key_sid,
                account.api_key_secret,
                account.account_sid,
                http_client=_HttpxClient(http, account.base_url),
            )

    # --- sending ------------------------------------------------------------------------------

    async def send_sms(self, to: str, body: str, opaque_id: str) -> Accepted | Refused:
        """Send a text message.

        Raises
        ------
        ProviderBusyError, LostAnswerError, NotConfiguredError
            See there.
        """
        return await self._create(
            self._api().messages,
            to=to,
            from_=self._account.sender,
            body=body,
            status_callback=self.url(f"status/{opaque_id}"),
            validity_period=self._account.sms_validity_s,
        )

    async def call(self, to: str, twiml: str, opaque_id: str) -> Accepted | Refused:
        """Place a call that speaks inline TwiML, so that it does so even if our web is slow.

        Raises
        ------
        ProviderBusyError, LostAnswerError, NotConfiguredError
            See there.
        """
        return await self._create(
            self._api().calls,
            to=to,
            from_=self._account.sender,
            twiml=twiml,
            timeout=self._account.ring_timeout_s,
            machine_detection="Enable",
            status_callback=self.url(f"status/{opaque_id}"),
            status_callback_event=list(_STATUS_EVENTS),
        )

    async def _create(self, resource: Any, **fields: Any) -> Accepted | Refused:
        try:
            made = await resource.create_async(**fields)
        except TwilioRestException as error:
            code = int(error.code) if error.code else None
            if error.status == _TOO_MANY or code in _QUEUE_FULL:
                raise ProviderBusyError(f"error {code}") from error
            if error.status >= httpx.codes.INTERNAL_SERVER_ERROR:
                raise LostAnswerError(f"HTTP {error.status}") from error
            return Refused(code, f"Twilio error {code}" if code else f"HTTP {error.status}")
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise ProviderBusyError("Twilio cannot be reached") from error
        except (httpx.HTTPError, TwilioException, ValueError) as error:
            raise LostAnswerError(type(error).__name__) from error
        return Accepted(str(made.sid), str(made.status or "queued"))

    # --- looking ------------------------------------------------------------------------------

    async def find_sms(self, to: str, body: str, since: datetime) -> Sequence[tuple[str, str]]:
        """Messages of this text to this number since then: id and state, newest first.

        Raises
        ------
        ProviderBusyError
            If the list could not be read.
        """
        found = await self._list(
            self._api().messages, to=to, date_sent_after=since - _CLOCK_SLACK, limit=50
        )
        return [(str(one.sid), str(one.status)) for one in found if one.body == body]

    async def find_calls(self, to: str, since: datetime) -> Sequence[tuple[str, str]]:
        """Calls to this number since then: id and state, newest first.

        Raises
        ------
        ProviderBusyError
            If the list could not be read.
        """
        earliest = since - _CLOCK_SLACK
        found = await self._list(self._api().calls, to=to, limit=50)
        return [
            (str(one.sid), str(one.status))
            for one in found
            if one.date_created is None or one.date_created >= earliest
        ]

    async def _list(self, resource: Any, **filters: Any) -> list[Any]:
        try:
            return list(await resource.list_async(**filters))
        except (TwilioException, httpx.HTTPError, ValueError) as error:
            raise ProviderBusyError("Twilio's list cannot be read") from error

    def _api(self) -> Any:
        if self._client is None:
            raise NotConfiguredError("no Twilio account is set up")
        return self._client

    # --- webhooks -----------------------------------------------------------------------------

    def url(self, tail: str) -> str:
        """Public address of a webhook."""
        return f"{self._account.webhook_base_url.rstrip('/')}/webhooks/twilio/{tail}"

    def is_signed(self, path_and_query: str, form: Mapping[str, Any], signature: str) -> bool:
        """Check a webhook's signature against every accepted token.

        Parameters
        ----------
        path_and_query
            From the request; scheme and host come from the setting.
        form
            Fields of the body; a multi-dictionary where keys may be repeated.
        signature
            Header ``X-Twilio-Signature``.
        """
        if not signature:
            return False
        url = self._account.webhook_base_url.rstrip("/") + path_and_query
        return any(
            RequestValidator(token).validate(url, form, signature)
            for token in self._account.auth_tokens
            if token
        )

    def page_twiml(self, words: str, opaque_id: str) -> str:
        """A call that waits for a key: says it, and again if nothing was pressed."""
        return self.say_again_twiml(words, opaque_id, time=1)

    def say_again_twiml(self, words: str, opaque_id: str, *, time: int) -> str:
        """Say the words for the ``time``-th time and wait for a key."""
        voice = VoiceResponse()
        gather = Gather(
            num_digits=1,
            timeout=GATHER_TIMEOUT_S,
            action_on_empty_result=True,
            method="POST",
            action=self.url(f"ack/{opaque_id}?time={time}"),
        )
        gather.say(words)
        voice.append(gather)
        # without an answer from the action the call goes on here
        voice.redirect(self.url(f"voice/{opaque_id}?time={time + 1}"), method="POST")
        return str(voice)


def say_twiml(words: str) -> str:
    """Say something and hang up."""
    voice = VoiceResponse()
    voice.say(words)
    voice.hangup()
    return str(voice)


def message_twiml(words: str | None) -> str:
    """Answer to an inbound message; None answers nothing."""
    answer = MessagingResponse()
    if words is not None:
        answer.message(words)
    return str(answer)

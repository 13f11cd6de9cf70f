"""Slack: posts with a button, edits, and the signature of presses. HTTP 200 says nothing."""

import json
from collections.abc import Sequence
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from too_notify.clients import LostAnswerError, NotConfiguredError, ProviderBusyError
from too_notify.outcomes import Accepted, Post, Refused

TIMEOUT_S = 10
_BUSY = {"ratelimited", "internal_error", "service_unavailable", "fatal_error", "request_timeout"}
ACK_ACTION = "acknowledge"


def blocks(text: str, *, button_value: str | None = None) -> list[dict[str, Any]]:
    """A message with, perhaps, the button that acknowledges."""
    found: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": escape(text)}}
    ]
    if button_value is not None:
        found.append(
            {
                "type": "actions",
                "block_id": "incident",
                "elements": [
                    {
                        "type": "button",
                        "action_id": ACK_ACTION,
                        "style": "danger",
                        "text": {"type": "plain_text", "text": "Acknowledge"},
                        "value": button_value,
                    }
                ],
            }
        )
    return found


def escape(text: str) -> str:
    """Text in which nothing is read as Slack's markup for links and mentions."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class SlackClient:
    """Posts to Slack.

    Parameters
    ----------
    base_url
        Scheme, host and perhaps a prefix; the methods lie below ``/api/``.
    token
        The bot's token; empty: not set up.
    signing_secret
        Checks presses.
    """

    def __init__(self, base_url: str, token: str, signing_secret: str) -> None:
        root = base_url.rstrip("/").removesuffix("/api")
        self._client = (
            AsyncWebClient(
                token=token,
                base_url=f"{root}/api/",
                timeout=TIMEOUT_S,
                retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=2)],
            )
            if token
            else None
        )
        self._verifier = SignatureVerifier(signing_secret) if signing_secret else None

    async def post(
        self,
        channel: str,
        text: str,
        *,
        thread_ts: str | None = None,
        content: Sequence[dict[str, Any]] | None = None,
    ) -> tuple[Accepted, Post] | Refused:
        """Post a message.

        Raises
        ------
        ProviderBusyError, LostAnswerError, NotConfiguredError
            See there.
        """
        answer = await self._ask(
            "chat_postMessage",
            channel=channel,
            text=escape(text),
            blocks=list(content or blocks(text)),
            thread_ts=thread_ts,
        )
        if isinstance(answer, Refused):
            return answer
        post = Post(str(answer["channel"]), str(answer["ts"]))
        return Accepted(post.ts, "sent"), post

    async def update(
        self, post: Post, text: str, *, content: Sequence[dict[str, Any]] | None = None
    ) -> Refused | None:
        """Edit a message; None if it was.

        Raises
        ------
        ProviderBusyError, LostAnswerError, NotConfiguredError
            See there.
        """
        answer = await self._ask(
            "chat_update",
            channel=post.channel,
            ts=post.ts,
            text=escape(text),
            blocks=list(content or blocks(text)),
        )
        return answer if isinstance(answer, Refused) else None

    async def _ask(self, method: str, **arguments: Any) -> Any:
        if self._client is None:
            raise NotConfiguredError("no Slack workspace is set up")
        try:
            return await getattr(self._client, method)(**arguments)
        except SlackApiError as error:
            # the whole answer names the workspace; its error word is enough
            reason = _error_word(error)
            if reason in _BUSY:
                raise ProviderBusyError(f"Slack says {reason}") from error
            return Refused(None, f"Slack says {reason}")
        except aiohttp.ClientConnectorError as error:
            raise ProviderBusyError("Slack cannot be reached") from error
        except (SlackClientError, aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise LostAnswerError(type(error).__name__) from error

    def is_signed(self, body: bytes, timestamp: str, signature: str) -> bool:
        """Check a press: signature right, and not older than five minutes."""
        if self._verifier is None or not timestamp or not signature:
            return False
        try:
            return self._verifier.is_valid(body, timestamp, signature)
        except ValueError:
            return False


def _error_word(error: SlackApiError) -> str:
    try:
        word = error.response["error"]
    except (KeyError, TypeError):
        return "an error"
    return str(word)


def read_press(payload: str) -> tuple[str, str, str | None] | None:
    """Read an interaction.

    Returns
    -------
    tuple or None
        Slack user, value of the pressed button and the address for our answer; None if the
        payload is about something else.
    """
    try:
        content = json.loads(payload)
        action = content["actions"][0]
        if action.get("action_id") != ACK_ACTION:
            return None
        return str(content["user"]["id"]), str(action["value"]), content.get("response_url")
    except (ValueError, KeyError, IndexError, TypeError):
        return None

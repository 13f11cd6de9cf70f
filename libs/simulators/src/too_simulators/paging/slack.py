"""A Slack workspace: channels with messages, edits, and buttons that people press."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field

from too_simulators.core.store import Journal

TEAM_ID = "T0SIMULATE"
BOT_ID = "B0SIMULATE"
BOT_USER = "U0MARSHAL0"


class SlackMessage(BaseModel):
    """One message of a channel."""

    channel: str
    ts: str
    text: str = ""
    blocks: list[dict[str, Any]] = Field(default_factory=list)
    attachments: list[dict[str, Any]] = Field(default_factory=list)
    thread_ts: str | None = None
    posted_at: AwareDatetime
    edited_at: AwareDatetime | None = None
    metadata: dict[str, Any] | None = None

    def buttons(self) -> list[dict[str, Any]]:
        """Elements that can be pressed, each with its block's id."""
        return [
            element | {"block_id": block.get("block_id", "")}
            for block in self.blocks
            for element in (*block.get("elements", ()), block.get("accessory") or {})
            if isinstance(element, dict) and element.get("type") == "button"
        ]


class SlackState(BaseModel):
    """All that is kept on disk."""

    messages: list[SlackMessage] = Field(default_factory=list)
    channels: dict[str, str] = Field(default_factory=dict, description="Name to id")


class SlackError(ValueError):
    """The text is Slack's error code."""


class SlackWorkspace:
    """The model.

    Parameters
    ----------
    state
        As loaded from disk.
    journal
        Where everything is written down.
    now
        Stack clock.
    """

    def __init__(self, state: SlackState, journal: Journal, *, now: Callable[[], datetime]) -> None:
        self.state = state
        self._journal = journal
        self._now = now

    def channel_id(self, channel: str) -> str:
        """Id of a channel given by name or id; a name that is new makes a channel."""
        name = channel.removeprefix("#")
        if not name:
            raise SlackError("channel_not_found")
        if name[0] in "CDG" and name.isupper() and len(name) >= 9:
            self.state.channels.setdefault(name.lower(), name)
            return name
        if name not in self.state.channels:
            self.state.channels[name] = f"C0SIM{len(self.state.channels):06d}"
        return self.state.channels[name]

    def post(self, arguments: dict[str, Any]) -> SlackMessage:
        """``chat.postMessage``."""
        now = self._now()
        channel = self.channel_id(str(arguments.get("channel") or ""))
        if not (arguments.get("text") or arguments.get("blocks") or arguments.get("attachments")):
            raise SlackError("no_text")
        message = SlackMessage(
            channel=channel,
            ts=self._new_ts(now),
            text=str(arguments.get("text") or ""),
            blocks=arguments.get("blocks") or [],
            attachments=arguments.get("attachments") or [],
            thread_ts=arguments.get("thread_ts"),
            metadata=arguments.get("metadata"),
            posted_at=now,
        )
        self.state.messages.append(message)
        self._journal.add("slack.posted", **message.model_dump(mode="json"))
        return message

    def update(self, arguments: dict[str, Any]) -> SlackMessage:
        """``chat.update``."""
        channel = self.channel_id(str(arguments.get("channel") or ""))
        message = self.find(channel, str(arguments.get("ts") or ""))
        message.text = str(arguments.get("text") or message.text)
        if "blocks" in arguments:
            message.blocks = arguments["blocks"] or []
        if "attachments" in arguments:
            message.attachments = arguments["attachments"] or []
        message.edited_at = self._now()
        self._journal.add("slack.updated", **message.model_dump(mode="json"))
        return message

    def find(self, channel: str, ts: str) -> SlackMessage:
        """A message by channel and time stamp."""
        for message in self.state.messages:
            if message.channel == channel and message.ts == ts:
                return message
        raise SlackError("message_not_found")

    def interaction(
        self, message: SlackMessage, action_id: str, user: dict[str, str], response_url: str
    ) -> dict[str, Any]:
        """The payload that Slack sends when somebody presses a button."""
        button = next((one for one in message.buttons() if one.get("action_id") == action_id), None)
        if button is None:
            raise SlackError("no_such_button")
        now = self._now().timestamp()
        name = next(
            (key for key, value in self.state.channels.items() if value == message.channel), ""
        )
        self._journal.add(
            "slack.pressed", channel=message.channel, ts=message.ts, action_id=action_id, user=user
        )
        return {
            "type": "block_actions",
            "user": {**user, "team_id": TEAM_ID},
            "api_app_id": "A0SIMULATE",
            "container": {
                "type": "message",
                "message_ts": message.ts,
                "channel_id": message.channel,
                "is_ephemeral": False,
            },
            "trigger_id": f"{int(now * 1000)}.{message.ts}",
            "team": {"id": TEAM_ID, "domain": "simulated"},
            "channel": {"id": message.channel, "name": name},
            "message": message_json(message),
            "response_url": response_url,
            "actions": [
                {
                    "action_id": action_id,
                    "block_id": button["block_id"],
                    "text": button.get("text"),
                    "value": button.get("value"),
                    "type": "button",
                    "action_ts": f"{now:.6f}",
                }
            ],
        }

    def _new_ts(self, now: datetime) -> str:
        newest = max((float(message.ts) for message in self.state.messages), default=0.0)
        return f"{max(now.timestamp(), newest + 1e-5):.6f}"


def message_json(message: SlackMessage) -> dict[str, Any]:
    """A message as Slack gives it back."""
    shown: dict[str, Any] = {
        "type": "message",
        "subtype": "bot_message",
        "user": BOT_USER,
        "bot_id": BOT_ID,
        "team": TEAM_ID,
        "text": message.text,
        "ts": message.ts,
        "blocks": message.blocks,
    }
    if message.thread_ts is not None:
        shown["thread_ts"] = message.thread_ts
    if message.edited_at is not None:
        shown["edited"] = {"user": BOT_USER, "ts": f"{message.edited_at.timestamp():.6f}"}
    return shown

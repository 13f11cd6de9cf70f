"""What a provider said of a message."""

from dataclasses import dataclass

STOPPED = 21610
"""Twilio's code for a person who has sent STOP."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took it."""

    reference: str
    status: str = "queued"


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider said no, for good: sending the same again will not help."""

    code: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Post:
    """A message that Slack took: where it is, for edits and threads."""

    channel: str
    ts: str

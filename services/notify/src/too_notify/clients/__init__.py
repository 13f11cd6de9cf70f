"""What talks to Twilio, Slack and the mail server."""

from dataclasses import dataclass


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


class ProviderBusyError(Exception):
    """Not taken for certain, and worth another attempt: too many requests, away, greylisted."""


class LostAnswerError(Exception):
    """It may or may not have been taken: look before sending again."""


class NotConfiguredError(Exception):
    """The installation has not set up such a way."""

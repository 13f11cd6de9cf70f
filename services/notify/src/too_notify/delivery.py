"""The life of one message to one person, as a lattice: it moves forward only.

Callbacks come out of order, twice, or never. Every state has a rank, and the state after a report
is the higher of the two, so that any order and any repetition of reports ends in the same state.
"""

from enum import StrEnum


class Channel(StrEnum):
    """Ways to a person."""

    VOICE = "voice"
    SMS = "sms"
    EMAIL = "email"
    SLACK = "slack"


class Purpose(StrEnum):
    """Why a message is sent."""

    PAGE = "page"
    STAND_DOWN = "stand_down"
    NEWS = "news"
    TEST = "test"
    VERIFY = "verify"


class DeliveryState(StrEnum):
    """States of a delivery, in the providers' own words where they have one."""

    PLANNED = "planned"
    SENDING = "sending"
    UNKNOWN = "unknown"
    QUEUED = "queued"
    SENT = "sent"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    DROPPED = "dropped"
    CANCELED = "canceled"
    FAILED = "failed"
    UNDELIVERED = "undelivered"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    DELIVERED = "delivered"
    COMPLETED = "completed"
    READ = "read"


_RANK = {state: rank for rank, state in enumerate(DeliveryState)}

BAD = frozenset(
    {
        DeliveryState.CANCELED,
        DeliveryState.FAILED,
        DeliveryState.UNDELIVERED,
        DeliveryState.BUSY,
        DeliveryState.NO_ANSWER,
    }
)
"""Ended without reaching the person."""

REACHED = frozenset(
    {
        DeliveryState.SENT,
        DeliveryState.RINGING,
        DeliveryState.IN_PROGRESS,
        DeliveryState.DELIVERED,
        DeliveryState.COMPLETED,
        DeliveryState.READ,
        DeliveryState.NO_ANSWER,
        DeliveryState.BUSY,
        # A provider that took a message may well deliver it yet, and one whose answer was lost
        # too: who may have been woken is told that all is over.
        DeliveryState.QUEUED,
        DeliveryState.UNKNOWN,
        DeliveryState.SENDING,
    }
)
"""The person knows, or may know, of it: owed a stand-down."""

_REPORTED = {
    "accepted": DeliveryState.QUEUED,
    "scheduled": DeliveryState.QUEUED,
    "queued": DeliveryState.QUEUED,
    "sending": DeliveryState.QUEUED,
    "initiated": DeliveryState.QUEUED,
    "sent": DeliveryState.SENT,
    "delivered": DeliveryState.DELIVERED,
    "undelivered": DeliveryState.UNDELIVERED,
    "failed": DeliveryState.FAILED,
    "read": DeliveryState.READ,
    "ringing": DeliveryState.RINGING,
    "in-progress": DeliveryState.IN_PROGRESS,
    "completed": DeliveryState.COMPLETED,
    "busy": DeliveryState.BUSY,
    "no-answer": DeliveryState.NO_ANSWER,
    "canceled": DeliveryState.CANCELED,
}


def reported(status: str) -> DeliveryState | None:
    """State that a provider's word stands for; None for a word that says nothing new."""
    return _REPORTED.get(status.strip().lower())


def advance(state: DeliveryState, report: DeliveryState) -> DeliveryState:
    """State after a report: the further of the two."""
    return max(state, report, key=_RANK.__getitem__)


def may_send(state: DeliveryState) -> bool:
    """Say whether nothing has been handed to the provider for certain."""
    return state in {DeliveryState.PLANNED, DeliveryState.SENDING, DeliveryState.UNKNOWN}


def may_drop(state: DeliveryState) -> bool:
    """Say whether the message can still be held back."""
    return state is DeliveryState.PLANNED

"""What Twilio keeps: calls, messages, and the people who own the telephones."""

import secrets
from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field

from too_simulators.paging.twiml import Verb


def new_sid(prefix: str) -> str:
    """Twilio's form of an identifier: two letters and 32 hex digits."""
    return prefix + secrets.token_hex(16)


class CallStatus(StrEnum):
    """States of a call on the wire."""

    QUEUED = "queued"
    INITIATED = "initiated"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def final(self) -> bool:
        """Nothing will follow."""
        return self in _FINAL_CALL


_FINAL_CALL = {
    CallStatus.COMPLETED,
    CallStatus.BUSY,
    CallStatus.NO_ANSWER,
    CallStatus.FAILED,
    CallStatus.CANCELED,
}


class MessageStatus(StrEnum):
    """States of a message on the wire."""

    ACCEPTED = "accepted"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    RECEIVED = "received"


class Phase(StrEnum):
    """Where a call is between two states: what it waits for."""

    WAITING = "waiting"
    RINGING = "ringing"
    FETCHING = "fetching"
    SPEAKING = "speaking"
    GATHERING = "gathering"
    ENDED = "ended"


class Call(BaseModel):
    """An outgoing call."""

    sid: str
    to: str
    from_: str
    url: str | None = None
    method: str = "POST"
    fallback_url: str | None = None
    twiml: str | None = None
    timeout_s: float = 60.0
    machine_detection: str | None = None
    status_callback: str | None = None
    status_callback_method: str = "POST"
    events: tuple[str, ...] = ("completed",)
    status: CallStatus = CallStatus.QUEUED
    created_at: AwareDatetime
    updated_at: AwareDatetime
    answered_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    answered_by: str | None = None
    sequence: int = 0
    phase: Phase = Phase.WAITING
    due_at: AwareDatetime | None = None
    auto_at: AwareDatetime | None = Field(default=None, description="The person acts by itself")
    keys_left: list[str] = Field(default_factory=list)
    verbs: list[Verb] = Field(default_factory=list)
    verb_index: int = 0
    document_url: str | None = None
    used_fallback: bool = False
    gather: Verb | None = None
    digits: str = ""
    heard: list[str] = Field(default_factory=list)
    pressed: list[str] = Field(default_factory=list)
    error_code: int | None = None

    @property
    def duration_s(self) -> int:
        """Seconds between pick-up and end."""
        if self.answered_at is None or self.ended_at is None:
            return 0
        return round((self.ended_at - self.answered_at).total_seconds())


class Message(BaseModel):
    """A text message, in either direction."""

    sid: str
    to: str
    from_: str
    body: str
    direction: Literal["outbound-api", "outbound-reply", "inbound"] = "outbound-api"
    messaging_service_sid: str | None = None
    status_callback: str | None = None
    validity_s: int = 36000
    status: MessageStatus = MessageStatus.QUEUED
    error_code: int | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime
    due_at: AwareDatetime | None = None


class Behaviour(BaseModel):
    """What the owner of a telephone does without being told by the page or a test."""

    on_call: Literal["ring", "answer", "busy", "machine", "unreachable"] = "ring"
    answer_after_s: float = 5.0
    keys: tuple[str, ...] = Field(default=(), description="Pressed one after another, as asked")
    key_after_s: float = 4.0
    on_message: Literal["deliver", "undelivered", "failed", "silent"] = "deliver"
    reply: str | None = Field(default=None, description="Sent back to each message")


class Telephone(BaseModel):
    """A simulated telephone."""

    number: str
    label: str = ""
    behaviour: Behaviour = Field(default_factory=Behaviour)
    stopped: bool = Field(default=False, description="The person sent STOP")


class TwilioState(BaseModel):
    """All that is kept on disk."""

    telephones: dict[str, Telephone] = Field(default_factory=dict)
    calls: dict[str, Call] = Field(default_factory=dict)
    messages: dict[str, Message] = Field(default_factory=dict)
    own_numbers: list[str] = Field(default_factory=list)

    def telephone(self, number: str) -> Telephone:
        """The telephone of a number; it exists once somebody asks for it."""
        if number not in self.telephones:
            self.telephones[number] = Telephone(number=number)
        return self.telephones[number]

    def own(self, number: str) -> None:
        """Remember a number of the customer's."""
        if number and number not in self.own_numbers:
            self.own_numbers.append(number)


class Outgoing(BaseModel):
    """A request that Twilio owes the customer's web server."""

    url: str
    method: str = "POST"
    params: dict[str, str]
    purpose: Literal["twiml", "action", "callback", "inbound"]
    sid: str

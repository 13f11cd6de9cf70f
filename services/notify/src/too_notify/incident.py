"""A page's life: triggered, acknowledged, resolved. The first acknowledgement wins."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from too_common.contracts.notify import IncidentState

CODE_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ23456789"
"""Without vowels (no words) and without what looks alike."""
CODE_LENGTH = 4


class Via(StrEnum):
    """Ways to acknowledge."""

    VOICE = "voice"
    SMS = "sms"
    SLACK = "slack"
    PAGE = "page"


class Outcome(StrEnum):
    """What an attempt to acknowledge, hand over or resolve came to."""

    DONE = "done"
    EXTENDED = "extended"
    TAKEN = "taken"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Who took it, when and how; ``runs_out_at`` None: held by a submission."""

    account_id: UUID
    name: str
    via: Via
    at: datetime
    runs_out_at: datetime | None


@dataclass(frozen=True, slots=True)
class Incident:
    """State of a page, without its row."""

    state: IncidentState = IncidentState.TRIGGERED
    acknowledgement: Acknowledgement | None = None
    resolved_reason: str | None = None

    def acknowledge(
        self, *, account_id: UUID, name: str, via: Via, now: datetime, lasts: timedelta
    ) -> tuple["Incident", Outcome]:
        """Take the incident; the holder's own repeat starts the time anew."""
        if self.state is IncidentState.RESOLVED:
            return self, Outcome.OVER
        held = self.acknowledgement
        if self.state is IncidentState.ACKNOWLEDGED and held is not None:
            if held.account_id != account_id:
                return self, Outcome.TAKEN
            if held.runs_out_at is None:
                return self, Outcome.EXTENDED
            longer = replace(held, runs_out_at=max(held.runs_out_at, now + lasts))
            return replace(self, acknowledgement=longer), Outcome.EXTENDED
        taken = Acknowledgement(
            account_id=account_id, name=name, via=via, at=now, runs_out_at=now + lasts
        )
        return (
            replace(self, state=IncidentState.ACKNOWLEDGED, acknowledgement=taken),
            Outcome.DONE,
        )

    def hand_over(self, account_id: UUID) -> tuple["Incident", Outcome]:
        """Pass it to the next on duty; a holder other than the caller keeps it."""
        if self.state is IncidentState.RESOLVED:
            return self, Outcome.OVER
        held = self.acknowledgement
        if held is not None and held.account_id != account_id:
            return self, Outcome.TAKEN
        return replace(self, state=IncidentState.TRIGGERED, acknowledgement=None), Outcome.DONE

    def hold(self) -> "Incident":
        """Keep the acknowledgement for good: what it was given for has been done."""
        if self.state is not IncidentState.ACKNOWLEDGED or self.acknowledgement is None:
            return self
        return replace(self, acknowledgement=replace(self.acknowledgement, runs_out_at=None))

    def run_out(self, now: datetime) -> tuple["Incident", bool]:
        """Trigger again if the acknowledgement's time is over; True if it was."""
        held = self.acknowledgement
        if (
            self.state is not IncidentState.ACKNOWLEDGED
            or held is None
            or held.runs_out_at is None
            or now < held.runs_out_at
        ):
            return self, False
        return replace(self, state=IncidentState.TRIGGERED, acknowledgement=None), True

    def resolve(self, reason: str) -> tuple["Incident", Outcome]:
        """End it. The first reason stays."""
        if self.state is IncidentState.RESOLVED:
            return self, Outcome.OVER
        return replace(self, state=IncidentState.RESOLVED, resolved_reason=reason), Outcome.DONE


def new_code() -> str:
    """Short code for an SMS, such as ``K7QX``; uniqueness is the store's business."""
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))


def new_opaque_id() -> str:
    """Unguessable part of a webhook's address: 128 bits."""
    return secrets.token_urlsafe(16)


def read_sms(body: str) -> tuple[str, str] | None:
    """Command and code of an inbound message: ``ACK K7QX`` or ``PASS K7QX``; else None.

    The code may be left out (empty); then it is meant for the only incident that it can be.
    """
    parts = body.strip().upper().split()
    if not parts or parts[0] not in {"ACK", "PASS"} or len(parts) > 2:
        return None
    code = parts[1] if len(parts) == 2 else ""
    if code and (len(code) != CODE_LENGTH or any(char not in CODE_ALPHABET for char in code)):
        return None
    return parts[0], code

"""What all queue clients have in common: what they can say of an attempt, and its record."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from too_common.errors import TooError

MAX_RECORDED = 1_000_000
"""Bytes of one answer that are kept; a runaway page is cut."""


class NotSentError(TooError):
    """The attempt ended before anything could have been taken: proven, not guessed."""


class GateClosedError(Exception):
    """The gate has said no, before anything was done: what was prepared may be cleared away."""


class Stage(StrEnum):
    """How far an outward act is known to have got."""

    INTENT = "intent"
    ACTING = "acting"
    """The call that cannot be taken back may have been made."""


@dataclass(frozen=True)
class Exchange:
    """One request and what came back. Secrets never enter it."""

    at: datetime
    """Wall time."""
    operation: str
    request: bytes = b""
    status: str | None = None
    response: bytes | None = None
    error: str | None = None


@dataclass
class Recorder:
    """Collects the exchanges of one attempt."""

    wall_now: Callable[[], datetime]
    exchanges: list[Exchange] = field(default_factory=list)

    def add(
        self,
        operation: str,
        *,
        request: bytes = b"",
        status: str | None = None,
        response: bytes | None = None,
        error: str | None = None,
    ) -> None:
        """Note one exchange."""
        self.exchanges.append(
            Exchange(
                at=self.wall_now(),
                operation=operation,
                request=request[:MAX_RECORDED],
                status=status,
                response=None if response is None else response[:MAX_RECORDED],
                error=error,
            )
        )


class SendState(StrEnum):
    """What the facility said to a payload."""

    ACCEPTED = "accepted"
    """It says that it took it."""
    DELIVERED = "delivered"
    """The file is in its folder."""
    AMBIGUOUS = "ambiguous"
    """Its answer may mean 'taken' or 'there already': only reading back tells."""
    REJECTED = "rejected"
    """It says no; nothing of ours is there."""


@dataclass(frozen=True)
class SendResult:
    """Answer to a payload."""

    state: SendState
    detail: str = ""


class Presence(StrEnum):
    """What reading back by name found."""

    PRESENT = "present"
    ABSENT = "absent"
    """Not there, and it cannot have been taken."""
    GONE = "gone"
    """Not there: never was, taken by the reader, or removed. Not known which."""


@dataclass(frozen=True)
class ReadBack:
    """What was found under our name."""

    presence: Presence
    content: bytes | None = None
    detail: str = ""


@dataclass(frozen=True)
class Withdrawal:
    """What became of a withdrawal, by reading back and not by the reply."""

    gone: bool
    """Nothing is there under our name any more."""
    removed: bool
    """It was there, and we removed it."""
    notice_left: bool = False
    detail: str = ""


@dataclass(frozen=True)
class Identity:
    """Who the other side says it is, and what its clock shows."""

    is_simulator: bool
    clock: datetime | None = None
    """From its ``Date`` header; whole seconds."""
    round_trip_s: float = 0.0


@dataclass(frozen=True)
class QueueEntry:
    """One entry of a telescope's queue, for people."""

    name: str
    is_ours: bool
    summary: dict[str, Any]


BeforeAct = Callable[[], Awaitable[None]]
"""Called right before the act that cannot be taken back; raises to stop it."""


class QueueClient(Protocol):
    """How to speak to one facility. Made for one attempt, used under its lease."""

    async def identify(self, recorder: Recorder) -> Identity:
        """Ask the other side whether it is a simulator.

        Raises
        ------
        NotSentError
            If it does not answer.
        """
        ...

    async def send(
        self, name: str, payload: bytes, *, before_act: BeforeAct, recorder: Recorder
    ) -> SendResult:
        """Send a payload.

        Raises
        ------
        NotSentError
            If it ended before the act.
        UnknownOutcomeError
            If the act may or may not have happened.
        """
        ...

    async def read_back(self, name: str, recorder: Recorder) -> ReadBack:
        """Look for a payload by name.

        Raises
        ------
        TransientError
            If the facility does not answer.
        """
        ...

    async def history(self, begin: datetime, recorder: Recorder) -> list[dict[str, Any]] | None:
        """Exposures that the facility says it took since a time; None if it cannot tell."""
        ...

    async def withdraw(
        self, name: str, reason: str, recorder: Recorder, *, leave_notice: bool
    ) -> Withdrawal:
        """Take a payload back and look whether it is gone.

        Parameters
        ----------
        leave_notice
            Leave a notice for people where files are taken by others; false if one was left.

        Raises
        ------
        TransientError
            If the facility does not answer; the withdrawal is tried again.
        """
        ...

    async def queue(self, recorder: Recorder) -> list[QueueEntry]:
        """The queue as it is now.

        Raises
        ------
        TransientError
            If the facility does not answer.
        """
        ...

    async def ping(self, recorder: Recorder) -> None:
        """See that it could take something, without giving it anything.

        Raises
        ------
        TransientError
            With the reason, if it could not.
        """
        ...

    async def close(self) -> None:
        """End the connection."""
        ...

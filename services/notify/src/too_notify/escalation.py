"""Escalation: which step is due when, and whom it calls in which way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from too_notify.delivery import BAD, Channel, DeliveryState
from too_notify.programs import Severity


class StepKind(StrEnum):
    """What a step does."""

    FIRST = "first"
    """Call and message to the first on duty; Slack."""
    FIRST_AGAIN = "first_again"
    """Call the same person again: a second call passes a telephone's silence."""
    NEXT = "next"
    """The next on duty, in the same way."""
    EVERYBODY = "everybody"
    """Everybody on the rota, messages first, calls in order."""
    LIST = "list"
    """Mail to the list; nobody has answered."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step and its delay after the incident was triggered."""

    number: int
    kind: StepKind
    delay: timedelta


LADDER = (
    Step(0, StepKind.FIRST, timedelta(0)),
    Step(1, StepKind.FIRST_AGAIN, timedelta(minutes=2)),
    Step(2, StepKind.NEXT, timedelta(minutes=4)),
    Step(3, StepKind.EVERYBODY, timedelta(minutes=8)),
    Step(4, StepKind.LIST, timedelta(minutes=12)),
)


def ladder(severity: Severity) -> tuple[Step, ...]:
    """Steps for a severity; to inform is one step without a call."""
    return () if severity is Severity.INFORM else LADDER


@dataclass(frozen=True, slots=True)
class Reach:
    """How a person can be reached: channels wished, and those that are possible."""

    account_id: UUID
    wished: tuple[Channel, ...]
    possible: frozenset[Channel]

    def channels(self) -> tuple[Channel, ...]:
        """Wished channels that are possible; if none is, whatever is possible."""
        chosen = tuple(channel for channel in self.wished if channel in self.possible)
        return chosen or tuple(channel for channel in Channel if channel in self.possible)


DEFAULT_CHANNELS = (Channel.VOICE, Channel.SMS)


@dataclass(frozen=True, slots=True)
class Call:
    """One message that a step wants."""

    account_id: UUID
    channel: Channel


def plan_step(
    kind: StepKind,
    *,
    on_duty: Sequence[UUID],
    everybody: Sequence[UUID],
    reach: Mapping[UUID, Reach],
    called: Sequence[UUID],
    passed: Sequence[UUID] = (),
) -> tuple[Call, ...]:
    """Messages of a step.

    Parameters
    ----------
    kind
        The step.
    on_duty, everybody
        Accounts in the order of the rota, at the time of the step.
    reach
        By account; people who cannot be reached are missing.
    called
        Accounts that this incident has called before, in order.
    passed
        Accounts that have handed over; they are called again with everybody only.

    Returns
    -------
    tuple of Call
        Messages before calls where several people are meant. Empty if the step finds nobody
        new: the caller goes on to the next step at once.
    """
    duty = [account for account in on_duty if account in reach and account not in passed]
    match kind:
        case StepKind.FIRST:
            return _all_channels(duty[:1], reach)
        case StepKind.FIRST_AGAIN:
            again = [account for account in called if account in reach and account not in passed]
            return tuple(
                Call(account, Channel.VOICE if Channel.VOICE in reach[account].channels() else way)
                for account in again[:1]
                for way in reach[account].channels()[:1]
            )
        case StepKind.NEXT:
            return _all_channels([one for one in duty if one not in called][:1], reach)
        case StepKind.EVERYBODY:
            calls = _all_channels([one for one in everybody if one in reach], reach)
            return tuple(sorted(calls, key=lambda call: call.channel is Channel.VOICE))
        case StepKind.LIST:
            return ()


def _all_channels(accounts: Sequence[UUID], reach: Mapping[UUID, Reach]) -> tuple[Call, ...]:
    return tuple(
        Call(account, channel) for account in accounts for channel in reach[account].channels()
    )


def has_failed(deliveries: Sequence[tuple[UUID, Channel, DeliveryState]]) -> bool:
    """Say whether a step's messages have woken nobody, so that the next step is due at once.

    What counts for a person is the call where one was made (a message alone wakes nobody), else
    every message. A call that was picked up has not failed: a key may yet be pressed.
    """
    if not deliveries:
        return True
    by_person: dict[UUID, list[tuple[Channel, DeliveryState]]] = {}
    for account, channel, state in deliveries:
        by_person.setdefault(account, []).append((channel, state))
    return all(_person_failed(messages) for messages in by_person.values())


def _person_failed(messages: Sequence[tuple[Channel, DeliveryState]]) -> bool:
    calls = [state for channel, state in messages if channel is Channel.VOICE]
    decisive = calls or [state for _, state in messages]
    return all(state in BAD or state is DeliveryState.DROPPED for state in decisive)


def within_cap(sent_at: Sequence[datetime], now: datetime, cap: int) -> bool:
    """Say whether one more page may go to a person: fewer than ``cap`` in the last hour."""
    return sum(1 for at in sent_at if now - at < timedelta(hours=1)) < cap

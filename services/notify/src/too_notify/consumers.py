"""Events in, use cases called."""

from collections.abc import Awaitable, Callable

from too_common.contracts.alarms import AlarmChanged
from too_common.contracts.base import Envelope
from too_common.contracts.ingest import (
    CoincidenceFound,
    EventChanged,
    EventMerged,
    EventSplit,
    LocalizationReady,
    StreamChanged,
)
from too_common.contracts.queue_submit import SubmissionChanged
from too_common.contracts.vetting_api import AccountChanged
from too_common.uow import UnitOfWork

from too_notify.usecases.follow_account import follow_account
from too_notify.usecases.follow_submission import follow_submission
from too_notify.usecases.record_event import record_event, record_localization
from too_notify.usecases.regroup_incidents import tell_merge, tell_split
from too_notify.usecases.take_alarm import take_alarm, take_stream
from too_notify.usecases.tell_coincidence import tell_coincidence


async def on_event_changed(uow: UnitOfWork, event: Envelope[EventChanged]) -> None:
    """An astronomical event changed: judge it."""
    await record_event(uow, event)


async def on_localization_ready(uow: UnitOfWork, event: Envelope[LocalizationReady]) -> None:
    """A map is ready: judge its event with it."""
    await record_localization(uow, event)


async def on_event_merged(uow: UnitOfWork, event: Envelope[EventMerged]) -> None:
    """Events were merged (told under both keys): post it once."""
    if event.key == str(event.data.into_event_id):
        await tell_merge(uow, event.data)


async def on_event_split(uow: UnitOfWork, event: Envelope[EventSplit]) -> None:
    """An event was split (told under both keys): post it once."""
    if event.key == str(event.data.from_event_id):
        await tell_split(uow, event.data)


async def on_coincidence_found(uow: UnitOfWork, event: Envelope[CoincidenceFound]) -> None:
    """Two events of different missions are coincident, or not any more."""
    await tell_coincidence(uow, event.data)


async def on_stream_changed(uow: UnitOfWork, event: Envelope[StreamChanged]) -> None:
    """A stream fell silent, refused us, or came back."""
    await take_stream(uow, event.data)


async def on_submission_changed(uow: UnitOfWork, event: Envelope[SubmissionChanged]) -> None:
    """A telescope's queue did something with a plan."""
    await follow_submission(uow, event.data, revision=event.revision)


async def on_account_changed(uow: UnitOfWork, event: Envelope[AccountChanged]) -> None:
    """An account changed."""
    await follow_account(uow, event.data, revision=event.revision)


def on_alarm_of(
    service: str,
) -> Callable[[UnitOfWork, Envelope[AlarmChanged]], Awaitable[None]]:
    """Handler of one service's alarms."""

    async def on_alarm_changed(uow: UnitOfWork, event: Envelope[AlarmChanged]) -> None:
        await take_alarm(uow, service, event.data, revision=event.revision)

    return on_alarm_changed

"""What other services tell: event in, use case called. Stale revisions are dropped."""

from too_common.contracts.base import Envelope
from too_common.contracts.ingest import EventChanged, LocalizationReady
from too_common.contracts.notify import DecisionChanged
from too_common.contracts.queue_submit import (
    ExposuresExecuted,
    ForeignPointingsListed,
    SubmissionChanged,
)
from too_common.contracts.vetting_api import CataloguePublished
from too_common.uow import UnitOfWork

from too_planner.usecases import submissions, take_in


async def on_event_changed(uow: UnitOfWork, event: Envelope[EventChanged]) -> None:
    """Keep the event; a retraction ends its plans, news may want some."""
    await take_in.event_changed(uow, event)


async def on_localization_ready(uow: UnitOfWork, event: Envelope[LocalizationReady]) -> None:
    """A new map: plan on it, and measure what was observed on it."""
    await take_in.localization_ready(uow, event)


async def on_decision_changed(uow: UnitOfWork, event: Envelope[DecisionChanged]) -> None:
    """A program wants the event, or does so no more."""
    await take_in.decision_changed(uow, event)


async def on_exposures_executed(uow: UnitOfWork, event: Envelope[ExposuresExecuted]) -> None:
    """Exposures came back: measure the coverage anew."""
    await take_in.exposures_executed(uow, event)


async def on_catalogue_published(uow: UnitOfWork, event: Envelope[CataloguePublished]) -> None:
    """A galaxy catalogue arrived: make the plans that waited for one."""
    await take_in.catalogue_published(uow, event)


async def on_submission_changed(uow: UnitOfWork, event: Envelope[SubmissionChanged]) -> None:
    """What a telescope was told; what its night lost is planned anew."""
    await submissions.submission_changed(uow, event)


async def on_foreign_pointings_listed(
    uow: UnitOfWork, event: Envelope[ForeignPointingsListed]
) -> None:
    """Others looked at the event."""
    await submissions.foreign_pointings_listed(uow, event)

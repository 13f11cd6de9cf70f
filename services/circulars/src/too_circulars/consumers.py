"""What circulars does about events: remember them, and have drafts composed."""

from uuid import UUID

from too_common.contracts.base import Envelope
from too_common.contracts.ingest import EventChanged, LocalizationReady
from too_common.contracts.notify import DutyChanged, IncidentChanged
from too_common.contracts.planner import CoverageChanged, TelescopeChanged
from too_common.contracts.queue_submit import ExposuresExecuted, SubmissionChanged
from too_common.contracts.vetting_api import AccountChanged, CandidateChanged
from too_common.uow import UnitOfWork

from too_circulars import store
from too_circulars.jobs import ComposeDraft

COMPOSE_DELAY_S = 2.0
"""News of one event come in bursts; one version is made of those within this time."""


async def _compose_soon(uow: UnitOfWork, event_id: UUID) -> None:
    await uow.enqueue(
        ComposeDraft(event_id=event_id), delay_s=COMPOSE_DELAY_S, dedupe_key=str(event_id)
    )


async def on_event_changed(uow: UnitOfWork, event: Envelope[EventChanged]) -> None:
    """Remember an event; a change of its facts changes its draft.

    What is part of another event is told of with that one: its own draft stays as it is.
    """
    event_id = event.data.event_id
    if await store.remember(uow.session, event, key=str(event_id), event_id=event_id):
        await _compose_soon(uow, event.data.merged_into or event_id)


async def on_localization_ready(uow: UnitOfWork, event: Envelope[LocalizationReady]) -> None:
    """Remember a map; claims refer to the preferred one."""
    data = event.data
    if await store.remember(
        uow.session, event, key=str(data.localization_id), event_id=data.event_id
    ):
        await _compose_soon(uow, data.event_id)


async def on_coverage_changed(uow: UnitOfWork, event: Envelope[CoverageChanged]) -> None:
    """Remember what was covered, and compose."""
    data = event.data
    key = f"{data.event_id}:{data.telescope}:{data.filter}"
    if await store.remember(uow.session, event, key=key, event_id=data.event_id):
        await _compose_soon(uow, data.event_id)


async def on_exposures_executed(uow: UnitOfWork, event: Envelope[ExposuresExecuted]) -> None:
    """Remember what was exposed, and compose."""
    data = event.data
    known = await store.remember(
        uow.session, event, key=str(data.submission_id), event_id=data.event_id
    )
    if known and data.event_id is not None:
        await _compose_soon(uow, data.event_id)


async def on_candidate_changed(uow: UnitOfWork, event: Envelope[CandidateChanged]) -> None:
    """Remember a candidate and its verdict, and compose."""
    data = event.data
    known = await store.remember(
        uow.session, event, key=str(data.candidate_id), event_id=data.event_id
    )
    if known and data.event_id is not None:
        await _compose_soon(uow, data.event_id)


async def on_telescope_changed(uow: UnitOfWork, event: Envelope[TelescopeChanged]) -> None:
    """Remember a telescope's name."""
    await store.remember(uow.session, event, key=event.data.name, event_id=None)


async def on_submission_changed(uow: UnitOfWork, event: Envelope[SubmissionChanged]) -> None:
    """Remember who approved."""
    data = event.data
    await store.remember(uow.session, event, key=str(data.submission_id), event_id=data.event_id)


async def on_incident_changed(uow: UnitOfWork, event: Envelope[IncidentChanged]) -> None:
    """Remember who took the page."""
    data = event.data
    await store.remember(uow.session, event, key=str(data.incident_id), event_id=data.event_id)


async def on_duty_changed(uow: UnitOfWork, event: Envelope[DutyChanged]) -> None:
    """Remember who is on duty."""
    await store.remember(uow.session, event, key="duty", event_id=None)


async def on_account_changed(uow: UnitOfWork, event: Envelope[AccountChanged]) -> None:
    """Remember names and affiliations."""
    await store.remember(uow.session, event, key=str(event.data.account_id), event_id=None)

"""Events of other services: one short function per type."""

from too_common.contracts import Envelope
from too_common.contracts.ingest import EventChanged, LocalizationReady
from too_common.contracts.notify import DecisionChanged
from too_common.contracts.planner import PlanChanged, TelescopeChanged
from too_common.contracts.vetting_api import AccountChanged
from too_common.uow import UnitOfWork

from too_queue_submit.usecases import read_model


async def on_event_changed(uow: UnitOfWork, envelope: Envelope[EventChanged]) -> None:
    """An event changed; a retraction withdraws."""
    await read_model.event_changed(uow, envelope)


async def on_localization_ready(uow: UnitOfWork, envelope: Envelope[LocalizationReady]) -> None:
    """A map is ready."""
    await read_model.localization_ready(uow, envelope)


async def on_plan_changed(uow: UnitOfWork, envelope: Envelope[PlanChanged]) -> None:
    """A plan is ready, failed or superseded."""
    await read_model.plan_changed(uow, envelope)


async def on_telescope_changed(uow: UnitOfWork, envelope: Envelope[TelescopeChanged]) -> None:
    """A telescope's definition changed."""
    await read_model.telescope_changed(uow, envelope)


async def on_decision_changed(uow: UnitOfWork, envelope: Envelope[DecisionChanged]) -> None:
    """A program decided."""
    await read_model.decision_changed(uow, envelope)


async def on_account_changed(uow: UnitOfWork, envelope: Envelope[AccountChanged]) -> None:
    """An account changed."""
    await read_model.account_changed(uow, envelope)

"""Events of all services: each becomes a row of the read models."""

from typing import Any

from too_common.bus.handling import Subscription
from too_common.contracts import circulars, ingest, notify, planner, queue_submit
from too_common.contracts.alarms import ALARM_BY_SERVICE
from too_common.contracts.base import Envelope, EventData
from too_common.service import subscribe
from too_common.uow import UnitOfWork

from too_vetting_api.usecases.project import project


async def on_change(uow: UnitOfWork, event: Envelope[Any]) -> None:
    """Project any event that the pages show."""
    await project(uow, event)


PROJECTED: tuple[type[EventData], ...] = (
    ingest.EventChanged,
    ingest.LocalizationReady,
    ingest.CoincidenceFound,
    ingest.StreamChanged,
    ingest.CircularReceived,
    notify.DecisionChanged,
    notify.IncidentChanged,
    notify.DutyChanged,
    planner.TelescopeChanged,
    planner.PlanChanged,
    planner.CoverageChanged,
    queue_submit.SubmissionChanged,
    queue_submit.ExposuresExecuted,
    circulars.DraftChanged,
    *ALARM_BY_SERVICE.values(),
)
"""Types that are projected."""


def subscriptions() -> tuple[Subscription, ...]:
    """One subscription per type, our own alarms included (they take the same way)."""
    return tuple(subscribe(data, on_change) for data in PROJECTED)

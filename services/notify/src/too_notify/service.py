"""Definition of notify: found by the local runner and the command line."""

from collections.abc import AsyncIterator
from datetime import timedelta

from sqlalchemy import select
from too_common.contracts.alarms import ALARM_BY_SERVICE
from too_common.contracts.ingest import (
    CoincidenceFound,
    EventChanged,
    EventMerged,
    EventSplit,
    LocalizationReady,
    StreamChanged,
)
from too_common.contracts.notify import DecisionChanged
from too_common.contracts.queue_submit import SubmissionChanged
from too_common.contracts.vetting_api import AccountChanged
from too_common.service import DueWork, ServiceDefinition, SnapshotItem, job_type, subscribe
from too_common.uow import UnitOfWork

from too_notify import api, consumers, jobs, tables
from too_notify.messages import AnswerPress, SendDelivery, UpdateThread
from too_notify.resources import make_resources
from too_notify.settings import NotifySettings
from too_notify.store import people
from too_notify.usecases.acknowledge import run_out_acknowledgement
from too_notify.usecases.publish_incident import as_event, key_of
from too_notify.usecases.roll_duty import KEY, roll_due_duty
from too_notify.usecases.roll_duty import as_event as duty_event
from too_notify.usecases.run_step import run_due_step

_SNAPSHOT_DAYS = 30


async def snapshot(uow: UnitOfWork) -> AsyncIterator[SnapshotItem]:
    """Current decisions, incidents of the last month, and duty."""
    decisions = select(tables.DecisionRow).order_by(tables.DecisionRow.id)
    for row in await uow.session.scalars(decisions):
        data = DecisionChanged.model_validate(row.published)
        yield SnapshotItem(data=data, key=str(row.event_id), revision=row.revision)
    since = uow.now - timedelta(days=_SNAPSHOT_DAYS)
    incidents = (
        select(tables.IncidentRow)
        .where(tables.IncidentRow.opened_at > since)
        .order_by(tables.IncidentRow.id)
    )
    for incident in await uow.session.scalars(incidents):
        yield SnapshotItem(
            data=await as_event(uow, incident), key=key_of(incident), revision=incident.revision
        )
    duty = await people.announced_duty(uow.session)
    if duty is not None:
        yield SnapshotItem(data=duty_event(duty), key=KEY, revision=duty.revision)


SERVICE = ServiceDefinition(
    name="notify",
    description="Wakes the on-duty astronomers when an event meets a science program's criteria.",
    settings=NotifySettings,
    metadata=tables.METADATA,
    routers=api.routers,
    root_routers=api.root_routers,
    subscriptions=(
        subscribe(EventChanged, consumers.on_event_changed),
        subscribe(LocalizationReady, consumers.on_localization_ready),
        subscribe(EventMerged, consumers.on_event_merged),
        subscribe(EventSplit, consumers.on_event_split),
        subscribe(CoincidenceFound, consumers.on_coincidence_found),
        subscribe(StreamChanged, consumers.on_stream_changed),
        subscribe(SubmissionChanged, consumers.on_submission_changed),
        subscribe(AccountChanged, consumers.on_account_changed),
        *(
            subscribe(alarm, consumers.on_alarm_of(service))
            for service, alarm in ALARM_BY_SERVICE.items()
        ),
    ),
    jobs=(
        job_type(SendDelivery, jobs.send_delivery, concurrency=8, timeout_s=60.0, max_attempts=12),
        job_type(UpdateThread, jobs.update_thread, concurrency=2, timeout_s=30.0),
        job_type(AnswerPress, jobs.answer_press, concurrency=2, timeout_s=15.0, max_attempts=3),
    ),
    due=(
        DueWork("escalation", run_due_step),
        DueWork("acknowledgements", run_out_acknowledgement),
        DueWork("duty", roll_due_duty),
    ),
    resources=make_resources,
    snapshot=snapshot,
)

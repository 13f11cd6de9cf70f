"""Alarms of every service: critical ones page the person on duty, warnings go to Slack."""

from sqlalchemy.dialects.postgresql import insert
from too_common.contracts.alarms import AlarmChanged, AlarmState
from too_common.contracts.base import Mode
from too_common.contracts.ingest import StreamChanged, StreamState
from too_common.uow import UnitOfWork

from too_notify.programs import Severity
from too_notify.store import incidents as store
from too_notify.tables import AlarmRow
from too_notify.usecases.open_incident import open_incident
from too_notify.usecases.plan_delivery import post_news
from too_notify.usecases.publish_incident import publish_incident, record
from too_notify.usecases.resolve_incident import end_incidents

CRITICAL = "critical"


def pages(service: str, alarm: AlarmChanged) -> bool:
    """Say whether an alarm pages.

    Our own alarms about paging itself do not, or one would bring about the next; that a message
    to us could not be handled does, unless it was about an alarm.
    """
    if alarm.severity != CRITICAL:
        return False
    if service != "notify":
        return True
    return alarm.code == "parked_message" and ":alarm:" not in alarm.alarm_id


async def take_alarm(
    uow: UnitOfWork, service: str, alarm: AlarmChanged, *, revision: int | None = None
) -> None:
    """Open or resolve the incident of an alarm; the same alarm joins its incident.

    Parameters
    ----------
    service, alarm
        Whose alarm, and what it says.
    revision
        Of the alarm; None if it came by HTTP while the broker was away.
    """
    key = f"alarm:{service}:{alarm.alarm_id}"
    if not await _is_news(uow, key, alarm, revision):
        return
    text = f"{service}: {alarm.summary}"
    current = await store.open_by_key(uow.session, key)
    if alarm.state is AlarmState.CLEARED:
        if current is not None:
            await end_incidents(uow, [current], current.name, "cleared by itself")
        else:
            await post_news(uow, f"Cleared: {text}", thread_key=key, mode=uow.cause.mode)
        return
    if current is not None:
        if current.title != text:
            current.title = text
            record(uow, current, "joined", detail=text)
            await post_news(uow, text, thread_key=key, incident=current)
            await publish_incident(uow, current)
        return
    if pages(service, alarm) and uow.cause.mode in {Mode.LIVE, Mode.DRILL}:
        await open_incident(
            uow,
            key=key,
            thread_key=key,
            name=f"alarm of {service}",
            title=f"DRILL {text}" if uow.cause.mode is Mode.DRILL else text,
            severity=Severity.PAGE,
            event_id=alarm.event_id,
            alarm_id=alarm.alarm_id,
        )
        return
    await post_news(uow, text, thread_key=key, mode=uow.cause.mode)


async def _is_news(uow: UnitOfWork, key: str, alarm: AlarmChanged, revision: int | None) -> bool:
    # it may come over the bus and by HTTP at the same time
    fresh = AlarmState.CLEARED.value
    await uow.session.execute(
        insert(AlarmRow)
        .values(key=key, revision=0, state=fresh, summary="", severity="", heard_at=uow.now)
        .on_conflict_do_nothing()
    )
    row = await uow.session.get_one(AlarmRow, key, with_for_update=True, populate_existing=True)
    content = (alarm.state.value, alarm.summary, alarm.severity)
    if revision is not None and row.revision >= revision:
        return False
    known = (row.state, row.summary, row.severity) == content
    never_raised = row.state == fresh and alarm.state is AlarmState.CLEARED
    row.revision = row.revision if revision is None else revision
    row.state, row.summary, row.severity = content
    row.heard_at = uow.now
    await uow.session.flush()
    return not (known or never_raised)


async def take_stream(uow: UnitOfWork, stream: StreamChanged) -> None:
    """A stream's state as an alarm of ingest: refused pages, silent goes to Slack.

    A topic that is absent is a normal state at GCN; where it is not, ingest raises the alarm.
    """
    away = stream.state in {StreamState.SILENT, StreamState.REFUSED}
    reason = f": {stream.reason}" if stream.reason else ""
    alarm = AlarmChanged(
        alarm_id=f"stream:{stream.stream}",
        code="stream",
        state=AlarmState.RAISED if away else AlarmState.CLEARED,
        severity=CRITICAL if stream.state is StreamState.REFUSED else "warning",
        summary=f"stream {stream.stream} is {stream.state}{reason}",
        since=stream.since,
    )
    await take_alarm(uow, "ingest", alarm)

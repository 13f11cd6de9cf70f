"""Open an incident: one per event and severity."""

from collections.abc import Sequence
from uuid import UUID

from too_common.contracts.base import Mode
from too_common.contracts.notify import IncidentState
from too_common.errors import TransientError
from too_common.uow import UnitOfWork

from too_notify import texts
from too_notify.delivery import Channel, Purpose
from too_notify.facts import Picture
from too_notify.incident import new_code
from too_notify.programs import Severity
from too_notify.store import incidents as store
from too_notify.tables import IncidentRow
from too_notify.usecases.plan_delivery import plan_delivery, post_news
from too_notify.usecases.publish_incident import publish_incident, record
from too_notify.usecases.resolve_incident import close
from too_notify.usecases.run_step import page_of, trigger

_CODE_TRIES = 50


async def page_event(
    uow: UnitOfWork, picture: Picture, *, severity: Severity, programs: Sequence[str]
) -> None:
    """Page for an event that programs want, or join the incident that is there.

    A repeated or updated notice joins and pages nobody anew; a higher severity opens an incident
    of its own, which takes the lower one's place. One that a person resolved stays resolved.
    """
    title = texts.title(picture, uow.cause.mode)
    known = await store.of_event(uow.session, picture.event_id)
    joined = next(
        (
            row
            for row in known
            if row.severity >= severity
            and (row.state != IncidentState.RESOLVED or row.resolved_by is not None)
        ),
        None,
    )
    if joined is not None:
        await _join(uow, joined, title=title, programs=programs)
        return
    for row in known:
        if row.state != IncidentState.RESOLVED:
            await close(uow, row, f"raised to severity {int(severity)}", quiet=True)
    await open_incident(
        uow,
        key=f"event:{picture.event_id}:{int(severity)}",
        thread_key=f"event:{picture.event_id}",
        event_id=picture.event_id,
        name=picture.name,
        title=title,
        severity=severity,
        programs=programs,
    )


async def _join(uow: UnitOfWork, row: IncidentRow, *, title: str, programs: Sequence[str]) -> None:
    both = list(dict.fromkeys([*row.programs, *programs]))
    if row.title == title and both == row.programs:
        return
    if row.title != title:
        await post_news(uow, f"Update: {title}", thread_key=row.thread_key, incident=row)
    row.title, row.programs = title, both
    record(uow, row, "joined", detail=title)
    await publish_incident(uow, row)


async def open_incident(
    uow: UnitOfWork,
    *,
    key: str,
    thread_key: str,
    name: str,
    title: str,
    severity: Severity,
    programs: Sequence[str] = (),
    event_id: UUID | None = None,
    alarm_id: str | None = None,
) -> IncidentRow:
    """Open an incident, post it and begin its escalation."""
    row = IncidentRow(
        key=key,
        thread_key=thread_key,
        code=await _free_code(uow),
        event_id=event_id,
        alarm_id=alarm_id,
        name=name,
        title=title,
        severity=int(severity),
        programs=list(programs),
        mode=uow.cause.mode,
        drill_id=uow.cause.drill_id,
        correlation_id=uow.cause.correlation_id,
        state=IncidentState.TRIGGERED,
        opened_at=uow.now,
        triggered_at=uow.now,
        round=0,
        step=0,
        called=[],
        passed=[],
        has_submission=False,
        revision=0,
    )
    uow.session.add(row)
    await uow.session.flush()
    record(uow, row, "triggered", detail=title)
    page = page_of(uow, row)
    await plan_delivery(
        uow,
        channel=Channel.SLACK,
        purpose=Purpose.PAGE,
        body=f"{title}\n{page.address} (code {row.code})",
        name=uow.ctx.settings.slack_channel,
        incident=row,
    )
    await trigger(uow, row)
    if severity is Severity.INFORM:
        await publish_incident(uow, row)
    return row


async def _free_code(uow: UnitOfWork) -> str:
    for _ in range(_CODE_TRIES):
        code = new_code()
        if not await store.code_is_taken(uow.session, code):
            return code
    raise TransientError("no free code for an incident")


def is_pageable(mode: Mode, picture: Picture) -> bool:
    """Say whether an event may page at all.

    A drill may always; otherwise what is a test, a replay, or was too old when it came may not.
    """
    if mode is Mode.DRILL:
        return True
    return mode is Mode.LIVE and not (picture.is_test or picture.is_replay or picture.is_stale)

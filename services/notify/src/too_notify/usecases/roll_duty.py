"""Announce who is on duty, rolled forward, and warn before nobody is."""

from datetime import datetime, timedelta

from too_common.contracts.notify import DutyChanged
from too_common.uow import UnitOfWork

from too_notify.rota import Roster
from too_notify.store import people
from too_notify.tables import DutyRow

KEY = "duty"


async def roll_due_duty(uow: UnitOfWork) -> datetime | None:
    """Announce duty if its time has come; say when it comes again."""
    row = await people.duty(uow.session, uow.now)
    if row.due_at <= uow.now:
        row = await roll_duty(uow)
    return row.due_at


async def roll_duty(uow: UnitOfWork) -> DutyRow:
    """Work out duty from now on, and publish it if it differs or has run out."""
    row = await people.duty(uow.session, uow.now)
    horizon = timedelta(hours=uow.ctx.settings.duty_horizon_h)
    roster, _ = await people.roster(uow.session, uow.now)
    on_duty = [str(one) for one in roster.on_duty(uow.now)]
    ends_at = roster.next_change(uow.now, horizon)
    row.due_at = await _warn(uow, roster, ends_at)
    uow.wake_due()
    same = row.revision > 0 and row.account_ids == on_duty
    # an end that the horizon alone sets moves with the time: half of it is soon enough
    is_open_end = ends_at == uow.now + horizon and row.ends_at > uow.now + horizon / 2
    if same and (row.ends_at == ends_at or is_open_end):
        row.due_at = min(row.due_at, row.ends_at)
        return row
    if not same:
        row.begins_at = uow.now
    row.account_ids, row.ends_at = on_duty, ends_at
    row.revision += 1
    uow.publish(as_event(row), key=KEY, revision=row.revision)
    return row


def as_event(row: DutyRow) -> DutyChanged:
    """Duty for the bus: account ids only."""
    return DutyChanged(
        account_ids=tuple(row.account_ids), begins_at=row.begins_at, ends_at=row.ends_at
    )


async def _warn(uow: UnitOfWork, roster: Roster, ends_at: datetime) -> datetime:
    """Raise or clear the warning that nobody will be on duty; say when to look again."""
    settings = uow.ctx.settings
    horizon = timedelta(hours=settings.duty_horizon_h)
    warning = timedelta(hours=settings.duty_warning_h)
    if not roster.people:
        return ends_at
    gap = roster.next_gap(uow.now, horizon + warning)
    if gap is None or gap - uow.now > warning:
        await uow.clear_alarm(alarm_id="nobody_on_duty_soon")
        await _clear_if_somebody(uow, gap)
        return ends_at if gap is None else min(ends_at, gap - warning)
    await _clear_if_somebody(uow, gap)
    await uow.alarm(
        alarm_id="nobody_on_duty_soon",
        code="nobody_on_duty",
        summary=f"Nobody is on duty from {gap:%Y-%m-%d %H:%M} UTC",
    )
    return ends_at


async def _clear_if_somebody(uow: UnitOfWork, gap: datetime | None) -> None:
    if gap is None or gap > uow.now:
        await uow.clear_alarm(alarm_id="nobody_on_duty")

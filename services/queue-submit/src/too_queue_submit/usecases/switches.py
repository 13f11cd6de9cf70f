"""Modes and kill switches: acts of people, in the audit, shown on the health page."""

from too_common.contracts.queue_submit import FacilityMode
from too_common.contracts.queue_submit import SubmissionState as S
from too_common.errors import ConflictError
from too_common.uow import UnitOfWork

from too_queue_submit import store
from too_queue_submit.tables import FacilityRow, SwitchRow
from too_queue_submit.usecases import core


async def set_mode(
    uow: UnitOfWork, name: str, mode: FacilityMode, *, who: str, force: bool = False
) -> FacilityRow:
    """Move a facility to another world.

    Raises
    ------
    ConflictError
        If something of ours is out there (unless forced), the world has no address, or live
        sending is not armed here.
    """
    row = await store.facility(uow.session, name, lock=True)
    if row.mode == mode.value:
        return row
    config = uow.ctx.resources.config(name)
    if mode is not FacilityMode.OFF and config.endpoint(mode) is None:
        raise ConflictError(f"no address is configured for mode {mode}", code="no_endpoint")
    if mode is FacilityMode.LIVE and not uow.ctx.settings.armed:
        raise ConflictError(
            "live sending is not armed here (TOO_QUEUE_SUBMIT_ARMED)", code="not_armed"
        )
    if mode is FacilityMode.SIMULATED and uow.ctx.common.profile == "production":
        raise ConflictError("simulators are refused in production", code="production")
    busy = await store.out_there(uow.session, name)
    if busy and not force:
        raise ConflictError(
            f"{len(busy)} submissions of ours are at {name}: withdraw them, or force it",
            code="something_out_there",
            extra={"submissions": [str(other.submission_id) for other in busy]},
        )
    before, row.mode = row.mode, mode.value
    row.changed_at, row.changed_by = uow.now, uow.cause.actor
    row.is_reachable, row.contact_error = None, None
    core.note(uow, "mode", who=who, facility=name, before=before, after=mode.value, force=force)
    for draft in await store.submissions(uow.session, facility=name, states=[S.DRAFT]):
        draft.facility_mode = mode.value
        core.announce(uow, draft)
    if busy:
        await uow.alarm(
            alarm_id=f"mode:{name}",
            code="mode_forced",
            summary=f"{name} was switched to {mode} while {len(busy)} submissions are out there",
            severity="critical",
        )
    else:
        await uow.clear_alarm(alarm_id=f"mode:{name}")
    if mode is FacilityMode.OFF:
        await uow.clear_alarm(alarm_id=f"facility:{name}")
    return row


async def stop_facility(uow: UnitOfWork, name: str, *, stopped: bool, who: str) -> FacilityRow:
    """Kill switch of one facility: stops new submissions, never withdrawals or reading back."""
    row = await store.facility(uow.session, name, lock=True)
    row.is_stopped = stopped
    row.changed_at, row.changed_by = uow.now, uow.cause.actor
    core.note(uow, "kill switch", who=who, facility=name, stopped=stopped)
    return row


async def stop_all(uow: UnitOfWork, *, stopped: bool, who: str) -> SwitchRow:
    """Global kill switch."""
    # all facilities are locked first: a sender at its gate has passed, or sees the switch
    for facility in await store.facilities(uow.session):
        await store.facility(uow.session, facility.name, lock=True)
    row = await uow.session.get(SwitchRow, 1, with_for_update=True)
    if row is None:
        row = SwitchRow(id=1)
        uow.session.add(row)
    row.is_stopped = stopped
    row.changed_at, row.changed_by = uow.now, uow.cause.actor
    core.note(uow, "global kill switch", who=who, stopped=stopped)
    return row


async def record_contact(uow: UnitOfWork, name: str, error: str | None) -> None:
    """Whether a facility could be reached just now; an alarm while it cannot."""
    row = await store.facility(uow.session, name, lock=True)
    row.is_reachable = error is None
    row.contact_error = error
    if error is None:
        row.contact_at = uow.now
        await uow.clear_alarm(alarm_id=f"facility:{name}")
        return
    await uow.alarm(
        alarm_id=f"facility:{name}",
        code="facility_away",
        summary=f"{name} cannot be reached: {error}"[:500],
    )

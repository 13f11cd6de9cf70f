"""Compare a catalogue of superevents with ours: what we have no notice of was missed."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from too_common.uow import UnitOfWork

from too_ingest.clients.gracedb import Superevent
from too_ingest.settings import IngestSettings
from too_ingest.stream_tables import CrossCheck, MissedEvent
from too_ingest.tables import NO_DRILL, EventId

CATALOGUE = "gracedb"
MISSION = "lvk"
AWAY_ALARM = "gracedb_away"
MISSING, CAUGHT_UP, KNOWN = "missing", "caught_up", "known"


def missed_alarm(native_id: str) -> str:
    """Name of the alarm of a missed superevent."""
    return f"missed_superevent:{native_id}"


async def take_due(uow: UnitOfWork) -> tuple[bool, datetime]:
    """Tell whether a comparison is due, and when to look again; the next one is planned at once."""
    settings: IngestSettings = uow.ctx.settings
    await uow.session.execute(
        insert(CrossCheck).values(name=CATALOGUE, due_at=uow.now).on_conflict_do_nothing()
    )
    row = (
        await uow.session.execute(
            select(CrossCheck)
            .where(CrossCheck.name == CATALOGUE)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
    ).scalar_one_or_none()
    later = uow.now + timedelta(seconds=settings.gracedb_every_s)
    if row is None:
        return False, later
    if row.due_at > uow.now:
        return False, row.due_at
    row.due_at = later
    return True, later


async def compare(uow: UnitOfWork, superevents: Sequence[Superevent]) -> list[str]:
    """Note and tell what we do not have; gives the ids whose notices are to be fetched.

    Superevents that came by the stream meanwhile, or by the catch-up, clear their alarms.
    """
    await _told(uow, "well", "", compared=len(superevents))
    await uow.clear_alarm(alarm_id=AWAY_ALARM)
    names = {one.superevent_id: one for one in superevents}
    open_rows = {
        row.native_id: row
        for row in (
            await uow.session.execute(
                select(MissedEvent)
                .where(MissedEvent.catalogue == CATALOGUE, MissedEvent.state == MISSING)
                .with_for_update()
            )
        ).scalars()
    }
    asked = [*names, *open_rows]
    known = set(
        (
            await uow.session.execute(
                select(EventId.native_id).where(
                    EventId.mission == MISSION,
                    EventId.native_id.in_(asked),
                    EventId.drill_key == NO_DRILL,
                )
            )
        ).scalars()
    )
    for native_id, row in open_rows.items():
        if native_id in known:
            await settle(uow, row, KNOWN)
    missing = [name for name in names if name not in known]
    for name in missing:
        one = names[name]
        if name not in open_rows:
            await uow.session.execute(
                insert(MissedEvent)
                .values(
                    catalogue=CATALOGUE,
                    native_id=name,
                    created_at=one.created_at,
                    missed_at=uow.now,
                    state=MISSING,
                )
                .on_conflict_do_update(
                    index_elements=[MissedEvent.catalogue, MissedEvent.native_id],
                    set_={"state": MISSING, "settled_at": None},
                )
            )
        await uow.alarm(
            alarm_id=missed_alarm(name),
            code="missed_superevent",
            summary=f"{name} (made {one.created_at:%Y-%m-%d %H:%M} UTC) is in GraceDB, and no "
            "notice of it came",
            severity="critical",
        )
    return missing


async def away(uow: UnitOfWork, reason: str) -> None:
    """Note that the catalogue does not answer: a warning, nothing waits for it."""
    await _told(uow, "away", reason, compared=None)
    await uow.alarm(
        alarm_id=AWAY_ALARM,
        code="gracedb_away",
        summary=f"superevents cannot be cross-checked: {reason[:300]}",
    )


async def _told(uow: UnitOfWork, state: str, reason: str, *, compared: int | None) -> None:
    row = await uow.session.get(CrossCheck, CATALOGUE, with_for_update=True)
    if row is not None:
        row.state, row.reason, row.checked_at = state, reason[:500], uow.now
        if compared is not None:
            row.compared = compared


async def caught_up(uow: UnitOfWork, native_id: str, *, notices: int, reason: str = "") -> None:
    """Note what the catch-up brought; the alarm ends when the event is known."""
    row = await uow.session.get(MissedEvent, (CATALOGUE, native_id), with_for_update=True)
    if row is None or row.state != MISSING:
        return
    row.notices, row.reason = notices, reason[:500]
    is_known = await uow.session.scalar(
        select(EventId.event_id).where(
            EventId.mission == MISSION,
            EventId.native_id == native_id,
            EventId.drill_key == NO_DRILL,
        )
    )
    if is_known is not None:
        await settle(uow, row, CAUGHT_UP)


async def settle(uow: UnitOfWork, row: MissedEvent, state: str) -> None:
    """The event is known now."""
    row.state, row.settled_at = state, uow.now
    await uow.clear_alarm(alarm_id=missed_alarm(row.native_id))

"""Take the notices of a batch in with few statements for all of them.

Most notices are simple: they make a new event, or belong by their ids to one event that stands
alone. What is needed for these is asked for once, and written at once. Every other notice (the same
bytes again, events merged or to be merged, neighbours in time that may be the same burst) takes the
usual way, in its turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Text, bindparam, select, text
from sqlalchemy.dialects.postgresql import insert
from too_common.cause import Cause
from too_common.contracts.base import Mode
from too_common.jobs.queue import JobPayload, enqueue_new
from too_common.uow import UnitOfWork

from too_ingest import store_events
from too_ingest.attachment import TOLERANCE, Stream, family_of, names_of, partners_of, stream_of
from too_ingest.localization_plan import candidates
from too_ingest.notices import ParsedNotice
from too_ingest.tables import Event, EventId, Localization, Notice, RawNotice
from too_ingest.tables_events import Coincidence
from too_ingest.usecases.make_map import map_job, request_map
from too_ingest.usecases.read_notice import (
    Outcome,
    accept_notice,
    make_event,
    make_localization,
    make_row,
    tell_read,
)
from too_ingest.usecases.refresh_event import tell_alone
from too_ingest.usecases.remake_cones import brings_place, knows_place

MOST_NEIGHBOURS = 2000
"""With more notices around those of a batch each is looked at by itself."""
_LOCK = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(:names) AS t(name)"
).bindparams(bindparam("names", type_=ARRAY(Text())))

Key = tuple[str, str, str]


@dataclass
class Home:
    """An event that stands alone, with all that its state follows from; its row is locked."""

    event: Event
    rows: list[Notice]
    ids: list[EventId]


@dataclass
class Batch:
    """What is known of the neighbourhood of a batch's notices, and what waits to be written."""

    contents: set[tuple[str, str]] = field(default_factory=set)
    ids: dict[Key, UUID] = field(default_factory=dict)
    homes: dict[UUID, Home] = field(default_factory=dict)
    moments: dict[tuple[Stream, str], list[datetime]] = field(default_factory=dict)
    is_crowded: bool = False
    events: list[Event] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    names: list[dict[str, object]] = field(default_factory=list)
    localizations: list[tuple[Localization, Cause]] = field(default_factory=list)

    def owners(self, raw: RawNotice, notice: ParsedNotice) -> set[UUID]:
        """Events that have one of a notice's ids."""
        keys = (
            (notice.mission, name, raw.drill_key) for name in names_of(notice, raw.content_sha256)
        )
        return {self.ids[key] for key in keys if key in self.ids}

    def is_simple(self, raw: RawNotice, notice: ParsedNotice) -> bool:
        """Tell whether a notice is by itself, or belongs to one event that stands alone."""
        if self.is_crowded or (raw.content_sha256, raw.drill_key) in self.contents:
            return False
        owners = self.owners(raw, notice)
        if len(owners) > 1 or not owners <= self.homes.keys():
            return False
        if brings_place(notice) and any(not knows_place(self.homes[key].event) for key in owners):
            # circles of the event may have to be made again
            return False
        stream = stream_of(notice)
        at = notice.event_time
        return (
            stream is None
            or at is None
            or not any(
                abs(moment - at) <= TOLERANCE
                for partner in partners_of(stream)
                for moment in self.moments.get((partner, raw.drill_key), ())
            )
        )

    def note(self, raw: RawNotice, notice: ParsedNotice, event_id: UUID) -> None:
        """Remember a notice for those after it."""
        self.contents.add((raw.content_sha256, raw.drill_key))
        for name in names_of(notice, raw.content_sha256):
            self.ids.setdefault((notice.mission, name, raw.drill_key), event_id)
        stream = stream_of(notice)
        if stream is not None and notice.event_time is not None:
            self.moments.setdefault((stream, raw.drill_key), []).append(notice.event_time)


async def open_batch(uow: UnitOfWork, messages: Sequence[tuple[RawNotice, ParsedNotice]]) -> Batch:
    """Lock the families of a batch and ask once what is known of all its notices."""
    batch = Batch()
    if len(messages) < 2:
        batch.is_crowded = True
        return batch
    session = uow.session
    families = {f"ingest:{family_of(n.mission)}:{raw.drill_key}" for raw, n in messages}
    # in one order everywhere, or two listeners would wait for each other
    await session.execute(_LOCK, {"names": sorted(families)})
    known = select(Notice.content_sha256, Notice.drill_key).where(
        Notice.content_sha256.in_([raw.content_sha256 for raw, _ in messages])
    )
    batch.contents = {(r[0], r[1]) for r in (await session.execute(known)).all()}
    names = {name for raw, n in messages for name in names_of(n, raw.content_sha256)}
    missions = sorted({n.mission for _, n in messages})
    ids = select(EventId.mission, EventId.native_id, EventId.drill_key, EventId.event_id).where(
        EventId.mission.in_(missions), EventId.native_id.in_(names)
    )
    batch.ids = {(r[0], r[1], r[2]): r[3] for r in (await session.execute(ids)).all()}
    await _homes(uow, batch)
    await _neighbours(uow, batch, [n for _, n in messages])
    return batch


async def _homes(uow: UnitOfWork, batch: Batch) -> None:
    """Lock the events of the batch's ids, and keep those that stand alone."""
    wanted = set(batch.ids.values())
    if not wanted:
        return
    session = uow.session
    events = {e.id: e for e in await store_events.lock_events(session, wanted)}
    joined = select(Event.root_id).where(Event.root_id.in_(wanted), Event.id != Event.root_id)
    bound = select(Coincidence.one_id, Coincidence.other_id).where(
        Coincidence.one_id.in_(wanted) | Coincidence.other_id.in_(wanted)
    )
    apart = set((await session.execute(joined)).scalars())
    apart.update(one for row in (await session.execute(bound)).all() for one in row)
    alone = {
        key
        for key, event in events.items()
        if event.root_id == key and event.merge_id is None and key not in apart
    }
    for key in alone:
        batch.homes[key] = Home(events[key], [], [])
    rows = select(Notice).where(Notice.event_id.in_(alone)).order_by(Notice.received_at, Notice.id)
    for row in (await session.execute(rows)).scalars():
        batch.homes[row.event_id].rows.append(row)
    ids = (
        select(EventId)
        .where(EventId.event_id.in_(alone))
        .order_by(EventId.is_primary.desc(), EventId.created_at, EventId.native_id)
    )
    for name in (await session.execute(ids)).scalars():
        batch.homes[name.event_id].ids.append(name)


async def _neighbours(uow: UnitOfWork, batch: Batch, notices: Sequence[ParsedNotice]) -> None:
    moments: list[datetime] = []
    wanted: set[str] = set()
    for notice in notices:
        stream = stream_of(notice)
        if stream is not None and notice.event_time is not None:
            moments.append(notice.event_time)
            wanted.update(partner.value for partner in partners_of(stream))
    if not moments or not wanted:
        return
    rows = await uow.session.execute(
        select(Notice.stream, Notice.event_time, Notice.drill_key)
        .where(
            Notice.stream.in_(sorted(wanted)),
            Notice.event_time.between(min(moments) - TOLERANCE, max(moments) + TOLERANCE),
        )
        .limit(MOST_NEIGHBOURS + 1)
    )
    found = rows.all()
    batch.is_crowded = len(found) > MOST_NEIGHBOURS
    for stream_name, at, drill_key in found:
        if stream_name is not None and at is not None:
            batch.moments.setdefault((Stream(stream_name), drill_key), []).append(at)


async def accept(uow: UnitOfWork, batch: Batch, raw: RawNotice, notice: ParsedNotice) -> Outcome:
    """Take one notice of the batch in; its cause is the unit of work's."""
    if batch.is_simple(raw, notice):
        outcome = await _simple(uow, batch, raw, notice)
    else:
        await write(uow, batch)
        outcome = await accept_notice(uow, raw, notice)
        # it may have been merged, or told: what we hold of it is out of date
        batch.homes.clear()
    if outcome.event_id is not None:
        batch.note(raw, notice, outcome.event_id)
    return outcome


async def _simple(uow: UnitOfWork, batch: Batch, raw: RawNotice, notice: ParsedNotice) -> Outcome:
    if notice.is_test and uow.cause.mode is Mode.LIVE:
        uow.cause = uow.cause.with_(mode=Mode.TEST)
    row = make_row(uow, raw, notice)
    home = next((batch.homes[key] for key in batch.owners(raw, notice)), None)
    is_new = home is None
    if home is None:
        event, _state = make_event(uow, raw, row, notice)
        home = batch.homes[event.id] = Home(event, [], [])
        batch.events.append(event)
    event = home.event
    row.event_id = event.id
    known = {(name.mission, name.native_id) for name in home.ids}
    names = names_of(notice, raw.content_sha256)
    added = [
        EventId(
            mission=notice.mission,
            native_id=name,
            drill_key=raw.drill_key,
            event_id=event.id,
            is_primary=is_new and name == names[0],
        )
        for name in names
        if (notice.mission, name) not in known
    ]
    home.ids += sorted(added, key=lambda one: (not one.is_primary, one.native_id))
    home.rows.append(row)
    tell_alone(uow, event, home.rows, home.ids)
    raw.state, raw.notice_id = "parsed", row.id
    batch.notices.append(row)
    batch.names += [
        {
            "mission": one.mission,
            "native_id": one.native_id,
            "drill_key": one.drill_key,
            "event_id": one.event_id,
            "is_primary": one.is_primary,
        }
        for one in added
    ]
    for candidate in candidates(notice):
        localization = await make_localization(uow, row, candidate)
        batch.localizations.append((localization, uow.cause))
    tell_read(event, row)
    return Outcome(raw.id, "parsed", row.id, event.id)


async def write(uow: UnitOfWork, batch: Batch) -> None:
    """Write what waits: one statement per table."""
    if not batch.notices:
        return
    session = uow.session
    session.add_all(batch.events)
    await session.flush()
    session.add_all(batch.notices)
    await session.flush()
    if batch.names:
        await session.execute(insert(EventId).on_conflict_do_nothing(), batch.names)
    session.add_all([localization for localization, _ in batch.localizations])
    await session.flush()
    jobs: list[tuple[JobPayload, Cause, str, int]] = []
    for localization, cause in batch.localizations:
        made = map_job(localization, cause.mode)
        if made is not None:
            jobs.append((made[0], cause, made[1], made[2]))
        else:
            uow.cause = cause
            await request_map(uow, localization)
    await enqueue_new(session, service=uow.ctx.service, jobs=jobs)
    batch.events, batch.notices, batch.names, batch.localizations = [], [], [], []

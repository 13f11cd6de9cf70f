"""Read a stored notice: which event it belongs to, its new state, its localizations."""

import hashlib
from dataclasses import dataclass
from uuid import UUID

import structlog
from sqlalchemy import select
from too_common.contracts.base import Mode
from too_common.contracts.ingest import LocalizationOrigin
from too_common.ids import uuid7
from too_common.uow import UnitOfWork

from too_ingest import store, store_events
from too_ingest.attachment import (
    TOLERANCE,
    Rule,
    family_of,
    names_of,
    partners_of,
    rule_for,
    stream_of,
)
from too_ingest.drill_plan import drill_name
from too_ingest.event_state import EventState, NoticeRecord, event_state, is_stale
from too_ingest.localization_plan import Candidate, candidates
from too_ingest.notices import ParsedNotice
from too_ingest.settings import IngestSettings
from too_ingest.tables import Event, Localization, Notice, RawNotice
from too_ingest.usecases.make_map import request_map
from too_ingest.usecases.merge_events import join_events
from too_ingest.usecases.refresh_event import apply_state, refresh_event

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message."""

    raw_id: UUID
    state: str
    notice_id: UUID | None = None
    event_id: UUID | None = None
    reason: str | None = None


async def accept_notice(uow: UnitOfWork, raw: RawNotice, notice: ParsedNotice) -> Outcome:
    """Take a notice that has been read into its event."""
    if notice.is_test and uow.cause.mode is Mode.LIVE:
        uow.cause = uow.cause.with_(mode=Mode.TEST)
    await store.lock_identity(uow.session, family_of(notice.mission), raw.drill_key)
    same = await store.notice_by_content(uow.session, raw.content_sha256, raw.drill_key)
    if same is not None:
        # the same bytes came on another topic: one notice
        raw.state, raw.notice_id = "duplicate", same.id
        event_id = await store_events.root_of(uow.session, same.event_id)
        return Outcome(raw.id, "duplicate", same.id, event_id)
    row = make_row(uow, raw, notice)
    joined = await _attach(uow, raw, row, notice)
    event = await refresh_event(uow, row.event_id, retell=joined)
    raw.state, raw.notice_id = "parsed", row.id
    await _offer_localizations(uow, row, notice)
    tell_read(event, row)
    return Outcome(raw.id, "parsed", row.id, event.id)


def tell_read(event: Event, row: Notice) -> None:
    """Log that a notice has been read."""
    log.info(
        "notice_read",
        event_id=str(event.id),
        event_name=event.name,
        notice_type=row.notice_type,
        revision=event.revision,
    )


def make_row(uow: UnitOfWork, raw: RawNotice, notice: ParsedNotice) -> Notice:
    """Row of a notice, without its event."""
    settings: IngestSettings = uow.ctx.settings
    return Notice(
        id=uuid7(),
        raw_id=raw.id,
        content_sha256=raw.content_sha256,
        drill_key=raw.drill_key,
        mission=notice.mission,
        notice_type=notice.notice_type,
        alert_kind=notice.alert_kind,
        event_time=notice.event_time,
        notice_time=notice.notice_time,
        received_at=raw.received_at,
        is_replay=raw.is_replay,
        is_stale=is_stale(
            notice,
            now=raw.received_at,
            source_time=raw.source_time,
            age_limit_s=settings.age_limit_s,
            event_age_limit_s=settings.event_age_limit_s,
        ),
        parsed=notice.to_row(),
        stream=stream_of(notice),
    )


async def _attach(uow: UnitOfWork, raw: RawNotice, row: Notice, notice: ParsedNotice) -> bool:
    """Put a notice into its event; events that it shows to be one are merged into the oldest.

    True if events were merged.
    """
    names = names_of(notice, raw.content_sha256)
    known = await store.find_event_ids(uow.session, notice.mission, names, raw.drill_key)
    links = dict.fromkeys((k.event_id for k in known), "one notice names the ids of both")
    for other_id, rule in (await _by_rule(uow, raw, notice)).items():
        links.setdefault(other_id, f"{rule.name}: {rule.reason}")
    if known:
        first = next((k for k in known if k.native_id == names[0]), known[0])
        home_id = first.event_id
    elif links:
        found = await uow.session.execute(select(Event).where(Event.id.in_(links)))
        home_id = min(found.scalars(), key=lambda e: (e.created_at, e.id)).id
    else:
        home_id = await _new_event(uow, raw, row, notice)
    row.event_id = home_id
    uow.session.add(row)
    await uow.session.flush()
    await store.add_event_ids(
        uow.session,
        event_id=home_id,
        mission=notice.mission,
        native_ids=names,
        drill_key=raw.drill_key,
        primary=None if known or links else names[0],
    )
    return bool(links) and await join_events(uow, home_id, links)


async def _by_rule(uow: UnitOfWork, raw: RawNotice, notice: ParsedNotice) -> dict[UUID, Rule]:
    """Events with a notice that a rule says is of the same burst."""
    stream = stream_of(notice)
    if stream is None or notice.event_time is None:
        return {}
    rows = await store_events.notices_of_streams(
        uow.session,
        partners_of(stream),
        begin=notice.event_time - TOLERANCE,
        end=notice.event_time + TOLERANCE,
        drill_key=raw.drill_key,
    )
    found: dict[UUID, Rule] = {}
    for other in rows:
        rule = rule_for(notice, ParsedNotice.model_validate(other.parsed))
        if rule is not None:
            found.setdefault(other.event_id, rule)
    return found


async def _new_event(uow: UnitOfWork, raw: RawNotice, row: Notice, notice: ParsedNotice) -> UUID:
    event = make_event(uow, raw, row, notice)[0]
    uow.session.add(event)
    await uow.session.flush()
    return event.id


def make_event(
    uow: UnitOfWork, raw: RawNotice, row: Notice, notice: ParsedNotice
) -> tuple[Event, EventState]:
    """Event of a first notice, and its state."""
    name = notice.native_id
    if name is None:
        moment = notice.event_time or notice.notice_time or raw.received_at
        name = f"{notice.mission} {moment:%y%m%d %H:%M:%S}"
    if raw.drill_key:
        name = drill_name(name, raw.drill_key)
    event_id = uuid7()
    event = Event(
        id=event_id,
        root_id=event_id,
        mission=notice.mission,
        name=name,
        drill_key=raw.drill_key,
        mode=uow.cause.mode,
        revision=0,
        state={},
        created_at=uow.now,
        changed_at=uow.now,
    )
    record = NoticeRecord(
        notice_id=row.id,
        content_sha256=raw.content_sha256,
        received_at=raw.received_at,
        notice=notice,
        is_stale=row.is_stale,
        is_replay=raw.is_replay,
    )
    state = event_state([record])
    apply_state(event, state)
    return event, state


async def _offer_localizations(uow: UnitOfWork, row: Notice, notice: ParsedNotice) -> None:
    for candidate in candidates(notice):
        localization = await make_localization(uow, row, candidate)
        uow.session.add(localization)
        await uow.session.flush()
        await request_map(uow, localization)


async def make_localization(uow: UnitOfWork, row: Notice, candidate: Candidate) -> Localization:
    """Row of a localization; the file that a notice carries is kept."""
    file_sha256 = None
    if candidate.origin is LocalizationOrigin.EMBEDDED and candidate.data is not None:
        file_sha256 = hashlib.sha256(candidate.data).hexdigest()
        await store.note_embedded_file(uow.session, file_sha256, row.raw_id, len(candidate.data))
    return Localization(
        id=uuid7(),
        event_id=row.event_id,
        notice_id=row.id,
        mission=row.mission,
        origin=candidate.origin,
        label=candidate.label,
        rank=candidate.rank,
        state="pending",
        reason="",
        url=candidate.url,
        file_sha256=file_sha256,
        cone=candidate.cone.to_row() if candidate.cone else None,
        notice_at=row.notice_time or row.received_at,
        received_at=row.received_at,
        alert_kind=row.alert_kind,
        revision=1,
        attempts=0,
    )

"""What a person does: an event by hand, a map by upload, a retraction, a re-opening.

Each is a notice like any other, with the person's statement as its raw bytes, so that the state
of the event follows from its notices alone.
"""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from too_common.contracts.ingest import AlertKind, EventFacts, EventKind
from too_common.errors import ConflictError, InvalidError, NotFoundError
from too_common.ids import uuid7
from too_common.uow import UnitOfWork

from too_ingest import store, store_events
from too_ingest.event_state import MANUAL_MISSION, event_state
from too_ingest.notices import (
    ErrorRegion,
    NoticeFormat,
    ParsedNotice,
    TimeQuality,
)
from too_ingest.tables import Event, Localization, Notice, RawNotice
from too_ingest.usecases.manual_maps import add_upload
from too_ingest.usecases.merge_events import act_in_world_of
from too_ingest.usecases.read_notice import Outcome, accept_notice
from too_ingest.usecases.refresh_event import refresh_event
from too_ingest.usecases.store_notice import Incoming, store_notice

TOPIC = "manual"


@dataclass(frozen=True, slots=True)
class ManualEvent:
    """An event as a person states it."""

    name: str
    kind: EventKind
    event_time: datetime | None
    position: tuple[float, float] | None = None
    region: ErrorRegion = field(default_factory=ErrorRegion)
    comment: str = ""
    is_test: bool = False


async def _raw(uow: UnitOfWork, statement: dict[str, Any]) -> RawNotice:
    # the id makes the same statement by the same person a new one each time
    body = json.dumps({**statement, "id": str(uuid7())}, sort_keys=True, default=str).encode()
    stored = await store_notice(uow, Incoming(body=body, topic=TOPIC, source="manual"))
    raw = await store.lock_raw(uow.session, stored.raw_id)
    if raw is None:
        raise LookupError("a row that was just written is gone")
    return raw


async def create_event(uow: UnitOfWork, manual: ManualEvent) -> Outcome:
    """Make an event by hand.

    Raises
    ------
    ConflictError
        If the name is taken.
    """
    await store.lock_identity(uow.session, MANUAL_MISSION, "")
    taken = await store.find_event_ids(uow.session, MANUAL_MISSION, [manual.name], "")
    if taken:
        raise ConflictError(f"an event {manual.name} exists already", code="name_taken")
    raw = await _raw(
        uow,
        {
            "act": "create_event",
            **{k: getattr(manual, k) for k in manual.__slots__ if k != "region"},
            "region": manual.region.model_dump(mode="json"),
        },
    )
    ra_deg, dec_deg = manual.position or (None, None)
    region = manual.region
    notice = ParsedNotice(
        mission=MANUAL_MISSION,
        notice_type="manual event",
        format=NoticeFormat.MANUAL,
        native_id=manual.name,
        kind=manual.kind,
        alert_kind=AlertKind.INITIAL,
        event_time=manual.event_time,
        time_quality=TimeQuality.STATED if manual.event_time else None,
        notice_time=uow.now,
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        region=region,
        facts=EventFacts(
            ra_deg=ra_deg,
            dec_deg=dec_deg,
            error_radius_deg=region.radius_deg,
            containment=region.containment,
            extra={"comment": manual.comment} if manual.comment else {},
        ),
        is_test=manual.is_test,
        tags=("manual",),
    )
    return await accept_notice(uow, raw, notice)


async def _add_statement(uow: UnitOfWork, event_id: UUID, *, retract: bool, reason: str) -> Event:
    event = await store_events.lock_root(uow.session, event_id)
    if event is None:
        raise NotFoundError(f"there is no event {event_id}")
    if event.is_retracted == retract:
        raise ConflictError("the event is retracted already" if retract else "it is not retracted")
    act_in_world_of(uow, event)
    rows = await store_events.notices_of_root(uow.session, event.id)
    raw = await _raw(uow, {"act": "retract" if retract else "reopen", "event_id": event_id})
    notice = ParsedNotice(
        mission=MANUAL_MISSION,
        notice_type="manual retraction" if retract else "manual re-opening",
        format=NoticeFormat.MANUAL,
        native_id=None,
        kind=EventKind(event.kind),
        alert_kind=AlertKind.RETRACTION if retract else AlertKind.UPDATE,
        # later than whatever the mission has said so far
        notice_time=max(uow.now, event.latest_notice_at),
        facts=EventFacts(extra={"statement": reason} if reason else {}),
        is_test=event.is_test,
        is_subthreshold=event.is_subthreshold,
        is_retraction=retract,
        # what the word is about: an id that is merged into the event later is not meant
        cites=event_state(store.record_of(row) for row in rows).identities,
        tags=("retracted by hand",) if retract else ("re-opened by hand",),
    )
    row = Notice(
        id=uuid7(),
        raw_id=raw.id,
        event_id=event.id,
        content_sha256=raw.content_sha256,
        drill_key=raw.drill_key,
        mission=MANUAL_MISSION,
        notice_type=notice.notice_type,
        alert_kind=notice.alert_kind,
        notice_time=notice.notice_time,
        received_at=raw.received_at,
        is_stale=event.is_stale,
        is_replay=event.is_replay,
        parsed=notice.to_row(),
    )
    uow.session.add(row)
    raw.state, raw.notice_id = "parsed", row.id
    await uow.session.flush()
    return await refresh_event(uow, event.id)


async def retract_event(uow: UnitOfWork, event_id: UUID, reason: str) -> Event:
    """Retract an event by hand."""
    return await _add_statement(uow, event_id, retract=True, reason=reason)


async def reopen_event(uow: UnitOfWork, event_id: UUID, reason: str) -> Event:
    """Take a retraction back by hand."""
    return await _add_statement(uow, event_id, retract=False, reason=reason)


async def upload_map(uow: UnitOfWork, event_id: UUID, body: bytes) -> Localization:
    """Add a map file to an event; it is checked by a worker and preferred if it is the newest.

    Raises
    ------
    InvalidError
        If the bytes cannot be a FITS file.
    """
    if not body.startswith((b"SIMPLE  =", b"\x1f\x8b")):
        raise InvalidError("the file is neither FITS nor gzipped FITS", code="not_fits")
    sha256 = hashlib.sha256(body).hexdigest()
    await store.put_map_file(uow.session, sha256, body)
    return await add_upload(uow, event_id, file_sha256=sha256)

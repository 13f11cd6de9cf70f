"""Look for events of other missions close in time, and keep what was found right."""

from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import structlog
from sqlalchemy.dialects.postgresql import insert
from too_common.cause import Cause
from too_common.contracts.base import Mode
from too_common.contracts.ingest import CoincidenceFound, CoincidenceState, EventKind
from too_common.ids import uuid7
from too_common.jobs import JobPayload
from too_common.uow import UnitOfWork

from too_ingest import store_events
from too_ingest.attachment import family_of, missions_of
from too_ingest.backlog import backlog_of
from too_ingest.coincidence import (
    MAX_WINDOW_S,
    Side,
    is_coincident,
    joint_far_hz,
    leads,
    meaning,
    offset_s,
    temporal_far,
    window_for,
)
from too_ingest.tables import Event, Localization, Notice, RawNotice
from too_ingest.tables_events import Coincidence

log = structlog.get_logger(__name__)

REVIEW = "review_coincidences"
BATCH = 50
"""So many due events are looked at together."""
MAX_STANDING = 50
"""Of one event; of more (a flood of tests) the nearest in time are kept."""


class CompareEvents(JobPayload):
    """Compute the numbers of a coincidence."""

    TYPE: ClassVar[str] = "compare_events"
    coincidence_id: UUID


class RetellEvent(JobPayload):
    """Publish an event whose coincidences have changed."""

    TYPE: ClassVar[str] = "retell_event"
    event_id: UUID


async def side_of(uow: UnitOfWork, event: Event) -> Side | None:
    """What a coincidence looks at; None if the event cannot take part in any."""
    if event.merged_into is not None or event.is_retracted or event.event_time is None:
        return None
    sha256 = None
    if event.preferred_localization_id is not None:
        row = await uow.session.get(Localization, event.preferred_localization_id)
        sha256 = row.map_sha256 if row else None
    facts = event.state.get("facts") or {}
    return Side(
        event_id=event.id,
        name=event.name,
        kind=EventKind(event.kind),
        mission=event.mission,
        time=event.event_time,
        far_hz=facts.get("far_hz"),
        group=facts.get("group"),
        is_subthreshold=event.is_subthreshold,
        map_sha256=sha256,
    )


def basis_of(one: Side, other: Side) -> str:
    """What a pair's numbers are computed of."""
    return f"{one.basis()} & {other.basis()}"


def mark_for_review(uow: UnitOfWork, event: Event) -> None:
    """Have an event's coincidences looked at after the commit.

    After it, because of two events that are written at the same moment only the later commit can
    see both; and apart from it, so that no notice waits for the rows of other events.
    """
    event.is_review_due = True
    uow.wake_due(REVIEW)


async def review_due(uow: UnitOfWork) -> datetime | None:
    """Review an event that is due, and tick off those that have nothing near and had nothing."""
    await backlog_of(uow.ctx).over()
    rows = await store_events.due_for_review(uow.session, limit=BATCH)
    if not rows:
        return None
    busy = await store_events.with_company(
        uow.session, [row.id for row in rows], reach_s=MAX_WINDOW_S
    )
    reviewed = False
    for event in rows:
        if event.id not in busy:
            event.is_review_due = False
        elif not reviewed:
            event.is_review_due = False
            reviewed = True
            # one at a time: pairs are locked, and two reviewers must not wait for each other
            await find_coincidences(uow, event)
    return uow.now


async def find_coincidences(uow: UnitOfWork, event: Event) -> None:
    """Find an event's coincidences anew; its row is locked and its state written.

    A pair that is new, or whose facts or maps have changed, is computed by a job; one that does
    not hold any more is withdrawn at once.
    """
    uow.cause = await _cause_of(uow, event)
    own = await side_of(uow, event)
    partners: dict[UUID, Side] = {}
    if own is not None:
        for other in await _near(uow, event, own):
            side = await side_of(uow, other)
            if side is not None and is_coincident(own, side):
                partners[other.id] = side
    for row in await store_events.coincidences_of(
        uow.session, event.id, states=("pending", "found")
    ):
        other_id = row.other_id if row.one_id == event.id else row.one_id
        if other_id not in partners:
            await _withdraw(uow, row, await _why_not(uow, event, other_id))
    if own is not None:
        for side in partners.values():
            await _want(uow, *((own, side) if leads(own, side) else (side, own)))


async def _cause_of(uow: UnitOfWork, event: Event) -> Cause:
    """World and correlation of an event's latest notice."""
    latest = event.state.get("notice_id")
    notice = await uow.session.get(Notice, UUID(latest)) if latest else None
    raw = await uow.session.get(RawNotice, notice.raw_id) if notice else None
    cause = Cause.from_json(raw.cause) if raw else uow.cause
    drill_id = UUID(event.drill_key) if event.drill_key else None
    return cause.with_(mode=Mode(event.mode), drill_id=drill_id, actor=None)


async def _near(uow: UnitOfWork, event: Event, own: Side) -> list[Event]:
    reach = timedelta(seconds=MAX_WINDOW_S)
    rows = await store_events.events_between(
        uow.session,
        begin=own.time - reach,
        end=own.time + reach,
        near=own.time,
        drill_key=event.drill_key,
        but_missions=missions_of(family_of(own.mission)),
        is_test=event.is_test,
        limit=MAX_STANDING,
    )
    return list(rows)


async def _want(uow: UnitOfWork, one: Side, other: Side) -> None:
    """Have a pair computed, unless that has been done of the same facts and maps."""
    row = await store_events.coincidence_of_pair(uow.session, one.event_id, other.event_id)
    if row is None:
        await uow.session.execute(
            insert(Coincidence)
            .values(
                id=uuid7(),
                one_id=one.event_id,
                other_id=other.event_id,
                state="pending",
                basis="",
                numbers={},
                changed_at=uow.now,
            )
            .on_conflict_do_nothing()
        )
        row = await store_events.coincidence_of_pair(uow.session, one.event_id, other.event_id)
    if row is None:
        raise LookupError("a row that was just written is gone")
    if row.one_id != one.event_id:
        one, other = other, one
    basis = basis_of(one, other)
    if row.basis == basis and row.state != CoincidenceState.WITHDRAWN:
        return
    row.basis, row.changed_at = basis, uow.now
    if row.state == CoincidenceState.WITHDRAWN:
        row.state = "pending"
    await uow.enqueue(CompareEvents(coincidence_id=row.id), dedupe_key=str(row.id))


async def _why_not(uow: UnitOfWork, event: Event, other_id: UUID) -> str:
    other = await uow.session.get(Event, other_id)
    for one in (event, other):
        if one is None or one.merged_into is not None:
            return f"{one.name if one else 'an event'} is part of another event now"
        if one.is_retracted:
            return f"{one.name} was retracted"
    return "their times are not within the window any more"


async def _withdraw(uow: UnitOfWork, row: Coincidence, reason: str) -> None:
    was_told = row.state == CoincidenceState.FOUND
    row.state, row.reason, row.changed_at = "withdrawn", reason, uow.now
    await uow.session.flush()
    if was_told:
        await _tell(uow, row)
        log.info("coincidence_withdrawn", coincidence_id=str(row.id), reason=reason)


async def record_coincidence(uow: UnitOfWork, row: Coincidence, overlap: float | None) -> bool:
    """Record a pair's numbers and tell them; False if it has moved on meanwhile."""
    pair = [await uow.session.get(Event, i) for i in (row.one_id, row.other_id)]
    sides = [await side_of(uow, event) if event else None for event in pair]
    one, other = sides
    if (
        row.state == CoincidenceState.WITHDRAWN
        or one is None
        or other is None
        or basis_of(one, other) != row.basis
    ):
        return False
    window = window_for(one, other)
    if window is None:
        return False
    rate = temporal_far(one, other)
    numbers: dict[str, Any] = {
        "time_offset_s": offset_s(one, other),
        "window_begin_s": window.begin_s,
        "window_end_s": window.end_s,
        "window_source": window.source,
        "overlap_integral": overlap,
        "map_sha256": one.map_sha256,
        "other_map_sha256": other.map_sha256,
        "temporal_far_hz": rate.temporal_far_hz,
        "joint_far_hz": joint_far_hz(rate.temporal_far_hz, overlap),
        "method": rate.method.value,
        "formula": rate.formula,
        "meaning": meaning(one, other, rate, overlap),
        "reverse_meaning": meaning(other, one, rate, overlap),
    }
    if row.state == CoincidenceState.FOUND and row.numbers == numbers:
        return True
    row.numbers, row.state, row.reason = numbers, CoincidenceState.FOUND.value, ""
    row.found_at = row.found_at or uow.now
    row.changed_at = uow.now
    await uow.session.flush()
    await _tell(uow, row)
    return True


def message_of(row: Coincidence, event: Event, other: Event) -> CoincidenceFound:
    """A coincidence as seen from one of its events."""
    n = row.numbers
    is_lead = row.one_id == event.id
    sign = 1.0 if is_lead else -1.0
    window = (n["window_begin_s"], n["window_end_s"])
    maps = (n["map_sha256"], n["other_map_sha256"])
    return CoincidenceFound(
        coincidence_id=row.id,
        state=CoincidenceState(row.state),
        reason=row.reason,
        event_id=event.id,
        event_name=event.name,
        event_kind=EventKind(event.kind),
        mission=event.mission,
        other_event_id=other.id,
        other_name=other.name,
        other_kind=EventKind(other.kind),
        other_mission=other.mission,
        leads=is_lead,
        time_offset_s=sign * n["time_offset_s"],
        window_begin_s=window[0] if is_lead else -window[1],
        window_end_s=window[1] if is_lead else -window[0],
        window_source=n["window_source"],
        overlap_integral=n["overlap_integral"],
        map_sha256=maps[0] if is_lead else maps[1],
        other_map_sha256=maps[1] if is_lead else maps[0],
        temporal_far_hz=n["temporal_far_hz"],
        joint_far_hz=n["joint_far_hz"],
        method=n["method"],
        formula=n["formula"],
        meaning=n["meaning"] if is_lead else n["reverse_meaning"],
    )


async def _tell(uow: UnitOfWork, row: Coincidence) -> None:
    """Publish under the key of each of the two, and have both events told with it."""
    row.revision += 1
    one = await uow.session.get_one(Event, row.one_id)
    other = await uow.session.get_one(Event, row.other_id)
    for event, partner in ((one, other), (other, one)):
        uow.publish(
            message_of(row, event, partner),
            key=event.id,
            revision=row.revision,
            overrides=row.state == CoincidenceState.WITHDRAWN,
        )
        # a job of its own: two events' rows are never locked by one transaction without order
        await uow.enqueue(RetellEvent(event_id=event.id), dedupe_key=str(event.id))

"""The state of an astronomical event: a function of its notices, not of their arrival.

`event_state` gives the same answer for every order and for repetitions; a retraction that comes
first, late or alone has the same weight as one in its place.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from too_common.contracts.ingest import AlertKind, EventFacts, EventKind

from too_ingest.notices import NoticeFormat, ParsedNotice, TimeQuality

KIND_RANK = {
    AlertKind.EARLY_WARNING: 0,
    AlertKind.PRELIMINARY: 1,
    AlertKind.INITIAL: 2,
    AlertKind.SUBSEQUENT: 3,
    AlertKind.UPDATE: 4,
    AlertKind.RETRACTION: 5,
}
"""Which of two notices with one time counts as the newer."""
QUALITY_RANK = {
    TimeQuality.STATED: 4,
    TimeQuality.TJD_SOD: 3,
    TimeQuality.MET: 2,
    TimeQuality.OBSERVATION_START: 1,
    TimeQuality.NOTICE_TIME: 0,
    None: -1,
}
MANUAL_MISSION = "manual"
_BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)
_POSITION_FIELDS = ("ra_deg", "dec_deg", "error_radius_deg", "containment")


@dataclass(frozen=True, slots=True)
class NoticeRecord:
    """A notice as stored."""

    notice_id: UUID
    content_sha256: str
    received_at: datetime
    notice: ParsedNotice
    is_stale: bool = False
    is_replay: bool = False


@dataclass(frozen=True, slots=True)
class EventState:
    """What the notices of one event say together."""

    kind: EventKind
    event_time: datetime | None
    first_notice_at: datetime
    latest_notice_at: datetime
    received_at: datetime
    notice_id: UUID
    notice_count: int
    notice_type: str
    alert_kind: AlertKind
    is_retracted: bool
    is_test: bool
    is_subthreshold: bool
    is_replay: bool
    is_stale: bool
    facts: EventFacts
    tags: tuple[str, ...]


def order_key(record: NoticeRecord) -> tuple[datetime, int, int, str]:
    """Place of a notice among those of its event: time, kind, sequence, content."""
    notice = record.notice
    moment = notice.notice_time or notice.event_time or _BEGINNING
    return moment, KIND_RANK[notice.alert_kind], notice.sequence or 0, record.content_sha256


def restates(notice: ParsedNotice) -> bool:
    """Tell whether a notice speaks of the event as real: it re-opens a retracted one.

    Light curves and slews follow a false trigger too; they say nothing.
    """
    if notice.is_retraction:
        return False
    return (
        notice.mission in {"lvk", MANUAL_MISSION}
        or notice.ra_deg is not None
        or bool(notice.skymaps)
        or (notice.format is NoticeFormat.JSON and notice.alert_kind is AlertKind.UPDATE)
    )


def is_retracted(ordered: list[NoticeRecord]) -> bool:
    """Tell whether the last word is a retraction.

    A later notice re-opens the event, unless the mission's own numbering puts it before the
    retraction (the time stamps of some senders repeat).
    """
    index = next(
        (i for i in range(len(ordered) - 1, -1, -1) if ordered[i].notice.is_retraction), None
    )
    if index is None:
        return False
    retraction = ordered[index].notice

    def reopens(later: ParsedNotice) -> bool:
        if not restates(later):
            return False
        numbers = (later.sequence, retraction.sequence)
        if (
            later.is_ordered
            and retraction.is_ordered
            and later.format is retraction.format
            and None not in numbers
        ):
            return (later.sequence or 0) > (retraction.sequence or 0)
        return True

    return not any(reopens(record.notice) for record in ordered[index + 1 :])


def _event_time(ordered: list[NoticeRecord]) -> datetime | None:
    best: ParsedNotice | None = None
    for record in ordered:
        notice = record.notice
        if notice.event_time is None:
            continue
        if best is None or (QUALITY_RANK[notice.time_quality] >= QUALITY_RANK[best.time_quality]):
            best = notice
    return best.event_time if best else None


def merge_facts(ordered: list[NoticeRecord]) -> EventFacts:
    """Newest known value of each fact; the position of the most precise, then newest notice."""
    merged: dict[str, Any] = {}
    links: dict[str, str] = {}
    extra: dict[str, Any] = {}
    best: tuple[int, int] | None = None
    position: dict[str, Any] = {}
    for number, record in enumerate(ordered):
        facts = record.notice.facts
        for name in EventFacts.model_fields:
            value = getattr(facts, name)
            if name in _POSITION_FIELDS or value is None or value in ({}, ()):
                continue
            merged[name] = value
        links.update(facts.links)
        extra.update(facts.extra)
        stage = (record.notice.stage, number)
        placed = facts.ra_deg is not None and not record.notice.is_retraction
        if placed and (best is None or stage >= best):
            best = stage
            position = {name: getattr(facts, name) for name in _POSITION_FIELDS}
    merged.update(position, links=links, extra=extra)
    return EventFacts(**merged)


def event_state(records: Iterable[NoticeRecord]) -> EventState:
    """State of an event.

    Parameters
    ----------
    records
        All its notices, in any order; repetitions of one content count once.

    Raises
    ------
    ValueError
        If there is none.
    """
    unique: dict[str, NoticeRecord] = {}
    for record in records:
        kept = unique.get(record.content_sha256)
        if kept is None or (record.received_at, record.notice_id) < (
            kept.received_at,
            kept.notice_id,
        ):
            unique[record.content_sha256] = record
    ordered = sorted(unique.values(), key=order_key)
    if not ordered:
        raise ValueError("an event without notices has no state")
    latest = ordered[-1]
    speaking = [r for r in ordered if restates(r.notice)] or ordered
    retracted = is_retracted(ordered)
    tags = dict.fromkeys(tag for record in ordered for tag in record.notice.tags)
    moments = [r.notice.notice_time or r.received_at for r in ordered]
    return EventState(
        kind=speaking[-1].notice.kind,
        event_time=_event_time(ordered),
        first_notice_at=min(moments),
        latest_notice_at=latest.notice.notice_time or latest.received_at,
        received_at=latest.received_at,
        notice_id=latest.notice_id,
        notice_count=len(ordered),
        notice_type=latest.notice.notice_type,
        alert_kind=AlertKind.RETRACTION if retracted else _alert_kind(ordered),
        is_retracted=retracted,
        # one test notice under a real id must not silence the event
        is_test=all(record.notice.is_test for record in ordered),
        is_subthreshold=all(record.notice.is_subthreshold for record in ordered),
        is_replay=latest.is_replay,
        is_stale=latest.is_stale or not latest.notice.is_current,
        facts=merge_facts(ordered),
        tags=tuple(sorted(tags)),
    )


def _alert_kind(ordered: list[NoticeRecord]) -> AlertKind:
    last = next((r for r in reversed(ordered) if not r.notice.is_retraction), ordered[-1])
    return last.notice.alert_kind


def is_stale(
    notice: ParsedNotice,
    *,
    now: datetime,
    source_time: datetime | None,
    age_limit_s: float,
    event_age_limit_s: float,
) -> bool:
    """Tell whether a notice comes too late to wake anybody.

    Either the notice itself is older than the limit, or it speaks of an event of long before its
    own time (replays of old bursts come with role 'observation').
    """
    sent = notice.notice_time or source_time or notice.event_time
    if sent is not None and (now - sent).total_seconds() > age_limit_s:
        return True
    if notice.event_time is None or sent is None:
        return False
    return (sent - notice.event_time).total_seconds() > event_age_limit_s

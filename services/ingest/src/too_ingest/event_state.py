"""The state of an astronomical event: a function of its notices, not of their arrival.

`event_state` gives the same answer for every order and for repetitions; a retraction that comes
first, late or alone has the same weight as one in its place. Nor does it depend on which of
several notices began the event: an event that was put together of several mission ids has one
*leading* id, found by rule, which gives it its name, kind and time, and is retracted only when
all of its ids are.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from too_common.contracts.ingest import AlertKind, EventFacts, EventKind

from too_ingest.attachment import names_of, sigma_deg
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
_FOLLOWING = frozenset({"fermi_lat"})
"""Missions whose ids never lead where another of their family has one."""
_BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)
_POSITION_FIELDS = (
    "ra_deg",
    "dec_deg",
    "error_radius_deg",
    "containment",
    "error_sigma_deg",
    "systematic_included",
    "systematic_deg",
    "error_source",
)


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
    mission: str
    """Mission of the leading id."""
    native_id: str | None
    """The leading id as the mission spells it; None if no notice has one."""
    identity: str
    """The leading id as it is kept, see `attachment.names_of`."""
    identities: tuple[str, ...]
    """``mission:id`` of each of the ids that must be retracted for the event to be."""


def order_key(record: NoticeRecord) -> tuple[datetime, int, int, str]:
    """Place of a notice among those of its event: time, kind, sequence, content."""
    notice = record.notice
    moment = notice.notice_time or notice.event_time or _BEGINNING
    return moment, KIND_RANK[notice.alert_kind], notice.sequence or 0, record.content_sha256


def restates(notice: ParsedNotice) -> bool:
    """Tell whether a notice speaks of the event as real: it re-opens a retracted one.

    Light curves and slews follow a false trigger too; they say nothing.
    """
    if notice.is_retraction or notice.is_supplement:
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


def is_statement(notice: ParsedNotice) -> bool:
    """Tell whether a notice is a person's word on an event that is there already."""
    return notice.mission == MANUAL_MISSION and notice.native_id is None


def identity_groups(ordered: Sequence[NoticeRecord]) -> list[list[NoticeRecord]]:
    """Notices by mission id: those that share a name of one mission go together.

    A person's statement goes to every group that it names, or to all if it names none.
    """
    groups: list[tuple[set[tuple[str, str]], list[NoticeRecord]]] = []
    for record in ordered:
        notice = record.notice
        if is_statement(notice):
            continue
        names = {(notice.mission, name) for name in names_of(notice, record.content_sha256)}
        members = [record]
        for group in [g for g in groups if not g[0].isdisjoint(names)]:
            groups.remove(group)
            names |= group[0]
            members = group[1] + members
        groups.append((names, sorted(members, key=order_key)))
    if not groups:
        return [list(ordered)]
    for record in ordered:
        if is_statement(record.notice):
            meant = {tuple(target.split(":", 1)) for target in record.notice.cites}
            for names, members in groups:
                if not meant or not meant.isdisjoint(names):
                    members.append(record)
                    members.sort(key=order_key)
    return [members for _, members in groups]


def _spoken(group: Sequence[NoticeRecord]) -> list[NoticeRecord]:
    """Without statements, unless there is nothing else."""
    return [r for r in group if not is_statement(r.notice)] or list(group)


def identity_of(group: Sequence[NoticeRecord]) -> tuple[str, str]:
    """Mission and native id by which a group is known."""
    first = min(_spoken(group), key=lambda r: (r.notice.native_id is None, order_key(r)))
    return first.notice.mission, names_of(first.notice, first.content_sha256)[0]


def leading(
    groups: list[list[NoticeRecord]], prefer: tuple[str, str] | None = None
) -> list[NoticeRecord]:
    """The group that names the event: triggered before sub-threshold, then the earliest notice.

    Within Fermi GBM's id goes before LAT's, which speaks of GBM's bursts.

    Parameters
    ----------
    prefer
        (mission, id) that leads in any case: of the event into which a person merged others.
    """

    def place(
        group: list[NoticeRecord],
    ) -> tuple[bool, bool, bool, tuple[datetime, int, int, str]]:
        spoken = _spoken(group)
        names = {
            (r.notice.mission, name)
            for r in spoken
            for name in names_of(r.notice, r.content_sha256)
        }
        return (
            prefer not in names,
            all(r.notice.is_subthreshold for r in spoken),
            spoken[0].notice.mission in _FOLLOWING,
            order_key(spoken[0]),
        )

    return min(groups, key=place)


def _event_time(ordered: Sequence[NoticeRecord]) -> datetime | None:
    best: ParsedNotice | None = None
    for record in ordered:
        notice = record.notice
        if notice.event_time is None:
            continue
        if best is None or (QUALITY_RANK[notice.time_quality] >= QUALITY_RANK[best.time_quality]):
            best = notice
    return best.event_time if best else None


def merge_facts(
    ordered: Sequence[NoticeRecord], groups: Sequence[Sequence[NoticeRecord]] = ()
) -> EventFacts:
    """Newest known value of each fact, and the best position.

    Within one mission id that is the position of the most precise, then newest notice; of several
    ids the one with the smallest error counts.
    """
    merged: dict[str, Any] = {}
    links: dict[str, str] = {}
    extra: dict[str, Any] = {}
    for record in ordered:
        facts = record.notice.facts
        for name in EventFacts.model_fields:
            value = getattr(facts, name)
            if name in _POSITION_FIELDS or value is None or value in ({}, ()):
                continue
            merged[name] = value
        links.update(facts.links)
        extra.update(facts.extra)
    placed = [place for group in groups or [ordered] if (place := _placed(group)) is not None]
    position: dict[str, Any] = {}
    if placed:
        best = min(placed, key=lambda r: (_error_deg(r.notice), r.content_sha256))
        position = {name: getattr(best.notice.facts, name) for name in _POSITION_FIELDS}
    merged.update(position, links=links, extra=extra)
    return EventFacts(**merged)


def _error_deg(notice: ParsedNotice) -> float:
    stated = notice.region.radius_deg or notice.region.semi_axes_deg
    return sigma_deg(notice) if stated else math.inf


def _placed(group: Sequence[NoticeRecord]) -> NoticeRecord | None:
    found = [
        (record.notice.stage, number, record)
        for number, record in enumerate(group)
        if record.notice.facts.ra_deg is not None and not record.notice.is_retraction
    ]
    return max(found, key=lambda item: item[:2])[2] if found else None


def event_state(
    records: Iterable[NoticeRecord], *, prefer: tuple[str, str] | None = None
) -> EventState:
    """State of an event.

    Parameters
    ----------
    records
        All its notices, in any order; repetitions of one content count once.
    prefer
        (mission, id) that names the event in any case, see `leading`.

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
    groups = identity_groups(ordered)
    lead = leading(groups, prefer)
    spoken = _spoken(lead)
    speaking = [r for r in spoken if restates(r.notice)] or spoken
    retracted = all(is_retracted(group) for group in groups)
    tags = dict.fromkeys(tag for record in ordered for tag in record.notice.tags)
    moments = [r.notice.notice_time or r.received_at for r in ordered]
    named = min(spoken, key=lambda r: (r.notice.native_id is None, order_key(r))).notice
    return EventState(
        kind=speaking[-1].notice.kind,
        event_time=_event_time(spoken) or _event_time(ordered),
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
        facts=merge_facts(ordered, groups),
        tags=tuple(sorted(tags)),
        mission=named.mission,
        native_id=named.native_id,
        identity=identity_of(lead)[1],
        identities=tuple(sorted(":".join(identity_of(group)) for group in groups)),
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

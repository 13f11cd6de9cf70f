"""Put together what the pages and the API show of events, from the projections alone."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from too_common.contracts import circulars, ingest, notify, planner, queue_submit
from too_common.contracts.base import Mode
from too_common.errors import NotFoundError
from too_common.uow import UnitOfWork

from too_vetting_api.domain.paging import decode_cursor, encode_cursor
from too_vetting_api.domain.projections import Kind, preferred
from too_vetting_api.domain.timeline import Step, time_line
from too_vetting_api.store import events as list_store
from too_vetting_api.store import projections as store
from too_vetting_api.tables import EventRow, Projection

VERDICT_ORDER = {
    notify.Verdict.WANTED: 0,
    notify.Verdict.PENDING: 1,
    notify.Verdict.NOT_WANTED: 2,
}
INCIDENT_ORDER = {
    notify.IncidentState.TRIGGERED: 0,
    notify.IncidentState.ACKNOWLEDGED: 1,
    notify.IncidentState.RESOLVED: 2,
}
IN_QUEUE = {
    queue_submit.SubmissionState.ACCEPTED,
    queue_submit.SubmissionState.DELIVERED,
    queue_submit.SubmissionState.ACTIVE,
    queue_submit.SubmissionState.PARTIAL,
    queue_submit.SubmissionState.COMPLETE,
}
"""States in which a telescope has, or had, our plan."""


class EventSummary(BaseModel):
    """One line of the list of events."""

    event_id: UUID
    name: str
    mission: str
    kind: ingest.EventKind
    mode: Mode
    alert_kind: ingest.AlertKind
    event_time: datetime | None
    first_notice_at: datetime
    received_at: datetime
    notice_count: int
    is_retracted: bool
    is_test: bool
    is_subthreshold: bool
    is_replay: bool
    is_stale: bool
    tags: list[str]
    far_hz: float | None
    top_class: str | None = Field(description="Most probable class and its probability")
    map: ingest.MapFacts | None = Field(description="Facts of the preferred map")
    verdict: notify.Verdict | None
    program_name: str | None
    incident_state: notify.IncidentState | None
    plans_ready: int
    plans_failed: int
    submissions: dict[str, int] = Field(description="Number by state")
    in_queue: int
    candidates: int


class EventPage(BaseModel):
    """Some events, newest first."""

    items: list[EventSummary]
    next_cursor: str | None = None


class TimelineEntry(BaseModel):
    """A step on the way of one notice."""

    step: Step
    title: str
    detail: str
    at: datetime | None
    seconds: float | None = Field(description="Since the notice was received")


class NoticeTimeline(BaseModel):
    """The way of one notice (one correlation id)."""

    correlation_id: UUID
    notice: str
    received_at: datetime | None
    entries: list[TimelineEntry]


class EventDetail(BaseModel):
    """Everything known of an event."""

    event: ingest.EventChanged
    mode: Mode
    revision: int
    preferred_localization_id: UUID | None
    localizations: list[ingest.LocalizationReady]
    decisions: list[notify.DecisionChanged]
    incidents: list[notify.IncidentChanged]
    plans: list[planner.PlanChanged]
    submissions: list[queue_submit.SubmissionChanged]
    exposures: list[queue_submit.ExposuresExecuted]
    coverage: list[planner.CoverageChanged]
    drafts: list[circulars.DraftChanged]
    coincidences: list[ingest.CoincidenceFound] = Field(
        default_factory=list, description="Standing ones, the rarest by chance first"
    )
    circulars: list[ingest.CircularReceived] = Field(
        default_factory=list, description="GCN Circulars of everybody, newest first"
    )
    timeline: list[NoticeTimeline]

    @property
    def preferred(self) -> ingest.LocalizationReady | None:
        """The localization that counts."""
        return preferred(self.localizations)

    @property
    def current_coverage(self) -> list[planner.CoverageChanged]:
        """Coverage of the preferred map alone."""
        chosen = self.preferred
        sha256 = chosen.map.sha256 if chosen else None
        return [item for item in self.coverage if item.map_sha256 == sha256]


async def list_events(
    uow: UnitOfWork, wanted: list_store.EventFilter, *, limit: int, cursor: str | None
) -> EventPage:
    """A page of the list, newest first."""
    before = None
    if cursor is not None:
        value, key = decode_cursor(cursor)
        before = (datetime.fromisoformat(str(value)), UUID(str(key)))
    rows = await list_store.page(uow.session, wanted, limit=limit + 1, before=before)
    shown = rows[:limit]
    ids = [row.event_id for row in shown]
    beside = await list_store.beside(uow.session, ids)
    counts = await list_store.candidate_counts(uow.session, ids)
    items = [_summary(row, beside[row.event_id], counts.get(row.event_id, 0)) for row in shown]
    following = None
    if len(rows) > limit:
        last = shown[-1]
        following = encode_cursor(last.sort_at.isoformat(), str(last.event_id))
    return EventPage(items=items, next_cursor=following)


def _summary(row: EventRow, beside: dict[Kind, list[Projection]], candidates: int) -> EventSummary:
    event = ingest.EventChanged.model_validate(row.data)
    chosen = preferred(
        [ingest.LocalizationReady.model_validate(item.data) for item in beside[Kind.LOCALIZATION]]
    )
    decisions = [notify.DecisionChanged.model_validate(i.data) for i in beside[Kind.DECISION]]
    best = min(decisions, key=lambda d: (VERDICT_ORDER[d.verdict], d.priority), default=None)
    incidents = [notify.IncidentChanged.model_validate(i.data) for i in beside[Kind.INCIDENT]]
    worst = min(incidents, key=lambda i: INCIDENT_ORDER[i.state], default=None)
    plan_states = [str(item.data["state"]) for item in beside[Kind.PLAN]]
    states = [str(item.data["state"]) for item in beside[Kind.SUBMISSION]]
    classes = event.facts.classification
    top = max(classes, key=lambda name: classes[name], default=None)
    return EventSummary(
        event_id=event.event_id,
        name=event.name,
        mission=event.mission,
        kind=event.kind,
        mode=Mode(row.mode),
        alert_kind=event.alert_kind,
        event_time=event.event_time,
        first_notice_at=event.first_notice_at,
        received_at=event.received_at,
        notice_count=event.notice_count,
        is_retracted=event.is_retracted,
        is_test=event.is_test,
        is_subthreshold=event.is_subthreshold,
        is_replay=event.is_replay,
        is_stale=event.is_stale,
        tags=list(event.tags),
        far_hz=event.facts.far_hz,
        top_class=None if top is None else f"{top} {classes[top]:.0%}",
        map=chosen.facts if chosen else None,
        verdict=best.verdict if best else None,
        program_name=best.program_name if best else None,
        incident_state=worst.state if worst else None,
        plans_ready=plan_states.count("ready"),
        plans_failed=plan_states.count("failed"),
        submissions={state: states.count(state) for state in sorted(set(states))},
        in_queue=sum(1 for state in states if state in IN_QUEUE),
        candidates=candidates,
    )


async def resolve_event(uow: UnitOfWork, name_or_id: str) -> EventRow:
    """An event by id or any name, or 404."""
    row = await store.find_event(uow.session, name_or_id)
    if row is None:
        raise NotFoundError(f"no event {name_or_id!r} is known here")
    return row


async def read_event(uow: UnitOfWork, name_or_id: str) -> EventDetail:
    """Everything known of one event."""
    row = await resolve_event(uow, name_or_id)
    event = ingest.EventChanged.model_validate(row.data)
    parts = [member.event_id for member in event.members]
    rows = await store.rows_of_event(uow.session, row.event_id, parts)
    localizations = _all(ingest.LocalizationReady, rows[Kind.LOCALIZATION])
    chosen = preferred(localizations)
    decisions = _all(notify.DecisionChanged, rows[Kind.DECISION])
    decisions.sort(key=lambda item: (VERDICT_ORDER[item.verdict], item.priority))
    plans = _all(planner.PlanChanged, rows[Kind.PLAN])
    plans.sort(key=lambda item: (item.telescope, item.made_at), reverse=False)
    marks = await store.milestones(uow.session, row.event_id, parts)
    coincidences = _all(ingest.CoincidenceFound, rows[Kind.COINCIDENCE])
    return EventDetail(
        event=event,
        mode=Mode(row.mode),
        revision=row.revision,
        preferred_localization_id=chosen.localization_id if chosen else None,
        localizations=sorted(localizations, key=lambda item: item.sequence),
        decisions=decisions,
        incidents=_all(notify.IncidentChanged, rows[Kind.INCIDENT]),
        plans=plans,
        submissions=_all(queue_submit.SubmissionChanged, rows[Kind.SUBMISSION]),
        exposures=_all(queue_submit.ExposuresExecuted, rows[Kind.EXPOSURES]),
        coverage=_all(planner.CoverageChanged, rows[Kind.COVERAGE]),
        drafts=_all(circulars.DraftChanged, rows[Kind.DRAFT]),
        coincidences=sorted(
            (c for c in coincidences if c.state is ingest.CoincidenceState.FOUND),
            key=lambda c: (c.joint_far_hz is None, c.joint_far_hz or 0.0, abs(c.time_offset_s)),
        ),
        circulars=sorted(
            _all(ingest.CircularReceived, rows[Kind.CIRCULAR]),
            key=lambda item: item.created_at,
            reverse=True,
        ),
        timeline=[_timeline(correlation, items) for correlation, items in marks.items()],
    )


def _all(model: Any, rows: list[Projection]) -> list[Any]:
    return [model.model_validate(row.data) for row in rows]


def _timeline(correlation_id: UUID, marks: list[Any]) -> NoticeTimeline:
    entries = time_line(marks)
    begun = next((entry for entry in entries if entry.step is Step.RECEIVED), None)
    return NoticeTimeline(
        correlation_id=correlation_id,
        notice=begun.detail if begun and begun.at else "follow-up",
        received_at=begun.at if begun else None,
        entries=[
            TimelineEntry(
                step=entry.step,
                title=entry.title,
                detail=entry.detail,
                at=entry.at,
                seconds=entry.seconds,
            )
            for entry in entries
        ],
    )

"""From an event of any service to the row that the pages read.

A row is the latest state of one thing, as its owner's event carried it; the revision decides
which of two is the later.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from too_common.contracts import circulars, ingest, notify, planner, queue_submit
from too_common.contracts.alarms import AlarmChanged
from too_common.contracts.base import Envelope, EventData


class Kind(StrEnum):
    """What a projected row is about."""

    LOCALIZATION = "localization"
    DECISION = "decision"
    INCIDENT = "incident"
    PLAN = "plan"
    SUBMISSION = "submission"
    EXPOSURES = "exposures"
    COVERAGE = "coverage"
    DRAFT = "draft"
    ALARM = "alarm"
    STREAM = "stream"
    CIRCULAR = "circular"
    TELESCOPE = "telescope"
    DUTY = "duty"
    COINCIDENCE = "coincidence"


@dataclass(frozen=True, slots=True)
class Row:
    """Where a message's state belongs."""

    kind: Kind
    item_id: str
    event_id: UUID | None


def row_of(envelope: Envelope[Any]) -> Row | None:
    """Place of a message's state; None for what is not projected generically.

    Decisions are kept per event and program, so that a program's newest judgement replaces the
    one before; coverage per map, telescope and filter.
    """
    data = envelope.data
    if isinstance(data, AlarmChanged):
        return Row(Kind.ALARM, f"{envelope.source}:{data.alarm_id}"[:200], data.event_id)
    for model, (kind, name_of) in _PLACES.items():
        if isinstance(data, model):
            return Row(kind, name_of(data), getattr(data, "event_id", None))
    return None


_PLACES: dict[type[EventData], tuple[Kind, Callable[[Any], str]]] = {
    ingest.LocalizationReady: (Kind.LOCALIZATION, lambda d: str(d.localization_id)),
    ingest.CoincidenceFound: (
        Kind.COINCIDENCE,
        lambda d: f"{d.coincidence_id}:{d.event_id}",
    ),
    ingest.StreamChanged: (Kind.STREAM, lambda d: d.stream),
    ingest.CircularReceived: (
        Kind.CIRCULAR,
        lambda d: f"{d.circular_id!r}:{d.event_id or ''}",
    ),
    notify.DecisionChanged: (Kind.DECISION, lambda d: f"{d.event_id}:{d.program_id}"),
    notify.IncidentChanged: (Kind.INCIDENT, lambda d: str(d.incident_id)),
    notify.DutyChanged: (Kind.DUTY, lambda _: "current"),
    planner.TelescopeChanged: (Kind.TELESCOPE, lambda d: d.name),
    planner.PlanChanged: (Kind.PLAN, lambda d: str(d.plan_id)),
    planner.CoverageChanged: (
        Kind.COVERAGE,
        lambda d: f"{d.event_id}:{d.map_sha256[:16]}:{d.telescope}:{d.filter}",
    ),
    queue_submit.SubmissionChanged: (Kind.SUBMISSION, lambda d: str(d.submission_id)),
    queue_submit.ExposuresExecuted: (Kind.EXPOSURES, lambda d: str(d.submission_id)),
    circulars.DraftChanged: (Kind.DRAFT, lambda d: str(d.draft_id)),
}
"""Where the state of each type belongs, and its name there."""


def preferred(
    localizations: list[ingest.LocalizationReady],
) -> ingest.LocalizationReady | None:
    """The localization that counts: the one that ingest named so last.

    The one that was preferred before keeps its old message, so more than one row may say it; and a
    map that came late may have a lower sequence than a cone that served meanwhile.
    """
    named = [item for item in localizations if item.is_preferred]
    if named:
        return max(named, key=lambda item: item.event_revision)
    return max(localizations, key=lambda item: (item.sequence, item.rank), default=None)


def is_snapshot(envelope: Envelope[Any]) -> bool:
    """True for a state that an owner served for a rebuild: it follows from no notice.

    Correlation ids of notices are of version 7, those of snapshots of version 4.
    """
    return envelope.correlation_id.version == 4

"""From an event of any service to the row that the pages read.

A row is the latest state of one thing, as its owner's event carried it; the revision decides
which of two is the later.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from too_common.contracts import circulars, ingest, notify, planner, queue_submit
from too_common.contracts.alarms import AlarmChanged
from too_common.contracts.base import Envelope


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
    TELESCOPE = "telescope"
    DUTY = "duty"


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
    match data:
        case ingest.LocalizationReady():
            return Row(Kind.LOCALIZATION, str(data.localization_id), data.event_id)
        case notify.DecisionChanged():
            return Row(Kind.DECISION, f"{data.event_id}:{data.program_id}", data.event_id)
        case notify.IncidentChanged():
            return Row(Kind.INCIDENT, str(data.incident_id), data.event_id)
        case planner.PlanChanged():
            return Row(Kind.PLAN, str(data.plan_id), data.event_id)
        case queue_submit.SubmissionChanged():
            return Row(Kind.SUBMISSION, str(data.submission_id), data.event_id)
        case queue_submit.ExposuresExecuted():
            return Row(Kind.EXPOSURES, str(data.submission_id), data.event_id)
        case planner.CoverageChanged():
            item = f"{data.event_id}:{data.map_sha256[:16]}:{data.telescope}:{data.filter}"
            return Row(Kind.COVERAGE, item, data.event_id)
        case circulars.DraftChanged():
            return Row(Kind.DRAFT, str(data.draft_id), data.event_id)
        case ingest.StreamChanged():
            return Row(Kind.STREAM, data.stream, None)
        case planner.TelescopeChanged():
            return Row(Kind.TELESCOPE, data.name, None)
        case notify.DutyChanged():
            return Row(Kind.DUTY, "current", None)
        case AlarmChanged():
            return Row(Kind.ALARM, f"{envelope.source}:{data.alarm_id}"[:200], data.event_id)
        case _:
            return None


def preferred(
    localizations: list[ingest.LocalizationReady],
) -> ingest.LocalizationReady | None:
    """The localization that counts: of those that said so, the latest, then the highest rank.

    The one that was preferred before keeps its old message, so more than one row may say it.
    """
    chosen = [item for item in localizations if item.is_preferred] or localizations
    return max(chosen, key=lambda item: (item.sequence, item.rank), default=None)

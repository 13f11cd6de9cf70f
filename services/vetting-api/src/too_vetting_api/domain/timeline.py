"""The way of one notice through the marshal: which event marks which step, and when.

Everything that follows from one notice carries its correlation id; what follows from a person's
act on a plan (approval, acceptance, exposures) belongs to the notice that the plan came from.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from too_common.contracts import ingest, notify, planner, queue_submit
from too_common.contracts.base import Envelope


class Step(StrEnum):
    """Steps in their usual order."""

    RECEIVED = "received"
    STORED = "stored"
    MAP_READY = "map_ready"
    DECIDED = "decided"
    PAGED = "paged"
    PLANNED = "planned"
    APPROVED = "approved"
    ACCEPTED = "accepted"
    FIRST_EXPOSURE = "first_exposure"
    WITHDRAWN = "withdrawn"


TITLES = {
    Step.RECEIVED: "Notice received",
    Step.STORED: "Stored and understood",
    Step.MAP_READY: "Sky map ready",
    Step.DECIDED: "Program decided",
    Step.PAGED: "People paged",
    Step.PLANNED: "Plan ready",
    Step.APPROVED: "Approved",
    Step.ACCEPTED: "Accepted by the queue",
    Step.FIRST_EXPOSURE: "First exposure",
    Step.WITHDRAWN: "Withdrawn from the queue",
}
"""What a person reads."""

ORDER = {step: number for number, step in enumerate(Step)}


@dataclass(frozen=True, slots=True)
class Mark:
    """One step reached."""

    step: Step
    subject: str
    event_id: UUID
    at: datetime
    detail: str = ""
    plan_id: UUID | None = None
    """The plan whose notice this step belongs to, if it follows from a person's act."""


def marks_of(envelope: Envelope[Any]) -> list[Mark]:
    """Steps that a message tells of; the same step told again is the caller's to merge."""
    data = envelope.data
    at = envelope.occurred_at
    match data:
        case ingest.EventChanged():
            kind = data.notice_type
            return [
                Mark(Step.RECEIVED, "notice", data.event_id, data.received_at, kind),
                Mark(Step.STORED, "notice", data.event_id, at),
            ]
        case ingest.LocalizationReady():
            detail = f"map {data.sequence}, {data.origin.value}"
            return [Mark(Step.MAP_READY, "map", data.event_id, at, detail)]
        case notify.DecisionChanged():
            words = {"wanted": "wants it", "pending": "waits", "not_wanted": "does not want it"}
            detail = f"{data.program_name} {words[data.verdict.value]}"
            return [Mark(Step.DECIDED, str(data.program_id), data.event_id, at, detail)]
        case notify.IncidentChanged(event_id=UUID()):
            return _paged(data)
        case planner.PlanChanged(state=planner.PlanState.READY):
            return [Mark(Step.PLANNED, data.telescope, data.event_id, data.made_at, data.telescope)]
        case queue_submit.SubmissionChanged(event_id=UUID()):
            return _submitted(data)
        case queue_submit.ExposuresExecuted(event_id=UUID()) if data.exposures:
            first = min(exposure.start for exposure in data.exposures)
            return [_mark(data, Step.FIRST_EXPOSURE, first)]
        case _:
            return []


def _paged(data: notify.IncidentChanged) -> list[Mark]:
    if data.event_id is None:
        return []
    sent = [item for item in data.deliveries if item.purpose == "page"]
    if not sent:
        return []
    first = min(sent, key=lambda item: item.at)
    people = ", ".join(sorted({item.name for item in sent}))
    return [Mark(Step.PAGED, str(data.incident_id), data.event_id, first.at, people)]


def _submitted(data: queue_submit.SubmissionChanged) -> list[Mark]:
    times = (
        (Step.APPROVED, data.approved_at),
        (Step.ACCEPTED, data.accepted_at),
        (Step.WITHDRAWN, data.cancelled_at),
    )
    return [_mark(data, step, at) for step, at in times if at is not None]


def _mark(
    data: queue_submit.SubmissionChanged | queue_submit.ExposuresExecuted,
    step: Step,
    at: datetime,
) -> Mark:
    event_id = data.event_id
    if event_id is None:  # pragma: no cover - the callers matched on it
        raise ValueError("a step needs an event")
    return Mark(step, data.facility, event_id, at, data.facility, plan_id=data.plan_id)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the time line that a person reads."""

    step: Step
    title: str
    detail: str
    at: datetime | None
    seconds: float | None
    """Since the notice was received."""


def time_line(marks: list[Mark], *, with_waiting: bool = True) -> list[Entry]:
    """Order a notice's steps, each with its seconds since the notice.

    Parameters
    ----------
    marks
        Steps reached, of one correlation id.
    with_waiting
        Also list the steps that have not been reached yet, without a time.
    """
    begun = [mark.at for mark in marks if mark.step is Step.RECEIVED]
    start = min(begun, default=None)
    entries = [
        Entry(
            step=mark.step,
            title=TITLES[mark.step],
            detail=mark.detail,
            at=mark.at,
            seconds=None if start is None else (mark.at - start).total_seconds(),
        )
        for mark in sorted(marks, key=lambda mark: (ORDER[mark.step], mark.at, mark.subject))
    ]
    if not with_waiting:
        return entries
    reached = {entry.step for entry in entries}
    missing = [step for step in Step if step not in reached and step is not Step.WITHDRAWN]
    entries += [Entry(step, TITLES[step], "", None, None) for step in missing]
    return sorted(entries, key=lambda entry: ORDER[entry.step])

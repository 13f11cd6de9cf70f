"""Events written by notify: decisions of science programs, incidents, duty."""

from enum import StrEnum
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from too_common.contracts.base import Contract, EventData, UtcDatetime, register


class Verdict(StrEnum):
    """What a program says of an event."""

    WANTED = "wanted"
    PENDING = "pending"
    NOT_WANTED = "not_wanted"


class ClauseOutcome(StrEnum):
    """Three-valued: a clause on an unknown fact is pending, neither true nor false."""

    TRUE = "true"
    FALSE = "false"
    PENDING = "pending"


class ClauseResult(Contract):
    """One clause of the criteria and the value that it saw."""

    clause: str = Field(description="In words, e.g. 'area90_deg2 < 200'")
    outcome: ClauseOutcome
    value: Any = None


class PlanningProfile(Contract):
    """How a program wants an event observed. None: the telescope's own default."""

    telescopes: tuple[str, ...] = Field(default=(), description="Empty: every telescope")
    filters: tuple[str, ...] | None = None
    exposure_times_s: tuple[float, ...] | None = None
    min_gap_s: float | None = None
    max_fields: int | None = Field(default=None, ge=1, description="Fields a night")
    probability: float | None = Field(
        default=None, gt=0, le=1, description="Stop when this much of the map is covered"
    )
    airmass_max: float | None = None
    window_h: float = 24.0
    require_references: bool | None = None
    objective: Literal["seq", "any"] | None = Field(
        default=None, description="seq: the whole sequence counts; any: sky seen once counts"
    )
    filter_order: Literal["block", "integrated"] | None = None
    balanced: bool | None = Field(
        default=None, description="Only fields that get every filter of the sequence"
    )
    dither: bool | None = None
    moon_separation_min_deg: float | None = Field(default=None, ge=0, le=180)
    galactic_latitude_min_deg: float | None = Field(
        default=None, ge=0, lt=90, description="No field whose centre is nearer to the plane"
    )
    absolute_mag: dict[str, float] | None = Field(
        default=None,
        description="Of the target, AB, by filter: fields in which it cannot be seen count less",
    )
    credit_others: bool = Field(
        default=False, description="Leave out the sky of others' listed pointings"
    )


class SubmissionKind(StrEnum):
    """Who sends a plan to the telescope."""

    BY_HAND = "by_hand"
    AUTOMATIC = "automatic"


class SubmissionPolicy(Contract):
    """By hand, or automatic within limits."""

    kind: SubmissionKind = SubmissionKind.BY_HAND
    min_probability: float = Field(default=0.0, ge=0, le=1)
    max_total_time_s: float | None = None
    max_plan_age_s: float = 3600.0
    facilities: tuple[str, ...] = ()


@register
class DecisionChanged(EventData):
    """What a science program decided about an event, and why."""

    TYPE: ClassVar[str] = "notify.decision_changed"

    decision_id: UUID
    event_id: UUID
    event_revision: int
    localization_id: UUID | None = None
    map_sha256: str | None = None
    program_id: UUID
    program_name: str
    program_version: int
    verdict: Verdict
    clauses: tuple[ClauseResult, ...]
    priority: int = Field(description="Lower is more important")
    planning: PlanningProfile
    submission: SubmissionPolicy


class IncidentState(StrEnum):
    """States of a page."""

    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class DeliverySummary(Contract):
    """One message to one person, without any number or address."""

    delivery_id: UUID
    account_id: UUID | None
    name: str
    channel: str = Field(description="sms | voice | email | slack")
    purpose: str = Field(description="page | stand_down | news | test")
    state: str
    at: UtcDatetime


@register
class IncidentChanged(EventData):
    """A page: opened, escalated, acknowledged, resolved."""

    TYPE: ClassVar[str] = "notify.incident_changed"

    incident_id: UUID
    event_id: UUID | None
    title: str
    state: IncidentState
    severity: int = 1
    opened_at: UtcDatetime
    acknowledged_by: UUID | None = None
    acknowledged_name: str | None = None
    acknowledged_via: str | None = Field(default=None, description="voice | sms | slack | page")
    acknowledged_at: UtcDatetime | None = None
    resolved_reason: str | None = None
    step: int = 0
    deliveries: tuple[DeliverySummary, ...] = ()


@register
class DutyChanged(EventData):
    """Who is on duty; account ids only, never numbers."""

    TYPE: ClassVar[str] = "notify.duty_changed"

    account_ids: tuple[UUID, ...]
    begins_at: UtcDatetime
    ends_at: UtcDatetime

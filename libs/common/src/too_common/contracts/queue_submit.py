"""Events written by queue-submit: submissions and executed exposures."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from too_common.contracts.base import Contract, EventData, UtcDatetime, register


class SubmissionState(StrEnum):
    """States of a submission (facts/submission-safety rule 1)."""

    DRAFT = "draft"
    APPROVED = "approved"
    SENDING = "sending"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    ACTIVE = "active"
    PARTIAL = "partial"
    COMPLETE = "complete"
    EXPIRED = "expired"
    CANCEL_REQUESTED = "cancel_requested"
    CANCELLED = "cancelled"
    CANCEL_FAILED = "cancel_failed"
    DISCARDED = "discarded"


class FacilityMode(StrEnum):
    """In which world a facility lives. Off is the default."""

    OFF = "off"
    SIMULATED = "simulated"
    LIVE = "live"


@register
class SubmissionChanged(EventData):
    """State of what was, or is to be, sent to a telescope's queue."""

    TYPE: ClassVar[str] = "queue_submit.submission_changed"

    submission_id: UUID
    event_id: UUID | None
    plan_id: UUID | None
    facility: str
    facility_mode: FacilityMode
    state: SubmissionState
    external_name: str
    payload_sha256: str
    window_begin: UtcDatetime
    window_end: UtcDatetime
    exposures_planned: int
    exposures_executed: int = 0
    total_time_s: float = Field(default=0.0, description="Cost: exposures and overheads")
    warnings: tuple[str, ...] = ()
    reason: str | None = None
    approved_by: UUID | None = None
    approved_at: UtcDatetime | None = None
    sent_at: UtcDatetime | None = None
    accepted_at: UtcDatetime | None = None
    verified_at: UtcDatetime | None = None
    cancelled_at: UtcDatetime | None = None
    supersedes: UUID | None = None


class ExecutedExposure(Contract):
    """One exposure that a telescope really took."""

    exposure_id: str = Field(description="Unique within the facility")
    field_id: str | None
    ra_deg: float
    dec_deg: float
    filter: str
    start: UtcDatetime
    exposure_s: float
    depth_mag: float | None = Field(default=None, description="5 sigma, AB")
    processed_fraction: float = Field(default=1.0, ge=0, le=1)
    source: str = Field(description="Where it was read: irsa_tap, ztf_depot, ...")


@register
class ExposuresExecuted(EventData):
    """Executed exposures of a submission, all known so far (state, not a difference)."""

    TYPE: ClassVar[str] = "queue_submit.exposures_executed"

    submission_id: UUID
    event_id: UUID | None
    plan_id: UUID | None
    facility: str
    exposures: tuple[ExecutedExposure, ...]


class ForeignPointing(Contract):
    """A pointing of somebody else's telescope, planned or done."""

    ra_deg: float = Field(ge=0, le=360)
    dec_deg: float = Field(ge=-90, le=90)
    radius_deg: float | None = Field(default=None, gt=0, le=30, description="A circular field")
    side_deg: float | None = Field(default=None, gt=0, le=60, description="A square field")
    polygon_deg: tuple[tuple[float, float], ...] | None = Field(
        default=None, description="Corners in the tangent plane: x to the east, y to the north"
    )
    at: UtcDatetime | None = None
    filter: str | None = None
    depth_mag: float | None = Field(default=None, description="5 sigma, AB")
    is_done: bool = Field(default=True, description="Observed; else planned")
    instrument: str | None = None


@register
class ForeignPointingsListed(EventData):
    """Others' pointings on an event from one source, all known so far (state, not a difference)."""

    TYPE: ClassVar[str] = "queue_submit.foreign_pointings_listed"

    event_id: UUID
    source: str = Field(description="Who listed them, e.g. treasure-map")
    pointings: tuple[ForeignPointing, ...] = Field(max_length=2000)

"""Tables of schema ``queue_submit``.

``attempts`` may get its outcome once and is closed then; ``exchanges``, ``approvals`` (but for
their end) and ``audit`` only grow: triggers of the first migration refuse anything else.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from too_common.db import UtcDateTime, service_metadata
from too_common.ids import uuid7

from too_queue_submit.state_machine import OCCUPYING

METADATA = service_metadata("queue-submit")

_ACTIVE = ", ".join(sorted(f"'{state.value}'" for state in OCCUPYING))


class Base(DeclarativeBase):
    """Base of this schema's tables."""

    metadata = METADATA
    type_annotation_map = {  # noqa: RUF012 - as SQLAlchemy wants it
        datetime: UtcDateTime(),
        UUID: PG_UUID(as_uuid=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        str: Text,
        int: BigInteger,
    }


class FacilityRow(Base):
    """A facility's switches, its lease, and whether it could be reached."""

    __tablename__ = "facilities"

    name: Mapped[str] = mapped_column(primary_key=True)
    mode: Mapped[str] = mapped_column(server_default=text("'off'"))
    is_stopped: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    fencing: Mapped[int] = mapped_column(server_default=text("0"))
    lease_holder: Mapped[UUID | None]
    lease_until: Mapped[datetime | None] = mapped_column(comment="wall time")
    is_reachable: Mapped[bool | None]
    contact_at: Mapped[datetime | None] = mapped_column(comment="last answer, stack time")
    contact_error: Mapped[str | None]
    changed_at: Mapped[datetime | None]
    changed_by: Mapped[UUID | None]


class SwitchRow(Base):
    """The global kill switch: one row."""

    __tablename__ = "switches"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    is_stopped: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    changed_at: Mapped[datetime | None]
    changed_by: Mapped[UUID | None]


class EventRow(Base):
    """What ingest told of an event, and its preferred map."""

    __tablename__ = "events"

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(server_default=text("-1"))
    name: Mapped[str | None]
    is_retracted: Mapped[bool] = mapped_column(server_default=text("false"))
    is_stale: Mapped[bool] = mapped_column(server_default=text("false"))
    is_replay: Mapped[bool] = mapped_column(server_default=text("false"))
    mode: Mapped[str] = mapped_column(server_default=text("'live'"))
    map_sha256: Mapped[str | None]
    map_told_at: Mapped[datetime | None]


class PlanRow(Base):
    """The newest state of a plan that planner told."""

    __tablename__ = "plans"

    plan_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int]
    event_id: Mapped[UUID | None] = mapped_column(index=True)
    telescope: Mapped[str]
    state: Mapped[str]
    data: Mapped[dict[str, Any]]
    cause: Mapped[dict[str, Any]]
    problem: Mapped[str | None] = mapped_column(comment="why no draft could be made")


class TelescopeRow(Base):
    """A telescope's definition."""

    __tablename__ = "telescopes"

    name: Mapped[str] = mapped_column(primary_key=True)
    revision: Mapped[int]
    definition: Mapped[dict[str, Any]]


class DecisionRow(Base):
    """A program's decision with its submission policy."""

    __tablename__ = "decisions"

    decision_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int]
    event_id: Mapped[UUID]
    program_name: Mapped[str]
    verdict: Mapped[str]
    submission: Mapped[dict[str, Any]]


class AccountRow(Base):
    """Whether an account is active, and its name."""

    __tablename__ = "accounts"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int]
    name: Mapped[str]
    is_active: Mapped[bool]


class SubmissionRow(Base):
    """One payload for one facility, from draft to its end."""

    __tablename__ = "submissions"
    __table_args__ = (
        CheckConstraint("lane IN (0, 1)", name="lane"),
        # one active submission per event and facility, plus its successor in the other lane
        Index(
            "uq_submissions_active",
            "event_id",
            "facility",
            "lane",
            unique=True,
            postgresql_where=text(f"state IN ({_ACTIVE})"),
        ),
        Index("ix_submissions_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index(
            "ix_submissions_sending",
            "facility",
            postgresql_where=text("state = 'sending'"),
        ),
    )

    submission_id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    revision: Mapped[int] = mapped_column(server_default=text("0"))
    state: Mapped[str]
    facility: Mapped[str] = mapped_column(ForeignKey("facilities.name"), index=True)
    facility_mode: Mapped[str] = mapped_column(server_default=text("'off'"))
    event_id: Mapped[UUID | None] = mapped_column(index=True)
    event_label: Mapped[str]
    plan_id: Mapped[UUID] = mapped_column(index=True)
    decision_id: Mapped[UUID | None]
    is_manual: Mapped[bool]
    map_sha256: Mapped[str | None]
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    external_name: Mapped[str]
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    payload_sha256: Mapped[str]
    media_type: Mapped[str]
    window_begin: Mapped[datetime]
    window_end: Mapped[datetime]
    exposures_planned: Mapped[int]
    exposures_executed: Mapped[int] = mapped_column(server_default=text("0"))
    exposures_matched: Mapped[int] = mapped_column(server_default=text("0"))
    total_time_s: Mapped[float] = mapped_column(Float)
    probability: Mapped[float | None]
    plan_made_at: Mapped[datetime]
    warnings: Mapped[list[Any]]
    reason: Mapped[str | None]
    is_automatic: Mapped[bool] = mapped_column(server_default=text("false"))
    acknowledged_newer_map: Mapped[bool] = mapped_column(server_default=text("false"))
    lane: Mapped[int] = mapped_column(server_default=text("0"))
    supersedes: Mapped[UUID | None]
    cancel_reason: Mapped[str | None]
    cancel_notice_at: Mapped[datetime | None] = mapped_column(
        comment="when the notice for people was left beside a file that was taken"
    )
    cancel_certain: Mapped[bool] = mapped_column(
        server_default=text("false"), comment="the attempt's outcome was known when withdrawn"
    )
    send_attempts: Mapped[int] = mapped_column(server_default=text("0"))
    fencing: Mapped[int | None]
    approved_by: Mapped[UUID | None]
    approved_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    verified_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None] = mapped_column(comment="a person says: loaded")
    confirmed_by: Mapped[UUID | None]
    looked_at: Mapped[datetime | None]
    progress_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None] = mapped_column(comment="next look, stack time")
    made_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    cause: Mapped[dict[str, Any]]


class AttemptRow(Base):
    """One outward act: the intent is committed before the call, the outcome after it, once."""

    __tablename__ = "attempts"

    attempt_id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    submission_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("submissions.submission_id"), index=True
    )
    facility: Mapped[str]
    facility_mode: Mapped[str]
    kind: Mapped[str] = mapped_column(comment="send | verify | reconcile | withdraw")
    fencing: Mapped[int | None]
    stage: Mapped[str] = mapped_column(comment="intent | acting")
    payload_sha256: Mapped[str | None]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    detail: Mapped[str | None]


class ExchangeRow(Base):
    """The exact bytes of one request and of its answer, secrets removed."""

    __tablename__ = "exchanges"

    exchange_id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    attempt_id: Mapped[UUID] = mapped_column(ForeignKey("attempts.attempt_id"), index=True)
    at: Mapped[datetime] = mapped_column(comment="wall time")
    operation: Mapped[str]
    request: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[str | None]
    response: Mapped[bytes | None] = mapped_column(LargeBinary)
    error: Mapped[str | None]


class ApprovalRow(Base):
    """Who approved which bytes."""

    __tablename__ = "approvals"

    approval_id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    submission_id: Mapped[UUID] = mapped_column(ForeignKey("submissions.submission_id"), index=True)
    payload_sha256: Mapped[str]
    account_id: Mapped[UUID | None] = mapped_column(comment="null: by the program's policy")
    name: Mapped[str]
    is_automatic: Mapped[bool]
    acknowledged_newer_map: Mapped[bool]
    policy: Mapped[dict[str, Any] | None]
    approved_at: Mapped[datetime]
    dropped_at: Mapped[datetime | None]
    dropped_reason: Mapped[str | None]


class ExposureRow(Base):
    """An exposure that was really taken; one row per facility's exposure id and submission."""

    __tablename__ = "exposures"

    facility: Mapped[str] = mapped_column(primary_key=True)
    exposure_id: Mapped[str] = mapped_column(primary_key=True)
    submission_id: Mapped[UUID] = mapped_column(
        ForeignKey("submissions.submission_id"), primary_key=True
    )
    data: Mapped[dict[str, Any]]
    start: Mapped[datetime]
    first_seen_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class AuditRow(Base):
    """Who did what, when; it only grows."""

    __tablename__ = "audit"

    audit_id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    account_id: Mapped[UUID | None]
    who: Mapped[str]
    what: Mapped[str]
    facility: Mapped[str | None]
    submission_id: Mapped[UUID | None] = mapped_column(index=True)
    details: Mapped[dict[str, Any]]

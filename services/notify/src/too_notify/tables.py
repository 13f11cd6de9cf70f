"""Tables of notify's schema."""

from datetime import datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    Text,
    Time,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from too_common.db import UtcDateTime, service_metadata
from too_common.ids import uuid7

METADATA = service_metadata("notify")


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = METADATA
    type_annotation_map = {  # noqa: RUF012  read by SQLAlchemy, never changed
        datetime: UtcDateTime(),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        str: Text,
        time: Time(timezone=False),
    }


# --- what other services told ------------------------------------------------------------------


class AccountRow(Base):
    """Read model of vetting-api's accounts."""

    __tablename__ = "accounts"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    username: Mapped[str]
    name: Mapped[str]
    active: Mapped[bool]
    scopes: Mapped[list[Any]]
    revision: Mapped[int] = mapped_column(BigInteger)


class EventRow(Base):
    """Read model of ingest's events."""

    __tablename__ = "events"

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str]
    is_retracted: Mapped[bool]
    mode: Mapped[str]
    drill_id: Mapped[UUID | None]
    correlation_id: Mapped[UUID]
    received_at: Mapped[datetime]
    data: Mapped[dict[str, Any]]


class MapRow(Base):
    """Read model of ingest's localizations."""

    __tablename__ = "maps"

    localization_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(index=True)
    revision: Mapped[int] = mapped_column(BigInteger)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    is_preferred: Mapped[bool]
    event_revision: Mapped[int] = mapped_column(BigInteger)
    sequence: Mapped[int]
    data: Mapped[dict[str, Any]]


class PictureRow(Base):
    """Every picture in which an event was judged, in order: programs are tried on them."""

    __tablename__ = "pictures"

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    picture: Mapped[dict[str, Any]]


class SubmissionRow(Base):
    """Read model of queue-submit's submissions: what was last heard of each."""

    __tablename__ = "submissions"

    submission_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str]


class AlarmRow(Base):
    """What was last heard of each service's alarms, by whichever way."""

    __tablename__ = "heard_alarms"

    key: Mapped[str] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str]
    summary: Mapped[str]
    severity: Mapped[str]
    heard_at: Mapped[datetime]


# --- programs and decisions --------------------------------------------------------------------


class ProgramRow(Base):
    """A science program; what it says is in its versions."""

    __tablename__ = "programs"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    name: Mapped[str] = mapped_column(unique=True)
    version: Mapped[int]
    is_active: Mapped[bool]
    priority: Mapped[int]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class ProgramVersionRow(Base):
    """One version of a program; never changed."""

    __tablename__ = "program_versions"

    program_id: Mapped[UUID] = mapped_column(ForeignKey(ProgramRow.id), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[dict[str, Any]]
    made_at: Mapped[datetime]
    made_by: Mapped[UUID | None]
    made_by_name: Mapped[str]


class DecisionRow(Base):
    """What a program says of an event now."""

    __tablename__ = "decisions"
    __table_args__ = (UniqueConstraint("event_id", "program_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    event_id: Mapped[UUID]
    program_id: Mapped[UUID] = mapped_column(ForeignKey(ProgramRow.id))
    program_version: Mapped[int]
    revision: Mapped[int]
    verdict: Mapped[str]
    clauses: Mapped[list[Any]]
    latch: Mapped[dict[str, Any] | None]
    event_revision: Mapped[int] = mapped_column(BigInteger)
    localization_id: Mapped[UUID | None]
    map_sha256: Mapped[str | None]
    published: Mapped[dict[str, Any]]
    decided_at: Mapped[datetime]


class DecisionLogRow(Base):
    """Every decision ever made, with each clause and the value it saw; append-only."""

    __tablename__ = "decision_log"

    decision_id: Mapped[UUID] = mapped_column(ForeignKey(DecisionRow.id), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    program_version: Mapped[int]
    verdict: Mapped[str]
    clauses: Mapped[list[Any]]
    event_revision: Mapped[int] = mapped_column(BigInteger)
    map_sha256: Mapped[str | None]
    decided_at: Mapped[datetime]


# --- people and duty ---------------------------------------------------------------------------


class ContactCardRow(Base):
    """How a person can be reached. Numbers are never logged and leave only in a page."""

    __tablename__ = "contact_cards"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int]
    phone: Mapped[str | None] = mapped_column(index=True)
    phone_verified_at: Mapped[datetime | None]
    sms_stopped_at: Mapped[datetime | None]
    email: Mapped[str | None]
    slack_user_id: Mapped[str | None]
    timezone: Mapped[str]
    hours_begin: Mapped[time | None]
    hours_end: Mapped[time | None]
    channels: Mapped[list[Any]]
    code_hash: Mapped[str | None]
    code_expires_at: Mapped[datetime | None]
    code_tries: Mapped[int] = mapped_column(SmallInteger, default=0)
    is_sample: Mapped[bool]
    revision: Mapped[int]
    changed_at: Mapped[datetime]


class RotaEntryRow(Base):
    """A weekly entry of the rota."""

    __tablename__ = "rota_entries"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    account_id: Mapped[UUID]
    position: Mapped[int]
    weekdays: Mapped[list[Any]]
    hours_begin: Mapped[time | None]
    hours_end: Mapped[time | None]
    timezone: Mapped[str | None]


class OverrideRow(Base):
    """An exception to rota and hours."""

    __tablename__ = "overrides"
    __table_args__ = (Index("ix_overrides_ends_at", "ends_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    account_id: Mapped[UUID]
    kind: Mapped[str]
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reason: Mapped[str]
    made_by: Mapped[UUID | None]
    made_at: Mapped[datetime]


class DutyRow(Base):
    """Who was last announced to be on duty; one row."""

    __tablename__ = "duty"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_ids: Mapped[list[Any]]
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    due_at: Mapped[datetime]
    revision: Mapped[int]


class RotaVersionRow(Base):
    """Revision of the rota as a whole, for edits at the same time; one row."""

    __tablename__ = "rota_version"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]


# --- incidents and deliveries ------------------------------------------------------------------


class ThreadRow(Base):
    """Where the news of one event go: one Slack thread, one mail thread."""

    __tablename__ = "threads"

    key: Mapped[str] = mapped_column(primary_key=True)
    slack_channel: Mapped[str | None]
    slack_ts: Mapped[str | None]
    mail_id: Mapped[str | None]


class IncidentRow(Base):
    """A page."""

    __tablename__ = "incidents"
    __table_args__ = (
        Index(
            "uq_incidents_open_key",
            "key",
            unique=True,
            postgresql_where=text("state <> 'resolved'"),
        ),
        Index(
            "uq_incidents_open_code",
            "code",
            unique=True,
            postgresql_where=text("state <> 'resolved'"),
        ),
        Index(
            "ix_incidents_ack_runs_out_at",
            "ack_runs_out_at",
            postgresql_where=text("state = 'acknowledged'"),
        ),
        Index("ix_incidents_opened_at", "opened_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    key: Mapped[str]
    thread_key: Mapped[str]
    code: Mapped[str]
    event_id: Mapped[UUID | None] = mapped_column(index=True)
    alarm_id: Mapped[str | None]
    name: Mapped[str]
    title: Mapped[str]
    severity: Mapped[int] = mapped_column(SmallInteger)
    programs: Mapped[list[Any]]
    mode: Mapped[str]
    drill_id: Mapped[UUID | None]
    correlation_id: Mapped[UUID]
    state: Mapped[str]
    opened_at: Mapped[datetime]
    triggered_at: Mapped[datetime]
    round: Mapped[int]
    step: Mapped[int]
    ack_account_id: Mapped[UUID | None]
    ack_name: Mapped[str | None]
    ack_via: Mapped[str | None]
    ack_at: Mapped[datetime | None]
    ack_runs_out_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    resolved_reason: Mapped[str | None]
    resolved_by: Mapped[UUID | None]
    called: Mapped[list[Any]]
    passed: Mapped[list[Any]]
    has_submission: Mapped[bool] = mapped_column(default=False)
    revision: Mapped[int]


class IncidentLogRow(Base):
    """What happened to an incident, by whom and how; append-only."""

    __tablename__ = "incident_log"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    incident_id: Mapped[UUID] = mapped_column(ForeignKey(IncidentRow.id), index=True)
    at: Mapped[datetime]
    what: Mapped[str]
    account_id: Mapped[UUID | None]
    name: Mapped[str | None]
    via: Mapped[str | None]
    detail: Mapped[str]


class StepRow(Base):
    """A step of the escalation, due in stack time."""

    __tablename__ = "steps"
    __table_args__ = (
        UniqueConstraint("incident_id", "round", "number"),
        Index("ix_steps_due", "due_at", postgresql_where=text("state = 'waiting'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    incident_id: Mapped[UUID] = mapped_column(ForeignKey(IncidentRow.id))
    round: Mapped[int]
    number: Mapped[int]
    kind: Mapped[str]
    due_at: Mapped[datetime]
    state: Mapped[str]
    done_at: Mapped[datetime | None]


class DeliveryRow(Base):
    """One message to one person (or channel): first the intent, then what became of it."""

    __tablename__ = "deliveries"
    __table_args__ = (Index("ix_deliveries_account_planned", "account_id", "planned_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    opaque_id: Mapped[str] = mapped_column(unique=True)
    incident_id: Mapped[UUID | None] = mapped_column(ForeignKey(IncidentRow.id), index=True)
    step_id: Mapped[UUID | None] = mapped_column(index=True)
    thread_key: Mapped[str | None]
    account_id: Mapped[UUID | None]
    name: Mapped[str]
    channel: Mapped[str]
    purpose: Mapped[str]
    subject: Mapped[str]
    body: Mapped[str]
    mode: Mapped[str]
    state: Mapped[str]
    state_at: Mapped[datetime]
    planned_at: Mapped[datetime]
    attempt: Mapped[int]
    begun_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    heard_at: Mapped[datetime | None]
    sid: Mapped[str | None] = mapped_column(index=True)
    error_code: Mapped[int | None]
    reason: Mapped[str | None]


class DeliveryLogRow(Base):
    """Every attempt, outcome and callback of a delivery; append-only."""

    __tablename__ = "delivery_log"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    delivery_id: Mapped[UUID] = mapped_column(ForeignKey(DeliveryRow.id), index=True)
    attempt: Mapped[int]
    at: Mapped[datetime]
    what: Mapped[str]
    detail: Mapped[dict[str, Any]]

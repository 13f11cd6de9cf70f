"""Tables of planner's schema."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from too_common.db import UtcDateTime, service_metadata
from too_common.ids import uuid7

METADATA = service_metadata("planner")


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = METADATA
    type_annotation_map = {  # noqa: RUF012  read by SQLAlchemy, never changed
        datetime: UtcDateTime(),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        str: Text,
        bytes: LargeBinary,
    }


# --- telescopes --------------------------------------------------------------------------------


class TelescopeRow(Base):
    """A telescope's definition as it is in force."""

    __tablename__ = "telescopes"

    name: Mapped[str] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)
    definition: Mapped[dict[str, Any]]
    grid_sha256: Mapped[str | None]
    grid_info: Mapped[dict[str, Any] | None]
    """Number of fields by set."""
    source: Mapped[str]
    """``file`` (read at start) or ``imported`` (by a person; files do not replace it)."""
    references_loaded: Mapped[bool] = mapped_column(server_default=text("false"))
    changed_at: Mapped[datetime]


class GridRow(Base):
    """A compact grid file, by hash."""

    __tablename__ = "grids"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    data: Mapped[bytes]


class ReferenceRow(Base):
    """A reference image: this field can be subtracted in this filter."""

    __tablename__ = "field_references"

    telescope: Mapped[str] = mapped_column(primary_key=True)
    field_id: Mapped[str] = mapped_column(primary_key=True)
    filter: Mapped[str] = mapped_column(primary_key=True)


# --- what other services told ------------------------------------------------------------------


class EventRow(Base):
    """Read model of ingest's events."""

    __tablename__ = "events"

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str]
    is_retracted: Mapped[bool]
    event_time: Mapped[datetime | None]
    cause: Mapped[dict[str, Any]]


class LocalizationRow(Base):
    """Read model of ingest's localizations."""

    __tablename__ = "localizations"

    localization_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(index=True)
    revision: Mapped[int] = mapped_column(BigInteger)
    sequence: Mapped[int]
    rank: Mapped[int]
    is_preferred: Mapped[bool]
    map_sha256: Mapped[str]
    data: Mapped[dict[str, Any]]


class DecisionRow(Base):
    """Read model of notify's decisions: the newest of each program for each event."""

    __tablename__ = "decisions"

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    program_id: Mapped[UUID] = mapped_column(primary_key=True)
    decision_id: Mapped[UUID]
    revision: Mapped[int] = mapped_column(BigInteger)
    verdict: Mapped[str]
    priority: Mapped[int]
    data: Mapped[dict[str, Any]]


class ExecutedRow(Base):
    """Read model of executed exposures, one row per submission with all of its exposures."""

    __tablename__ = "executed"

    submission_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)
    event_id: Mapped[UUID | None] = mapped_column(index=True)
    facility: Mapped[str]
    telescope: Mapped[str | None]
    """Of the plan, if the submission came from one."""
    exposures: Mapped[list[Any]]


class SubmissionRow(Base):
    """Read model of queue-submit's submissions: what a telescope was told, how it ended."""

    __tablename__ = "submissions"

    submission_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)
    event_id: Mapped[UUID | None] = mapped_column(index=True)
    plan_id: Mapped[UUID | None] = mapped_column(index=True)
    telescope: Mapped[str | None]
    """Of the plan."""
    facility: Mapped[str]
    state: Mapped[str]
    window_begin: Mapped[datetime]
    window_end: Mapped[datetime]
    exposures_planned: Mapped[int]
    exposures_executed: Mapped[int]
    looked_at: Mapped[bool] = mapped_column(server_default=text("false"))
    """Its end was looked at: what it lost is planned anew, or nothing was lost."""


class ForeignPointingsRow(Base):
    """Others' pointings on an event, one row per source with all that it lists."""

    __tablename__ = "foreign_pointings"

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)
    pointings: Mapped[list[Any]]


class CatalogueRow(Base):
    """Published galaxy catalogues."""

    __tablename__ = "catalogues"

    name: Mapped[str] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[str]
    rows: Mapped[int] = mapped_column(BigInteger)
    snapshot: Mapped[dict[str, Any]]
    published_at: Mapped[datetime]


# --- plans -------------------------------------------------------------------------------------


class PlanRow(Base):
    """A plan for one telescope."""

    __tablename__ = "plans"
    __table_args__ = (
        Index(
            "uq_plans_wanted",
            "event_id",
            "telescope",
            "wanted_key",
            unique=True,
            postgresql_where=text("NOT is_manual"),
        ),
        Index("ix_plans_current", "event_id", "telescope", "state"),
    )

    plan_id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    revision: Mapped[int]
    event_id: Mapped[UUID]
    """The astronomical event; the plan's own id for a plan without one."""
    has_event: Mapped[bool]
    event_revision: Mapped[int] = mapped_column(BigInteger)
    event_name: Mapped[str | None]
    decision_id: Mapped[UUID | None]
    program_name: Mapped[str | None]
    localization_id: Mapped[UUID | None]
    map_sha256: Mapped[str | None]
    telescope: Mapped[str]
    name: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str | None]
    is_manual: Mapped[bool]
    wanted_key: Mapped[str]
    """What the plan was made for: map, program and its version; the same is not planned twice."""
    request: Mapped[dict[str, Any]]
    parameters: Mapped[dict[str, Any]]
    window_begin: Mapped[datetime]
    window_end: Mapped[datetime]
    statistics: Mapped[dict[str, Any] | None]
    difference: Mapped[dict[str, Any] | None]
    document_sha256: Mapped[str | None]
    document_bytes: Mapped[int | None] = mapped_column(BigInteger)
    superseded_by: Mapped[UUID | None]
    submission_policy: Mapped[dict[str, Any] | None]
    waits_for_galaxies: Mapped[bool] = mapped_column(server_default=text("false"))
    made_by: Mapped[str | None]
    made_at: Mapped[datetime]
    cause: Mapped[dict[str, Any]]
    bound: Mapped[float | None]
    """Proven upper limit of the plan's objective."""
    network_id: Mapped[UUID | None] = mapped_column(index=True)
    """The telescopes that were planned together with this one."""
    network: Mapped[dict[str, Any] | None]
    """What they see together."""
    proposal_of: Mapped[UUID | None] = mapped_column(index=True)
    """The plan whose lost fields this one proposes to observe; never sent by itself."""


class NetworkRow(Base):
    """Several telescopes planned together."""

    __tablename__ = "networks"

    network_id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    revision: Mapped[int]
    event_id: Mapped[UUID] = mapped_column(index=True)
    localization_id: Mapped[UUID]
    map_sha256: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str | None]
    telescopes: Mapped[list[Any]]
    result: Mapped[dict[str, Any] | None]
    """Joint probability and each telescope's share."""
    made_by: Mapped[str | None]
    made_at: Mapped[datetime]


class DocumentRow(Base):
    """Plan documents, immutable by hash."""

    __tablename__ = "documents"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[bytes]
    made_at: Mapped[datetime]


class CoverageRow(Base):
    """What was really observed of an event's current map."""

    __tablename__ = "coverage"

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    telescope: Mapped[str] = mapped_column(primary_key=True)
    filter: Mapped[str] = mapped_column(primary_key=True)
    map_sha256: Mapped[str]
    revision: Mapped[int]
    data: Mapped[dict[str, Any]]

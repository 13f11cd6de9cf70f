"""Tables of the schema ``vetting_api``; no other service reads them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from too_common.db import UtcDateTime, service_metadata
from too_common.ids import uuid7

METADATA = service_metadata("vetting-api")


class Base(DeclarativeBase):
    """Base of this schema's tables."""

    metadata = METADATA


class Account(Base):
    """A person who may log in. Passwords are kept as argon2id hashes alone."""

    __tablename__ = "accounts"

    account_id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    username: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    affiliation: Mapped[str] = mapped_column(String(300), default="")
    password_hash: Mapped[str | None] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String(16)))
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    revision: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())


class LoginSession(Base):
    """A browser's login; the cookie's value is kept as a hash alone. Wall clock."""

    __tablename__ = "sessions"

    session_id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    csrf_token: Mapped[str] = mapped_column(String(64))
    account_id: Mapped[UUID] = mapped_column(
        ForeignKey("accounts.account_id", ondelete="CASCADE"), index=True
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime(), index=True)


class PersonalToken(Base):
    """A token for the command line: opaque, hashed, revocable. Wall clock."""

    __tablename__ = "personal_tokens"

    token_id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    account_id: Mapped[UUID] = mapped_column(
        ForeignKey("accounts.account_id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(String(100))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String(16)))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class EventRow(Base):
    """Projection of an astronomical event: what the list filters by, and the whole state."""

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_newest", "sort_at", "event_id"),)

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(Text, index=True)
    mission: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    mode: Mapped[str] = mapped_column(Text)
    is_retracted: Mapped[bool] = mapped_column(Boolean)
    is_test: Mapped[bool] = mapped_column(Boolean)
    is_subthreshold: Mapped[bool] = mapped_column(Boolean)
    sort_at: Mapped[datetime] = mapped_column(UtcDateTime())
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text))
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime())


class EventAlias(Base):
    """Every spelling under which an event can be asked for."""

    __tablename__ = "event_aliases"

    mission: Mapped[str] = mapped_column(Text, primary_key=True)
    native_id: Mapped[str] = mapped_column(Text, primary_key=True)
    event_id: Mapped[UUID] = mapped_column(index=True)


class Projection(Base):
    """Latest known state of one thing of another service, as its event carried it."""

    __tablename__ = "projections"
    __table_args__ = (Index("ix_projections_kind_event_id", "kind", "event_id"),)

    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    item_id: Mapped[str] = mapped_column(Text, primary_key=True)
    event_id: Mapped[UUID | None] = mapped_column()
    revision: Mapped[int] = mapped_column(BigInteger)
    mode: Mapped[str] = mapped_column(Text)
    correlation_id: Mapped[UUID] = mapped_column()
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime())
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Milestone(Base):
    """One step of a notice's way through the marshal; the earliest time counts."""

    __tablename__ = "milestones"

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    correlation_id: Mapped[UUID] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(Text, primary_key=True)
    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    detail: Mapped[str] = mapped_column(Text, default="")


class Candidate(Base):
    """A possible counterpart of an event."""

    __tablename__ = "candidates"
    __table_args__ = (
        UniqueConstraint(
            "event_id",
            "name",
            name="uq_candidates_event_id_name",
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_candidates_event_id_candidate_id", "event_id", "candidate_id"),
    )

    candidate_id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    event_id: Mapped[UUID | None] = mapped_column()
    origin_event_id: Mapped[UUID | None] = mapped_column(index=True)
    """The event that it was found for, if a merge has moved it to another."""
    name: Mapped[str] = mapped_column(String(100))
    iau_name: Mapped[str | None] = mapped_column(String(50))
    ra_deg: Mapped[float] = mapped_column(Float(53))
    dec_deg: Mapped[float] = mapped_column(Float(53))
    redshift: Mapped[float | None] = mapped_column(Float(53))
    redshift_error: Mapped[float | None] = mapped_column(Float(53))
    distance_mpc: Mapped[float | None] = mapped_column(Float(53))
    distance_error_mpc: Mapped[float | None] = mapped_column(Float(53))
    classification: Mapped[str | None] = mapped_column(String(100))
    host_name: Mapped[str | None] = mapped_column(String(100))
    source: Mapped[str] = mapped_column(String(100), default="")
    notes: Mapped[str] = mapped_column(Text, default="")
    photometry: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    first_detected_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    magnitude: Mapped[float | None] = mapped_column(Float(53))
    magnitude_error: Mapped[float | None] = mapped_column(Float(53))
    magnitude_filter: Mapped[str | None] = mapped_column(String(16))
    credible_level_2d: Mapped[float | None] = mapped_column(Float(53))
    credible_level_3d: Mapped[float | None] = mapped_column(Float(53))
    density_2d_per_sr: Mapped[float | None] = mapped_column(Float(53))
    map_sha256: Mapped[str | None] = mapped_column(String(64))
    verdict: Mapped[str] = mapped_column(String(16), default="new")
    verdict_by: Mapped[UUID | None] = mapped_column()
    verdict_reason: Mapped[str] = mapped_column(Text, default="")
    score: Mapped[int] = mapped_column(Integer, default=0)
    revision: Mapped[int] = mapped_column(Integer, default=1)
    created_by: Mapped[UUID | None] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime())


class CandidateVote(Base):
    """A vetter's current vote on a candidate."""

    __tablename__ = "candidate_votes"

    candidate_id: Mapped[UUID] = mapped_column(
        ForeignKey("candidates.candidate_id", ondelete="CASCADE"), primary_key=True
    )
    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    vote: Mapped[int] = mapped_column(Integer)
    comment: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime())


class Catalogue(Base):
    """An immutable snapshot of a galaxy catalogue; its bytes lie in a file named by the hash."""

    __tablename__ = "catalogues"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), index=True)
    version: Mapped[str] = mapped_column(String(100))
    rows: Mapped[int] = mapped_column(BigInteger)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    credit: Mapped[str] = mapped_column(Text, default="")
    licence: Mapped[str] = mapped_column(Text, default="")
    is_current: Mapped[bool] = mapped_column(Boolean, default=True)
    revision: Mapped[int] = mapped_column(Integer, default=1)
    loaded_at: Mapped[datetime] = mapped_column(UtcDateTime())

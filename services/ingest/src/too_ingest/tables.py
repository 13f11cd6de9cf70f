"""Tables of the schema ``ingest``."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from too_common.db import UtcDateTime, service_metadata
from too_common.ids import uuid7

METADATA = service_metadata("ingest")
NO_DRILL = ""
"""Drill part of an identity outside drills (NULL would not be unique)."""


class Base(DeclarativeBase):
    """Base of the ORM classes."""

    metadata = METADATA
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own way
        datetime: UtcDateTime(),
        str: Text(),
        dict[str, Any]: JSONB(none_as_null=True),
        list[Any]: JSONB(none_as_null=True),
        bytes: LargeBinary(),
    }


class RawNotice(Base):
    """Bytes as they came, stored before anybody looks at them."""

    __tablename__ = "raw_notices"
    __table_args__ = (
        UniqueConstraint("topic", "drill_key", "content_sha256", name="uq_raw_notices_content"),
        Index("ix_raw_notices_waiting", "stored_at", postgresql_where=text("state = 'received'")),
        Index("ix_raw_notices_sha256", "content_sha256"),
        Index("ix_raw_notices_origin", "origin_id", postgresql_where=text("origin_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    topic: Mapped[str]
    drill_key: Mapped[str] = mapped_column(server_default="")
    content_sha256: Mapped[str]
    size_bytes: Mapped[int]
    body: Mapped[bytes] = mapped_column(LargeBinary(), deferred=True)
    source: Mapped[str]
    """kafka, http, replay, sample, manual, backfill, drill or gracedb."""
    source_partition: Mapped[int | None]
    source_offset: Mapped[int | None] = mapped_column(BigInteger)
    source_time: Mapped[datetime | None]
    """When the broker got it."""
    received_at: Mapped[datetime]
    """Stack time."""
    stored_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    """Wall time."""
    state: Mapped[str] = mapped_column(server_default="received")
    """received, parsed, duplicate, circular or dead."""
    notice_id: Mapped[UUID | None]
    cause: Mapped[dict[str, Any]]
    is_replay: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    repeats: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    """How often the same bytes came again."""
    origin_id: Mapped[UUID | None]
    """The backfill or drill that brought it."""


class Event(Base):
    """An astronomical event."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_latest", "latest_notice_at"),
        Index("ix_events_event_time", "event_time"),
        Index("ix_events_mission_time", "mission", "event_time"),
        Index("ix_events_root_id", "root_id"),
        Index("ix_events_review_due", "id", postgresql_where=text("is_review_due")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    mission: Mapped[str]
    name: Mapped[str]
    drill_key: Mapped[str] = mapped_column(server_default="")
    mode: Mapped[str]
    kind: Mapped[str]
    event_time: Mapped[datetime | None]
    latest_notice_at: Mapped[datetime]
    is_retracted: Mapped[bool]
    is_test: Mapped[bool]
    is_subthreshold: Mapped[bool]
    is_replay: Mapped[bool]
    is_stale: Mapped[bool]
    revision: Mapped[int]
    preferred_localization_id: Mapped[UUID | None]
    state: Mapped[dict[str, Any]]
    """The `EventChanged` that was published last."""
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    root_id: Mapped[UUID]
    """The event that this one is part of; its own id if it is part of none."""
    merged_into: Mapped[UUID | None] = mapped_column(ForeignKey("ingest.events.id"))
    """The event into which it was merged, which may itself be part of another."""
    merge_id: Mapped[UUID | None]
    """The act that merged it."""
    is_review_due: Mapped[bool] = mapped_column(server_default=text("false"))
    """Something changed on which its coincidences depend."""


class EventId(Base):
    """Mission ids of an event: its identity."""

    __tablename__ = "event_ids"

    mission: Mapped[str] = mapped_column(primary_key=True)
    native_id: Mapped[str] = mapped_column(primary_key=True)
    drill_key: Mapped[str] = mapped_column(primary_key=True, server_default="")
    event_id: Mapped[UUID] = mapped_column(ForeignKey("ingest.events.id"), index=True)
    is_primary: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Notice(Base):
    """A notice that could be read."""

    __tablename__ = "notices"
    __table_args__ = (
        UniqueConstraint("content_sha256", "drill_key", name="uq_notices_content"),
        Index("ix_notices_received_at", "received_at"),
        Index(
            "ix_notices_stream",
            "stream",
            "event_time",
            postgresql_where=text("stream IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    raw_id: Mapped[UUID] = mapped_column(ForeignKey("ingest.raw_notices.id"), index=True)
    event_id: Mapped[UUID] = mapped_column(ForeignKey("ingest.events.id"), index=True)
    content_sha256: Mapped[str]
    drill_key: Mapped[str] = mapped_column(server_default="")
    mission: Mapped[str]
    notice_type: Mapped[str]
    alert_kind: Mapped[str]
    event_time: Mapped[datetime | None]
    notice_time: Mapped[datetime | None]
    received_at: Mapped[datetime]
    is_stale: Mapped[bool]
    is_replay: Mapped[bool]
    parsed: Mapped[dict[str, Any]]
    """`ParsedNotice` without the bytes of its maps."""
    stream: Mapped[str | None]
    """Which rules of attachment concern it, see `attachment.Stream`."""


class MapFile(Base):
    """A map file as it came, or the notice that carries it."""

    __tablename__ = "map_files"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    body: Mapped[bytes | None] = mapped_column(LargeBinary(), deferred=True)
    raw_id: Mapped[UUID | None] = mapped_column(ForeignKey("ingest.raw_notices.id"))
    """Set where the file is not stored again: it is read from the notice's bytes."""
    size_bytes: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class SkyMapRow(Base):
    """A normalised multi-order map."""

    __tablename__ = "maps"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    body: Mapped[bytes] = mapped_column(LargeBinary(), deferred=True)
    size_bytes: Mapped[int]
    facts: Mapped[dict[str, Any]]
    contours: Mapped[dict[str, Any]] = mapped_column(JSONB(none_as_null=True), deferred=True)
    file_sha256: Mapped[str | None]
    """The file it was first made from; None for a cone."""
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Localization(Base):
    """One localization of an event: waiting for its map, ready, or failed."""

    __tablename__ = "localizations"
    __table_args__ = (
        Index("ix_localizations_open", "event_id", postgresql_where=text("state = 'pending'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    event_id: Mapped[UUID] = mapped_column(ForeignKey("ingest.events.id"), index=True)
    notice_id: Mapped[UUID | None] = mapped_column(ForeignKey("ingest.notices.id"))
    origin: Mapped[str]
    label: Mapped[str] = mapped_column(server_default="")
    rank: Mapped[int]
    state: Mapped[str] = mapped_column(server_default="pending")
    """pending, ready, repeated (the map is another localization's) or failed."""
    reason: Mapped[str] = mapped_column(server_default="")
    url: Mapped[str | None]
    file_sha256: Mapped[str | None]
    cone: Mapped[dict[str, Any] | None]
    notice_at: Mapped[datetime]
    received_at: Mapped[datetime]
    alert_kind: Mapped[str]
    revision: Mapped[int] = mapped_column(server_default=text("1"))
    """Raised when what is to be made changes; a result for an older one is dropped."""
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    wait_since: Mapped[datetime] = mapped_column(server_default=text("now()"))
    map_sha256: Mapped[str | None]
    facts: Mapped[dict[str, Any] | None]
    sequence: Mapped[int | None]
    is_first: Mapped[bool] = mapped_column(server_default=text("false"))
    ready_at: Mapped[datetime | None]
    message: Mapped[dict[str, Any] | None]
    """The `LocalizationReady` that was published."""
    mission: Mapped[str] = mapped_column(server_default="")
    """Of the notice that gave it; empty for an upload."""


class Stream(Base):
    """A stream of notices, as seen by us."""

    __tablename__ = "streams"

    name: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    since: Mapped[datetime]
    last_notice_at: Mapped[datetime | None]
    """Stack time."""
    last_seen_at: Mapped[datetime | None]
    """Wall time of the last sign of life, heartbeats included."""
    notices: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    reason: Mapped[str] = mapped_column(server_default="")
    revision: Mapped[int] = mapped_column(server_default=text("1"))


class DeadLetter(Base):
    """A message that could not be read; its bytes stay in `raw_notices`."""

    __tablename__ = "dead_letters"
    __table_args__ = (
        Index("ix_dead_letters_open", "created_at", postgresql_where=text("state = 'open'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    raw_id: Mapped[UUID] = mapped_column(ForeignKey("ingest.raw_notices.id"), index=True)
    event_id: Mapped[UUID | None]
    """Event that the bytes seem to speak of."""
    reason: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="open")
    """open, replayed or discarded."""
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[UUID | None]
    settled_reason: Mapped[str] = mapped_column(server_default="")
    """Why it was discarded."""
    attempts: Mapped[int] = mapped_column(server_default=text("1"))


class SampleMessageRow(Base):
    """A sample alert that is still to be sent (local and test profile only)."""

    __tablename__ = "sample_messages"
    __table_args__ = (
        Index("ix_sample_messages_due", "due_at", postgresql_where=text("state = 'waiting'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    sample: Mapped[str]
    native_id: Mapped[str]
    topic: Mapped[str]
    key: Mapped[str]
    body: Mapped[bytes] = mapped_column(LargeBinary(), deferred=True)
    due_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(server_default="waiting")
    sent_at: Mapped[datetime | None]

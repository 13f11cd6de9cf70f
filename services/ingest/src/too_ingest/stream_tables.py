"""Tables of what watches over the streams: backfills, drills, circulars of others, cross-checks."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Double, ForeignKey, Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column
from too_common.ids import uuid7

from too_ingest.tables import Base


class Backfill(Base):
    """A span of time that is read from the broker again."""

    __tablename__ = "backfills"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    topics: Mapped[list[Any]]
    state: Mapped[str] = mapped_column(server_default="waiting")
    """waiting, running, done, failed or stopped."""
    progress: Mapped[list[Any]]
    """One entry per partition: topic, partition, next and end offset."""
    read: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    new: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    known: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    reason: Mapped[str] = mapped_column(server_default="")
    requested_at: Mapped[datetime]
    """Wall time, as all times here: it is the broker's clock that counts."""
    finished_at: Mapped[datetime | None]
    cause: Mapped[dict[str, Any]]


class Drill(Base):
    """A past event that runs through the whole chain as an exercise."""

    __tablename__ = "drills"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    source_event_id: Mapped[UUID] = mapped_column(ForeignKey("ingest.events.id"))
    source_name: Mapped[str]
    speed: Mapped[float] = mapped_column(Double())
    state: Mapped[str] = mapped_column(server_default="running")
    """running, done (all notices sent), stopped (no more are sent) or ended (events closed too)."""
    anchor_at: Mapped[datetime]
    """Time of the first notice of the past event; it becomes `begun_at`."""
    begun_at: Mapped[datetime]
    """Stack time."""
    finished_at: Mapped[datetime | None]
    cause: Mapped[dict[str, Any]]


class DrillMessage(Base):
    """A notice of a drill, due in stack time."""

    __tablename__ = "drill_messages"
    __table_args__ = (
        Index("ix_drill_messages_due", "due_at", postgresql_where=text("state = 'waiting'")),
    )

    drill_id: Mapped[UUID] = mapped_column(ForeignKey("ingest.drills.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    raw_id: Mapped[UUID] = mapped_column(ForeignKey("ingest.raw_notices.id"))
    """The past notice whose bytes are sent again."""
    notice_type: Mapped[str]
    due_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(server_default="waiting")
    """waiting, sent or cancelled."""
    sent_raw_id: Mapped[UUID | None]
    sent_at: Mapped[datetime | None]


class Circular(Base):
    """A GCN Circular, in its newest version."""

    __tablename__ = "circulars"
    __table_args__ = (
        Index("ix_circulars_created", "created_at"),
        Index("ix_circulars_event_name", "event_name"),
    )

    circular_id: Mapped[float] = mapped_column(Double(), primary_key=True)
    version: Mapped[int]
    content_sha256: Mapped[str]
    """Of what a reader sees; the ADS bibcode that is added later does not count."""
    subject: Mapped[str]
    body: Mapped[str] = mapped_column(Text(), deferred=True)
    submitter: Mapped[str]
    event_name: Mapped[str | None]
    event_types: Mapped[list[Any]]
    text_format: Mapped[str]
    bibcode: Mapped[str | None]
    created_at: Mapped[datetime]
    edited_at: Mapped[datetime | None]
    received_at: Mapped[datetime]
    is_news: Mapped[bool]
    revision: Mapped[int] = mapped_column(server_default=text("1"))
    raw_id: Mapped[UUID] = mapped_column(ForeignKey("ingest.raw_notices.id"))


class CircularReference(Base):
    """A mission's id that a circular names, whether the event is known yet or not."""

    __tablename__ = "circular_references"
    __table_args__ = (Index("ix_circular_references_native_id", "native_id"),)

    circular_id: Mapped[float] = mapped_column(
        ForeignKey("ingest.circulars.circular_id"), primary_key=True
    )
    native_id: Mapped[str] = mapped_column(primary_key=True)
    missions: Mapped[list[Any]]
    place: Mapped[str]


class CircularLink(Base):
    """A circular and an event that it speaks of."""

    __tablename__ = "circular_links"

    circular_id: Mapped[float] = mapped_column(
        ForeignKey("ingest.circulars.circular_id"), primary_key=True
    )
    event_id: Mapped[UUID] = mapped_column(
        ForeignKey("ingest.events.id"), primary_key=True, index=True
    )
    place: Mapped[str]
    named: Mapped[str]


class EventName(Base):
    """A name that a circular gave to an event: what GRB 230812B is."""

    __tablename__ = "event_names"

    name: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(ForeignKey("ingest.events.id"))
    circular_id: Mapped[float] = mapped_column(ForeignKey("ingest.circulars.circular_id"))


class CrossCheck(Base):
    """When a catalogue of others is compared with ours the next time."""

    __tablename__ = "cross_checks"

    name: Mapped[str] = mapped_column(primary_key=True)
    due_at: Mapped[datetime]
    """Stack time."""
    checked_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(server_default="waiting")
    """waiting, well or away."""
    reason: Mapped[str] = mapped_column(server_default="")
    compared: Mapped[int] = mapped_column(Integer, server_default=text("0"))


class MissedEvent(Base):
    """An event of another catalogue of which we had no notice."""

    __tablename__ = "missed_events"

    catalogue: Mapped[str] = mapped_column(primary_key=True)
    native_id: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]
    """When its catalogue made it."""
    missed_at: Mapped[datetime]
    """Stack time at which we found out."""
    state: Mapped[str] = mapped_column(server_default="missing")
    """missing, caught_up (its notices were fetched) or known (they came by themselves)."""
    notices: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    reason: Mapped[str] = mapped_column(server_default="")
    settled_at: Mapped[datetime | None]

"""Tables of the schema ``ingest`` that put events into relation: merges, splits, coincidences."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column
from too_common.ids import uuid7

from too_ingest.tables import Base


class EventChange(Base):
    """A merge or a split: by whom, when, why, and whether it was taken back."""

    __tablename__ = "event_changes"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    kind: Mapped[str]
    """merge or split."""
    from_id: Mapped[UUID] = mapped_column(ForeignKey("ingest.events.id"), index=True)
    """Merge: the event that became part. Split: the event that lost a part."""
    into_id: Mapped[UUID] = mapped_column(ForeignKey("ingest.events.id"), index=True)
    """Merge: the event that it is part of. Split: the part."""
    is_automatic: Mapped[bool]
    reason: Mapped[str]
    made_at: Mapped[datetime]
    made_by: Mapped[UUID | None]
    made_by_name: Mapped[str] = mapped_column(server_default="")
    detail: Mapped[dict[str, Any]]
    """Split: the notices, localizations and ids that were moved."""
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[UUID | None]
    undone_by_name: Mapped[str] = mapped_column(server_default="")
    undo_reason: Mapped[str] = mapped_column(server_default="")


class KeptApart(Base):
    """Two events that a person holds to be two: no rule attaches them."""

    __tablename__ = "events_apart"

    one_id: Mapped[UUID] = mapped_column(ForeignKey("ingest.events.id"), primary_key=True)
    """The smaller of the two ids."""
    other_id: Mapped[UUID] = mapped_column(
        ForeignKey("ingest.events.id"), primary_key=True, index=True
    )
    change_id: Mapped[UUID]


class Coincidence(Base):
    """Two events of different missions that are close in time."""

    __tablename__ = "coincidences"
    __table_args__ = (
        UniqueConstraint("one_id", "other_id", name="uq_coincidences_pair"),
        Index("ix_coincidences_standing", "one_id", postgresql_where=text("state = 'found'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    one_id: Mapped[UUID] = mapped_column(ForeignKey("ingest.events.id"))
    """The leading side, see `coincidence.lead`."""
    other_id: Mapped[UUID] = mapped_column(ForeignKey("ingest.events.id"), index=True)
    state: Mapped[str]
    """pending (being computed for the first time), found or withdrawn."""
    reason: Mapped[str] = mapped_column(server_default="")
    basis: Mapped[str]
    """What the numbers are, or will be, computed of; a result for another basis is dropped."""
    revision: Mapped[int] = mapped_column(server_default=text("0"))
    numbers: Mapped[dict[str, Any]]
    """Fields of `CoincidenceFound`, as seen from `one_id`."""
    found_at: Mapped[datetime | None]
    changed_at: Mapped[datetime]

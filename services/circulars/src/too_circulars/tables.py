"""Tables of the schema ``circulars``: drafts, their versions, and what the bus told."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from too_common.db import UtcDateTime, service_metadata
from too_common.ids import uuid7

METADATA = service_metadata("circulars")


class Base(DeclarativeBase):
    """Base of this schema's tables."""

    metadata = METADATA


class Draft(Base):
    """A circular in the making; its text stands in the versions."""

    __tablename__ = "drafts"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    event_id: Mapped[UUID] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    is_edited: Mapped[bool] = mapped_column(default=False)
    """A person has written a version: it is never replaced by a composed one unasked."""
    revision: Mapped[int] = mapped_column(default=0)
    """Of what was told on the bus."""
    problems: Mapped[list[str]] = mapped_column(JSONB, default=list)
    """What is to be looked at in the newest version, by the facts as they are now."""
    has_news: Mapped[bool] = mapped_column(default=False)
    """The facts changed since the last version."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime())
    correlation_id: Mapped[UUID]
    mode: Mapped[str] = mapped_column(Text)


class DraftVersion(Base):
    """One version of a draft's text; never changed."""

    __tablename__ = "draft_versions"
    __table_args__ = (UniqueConstraint("draft_id", "version"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    draft_id: Mapped[UUID] = mapped_column(ForeignKey(Draft.id, ondelete="CASCADE"), index=True)
    version: Mapped[int]
    subject: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    composed_from: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """The facts behind a composed version; null for one that a person wrote."""
    author_account: Mapped[UUID | None]
    author_name: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())


class Known(Base):
    """Newest state of what other services told: one row per aggregate."""

    __tablename__ = "known"
    __table_args__ = (Index("ix_known_event", "event_id", "type"),)

    type: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    event_id: Mapped[UUID | None]
    revision: Mapped[int]
    mode: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)

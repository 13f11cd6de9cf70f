"""Table of the requests for maps that notices name."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from too_ingest.tables import Base


class MapRequest(Base):
    """A map file that is asked for: until it is there, and whether it changes afterwards."""

    __tablename__ = "map_requests"
    __table_args__ = (
        Index("ix_map_requests_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ix_map_requests_url", "url"),
    )

    localization_id: Mapped[UUID] = mapped_column(
        ForeignKey("ingest.localizations.id"), primary_key=True
    )
    url: Mapped[str]
    mission: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="waiting")
    """waiting (not there yet), watched (there; may change), done, given_up or refused."""
    due_at: Mapped[datetime | None]
    """Stack time of the next request; while one runs, when it counts as lost."""
    waiting_since: Mapped[datetime]
    """Stack time."""
    there_since: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    reason: Mapped[str] = mapped_column(server_default="")
    """What the last request gave, if not the file."""
    content_sha256: Mapped[str | None]
    """Of the file as it came last."""
    etag: Mapped[str | None]
    last_modified: Mapped[str | None]
    cause: Mapped[dict[str, Any]]
    """Who asked: the cascade that the map belongs to."""

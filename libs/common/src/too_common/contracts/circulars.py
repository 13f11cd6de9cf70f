"""Events written by circulars: drafts."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from too_common.contracts.base import EventData, register


class DraftState(StrEnum):
    """A draft's life; nothing is sent by the service itself."""

    DRAFT = "draft"
    SENT = "sent"
    ABANDONED = "abandoned"


@register
class DraftChanged(EventData):
    """A circular's draft has a new version."""

    TYPE: ClassVar[str] = "circulars.draft_changed"

    draft_id: UUID
    event_id: UUID
    version: int = Field(ge=1)
    kind: str = "detection"
    subject: str
    derived_event: str | None = Field(description="Event name that GCN's site would derive")
    state: DraftState
    problems: tuple[str, ...] = ()

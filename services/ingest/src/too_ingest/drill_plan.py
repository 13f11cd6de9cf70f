"""When the notices of a past event come again in a drill, and what their times become.

The first notice's own time becomes the drill's beginning. Gaps between notices shrink by the
speed; the event keeps its distance to its first notice, so that ages and windows are as they were.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from too_ingest.notices import ParsedNotice

NAME_DIGITS = 5
MAX_SPEED = 100_000.0


@dataclass(frozen=True, slots=True)
class DrillTimes:
    """How times of the past become times of the drill."""

    anchor_at: datetime
    begun_at: datetime
    speed: float

    def of_event(self, moment: datetime) -> datetime:
        """Time of something in the sky: shifted, never stretched."""
        return self.begun_at + (moment - self.anchor_at)

    def of_notice(self, moment: datetime) -> datetime:
        """Time of a notice: gaps shrink by the speed."""
        seconds = (moment - self.anchor_at).total_seconds() / self.speed
        return self.begun_at + timedelta(seconds=seconds)

    def of(self, notice: ParsedNotice) -> ParsedNotice:
        """A notice as of the drill; what it says of the event stays."""
        return notice.model_copy(
            update={
                "event_time": self.of_event(notice.event_time) if notice.event_time else None,
                "notice_time": self.of_notice(notice.notice_time) if notice.notice_time else None,
            }
        )


@dataclass(frozen=True, slots=True)
class PastNotice:
    """A notice of the past event."""

    raw_id: UUID
    moment: datetime
    """Its own time, else when it came."""
    rank: int
    """Which of two of one time came first."""
    notice_type: str


def in_order(notices: Sequence[PastNotice]) -> list[PastNotice]:
    """Notices as their senders ordered them."""
    return sorted(notices, key=lambda one: (one.moment, one.rank, str(one.raw_id)))


def drill_name(name: str, drill_key: str) -> str:
    """Name of a drill's event: nobody takes it for the real one, nor for another drill's."""
    return f"{name} drill {drill_key.replace('-', '')[-NAME_DIGITS:]}"

"""What the routes about streams answer and take."""

from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from too_common.contracts.base import UtcDatetime

from too_ingest.circulars_in.record import shown_id
from too_ingest.stream_tables import (
    Backfill,
    Circular,
    CircularLink,
    CrossCheck,
    Drill,
    DrillMessage,
    MissedEvent,
)
from too_ingest.usecases.take_circular import SITE


class NewBackfill(BaseModel):
    """A span of time to read from the broker again."""

    model_config = ConfigDict(extra="forbid")

    since: AwareDatetime
    until: AwareDatetime | None = None
    topics: list[str] = Field(
        default_factory=list, max_length=200, description="Empty: all that are listened to"
    )


class PartitionProgress(BaseModel):
    """How far a partition has been read."""

    topic: str
    partition: int
    next_offset: int
    end_offset: int


class BackfillView(BaseModel):
    """A backfill and what it brought."""

    id: UUID
    since: UtcDatetime
    until: UtcDatetime | None
    topics: list[str]
    state: str = Field(description="waiting | running | done | failed | stopped")
    read: int
    new: int
    known: int = Field(description="Recognised by their content")
    failed: int = Field(description="New ones that could not be read: dead letters")
    left: int = Field(description="Offsets still to be read")
    progress: list[PartitionProgress]
    reason: str
    requested_at: UtcDatetime
    finished_at: UtcDatetime | None

    @classmethod
    def of(cls, row: Backfill, *, failed: int) -> "BackfillView":
        """View of a row."""
        progress = [PartitionProgress(**part) for part in row.progress]
        return cls(
            id=row.id,
            since=row.since,
            until=row.until,
            topics=row.topics,
            state=row.state,
            read=row.read,
            new=row.new,
            known=row.known,
            failed=failed,
            left=sum(max(part.end_offset - part.next_offset, 0) for part in progress),
            progress=progress,
            reason=row.reason,
            requested_at=row.requested_at,
            finished_at=row.finished_at,
        )


class NewDrill(BaseModel):
    """A past event that is to come again."""

    model_config = ConfigDict(extra="forbid")

    event: str = Field(min_length=1, max_length=200, description="Its id, name or mission's id")
    speed: float = Field(
        default=1.0, gt=0, le=100_000, description="Gaps between its notices shrink by this"
    )


class DrillNotice(BaseModel):
    """A notice of a drill."""

    position: int
    notice_type: str
    due_at: UtcDatetime
    state: str = Field(description="waiting | sent | cancelled")
    sent_at: UtcDatetime | None


class DrillView(BaseModel):
    """A drill."""

    id: UUID
    source_event_id: UUID
    source_name: str
    speed: float
    state: str = Field(description="running | done | stopped | ended")
    begun_at: UtcDatetime
    finished_at: UtcDatetime | None
    event_ids: list[UUID] = Field(description="Its events")
    notices: list[DrillNotice]

    @classmethod
    def of(cls, row: Drill, messages: list[DrillMessage], event_ids: list[UUID]) -> "DrillView":
        """View of a row."""
        return cls(
            id=row.id,
            source_event_id=row.source_event_id,
            source_name=row.source_name,
            speed=row.speed,
            state=row.state,
            begun_at=row.begun_at,
            finished_at=row.finished_at,
            event_ids=event_ids,
            notices=[
                DrillNotice(
                    position=one.position,
                    notice_type=one.notice_type,
                    due_at=one.due_at,
                    state=one.state,
                    sent_at=one.sent_at,
                )
                for one in messages
            ],
        )


class MissedView(BaseModel):
    """A superevent of which no notice came."""

    native_id: str
    created_at: UtcDatetime
    missed_at: UtcDatetime
    state: str = Field(description="missing | caught_up | known")
    notices: int
    reason: str
    settled_at: UtcDatetime | None

    @classmethod
    def of(cls, row: MissedEvent) -> "MissedView":
        """View of a row."""
        return cls(
            native_id=row.native_id,
            created_at=row.created_at,
            missed_at=row.missed_at,
            state=row.state,
            notices=row.notices,
            reason=row.reason,
            settled_at=row.settled_at,
        )


class CrossCheckView(BaseModel):
    """How the comparison with GraceDB stands."""

    is_configured: bool
    state: str = Field(default="waiting", description="waiting | well | away")
    reason: str = ""
    checked_at: UtcDatetime | None = None
    next_at: UtcDatetime | None = None
    compared: int = 0
    missed: list[MissedView] = []

    @classmethod
    def of(
        cls, row: CrossCheck | None, missed: list[MissedEvent], *, is_configured: bool
    ) -> "CrossCheckView":
        """View of a row."""
        views = [MissedView.of(one) for one in missed]
        if row is None:
            return cls(is_configured=is_configured, missed=views)
        return cls(
            is_configured=is_configured,
            state=row.state,
            reason=row.reason,
            checked_at=row.checked_at,
            next_at=row.due_at,
            compared=row.compared,
            missed=views,
        )


class CircularLinkView(BaseModel):
    """An event that a circular speaks of."""

    event_id: UUID
    place: str = Field(description="subject | body | name")
    named: str


class CircularView(BaseModel):
    """A circular of anybody."""

    circular_id: float
    version: int
    subject: str
    submitter: str
    created_at: UtcDatetime
    event_name: str | None
    event_types: list[str]
    url: str
    is_news: bool
    bibcode: str | None
    links: list[CircularLinkView]
    body: str | None = Field(default=None, description="Only when one circular is asked for")

    @classmethod
    def of(
        cls, row: Circular, links: list[CircularLink], *, body: str | None = None
    ) -> "CircularView":
        """View of a row."""
        return cls(
            circular_id=row.circular_id,
            version=row.version,
            subject=row.subject,
            submitter=row.submitter,
            created_at=row.created_at,
            event_name=row.event_name,
            event_types=row.event_types,
            url=f"{SITE}/{shown_id(row.circular_id)}",
            is_news=row.is_news,
            bibcode=row.bibcode,
            links=[
                CircularLinkView(event_id=one.event_id, place=one.place, named=one.named)
                for one in links
            ],
            body=body,
        )

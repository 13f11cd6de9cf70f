"""What the routes answer and take."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from too_common.contracts.base import UtcDatetime
from too_common.contracts.ingest import EventChanged, EventKind, MapFacts

from too_ingest.api.region_models import RegionFields
from too_ingest.preference import Choice, why_not
from too_ingest.tables import DeadLetter, Event, Localization, Notice, RawNotice, Stream


class Taken(BaseModel):
    """What became of a message that was handed in."""

    raw_id: UUID
    notice_id: UUID | None
    event_id: UUID | None
    state: str = Field(
        description="parsed | duplicate | housekeeping | dead | received (read a moment later)"
    )
    is_new: bool = Field(description="False: the same bytes were known already")
    reason: str | None = Field(default=None, description="Why it could not be read")
    correlation_id: UUID | None = None


class NoticeView(BaseModel):
    """A notice."""

    id: UUID
    event_id: UUID
    raw_id: UUID
    topic: str
    source: str
    mission: str
    notice_type: str
    alert_kind: str
    event_time: UtcDatetime | None
    notice_time: UtcDatetime | None
    received_at: UtcDatetime
    is_stale: bool
    is_replay: bool
    size_bytes: int
    content_sha256: str
    parsed: dict[str, Any]

    @classmethod
    def of(cls, row: Notice, raw: RawNotice) -> "NoticeView":
        """View of a row."""
        return cls(
            id=row.id,
            event_id=row.event_id,
            raw_id=row.raw_id,
            topic=raw.topic,
            source=raw.source,
            mission=row.mission,
            notice_type=row.notice_type,
            alert_kind=row.alert_kind,
            event_time=row.event_time,
            notice_time=row.notice_time,
            received_at=row.received_at,
            is_stale=row.is_stale,
            is_replay=row.is_replay,
            size_bytes=raw.size_bytes,
            content_sha256=row.content_sha256,
            parsed=row.parsed,
        )


class LocalizationView(BaseModel):
    """A localization of an event."""

    id: UUID
    event_id: UUID
    notice_id: UUID | None
    origin: str
    label: str
    rank: int
    state: str = Field(description="pending | ready | repeated | failed")
    reason: str
    is_preferred: bool
    preferred_reason: str | None
    is_first: bool
    sequence: int | None
    notice_at: UtcDatetime
    ready_at: UtcDatetime | None
    map_sha256: str | None
    file_sha256: str | None
    url: str | None
    cone: dict[str, Any] | None
    facts: MapFacts | None

    @classmethod
    def of(cls, row: Localization, choice: Choice[Localization] | None) -> "LocalizationView":
        """View of a row beside the preferred one."""
        reason = None
        if choice is not None and row.map_sha256 is not None:
            reason = choice.reason if row is choice.item else why_not(row, choice)
        return cls(
            id=row.id,
            event_id=row.event_id,
            notice_id=row.notice_id,
            origin=row.origin,
            label=row.label,
            rank=row.rank,
            state=row.state,
            reason=row.reason,
            is_preferred=choice is not None and row is choice.item,
            preferred_reason=reason,
            is_first=row.is_first,
            sequence=row.sequence,
            notice_at=row.notice_at,
            ready_at=row.ready_at,
            map_sha256=row.map_sha256,
            file_sha256=row.file_sha256,
            url=row.url,
            cone=row.cone,
            facts=MapFacts.model_validate(row.facts) if row.facts else None,
        )


class EventView(BaseModel):
    """An event: its state, and what has to be known right before anything is sent for it."""

    id: UUID
    name: str
    mission: str
    mode: str
    revision: int
    is_retracted: bool
    is_test: bool
    map_sha256: str | None = Field(description="Hash of the preferred map")
    localization_id: UUID | None
    is_parked: bool = Field(
        description="A message that seems to speak of this event could not be read"
    )
    maps_pending: int = Field(
        default=0, description="Localizations whose map is being made just now"
    )
    merged_into: UUID | None = Field(
        default=None, description="The event that this one is part of; nothing is sent for a part"
    )
    state: EventChanged

    @classmethod
    def of(
        cls,
        row: Event,
        *,
        map_sha256: str | None,
        localization_id: UUID | None = None,
        is_parked: bool = False,
        maps_pending: int = 0,
    ) -> "EventView":
        """View of a row."""
        return cls(
            id=row.id,
            name=row.name,
            mission=row.mission,
            mode=row.mode,
            revision=row.revision,
            is_retracted=row.is_retracted,
            is_test=row.is_test,
            map_sha256=map_sha256,
            localization_id=localization_id or row.preferred_localization_id,
            is_parked=is_parked,
            maps_pending=maps_pending,
            merged_into=row.root_id if row.merged_into is not None else None,
            state=EventChanged.model_validate(row.state),
        )


class EventPage(BaseModel):
    """Events, the one with the latest notice first."""

    items: list[EventView]
    next_before: UtcDatetime | None = Field(description="Give as `before` for the next page")


Degrees = Annotated[float, Field(allow_inf_nan=False)]


class NewEvent(RegionFields):
    """An event by hand: with an error region or a map's address; a file is uploaded afterwards."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._+:/-]*$")
    kind: EventKind = EventKind.OTHER
    event_time: AwareDatetime | None = None
    map_url: str | None = Field(default=None, max_length=2000, description="Address of its map")
    comment: str = Field(default="", max_length=2000)
    is_test: bool = False


class Statement(BaseModel):
    """Why a person retracts or re-opens an event."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(default="", max_length=2000)


class DeadLetterView(BaseModel):
    """A message that could not be read."""

    id: UUID
    raw_id: UUID
    topic: str
    source: str
    size_bytes: int
    reason: str
    state: str
    attempts: int
    event_id: UUID | None
    created_at: UtcDatetime
    settled_at: UtcDatetime | None
    settled_reason: str = Field(default="", description="Why it was discarded")

    @classmethod
    def of(cls, row: DeadLetter, raw: RawNotice) -> "DeadLetterView":
        """View of a row."""
        return cls(
            id=row.id,
            raw_id=row.raw_id,
            topic=raw.topic,
            source=raw.source,
            size_bytes=raw.size_bytes,
            reason=row.reason,
            state=row.state,
            attempts=row.attempts,
            event_id=row.event_id,
            created_at=row.created_at,
            settled_at=row.settled_at,
            settled_reason=row.settled_reason,
        )


class Replayed(BaseModel):
    """What became of dead letters that were read again."""

    read: int
    still_dead: int


class StreamView(BaseModel):
    """A stream of notices."""

    name: str
    state: str
    since: UtcDatetime
    last_notice_at: UtcDatetime | None = Field(description="Stack time of the last new notice")
    last_seen_at: UtcDatetime | None = Field(
        default=None, description="Wall time of the last sign of life, heartbeats included"
    )
    notices: int
    reason: str

    @classmethod
    def of(cls, row: Stream) -> "StreamView":
        """View of a row."""
        return cls(
            name=row.name,
            state=row.state,
            since=row.since,
            last_notice_at=row.last_notice_at,
            last_seen_at=row.last_seen_at,
            notices=row.notices,
            reason=row.reason,
        )


class SampleView(BaseModel):
    """A kind of sample alert."""

    name: str
    description: str


class SampleSent(BaseModel):
    """A sample alert under way."""

    name: str
    native_id: str
    messages: list[dict[str, Any]] = Field(description="Topic and stack time of each message")

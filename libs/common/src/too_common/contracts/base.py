"""The base of everything that travels on the bus: frozen models and the envelope around them.

Rules (DESIGN of contracts): unknown fields are ignored on reading, so that a newer writer never
breaks an older reader; numbers with a unit carry it in their name; times are aware and UTC.
"""

from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, ClassVar, Generic, TypeVar
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field


def _to_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


UtcDatetime = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""An aware datetime, converted to UTC. Naive values are refused."""


class Contract(BaseModel):
    """Base of all models that cross a service's border."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null")


class EventData(Contract):
    """Base of the payloads of events. Subclasses name their type and version."""

    TYPE: ClassVar[str]
    """``<service>.<what_changed>``, for example ``ingest.event_changed``."""
    VERSION: ClassVar[int] = 1
    """Raised only when old readers cannot read the new form; then both are sent for a while."""


class Mode(StrEnum):
    """In which world an event happens."""

    LIVE = "live"
    TEST = "test"
    DRILL = "drill"
    REPLAY = "replay"


class BlobRef(Contract):
    """Reference to something large that its owner serves over HTTP (map, plan, list, catalogue)."""

    uri: str = Field(description="Path at the owner, e.g. /api/ingest/v1/maps/<sha256>")
    owner: str = Field(description="Service that serves it, e.g. ingest")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(ge=0)


T = TypeVar("T", bound=EventData)


class Envelope(Contract, Generic[T]):
    """What stands around every event on the bus."""

    id: UUID = Field(description="UUIDv7, made once; the inbox deduplicates by it")
    type: str
    version: int = 1
    occurred_at: UtcDatetime = Field(description="Stack time at which the state changed")
    source: str = Field(description="Name of the service that wrote it")
    key: str = Field(description="Partition key; an astronomical event's internal UUID if any")
    revision: int = Field(ge=0, description="Of the aggregate; readers drop stale ones")
    overrides: bool = Field(
        default=False,
        description="True if the state says retracted, withdrawn or resolved: handled even while "
        "earlier messages of the key are parked",
    )
    mode: Mode = Mode.LIVE
    drill_id: UUID | None = None
    actor: UUID | None = Field(default=None, description="Account whose act this is, if a person's")
    correlation_id: UUID = Field(description="One per incoming notice, the same in the cascade")
    causation_id: UUID | None = Field(default=None, description="Id of the message that caused it")
    traceparent: str | None = None
    data: T


_REGISTRY: dict[tuple[str, int], type[EventData]] = {}


def register(cls: type[T]) -> type[T]:
    """Class decorator: enter an event type into the catalogue.

    Raises
    ------
    ValueError
        If type and version are taken already.
    """
    key = (cls.TYPE, cls.VERSION)
    if key in _REGISTRY:
        raise ValueError(f"event type {key} is registered twice")
    _REGISTRY[key] = cls
    return cls


def event_types() -> dict[tuple[str, int], type[EventData]]:
    """All registered event types by (type, version)."""
    return dict(_REGISTRY)


def owner_of(event_type: str) -> str:
    """Service that writes a type: ``queue_submit.submission_changed`` -> ``queue-submit``."""
    return event_type.split(".", 1)[0].replace("_", "-")


def topic_of(service: str) -> str:
    """Event topic of a service; one writer, many types, so that an event's life stays in order."""
    return f"too.{service}.events.v1"


def dlq_topic_of(service: str) -> str:
    """Dead-letter topic of a service."""
    return f"too.{service}.dlq.v1"


@cache
def envelope_of(model: type[EventData]) -> Any:
    """Envelope class of a payload's model.

    Kept here, since pydantic remembers a parametrized class only while somebody holds it: it was
    built anew, schema and all, for each message.
    """
    return Envelope[model]  # type: ignore[valid-type]


def wrap(data: EventData, **fields: Any) -> Envelope[Any]:
    """Put an event into an envelope; type and version are the event's own.

    Raises
    ------
    pydantic.ValidationError
        If a field of the envelope does not fit.
    """
    envelope: Envelope[Any] = envelope_of(type(data))(
        type=type(data).TYPE, version=type(data).VERSION, data=data, **fields
    )
    return envelope


def parse_envelope(raw: bytes | str) -> Envelope[Any]:
    """Read an envelope and its payload.

    Returns
    -------
    Envelope
        With ``data`` as the registered model of its type and version. A type or version that is
        not registered gives ``Envelope[EventData]`` with an empty payload: readers skip it.

    Raises
    ------
    pydantic.ValidationError
        If the message does not fit its contract.
    """
    head = _Head.model_validate_json(raw)
    model = _REGISTRY.get((head.type, head.version), EventData)
    envelope: Envelope[Any] = envelope_of(model).model_validate_json(raw)
    return envelope


class _Head(BaseModel):
    """Just enough of an envelope to choose the payload's model."""

    type: str
    version: int = 1

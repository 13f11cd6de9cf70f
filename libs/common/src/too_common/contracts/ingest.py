"""Events written by ingest: astronomical events, their localizations, streams, circulars."""

from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from pydantic import Field

from too_common.contracts.base import BlobRef, Contract, EventData, UtcDatetime, register


class EventKind(StrEnum):
    """What kind of transient an event is."""

    GW = "gw"
    GRB = "grb"
    NEUTRINO = "neutrino"
    FRB = "frb"
    SUPERNOVA = "supernova"
    XRAY = "xray"
    OTHER = "other"


class AlertKind(StrEnum):
    """Place of a notice in its stream, over all missions."""

    EARLY_WARNING = "early_warning"
    PRELIMINARY = "preliminary"
    INITIAL = "initial"
    SUBSEQUENT = "subsequent"
    UPDATE = "update"
    RETRACTION = "retraction"


class LocalizationOrigin(StrEnum):
    """Where a localization came from."""

    EMBEDDED = "embedded"
    URL = "url"
    CONE = "cone"
    UPLOAD = "upload"


class NativeId(Contract):
    """An event's id as its mission spells it; (mission, native_id) is its identity."""

    mission: str = Field(description="Lower case, e.g. lvk, fermi_gbm, icecube, swift")
    native_id: str
    is_primary: bool = False


class EventFacts(Contract):
    """What notices say of an event. None means: not known (never: false)."""

    far_hz: float | None = None
    significant: bool | None = None
    group: str | None = Field(default=None, description="CBC, Burst, ...")
    pipeline: str | None = None
    search: str | None = None
    instruments: tuple[str, ...] = ()
    classification: dict[str, float] = Field(
        default_factory=dict, description="Exclusive probabilities: BNS, NSBH, BBH, Terrestrial..."
    )
    properties: dict[str, float] = Field(
        default_factory=dict, description="Independent ones: HasNS, HasRemnant, HasMassGap, ..."
    )
    p_astro: float | None = Field(default=None, description="1 - Terrestrial, or as stated")
    ra_deg: float | None = None
    dec_deg: float | None = None
    error_radius_deg: float | None = Field(default=None, description="As stated by the mission")
    containment: float | None = Field(default=None, description="Probability within that radius")
    duration_s: float | None = None
    energy_tev: float | None = None
    signalness: float | None = None
    significance_sigma: float | None = None
    links: dict[str, str] = Field(default_factory=dict, description="Title -> https address")
    extra: dict[str, Any] = Field(default_factory=dict, description="Other values worth showing")


class MapFacts(Contract):
    """What a sky map says, computed once at ingest."""

    area50_deg2: float
    area90_deg2: float
    peak_ra_deg: float
    peak_dec_deg: float
    distance_mean_mpc: float | None = None
    distance_std_mpc: float | None = None
    is_3d: bool = False
    leaves: int = Field(default=0, description="Rows of the multi-order map")
    max_order: int = 0


@register
class EventChanged(EventData):
    """State of an astronomical event; sent at every notice and every change by hand."""

    TYPE: ClassVar[str] = "ingest.event_changed"

    event_id: UUID
    name: str = Field(description="Name to show: the primary native id, e.g. S250818k")
    mission: str
    kind: EventKind
    ids: tuple[NativeId, ...]
    event_time: UtcDatetime | None = Field(description="None only if no notice gave one")
    first_notice_at: UtcDatetime
    latest_notice_at: UtcDatetime = Field(description="The notice's own time")
    received_at: UtcDatetime = Field(description="When we got the latest notice (stack time)")
    notice_id: UUID = Field(description="Latest notice")
    notice_count: int = 1
    notice_type: str = Field(description="E.g. LVC_INITIAL, igwn.gwalert INITIAL")
    alert_kind: AlertKind
    is_retracted: bool = False
    is_test: bool = False
    is_subthreshold: bool = False
    is_replay: bool = Field(default=False, description="Came by replay, not from the stream")
    is_stale: bool = Field(default=False, description="Older than the age limit when it came")
    facts: EventFacts
    tags: tuple[str, ...] = ()


@register
class LocalizationReady(EventData):
    """A sky map of an event is ready."""

    TYPE: ClassVar[str] = "ingest.localization_ready"

    localization_id: UUID
    event_id: UUID
    event_revision: int
    map: BlobRef
    origin: LocalizationOrigin
    rank: int = Field(description="Higher is better; HEALPix over cone, newer over older")
    is_preferred: bool
    preferred_reason: str = ""
    is_first: bool = Field(description="First localization of this event with a map")
    sequence: int = Field(description="1, 2, 3 ... in the order of the notices")
    notice_id: UUID | None
    alert_kind: AlertKind
    notice_at: UtcDatetime
    received_at: UtcDatetime
    facts: MapFacts


class StreamState(StrEnum):
    """Whether a stream of notices is alive."""

    ALIVE = "alive"
    SILENT = "silent"
    REFUSED = "refused"


@register
class StreamChanged(EventData):
    """A stream fell silent, came back, or refused our credentials."""

    TYPE: ClassVar[str] = "ingest.stream_changed"

    stream: str
    state: StreamState
    since: UtcDatetime
    reason: str = ""

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
    error_sigma_deg: float | None = Field(
        default=None, description="Per axis, by the two-dimensional Gaussian rule; derived"
    )
    systematic_included: bool | None = Field(
        default=None, description="Whether that radius holds the systematics"
    )
    systematic_deg: float | None = Field(
        default=None, description="Added to it in quadrature, at the same containment"
    )
    error_source: str = Field(default="", description="Who says so")
    duration_s: float | None = None
    energy_tev: float | None = None
    signalness: float | None = None
    significance_sigma: float | None = None
    links: dict[str, str] = Field(default_factory=dict, description="Title -> https address")
    extra: dict[str, Any] = Field(default_factory=dict, description="Other values worth showing")


class EventMember(Contract):
    """An event that is part of another one now; its id is an alias of that one's."""

    event_id: UUID
    name: str = Field(description="Name that it had by itself")
    change_id: UUID = Field(description="The merge; it can be undone at ingest")
    is_automatic: bool = Field(description="Attached by a rule, not by a person")
    reason: str = ""
    by: str = Field(default="", description="Who merged, if a person did")
    at: UtcDatetime


class CoincidenceFact(Contract):
    """A coincidence as part of an event's state: enough to judge it by."""

    coincidence_id: UUID
    event_id: UUID = Field(description="The other event")
    name: str
    kind: EventKind
    mission: str
    time_offset_s: float = Field(description="The other's time minus this event's")
    overlap_integral: float | None = None
    joint_far_hz: float | None = None


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
    volume50_mpc3: float | None = Field(default=None, description="Smallest volume that holds 50 %")
    volume90_mpc3: float | None = None
    distance_header_mpc: float | None = Field(
        default=None, description="DISTMEAN of the file; ours is computed from its pixels"
    )
    distance_header_std_mpc: float | None = None
    peak_galactic_latitude_deg: float | None = None
    probability_below_10_deg: float | None = Field(
        default=None, description="Probability at galactic latitudes |b| < 10 deg"
    )
    probability_below_15_deg: float | None = None
    earth_ra_deg: float | None = Field(
        default=None, description="The Earth's centre on the spacecraft's sky"
    )
    earth_dec_deg: float | None = None
    earth_radius_deg: float | None = None
    occulted_probability: float | None = Field(
        default=None, description="Share of the region behind the Earth"
    )
    is_occultation_masked: bool = Field(
        default=False, description="The Earth's disc was taken out of the map"
    )


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
    merged_into: UUID | None = Field(
        default=None,
        description="This event is part of that one now. Readers end what is open about it, move "
        "to that one what they hold, and apply later messages there; None again after a split",
    )
    members: tuple[EventMember, ...] = Field(
        default=(), description="Events that are part of this one"
    )
    is_regrouped: bool = Field(
        default=False,
        description="Told because a person merged or split events: nobody is paged, and nothing "
        "is submitted by itself, on its account",
    )
    coincidences: tuple[CoincidenceFact, ...] = Field(
        default=(), description="Events of other missions close in time and place: links, no merges"
    )


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


@register
class EventMerged(EventData):
    """Two events are one from now on; sent under both keys."""

    TYPE: ClassVar[str] = "ingest.event_merged"

    change_id: UUID
    from_event_id: UUID = Field(description="An alias from now on")
    from_name: str
    into_event_id: UUID
    into_name: str
    is_automatic: bool = Field(description="By a rule of attachment, not by a person")
    reason: str
    by: str = Field(default="", description="Who did it")
    at: UtcDatetime


@register
class EventSplit(EventData):
    """Part of an event is an event by itself from now on (again); sent under both keys."""

    TYPE: ClassVar[str] = "ingest.event_split"

    change_id: UUID
    from_event_id: UUID = Field(description="The event that lost a part")
    from_name: str
    into_event_id: UUID = Field(description="The part")
    into_name: str
    reason: str
    by: str = Field(default="", description="Who did it")
    at: UtcDatetime


class CoincidenceState(StrEnum):
    """Whether two events still count as coincident."""

    FOUND = "found"
    WITHDRAWN = "withdrawn"


class FarMethod(StrEnum):
    """How the joint false-alarm rate was made."""

    RATE_TIMES_FAR = "rate_times_far"
    """FAR of one event times the rate of the other's stream times the window."""
    TARGETED = "targeted"
    """Product of two false-alarm rates of a search made because of the other event."""
    RATE_TIMES_RATE = "rate_times_rate"
    """Neither has a false-alarm rate: rates of both streams times the window."""
    NONE = "none"
    """No rate is known."""


@register
class CoincidenceFound(EventData):
    """Two events of different missions are close in time (and place): a link, never a merge.

    Sent under the key of each of the two, as seen from it; sent again when a better map changes
    the numbers, and with the state `withdrawn` when it no longer holds.
    """

    TYPE: ClassVar[str] = "ingest.coincidence_found"

    coincidence_id: UUID
    state: CoincidenceState
    reason: str = Field(default="", description="Why it was withdrawn")
    event_id: UUID = Field(description="The event under whose key this is sent")
    event_name: str
    event_kind: EventKind
    mission: str
    other_event_id: UUID
    other_name: str
    other_kind: EventKind
    other_mission: str
    leads: bool = Field(description="True for one of the two: news are told once")
    time_offset_s: float = Field(description="The other's time minus this event's")
    window_begin_s: float = Field(description="Window of that offset for this pair of kinds")
    window_end_s: float
    window_source: str
    overlap_integral: float | None = Field(
        default=None,
        description="4 pi times the integral of the product of the two densities: 1 if one map "
        "says nothing about the other, larger if they agree; None as long as a map is missing",
    )
    map_sha256: str | None = None
    other_map_sha256: str | None = None
    temporal_far_hz: float | None = None
    joint_far_hz: float | None = Field(
        default=None, description="In time and place: temporal_far_hz / overlap_integral"
    )
    method: FarMethod = FarMethod.NONE
    formula: str = ""
    meaning: str = Field(default="", description="The numbers in a sentence")


class StreamState(StrEnum):
    """Whether a stream of notices is alive."""

    ALIVE = "alive"
    SILENT = "silent"
    REFUSED = "refused"
    ABSENT = "absent"
    """The broker has no such topic: at GCN, one without a recent message."""


@register
class StreamChanged(EventData):
    """A stream fell silent, came back, is not there, or refused our credentials."""

    TYPE: ClassVar[str] = "ingest.stream_changed"

    stream: str
    state: StreamState
    since: UtcDatetime
    reason: str = ""
    last_seen_at: UtcDatetime | None = Field(
        default=None, description="Wall time of its last sign of life (a message or a heartbeat)"
    )


class CircularPlace(StrEnum):
    """Why a circular belongs to an event."""

    SUBJECT = "subject"
    BODY = "body"
    NAME = "name"
    """By a name that an earlier circular gave the event (GRB 230812B)."""


@register
class CircularReceived(EventData):
    """A GCN Circular by anybody came in; sent once per event that it speaks of.

    Re-sends of the same text say nothing; a correction comes as a higher version.
    """

    TYPE: ClassVar[str] = "ingest.circular_received"

    circular_id: float = Field(description="Mostly whole; 34776.5 and negative ones exist")
    version: int = 1
    event_id: UUID | None = Field(default=None, description="None: of no event known here")
    place: CircularPlace | None = Field(default=None, description="Where the event is named")
    named: str = Field(default="", description="The id or name by which it was found")
    subject: str
    submitter: str = Field(description="Name and affiliation; never a mail address")
    created_at: UtcDatetime
    event_name: str | None = Field(default=None, description="Canonical name, e.g. GRB 230812B")
    event_types: tuple[str, ...] = ()
    url: str
    is_correction: bool = False
    is_news: bool = Field(
        default=True, description="False: old when it came, or a correction; announce nothing"
    )

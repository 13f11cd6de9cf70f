"""What a notice says, whatever its mission and format.

Values are kept as stated (radius with its containment, raw time strings); what is derived from
them (sigma) stands beside, never instead.
"""

import math
from enum import StrEnum
from typing import Any

from pydantic import Field
from too_common.contracts.base import Contract, UtcDatetime
from too_common.contracts.ingest import AlertKind, EventFacts, EventKind

MISMATCH = "topic and content disagree"
"""Tag of a notice that came on another stream's topic."""


class ParseError(ValueError):
    """The bytes are not a notice that can be read; the text says why, for a person."""


class NoticeFormat(StrEnum):
    """How the bytes are written."""

    VOEVENT = "voevent"
    JSON = "json"
    TEXT = "text"
    BINARY160 = "binary160"
    MANUAL = "manual"


class TimeQuality(StrEnum):
    """Where an event time came from, best first."""

    STATED = "stated"
    """The time element, consistent with the other statements of the notice."""
    TJD_SOD = "tjd_sod"
    """Truncated Julian day and second of day; the time element cannot be read."""
    MET = "met"
    """Fermi trigger number as seconds since 2001-01-01."""
    OBSERVATION_START = "observation_start"
    """Start of the observation that made the notice, not of the event."""
    NOTICE_TIME = "notice_time"
    """No usable event time: that of the notice, approximate."""


class RegionShape(StrEnum):
    """Shape of an error region."""

    CIRCLE = "circle"
    ELLIPSE = "ellipse"
    RECTANGLE = "rectangle"
    POLYGON = "polygon"
    NONE = "none"


class ErrorRegion(Contract):
    """Error region as the mission states it.

    Notes
    -----
    For a two-dimensional Gaussian with sigma per axis, the radius that holds the probability p is
    sigma * sqrt(-2 ln(1 - p)).
    """

    shape: RegionShape = RegionShape.NONE
    radius_deg: float | None = None
    containment: float | None = Field(default=None, description="Probability within the region")
    semi_axes_deg: tuple[float, float] | None = None
    position_angle_deg: float | None = Field(default=None, description="North to east")
    corners_deg: tuple[tuple[float, float], ...] | None = None
    systematic_included: bool | None = None
    systematic_deg: float | None = Field(
        default=None, description="To be added in quadrature, at the same containment as the radius"
    )
    note: str = Field(default="", description="Source of containment and systematics")

    @property
    def sigma_deg(self) -> float | None:
        """Sigma per axis of the Gaussian with the stated radius and containment."""
        if self.radius_deg is None or self.containment is None or not 0 < self.containment < 1:
            return None
        return self.radius_deg / math.sqrt(-2.0 * math.log1p(-self.containment))


class SkymapKind(StrEnum):
    """Where a notice has its sky map."""

    EMBEDDED = "embedded"
    URL = "url"
    NONE = "none"


class SkymapSource(Contract):
    """One sky map that a notice carries or names."""

    kind: SkymapKind
    label: str = Field(default="", description="Empty, or 'combined' for a joint (RAVEN) map")
    url: str | None = None
    data: bytes | None = Field(default=None, exclude=True, repr=False)
    size_bytes: int | None = None


class ParsedNotice(Contract):
    """One notice, read."""

    mission: str
    notice_type: str
    format: NoticeFormat
    native_id: str | None
    aliases: tuple[str, ...] = ()
    spellings: tuple[str, ...] = Field(
        default=(), description="Ids as printed that are not unique: shown, never used to group"
    )
    id_qualifier: str | None = Field(
        default=None,
        description="Part of the identity where the mission reuses an id (tests, overflows)",
    )
    kind: EventKind = EventKind.OTHER
    alert_kind: AlertKind = AlertKind.INITIAL
    sequence: int | None = Field(default=None, description="The mission's own record or revision")
    is_ordered: bool = Field(
        default=False, description="The sequence numbers the notices of one event in order"
    )
    stage: int = Field(default=0, description="Precision of the localization within the mission")
    event_time: UtcDatetime | None = None
    event_time_raw: str | None = None
    time_quality: TimeQuality | None = None
    notice_time: UtcDatetime | None = None
    notice_time_raw: str | None = None
    ra_deg: float | None = None
    dec_deg: float | None = None
    region: ErrorRegion = ErrorRegion()
    is_supplement: bool = Field(
        default=False,
        description="Light curve, image, spectrum, search without result, possible counterpart: "
        "part of the event, but no word on its reality and no position of it",
    )
    assumed_radius_deg: float | None = Field(
        default=None, description="Radius (90 %) to use where the position has no stated error"
    )
    facts: EventFacts = EventFacts()
    printed: dict[str, str] = Field(
        default_factory=dict,
        description="Position, error, rate and (JSON) type as the notice prints them",
    )
    is_test: bool = False
    is_retraction: bool = False
    is_subthreshold: bool = False
    is_housekeeping: bool = Field(
        default=False, description="About a spacecraft or the network: kept, but no event"
    )
    is_current: bool = Field(default=True, description="False: archival, planned; pages nobody")
    skymaps: tuple[SkymapSource, ...] = ()
    cites: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    @property
    def identity_id(self) -> str | None:
        """Native id by which notices are grouped; None if the notice has none."""
        if self.native_id is None or self.id_qualifier is None:
            return self.native_id
        return f"{self.native_id}@{self.id_qualifier}"

    def to_row(self) -> dict[str, Any]:
        """Plain form for the database; the bytes of embedded maps are not in it."""
        return self.model_dump(mode="json")

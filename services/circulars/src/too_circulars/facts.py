"""What a circular may be made of: what was executed and vetted, never what was planned."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class Author:
    """A person to be named, and why."""

    account_id: UUID
    name: str
    affiliation: str
    role: str
    """``on duty``, ``approver`` or ``vetter``."""


@dataclass(frozen=True)
class EventFact:
    """The event that a circular is about."""

    event_id: UUID
    name: str
    canonical_name: str
    mission: str
    kind: str
    event_time: datetime | None
    notice_type: str
    notice_at: datetime
    is_test: bool
    is_retracted: bool


@dataclass(frozen=True)
class Coverage:
    """What one telescope covered in one filter, from executed exposures."""

    telescope: str
    filter: str
    exposures: int
    exposure_s: float | None
    """Median length of an exposure."""
    fields: int
    area_deg2: float
    probability: float
    depth_mag: float | None
    first_exposure_at: datetime
    last_exposure_end: datetime
    map_sha256: str


@dataclass(frozen=True)
class CandidateFact:
    """A candidate that the vetters found interesting."""

    name: str
    iau_name: str | None
    ra_deg: float
    dec_deg: float
    first_time: datetime | None
    filter: str | None
    magnitude: float | None
    magnitude_error: float | None
    redshift: float | None
    host_name: str | None
    credible_level_2d: float | None
    map_sha256: str | None


@dataclass(frozen=True)
class Facts:
    """Everything that is known when a circular is composed."""

    event: EventFact
    map_description: str
    map_sha256: str | None
    coverage: tuple[Coverage, ...] = ()
    candidates: tuple[CandidateFact, ...] = ()
    candidates_considered: int = 0
    candidates_rejected: int = 0
    authors: tuple[Author, ...] = ()
    telescope_names: dict[str, str] = field(default_factory=dict)
    mode: str = "live"

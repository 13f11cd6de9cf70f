"""Events written by vetting-api: accounts, candidates, catalogues."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from too_common.contracts.base import BlobRef, Contract, EventData, UtcDatetime, register


@register
class AccountChanged(EventData):
    """A person's account; no secrets, no numbers."""

    TYPE: ClassVar[str] = "vetting_api.account_changed"

    account_id: UUID
    username: str
    name: str
    affiliation: str = ""
    scopes: tuple[str, ...]
    active: bool = True


class CandidateVerdict(StrEnum):
    """What the vetters concluded."""

    NEW = "new"
    INTERESTING = "interesting"
    COUNTERPART = "counterpart"
    REJECTED = "rejected"


class Photometry(Contract):
    """One measurement or limit."""

    time: UtcDatetime
    filter: str
    magnitude: float | None = Field(description="AB; None for an upper limit")
    error: float | None = None
    limiting_magnitude: float | None = None
    instrument: str = ""


class Vote(Contract):
    """A vetter's vote."""

    account_id: UUID
    name: str
    vote: int = Field(ge=-1, le=1)
    comment: str = ""
    at: UtcDatetime


@register
class CandidateChanged(EventData):
    """A candidate counterpart of an event, with its votes and verdict."""

    TYPE: ClassVar[str] = "vetting_api.candidate_changed"

    candidate_id: UUID
    event_id: UUID | None
    name: str
    iau_name: str | None = None
    ra_deg: float
    dec_deg: float
    redshift: float | None = None
    classification: str | None = None
    host_name: str | None = None
    photometry: tuple[Photometry, ...] = ()
    credible_level_2d: float | None = None
    credible_level_3d: float | None = None
    map_sha256: str | None = None
    verdict: CandidateVerdict = CandidateVerdict.NEW
    verdict_by: UUID | None = None
    votes: tuple[Vote, ...] = ()


@register
class CataloguePublished(EventData):
    """An immutable snapshot of a galaxy catalogue, sorted by HEALPix index."""

    TYPE: ClassVar[str] = "vetting_api.catalogue_published"

    name: str
    version: str
    rows: int
    credit: str = ""
    snapshot: BlobRef

"""Events written by planner: telescopes, plans, coverage."""

from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from pydantic import Field

from too_common.contracts.base import BlobRef, Contract, EventData, UtcDatetime, register


@register
class TelescopeChanged(EventData):
    """A telescope's definition was loaded or edited."""

    TYPE: ClassVar[str] = "planner.telescope_changed"

    name: str
    is_provisional: bool
    definition: dict[str, Any] = Field(description="The telescope file, as the planner reads it")


class PlanState(StrEnum):
    """States of a plan."""

    PLANNING = "planning"
    READY = "ready"
    FAILED = "failed"
    SUPERSEDED = "superseded"


class ConstraintCost(Contract):
    """Probability that one constraint keeps out of a plan."""

    constraint: str = Field(description="E.g. daylight, airmass, moon, references, no_time")
    probability: float = Field(
        description="Disjoint: these and what is seen add up to the map's probability"
    )
    lifted: float | None = Field(
        default=None,
        description="What would come within reach if this alone were dropped; not to be added up",
    )
    words: str


class PlanStatistics(Contract):
    """Numbers of a plan, for tables."""

    fields: int
    exposures: int
    exposures_by_filter: dict[str, int] = Field(default_factory=dict)
    probability: float = Field(description="On the union of the sky seen at least once")
    probability_sequence: float = Field(description="On the union that got the whole sequence")
    area_deg2: float
    exposure_time_s: float
    total_time_s: float = Field(description="Start of the first to end of the last exposure")
    first_exposure_at: UtcDatetime | None = None
    last_exposure_end: UtcDatetime | None = None
    costs: tuple[ConstraintCost, ...] = Field(
        default=(), description="What is not seen, by the constraint that it belongs to"
    )


class PlanDifference(Contract):
    """How a plan differs from the one that it supersedes."""

    previous_plan_id: UUID
    fields_added: tuple[str, ...] = ()
    fields_dropped: tuple[str, ...] = ()
    probability_before: float
    probability_before_on_new_map: float | None = None
    probability_after: float
    fields_kept: tuple[str, ...] = ()
    fields_done: tuple[str, ...] = Field(
        default=(), description="Of the plan before: the whole sequence was observed; kept as done"
    )
    probability_done: float | None = Field(
        default=None, description="On the new map, of the sky that is done"
    )


class NetworkMember(Contract):
    """One telescope of a network."""

    telescope: str
    plan_id: UUID | None = None
    probability: float = Field(description="Of its objective (whole sequence, or any visit)")
    probability_alone: float = Field(description="Of the plan that it would have made alone")
    share: float = Field(description="Of the joint probability; sky seen by n counts 1/n")
    own: float = Field(description="Probability that no other telescope sees")
    repeats: bool = Field(default=False, description="Nothing new was left; it repeats others' sky")


class NetworkStatistics(Contract):
    """What several telescopes see together, by one objective."""

    probability: float = Field(description="On the union of the telescopes' sky")
    probability_any: float = Field(description="On the union of what is seen at least once")
    probability_independent: float = Field(description="Union of the plans made alone")
    probability_best_single: float
    members: tuple[NetworkMember, ...]


@register
class PlanChanged(EventData):
    """A plan for one telescope: ready, failed with a reason, or superseded."""

    TYPE: ClassVar[str] = "planner.plan_changed"

    plan_id: UUID
    event_id: UUID
    event_revision: int
    decision_id: UUID | None = None
    program_name: str | None = None
    localization_id: UUID | None
    map_sha256: str | None
    telescope: str
    name: str = Field(description="Short name to show")
    state: PlanState
    reason: str | None = Field(default=None, description="Why it failed, in words for a person")
    is_manual: bool = False
    plan: BlobRef | None = Field(default=None, description="The exposures, once ready")
    window_begin: UtcDatetime
    window_end: UtcDatetime
    statistics: PlanStatistics | None = None
    bound: float | None = Field(default=None, description="Upper bound of the probability")
    difference: PlanDifference | None = None
    superseded_by: UUID | None = None
    made_at: UtcDatetime
    submission_policy: dict[str, Any] | None = None
    network_id: UUID | None = Field(default=None, description="Planned together with others")
    network: NetworkStatistics | None = None
    proposal_of: UUID | None = Field(
        default=None,
        description="Plan whose lost fields this one proposes to observe; never sent by itself",
    )


@register
class CoverageChanged(EventData):
    """What was really observed of an event's current map."""

    TYPE: ClassVar[str] = "planner.coverage_changed"

    event_id: UUID
    map_sha256: str
    localization_id: UUID
    telescope: str
    filter: str
    depth_mag: float | None = Field(description="Median depth of the exposures, AB")
    area_deg2: float
    probability: float
    exposures: int
    first_exposure_at: UtcDatetime
    last_exposure_end: UtcDatetime
    exposure_ids: tuple[str, ...]

"""Which fields of a plan reach the target: the part of a plan that says so."""

from pydantic import BaseModel, ConfigDict, Field

NOT_INCLUDED = "dust, K corrections and read-out noise are not included"


class FieldDepth(BaseModel):
    """What one field of a plan reaches in one filter."""

    model_config = ConfigDict(frozen=True)

    field_id: str | None
    filter: str
    exposure_s: float
    limiting_mag: float = Field(description="5 sigma, AB, deepest of the field's exposures")
    distance_mpc: float | None = Field(description="Mean of the map's distance in the field")
    distance_err_mpc: float | None
    target_mag: float | None = Field(description="Of the target at that distance")
    reach_mpc: float = Field(description="Farthest at which the target is seen")
    within_reach: float = Field(description="Share of the field's distances that is in reach")
    reached: bool = Field(description="At least the wanted share is in reach")
    exposure_needed_s: float | None = Field(
        description="Exposure that would reach the wanted share under the same sky; null: over 2 h"
    )


class DepthReport(BaseModel):
    """Which fields reach the target, in which filter."""

    model_config = ConfigDict(frozen=True)

    absolute_mag: dict[str, float]
    exposure_times_s: dict[str, float] = Field(description="By filter, as planned")
    fields: tuple[FieldDepth, ...]
    fields_reached: int = Field(description="Fields that reach the target in some filter")
    probability_detectable: float = Field(
        description="That the source is in a field of the plan and near enough to be seen there"
    )
    tried: dict[str, float] = Field(
        default_factory=dict,
        description="Detectable probability by exposure time (s), if the planner chose it",
    )
    note: str = NOT_INCLUDED

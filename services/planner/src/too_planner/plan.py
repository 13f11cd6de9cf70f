"""The plan: exposures in order of time, numbers, and what was cut and why."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from too_common.contracts.base import UtcDatetime
from too_common.contracts.planner import PlanStatistics

from too_planner.depth_report import DepthReport
from too_planner.request import Parameters

DOCUMENT_SCHEMA = "too-plan/1"


class PlannedExposure(BaseModel):
    """One exposure to be taken."""

    model_config = ConfigDict(frozen=True)

    number: int = Field(description="1, 2, 3 ... in order of time")
    field_id: str | None = Field(description="Id in the telescope's grid, or name of a galaxy")
    ra_deg: float
    dec_deg: float
    filter: str
    start: UtcDatetime = Field(description="Shutter opens")
    exposure_s: float
    airmass: float = Field(description="In the middle of the exposure")
    visit: int = Field(description="1 for the field's first visit, ...")
    dither: int = Field(default=0, description="0, then 1 for the offset exposure of a visit")
    probability: float = Field(description="Of the map inside the field")


class CutReason(StrEnum):
    """Why sky is not in a plan."""

    PREVIOUS = "previous"
    """Observed, or planned, before."""
    OTHERS = "others"
    """Seen by the other telescopes of a network."""
    NEVER_UP = "never_up"
    """Never above the altitude limit (or the horizon) in the window, by day or night."""
    DAYLIGHT = "daylight"
    """Above it in the window, but never while it is dark."""
    AIRMASS = "airmass"
    """Above it while it is dark, but never at a small enough airmass."""
    TELESCOPE_LIMITS = "telescope_limits"
    """Declination, hour angle, closed zones."""
    MOON = "moon"
    GALACTIC_PLANE = "galactic_plane"
    RA_SLICE = "ra_slice"
    REFERENCES = "references"
    NO_FIELD = "no_field"
    """Within every limit, but in no field that may be used."""
    NO_TIME = "no_time"
    OVERHEADS = "overheads"
    """Slews, filter changes, and what a better order could still win: the bound knows neither."""
    MAX_FIELDS = "max_fields"
    ENOUGH = "enough"
    """The probability at which planning stops is reached."""
    OUTSKIRTS = "outskirts"
    """The map's faintest part, which is not looked at."""
    NEVER_HIGH = "never_high"
    """In documents of earlier versions: never_up, daylight and airmass in one."""
    NO_DARKNESS = "no_darkness"
    """In documents of earlier versions: no night in the window."""


class Cut(BaseModel):
    """A part of the map that the plan does not see, and the constraint that it belongs to.

    The parts are disjoint: with the probability that is seen they add up to the map's. Constraints
    that are in force and cost nothing stand there too, with zero.
    """

    model_config = ConfigDict(frozen=True)

    reason: CutReason
    probability: float
    words: str
    lifted: float | None = Field(
        default=None,
        description="Probability that would come within reach if this alone were dropped; these "
        "do not add up. Null where the question has no meaning",
    )


class PlanBound(BaseModel):
    """What no plan could exceed tonight; of slews and filter changes it counts the least."""

    model_config = ConfigDict(frozen=True)

    value: float = Field(
        description="Of the probability that the objective counts; least slews and filter changes "
        "are counted"
    )
    without_slews: float | None = Field(
        default=None, description="The same if slews and filter changes cost nothing"
    )
    reachable: float = Field(description="With any number of exposures")
    share: float | None = Field(description="What the plan has of it; null if it is zero")
    objective: str = Field(description="seq: whole sequences; any: seen at least once")
    complete: bool = Field(
        default=True,
        description="False: the grid's poorest fields, which no plan has time for by a quick look, "
        "were left aside, so that it bounds plans of the others only",
    )


class Plan(BaseModel):
    """A plan for one telescope, or the reason why there is none."""

    model_config = ConfigDict(frozen=True)

    document: str = DOCUMENT_SCHEMA
    telescope: str
    map_sha256: str | None
    parameters: Parameters
    exposures: tuple[PlannedExposure, ...]
    statistics: PlanStatistics
    cuts: tuple[Cut, ...] = ()
    failure: str | None = Field(default=None, description="Why nothing can be observed")
    notes: tuple[str, ...] = Field(default=(), description="What a person should know")
    galaxies: tuple[dict[str, Any], ...] = Field(
        default=(), description="Galaxies in the pointings, with their score"
    )
    galaxy_score: float | None = Field(
        default=None, description="Share of the catalogue's score in the pointings"
    )
    depth: DepthReport | None = Field(
        default=None, description="Which fields reach the target that was asked for"
    )
    bound: PlanBound | None = Field(
        default=None, description="Proven for this map, telescope and window"
    )
    compute_s: float = Field(default=0.0, description="Time that planning took")


def empty_statistics() -> PlanStatistics:
    """Numbers of a plan without exposures."""
    return PlanStatistics(
        fields=0,
        exposures=0,
        probability=0.0,
        probability_sequence=0.0,
        area_deg2=0.0,
        exposure_time_s=0.0,
        total_time_s=0.0,
    )


def span_of(exposures: tuple[PlannedExposure, ...]) -> tuple[datetime, datetime] | None:
    """Start of the first and end of the last exposure."""
    from datetime import timedelta

    if not exposures:
        return None
    return (
        min(row.start for row in exposures),
        max(row.start + timedelta(seconds=row.exposure_s) for row in exposures),
    )

"""Parts of a request: windows, places that count as seen, what a target looks like."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from too_common.contracts.base import UtcDatetime


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Window(_Asked):
    """A span of time."""

    begin: UtcDatetime = Field(description="UTC")
    end: UtcDatetime = Field(description="UTC")

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.end <= self.begin:
            raise ValueError("the window ends before it begins, or has no length")
        return self


class Objective(StrEnum):
    """What makes one plan better than another."""

    SEQUENCE = "seq"
    """Probability of the sky that gets the whole sequence of filters."""
    ANY = "any"
    """Probability of the sky that is seen at least once."""


class Pointing(_Asked):
    """A place that was, or will be, looked at by somebody: its sky counts for nothing.

    Without a measure of its own it has the field of view of the telescope that is planned for.
    """

    ra_deg: float = Field(ge=0, lt=360.0000001)
    dec_deg: float = Field(ge=-90, le=90)
    radius_deg: float | None = Field(default=None, gt=0, le=30, description="A circle")
    side_deg: float | None = Field(default=None, gt=0, le=60, description="A square")
    polygon_deg: tuple[tuple[float, float], ...] | None = Field(
        default=None,
        min_length=3,
        max_length=100,
        description="Corners in the tangent plane about the pointing: x to the east, y to the "
        "north, degrees",
    )
    filter: str | None = Field(default=None, max_length=16)
    depth_mag: float | None = Field(default=None, description="5 sigma, AB")
    at: UtcDatetime | None = Field(default=None, description="When it was, or will be, taken")

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        if sum(item is not None for item in (self.radius_deg, self.side_deg, self.polygon_deg)) > 1:
            raise ValueError("a pointing has one of radius_deg, side_deg and polygon_deg")
        return self

    @property
    def shape(self) -> tuple[object, ...]:
        """Key of the field of view, all None for the planned telescope's own."""
        return (self.radius_deg, self.side_deg, self.polygon_deg)


AbsoluteMagnitude = Annotated[float, Field(ge=-35, le=10)]


class DepthTarget(_Asked):
    """What is looked for, so that fields too far or too shallow count less.

    Dust in the Milky Way and in the host, and K corrections, are not included.
    """

    absolute_mag: dict[str, AbsoluteMagnitude] = Field(
        min_length=1, description="Of the target, AB, by filter, e.g. {g: -15.5, r: -16}"
    )
    distance_mpc: float | None = Field(
        default=None, gt=0, le=20000, description="Luminosity distance; left out: the map's own"
    )
    distance_err_mpc: float = Field(default=0.0, ge=0, le=20000)
    confidence: float = Field(
        default=0.9,
        gt=0,
        lt=1,
        description="A field is reached if this share of its distances is in reach",
    )
    exposure_max_s: float = Field(
        default=600.0, gt=0, le=7200, description="Longest exposure that may be chosen"
    )


def merged(windows: list[tuple[datetime, datetime]], slack_s: float) -> list[Window]:
    """Join spans that overlap or follow each other within a slack; in order of time."""
    found: list[tuple[datetime, datetime]] = []
    for begin, end in sorted(windows):
        if found and (begin - found[-1][1]).total_seconds() <= slack_s:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return [Window(begin=begin, end=end) for begin, end in found]


def without(windows: tuple[Window, ...], busy: tuple[Window, ...]) -> tuple[Window, ...]:
    """What is left of some windows outside of busy spans."""
    left = list(windows)
    for taken in busy:
        rest: list[Window] = []
        for window in left:
            if taken.end <= window.begin or taken.begin >= window.end:
                rest.append(window)
                continue
            if window.begin < taken.begin:
                rest.append(Window(begin=window.begin, end=taken.begin))
            if taken.end < window.end:
                rest.append(Window(begin=taken.end, end=window.end))
        left = rest
    return tuple(left)

"""The form of a scenario, so that what is wrong is told with its place in the file."""

import math
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from too_planner.request import RequestError

_MAX_PROBLEMS = 3


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("is no number")
    return value


def _time(value: str) -> str:
    try:
        datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f"not a time: {value!r}") from error
    return value


Number = Annotated[float, AfterValidator(_finite)]
Time = Annotated[str, AfterValidator(_time)]


class _Form(BaseModel):
    """What a scenario says beyond this is left to itself."""

    model_config = ConfigDict(extra="ignore")


class _Footprint(_Form):
    type: Literal["rectangles", "circle", "square"]
    file: str | None = None
    radius_deg: Annotated[Number, Field(gt=0)] | None = None
    side_deg: Annotated[Number, Field(gt=0)] | None = None


class _Grid(_Form):
    file: str
    sets: list[str] | None = None


class _Telescope(_Form):
    name: str
    lon_deg: Annotated[Number, Field(ge=-360, le=360)]
    lat_deg: Annotated[Number, Field(ge=-90, le=90)]
    height_m: Number
    footprint: _Footprint
    grid: _Grid
    filters: list[str] | None = None
    overhead_s: Annotated[Number, Field(ge=0)]
    slew_rate_deg_s: Annotated[Number, Field(gt=0)]
    slew_settle_s: Annotated[Number, Field(ge=0)] | None = None
    filter_change_s: Annotated[Number, Field(ge=0)]
    airmass_max: Annotated[Number, Field(gt=1)]
    moon_separation_min_deg: Annotated[Number, Field(ge=0, le=180)]
    hour_angle_limits_h: tuple[Number, Number] | None = None
    dec_limits_deg: tuple[Number, Number] | None = None


class _Step(_Form):
    filter: Annotated[str, Field(min_length=1)]
    exposure_s: Annotated[Number, Field(gt=0, le=7200)]


class _Place(_Form):
    ra_deg: Number
    dec_deg: Annotated[Number, Field(ge=-90, le=90)]


class _Request(_Form):
    window_utc: tuple[Time, Time]
    sun_altitude_max_deg: Annotated[Number, Field(ge=-90, le=0)]
    sequence: Annotated[list[_Step], Field(min_length=1)]
    min_gap_s: Annotated[Number, Field(ge=0)]
    objective: Literal["seq", "any"] = "seq"
    max_fields: Annotated[int, Field(ge=1)] | None = None
    references: str | None = None
    previous: list[_Place] | None = None


class _Scenario(_Form):
    telescope: _Telescope
    request: _Request


def check_form(content: Any) -> dict[str, Any]:
    """A scenario as it was read, if it has the form of one.

    Raises
    ------
    RequestError
        With the places of what is wrong or missing.
    """
    if not isinstance(content, dict):
        raise RequestError("a scenario is a JSON object with telescope and request")
    try:
        form = _Scenario.model_validate(content)
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(part) for part in item['loc'])}: "
            f"{item['msg'].removeprefix('Value error, ')}"
            for item in error.errors()
        ]
        more = len(problems) - _MAX_PROBLEMS
        tail = f"; and {more} more" if more > 0 else ""
        raise RequestError("; ".join(problems[:_MAX_PROBLEMS]) + tail) from error
    known = form.telescope.filters
    for number, step in enumerate(form.request.sequence):
        if known is not None and step.filter not in known:
            raise RequestError(
                f"request.sequence.{number}.filter: the telescope has no filter "
                f"{step.filter!r}; it has {', '.join(known)}"
            )
    return content

"""What a person may ask of a plan, and the request that it becomes."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from too_common.contracts.base import UtcDatetime
from too_common.errors import InvalidError
from too_common.uow import UnitOfWork

from too_planner.asked import DepthTarget, Objective, Pointing, Window
from too_planner.request import PlanRequest
from too_planner.telescope import NAME_PATTERN, FilterOrder, Strategy
from too_planner.usecases import credit
from too_planner.usecases import make_plan as usecase


class PlanOptions(BaseModel):
    """Options of a plan. Whatever is left out is the telescope's default."""

    model_config = ConfigDict(extra="forbid")

    window_begin: UtcDatetime | None = Field(default=None, description="Left out: now")
    window_end: UtcDatetime | None = Field(
        default=None, description="Left out: 24 hours after the begin"
    )
    windows: list[Window] | None = Field(
        default=None, max_length=20, description="Several windows instead of one"
    )
    filters: list[str] | None = Field(
        default=None, max_length=12, description="Sequence, e.g. g r g"
    )
    exposure_times_s: list[float] | None = Field(
        default=None, max_length=12, description="One per filter, or one for all; seconds"
    )
    min_gap_s: float | None = Field(
        default=None, ge=0, le=86400, description="Between the starts of two visits of a field; s"
    )
    airmass_max: float | None = Field(default=None, gt=1, le=40)
    altitude_min_deg: float | None = Field(
        default=None, ge=0, lt=90, description="Never below the telescope's own limit"
    )
    sun_altitude_max_deg: float | None = Field(default=None, ge=-90, le=0)
    moon_separation_min_deg: float | None = Field(default=None, ge=0, le=180)
    galactic_latitude_min_deg: float | None = Field(
        default=None, ge=0, lt=90, description="No field whose centre is nearer to the plane"
    )
    probability: float | None = Field(
        default=None, gt=0, le=1, description="Stop when this much of the map is covered"
    )
    max_fields: int | None = Field(default=None, ge=1, le=100_000)
    objective: Objective | None = Field(
        default=None, description="seq: the whole sequence counts; any: sky seen once counts"
    )
    field_sets: list[str] | None = Field(default=None, description="E.g. primary secondary")
    primary_grid_only: bool | None = Field(
        default=None, description="Short for field_sets: the first set alone, or all of them"
    )
    ra_min_h: float | None = Field(default=None, ge=0, le=24)
    ra_max_h: float | None = Field(default=None, ge=0, le=24)
    require_references: bool | None = None
    dither: bool | None = None
    filter_order: FilterOrder | None = None
    balanced: bool | None = Field(
        default=None, description="Only fields that get every filter of the sequence"
    )
    strategy: Strategy | None = None
    centred: bool = Field(
        default=True, description="One centred tile for a small region, where pointing is free"
    )
    galaxy_distance_mpc: tuple[float, float] | None = Field(
        default=None, description="Only galaxies between these distances"
    )
    depth: DepthTarget | None = Field(default=None, description="What has to be seen")
    skip_completed: bool = Field(
        default=False, description="Leave out the sky that was observed already"
    )
    completed_since: UtcDatetime | None = Field(
        default=None, description="With skip_completed: only what was observed after this"
    )
    completed_until: UtcDatetime | None = Field(
        default=None, description="With skip_completed: only what was observed before this"
    )
    skip_planned: bool = Field(
        default=False,
        description="Leave out sky and time of what is in the telescope's queue already",
    )
    exclude_plans: list[UUID] = Field(
        default_factory=list, max_length=20, description="Leave out the sky of these plans"
    )
    credit_others: bool = Field(
        default=False, description="Leave out the sky of others' listed pointings"
    )
    pointings: list[Pointing] = Field(
        default_factory=list, max_length=5000, description="More sky that counts as seen"
    )
    pointings_depth_min_mag: float | None = Field(
        default=None, description="Pointings known to be shallower than this do not count"
    )
    fill: bool = Field(default=True, description="Use left-over time for unseen sky")


class PlanBody(PlanOptions):
    """A person's own plan. Whatever is left out is the telescope's default."""

    telescope: str = Field(pattern=NAME_PATTERN, description="E.g. ZTF")
    event_id: UUID | None = Field(default=None, description="Event whose map is observed")
    localization_id: UUID | None = Field(default=None, description="Left out: the preferred one")
    name: str | None = Field(default=None, max_length=80)
    field_ids: list[int] | None = Field(
        default=None, max_length=2000, description="Only these fields of the grid"
    )
    keep_order: bool = Field(default=False, description="Observe field_ids in the order given")


class ManualBody(PlanBody):
    """A plan by a list of fields."""

    field_ids: list[int] = Field(min_length=1, max_length=2000)
    keep_order: bool = True


_AS_THEY_ARE = {
    "telescope",
    "filters",
    "exposure_times_s",
    "min_gap_s",
    "airmass_max",
    "altitude_min_deg",
    "sun_altitude_max_deg",
    "moon_separation_min_deg",
    "galactic_latitude_min_deg",
    "probability",
    "max_fields",
    "objective",
    "field_ids",
    "keep_order",
    "require_references",
    "dither",
    "filter_order",
    "balanced",
    "strategy",
    "centred",
    "galaxy_distance_mpc",
    "depth",
    "fill",
}


async def request_of(uow: UnitOfWork, body: PlanBody) -> PlanRequest:
    """The request of a body, with all that counts as seen.

    Raises
    ------
    InvalidError
        With the first thing that cannot be meant.
    """
    telescope = await usecase.telescope_row(uow, body.telescope)
    sets = tuple(body.field_sets) if body.field_sets is not None else None
    known = list((telescope.grid_info or {}).get("sets", {}))
    if sets is None and body.primary_grid_only is not None and known:
        sets = tuple(known[:1]) if body.primary_grid_only else tuple(known)
    ra_slice = None
    if body.ra_min_h is not None or body.ra_max_h is not None:
        ra_slice = (
            0.0 if body.ra_min_h is None else body.ra_min_h,
            24.0 if body.ra_max_h is None else body.ra_max_h,
        )
    previous, busy = await _seen_already(uow, body)
    try:
        return PlanRequest.model_validate(
            {
                **body.model_dump(include=_AS_THEY_ARE),
                "windows": _windows(body, uow.now),
                "field_sets": sets,
                "ra_slice_h": ra_slice,
                "previous": [row.model_dump() for row in previous],
                "previous_depth_min_mag": body.pointings_depth_min_mag,
                "busy": [row.model_dump() for row in busy],
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        words = first["msg"].removeprefix("Value error, ")
        raise InvalidError(f"{where}: {words}".lstrip(": "), code="plan_request") from error


def _windows(body: PlanBody, now: datetime) -> list[dict[str, Any]]:
    if body.windows is not None:
        return [{"begin": window.begin, "end": window.end} for window in body.windows]
    if body.window_begin is None and body.window_end is None:
        return []
    begin = body.window_begin or now
    end = body.window_end or begin + timedelta(hours=24)
    if end <= begin:
        raise InvalidError("the window ends before it begins, or has no length", code="window")
    return [{"begin": begin, "end": end}]


async def _seen_already(uow: UnitOfWork, body: PlanBody) -> tuple[list[Pointing], list[Window]]:
    """Places that count as seen, and time that is taken."""
    seen = [*body.pointings, *await credit.of_plans(uow, body.telescope, body.exclude_plans)]
    busy: list[Window] = []
    if body.skip_planned:
        queued, busy = await credit.planned(uow, body.telescope)
        seen += queued
    if body.event_id is not None:
        if body.skip_completed:
            seen += await credit.completed(
                uow,
                body.event_id,
                body.telescope,
                since=body.completed_since,
                until=body.completed_until,
            )
        if body.credit_others:
            seen += await credit.foreign(uow, body.event_id)
    return list(dict.fromkeys(seen)), busy

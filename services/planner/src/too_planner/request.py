"""What a plan is asked for, and how the gaps are filled from the telescope's own defaults."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from too_planner.asked import DepthTarget, Objective, Pointing, Window, without
from too_planner.telescope import (
    NAME_PATTERN,
    FilterOrder,
    Strategy,
    TelescopeDefinition,
)
from too_planner.visibility import Constraints

__all__ = [
    "DepthTarget",
    "Objective",
    "Parameters",
    "PlanRequest",
    "Pointing",
    "RequestError",
    "Window",
    "resolve",
]

MAX_WINDOW_S = 14 * 86400.0
"""Longest span of a plan's windows; a plan for longer than two weeks cannot be meant."""


class RequestError(ValueError):
    """The request is well-formed but cannot be meant; says what is wrong."""


class PlanRequest(BaseModel):
    """Parameters of a plan; whatever is null is the telescope's own default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    telescope: str = Field(pattern=NAME_PATTERN, description="Name, e.g. ZTF")
    windows: tuple[Window, ...] = Field(
        default=(), max_length=20, description="Empty: the 24 hours from now"
    )
    filters: tuple[str, ...] | None = Field(
        default=None, max_length=12, description="Sequence of filters, e.g. [g, r, g]"
    )
    exposure_times_s: tuple[Annotated[float, Field(gt=0, le=7200)], ...] | None = Field(
        default=None, description="One per filter of the sequence, or one for all, seconds"
    )
    min_gap_s: float | None = Field(
        default=None, ge=0, le=86400, description="Between the starts of two visits of a field"
    )
    airmass_max: float | None = Field(default=None, gt=1, le=40, description="Plane-parallel")
    altitude_min_deg: float | None = Field(
        default=None, ge=0, lt=90, description="Never below the telescope's own limit"
    )
    sun_altitude_max_deg: float | None = Field(default=None, ge=-90, le=0)
    moon_separation_min_deg: float | None = Field(default=None, ge=0, le=180)
    galactic_latitude_min_deg: float | None = Field(
        default=None, ge=0, lt=90, description="No field whose centre is nearer to the plane"
    )
    max_fields: int | None = Field(default=None, ge=1, le=100000)
    probability: float | None = Field(
        default=None, gt=0, le=1, description="Stop when this much of the map is covered"
    )
    field_sets: tuple[str, ...] | None = Field(default=None, description="E.g. primary, secondary")
    field_ids: tuple[int, ...] | None = Field(
        default=None, max_length=2000, description="Only these fields (manual plan: in this order)"
    )
    keep_order: bool = Field(default=False, description="Observe field_ids as they stand")
    require_references: bool | None = Field(
        default=None, description="Only fields with a reference image in every filter"
    )
    ra_slice_h: tuple[float, float] | None = Field(
        default=None, description="Right ascension from, to, hours; may wrap at 24"
    )
    previous: tuple[Pointing, ...] = Field(
        default=(),
        max_length=20000,
        description="Observed or planned already, by whomever: this sky counts for nothing",
    )
    previous_depth_min_mag: float | None = Field(
        default=None, description="Pointings known to be shallower than this do not count as seen"
    )
    busy: tuple[Window, ...] = Field(
        default=(), max_length=500, description="The telescope is taken: nothing is planned here"
    )
    dither: bool | None = None
    filter_order: FilterOrder | None = None
    balanced: bool | None = Field(
        default=None, description="Only fields that get every filter of the sequence"
    )
    objective: Objective | None = Field(default=None, description="seq (default) or any")
    strategy: Strategy | None = None
    centred: bool = Field(
        default=True,
        description="Where the telescope points freely, a region that fits its field of view "
        "gets one centred tile instead of fields of the grid",
    )
    galaxy_distance_mpc: tuple[float, float] | None = Field(
        default=None, description="Only galaxies between these distances"
    )
    depth: DepthTarget | None = Field(default=None, description="What has to be seen")
    fill: bool = Field(
        default=True, description="Use left-over time for single visits of unseen sky"
    )
    seed: int = Field(default=1, ge=0, le=2**31)

    @model_validator(mode="after")
    def _consistent(self) -> "PlanRequest":
        ordered = sorted(self.windows, key=lambda window: window.begin)
        for first, second in pairwise(ordered):
            if second.begin < first.end:
                raise ValueError("windows overlap")
        if ordered and (ordered[-1].end - ordered[0].begin).total_seconds() > MAX_WINDOW_S:
            raise ValueError("windows span more than 14 days")
        if self.ra_slice_h is not None and not all(0 <= hour <= 24 for hour in self.ra_slice_h):
            raise ValueError("ra_slice_h lies between 0 and 24")
        if self.keep_order and not self.field_ids:
            raise ValueError("keep_order needs field_ids")
        if self.galaxy_distance_mpc is not None:
            near, far = self.galaxy_distance_mpc
            if not 0 <= near < far:
                raise ValueError("galaxy_distance_mpc is a smaller and a larger distance")
        return self


class Parameters(BaseModel):
    """A request with nothing left open; stands in the plan as it was used."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    telescope: str
    windows: tuple[Window, ...]
    filters: tuple[str, ...]
    exposure_times_s: tuple[float, ...]
    min_gap_s: float
    airmass_max: float
    altitude_min_deg: float
    sun_altitude_max_deg: float
    moon_separation_min_deg: float
    max_fields: int | None
    probability: float | None
    field_sets: tuple[str, ...]
    field_ids: tuple[int, ...] | None
    keep_order: bool
    require_references: bool
    ra_slice_h: tuple[float, float] | None
    previous: tuple[Pointing, ...]
    dither: bool
    filter_order: FilterOrder
    strategy: Strategy
    fill: bool
    seed: int
    balanced: bool = False
    objective: Objective = Objective.SEQUENCE
    busy: tuple[Window, ...] = ()
    centred: bool = True
    galaxy_distance_mpc: tuple[float, float] | None = None
    depth: DepthTarget | None = None
    galactic_latitude_min_deg: float = 0.0
    """Fields with their centre nearer to the galactic plane are not used; 0: all are."""
    chosen_by_depth: bool = False
    """The exposure times may be chosen by what the target needs."""

    @property
    def window_begin(self) -> datetime:
        """Begin of the first window."""
        return self.windows[0].begin

    @property
    def window_end(self) -> datetime:
        """End of the last window."""
        return self.windows[-1].end

    def constraints(
        self, telescope: TelescopeDefinition, *, catalogue_hour_angle: bool = False
    ) -> Constraints:
        """The limits that every exposure has to keep."""
        limits = telescope.limits
        return Constraints(
            airmass_max=self.airmass_max,
            altitude_min_deg=self.altitude_min_deg,
            hour_angle_h=limits.hour_angle_h,
            dec_deg=limits.dec_deg,
            forbidden=limits.forbidden,
            sun_altitude_max_deg=self.sun_altitude_max_deg,
            moon_separation_min_deg=self.moon_separation_min_deg,
            catalogue_hour_angle=catalogue_hour_angle,
        )


DEFAULT_WINDOW_H = 24.0


def resolve(request: PlanRequest, telescope: TelescopeDefinition, *, now: datetime) -> Parameters:
    """Fill a request from the telescope's defaults and check it against the telescope.

    Parameters
    ----------
    now
        Stack time; a window that is over is refused, one that has begun is cut.

    Raises
    ------
    RequestError
        If it cannot be meant for this telescope at this time.
    """
    defaults = telescope.defaults
    windows = without(_future_windows(request.windows, now), request.busy)
    if not windows:
        raise RequestError("the telescope is taken for all of the window")
    filters = request.filters if request.filters is not None else defaults.filters
    if not filters:
        raise RequestError("no filter is asked for")
    for name in filters:
        if name not in telescope.filters:
            raise RequestError(
                f"{telescope.name} has no filter {name!r}; it has {', '.join(telescope.filters)}"
            )
    order = _first(request.filter_order, defaults.filter_order)
    single = request.objective is Objective.ANY and order is not FilterOrder.INTEGRATED
    if request.balanced and single:
        raise RequestError(
            "balanced asks for whole sequences, objective any for single looks: choose one of them"
        )
    manual = request.field_ids is not None
    references = request.require_references
    probability = request.probability
    if probability is None and not manual:
        probability = defaults.probability
    return Parameters(
        telescope=telescope.name,
        windows=windows,
        filters=filters,
        exposure_times_s=_exposure_times(request, telescope, filters),
        min_gap_s=_first(request.min_gap_s, defaults.min_gap_s),
        airmass_max=_first(request.airmass_max, defaults.airmass_max),
        altitude_min_deg=max(request.altitude_min_deg or 0.0, telescope.limits.altitude_min_deg),
        sun_altitude_max_deg=_first(
            request.sun_altitude_max_deg, telescope.limits.sun_altitude_max_deg
        ),
        moon_separation_min_deg=_first(
            request.moon_separation_min_deg, telescope.limits.moon_separation_min_deg
        ),
        galactic_latitude_min_deg=_first(request.galactic_latitude_min_deg, 0.0),
        max_fields=_first(request.max_fields, None if manual else defaults.max_fields),
        probability=probability,
        field_sets=_first(request.field_sets, telescope.grid.sets),
        field_ids=request.field_ids,
        keep_order=request.keep_order,
        require_references=_first(references, defaults.require_references and not manual),
        ra_slice_h=request.ra_slice_h,
        previous=tuple(
            row
            for row in request.previous
            if request.previous_depth_min_mag is None
            or row.depth_mag is None
            or row.depth_mag >= request.previous_depth_min_mag
        ),
        dither=_first(request.dither, defaults.dither),
        filter_order=_first(request.filter_order, defaults.filter_order),
        strategy=_strategy(request, telescope),
        fill=request.fill and not request.balanced,
        seed=request.seed,
        balanced=bool(request.balanced),
        objective=_first(request.objective, Objective.SEQUENCE),
        busy=request.busy,
        centred=request.centred and not manual and request.field_sets is None,
        galaxy_distance_mpc=request.galaxy_distance_mpc,
        depth=_depth(request, telescope, filters),
        chosen_by_depth=request.depth is not None and request.exposure_times_s is None,
    )


def _first(value: Any, default: Any) -> Any:
    return default if value is None else value


def _depth(
    request: PlanRequest, telescope: TelescopeDefinition, filters: tuple[str, ...]
) -> DepthTarget | None:
    wanted = request.depth
    if wanted is None:
        return None
    unknown = [name for name in wanted.absolute_mag if name not in telescope.filters]
    if unknown:
        raise RequestError(
            f"{telescope.name} has no filter {unknown[0]!r} (asked for in depth); "
            f"it has {', '.join(telescope.filters)}"
        )
    known = [name for name in filters if name in wanted.absolute_mag]
    if not known:
        raise RequestError(
            "depth: the target's absolute magnitude is given in none of the filters "
            f"{', '.join(dict.fromkeys(filters))}"
        )
    missing = [name for name in dict.fromkeys(known) if telescope.depth_in(name) is None]
    if missing:
        raise RequestError(f"{telescope.name}: how deep it goes in {missing[0]} is not known")
    return wanted


def _strategy(request: PlanRequest, telescope: TelescopeDefinition) -> Strategy:
    strategy = request.strategy or telescope.defaults.strategy
    if request.field_ids is not None:
        strategy = Strategy.TILING
    if strategy is Strategy.TILING and telescope.grid.file is None:
        raise RequestError(
            f"{telescope.name} has no field grid; its targets are galaxies, or free pointings"
        )
    if strategy is Strategy.GALAXIES and not telescope.grid.free_pointing:
        raise RequestError(f"{telescope.name} takes fields of its grid only, no galaxies")
    if strategy is Strategy.FREE and not telescope.grid.free_pointing:
        raise RequestError(f"{telescope.name} takes fields of its grid only, no free pointings")
    return strategy


def _future_windows(windows: tuple[Window, ...], now: datetime) -> tuple[Window, ...]:
    begin = now.replace(microsecond=0) + timedelta(seconds=1)
    if not windows:
        return (Window(begin=begin, end=begin + timedelta(hours=DEFAULT_WINDOW_H)),)
    kept = [
        Window(begin=max(window.begin, begin), end=window.end)
        for window in sorted(windows, key=lambda window: window.begin)
        if window.end > begin
    ]
    if not kept:
        latest = max(window.end for window in windows)
        raise RequestError(f"the window is over: it ended {latest:%Y-%m-%d %H:%M} UTC")
    return tuple(kept)


def _exposure_times(
    request: PlanRequest, telescope: TelescopeDefinition, filters: tuple[str, ...]
) -> tuple[float, ...]:
    times = request.exposure_times_s
    if times is None:
        defaults = telescope.defaults
        by_filter = dict(zip(defaults.filters, defaults.exposure_times_s, strict=True))
        if filters == defaults.filters:
            return defaults.exposure_times_s
        return tuple(by_filter.get(name, defaults.exposure_times_s[0]) for name in filters)
    if len(times) == 1:
        return times * len(filters)
    if len(times) != len(filters):
        raise RequestError(f"{len(filters)} filters but {len(times)} exposure times")
    return times

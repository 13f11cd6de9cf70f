"""From a map, a telescope and a request to a plan; pure, for worker processes and for the CLI."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from too_common.astro import galactic
from too_common.astro.footprint import Footprint
from too_common.astro.sphere import from_tangent_plane, unit_vectors
from too_common.contracts.planner import PlanStatistics

from too_planner import coverage, visibility
from too_planner.assembly import Target, dithered, exposures_of, seen_weight, statistics_of
from too_planner.coverage import Points
from too_planner.credits import Credit, seen_by, still_wanted, without_others
from too_planner.cuts import Outcome, costs_of, explain_cuts
from too_planner.fieldgrid import FieldGrid
from too_planner.nightsky import night_sky
from too_planner.plan import Plan, PlanBound
from too_planner.reach import in_ra_slice
from too_planner.request import Objective, Parameters
from too_planner.scheduler import Problem, Solution, solve
from too_planner.telescope import FilterOrder, TelescopeDefinition
from too_planner.timeline import Placed, Rules, Slews, VisitTemplate, make_template

if TYPE_CHECKING:
    from too_common.astro.skymap import SkyMap

MIN_CANDIDATES, MAX_CANDIDATES = 400, 2600
CANDIDATES_PER_SLOT = 12
"""Fields whose exact footprint is laid over the map; the rest is sorted out by a quick look."""
_QUICK_SAMPLES = 5
_CELL_DEG, _WIDE_DEG = 1.2, 80.0


def targets_of_grid(grid: FieldGrid) -> Target:
    """All fields of a grid."""
    return Target([str(value) for value in grid.field_id], grid.ra_deg, grid.dec_deg)


def footprint_of(telescope: TelescopeDefinition, grid: FieldGrid | None) -> Footprint:
    """The camera; chips may stand in the grid file."""
    model = telescope.footprint
    chips: Any = model.rectangles_deg
    if model.type == "rectangles" and chips is None:
        if grid is None or grid.rectangles_deg is None:
            raise ValueError(f"{telescope.name}: the grid file has no rectangles")
        chips = grid.rectangles_deg.tolist()
    return Footprint.from_definition(
        {
            "type": model.type,
            "radius_deg": model.radius_deg,
            "side_deg": model.side_deg,
            "rectangles": chips,
            "polygons": model.polygons_deg,
        }
    )


@dataclass(frozen=True)
class Inputs:
    """Everything a plan is made of.

    Attributes
    ----------
    others : tuple of Credit
        What other telescopes of a network see.
    weight_points : Points, optional
        What is to be covered if it is not the map's probability (galaxies with their score).
    references : set of (field id, filter), optional
        Reference images; None: no list is loaded.
    """

    telescope: TelescopeDefinition
    footprint: Footprint
    parameters: Parameters
    targets: Target
    points: Points | None
    skymap: "SkyMap | None" = None
    map_sha256: str | None = None
    weight_points: Points | None = None
    references: frozenset[tuple[str, str]] | None = None
    notes: tuple[str, ...] = ()
    catalogue_hour_angle: bool = False
    structures: int = 160
    deadline_s: float = 10.0
    others: tuple[Credit, ...] = ()


def make_plan(inputs: Inputs) -> Plan:
    """Make the plan; one that cannot be made says why and has no exposures."""
    began = time.perf_counter()
    parameters, telescope = inputs.parameters, inputs.telescope
    epoch = parameters.window_begin.replace(microsecond=0)
    if epoch < parameters.window_begin:
        epoch += timedelta(seconds=1)
    windows = [
        (max(0.0, (window.begin - epoch).total_seconds()), (window.end - epoch).total_seconds())
        for window in parameters.windows
    ]
    night = visibility.make_night(telescope.site, epoch, windows, parameters.sun_altitude_max_deg)
    limits = parameters.constraints(telescope, catalogue_hour_angle=inputs.catalogue_hour_angle)
    points = inputs.points
    if points is not None and parameters.previous:
        points = points.without(seen_by(points, inputs.footprint, parameters.previous))
    points, shared = without_others(points, inputs.others)
    candidates = _candidates(inputs, points, night, limits)
    weights = inputs.weight_points or points
    if weights is not points:
        weights, _ = without_others(weights, inputs.others)
    if weights is None:
        weights = _equal_weights(candidates.targets)
    members = coverage.members_of(
        weights, inputs.footprint, candidates.targets.ra_deg, candidates.targets.dec_deg
    )
    templates = _templates(inputs)
    rules = _rules(inputs, candidates, templates, epoch)
    solution = solve(
        Problem(
            rules=rules,
            atoms=coverage.make_atoms(members, weights.weight),
            dark=night.dark,
            max_fields=parameters.max_fields,
            target=still_wanted(parameters.probability, shared),
            fill=parameters.fill,
            in_order=parameters.keep_order,
            structures=inputs.structures,
            seed=parameters.seed,
            deadline_s=inputs.deadline_s,
        )
    )
    placed = solution.placed
    map_members = members
    if points is not None and weights is not points:
        map_members = coverage.members_of(
            points, inputs.footprint, candidates.targets.ra_deg, candidates.targets.dec_deg
        )
    exposures = exposures_of(
        telescope, candidates.targets, placed, templates, epoch, map_members, points
    )
    statistics = statistics_of(
        inputs.footprint, candidates.targets, placed, exposures, len(templates), map_members, points
    )
    bound = (
        _bound_of(solution, statistics, templates, complete=not candidates.cut_short)
        if weights is points
        else None
    )
    cuts = explain_cuts(
        night=night,
        windows=windows,
        limits=limits,
        points=inputs.points,
        remaining=points,
        parameters=parameters,
        masked_targets=candidates.masked,
        cut_short=candidates.cut_short,
        members=map_members,
        outcome=_outcome(statistics, bound, templates),
        footprint=inputs.footprint,
        shared=shared,
    )
    return Plan(
        telescope=telescope.name,
        map_sha256=inputs.map_sha256,
        parameters=parameters,
        exposures=exposures,
        statistics=statistics.model_copy(update={"costs": costs_of(cuts.cuts)}),
        cuts=cuts.cuts,
        failure=None if exposures else cuts.failure,
        notes=inputs.notes,
        galaxy_score=_galaxy_score(inputs, members, placed),
        bound=bound,
        compute_s=round(time.perf_counter() - began, 3),
    )


def _bound_of(
    solution: Solution,
    statistics: PlanStatistics,
    templates: tuple[VisitTemplate, ...],
    *,
    complete: bool,
) -> PlanBound:
    """The bound, and what the plan has of it."""
    achieved = statistics.probability_sequence if len(templates) > 1 else statistics.probability
    value = min(solution.bound.value, 1.0)
    return PlanBound(
        value=round(value, 6),
        without_slews=round(min(solution.bound.without_slews, 1.0), 6),
        reachable=round(min(solution.bound.reachable, 1.0), 6),
        share=round(achieved / value, 5) if value > 0 else None,
        objective=str(Objective.SEQUENCE if len(templates) > 1 else Objective.ANY),
        complete=complete,
    )


def _outcome(
    statistics: PlanStatistics, bound: PlanBound | None, templates: tuple[VisitTemplate, ...]
) -> Outcome:
    """What the plan came to, for the explanation of what it leaves out."""
    return Outcome(
        seen=statistics.probability,
        counted=statistics.probability_sequence if len(templates) > 1 else statistics.probability,
        fields=statistics.fields,
        # what slews cost is told apart from what there is no time for
        bound=None if bound is None else bound.without_slews,
        reachable=None if bound is None else bound.reachable,
    )


@dataclass(frozen=True)
class _Candidates:
    targets: Target
    intervals: list[list[visibility.Interval]]
    """In which each can be observed."""
    masked: Target
    """Fields that only lack a reference image."""
    cut_short: bool
    """Fields poor in probability were left out unseen."""


def _candidates(
    inputs: Inputs,
    points: Points | None,
    night: visibility.Night,
    limits: visibility.Constraints,
) -> _Candidates:
    """Fields that can be observed, see something, and have their references."""
    targets, parameters = inputs.targets, inputs.parameters
    keep = np.ones(len(targets), dtype=bool)
    if parameters.ra_slice_h is not None:
        keep &= in_ra_slice(targets.ra_deg, parameters.ra_slice_h)
    if parameters.galactic_latitude_min_deg > 0:
        latitude = galactic.latitude_deg(targets.ra_deg, targets.dec_deg)
        keep &= np.abs(latitude) >= parameters.galactic_latitude_min_deg
    targets = targets.take(keep)
    if points is not None and inputs.weight_points is None and parameters.field_ids is None:
        targets = targets.take(_near_map(inputs, targets, points))
    coarse = visibility.ever_observable(night, limits, targets.ra_deg, targets.dec_deg)["moon"]
    if not parameters.keep_order:
        # grids are sampled every 15 minutes here: what is up for less than that is not worth it
        targets = targets.take(coarse)
    masked = targets.take(np.zeros(len(targets), dtype=bool))
    if parameters.require_references and inputs.references is not None:
        has = _has_references(targets, parameters.filters, inputs.references)
        masked, targets = targets.take(~has), targets.take(has)
    enough = _enough_candidates(inputs, night)
    cut_short = len(targets) > enough and inputs.skymap is not None
    if cut_short:
        targets = targets.take(_richest(inputs, targets, enough))
    intervals = visibility.observable_intervals(night, limits, targets.ra_deg, targets.dec_deg)
    if parameters.dither and len(targets):
        # the offset exposure of a visit keeps the limits at its own place
        moved = dithered(inputs.telescope, targets.ra_deg, targets.dec_deg)
        beside = visibility.observable_intervals(night, limits, *moved)
        intervals = [_both(a, b) for a, b in zip(intervals, beside, strict=True)]
    return _Candidates(targets, intervals, masked, cut_short)


def _both(
    first: list[visibility.Interval], second: list[visibility.Interval]
) -> list[visibility.Interval]:
    parts = [(max(a, c), min(b, d)) for a, b in first for c, d in second]
    return [(begin, end) for begin, end in parts if begin < end]


def _near_map(inputs: Inputs, targets: Target, points: Points) -> NDArray[np.bool_]:
    """Fields that may hold a point of the map at all: a look at cells of one degree."""
    cell = points.cells
    if len(cell.weight) == 0 or len(targets) == 0:
        return np.zeros(len(targets), dtype=bool)
    # a cell's weight lies within 1.2 deg of its mean place
    radius = inputs.footprint.radius_deg + _CELL_DEG
    if radius >= _WIDE_DEG:
        return np.ones(len(targets), dtype=bool)
    result = _perhaps_near(cell, targets, radius)
    some = np.flatnonzero(result)
    around = Footprint("circle", radius, circle_radius_deg=radius)
    near = coverage.members_of(cell, around, targets.ra_deg[some], targets.dec_deg[some])
    result[some] = [len(index) > 0 for index in near]
    return result


def _perhaps_near(cell: Points, targets: Target, radius_deg: float) -> NDArray[np.bool_]:
    """Fields that may be nearer to a cell than a radius: by cubes as wide as that."""
    width = 2 * float(np.sin(np.radians(radius_deg) / 2)) * (1 + 1e-9)
    size = int(np.ceil(2.0 / width)) + 3
    table = np.zeros((size, size, size), dtype=bool)
    table[tuple(np.floor((cell.vectors + 1.0) / width).astype(np.int64).T + 1)] = True
    for axis in range(3):
        table |= np.roll(table, 1, axis) | np.roll(table, -1, axis)
    vectors = unit_vectors(targets.ra_deg, targets.dec_deg)
    return np.asarray(table[tuple(np.floor((vectors + 1.0) / width).astype(np.int64).T + 1)])


def _enough_candidates(inputs: Inputs, night: visibility.Night) -> int:
    """How many of the richest fields are looked at: several times what there is time for."""
    visit_s = min(inputs.parameters.exposure_times_s) + inputs.telescope.timing.overhead_s
    slots = night.dark_s / visit_s
    return int(np.clip(CANDIDATES_PER_SLOT * slots, MIN_CANDIDATES, MAX_CANDIDATES))


def _richest(inputs: Inputs, targets: Target, count: int) -> NDArray[np.int64]:
    """The fields with the largest probability by a few samples of the density."""
    skymap = inputs.skymap
    if skymap is None:
        return np.arange(len(targets))
    half = inputs.footprint.radius_deg * 0.5
    offsets = np.array([(0, 0), (half, half), (-half, half), (half, -half), (-half, -half)])
    total = np.zeros(len(targets))
    for x, y in offsets[:_QUICK_SAMPLES]:
        ra, dec = from_tangent_plane(
            targets.ra_deg, targets.dec_deg, np.full(len(targets), x), np.full(len(targets), y)
        )
        total += skymap.density(ra, dec)
    best = np.argpartition(-total, count)[:count]
    return np.sort(best)


def _has_references(
    targets: Target, filters: tuple[str, ...], references: frozenset[tuple[str, str]]
) -> NDArray[np.bool_]:
    wanted = set(filters)
    return np.array(
        [all((label, name) in references for name in wanted) for label in targets.labels],
        dtype=bool,
    )


def _equal_weights(targets: Target) -> Points:
    """Without a map every field of a list is worth the same."""
    size = max(len(targets), 1)
    return Points.make(
        targets.ra_deg,
        targets.dec_deg,
        np.full(len(targets), 1.0 / size),
        np.zeros(len(targets)),
    )


def _templates(inputs: Inputs) -> tuple[VisitTemplate, ...]:
    parameters, timing = inputs.parameters, inputs.telescope.timing
    parts = list(zip(parameters.filters, parameters.exposure_times_s, strict=True))
    groups = [[part] for part in parts]
    if parameters.objective is Objective.ANY:
        # what is seen once counts; the next filters add nothing
        groups = groups[:1]
    if parameters.filter_order is FilterOrder.INTEGRATED:
        groups = [parts]
    return tuple(
        make_template(
            group,
            dithers=2 if parameters.dither else 1,
            dither_slew_s=_dither_slew_s(inputs.telescope),
            timing=timing,
        )
        for group in groups
    )


def steps_of(parameters: Parameters) -> int:
    """Visits that a field has to get."""
    one = parameters.filter_order is FilterOrder.INTEGRATED or parameters.objective is Objective.ANY
    return 1 if one else len(parameters.filters)


def _dither_slew_s(telescope: TelescopeDefinition) -> float:
    offset = telescope.dither_offset_arcsec / 3600.0 * float(np.sqrt(2.0))
    slew = telescope.timing.slew
    if slew.model == "rate":
        return offset / slew.rate_deg_per_s + slew.settle_s
    return (
        max(slew.hour_angle.seconds(4 * offset), slew.declination.seconds(offset)) + slew.settle_s
    )


def _rules(
    inputs: Inputs,
    candidates: _Candidates,
    templates: tuple[VisitTemplate, ...],
    epoch: datetime,
) -> Rules:
    telescope = inputs.telescope
    sky = night_sky(telescope.site, epoch, [0.0])
    targets = candidates.targets
    return Rules(
        steps=templates,
        intervals=candidates.intervals,
        slews=Slews(
            telescope.timing,
            targets.ra_deg,
            targets.dec_deg,
            latitude_deg=telescope.site.latitude_deg,
            sidereal_h_at_epoch=float(sky.sidereal_h[0]),
            extra_s=_dither_slew_s(telescope) if inputs.parameters.dither else 0.0,
        ),
        overhead_s=telescope.timing.overhead_s,
        filter_change_s=telescope.timing.filter_change_s,
        min_gap_s=inputs.parameters.min_gap_s,
    )


def _galaxy_score(
    inputs: Inputs, members: list[NDArray[np.int64]], placed: list[Placed]
) -> float | None:
    if inputs.weight_points is None:
        return None
    return seen_weight(inputs.weight_points, [members[visit.field] for visit in placed])

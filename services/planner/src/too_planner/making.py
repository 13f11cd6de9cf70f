"""From files and a complete request to a plan: targets chosen, depth reckoned, plan made."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from too_planner import depth, planning
from too_planner.coverage import Points
from too_planner.depth_report import DepthReport
from too_planner.fieldgrid import FieldGrid
from too_planner.plan import Plan, empty_statistics
from too_planner.planning import Inputs
from too_planner.request import Parameters
from too_planner.targets import Chosen, choose_targets, night_of
from too_planner.telescope import Strategy, TelescopeDefinition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from too_common.astro.footprint import Footprint
    from too_common.astro.skymap import SkyMap

NO_REFERENCE_LIST = "references not checked: no list is loaded"


@dataclass(frozen=True)
class Material:
    """What a plan is made from.

    Attributes
    ----------
    references : frozenset of (field id, filter), optional
        Reference images; None: no list is loaded.
    """

    telescope: TelescopeDefinition
    parameters: Parameters
    grid: FieldGrid | None
    points: Points | None = None
    skymap: "SkyMap | None" = None
    map_sha256: str | None = None
    catalogue_path: Path | None = None
    references: frozenset[tuple[str, str]] | None = None


def inputs_of(material: Material) -> tuple[Inputs, Chosen]:
    """Choose the targets and put the planner's inputs together.

    Raises
    ------
    CatalogueError
        If no galaxy can be a target.
    ValueError
        If something that the request needs is not there.
    """
    wanted = material.parameters
    footprint = planning.footprint_of(material.telescope, material.grid)
    notes: tuple[str, ...] = ()
    if wanted.require_references and material.references is None:
        notes = (NO_REFERENCE_LIST,)
    chosen = choose_targets(
        material.telescope,
        wanted,
        grid=material.grid,
        footprint=footprint,
        points=material.points,
        skymap=material.skymap,
        catalogue_path=material.catalogue_path,
        has_reference_list=material.references is not None,
    )
    inputs = Inputs(
        telescope=material.telescope,
        footprint=footprint,
        parameters=wanted,
        targets=chosen.targets,
        points=material.points,
        skymap=material.skymap,
        map_sha256=material.map_sha256,
        weight_points=chosen.weight_points,
        references=material.references,
        notes=notes + chosen.notes,
    )
    return inputs, chosen


def no_plan(material: Material, reason: str) -> Plan:
    """A plan without exposures, and why."""
    return Plan(
        telescope=material.telescope.name,
        map_sha256=material.map_sha256,
        parameters=material.parameters,
        exposures=(),
        statistics=empty_statistics(),
        failure=reason,
    )


def finish(plan: Plan, inputs: Inputs, chosen: Chosen) -> Plan:
    """Add what the engine does not know: the galaxies that are seen."""
    if not chosen.galaxies:
        return plan
    return plan.model_copy(
        update={"galaxies": _seen_galaxies(plan, chosen.galaxies, inputs.footprint)}
    )


def make(inputs: Inputs) -> Plan:
    """Make a plan; with a target to be reached, by what can be seen of it.

    If the exposure times are free, some are tried and those that make most of the probability
    detectable are kept (the shorter among equals).

    Raises
    ------
    DepthError
        If a depth is asked for and there is no distance.
    """
    wanted = inputs.parameters
    skymap, points = inputs.skymap, inputs.points
    if wanted.depth is None or skymap is None or points is None:
        return planning.make_plan(inputs)
    if not wanted.chosen_by_depth:
        return _deep(inputs, skymap, points)
    tried: dict[str, float] = {}
    best: Plan | None = None
    for exposure_s in depth.ladder(inputs.telescope, wanted):
        times = tuple(
            exposure_s if name in wanted.depth.absolute_mag else usual
            for name, usual in zip(wanted.filters, wanted.exposure_times_s, strict=True)
        )
        trial = _deep(
            replace(inputs, parameters=wanted.model_copy(update={"exposure_times_s": times})),
            skymap,
            points,
        )
        tried[f"{exposure_s:g}"] = _detectable(trial)
        if best is None or _detectable(trial) > _detectable(best) + 1e-4:
            best = trial
    assert best is not None  # noqa: S101  -- the ladder has at least one step
    if best.depth is None:
        return best
    return best.model_copy(update={"depth": best.depth.model_copy(update={"tried": tried})})


def _detectable(plan: Plan) -> float:
    return plan.depth.probability_detectable if plan.depth is not None else 0.0


def _deep(inputs: Inputs, skymap: "SkyMap", points: Points) -> Plan:
    """A plan on the probability that can be detected, and what its fields reach."""
    wanted, telescope = inputs.parameters, inputs.telescope
    if wanted.strategy is not Strategy.GALAXIES:
        weights = depth.detectable(points, telescope, wanted, skymap, night_of(telescope, wanted))
        inputs = replace(inputs, weight_points=weights)
    plan = planning.make_plan(inputs)
    found: DepthReport | None = None
    if plan.exposures:
        found = depth.report(plan, telescope, points, skymap, inputs.footprint)
    update: dict[str, object] = {"depth": found}
    if wanted.strategy is not Strategy.GALAXIES:
        update["galaxy_score"] = None
    return plan.model_copy(update=update)


def _seen_galaxies(
    plan: Plan, rows: "Sequence[dict[str, object]]", footprint: "Footprint"
) -> tuple[dict[str, object], ...]:
    ra = np.array([row["ra_deg"] for row in rows], dtype=np.float64)
    dec = np.array([row["dec_deg"] for row in rows], dtype=np.float64)
    seen = np.zeros(len(rows), dtype=bool)
    for ra_deg, dec_deg in {(row.ra_deg, row.dec_deg) for row in plan.exposures}:
        seen |= footprint.contains(ra_deg, dec_deg, ra, dec)
    return tuple(row for row, is_seen in zip(rows, seen, strict=True) if is_seen)

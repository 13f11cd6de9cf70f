"""What a plan leaves out, how much probability that is, and why, in words for a person.

Sky in a field that can be observed but is not seen had no time, or more is not asked for. Sky in
a field that only lacks a reference image is told as that. All other sky is asked itself which
constraint keeps it out of reach (`reach`). The parts are disjoint; with what is seen they add up to
the map's probability, which is 1.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from too_common.contracts.planner import ConstraintCost

from too_planner import coverage, visibility
from too_planner.coverage import Points
from too_planner.plan import Cut, CutReason
from too_planner.reach import Constraint, Reach, find_reach
from too_planner.request import Parameters
from too_planner.telescope import Strategy

if TYPE_CHECKING:
    from too_common.astro.footprint import Footprint

    from too_planner.assembly import Target

_WORTH_A_REASON = 0.005
"""Smaller parts are in the numbers, but not in the sentence of a failure."""
_ROUNDING = 6
_REACHED = 1e-6


@dataclass(frozen=True)
class Explanation:
    """Cuts, and the sentence for a plan without exposures."""

    cuts: tuple[Cut, ...]
    failure: str


@dataclass(frozen=True)
class Outcome:
    """What the plan came to.

    Attributes
    ----------
    seen : float
        Probability that is seen at least once.
    counted : float
        Probability that the objective counts.
    fields : int
    bound : float
        No plan could count more.
    reachable : float
        What could be counted with any number of exposures.
    """

    seen: float
    counted: float
    fields: int
    bound: float | None = None
    reachable: float | None = None


def explain_cuts(
    *,
    night: visibility.Night,
    windows: list[visibility.Interval],
    limits: visibility.Constraints,
    points: Points | None,
    remaining: Points | None,
    parameters: Parameters,
    masked_targets: "Target",
    members: list[NDArray[np.int64]],
    outcome: Outcome,
    footprint: "Footprint",
    cut_short: bool,
    shared: float = 0.0,
) -> Explanation:
    """Share out the probability that is not seen among the reasons.

    Parameters
    ----------
    windows
        Allowed times in seconds after the night's epoch, by day and by night.
    points, remaining
        The map, and the map without what was seen before or is left to others.
    members
        Points of each field that can be observed.
    cut_short
        Fields poor in probability were not looked at closely.
    shared
        Probability that other telescopes of a network see.
    """
    no_night = (
        f"the Sun is never below {parameters.sun_altitude_max_deg:g} deg "
        "within the window: there is no night in it"
    )
    if points is None or remaining is None:
        return Explanation((), no_night if not night.dark else _manual_failure(parameters))
    candidates = coverage.union_of(members, len(remaining))
    in_fields = float(remaining.weight[candidates].sum())
    rest = remaining.without(np.flatnonzero(candidates))
    references = 0.0
    if len(masked_targets):
        lacking = coverage.union_of(
            coverage.members_of(rest, footprint, masked_targets.ra_deg, masked_targets.dec_deg),
            len(rest),
        )
        references = float(rest.weight[lacking].sum())
        rest = rest.without(np.flatnonzero(lacking))
    reach = find_reach(
        night,
        windows,
        limits,
        rest,
        galactic_latitude_min_deg=parameters.galactic_latitude_min_deg,
        ra_slice_h=parameters.ra_slice_h,
    )
    before = float(points.weight.sum()) - float(remaining.weight.sum()) - shared
    parts: list[Cut | None] = [
        _part(CutReason.PREVIOUS, before, "observed before"),
        _part(CutReason.OTHERS, shared, "left to the other telescopes"),
        *_of_sky(reach, rest, limits, parameters, is_dark=bool(night.dark)),
        _part(
            CutReason.REFERENCES,
            references,
            "no reference image in every filter",
            lifted=references,
            always=parameters.require_references,
        ),
        _left_over(reach.shares(rest.weight)[1], parameters, cut_short=cut_short),
        *_of_time(in_fields, outcome, parameters, shared),
        _part(
            CutReason.OUTSKIRTS,
            1.0 - float(points.weight.sum()),
            "in the map's faintest outskirts, which are not looked at",
        ),
    ]
    found = [cut for cut in parts if cut is not None]
    cuts = tuple(sorted(found, key=lambda cut: -cut.probability))
    return Explanation(cuts, no_night if not night.dark else _failure(cuts))


def costs_of(cuts: tuple[Cut, ...]) -> tuple[ConstraintCost, ...]:
    """The same, as it is told to the other services."""
    return tuple(
        ConstraintCost(
            constraint=cut.reason.value,
            probability=cut.probability,
            lifted=cut.lifted,
            words=cut.words,
        )
        for cut in cuts
    )


def _part(
    reason: CutReason,
    value: float,
    words: str,
    *,
    lifted: float | None = None,
    always: bool = False,
) -> Cut | None:
    """A cut; none if it is nothing and not a constraint in force."""
    probability = round(max(value, 0.0), _ROUNDING)
    if probability <= 0 and not always:
        return None
    told = None if lifted is None else round(max(lifted, 0.0), _ROUNDING)
    return Cut(reason=reason, probability=probability, words=words, lifted=told)


def _of_sky(
    reach: Reach,
    rest: Points,
    limits: visibility.Constraints,
    parameters: Parameters,
    *,
    is_dark: bool,
) -> list[Cut | None]:
    """Sky that is in no field that can be observed, by the constraint that it fails first."""
    shares, _ = reach.shares(rest.weight)
    brings = reach.brings(rest.weight)
    moon, plane = parameters.moon_separation_min_deg, parameters.galactic_latitude_min_deg
    pointing = limits.hour_angle_h is not None or limits.forbidden or limits.dec_deg != (-90, 90)
    horizon = "the horizon"
    if limits.altitude_min_deg > 0:
        horizon = f"altitude {limits.altitude_min_deg:g} deg"
    up_by_day = f"above {horizon}, but only while the Sun is above "
    if is_dark:
        daylight = f"{up_by_day}{parameters.sun_altitude_max_deg:g} deg"
    else:
        daylight = f"{up_by_day}{parameters.sun_altitude_max_deg:g} deg: no night in the window"
    told = {
        Constraint.NEVER_UP: (f"never above {horizon} within the window", True),
        Constraint.DAYLIGHT: (daylight, True),
        Constraint.AIRMASS: (
            f"up while it is dark, but never below airmass {parameters.airmass_max:g}",
            True,
        ),
        Constraint.TELESCOPE_LIMITS: ("outside the telescope's pointing limits", bool(pointing)),
        Constraint.MOON: (f"within {moon:g} deg of the Moon", moon > 0),
        Constraint.GALACTIC_PLANE: (f"within {plane:g} deg of the galactic plane", plane > 0),
        Constraint.RA_SLICE: (
            "outside the chosen right ascensions",
            parameters.ra_slice_h is not None,
        ),
    }
    found: list[Cut | None] = []
    for name, (words, in_force) in told.items():
        # below the horizon nothing helps; an altitude limit can be lowered to it
        free = name is not Constraint.NEVER_UP or limits.altitude_min_deg > 0
        found.append(
            _part(
                CutReason(name.value),
                shares[name],
                words,
                lifted=brings[name] if free else None,
                always=in_force,
            )
        )
    return found


def _left_over(value: float, parameters: Parameters, *, cut_short: bool) -> Cut | None:
    """Sky within every limit that is in no field."""
    if cut_short:
        words = "in fields with less than there is time for"
        return _part(CutReason.NO_TIME, value, words, lifted=value)
    return _part(CutReason.NO_FIELD, value, _no_field_words(parameters), lifted=value)


def _of_time(
    in_fields: float, outcome: Outcome, parameters: Parameters, shared: float
) -> list[Cut | None]:
    """Sky in fields that could be observed, but are not."""
    unseen = in_fields - outcome.seen
    wanted = parameters.probability
    if wanted is not None and outcome.counted + shared >= wanted - _REACHED:
        words = f"more than {wanted:.0%} is not asked for"
        return [_part(CutReason.ENOUGH, unseen, words)]
    if parameters.max_fields is not None and outcome.fields >= parameters.max_fields:
        words = f"more than {parameters.max_fields} fields are not asked for"
        return [_part(CutReason.MAX_FIELDS, unseen, words)]
    if outcome.bound is None or outcome.reachable is None:
        return [_part(CutReason.NO_TIME, unseen, "no time left", lifted=unseen)]
    # of what is missing, this much is out of any plan's reach, slews or not
    proven = min(max(outcome.reachable - outcome.bound, 0.0), max(unseen, 0.0))
    return [
        _part(
            CutReason.NO_TIME,
            proven,
            "no time left, even if slews and filter changes took none",
        ),
        _part(
            CutReason.OVERHEADS,
            unseen - proven,
            "slews, filter changes and their order (at most: a better order may exist)",
        ),
    ]


def _no_field_words(parameters: Parameters) -> str:
    if parameters.strategy is Strategy.GALAXIES:
        return "in no pointing at a galaxy"
    if parameters.field_ids is not None:
        return "in none of the chosen fields"
    return "in no allowed field (gaps between chips and fields, choice of fields)"


def _failure(cuts: tuple[Cut, ...]) -> str:
    told = [cut for cut in cuts if cut.probability >= _WORTH_A_REASON]
    if not told:
        return "not observable in the window: nothing of the map is left to observe"
    listed = "; ".join(f"{cut.probability:.0%} {cut.words}" for cut in told[:3])
    return f"not observable in the window: {listed}"


def _manual_failure(parameters: Parameters) -> str:
    return (
        "none of the fields can be observed in the window: altitude, Moon, telescope limits or "
        f"airmass {parameters.airmass_max:g} forbid it"
    )

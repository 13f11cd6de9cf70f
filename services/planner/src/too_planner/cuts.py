"""What a plan leaves out, how much probability that is, and why, in words for a person."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from too_planner import coverage, visibility
from too_planner.coverage import Points
from too_planner.plan import Cut, CutReason
from too_planner.request import Parameters
from too_planner.telescope import Strategy

if TYPE_CHECKING:
    from too_common.astro.footprint import Footprint

    from too_planner.assembly import Target

_WORTH_SAYING = 0.0005


@dataclass(frozen=True)
class Explanation:
    """Cuts, and the sentence for a plan without exposures."""

    cuts: tuple[Cut, ...]
    failure: str


def explain_cuts(
    *,
    night: visibility.Night,
    limits: visibility.Constraints,
    points: Points | None,
    remaining: Points | None,
    parameters: Parameters,
    masked_targets: "Target",
    members: list[NDArray[np.int64]],
    seen: float,
    footprint: "Footprint",
    cut_short: bool,
    shared: float = 0.0,
) -> Explanation:
    """Share out the probability that is not seen among the reasons.

    What is in a field that can be observed but is not seen had no time. The sky outside of such
    fields is asked itself, in cells of a degree, whether it is ever high enough, within the
    telescope's limits and away from the Moon while it is dark. All parts and what is seen add up
    to the map's probability.

    Parameters
    ----------
    cut_short
        Fields poor in probability were not looked at closely.
    shared
        Probability that other telescopes of a network see.
    """
    if not night.dark:
        words = (
            f"the Sun is never below {parameters.sun_altitude_max_deg:g} deg "
            "within the window: there is no night in it"
        )
        return Explanation(
            (Cut(reason=CutReason.NO_DARKNESS, probability=1.0, words=words),), words
        )
    if points is None or remaining is None:
        return Explanation((), _manual_failure(parameters))
    candidates = coverage.union_of(members, len(remaining))
    reachable = float(remaining.weight[candidates].sum())
    out_of_reach = remaining.without(np.flatnonzero(candidates))
    references = 0.0
    if len(masked_targets):
        masked = coverage.union_of(
            coverage.members_of(
                out_of_reach, footprint, masked_targets.ra_deg, masked_targets.dec_deg
            ),
            len(remaining),
        )
        references = float(out_of_reach.weight[masked].sum())
        out_of_reach = out_of_reach.without(np.flatnonzero(masked))
    cells = coverage.coarse_cells(out_of_reach)
    ever = visibility.ever_observable(night, limits, cells.ra_deg, cells.dec_deg)
    total = float(cells.weight.sum())
    high = float(cells.weight[ever["altitude"]].sum())
    inside = float(cells.weight[ever["telescope"]].sum())
    away = float(cells.weight[ever["moon"]].sum())
    before = float(points.weight.sum()) - float(remaining.weight.sum()) - shared
    left_over = (CutReason.NO_FIELD, away, _no_field_words(parameters))
    if cut_short:
        left_over = (CutReason.NO_TIME, away, "in fields with less than there is time for")
    parts: list[tuple[CutReason, float, str]] = [
        (CutReason.PREVIOUS, before, "observed before"),
        (CutReason.OTHERS, shared, "left to the other telescopes"),
        (CutReason.NEVER_HIGH, total - high, _altitude_words(parameters)),
        (CutReason.TELESCOPE_LIMITS, high - inside, "outside the telescope's pointing limits"),
        (
            CutReason.MOON,
            inside - away,
            f"within {parameters.moon_separation_min_deg:g} deg of the Moon",
        ),
        (CutReason.REFERENCES, references, "no reference image in every filter"),
        left_over,
        (CutReason.NO_TIME, reachable - seen, "no time left, or enough without it"),
    ]
    cuts = tuple(
        Cut(reason=reason, probability=round(max(value, 0.0), 4), words=words)
        for reason, value, words in parts
        if value >= _WORTH_SAYING
    )
    return Explanation(cuts, _failure(cuts))


def _no_field_words(parameters: Parameters) -> str:
    if parameters.strategy is Strategy.GALAXIES:
        return "in no pointing at a galaxy"
    if parameters.ra_slice_h is not None or parameters.field_ids is not None:
        return "in none of the chosen fields"
    return "in no allowed field (gaps between chips and fields, choice of fields)"


def _altitude_words(parameters: Parameters) -> str:
    return (
        f"never above altitude {parameters.altitude_min_deg:g} deg and below airmass "
        f"{parameters.airmass_max:g} while it is dark"
    )


def _failure(cuts: tuple[Cut, ...]) -> str:
    if not cuts:
        return "not observable in the window: nothing of the map is left to observe"
    worst = sorted(cuts, key=lambda cut: -cut.probability)[:3]
    listed = "; ".join(f"{cut.probability:.0%} {cut.words}" for cut in worst)
    return f"not observable in the window: {listed}"


def _manual_failure(parameters: Parameters) -> str:
    return (
        "none of the fields can be observed in the window: altitude, Moon, telescope limits or "
        f"airmass {parameters.airmass_max:g} forbid it"
    )

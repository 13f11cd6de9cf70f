"""What a plan leaves out, how much probability that is, and why, in words for a person."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from too_planner import coverage, visibility
from too_planner.coverage import Points
from too_planner.plan import Cut, CutReason
from too_planner.request import Parameters

if TYPE_CHECKING:
    from too_common.astro.footprint import Footprint

    from too_planner.planning import Target

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
) -> Explanation:
    """Share out the probability that is not seen among the reasons.

    The sky itself is asked, in cells of a degree, whether it is ever high enough, within the
    telescope's limits and away from the Moon while it is dark; then the fields.
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
    rest = float(remaining.weight.sum())
    parts: list[tuple[CutReason, float, str]] = [
        (CutReason.PREVIOUS, float(points.weight.sum()) - rest, "observed before")
    ]
    cells = coverage.coarse_cells(remaining)
    ever = visibility.ever_observable(night, limits, cells.ra_deg, cells.dec_deg)
    total = float(cells.weight.sum())
    high = float(cells.weight[ever["altitude"]].sum())
    inside = float(cells.weight[ever["telescope"]].sum())
    away = float(cells.weight[ever["moon"]].sum())
    parts += [
        (CutReason.NEVER_HIGH, total - high, _altitude_words(parameters)),
        (CutReason.TELESCOPE_LIMITS, high - inside, "outside the telescope's pointing limits"),
        (
            CutReason.MOON,
            inside - away,
            f"within {parameters.moon_separation_min_deg:g} deg of the Moon",
        ),
    ]
    candidates = coverage.union_of(members, len(remaining))
    reachable = float(remaining.weight[candidates].sum())
    references = 0.0
    if len(masked_targets):
        masked = coverage.members_of(
            remaining, footprint, masked_targets.ra_deg, masked_targets.dec_deg
        )
        both = coverage.union_of(masked, len(remaining)) | candidates
        references = float(remaining.weight[both].sum()) - reachable
    parts += [
        (CutReason.REFERENCES, references, "no reference image in every filter"),
        (
            CutReason.NO_FIELD,
            away - references - reachable,
            "in no allowed field (gaps between chips and fields, choice of fields)",
        ),
        (CutReason.NO_TIME, reachable - seen, "no time left, or enough without it"),
    ]
    cuts = tuple(
        Cut(reason=reason, probability=round(max(value, 0.0), 4), words=words)
        for reason, value, words in parts
        if value >= _WORTH_SAYING
    )
    return Explanation(cuts, _failure(cuts))


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

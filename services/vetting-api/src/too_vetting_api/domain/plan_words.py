"""A plan's document in words and rows for a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from too_common.contracts.planner import ConstraintCost, PlanDifference

WORTH_SHOWING = 0.001
"""A smaller part is as good as nothing."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Probability that a plan does not cover, and why.

    Attributes
    ----------
    words
        The constraint as it was in force.
    probability
        Disjoint from the others'.
    name
        The constraint in a word or two.
    lifted
        What would come within reach if this alone were dropped; None if that has no meaning.
    """

    words: str
    probability: float
    name: str = ""
    lifted: float | None = None

    @property
    def counts(self) -> bool:
        """Whether it is worth a line of its own."""
        return max(self.probability, self.lifted or 0.0) >= WORTH_SHOWING


@dataclass(frozen=True, slots=True)
class Reach:
    """What a plan achieves by its objective, and what is possible.

    Attributes
    ----------
    covered
        Probability that the objective counts.
    bound
        Proven upper bound of it; None if none was proven.
    words
        What is counted.
    """

    covered: float
    bound: float | None
    words: str

    @property
    def share(self) -> float | None:
        """Part of the possible."""
        return self.covered / self.bound if self.bound else None


def reach_of(
    once: float, sequence: float, told: float | None, document: Mapping[str, Any]
) -> Reach:
    """Put a plan's numbers beside its bound; without a document, what was told is shown."""
    found = document.get("bound")
    bound = told
    objective = str((document.get("parameters") or {}).get("objective", ""))
    if isinstance(found, Mapping):
        value = found.get("value")
        bound = float(value) if isinstance(value, int | float) else told
        objective = str(found.get("objective", objective))
    if objective == "any" or (objective == "" and bound is None):
        return Reach(once, bound, "")
    return Reach(sequence, bound, "in the whole sequence")


_CONSTRAINTS = {
    "previous": "Seen before",
    "others": "Other telescopes",
    "never_up": "Never up",
    "never_high": "Never high enough",
    "no_darkness": "No night",
    "daylight": "Daylight",
    "airmass": "Airmass",
    "telescope_limits": "Telescope's limits",
    "moon": "Moon",
    "galactic_plane": "Galactic plane",
    "ra_slice": "Right ascension",
    "references": "References",
    "no_field": "Gaps and grid",
    "no_time": "Time",
    "overheads": "Slews, filter changes",
    "max_fields": "Number of fields",
    "enough": "Not asked for",
    "outskirts": "Outskirts",
}


def losses_of(
    document: Mapping[str, Any], told: Sequence[ConstraintCost] = ()
) -> tuple[list[Loss], list[Loss]]:
    """What is not covered, the largest part first; and constraints in force that cost nothing.

    Parameters
    ----------
    told
        What the plan's event says, if there is no document.
    """
    found = [
        Loss(
            words=str(cut.get("words") or cut.get("reason", "")),
            probability=float(cut.get("probability", 0.0)),
            name=_constraint(str(cut.get("reason", ""))),
            lifted=cut.get("lifted"),
        )
        for cut in document.get("cuts") or []
        if isinstance(cut, Mapping)
    ] or [
        Loss(item.words, item.probability, _constraint(item.constraint), item.lifted)
        for item in told
    ]
    found.sort(key=lambda item: (-item.probability, -(item.lifted or 0.0)))
    return [item for item in found if item.counts], [item for item in found if not item.counts]


def _constraint(reason: str) -> str:
    return _CONSTRAINTS.get(reason, reason.replace("_", " ").capitalize())


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed against the plan before."""

    added: tuple[str, ...]
    dropped: tuple[str, ...]
    done: tuple[str, ...]
    before: float
    before_on_new_map: float | None
    after: float
    probability_done: float | None

    @property
    def gain(self) -> float | None:
        """Change of probability on the new map."""
        return None if self.before_on_new_map is None else self.after - self.before_on_new_map


def difference_rows(told: PlanDifference | None) -> Difference | None:
    """The difference, if the plan replaced another."""
    if told is None:
        return None
    return Difference(
        added=told.fields_added,
        dropped=told.fields_dropped,
        done=told.fields_done,
        before=told.probability_before,
        before_on_new_map=told.probability_before_on_new_map,
        after=told.probability_after,
        probability_done=told.probability_done,
    )


_WORDS = {
    "filters": "Filters",
    "exposure_times_s": "Exposure times (s)",
    "min_gap_s": "Least gap between visits (s)",
    "airmass_max": "Greatest airmass",
    "altitude_min_deg": "Least altitude (deg)",
    "sun_altitude_max_deg": "Sun at most at (deg)",
    "moon_separation_min_deg": "Least distance from the Moon (deg)",
    "probability": "Probability to reach",
    "galactic_latitude_min_deg": "Least galactic latitude (deg)",
    "max_fields": "Most fields",
    "field_sets": "Sets of fields",
    "require_references": "References required",
    "ra_slice_h": "Right ascension (h)",
    "dither": "Dithered",
    "filter_order": "Order of filters",
    "strategy": "Strategy",
    "objective": "Objective",
    "fill": "Idle time filled",
    "seed": "Seed",
}
_SKIPPED = {"telescope", "windows", "previous", "field_ids", "keep_order"}


def parameter_rows(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The request as rows: word and value."""
    rows: list[tuple[str, str]] = []
    for window in parameters.get("windows") or []:
        begin, end = str(window["begin"])[:16], str(window["end"])[:16]
        rows.append(("Window (UTC)", f"{begin} to {end}".replace("T", " ")))
    for name, value in parameters.items():
        if name in _SKIPPED or value is None or value in ([], {}, ""):
            continue
        words = _WORDS.get(name, name.replace("_", " ").capitalize())
        rows.append((words, _value(value)))
    previous = parameters.get("previous") or []
    if previous:
        rows.append(("Pointings taken out of the map", str(len(previous))))
    fields = parameters.get("field_ids") or []
    if fields:
        rows.append(("Chosen fields", f"{len(fields)}"))
    return rows


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return ", ".join(_value(item) for item in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_value(item)}" for key, item in value.items())
    return str(value)

"""Criteria of science programs: typed predicates on facts, in three-valued logic.

A clause on a fact that is not known is *pending*, neither true nor false. Clauses combine by
``all``, ``any`` and ``not`` after Kleene. Clauses on the notice (alert kind, first map) can begin
a match and never end it: what they said when the match began is kept, and a later picture of the
event is judged both afresh and with what was kept; the better of the two holds.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from too_common.contracts.ingest import AlertKind, EventKind
from too_common.contracts.notify import ClauseOutcome, ClauseResult, Verdict

from too_notify.facts import Picture

TRUE, FALSE, PENDING = ClauseOutcome.TRUE, ClauseOutcome.FALSE, ClauseOutcome.PENDING
_ORDER = {FALSE: 0, PENDING: 1, TRUE: 2}

Latch = Mapping[str, ClauseOutcome]
"""What clauses on the notice said when the match began, by the clause's place in the tree."""


def _outcome(value: bool | None) -> ClauseOutcome:
    return PENDING if value is None else TRUE if value else FALSE


class _Clause(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Leaf(_Clause):
    """A predicate on one fact."""

    def words(self) -> str:
        """Render the clause for a person."""
        raise NotImplementedError

    def seen(self, picture: Picture) -> Any:
        """Value of the fact in the picture; None if it is not known."""
        raise NotImplementedError

    def holds(self, value: Any) -> bool:
        """Say whether the (known) value meets the clause."""
        raise NotImplementedError

    @property
    def is_about_notice(self) -> bool:
        """True for clauses that begin a match and never end it."""
        return False

    def outcome(self, picture: Picture) -> ClauseOutcome:
        """Judge the picture."""
        value = self.seen(picture)
        return _outcome(None if value is None else self.holds(value))


class EventKindIs(_Leaf):
    """The transient is of one of these kinds."""

    kind: Literal["event_kind"] = "event_kind"
    any_of: tuple[EventKind, ...] = Field(min_length=1)

    def words(self) -> str:
        """Render the clause for a person."""
        return f"event kind is {' or '.join(self.any_of)}"

    def seen(self, picture: Picture) -> Any:
        """Value of the fact in the picture."""
        return picture.kind

    def holds(self, value: Any) -> bool:
        """Say whether the value meets the clause."""
        return value in self.any_of


class MissionIs(_Leaf):
    """The event belongs to one of these missions (lower case, e.g. lvk, fermi_gbm)."""

    kind: Literal["mission"] = "mission"
    any_of: tuple[str, ...] = Field(min_length=1)

    def words(self) -> str:
        """Render the clause for a person."""
        return f"mission is {' or '.join(self.any_of)}"

    def seen(self, picture: Picture) -> Any:
        """Value of the fact in the picture."""
        return picture.mission

    def holds(self, value: Any) -> bool:
        """Say whether the value meets the clause."""
        return value in self.any_of


class AlertKindIs(_Leaf):
    """The latest notice is of one of these kinds. A clause on the notice."""

    kind: Literal["alert_kind"] = "alert_kind"
    any_of: tuple[AlertKind, ...] = Field(min_length=1)

    @property
    def is_about_notice(self) -> bool:
        """True: begins a match and never ends it."""
        return True

    def words(self) -> str:
        """Render the clause for a person."""
        return f"notice is {' or '.join(self.any_of)}"

    def seen(self, picture: Picture) -> Any:
        """Value of the fact in the picture."""
        return picture.alert_kind

    def holds(self, value: Any) -> bool:
        """Say whether the value meets the clause."""
        return value in self.any_of


class MapIs(_Leaf):
    """The preferred map is the event's first, or a later one. A clause on the notice."""

    kind: Literal["map"] = "map"
    which: Literal["first", "later"] = "first"

    @property
    def is_about_notice(self) -> bool:
        """True: begins a match and never ends it."""
        return True

    def words(self) -> str:
        """Render the clause for a person."""
        return "first map" if self.which == "first" else "a map after the first"

    def seen(self, picture: Picture) -> Any:
        """Value of the fact in the picture."""
        if picture.map_is_first is None:
            return None
        return "first" if picture.map_is_first else "later"

    def holds(self, value: Any) -> bool:
        """Say whether the value meets the clause."""
        return bool(value == self.which)


class Flag(StrEnum):
    """Facts that are yes or no."""

    SIGNIFICANT = "significant"
    TEST = "test"
    RETRACTED = "retracted"
    SUBTHRESHOLD = "subthreshold"
    MAP_KNOWN = "map_known"
    POSITION_KNOWN = "position_known"
    DISTANCE_KNOWN = "distance_known"


class FlagIs(_Leaf):
    """A yes-or-no fact has the stated value."""

    kind: Literal["flag"] = "flag"
    flag: Flag
    value: bool = True

    def words(self) -> str:
        """Render the clause for a person."""
        text = str(self.flag).replace("_", " ")
        return text if self.value else f"not {text}"

    def seen(self, picture: Picture) -> Any:
        """Value of the fact in the picture."""
        maps = picture.map_facts
        match self.flag:
            case Flag.SIGNIFICANT:
                return picture.facts.significant
            case Flag.TEST:
                return picture.is_test
            case Flag.RETRACTED:
                return picture.is_retracted
            case Flag.SUBTHRESHOLD:
                return picture.is_subthreshold
            case Flag.MAP_KNOWN:
                return maps is not None
            case Flag.POSITION_KNOWN:
                return picture.position_deg() is not None
            case Flag.DISTANCE_KNOWN:
                return maps is not None and maps.distance_mean_mpc is not None

    def holds(self, value: Any) -> bool:
        """Say whether the value meets the clause."""
        return bool(value) is self.value


class Quantity(StrEnum):
    """Facts that are numbers, each with its unit in the name."""

    FAR_HZ = "far_hz"
    P_ASTRO = "p_astro"
    AREA50_DEG2 = "area50_deg2"
    AREA90_DEG2 = "area90_deg2"
    DISTANCE_MPC = "distance_mpc"
    ERROR_RADIUS_DEG = "error_radius_deg"
    DURATION_S = "duration_s"
    ENERGY_TEV = "energy_tev"
    SIGNALNESS = "signalness"
    SIGNIFICANCE_SIGMA = "significance_sigma"
    DECLINATION_DEG = "declination_deg"
    ABS_GALACTIC_LATITUDE_DEG = "abs_galactic_latitude_deg"
    INSTRUMENTS = "instruments"


_OF_MAP = {
    Quantity.AREA50_DEG2: "area50_deg2",
    Quantity.AREA90_DEG2: "area90_deg2",
    Quantity.DISTANCE_MPC: "distance_mean_mpc",
}


class _Bounded(_Leaf):
    at_least: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.at_least is None and self.below is None:
            raise ValueError("give at_least, below, or both")
        if self.at_least is not None and self.below is not None and self.at_least >= self.below:
            raise ValueError("at_least must be smaller than below")
        return self

    def _render(self, what: str) -> str:
        parts = []
        if self.at_least is not None:
            parts.append(f"{what} >= {self.at_least:g}")
        if self.below is not None:
            parts.append(f"{what} < {self.below:g}")
        return " and ".join(parts)

    def holds(self, value: Any) -> bool:
        """Say whether the value lies in [at_least, below)."""
        return (self.at_least is None or value >= self.at_least) and (
            self.below is None or value < self.below
        )


class QuantityIs(_Bounded):
    """A number lies in ``[at_least, below)``."""

    kind: Literal["quantity"] = "quantity"
    quantity: Quantity

    def words(self) -> str:
        """Render the clause for a person."""
        return self._render(str(self.quantity))

    def seen(self, picture: Picture) -> Any:
        """Value of the fact in the picture; None if it is not known."""
        if self.quantity in _OF_MAP:
            return getattr(picture.map_facts, _OF_MAP[self.quantity], None)
        if self.quantity is Quantity.DECLINATION_DEG:
            position = picture.position_deg()
            return None if position is None else position[1]
        if self.quantity is Quantity.ABS_GALACTIC_LATITUDE_DEG:
            return picture.abs_galactic_latitude_deg()
        if self.quantity is Quantity.INSTRUMENTS:
            return len(picture.facts.instruments) or None
        return getattr(picture.facts, self.quantity.value)


class PropertyIs(_Bounded):
    """An independent probability (HasNS, HasRemnant, HasMassGap ...) lies in the bounds."""

    kind: Literal["property"] = "property"
    name: str = Field(min_length=1)

    def words(self) -> str:
        """Render the clause for a person."""
        return self._render(self.name)

    def seen(self, picture: Picture) -> Any:
        """Value of the fact in the picture; None if it is not known."""
        return picture.facts.properties.get(self.name)


class ClassificationIs(_Bounded):
    """The summed probability of these exclusive classes lies in the bounds."""

    kind: Literal["classification"] = "classification"
    classes: tuple[str, ...] = Field(min_length=1)

    def words(self) -> str:
        """Render the clause for a person."""
        return self._render(f"P({' or '.join(self.classes)})")

    def seen(self, picture: Picture) -> Any:
        """Summed probability; None if no classification, or none of the classes, is stated."""
        stated = picture.facts.classification
        known = [stated[name] for name in self.classes if name in stated]
        return sum(known) if known else None


class HasTag(_Leaf):
    """The event carries one of these tags."""

    kind: Literal["tag"] = "tag"
    any_of: tuple[str, ...] = Field(min_length=1)

    def words(self) -> str:
        """Render the clause for a person."""
        return f"tagged {' or '.join(self.any_of)}"

    def seen(self, picture: Picture) -> Any:
        """Value of the fact in the picture."""
        return list(picture.tags)

    def holds(self, value: Any) -> bool:
        """Say whether the value meets the clause."""
        return any(tag in value for tag in self.any_of)


class AllOf(_Clause):
    """Every clause must hold."""

    kind: Literal["all"] = "all"
    of: "tuple[Criteria, ...]" = Field(min_length=1)


class AnyOf(_Clause):
    """At least one clause must hold."""

    kind: Literal["any"] = "any"
    of: "tuple[Criteria, ...]" = Field(min_length=1)


class Not(_Clause):
    """The clause must not hold."""

    kind: Literal["not"] = "not"
    of: "Criteria"


Criteria = Annotated[
    AllOf
    | AnyOf
    | Not
    | EventKindIs
    | MissionIs
    | AlertKindIs
    | MapIs
    | FlagIs
    | QuantityIs
    | PropertyIs
    | ClassificationIs
    | HasTag,
    Field(discriminator="kind"),
]
for _model in (AllOf, AnyOf, Not):
    _model.model_rebuild()


def words(criteria: Criteria) -> str:
    """Render criteria as one sentence."""
    match criteria:
        case AllOf():
            return ", ".join(_bracketed(clause) for clause in criteria.of)
        case AnyOf():
            return " or ".join(_bracketed(clause) for clause in criteria.of)
        case Not():
            return f"not ({words(criteria.of)})"
        case _:
            return criteria.words()


def _bracketed(clause: Criteria) -> str:
    text = words(clause)
    return f"({text})" if isinstance(clause, AllOf | AnyOf) and len(clause.of) > 1 else text


def evaluate(criteria: Criteria, picture: Picture, latch: Latch | None = None) -> ClauseOutcome:
    """Judge a picture in Kleene's three-valued logic.

    Parameters
    ----------
    criteria
        The clause to judge.
    picture
        The event as it is known.
    latch
        If given, clauses on the notice say what they said then, not what they would say now.
    """
    return _evaluate(criteria, picture, latch, "")


def _evaluate(criteria: Criteria, picture: Picture, latch: Latch | None, at: str) -> ClauseOutcome:
    if isinstance(criteria, AllOf | AnyOf):
        outcomes = [
            _evaluate(clause, picture, latch, f"{at}/{index}")
            for index, clause in enumerate(criteria.of)
        ]
        choose = min if isinstance(criteria, AllOf) else max
        return choose(outcomes, key=_ORDER.__getitem__)
    if isinstance(criteria, Not):
        inner = _evaluate(criteria.of, picture, latch, f"{at}/0")
        return {TRUE: FALSE, FALSE: TRUE, PENDING: PENDING}[inner]
    if latch is not None and criteria.is_about_notice and at in latch:
        return latch[at]
    return criteria.outcome(picture)


def leaves(criteria: Criteria, at: str = "") -> Iterator[tuple[str, _Leaf]]:
    """All predicates with their place in the tree, in the order in which they are written."""
    if isinstance(criteria, AllOf | AnyOf):
        for index, clause in enumerate(criteria.of):
            yield from leaves(clause, f"{at}/{index}")
    elif isinstance(criteria, Not):
        yield from leaves(criteria.of, f"{at}/0")
    else:
        yield at, criteria


class Judgement(BaseModel):
    """What criteria said of a picture, with every clause and the value that it saw."""

    model_config = ConfigDict(frozen=True)

    verdict: Verdict
    clauses: tuple[ClauseResult, ...]
    latch: dict[str, ClauseOutcome] | None = Field(
        default=None, description="Kept while the match lasts, and after it"
    )


_VERDICT = {TRUE: Verdict.WANTED, FALSE: Verdict.NOT_WANTED, PENDING: Verdict.PENDING}


def judge(criteria: Criteria, picture: Picture, latch: Latch | None = None) -> Judgement:
    """Judge an event, afresh and (if a match has begun before) with what began it.

    A retraction ends every match, whatever the criteria say.

    Returns
    -------
    Judgement
        ``latch`` is what a later call must be given: unchanged, or made anew where the match
        begins with this picture.
    """
    if picture.is_retracted:
        retracted = ClauseResult(clause="not retracted", outcome=FALSE, value=True)
        kept = None if latch is None else dict(latch)
        return Judgement(verdict=Verdict.NOT_WANTED, clauses=(retracted,), latch=kept)
    outcome = evaluate(criteria, picture)
    if outcome is TRUE:
        begun = {at: leaf.outcome(picture) for at, leaf in leaves(criteria) if leaf.is_about_notice}
        return Judgement(
            verdict=Verdict.WANTED, clauses=_results(criteria, picture, None), latch=begun
        )
    if latch is None:
        return Judgement(verdict=_VERDICT[outcome], clauses=_results(criteria, picture, None))
    kept_outcome = evaluate(criteria, picture, latch)
    better = _ORDER[kept_outcome] > _ORDER[outcome]
    return Judgement(
        verdict=_VERDICT[kept_outcome if better else outcome],
        clauses=_results(criteria, picture, latch if better else None),
        latch=dict(latch),
    )


def _results(criteria: Criteria, picture: Picture, latch: Latch | None) -> tuple[ClauseResult, ...]:
    results = []
    for at, leaf in leaves(criteria):
        text, outcome, value = leaf.words(), leaf.outcome(picture), leaf.seen(picture)
        if latch is not None and leaf.is_about_notice and latch.get(at, outcome) is not outcome:
            text, outcome = f"{text} (when the match began)", latch[at]
        results.append(ClauseResult(clause=text, outcome=outcome, value=value))
    return tuple(results)

"""Predicates on facts: each says itself in words, what it saw, and whether that is enough."""

from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from too_common.contracts.ingest import AlertKind, EventKind
from too_common.contracts.notify import ClauseOutcome

from too_notify.facts import Picture


class Clause(BaseModel):
    """Base of predicates and of their combinations."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Leaf(Clause):
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
        if value is None:
            return ClauseOutcome.PENDING
        return ClauseOutcome.TRUE if self.holds(value) else ClauseOutcome.FALSE


class EventKindIs(Leaf):
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


class MissionIs(Leaf):
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


class AlertKindIs(Leaf):
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


class MapIs(Leaf):
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


class FlagIs(Leaf):
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


class _Bounded(Leaf):
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


class HasTag(Leaf):
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


class CoincidesWith(Leaf):
    """Another mission's event is coincident in time and place, rarely enough by chance."""

    kind: Literal["coincidence"] = "coincidence"
    any_of: tuple[EventKind, ...] = Field(
        default=(), description="Kinds of the other event; empty: any"
    )
    joint_far_below_hz: float | None = Field(default=None, gt=0.0)
    overlap_at_least: float | None = Field(
        default=None, ge=0.0, description="Overlap integral; 1 says nothing"
    )

    def words(self) -> str:
        """Render the clause for a person."""
        text = f"coincident with {' or '.join(self.any_of) or 'any event'}"
        if self.joint_far_below_hz is not None:
            text += f", joint FAR < {self.joint_far_below_hz:g} Hz"
        if self.overlap_at_least is not None:
            text += f", overlap >= {self.overlap_at_least:g}"
        return text

    def seen(self, picture: Picture) -> Any:
        """Coincidences with events of these kinds: name, joint FAR, overlap."""
        return [
            {"name": c.name, "joint_far_hz": c.joint_far_hz, "overlap": c.overlap_integral}
            for c in picture.coincidences
            if not self.any_of or c.kind in self.any_of
        ]

    def holds(self, value: Any) -> bool:
        """Say whether one of them is good enough."""
        return any(self._of_one(one) is ClauseOutcome.TRUE for one in value)

    def outcome(self, picture: Picture) -> ClauseOutcome:
        """None is false, not unknown: most events have none; without a map yet it is pending."""
        found = [self._of_one(one) for one in self.seen(picture)]
        if ClauseOutcome.TRUE in found:
            return ClauseOutcome.TRUE
        return ClauseOutcome.PENDING if ClauseOutcome.PENDING in found else ClauseOutcome.FALSE

    def _of_one(self, one: dict[str, Any]) -> ClauseOutcome:
        overlap, far = one["overlap"], one["joint_far_hz"]
        if overlap is None and (self.joint_far_below_hz or self.overlap_at_least) is not None:
            return ClauseOutcome.PENDING
        if self.overlap_at_least is not None and overlap < self.overlap_at_least:
            return ClauseOutcome.FALSE
        if self.joint_far_below_hz is not None and (far is None or far >= self.joint_far_below_hz):
            return ClauseOutcome.FALSE
        return ClauseOutcome.TRUE

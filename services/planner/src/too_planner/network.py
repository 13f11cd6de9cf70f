"""Several telescopes planned together, so that they share the sky instead of repeating it.

Coordinate ascent: every telescope is planned alone first; then one after another is planned
again on what the others leave, and the new plan is kept if it adds more to the union than the old
one did. The union never falls, so the result is at least as good as the plans made alone, and as
the best single telescope. Two starts are tried, the plans made alone and a greedy order (the
richest telescope first, each on what is left), and the better end is kept.

A telescope for which next to nothing new is left repeats the others' sky with the plan made
alone: an idle telescope helps nobody, and the sky is seen a second time.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from too_common.contracts.planner import NetworkMember, NetworkStatistics

from too_planner import planning
from too_planner.coverage import Points
from too_planner.credits import Credit
from too_planner.plan import Plan
from too_planner.planning import Inputs
from too_planner.request import Objective

BoolArray = NDArray[np.bool_]
Maker = Callable[[Inputs], Plan]

MAX_SWEEPS = 4
_LEAST_GAIN = 1e-6
_WORTH_GOING = 0.002
"""A telescope that adds less than this to the others repeats what they see instead."""


@dataclass(frozen=True)
class Network:
    """Plans of several telescopes, in the order of the inputs."""

    plans: tuple[Plan, ...]
    statistics: NetworkStatistics


@dataclass
class _Member:
    """A telescope, its plan in force, and what that sees."""

    inputs: Inputs
    plan: Plan
    seen: BoolArray
    """Of the points: what counts for the objective (the whole sequence, or any visit)."""
    any_seen: BoolArray
    credit: Credit
    repeats: bool = False


@dataclass
class _State:
    points: Points
    members: list[_Member] = field(default_factory=list)

    def joint(self, but: int | None = None) -> BoolArray:
        """Mask of the points that the members (but one) see."""
        seen = np.zeros(len(self.points), dtype=bool)
        for number, member in enumerate(self.members):
            if number != but:
                seen |= member.seen
        return seen

    def weight(self, mask: BoolArray) -> float:
        return float(self.points.weight[mask].sum())

    @property
    def value(self) -> float:
        return self.weight(self.joint())


def plan_network(
    members: Sequence[Inputs],
    *,
    make: Maker = planning.make_plan,
    deadline_s: float = 30.0,
    clock: Callable[[], float] = time.perf_counter,
) -> Network:
    """Plan several telescopes on one map.

    Parameters
    ----------
    members
        One per telescope, all on the same points.
    make
        The planner of one telescope.
    deadline_s
        When to stop improving; every telescope is planned alone in any case.
    clock
        Seconds.

    Raises
    ------
    ValueError
        If there are no members, or they do not share their map.
    """
    if not members:
        raise ValueError("a network has at least one telescope")
    points = members[0].points
    if points is None or any(item.points is not points for item in members):
        raise ValueError("the telescopes of a network share one sky map")
    end = clock() + deadline_s
    alone = _State(points, [_member(item, make(item)) for item in members])
    independent = alone.value
    best_single = max(alone.weight(member.seen) for member in alone.members)
    shared = _ascend(_State(points, list(alone.members)), make, lambda: clock() < end)
    if len(members) > 1 and clock() < end:
        greedy = _greedy(alone, make)
        greedy = _ascend(greedy, make, lambda: clock() < end)
        if greedy.value > shared.value + _LEAST_GAIN:
            shared = greedy
    _let_repeat(shared, alone, independent)
    return Network(
        tuple(_told(member) for member in shared.members),
        _statistics(shared, independent, best_single, alone),
    )


def _member(inputs: Inputs, plan: Plan) -> _Member:
    points = inputs.points
    assert points is not None  # noqa: S101  -- plan_network has looked
    whole, once = pointings_of(plan)
    seen = Credit(inputs.footprint, *whole)
    everything = Credit(inputs.footprint, *once).members(points)
    counts = everything
    if inputs.parameters.objective is Objective.SEQUENCE:
        counts = seen.members(points)
    else:
        seen = Credit(inputs.footprint, *once)
    return _Member(inputs, plan, counts, everything, seen)


def pointings_of(
    plan: Plan,
) -> tuple[
    tuple[NDArray[np.float64], NDArray[np.float64]], tuple[NDArray[np.float64], NDArray[np.float64]]
]:
    """Places that get the whole sequence, and places that are seen at all (RA, Dec each)."""
    visits: dict[str, set[int]] = {}
    place: dict[str, tuple[float, float]] = {}
    for row in plan.exposures:
        label = row.field_id or f"{row.ra_deg},{row.dec_deg}"
        visits.setdefault(label, set()).add(row.visit)
        if row.dither == 0:
            place.setdefault(label, (row.ra_deg, row.dec_deg))
    steps = max((max(found) for found in visits.values()), default=0)
    steps = max(steps, planning.steps_of(plan.parameters))
    whole = [place[label] for label, found in visits.items() if len(found) >= steps]
    return _arrays(whole), _arrays(list(place.values()))


def _arrays(
    places: list[tuple[float, float]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    table = np.array(places, dtype=np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _again(state: _State, number: int, make: Maker) -> _Member:
    """A telescope's plan on what the others leave."""
    others = tuple(m.credit for k, m in enumerate(state.members) if k != number)
    inputs = state.members[number].inputs
    return _member(inputs, make(replace(inputs, others=others)))


def _ascend(state: _State, make: Maker, going: Callable[[], bool]) -> _State:
    """Sweep over the telescopes until none of them finds anything better.

    Those that add least of their own move first: they have most to win elsewhere.
    """
    if len(state.members) < 2:
        return state
    for _ in range(MAX_SWEEPS):
        gained = False
        own = [
            state.weight(member.seen & ~state.joint(but=number))
            for number, member in enumerate(state.members)
        ]
        for number in np.argsort(own, kind="stable"):
            if not going():
                return state
            others = state.joint(but=int(number))
            trial = _again(state, int(number), make)
            before = state.weight(state.members[number].seen & ~others)
            after = state.weight(trial.seen & ~others)
            if after > before + _LEAST_GAIN:
                state.members[number] = trial
                gained = True
        if not gained:
            break
    return state


def _greedy(alone: _State, make: Maker) -> _State:
    """The richest telescope first, every next one on what is left by those before it."""
    order = np.argsort([-alone.weight(member.seen) for member in alone.members], kind="stable")
    state = _State(alone.points, [_idle(member) for member in alone.members])
    for place, number in enumerate(order):
        chosen = int(number)
        state.members[chosen] = alone.members[chosen] if place == 0 else _again(state, chosen, make)
    return state


def _idle(member: _Member) -> _Member:
    nothing = np.zeros_like(member.seen)
    empty = Credit(member.inputs.footprint, np.empty(0), np.empty(0))
    return _Member(member.inputs, member.plan, nothing, nothing, empty)


def _let_repeat(state: _State, alone: _State, independent: float) -> None:
    """Where next to nothing new was left, the plan made alone; the union hardly changes.

    Those that see least say so first, so that of two with the same sky only one repeats.
    """
    order = np.argsort([alone.weight(first.seen) for first in alone.members], kind="stable")
    for number in (int(place) for place in order):
        member, first = state.members[number], alone.members[number]
        leading = np.zeros(len(state.points), dtype=bool)
        for k, other in enumerate(state.members):
            if k != number and not other.repeats:
                leading |= other.seen
        if not first.plan.exposures or state.weight(member.seen & ~leading) >= _WORTH_GOING:
            continue
        chosen = member
        after = state.weight(first.seen | state.joint(but=number))
        if state.weight(first.seen) > state.weight(member.seen) and after >= max(
            independent, state.value - _WORTH_GOING
        ):
            chosen = first
        state.members[number] = replace(chosen, repeats=True)


def _told(member: _Member) -> Plan:
    if not member.repeats:
        return member.plan
    note = "next to nothing new is left for this telescope: it repeats sky that the others see"
    return member.plan.model_copy(update={"notes": (*member.plan.notes, note)})


def _statistics(
    state: _State, independent: float, best_single: float, alone: _State
) -> NetworkStatistics:
    points = state.points
    times = np.zeros(len(points), dtype=np.int64)
    for member in state.members:
        times += member.seen
    once = np.zeros(len(points), dtype=bool)
    for member in state.members:
        once |= member.any_seen
    return NetworkStatistics(
        probability=_rounded(state.value),
        probability_any=_rounded(state.weight(once)),
        probability_independent=_rounded(independent),
        probability_best_single=_rounded(best_single),
        members=tuple(
            NetworkMember(
                telescope=member.inputs.telescope.name,
                probability=_rounded(state.weight(member.seen)),
                probability_alone=_rounded(state.weight(single.seen)),
                share=_rounded(float((points.weight[member.seen] / times[member.seen]).sum())),
                own=_rounded(state.weight(member.seen & (times == 1))),
                repeats=member.repeats,
            )
            for member, single in zip(state.members, alone.members, strict=True)
        ),
    )


def _rounded(value: float) -> float:
    return round(value, 6)

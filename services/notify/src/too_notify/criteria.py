"""Criteria of science programs: typed predicates on facts, in three-valued logic.

A clause on a fact that is not known is *pending*, neither true nor false. Clauses combine by
``all``, ``any`` and ``not`` after Kleene. Clauses on the notice (alert kind, first map) can begin
a match and never end it: what they said when the match began is kept, and a later picture of the
event is judged both afresh and with what was kept; the better of the two holds.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from too_common.contracts.notify import ClauseOutcome, ClauseResult, Verdict

from too_notify.facts import Picture
from too_notify.predicates import (
    AlertKindIs,
    ClassificationIs,
    Clause,
    CoincidesWith,
    EventKindIs,
    FlagIs,
    HasTag,
    Leaf,
    MapIs,
    MissionIs,
    PropertyIs,
    QuantityIs,
)

TRUE, FALSE, PENDING = ClauseOutcome.TRUE, ClauseOutcome.FALSE, ClauseOutcome.PENDING
_ORDER = {FALSE: 0, PENDING: 1, TRUE: 2}

Latch = Mapping[str, ClauseOutcome]
"""What clauses on the notice said when the match began, by the clause's place in the tree."""


class AllOf(Clause):
    """Every clause must hold."""

    kind: Literal["all"] = "all"
    of: "tuple[Criteria, ...]" = Field(min_length=1)


class AnyOf(Clause):
    """At least one clause must hold."""

    kind: Literal["any"] = "any"
    of: "tuple[Criteria, ...]" = Field(min_length=1)


class Not(Clause):
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
    | HasTag
    | CoincidesWith,
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


def leaves(criteria: Criteria, at: str = "") -> Iterator[tuple[str, Leaf]]:
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

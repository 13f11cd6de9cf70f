import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from too_common.contracts.ingest import AlertKind, EventKind
from too_common.contracts.notify import ClauseOutcome, PlanningProfile, Verdict
from too_notify.criteria import AllOf, AnyOf, Criteria, Not, evaluate, judge, leaves, words
from too_notify.facts import galactic_latitude_deg
from too_notify.predicates import (
    AlertKindIs,
    ClassificationIs,
    EventKindIs,
    Flag,
    FlagIs,
    HasTag,
    MapIs,
    MissionIs,
    PropertyIs,
    Quantity,
    QuantityIs,
)
from too_notify.programs import sample_programs

TRUE, FALSE, PENDING = ClauseOutcome.TRUE, ClauseOutcome.FALSE, ClauseOutcome.PENDING
ADAPTER = TypeAdapter(Criteria)
RULE = AllOf(
    of=(
        MapIs(which="first"),
        QuantityIs(quantity=Quantity.DISTANCE_MPC, below=200),
        QuantityIs(quantity=Quantity.AREA90_DEG2, below=200),
    )
)


def program(name):
    return next(content for content in sample_programs() if content.name == name)


def test_first_map_within_200_mpc_and_200_deg2_with_its_profile(picture, map_facts):
    content = program("Close and well localized GW")
    assert content.planning == PlanningProfile(
        exposure_times_s=(200.0, 200.0, 200.0), probability=0.7, max_fields=20
    )
    verdicts = {
        (distance, area, first): judge(
            content.criteria,
            picture(map_facts=map_facts(area90=area, distance=distance), map_is_first=first),
        ).verdict
        for distance in (199.9, 200.0, None)
        for area in (199.9, 200.0)
        for first in (True, False)
    }
    wanted = {case for case, verdict in verdicts.items() if verdict is Verdict.WANTED}
    assert wanted == {(199.9, 199.9, True)}
    assert verdicts[None, 199.9, True] is Verdict.PENDING
    assert verdicts[None, 200.0, True] is Verdict.NOT_WANTED


def test_no_map_yet_is_pending_and_not_false(picture):
    assert judge(RULE, picture(map_facts=None)).verdict is Verdict.PENDING


def test_unknown_flag_is_pending(picture):
    clause = FlagIs(flag=Flag.SIGNIFICANT)
    assert evaluate(clause, picture(facts={"significant": None})) is PENDING
    assert evaluate(Not(of=clause), picture(facts={"significant": None})) is PENDING


def test_clause_on_the_notice_begins_a_match_and_never_ends_it(picture, map_facts):
    begun = judge(RULE, picture())
    later = judge(RULE, picture(map_is_first=False), begun.latch)
    assert later.verdict is Verdict.WANTED
    assert "first map (when the match began)" in [result.clause for result in later.clauses]
    grown = picture(map_is_first=False, map_facts=map_facts(area90=500))
    assert judge(RULE, grown, later.latch).verdict is Verdict.NOT_WANTED
    assert judge(RULE, picture(map_is_first=False)).verdict is Verdict.NOT_WANTED


def test_match_under_not_is_kept_as_it_began(picture):
    rule = AllOf(
        of=(
            Not(of=AlertKindIs(any_of=(AlertKind.UPDATE,))),
            QuantityIs(quantity=Quantity.FAR_HZ, below=1e-8),
        )
    )
    begun = judge(rule, picture(alert_kind=AlertKind.PRELIMINARY))
    assert begun.verdict is Verdict.WANTED
    later = judge(rule, picture(alert_kind=AlertKind.UPDATE), begun.latch)
    assert later.verdict is Verdict.WANTED


def test_kept_clause_does_not_hinder_a_fresh_match(picture, map_facts):
    rule = AnyOf(
        of=(
            AlertKindIs(any_of=(AlertKind.INITIAL,)),
            QuantityIs(quantity=Quantity.DISTANCE_MPC, below=100),
        )
    )
    begun = judge(rule, picture(map_facts=map_facts(distance=50)))
    far = picture(map_facts=map_facts(distance=500), alert_kind=AlertKind.INITIAL)
    assert judge(rule, far, begun.latch).verdict is Verdict.WANTED


def test_retraction_ends_every_match(picture):
    begun = judge(RULE, picture())
    assert judge(RULE, picture(is_retracted=True), begun.latch).verdict is Verdict.NOT_WANTED
    not_first = Not(of=FlagIs(flag=Flag.RETRACTED, value=False))
    assert judge(not_first, picture(is_retracted=True)).verdict is Verdict.NOT_WANTED


def test_each_clause_says_what_it_saw(picture):
    seen = {result.clause: result.value for result in judge(RULE, picture()).clauses}
    assert seen == {
        "first map": "first",
        "distance_mpc < 200": 150.0,
        "area90_deg2 < 200": 120.0,
    }


@pytest.mark.parametrize(
    ("clause", "changes", "expected"),
    [
        (EventKindIs(any_of=(EventKind.GW,)), {}, TRUE),
        (EventKindIs(any_of=(EventKind.GRB,)), {}, FALSE),
        (MissionIs(any_of=("fermi_gbm", "lvk")), {}, TRUE),
        (QuantityIs(quantity=Quantity.FAR_HZ, below=1e-9), {}, TRUE),
        (QuantityIs(quantity=Quantity.FAR_HZ, below=1e-9), {"facts": {"far_hz": None}}, PENDING),
        (QuantityIs(quantity=Quantity.P_ASTRO, at_least=0.95), {}, TRUE),
        (PropertyIs(name="HasNS", at_least=0.995), {}, FALSE),
        (PropertyIs(name="HasSSM", at_least=0.5), {}, PENDING),
        (ClassificationIs(classes=("BNS", "NSBH"), at_least=0.94), {}, TRUE),
        (ClassificationIs(classes=("BNS",), at_least=0.94), {}, FALSE),
        (ClassificationIs(classes=("BNS",), below=0.5), {"facts": {"classification": {}}}, PENDING),
        (HasTag(any_of=("interesting",)), {"tags": ("interesting", "x")}, TRUE),
        (HasTag(any_of=("interesting",)), {}, FALSE),
        (FlagIs(flag=Flag.POSITION_KNOWN), {"map_facts": None}, FALSE),
        (FlagIs(flag=Flag.POSITION_KNOWN), {}, TRUE),
        (FlagIs(flag=Flag.TEST, value=False), {"is_test": True}, FALSE),
        (QuantityIs(quantity=Quantity.ABS_GALACTIC_LATITUDE_DEG, at_least=15), {}, TRUE),
        (
            QuantityIs(quantity=Quantity.DECLINATION_DEG, below=30),
            {"map_facts": None},
            PENDING,
        ),
        (QuantityIs(quantity=Quantity.INSTRUMENTS, at_least=2), {}, TRUE),
        (MapIs(which="later"), {"map_is_first": False}, TRUE),
    ],
)
def test_predicates(picture, clause, changes, expected):
    assert evaluate(clause, picture(**changes)) is expected


@pytest.mark.parametrize(
    ("ra_deg", "dec_deg", "b_deg"),
    [
        (266.40510, -28.936175, 0.0),  # Galactic centre
        (192.85948, 27.12825, 90.0),  # North Galactic Pole
        (83.633, 22.0145, -5.784),  # Crab nebula
    ],
)
def test_galactic_latitude(ra_deg, dec_deg, b_deg):
    assert math.isclose(galactic_latitude_deg(ra_deg, dec_deg), b_deg, abs_tol=2e-3)


@pytest.mark.parametrize(
    "bad",
    [
        {"kind": "quantity", "quantity": "area90_deg2"},
        {"kind": "quantity", "quantity": "area90_deg2", "at_least": 3, "below": 2},
        {"kind": "quantity", "quantity": "weather", "below": 2},
        {"kind": "all", "of": []},
        {"kind": "mission", "any_of": ["lvk"], "else": 1},
        {"kind": "python", "code": "1"},
    ],
)
def test_nonsense_is_refused(bad):
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(bad)


leaf = st.sampled_from(
    [
        FlagIs(flag=Flag.SIGNIFICANT),
        FlagIs(flag=Flag.TEST),
        QuantityIs(quantity=Quantity.FAR_HZ, below=1e-9),
        QuantityIs(quantity=Quantity.SIGNALNESS, at_least=0.5),
        QuantityIs(quantity=Quantity.AREA90_DEG2, below=200),
        MapIs(which="first"),
        MapIs(which="later"),
        AlertKindIs(any_of=(AlertKind.INITIAL,)),
    ]
)
trees = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda of: AllOf(of=tuple(of))),
        st.lists(inner, min_size=1, max_size=3).map(lambda of: AnyOf(of=tuple(of))),
        inner.map(lambda of: Not(of=of)),
    ),
    max_leaves=8,
)
changes = st.fixed_dictionaries(
    {
        "alert_kind": st.sampled_from(list(AlertKind)),
        "map_is_first": st.booleans(),
        "is_test": st.booleans(),
        "facts": st.fixed_dictionaries(
            {
                "significant": st.sampled_from([True, False, None]),
                "far_hz": st.sampled_from([1e-12, 1e-6, None]),
            }
        ),
    }
)


@given(trees)
def test_criteria_survive_json(tree):
    assert ADAPTER.validate_json(ADAPTER.dump_json(tree)) == tree
    assert words(tree)


@given(trees, changes)
def test_de_morgan_and_double_negation(picture, tree, change):
    seen = picture(**change)
    assert evaluate(Not(of=Not(of=tree)), seen) is evaluate(tree, seen)
    if isinstance(tree, AllOf):
        dual = Not(of=AnyOf(of=tuple(Not(of=clause) for clause in tree.of)))
        assert evaluate(dual, seen) is evaluate(tree, seen)


@given(trees, changes)
def test_learning_more_never_turns_true_into_false(picture, tree, change):
    """A settled outcome does not depend on facts that were unknown."""
    seen = picture(**change)
    facts = seen.facts.model_copy(
        update={
            "significant": True if seen.facts.significant is None else seen.facts.significant,
            "far_hz": seen.facts.far_hz or 1e-12,
            "signalness": 0.7,
        }
    )
    more = seen.model_copy(update={"facts": facts})
    before = evaluate(tree, seen)
    assert before is PENDING or evaluate(tree, more) is before


@given(trees, changes, st.sampled_from(list(AlertKind)), st.booleans())
def test_only_the_notice_changing_never_ends_a_match(picture, tree, change, kind, first):
    seen = picture(**change)
    begun = judge(tree, seen)
    if begun.verdict is not Verdict.WANTED:
        return
    later = seen.model_copy(update={"alert_kind": kind, "map_is_first": first})
    assert judge(tree, later, begun.latch).verdict is Verdict.WANTED


@given(trees, changes)
def test_every_clause_is_reported(picture, tree, change):
    judgement = judge(tree, picture(**change))
    assert len(judgement.clauses) == len(list(leaves(tree)))

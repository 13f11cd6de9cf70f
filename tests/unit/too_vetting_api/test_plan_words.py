"""A plan's document in words and rows."""

from uuid import uuid4

from too_common.contracts.planner import ConstraintCost, PlanDifference
from too_vetting_api.domain.plan_words import difference_rows, losses_of, parameter_rows, reach_of


def test_what_is_covered_stands_beside_the_bound_of_its_objective():
    document = {"bound": {"value": 0.45, "objective": "seq", "share": 0.9, "reachable": 0.6}}
    reach = reach_of(0.5, 0.42, 0.45, document)
    assert (reach.covered, reach.bound, reach.words) == (0.42, 0.45, "in the whole sequence")
    assert abs(reach.share - 0.42 / 0.45) < 1e-12
    once = reach_of(0.5, 0.1, None, {"bound": {"value": 0.55, "objective": "any"}})
    assert (once.covered, once.bound, once.words) == (0.5, 0.55, "")


def test_without_a_document_what_was_told_is_shown():
    assert reach_of(0.5, 0.4, None, {}).share is None
    assert reach_of(0.5, 0.4, None, {}).covered == 0.5
    assert reach_of(0.5, 0.4, 0.8, {}).bound == 0.8


def test_a_bound_of_zero_has_no_share():
    assert reach_of(0.0, 0.0, 0.0, {"bound": {"value": 0.0, "objective": "seq"}}).share is None


def test_losses_are_told_largest_first_and_nothing_that_is_none():
    cuts = [
        {"reason": "moon", "probability": 0.1, "words": "near the Moon"},
        {"reason": "no_time", "probability": 0.3, "words": "no time"},
        {"reason": "previous", "probability": 0.0, "words": "seen"},
        {"reason": "airmass", "probability": 0.0, "words": "too low", "lifted": 0.2},
        {"reason": "something_new", "probability": 0.0001, "words": "new"},
    ]
    lost, free = losses_of({"cuts": cuts})
    assert [item.words for item in lost] == ["no time", "near the Moon", "too low"]
    assert [item.name for item in lost] == ["Time", "Moon", "Airmass"]
    assert [item.name for item in free] == ["Something new", "Seen before"]
    assert losses_of({}) == ([], [])


def test_without_a_document_the_costs_that_were_told_are_shown():
    told = [ConstraintCost(constraint="daylight", probability=0.4, lifted=0.5, words="by day")]
    (only,), free = losses_of({}, told)
    assert (only.name, only.probability, only.lifted) == ("Daylight", 0.4, 0.5)
    assert free == []


def test_parameters_are_words_and_what_is_not_set_is_left_out():
    rows = dict(
        parameter_rows(
            {
                "telescope": "ZTF",
                "windows": [{"begin": "2026-11-22T03:00:00Z", "end": "2026-11-23T03:00:00Z"}],
                "filters": ["g", "r"],
                "exposure_times_s": [30.0, 30.0],
                "dither": False,
                "max_fields": None,
                "previous": [{"ra_deg": 1, "dec_deg": 2}],
                "field_ids": None,
                "brand_new": {"a": 1},
            }
        )
    )
    assert rows["Window (UTC)"] == "2026-11-22 03:00 to 2026-11-23 03:00"
    assert rows["Filters"] == "g, r"
    assert rows["Exposure times (s)"] == "30, 30"
    assert rows["Dithered"] == "no"
    assert rows["Pointings taken out of the map"] == "1"
    assert rows["Brand new"] == "a 1"
    assert "Most fields" not in rows


def test_a_difference_has_its_gain_on_the_new_map():
    assert difference_rows(None) is None
    told = PlanDifference(
        previous_plan_id=uuid4(),
        fields_added=("1",),
        fields_dropped=("2", "3"),
        probability_before=0.8,
        probability_before_on_new_map=0.5,
        probability_after=0.7,
    )
    found = difference_rows(told)
    assert found is not None
    assert abs(found.gain - 0.2) < 1e-12

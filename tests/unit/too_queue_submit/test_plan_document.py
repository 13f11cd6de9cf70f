import json

import plans_of_queue_submit as plans
import pytest
from too_queue_submit.errors import PlanRefusedError
from too_queue_submit.plan_document import PlanDocument


def test_reads_what_planner_writes():
    plan = plans.plan()
    assert plan.exposures[0].field_id == "245"
    assert plan.first_start == plans.NIGHT
    assert (plan.last_end - plan.first_start).total_seconds() == 930.0


def test_field_id_may_come_as_a_number():
    raw = plans.document()
    raw["exposures"][0]["field_id"] = 245
    assert PlanDocument.parse(json.dumps(raw).encode()).exposures[0].field_id == "245"


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"exposures": []}, "exposures"),
        ({"telescope": None}, "telescope"),
        ({"window": ["2026-11-22T04:00:00Z"]}, "window"),
    ],
)
def test_refuses_with_the_place(change, where):
    with pytest.raises(PlanRefusedError, match=where):
        PlanDocument.parse(json.dumps(plans.document() | change).encode())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ra_deg", 361.0),
        ("dec_deg", -91.0),
        ("exposure_s", 0.0),
        ("start", "2026-11-22T04:00:00"),
        ("filter", ""),
    ],
)
def test_refuses_senseless_exposures(key, value):
    raw = plans.document()
    raw["exposures"][1][key] = value
    with pytest.raises(PlanRefusedError, match=key):
        PlanDocument.parse(json.dumps(raw).encode())


def test_refuses_exposures_out_of_order():
    raw = plans.document()
    raw["exposures"].reverse()
    with pytest.raises(PlanRefusedError, match="order"):
        PlanDocument.parse(json.dumps(raw).encode())


def test_refuses_what_is_no_json():
    with pytest.raises(PlanRefusedError):
        PlanDocument.parse(b"<html>busy</html>")

from dataclasses import replace
from datetime import timedelta

import plans_of_queue_submit as plans
import pytest
from too_common.contracts import Mode
from too_common.contracts.notify import SubmissionKind, SubmissionPolicy, Verdict
from too_common.contracts.queue_submit import FacilityMode
from too_queue_submit import gate
from too_queue_submit.gate import EventAnswer, Ruling, Situation
from too_queue_submit.policy import AutoRequest, reasons_against

NOW = plans.NIGHT
GOOD = Situation(
    automatic=True,
    acknowledged_newer_map=False,
    plan_map_sha256="a",
    has_event=True,
    event=EventAnswer(is_retracted=False, map_sha256="a"),
    known_retracted=False,
    known_map_sha256="a",
    parked=False,
    facility_mode=FacilityMode.SIMULATED,
)


@pytest.mark.parametrize(
    ("change", "ruling", "code"),
    [
        ({}, Ruling.SEND, ""),
        ({"event": EventAnswer(is_retracted=True, map_sha256="a")}, Ruling.REFUSE, "retracted"),
        ({"known_retracted": True}, Ruling.REFUSE, "retracted"),
        ({"event": None}, Ruling.WAIT, "no_answer"),
        ({"parked": True}, Ruling.WAIT, "parked"),
        (
            {"event": EventAnswer(is_retracted=False, map_sha256="a", is_parked=True)},
            Ruling.WAIT,
            "parked",
        ),
        (
            {"event": EventAnswer(is_retracted=False, map_sha256="a", maps_pending=1)},
            Ruling.WAIT,
            "map_pending",
        ),
        ({"event": EventAnswer(is_retracted=False, map_sha256="b")}, Ruling.ASK_AGAIN, "newer_map"),
        (
            {
                "event": EventAnswer(is_retracted=False, map_sha256="b"),
                "acknowledged_newer_map": True,
            },
            Ruling.SEND,
            "",
        ),
        ({"has_event": False, "event": None}, Ruling.SEND, ""),
        # a person may send while ingest is silent, on what is known here
        ({"event": None, "automatic": False}, Ruling.SEND, ""),
        (
            {"event": None, "automatic": False, "known_map_sha256": "b"},
            Ruling.ASK_AGAIN,
            "newer_map",
        ),
        ({"event": None, "automatic": False, "known_retracted": True}, Ruling.REFUSE, "retracted"),
        ({"parked": True, "automatic": False}, Ruling.SEND, ""),
    ],
)
def test_the_event(change, ruling, code):
    answer = gate.judge_event(replace(GOOD, **change))
    assert (answer.ruling, answer.code) == (ruling, code)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, ""),
        ({"stopped": True}, "kill_switch"),
        ({"facility_mode": FacilityMode.OFF}, "facility_off"),
        ({"facility_mode": FacilityMode.LIVE}, "not_armed"),
        ({"facility_mode": FacilityMode.LIVE, "armed": True}, ""),
        ({"facility_mode": FacilityMode.LIVE, "armed": True, "event_mode": Mode.DRILL}, "not_live"),
        ({"facility_mode": FacilityMode.LIVE, "armed": True, "event_mode": Mode.TEST}, "not_live"),
        (
            {"facility_mode": FacilityMode.LIVE, "armed": True, "event_mode": Mode.REPLAY},
            "not_live",
        ),
        ({"event_mode": Mode.DRILL}, ""),
    ],
)
def test_switches_and_worlds(change, code):
    assert gate.judge_switches(replace(GOOD, **change)).code == code


def test_a_clock_that_is_off_stops_automatic_sends_only():
    off = replace(GOOD, clock_offset_s=-90.0)
    assert gate.judge_clock(off).ruling is Ruling.WAIT
    assert gate.judge_clock(replace(off, automatic=False)).ruling is Ruling.SEND
    assert gate.judge_clock(replace(GOOD, clock_offset_s=1.9)).ruling is Ruling.SEND
    assert gate.judge_clock(GOOD).ruling is Ruling.SEND


@pytest.mark.parametrize(
    "body",
    [
        {"preferred_map_sha256": "x"},
        {"preferred_localization": {"map": {"sha256": "x"}}},
        {"localization": {"map_sha256": "x"}},
        {"localizations": [{"is_preferred": False, "map": {"sha256": "y"}},
                           {"is_preferred": True, "map": {"sha256": "x"}}]},
    ],
)  # fmt: skip
def test_the_preferred_map_is_found(body):
    answer = EventAnswer.parse({"is_retracted": False, **body})
    assert answer.map_sha256 == "x"
    assert not answer.is_retracted


def test_no_map():
    assert EventAnswer.parse({"localizations": []}).map_sha256 is None
    assert EventAnswer.parse({"is_retracted": True}).is_retracted


AUTO = AutoRequest(
    policy=SubmissionPolicy(kind=SubmissionKind.AUTOMATIC, min_probability=0.5),
    verdict=Verdict.WANTED,
    facility="ZTF",
    facility_mode=FacilityMode.SIMULATED,
    facility_stopped=False,
    approvals_required=1,
    event_mode=Mode.LIVE,
    event_known=True,
    is_retracted=False,
    is_stale=False,
    is_replay=False,
    plan_map_sha256="a",
    newest_map_sha256="a",
    plan_is_manual=False,
    plan_made_at=NOW,
    probability=0.8,
    total_time_s=3600,
    window_end=NOW + timedelta(hours=3),
    occupied=False,
)


def test_automatic_within_limits():
    assert reasons_against(AUTO, now=NOW) == ()


@pytest.mark.parametrize(
    "change",
    [
        {"policy": SubmissionPolicy()},
        {"policy": SubmissionPolicy(kind=SubmissionKind.AUTOMATIC, facilities=("DECam",))},
        {"policy": SubmissionPolicy(kind=SubmissionKind.AUTOMATIC, min_probability=0.9)},
        {"policy": SubmissionPolicy(kind=SubmissionKind.AUTOMATIC, max_total_time_s=1800)},
        {"verdict": Verdict.NOT_WANTED},
        {"verdict": Verdict.PENDING},
        {"facility_mode": FacilityMode.OFF},
        {"facility_mode": FacilityMode.LIVE, "event_mode": Mode.TEST},
        {"facility_stopped": True},
        {"approvals_required": 2},
        {"event_known": False},
        {"is_retracted": True},
        {"is_stale": True},
        {"is_replay": True},
        {"event_mode": Mode.REPLAY},
        {"newest_map_sha256": "b"},
        {"plan_is_manual": True},
        {"plan_made_at": NOW - timedelta(hours=1, seconds=1)},
        {"probability": None},
        {"window_end": NOW},
        {"occupied": True},
    ],
)
def test_one_reason_is_enough(change):
    assert len(reasons_against(replace(AUTO, **change), now=NOW)) == 1


def test_the_policys_own_age_is_stricter():
    policy = SubmissionPolicy(kind=SubmissionKind.AUTOMATIC, max_plan_age_s=60)
    late = replace(AUTO, policy=policy, plan_made_at=NOW - timedelta(minutes=2))
    assert reasons_against(late, now=NOW) == ("the plan is too old",)

"""Rules without a database: login targets, scopes, time line, paging, exports, OpenAPI, clock."""

import contextlib
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from too_common.contracts import planner, queue_submit
from too_common.errors import InvalidError
from too_vetting_api.domain.accounts import (
    checked_password,
    checked_scopes,
    normal_username,
    safe_next,
)
from too_vetting_api.domain.next_window import LEAD, next_jump
from too_vetting_api.domain.paging import decode_cursor, encode_cursor, parse_ranges
from too_vetting_api.domain.tables_out import to_csv, to_markdown
from too_vetting_api.domain.timeline import Mark, Step, time_line
from too_vetting_api.openapi_merge import merge
from too_vetting_api.pages.shell import dms, far, hms, number

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    "target",
    ["https://evil.example", "//evil.example", "/\\evil.example", "\\/x", "javascript:alert(1)", "",
     None, "/a\nb", "/\t/evil.example", "login", "/login?next=/x", "http:/x"],
)  # fmt: skip
def test_after_login_nobody_is_sent_elsewhere(target):
    assert safe_next(target) == "/"


def test_after_login_one_is_where_one_wanted():
    assert safe_next("/events/S1?x=1#plans") == "/events/S1?x=1#plans"


@given(st.text(max_size=30))
def test_the_target_is_always_a_path_of_ours(target):
    found = safe_next(target)
    assert found.startswith("/")
    assert not found.startswith(("//", "/\\"))


def test_scopes_are_ordered_known_and_within():
    assert checked_scopes({"submit", "read"}) == ["read", "submit"]
    for scopes, within in (({"root"}, None), (set(), None), ({"admin"}, ["read"])):
        with pytest.raises(InvalidError):
            checked_scopes(scopes, within=within)
    with pytest.raises(InvalidError):
        checked_scopes({"machine"})


def test_names_and_passwords():
    assert normal_username(" Ada.L ") == "ada.l"
    for bad in ("", "-x", "a b", "ä", "x" * 64, "../etc"):
        with pytest.raises(InvalidError):
            normal_username(bad)
    for bad in ("short", "ada.lovelace", "x" * 1025):
        with pytest.raises(InvalidError):
            checked_password(bad, "ada.lovelace")


def mark(step, seconds, subject="x"):
    return Mark(step, subject, uuid4(), NOW + timedelta(seconds=seconds), subject)


def test_time_line_counts_from_the_notice_and_keeps_the_usual_order():
    marks = [mark(Step.PLANNED, 9, "ZTF"), mark(Step.PLANNED, 7, "DECam"), mark(Step.RECEIVED, 0),
             mark(Step.DECIDED, 3), mark(Step.FIRST_EXPOSURE, 3600)]  # fmt: skip
    entries = time_line(marks)
    reached = [(e.step, e.seconds) for e in entries if e.at]
    assert reached == [
        (Step.RECEIVED, 0), (Step.DECIDED, 3), (Step.PLANNED, 7), (Step.PLANNED, 9),
        (Step.FIRST_EXPOSURE, 3600),
    ]  # fmt: skip
    waiting = {e.step for e in entries if not e.at}
    assert waiting == {Step.STORED, Step.MAP_READY, Step.PAGED, Step.APPROVED, Step.ACCEPTED}


@given(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
       st.one_of(st.integers(), st.text()))  # fmt: skip
def test_cursors_come_back(value, key):
    assert decode_cursor(encode_cursor(value, key)) == (value, key)


@given(st.text(max_size=40))
def test_a_foreign_cursor_is_refused_or_read(text):
    with contextlib.suppress(InvalidError):
        decode_cursor(text)


def test_ranges():
    found = parse_ranges(["a::5", "b:1:"], {"a", "b"})
    assert [(r.column, r.low, r.high) for r in found] == [("a", None, 5.0), ("b", 1.0, None)]
    for bad in ("c:1:2", "a:1", "a:x:2", "a:nan:"):
        with pytest.raises(InvalidError):
            parse_ranges([bad], {"a", "b"})


def test_exports_are_safe_for_spreadsheets_and_markdown():
    text = to_csv(("name", "x"), [["=cmd()", None], ["a,b", float("nan")], ["-1", -1.5]])
    assert text.splitlines() == ["name,x", "'=cmd(),", '"a,b",', "'-1,-1.5"]
    assert to_markdown(("name",), [["a|b\nc"]]).splitlines()[-1] == "| a\\|b c |"


def plan(state="ready", begin_h=2.0):
    statistics = planner.PlanStatistics(
        fields=1, exposures=1, probability=0.5, probability_sequence=0.5, area_deg2=1,
        exposure_time_s=1, total_time_s=1, first_exposure_at=NOW + timedelta(hours=begin_h),
        last_exposure_end=NOW + timedelta(hours=begin_h + 1),
    )  # fmt: skip
    return planner.PlanChanged(
        plan_id=uuid4(), event_id=uuid4(), event_revision=1, localization_id=None, map_sha256=None,
        telescope="ZTF", name="p", state=state, window_begin=NOW,
        window_end=NOW + timedelta(days=1), statistics=statistics, made_at=NOW,
    )  # fmt: skip


def submission(of, state="accepted"):
    return queue_submit.SubmissionChanged(
        submission_id=uuid4(), event_id=of.event_id, plan_id=of.plan_id, facility="ZTF",
        facility_mode="simulated", state=state, external_name="x", payload_sha256="0" * 64,
        window_begin=of.window_begin, window_end=of.window_end, exposures_planned=1,
    )  # fmt: skip


def test_the_clock_goes_to_the_queue_first_then_on():
    early, queued = plan(begin_h=1), plan(begin_h=2)
    first = next_jump([early, queued], [submission(queued)], NOW)
    assert first is not None
    assert first.to == NOW + timedelta(hours=2) - LEAD
    second = next_jump([early, queued], [submission(queued)], first.to)
    assert second is not None
    assert second.to == NOW + timedelta(hours=3) + LEAD
    assert next_jump([], [], NOW) is None
    assert (
        next_jump([early], [submission(early, "draft")], NOW).to == NOW + timedelta(hours=1) - LEAD
    )


def test_merged_openapi_keeps_schemas_apart_and_names_the_away():
    document = {
        "paths": {
            "/api/ingest/v1/x": {"get": {"operationId": "get_x", "responses": {"200": {
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/View"}}}
            }}}},
            "/webhooks": {"get": {}},
        },
        "components": {"schemas": {"View": {"properties": {
            "child": {"$ref": "#/components/schemas/View"}}}}},
    }  # fmt: skip
    merged = merge({"ingest": document, "planner": None}, "http://door")
    assert list(merged["paths"]) == ["/api/ingest/v1/x"]
    operation = merged["paths"]["/api/ingest/v1/x"]["get"]
    assert operation["operationId"] == "ingest_get_x"
    child = merged["components"]["schemas"]["IngestView"]["properties"]["child"]
    assert child == {"$ref": "#/components/schemas/IngestView"}
    assert "planner" in merged["info"]["description"]


def test_numbers_in_words():
    assert number(66.012) == "66.0"
    assert number(188.2) == "188"
    assert number(990253) == "990\u202f000"
    assert number(4.14e-5) == "4.14 \u00d7 10\u207b\u2075"
    assert number(None) == "\u2013"
    assert far(3.2e-14) == "1 in 990\u202f000 years"
    assert hms(359.99999) == "00:00:00.0"
    assert dms(-0.5) == "\u221200:30:00"

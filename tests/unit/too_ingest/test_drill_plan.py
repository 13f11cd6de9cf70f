"""Times of a drill: gaps shrink by the speed, the sky keeps its distances."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from too_ingest.drill_plan import DrillTimes, PastNotice, drill_name, in_order
from too_ingest.notices import parse_notice
from too_ingest.samples import make_sample

PAST = datetime(2023, 5, 18, 12, 59, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
offsets = st.floats(-86_400, 30 * 86_400)


@given(seconds=st.lists(offsets, min_size=1, max_size=8), speed=st.floats(0.1, 1e5))
def test_gaps_shrink_by_the_speed_and_order_is_kept(seconds, speed):
    moments = sorted(PAST + timedelta(seconds=s) for s in seconds)
    times = DrillTimes(moments[0], NOW, speed)
    drill = [times.of_notice(moment) for moment in moments]
    assert drill[0] == NOW
    assert drill == sorted(drill)
    for before, after, new in zip(moments, moments[1:], range(1, len(drill)), strict=False):
        gap = (drill[new] - drill[new - 1]).total_seconds()
        assert gap == pytest.approx((after - before).total_seconds() / speed, abs=2e-6)
    assert times.of_event(moments[0]) - NOW == timedelta(0)


@given(seconds=offsets)
def test_the_event_keeps_its_distance_to_the_first_notice(seconds):
    times = DrillTimes(PAST, NOW, 60.0)
    assert times.of_event(PAST + timedelta(seconds=seconds)) - NOW == timedelta(seconds=seconds)


def test_a_notice_of_the_past_is_as_fresh_as_it_was():
    first, second, *_ = make_sample("bns", PAST, 3)
    notices = [parse_notice(message.body, message.topic) for message in (first, second)]
    times = DrillTimes(notices[0].notice_time, NOW, 15.0)
    drilled = [times.of(notice) for notice in notices]
    assert drilled[0].notice_time == NOW
    assert drilled[1].notice_time == NOW + timedelta(seconds=3)
    assert drilled[0].event_time == drilled[1].event_time
    assert NOW - drilled[0].event_time == notices[0].notice_time - notices[0].event_time
    assert drilled[0].native_id == notices[0].native_id
    assert drilled[0].skymaps[0].data == notices[0].skymaps[0].data


def test_notices_of_one_time_come_in_their_rank():
    one, two, three = (
        PastNotice(uuid4(), PAST, 5, "retraction"),
        PastNotice(uuid4(), PAST, 1, "preliminary"),
        PastNotice(uuid4(), PAST - timedelta(seconds=1), 4, "update"),
    )
    assert in_order([one, two, three]) == [three, two, one]


def test_the_drills_event_has_a_name_of_its_own():
    key = str(uuid4())
    assert drill_name("S250818k", key) != "S250818k"
    assert drill_name("S250818k", key) != drill_name("S250818k", str(uuid4()))

"""Times of notices and their fallbacks."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from too_ingest.notices import TimeQuality
from too_ingest.notices.times import choose_event_time, from_met, from_tjd, parse_iso


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-08-24T02:14:40.43", datetime(2024, 8, 24, 2, 14, 40, 430000, tzinfo=UTC)),
        ("2024-02-22T08:51:55", datetime(2024, 2, 22, 8, 51, 55, tzinfo=UTC)),
        ("2026-02-05T21:50:35.337493Z", datetime(2026, 2, 5, 21, 50, 35, 337493, tzinfo=UTC)),
        ("2024-09-18 07:19:03.518831+00:00", datetime(2024, 9, 18, 7, 19, 3, 518831, tzinfo=UTC)),
        ("2024-09-18T07:19:03+02:00", datetime(2024, 9, 18, 5, 19, 3, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2022-01-00T23:16:14.46", None),
        ("2022-01--2T22:18:45.18", None),
        ("2022-01--4918T11:09:20.47", None),
        ("2023-512--1079702840T22:07:39.59", None),
        ("0000-01-01T00:00:00", None),
        ("9999-12-31T23:59:59+00:01", datetime(9999, 12, 31, 23, 58, 59, tzinfo=UTC)),
        ("9999-12-31T23:59:59-00:01", None),
        ("٢٠٢٤-08-24T02:14:40", None),
        (None, None),
        (12, None),
    ],
)
def test_iso(text: object, expected: datetime | None):
    assert parse_iso(text) == expected


@given(st.text(max_size=80))
def test_iso_never_raises(text: str):
    found = parse_iso(text)
    assert found is None or found.tzinfo is UTC


def test_mission_elapsed_time_knows_leap_seconds():
    assert from_met(722462310) == datetime(2023, 11, 23, 19, 58, 25, tzinfo=UTC)
    assert from_met(237726561) == datetime(2008, 7, 14, 11, 9, 20, tzinfo=UTC)
    assert from_met(12) is None


def test_truncated_julian_day():
    assert from_tjd(20271, 71905.38) == datetime(2023, 11, 23, 19, 58, 25, 380000, tzinfo=UTC)
    assert from_tjd(-1, 0) is None
    assert from_tjd(20000, 90000) is None


def test_months_and_days_may_lack_their_zero():
    assert parse_iso("2021-4-6T02:03:57Z") == datetime(2021, 4, 6, 2, 3, 57, tzinfo=UTC)
    assert parse_iso("2021-0-6T02:03:57Z") is None
    assert parse_iso("24-06-25T09:31:03Z") is None


NOTICE = datetime(2026, 2, 26, 10, 39, tzinfo=UTC)


def test_stated_time_counts_if_it_agrees():
    stated = NOTICE - timedelta(seconds=20)
    chosen = choose_event_time(stated, stated + timedelta(seconds=0.01), None, NOTICE)
    assert chosen == (stated, TimeQuality.STATED)


def test_contradicted_time_falls_back_to_the_trigger_number():
    stated = datetime(2026, 2, 26, 10, 38, tzinfo=UTC)
    day = datetime(1991, 6, 1, tzinfo=UTC)
    met = datetime(2026, 2, 26, 10, 38, 19, tzinfo=UTC)
    assert choose_event_time(stated, day, met, NOTICE) == (met, TimeQuality.MET)


def test_replay_of_an_old_burst_is_believed_with_two_witnesses():
    old = datetime(2008, 7, 14, 11, 9, 20, tzinfo=UTC)
    assert choose_event_time(None, old, old, NOTICE) == (old, TimeQuality.TJD_SOD)


def test_nonsense_leaves_the_notice_time():
    future = datetime(2054, 6, 1, tzinfo=UTC)
    assert choose_event_time(None, future, None, NOTICE) == (NOTICE, TimeQuality.NOTICE_TIME)
    assert choose_event_time(None, None, None, None) == (None, None)

from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from too_notify.rota import Hours, Override, OverrideKind, Person, Roster, RotaEntry, zone

ANN, BEN, CAT = (UUID(int=n) for n in (1, 2, 3))
NOW = datetime(2025, 8, 18, 12, 0, tzinfo=UTC)


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hour", "minute", "second", "inside"),
    [
        (21, 59, 59, False),
        (22, 0, 0, True),
        (23, 30, 0, True),
        (0, 0, 0, True),
        (6, 0, 0, True),
        (6, 0, 1, False),
        (12, 0, 0, False),
    ],
)
def test_hours_cross_midnight_and_include_both_ends(hour, minute, second, inside):
    hours = Hours(time(22), time(6))
    assert hours.contains(utc(2025, 8, 18, hour, minute, second)) is inside


def test_hours_are_local_to_the_person():
    person = Person(ANN, "Asia/Kolkata", Hours(time(9), time(17)))
    assert person.in_hours(utc(2025, 8, 18, 3, 30))  # 09:00 in India
    assert not person.in_hours(utc(2025, 8, 18, 3, 29, 59))
    assert person.in_hours(utc(2025, 8, 18, 11, 30))
    assert not person.in_hours(utc(2025, 8, 18, 12, 0))


def test_no_hours_means_always():
    assert Person(ANN).in_hours(NOW)


def test_empty_interval_is_refused():
    with pytest.raises(ValueError, match="empty"):
        Hours(time(8), time(8))


def test_unknown_zone_is_refused():
    for name in ("Mars/Olympus", "../etc/passwd", ""):
        with pytest.raises(ValueError, match="IANA"):
            zone(name)


def test_spring_forward_skips_the_missing_hour():
    """New York, 9 March 2025: 02:00 EST becomes 03:00 EDT."""
    person = Person(ANN, "America/New_York", Hours(time(1, 30), time(2, 30)))
    assert person.in_hours(utc(2025, 3, 9, 6, 59, 59))  # 01:59:59 EST
    assert not person.in_hours(utc(2025, 3, 9, 7, 0))  # 03:00 EDT
    inside = Person(ANN, "America/New_York", Hours(time(2, 15), time(2, 45)))
    day = [utc(2025, 3, 9) + timedelta(minutes=n) for n in range(24 * 60)]
    assert not any(inside.in_hours(instant) for instant in day)


def test_fall_back_repeats_the_hour():
    """New York, 2 November 2025: 02:00 EDT becomes 01:00 EST; 01:30 comes twice."""
    person = Person(ANN, "America/New_York", Hours(time(1, 15), time(1, 45)))
    assert person.in_hours(utc(2025, 11, 2, 5, 30))
    assert not person.in_hours(utc(2025, 11, 2, 6, 0))
    assert person.in_hours(utc(2025, 11, 2, 6, 30))


def test_without_rota_everybody_in_hours_in_the_order_of_cards():
    roster = Roster(
        [
            Person(ANN, hours=Hours(time(0), time(6)), position=0),
            Person(BEN, position=2),
            Person(CAT, position=1),
        ]
    )
    assert roster.on_duty(NOW) == (CAT, BEN)


def test_rota_wins_over_hours():
    asleep = Hours(time(0), time(6))
    roster = Roster(
        [Person(ANN, hours=asleep), Person(BEN)],
        [RotaEntry(ANN, hours=Hours(time(8), time(18)))],
    )
    assert roster.on_duty(NOW) == (ANN,)
    own = Roster([Person(ANN, hours=asleep), Person(BEN)], [RotaEntry(ANN)])
    assert own.on_duty(NOW) == ()
    assert own.everybody(NOW) == (ANN, BEN)


def test_weekday_is_the_day_on_which_the_shift_begins():
    monday = frozenset({0})
    roster = Roster([Person(ANN)], [RotaEntry(ANN, 0, monday, Hours(time(20), time(8)))])
    assert roster.on_duty(utc(2025, 8, 18, 21))  # Monday evening
    assert roster.on_duty(utc(2025, 8, 19, 7))  # Tuesday morning
    assert not roster.on_duty(utc(2025, 8, 18, 7))  # Monday morning
    assert not roster.on_duty(utc(2025, 8, 19, 21))


def test_overrides_win_over_rota_and_hours():
    window = (NOW - timedelta(hours=1), NOW + timedelta(hours=1))
    people = [Person(ANN), Person(BEN), Person(CAT, hours=Hours(time(0), time(1)))]
    roster = Roster(
        people,
        [RotaEntry(ANN), RotaEntry(BEN, 1)],
        [
            Override(ANN, OverrideKind.OFF, *window),
            Override(CAT, OverrideKind.ON, *window),
        ],
    )
    assert roster.on_duty(NOW) == (CAT, BEN)
    assert roster.on_duty(window[1]) == (ANN, BEN)


def test_later_override_of_the_same_person_has_the_last_word():
    window = (NOW, NOW + timedelta(hours=1))
    off_after_on = [
        Override(ANN, OverrideKind.ON, *window),
        Override(ANN, OverrideKind.OFF, *window),
    ]
    assert Roster([Person(ANN)], (), off_after_on).on_duty(NOW) == ()
    assert Roster([Person(ANN)], (), off_after_on[::-1]).on_duty(NOW) == (ANN,)


def test_unreachable_people_are_never_on_duty():
    window = (NOW, NOW + timedelta(hours=1))
    roster = Roster(
        [Person(ANN, reachable=False)],
        [RotaEntry(ANN)],
        [Override(ANN, OverrideKind.ON, *window)],
    )
    assert roster.on_duty(NOW) == ()
    assert roster.everybody(NOW) == ()


def test_next_gap_is_found():
    roster = Roster([Person(ANN, hours=Hours(time(8), time(14)))])
    gap = roster.next_gap(NOW, timedelta(hours=24))
    assert gap == utc(2025, 8, 18, 14) + timedelta(microseconds=1)
    assert Roster([Person(ANN)]).next_gap(NOW, timedelta(hours=24)) is None
    assert Roster([]).next_gap(NOW, timedelta(hours=24)) == NOW


zones = st.sampled_from(
    ["UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Santiago"]
)
clocks = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
intervals = st.none() | st.tuples(clocks, clocks).filter(lambda pair: pair[0] != pair[1]).map(
    lambda pair: Hours(*pair)
)
accounts = st.sampled_from([ANN, BEN, CAT])
begins = st.sampled_from(
    [utc(2025, 3, 8), utc(2025, 4, 5), utc(2025, 10, 4), utc(2025, 11, 1), utc(2025, 8, 18, 12)]
)


@st.composite
def rosters(draw, begin):
    people = [
        Person(account, draw(zones), draw(intervals), draw(st.integers(0, 2)))
        for account in (ANN, BEN, CAT)
    ]
    entries = draw(
        st.lists(
            st.builds(
                RotaEntry,
                accounts,
                st.integers(0, 3),
                st.frozensets(st.integers(0, 6), min_size=1),
                intervals,
                st.none() | zones,
            ),
            max_size=3,
        )
    )
    offsets = st.integers(0, 96).map(lambda n: begin + timedelta(minutes=30 * n))
    overrides = draw(
        st.lists(
            st.tuples(accounts, st.sampled_from(list(OverrideKind)), offsets, st.integers(1, 20)),
            max_size=2,
        )
    )
    return Roster(
        people,
        entries,
        [Override(a, k, b, b + timedelta(minutes=30 * n)) for a, k, b, n in overrides],
    )


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_next_change_agrees_with_looking_every_fifteen_minutes(data):
    begin = data.draw(begins)
    roster = data.draw(rosters(begin))
    horizon = timedelta(hours=36)
    change = roster.next_change(begin, horizon)
    assert begin < change <= begin + horizon
    current = roster.on_duty(begin)
    instant = begin
    while instant < change:
        assert roster.on_duty(instant) == current, instant
        instant += timedelta(minutes=15)
    assert roster.on_duty(change - timedelta(microseconds=1)) == current
    if change < begin + horizon:
        assert roster.on_duty(change) != current


@given(intervals, zones, st.integers(0, 7 * 24 * 60))
def test_interval_and_its_complement_share_only_their_ends(interval, name, minutes):
    if interval is None:
        return
    local = (utc(2025, 8, 18) + timedelta(minutes=minutes)).astimezone(zone(name))
    inside = interval.contains(local)
    outside = Hours(interval.ends, interval.begins).contains(local)
    at_an_end = local.time() in {interval.begins, interval.ends}
    assert (inside and outside) is at_an_end
    assert inside or outside

"""The state of an event depends on its notices, not on their arrival."""

import hashlib
import json
import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from too_common.contracts.ingest import AlertKind
from too_ingest.event_state import NoticeRecord, event_state, is_stale
from too_ingest.notices import ParsedNotice, parse_notice
from too_ingest.samples import SAMPLES, make_sample

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
_ARRIVAL_FIELDS = ("notice_id", "received_at", "is_replay", "is_stale")


def record(notice: ParsedNotice, body: bytes, number: int) -> NoticeRecord:
    return NoticeRecord(
        notice_id=UUID(int=number),
        content_sha256=hashlib.sha256(body).hexdigest(),
        received_at=NOW,
        notice=notice,
    )


def records(bodies: list[bytes]) -> list[NoticeRecord]:
    return [record(parse_notice(body), body, n) for n, body in enumerate(bodies)]


def alert(kind: str, minute: int, **event: object) -> bytes:
    body: dict[str, object] = {"time": "2026-11-22T02:58:00.000Z", "far": 1e-10, **event}
    return json.dumps(
        {
            "alert_type": kind,
            "time_created": f"2026-11-22T03:{minute:02d}:00Z",
            "superevent_id": "S261122aa",
            "event": None if kind == "RETRACTION" else body,
            "external_coinc": None,
        }
    ).encode()


SEQUENCES = {
    "plain": [alert("PRELIMINARY", 0), alert("INITIAL", 5), alert("UPDATE", 9, far=2e-11)],
    "ended": [alert("PRELIMINARY", 0), alert("INITIAL", 5), alert("RETRACTION", 9)],
    "reopened": [alert("INITIAL", 5), alert("RETRACTION", 9), alert("UPDATE", 20, far=3e-9)],
    "retraction alone": [alert("RETRACTION", 9)],
    "one date": [alert("PRELIMINARY", 0, far=2e-9), alert("PRELIMINARY", 0), alert("INITIAL", 0)],
    **{name: [m.body for m in make_sample(name, NOW, 0)] for name in SAMPLES},
}
EXPECTED_RETRACTED = {"ended", "retracted", "retraction alone"}


@pytest.mark.parametrize("name", SEQUENCES)
def test_two_hundred_orders_with_repetitions_give_one_state(name: str):
    notices = records(SEQUENCES[name])
    wanted = event_state(notices)
    assert wanted.is_retracted == (name in EXPECTED_RETRACTED)
    dice = random.Random(7)
    for _ in range(200):
        mixed = notices + dice.choices(notices, k=dice.randrange(4))
        dice.shuffle(mixed)
        assert event_state(mixed) == wanted


def test_growing_prefixes_end_in_the_same_state_as_the_whole():
    notices = records(SEQUENCES["reopened"])
    states = [event_state(notices[: n + 1]).is_retracted for n in range(3)]
    assert states == [False, True, False]


def test_facts_survive_a_retraction_and_newer_ones_win():
    state = event_state(records(SEQUENCES["ended"]))
    assert state.alert_kind is AlertKind.RETRACTION
    assert state.facts.far_hz == 1e-10
    assert event_state(records(SEQUENCES["plain"])).facts.far_hz == 2e-11


def test_final_position_stays_when_a_flight_position_comes_late():
    messages = make_sample("gbm", NOW, 0)
    bodies = [m.body for m in messages]
    late = bodies[0].replace(b"2026-11-22T03:00:00</Date>", b"2026-11-22T04:00:00</Date>")
    assert late != bodies[0]
    final = parse_notice(bodies[2])
    state = event_state(records([*bodies, late]))
    assert state.facts.ra_deg == final.ra_deg
    assert state.facts.error_radius_deg == final.region.radius_deg


def _burst(number: int, second: int, *, flag: bool, kind: str = "61", extra: str = "") -> bytes:
    return (
        f'<VOEvent ivorn="ivo://nasa.gsfc.gcn/SWIFT#X{number}" role="observation" version="2.0">'
        f"<Who><Date>2026-11-22T03:00:{second:02d}</Date></Who><What>"
        f'<Param name="Packet_Type" value="{kind}"/><Param name="TrigID" value="1201696"/>'
        f'<Group name="Solution_Status"><Param name="StarTrack_Lost_Lock" value="{flag}"/></Group>'
        f"</What><WhereWhen><ObservationLocation><ISOTime>2026-11-22T02:59:00</ISOTime>{extra}"
        "</ObservationLocation></WhereWhen></VOEvent>"
    ).encode()


def test_a_light_curve_does_not_reopen_a_false_trigger():
    place = "<C1>10.0</C1><C2>5.0</C2><Error2Radius>0.05</Error2Radius>"
    lost = _burst(1, 1, flag=True, extra=place)
    curve = _burst(2, 30, flag=False, kind="63")
    again = _burst(3, 40, flag=False, extra=place)
    assert event_state(records([lost, curve])).is_retracted
    assert not event_state(records([lost, curve, again])).is_retracted


def _numbered(kind: str, number: int, minute: int) -> bytes:
    return json.dumps(
        {
            "$schema": "https://x/gcn/notices/swift/bat/Guano.schema.json",
            "id": ["694215995"],
            "alert_type": kind,
            "record_number": number,
            "alert_datetime": f"2023-01-01T03:{minute:02d}:00Z",
            "trigger_time": "2022-12-31T21:46:05.13Z",
            **({} if kind == "retraction" else {"ra": 336.26, "dec": 25.139, "ra_dec_error": 0.5}),
        }
    ).encode()


def test_the_missions_numbering_beats_its_clock_for_retractions():
    update, retraction = _numbered("update", 3, 33), _numbered("retraction", 4, 24)
    assert event_state(records([update, retraction])).is_retracted
    later = _numbered("update", 5, 40)
    assert not event_state(records([later, update, retraction])).is_retracted


def test_one_test_notice_does_not_silence_a_real_event():
    real = json.loads(_numbered("initial", 1, 1))
    test = json.dumps({**real, "alert_tense": "test", "record_number": 2}).encode()
    both = records([json.dumps(real).encode(), test])
    assert not event_state(both).is_test
    assert event_state(both[1:]).is_test


def test_no_notices_no_state():
    with pytest.raises(ValueError, match="without notices"):
        event_state([])


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["PRELIMINARY", "INITIAL", "UPDATE", "RETRACTION"]),
            st.integers(0, 12),
            st.floats(1e-15, 1e-5),
        ),
        min_size=1,
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_any_sequence_in_any_order(steps: list[tuple[str, int, float]], dice: random.Random):
    notices = records([alert(kind, minute, far=far) for kind, minute, far in steps])
    wanted = event_state(notices)
    mixed = [*notices, *dice.sample(notices, k=min(2, len(notices)))]
    dice.shuffle(mixed)
    found = event_state(mixed)
    names = [name for name in found.__slots__ if name not in _ARRIVAL_FIELDS]
    assert [getattr(found, n) for n in names] == [getattr(wanted, n) for n in names]


@pytest.mark.parametrize(
    ("notice_age_s", "event_age_s", "stale"),
    [
        (10, 120, False),
        (3599, 3700, False),
        (3601, 3700, True),
        (-60, -50, False),
        (10, 31 * 86400, True),
    ],
)
def test_stale(notice_age_s: float, event_age_s: float, stale: bool):
    notice = parse_notice(SEQUENCES["plain"][0]).model_copy(
        update={
            "notice_time": NOW - timedelta(seconds=notice_age_s),
            "event_time": NOW - timedelta(seconds=event_age_s),
        }
    )
    found = is_stale(
        notice, now=NOW, source_time=None, age_limit_s=3600, event_age_limit_s=30 * 86400
    )
    assert found is stale


def test_stale_without_a_notice_time_asks_the_broker_then_the_event():
    notice = parse_notice(SEQUENCES["plain"][0]).model_copy(update={"notice_time": None})
    limits = {"age_limit_s": 3600.0, "event_age_limit_s": 30 * 86400.0}
    fresh = NOW - timedelta(seconds=5)
    assert not is_stale(notice, now=NOW, source_time=fresh, **limits)
    later = NOW + timedelta(hours=3)
    assert is_stale(notice, now=later, source_time=None, **limits)

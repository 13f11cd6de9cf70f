"""Liveness: who is silent, what is not there, which credentials are about to be lost."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from too_common.contracts.ingest import StreamState
from too_ingest.streams import (
    Seen,
    absent_streams,
    misspelt,
    silent_streams,
    unused_credentials,
)

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
BEAT = "gcn.heartbeat"
LIMITS = {BEAT: 60.0}


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def silent(last_s, since_s, state=StreamState.ALIVE, subscribed=(BEAT,)):
    seen = {BEAT: Seen(BEAT, state, None if last_s is None else ago(last_s))}
    return [
        finding.name
        for finding in silent_streams(
            seen, LIMITS, subscribed=subscribed, listening_since=ago(since_s), now=NOW
        )
    ]


def test_a_minute_of_silence_is_enough_and_less_is_not():
    assert silent(60.0, 3600) == []
    assert silent(60.1, 3600) == [BEAT]


def test_what_came_while_we_were_away_is_not_the_streams_fault():
    assert silent(86_400, 30) == []
    assert silent(86_400, 61) == [BEAT]
    assert silent(None, 30) == []
    assert silent(None, 61) == [BEAT]


def test_silence_is_told_once_and_only_of_what_is_listened_to():
    assert silent(100, 3600, state=StreamState.SILENT) == []
    assert silent(100, 3600, state=StreamState.REFUSED) == []
    assert silent(100, 3600, subscribed=("igwn.gwalert",)) == []


@given(
    last_s=st.none() | st.floats(0, 1e6),
    since_s=st.floats(0, 1e6),
    limit_s=st.floats(1, 1e5),
)
def test_silence_is_exactly_the_time_since_we_could_have_heard(last_s, since_s, limit_s):
    seen = {BEAT: Seen(BEAT, StreamState.ALIVE, None if last_s is None else ago(last_s))}
    found = silent_streams(
        seen, {BEAT: limit_s}, subscribed={BEAT}, listening_since=ago(since_s), now=NOW
    )
    start = ago(since_s) if last_s is None else max(ago(since_s), ago(last_s))
    assert bool(found) == (NOW - start > timedelta(seconds=limit_s))


def test_absent_topics_are_marked_once_and_slips_are_told():
    seen = {"igwn.gwalert": Seen("igwn.gwalert", StreamState.ALIVE, NOW)}
    absent = {"igwn.gwalert", "gcn.notices.km3net.alert", "igwn.gwalrt"}
    marked = absent_streams(seen, absent)
    assert [finding.name for finding in marked] == ["gcn.notices.km3net.alert", "igwn.gwalrt"]
    assert {finding.state for finding in marked} == {StreamState.ABSENT}
    known = {"igwn.gwalert", "gcn.notices.km3net.alert"}
    assert misspelt(absent, known=known) == ["igwn.gwalrt"]


def unused(last_s, *, topics=("igwn.gwalert",), has=True, since_s=1e7):
    return unused_credentials(
        has_credentials=has,
        subscribed=topics,
        last_message_at=None if last_s is None else ago(last_s),
        configured_since=ago(since_s),
        limit_s=7 * 86_400.0,
        now=NOW,
    )


def test_unused_credentials_are_told_with_the_day_they_are_lost():
    assert unused(3600) is None
    assert unused(8 * 86_400, has=False) is None
    problem = unused(8 * 86_400)
    assert problem is not None
    assert "2026-12-14" in problem  # thirty days after 14 November
    assert "no topic" in (unused(1, topics=()) or "")
    assert unused(None, since_s=60) is None
    assert "ever" in (unused(None, since_s=8 * 86_400) or "")

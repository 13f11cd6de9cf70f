from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from too_common.contracts.notify import IncidentState
from too_notify.incident import (
    CODE_ALPHABET,
    Incident,
    Outcome,
    Via,
    new_code,
    new_opaque_id,
    read_sms,
)

ANN, BEN = UUID(int=1), UUID(int=2)
NOW = datetime(2025, 8, 18, tzinfo=UTC)
LASTS = timedelta(minutes=30)


def ack(incident, who=ANN, now=NOW):
    return incident.acknowledge(account_id=who, name=str(who), via=Via.SMS, now=now, lasts=LASTS)


def test_first_acknowledgement_wins():
    taken, outcome = ack(Incident())
    assert outcome is Outcome.DONE
    again, outcome = ack(taken, BEN)
    assert outcome is Outcome.TAKEN
    assert again.acknowledgement.account_id == ANN


def test_acknowledgement_runs_out_and_can_be_extended():
    taken, _ = ack(Incident())
    same, ran_out = taken.run_out(NOW + LASTS - timedelta(seconds=1))
    assert not ran_out
    assert same.state is IncidentState.ACKNOWLEDGED
    longer, outcome = ack(taken, now=NOW + timedelta(minutes=10))
    assert outcome is Outcome.EXTENDED
    assert not longer.run_out(NOW + LASTS)[1]
    again, ran_out = taken.run_out(NOW + LASTS)
    assert ran_out
    assert again.state is IncidentState.TRIGGERED
    assert again.acknowledgement is None


def test_submission_holds_the_acknowledgement():
    taken, _ = ack(Incident())
    assert not taken.hold().run_out(NOW + timedelta(days=1))[1]


def test_hand_over_gives_it_back_but_only_ones_own():
    taken, _ = ack(Incident())
    assert taken.hand_over(BEN)[1] is Outcome.TAKEN
    free, outcome = taken.hand_over(ANN)
    assert (free.state, outcome) == (IncidentState.TRIGGERED, Outcome.DONE)
    assert Incident().hand_over(BEN)[1] is Outcome.DONE


def test_resolved_stays_resolved():
    over, _ = Incident().resolve("retracted")
    assert ack(over)[1] is Outcome.OVER
    assert over.hand_over(ANN)[1] is Outcome.OVER
    assert over.resolve("other")[0].resolved_reason == "retracted"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("ACK K7QX", ("ACK", "K7QX")),
        ("  ack   k7qx ", ("ACK", "K7QX")),
        ("ack", ("ACK", "")),
        ("PASS K7QX", ("PASS", "K7QX")),
        ("ACK K7QX now", None),
        ("ACK 12", None),
        ("hello", None),
        ("", None),
    ],
)
def test_inbound_messages(body, expected):
    assert read_sms(body) == expected


def test_codes_and_opaque_ids():
    codes = {new_code() for _ in range(200)}
    assert len(codes) > 190
    assert all(set(code) <= set(CODE_ALPHABET) and read_sms(f"ACK {code}") for code in codes)
    assert len({new_opaque_id() for _ in range(100)}) == 100


class Machine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.incident, self.now, self.resolved = Incident(), NOW, False

    @rule(who=st.sampled_from([ANN, BEN]))
    def acknowledge(self, who):
        self.incident, _ = ack(self.incident, who, self.now)

    @rule(who=st.sampled_from([ANN, BEN]))
    def hand_over(self, who):
        self.incident, _ = self.incident.hand_over(who)

    @rule(minutes=st.integers(0, 60))
    def wait(self, minutes):
        self.now += timedelta(minutes=minutes)
        self.incident, _ = self.incident.run_out(self.now)

    @rule()
    def submit(self):
        self.incident = self.incident.hold()

    @rule()
    def resolve(self):
        self.incident, _ = self.incident.resolve("done")
        self.resolved = True

    @invariant()
    def sound(self):
        state = self.incident.state
        assert (state is IncidentState.RESOLVED) is self.resolved
        if state is IncidentState.ACKNOWLEDGED:
            assert self.incident.acknowledgement is not None
        if state is IncidentState.TRIGGERED:
            assert self.incident.acknowledgement is None


TestIncidentMachine = Machine.TestCase

"""The telephone network by itself, with hypothesis as the people and the clock."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from too_simulators.core.store import Journal
from too_simulators.paging.records import Call, CallStatus, Message, TwilioState, new_sid
from too_simulators.paging.telephones import TelephoneError, TelephoneNetwork
from too_simulators.paging.twiml import TwimlError, parse_twiml, resolve

NUMBERS = ["+15550101", "+15550102"]
ORDER = ["queued", "initiated", "ringing", "in-progress"]
DOCUMENTS = [
    "<Response/>",
    "<Response><Say>Hello</Say><Hangup/></Response>",
    '<Response><Gather numDigits="1" action="/a"><Say>Press</Say></Gather></Response>',
    "<Response><Redirect>/again</Redirect></Response>",
    "not xml",
]


class People(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        import tempfile
        from pathlib import Path

        self.now = datetime(2031, 3, 20, tzinfo=UTC)
        self.folder = tempfile.TemporaryDirectory()
        self.journal = Journal(
            Path(self.folder.name) / "j", stack_now=lambda: self.now, wall_now=lambda: self.now
        )
        self.network = TelephoneNetwork(TwilioState(), self.journal, "AC0")

    def teardown(self):
        self.journal.close()
        self.folder.cleanup()

    @rule(number=st.sampled_from(NUMBERS), timeout=st.sampled_from([5.0, 60.0]))
    def call(self, number, timeout):
        self.network.place_call(
            Call(
                sid=new_sid("CA"),
                to=number,
                from_="+15550199",
                url="http://x/voice",
                timeout_s=timeout,
                status_callback="http://x/status",
                events=("initiated", "ringing", "answered", "completed"),
                created_at=self.now,
                updated_at=self.now,
            )
        )

    @rule(number=st.sampled_from(NUMBERS))
    def message(self, number):
        self.network.texts.send(
            Message(
                sid=new_sid("SM"),
                to=number,
                from_="+15550199",
                body="x",
                status_callback="http://x/sms",
                created_at=self.now,
                updated_at=self.now,
            )
        )

    @rule(seconds=st.sampled_from([0.5, 3.0, 30.0, 4000.0]))
    def time_passes(self, seconds):
        self.now += timedelta(seconds=seconds)
        self.network.step(self.now)

    @rule(
        number=st.sampled_from(NUMBERS),
        act=st.sampled_from(["answer", "press", "hang_up", "text"]),
    )
    def person(self, number, act):
        try:
            if act == "answer":
                self.network.answer(number, self.now)
            elif act == "press":
                self.network.press(number, "1", self.now)
            elif act == "hang_up":
                self.network.hang_up(number, self.now)
            else:
                self.network.texts.text(number, "hello", None, self.now)
        except TelephoneError:
            return

    @precondition(lambda self: any(o.purpose != "callback" for o in self.network.outbox))
    @rule(document=st.sampled_from(DOCUMENTS))
    def customer_answers(self, document):
        waiting = [one for one in self.network.outbox if one.purpose != "callback"]
        self.network.outbox.remove(waiting[0])
        self.network.document(waiting[0].sid, waiting[0].url, document, self.now)

    @invariant()
    def states_move_forward_only(self):
        told = {}
        for request in self.network.outbox:
            if request.purpose == "callback" and "CallStatus" in request.params:
                told.setdefault(request.sid, []).append(request.params)
        for params in told.values():
            numbers = [int(one["SequenceNumber"]) for one in params]
            assert numbers == sorted(set(numbers))
            known = [ORDER.index(s) for one in params if (s := one["CallStatus"]) in ORDER]
            assert known == sorted(known)
            finals = [one for one in params if one["CallStatus"] not in ORDER]
            assert len(finals) <= 1

    @invariant()
    def nothing_is_overdue_and_what_ended_is_silent(self):
        for call in self.network.state.calls.values():
            if call.status.final:
                assert call.due_at is None
                assert call.ended_at is not None
        busy = [
            call.to
            for call in self.network.state.calls.values()
            if call.status is CallStatus.IN_PROGRESS
        ]
        assert len(busy) == len(set(busy))


TestPeople = People.TestCase
TestPeople.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def test_twiml_is_locked_down():
    bomb = (
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><Response><Say>&a;</Say></Response>'
    )
    assert all("root" not in line for verb in parse_twiml(bomb) for line in verb.spoken)
    with pytest.raises(TwimlError):
        parse_twiml("<Other/>")


def test_addresses_are_relative_to_the_document():
    assert resolve("http://x/a/b?c=1", "/ack") == "http://x/ack"
    assert resolve("http://x/a/b", "d") == "http://x/a/d"
    assert resolve(None, "http://y/z") == "http://y/z"

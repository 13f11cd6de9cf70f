import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from too_common.contracts.queue_submit import SubmissionState as S
from too_queue_submit import state_machine
from too_queue_submit.errors import ForbiddenTransitionError


def test_every_state_has_a_row():
    assert set(state_machine.TRANSITIONS) == set(S)


@pytest.mark.parametrize("current", list(S))
@pytest.mark.parametrize("target", list(S))
def test_forbidden_steps_raise(current, target):
    if target in state_machine.TRANSITIONS[current]:
        state_machine.check(current, target)
    else:
        with pytest.raises(ForbiddenTransitionError):
            state_machine.check(current, target)


def test_nothing_is_sent_without_approval():
    """The only way into 'sending' is from 'approved', and into 'approved' from an approval."""
    into_sending = {s for s, targets in state_machine.TRANSITIONS.items() if S.SENDING in targets}
    assert into_sending == {S.APPROVED}
    into_approved = {s for s, targets in state_machine.TRANSITIONS.items() if S.APPROVED in targets}
    assert into_approved == {S.DRAFT, S.SENDING, S.UNKNOWN}


def test_unknown_is_never_sent_again_directly():
    assert not state_machine.allows(S.UNKNOWN, S.SENDING)


@pytest.mark.parametrize("state", [S.DISCARDED, S.REJECTED])
def test_ends(state):
    assert not state_machine.TRANSITIONS[state]


def test_what_may_be_out_there_can_be_withdrawn():
    for state in state_machine.WITHDRAWABLE:
        assert state_machine.allows(state, S.CANCEL_REQUESTED)
    assert state_machine.OUT_THERE >= state_machine.WITHDRAWABLE
    assert not state_machine.UNSENT & state_machine.OUT_THERE


def test_a_late_completion_overrides_end_states():
    for state in (S.EXPIRED, S.PARTIAL, S.CANCELLED, S.CANCEL_FAILED):
        assert state_machine.allows(state, S.COMPLETE)
    assert state_machine.allows(S.COMPLETE, S.ACTIVE)


class Life(RuleBasedStateMachine):
    """Any sequence of wishes: the machine grants only what its table has."""

    def __init__(self):
        super().__init__()
        self.state = S.DRAFT
        self.path = [S.DRAFT]

    @rule(wanted=st.sampled_from(list(S)))
    def wish(self, wanted):
        try:
            state_machine.check(self.state, wanted)
        except ForbiddenTransitionError:
            return
        self.state = wanted
        self.path.append(wanted)

    @invariant()
    def sent_only_after_approval(self):
        for before, after in zip(self.path, self.path[1:], strict=False):
            if after is S.SENDING:
                assert before is S.APPROVED

    @invariant()
    def nothing_is_accepted_unsent(self):
        for state in (S.ACCEPTED, S.DELIVERED, S.UNKNOWN, S.EXPIRED, S.CANCEL_REQUESTED):
            if state in self.path:
                assert S.SENDING in self.path[: self.path.index(state)]

    @invariant()
    def the_dead_stay_dead(self):
        for end in (S.DISCARDED, S.REJECTED):
            assert end not in self.path[:-1]


TestLife = Life.TestCase

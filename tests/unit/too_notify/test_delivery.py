from hypothesis import given
from hypothesis import strategies as st
from too_notify.delivery import (
    BAD,
    REACHED,
    DeliveryState,
    advance,
    may_drop,
    may_send,
    reported,
)

states = st.sampled_from(list(DeliveryState))
words = st.sampled_from(
    [
        "accepted", "queued", "sending", "sent", "delivered", "undelivered", "failed", "read",
        "initiated", "ringing", "in-progress", "completed", "busy", "no-answer", "canceled",
    ]
)  # fmt: skip


def run(state, reports):
    for report in reports:
        state = advance(state, report)
    return state


@given(st.lists(words, min_size=1), st.data())
def test_order_and_repetition_of_callbacks_do_not_matter(sent, data):
    reports = [reported(word) for word in sent]
    shuffled = data.draw(st.permutations(reports + reports[: len(reports) // 2]))
    start = DeliveryState.QUEUED
    assert run(start, reports) is run(start, shuffled)


@given(states, states, states)
def test_states_form_a_lattice(one, two, three):
    assert advance(one, two) is advance(two, one)
    assert advance(one, one) is one
    assert advance(advance(one, two), three) is advance(one, advance(two, three))


def test_late_sent_does_not_undo_delivered():
    assert advance(DeliveryState.DELIVERED, DeliveryState.SENT) is DeliveryState.DELIVERED
    assert advance(DeliveryState.NO_ANSWER, DeliveryState.RINGING) is DeliveryState.NO_ANSWER


def test_unknown_words_say_nothing():
    assert reported("teleported") is None
    assert reported(" In-Progress ") is DeliveryState.IN_PROGRESS


@given(states)
def test_only_what_was_not_begun_can_be_dropped(state):
    assert may_drop(state) is (state is DeliveryState.PLANNED)
    if may_drop(state):
        assert may_send(state)
    assert not (may_send(state) and state in BAD)


def test_unknown_counts_as_reached():
    assert DeliveryState.UNKNOWN in REACHED
    assert DeliveryState.FAILED not in REACHED
    assert DeliveryState.PLANNED not in REACHED

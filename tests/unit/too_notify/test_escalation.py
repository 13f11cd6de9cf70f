from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from too_notify.delivery import Channel, DeliveryState
from too_notify.escalation import (
    LADDER,
    Call,
    Reach,
    StepKind,
    has_failed,
    ladder,
    plan_step,
    within_cap,
)
from too_notify.programs import Severity

ANN, BEN, CAT = (UUID(int=n) for n in (1, 2, 3))
BOTH = (Channel.VOICE, Channel.SMS)
REACH = {
    ANN: Reach(ANN, BOTH, frozenset(BOTH)),
    BEN: Reach(BEN, (Channel.SMS,), frozenset(BOTH)),
    CAT: Reach(CAT, BOTH, frozenset(BOTH)),
}
VOICE, SMS = Channel.VOICE, Channel.SMS


def step(kind, called=(), passed=(), duty=(ANN, BEN), reach=REACH):
    return plan_step(
        kind, on_duty=duty, everybody=(ANN, BEN, CAT), reach=reach, called=called, passed=passed
    )


def test_ladder_is_that_of_the_model():
    minutes = [(item.kind, item.delay / timedelta(minutes=1)) for item in LADDER]
    assert minutes == [
        (StepKind.FIRST, 0),
        (StepKind.FIRST_AGAIN, 2),
        (StepKind.NEXT, 4),
        (StepKind.EVERYBODY, 8),
        (StepKind.LIST, 12),
    ]
    assert ladder(Severity.INFORM) == ()


def test_first_is_called_and_texted():
    assert step(StepKind.FIRST) == (Call(ANN, VOICE), Call(ANN, SMS))


def test_second_call_goes_to_the_same_person_by_voice():
    assert step(StepKind.FIRST_AGAIN, called=(ANN,)) == (Call(ANN, VOICE),)
    assert step(StepKind.FIRST_AGAIN, called=(BEN,)) == (Call(BEN, SMS),)


def test_next_is_somebody_new_in_their_own_way():
    assert step(StepKind.NEXT, called=(ANN,)) == (Call(BEN, SMS),)
    assert step(StepKind.NEXT, called=(ANN, BEN)) == ()


def test_everybody_gets_messages_first_and_calls_in_order():
    calls = step(StepKind.EVERYBODY, called=(ANN, BEN))
    assert [call.channel for call in calls] == [SMS, SMS, SMS, VOICE, VOICE]
    assert [call.account_id for call in calls] == [ANN, BEN, CAT, ANN, CAT]


def test_who_handed_over_is_skipped():
    assert step(StepKind.FIRST, passed=(ANN,)) == (Call(BEN, SMS),)
    assert step(StepKind.FIRST_AGAIN, called=(ANN,), passed=(ANN,)) == ()


def test_unreachable_person_is_skipped():
    reach = {BEN: REACH[BEN]}
    assert step(StepKind.FIRST, reach=reach) == (Call(BEN, SMS),)


def test_wish_that_is_impossible_falls_back_to_what_is_possible():
    only_mail = Reach(ANN, BOTH, frozenset({Channel.EMAIL}))
    assert only_mail.channels() == (Channel.EMAIL,)


@pytest.mark.parametrize(
    ("messages", "failed"),
    [
        ([], True),
        ([(ANN, VOICE, DeliveryState.NO_ANSWER), (ANN, SMS, DeliveryState.DELIVERED)], True),
        ([(ANN, VOICE, DeliveryState.RINGING), (ANN, SMS, DeliveryState.FAILED)], False),
        ([(ANN, VOICE, DeliveryState.COMPLETED)], False),
        ([(BEN, SMS, DeliveryState.UNDELIVERED)], True),
        ([(BEN, SMS, DeliveryState.DELIVERED)], False),
        ([(ANN, VOICE, DeliveryState.BUSY), (BEN, SMS, DeliveryState.SENT)], False),
        ([(ANN, VOICE, DeliveryState.DROPPED)], True),
        ([(ANN, VOICE, DeliveryState.UNKNOWN)], False),
    ],
)
def test_a_step_fails_when_nobody_can_have_woken(messages, failed):
    assert has_failed(messages) is failed


def test_cap_counts_the_last_hour_only():
    now = datetime(2025, 8, 18, 12, tzinfo=UTC)
    sent = [now - timedelta(minutes=n) for n in (5, 30, 59, 61)]
    assert within_cap(sent, now, 4)
    assert not within_cap(sent, now, 3)

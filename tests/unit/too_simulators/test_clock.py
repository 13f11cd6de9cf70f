import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from too_simulators.core.clock import ClockError, ClockState, StackClock

START = datetime(2031, 3, 20, tzinfo=UTC)


class Wall:
    def __init__(self):
        self.at = START

    def __call__(self):
        return self.at

    def passes(self, seconds):
        self.at += timedelta(seconds=seconds)


def test_it_runs_with_the_wall_and_with_speed():
    wall = Wall()
    clock = StackClock(wall=wall)
    wall.passes(10)
    assert clock.now() == START + timedelta(seconds=10)
    clock.set_speed(60)
    wall.passes(10)
    assert clock.now() == START + timedelta(seconds=610)
    clock.advance(100)
    assert clock.now() == START + timedelta(seconds=710)
    assert clock.version == 3


def test_it_never_goes_back():
    wall = Wall()
    clock = StackClock(wall=wall)
    wall.passes(10)
    before = clock.now()
    wall.passes(-100)
    assert clock.now() == before
    with pytest.raises(ClockError):
        clock.to(before - timedelta(seconds=1))
    with pytest.raises(ClockError):
        clock.advance(-1)
    with pytest.raises(ClockError):
        clock.set_speed(-1)


def test_a_restart_goes_on_from_the_kept_anchor():
    wall = Wall()
    clock = StackClock(wall=wall)
    clock.advance(3600)
    clock.set_speed(100)
    wall.passes(1)
    clock.settle_for_stop()
    kept = ClockState.model_validate_json(clock.state.model_dump_json())
    wall.passes(50)
    again = StackClock(kept, wall=wall)
    assert again.speed == 1
    assert again.now() == START + timedelta(seconds=3600 + 100 + 50)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["wall", "advance", "speed"]), st.floats(min_value=-1e4, max_value=1e4)
        )
    )
)
def test_told_times_only_grow(acts):
    wall = Wall()
    clock = StackClock(wall=wall)
    told = clock.now()
    for act, value in acts:
        if act == "wall":
            wall.passes(value)
        elif act == "advance":
            clock.advance(abs(value))
        else:
            clock.set_speed(abs(value))
        assert clock.now() >= told
        told = clock.now()


def test_wall_seconds_until():
    wall = Wall()
    clock = StackClock(wall=wall)
    clock.set_speed(10)
    assert clock.wall_seconds_until(START + timedelta(seconds=100)) == 10
    assert clock.wall_seconds_until(START) == 0
    clock.set_speed(0)
    assert clock.wall_seconds_until(START + timedelta(seconds=100)) is None
    assert clock.wall_seconds_until(None) is None


async def test_who_waits_for_a_change_is_woken():
    clock = StackClock()
    waiting = asyncio.create_task(clock.wait_change(clock.version, 30))
    await asyncio.sleep(0)
    clock.advance(1)
    await waiting
    await clock.wait_change(0, 30)
    await clock.wait_change(clock.version, 0.001)

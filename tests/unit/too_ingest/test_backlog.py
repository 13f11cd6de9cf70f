"""A backlog of notices: what follows from them stands back, for a while."""

import asyncio

import pytest
from too_ingest.backlog import Backlog
from too_ingest.clients.gcn import BATCH, LARGE_BATCH, LARGE_BYTES, Message, is_full


def _messages(number: int, size: int = 10) -> list[Message]:
    return [Message("igwn.gwalert", 0, n, b"x" * size, None) for n in range(number)]


async def test_without_a_backlog_nothing_waits():
    backlog = Backlog()
    assert not backlog.is_there
    await asyncio.wait_for(backlog.over(longest_s=3600.0), timeout=5.0)


async def test_work_goes_on_when_the_backlog_is_over():
    backlog = Backlog()
    backlog.note(is_there=True)
    waiting = asyncio.create_task(backlog.over(longest_s=3600.0))
    await asyncio.sleep(0)
    assert not waiting.done()
    backlog.note(is_there=False)
    await asyncio.wait_for(waiting, timeout=5.0)


async def test_an_endless_backlog_delays_and_does_not_stop():
    backlog = Backlog()
    backlog.note(is_there=True)
    await asyncio.wait_for(backlog.over(longest_s=0.0), timeout=5.0)
    assert backlog.is_there


@pytest.mark.parametrize(
    ("messages", "full"),
    [
        ([], False),
        (_messages(1), False),
        (_messages(BATCH // 2 - 1), False),
        (_messages(BATCH), True),
        (_messages(1, LARGE_BYTES + 1), False),
        (_messages(LARGE_BATCH, LARGE_BYTES + 1), True),
    ],
)
def test_a_full_batch_shows_a_backlog(messages, full):
    assert is_full(messages) is full

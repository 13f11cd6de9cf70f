"""Due work looks again when it is asked to, by name or all of it."""

import asyncio

from too_common.wakes import DueWakes


async def test_names_gather_until_they_are_taken():
    wakes = DueWakes()
    wakes.ask({"one"})
    wakes.ask({"two"})
    assert await wakes.wanted() == {"one", "two"}
    wakes.ask({"three"})
    assert await wakes.wanted() == {"three"}


async def test_all_swallows_names_in_either_order():
    wakes = DueWakes()
    wakes.ask({"one"})
    wakes.ask()
    assert await wakes.wanted() is None
    wakes.ask()
    wakes.ask({"one"})
    assert await wakes.wanted() is None


async def test_nothing_asked_waits():
    wakes = DueWakes()
    waiting = asyncio.create_task(wakes.wanted())
    await asyncio.sleep(0)
    assert not waiting.done()
    wakes.ask({"one"})
    assert await asyncio.wait_for(waiting, timeout=5.0) == {"one"}

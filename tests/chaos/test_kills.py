"""kill -9 and lost answers between alert and retraction; the outside world is the witness."""

import os
import random
import time

import pytest
from reaper import Reaper, deal
from sequence import CHOOSABLE, Round, admin, advance, people_answer, settled, until
from verdict import judge

ROUNDS = int(os.environ.get("TOO_CHAOS_ROUNDS", "2"))
# the suite kills the same processes each time; `make chaos` others
SEED = int(os.environ.get("TOO_CHAOS_SEED") or 1)
KILLS_PER_ROUND = 3
ROUND_S = 900
ROUTES = (
    "POST /twilio/2010-04-01/Accounts/*/Messages.json",
    "POST /twilio/2010-04-01/Accounts/*/Calls.json",
    "PUT /ztf/queues",
    "DELETE /ztf/queues",
)

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600 + ROUND_S * ROUNDS)]


async def test_whatever_is_killed_nothing_is_lost_and_nothing_is_done_twice(world, stack, say):
    rng = random.Random(SEED)
    say(f"seed {SEED}, {ROUNDS} rounds with {KILLS_PER_ROUND} kills each")
    await world.begin()
    await people_answer(world)
    serial = rng.randrange(500)
    known = await _parked(stack)
    rounds = []
    for count, kills in enumerate(deal(rng, ROUNDS, KILLS_PER_ROUND)):
        begun = time.monotonic()
        say(f"round {count + 1}: {'; '.join(map(str, kills))}")
        reaper = Reaper(stack, kills, say)
        one = Round(world, serial + count)
        say(f"round {count + 1}: an answer is lost: {await _lose_an_answer(world, rng)}")
        try:
            await _live_through(one, rng, reaper)
            await reaper.finish()
        finally:
            await reaper.cancel()
        rounds.append(one)
        say(f"round {count + 1}: {one.name} after {time.monotonic() - begun:.0f} s")
        # the next alert comes in another hour, as the limit of pages per hour is not the subject
        await until(world, lambda: advance(world, 3700), "an hour later")
    await until(world, lambda: advance(world, 36 * 3600), "after the last window")
    await until(world, lambda: settled(world, rounds), "nothing is looked for any more")
    wrong, counts = await judge(world, rounds)
    say(f"seed {SEED}, {len(rounds)} rounds; {', '.join(f'{k}: {v}' for k, v in counts.items())}")
    wrong += [line for key, line in (await _parked(stack)).items() if key not in known]
    assert not wrong, f"seed {SEED}:\n" + "\n".join(wrong)


async def _parked(stack):
    """Messages that some service could not handle: none of ours is poison."""
    return {
        item["id"]: f"{name} parked {item['type']}: {item['reason']}"
        for name, found in (await admin(stack, "/dlq", limit=1000)).items()
        for item in found
    }


async def _lose_an_answer(world, rng):
    """What a provider or a telescope does once without telling us."""
    route = rng.choice(ROUTES)
    answer = await world.sim.post(
        "/control/faults", json={"route": route, "kind": "drop_reply", "times": 1}
    )
    assert answer.is_success, answer.text
    return route


async def _live_through(one, rng, reaper):
    reaper.enter("alert")
    await one.alert()
    reaper.enter("page")
    await one.page()
    reaper.enter("plans")
    await one.plan()
    reaper.enter("approve")
    await one.approve(rng.sample([name for name in CHOOSABLE if name in one.drafted], 2))
    reaper.enter("accept")
    await one.accepted()
    reaper.enter("exposures")
    await one.observe()
    reaper.enter("retraction")
    await one.retract()

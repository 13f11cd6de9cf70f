"""kill -9 at random moments between alert and retraction; the outside world is the witness."""

import os
import random
import time
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from observing import event_named, incident, plans, preferred_map, retraction, submissions
from reaper import Reaper, deal
from too_common.bus.client import KafkaError
from too_ingest.samples import make_sample
from verdict import OVER, judge

ROUNDS = int(os.environ.get("TOO_CHAOS_ROUNDS", "3"))
SEED = int(os.environ.get("TOO_CHAOS_SEED") or random.randrange(10**6))
KILLS_PER_ROUND = 3
ROUND_S = 900
WAIT_S = 420.0
"""Every wait is bounded by this; a service on a busy machine takes half a minute to come back."""
PHONES = ("+15555550100", "+15555550101")
AT_TELESCOPE = {"accepted", "delivered", "active", "partial", "complete"}
CHOOSABLE = ("ZTF", "KPED", "Gattini", "GROWTH-India")
"""Telescopes that take their files by themselves."""

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600 + ROUND_S * ROUNDS)]


@dataclass
class Round:
    """One alert from its first notice to its retraction."""

    name: str
    bodies: list[bytes]
    event_id: str = ""
    approved: dict[str, dict] = field(default_factory=dict)
    is_retracted: bool = False
    withdrawn_seq: int = 0


async def test_whatever_is_killed_nothing_is_lost_and_nothing_is_done_twice(world, stack, say):
    rng = random.Random(SEED)
    say(f"seed {SEED}, {ROUNDS} rounds with {KILLS_PER_ROUND} kills each")
    await world.begin()
    await world.ensure_account("second", "Second Observer")
    for number in PHONES:
        await world.sim.put(
            f"/control/telephones/{number}",
            json={"behaviour": {"on_call": "answer", "answer_after_s": 2, "keys": ["1"]}},
        )
    serial = rng.randrange(500)
    rounds = []
    for count, kills in enumerate(deal(rng, ROUNDS, KILLS_PER_ROUND)):
        begun = time.monotonic()
        say(f"round {count + 1}: {'; '.join(map(str, kills))}")
        reaper = Reaper(stack, kills, say)
        try:
            one = await _round(world, rng, serial + count, reaper)
            await reaper.finish()
        finally:
            await reaper.cancel()
        rounds.append(one)
        say(f"round {count + 1}: {one.name} after {time.monotonic() - begun:.0f} s")
        # the next alert comes in another hour, as the limit of pages per hour is not the subject
        await until(world, lambda: _advance(world, 3700), "an hour later")
    wrong, counts = await judge(world, rounds)
    say(f"seed {SEED}, {len(rounds)} rounds; {', '.join(f'{k}: {v}' for k, v in counts.items())}")
    assert not wrong, f"seed {SEED}:\n" + "\n".join(wrong)


async def _round(world, rng, serial, reaper):
    def wait(probe, what):
        return until(world, probe, f"{one.name}: {what}")

    reaper.enter("alert")
    preliminary, initial, update = make_sample("bns", await world.now(), serial)
    one = Round(preliminary.native_id, [preliminary.body, initial.body, update.body])
    for message in (preliminary, initial):
        await produce(world, message.topic, message.key, message.body)
    event = await wait(lambda: event_named(world, one.name), "event")
    one.event_id = event["id"]

    reaper.enter("page")
    await wait(lambda: _acknowledged(world, one), "page and acknowledgement")

    reaper.enter("plans")
    await produce(world, update.topic, update.key, update.body)
    await wait(lambda: _notices(world, one, 3), "three notices")
    drafted = await wait(lambda: _drafts(world, one), "a draft of every plan")

    reaper.enter("approve")
    possible = [name for name in CHOOSABLE if name in drafted]
    chosen = rng.sample(possible, 2)
    for facility in chosen:
        await wait(lambda facility=facility: _approve(world, one, facility), f"Go for {facility}")

    reaper.enter("accept")
    await wait(lambda: _taken(world, one), f"{chosen} have it")

    reaper.enter("exposures")
    starts = [drafted[name]["first_exposure_at"] for name in chosen]
    await wait(lambda: _move(world, min(starts)), "the night begins")
    await wait(lambda: _exposures(world, one), "executed exposures")

    reaper.enter("retraction")
    body = retraction(one.name, await world.now() + timedelta(seconds=1))
    one.bodies.append(body)
    await produce(world, "igwn.gwalert", one.name, body)
    await wait(lambda: _notices(world, one, 4), "the retraction is stored")
    await wait(lambda: _over(world, one), "withdrawal")
    told = await world.journal("")
    one.is_retracted, one.withdrawn_seq = True, max(item["seq"] for item in told)
    await wait(lambda: _stood_down(world, one), "stand-down")
    return one


async def until(world, probe, what):
    return await world.until(probe, what=what, deadline_s=WAIT_S)


async def produce(world, topic, key, body):
    """As GCN does: until the broker has it. What it has twice is stored once."""

    async def sent():
        try:
            await world.produce(topic, key, body)
        except (KafkaError, OSError) as error:
            raise AssertionError(repr(error)) from error
        return True

    await until(world, sent, "the broker takes a notice")


async def _advance(world, seconds):
    await world.advance(seconds)
    return True


async def _move(world, to):
    answer = await world.sim.post("/control/clock", json={"to": to, "settle": True}, timeout=120.0)
    return answer.is_success or answer.status_code == 409  # 409: it is later already


async def _notices(world, one, count):
    found = await world.items(f"ingest/v1/events/{one.event_id}/notices")
    return len(found) >= count


async def _acknowledged(world, one):
    found = await incident(world, one.event_id)
    if found is not None and found["state"] == "acknowledged":
        return True
    if found is not None:
        await world.advance(20)
    return False


async def _drafts(world, one):
    """Drafts of the last map's plans, once every telescope has a plan or a reason against it."""
    notices = await world.items(f"ingest/v1/events/{one.event_id}/notices")
    newest = next(item for item in notices if item["alert_kind"].lower() == "update")
    maps = await world.items(f"ingest/v1/events/{one.event_id}/localizations")
    best = next(item for item in maps if item["is_preferred"])
    assert best["notice_id"] == newest["id"], "the last map is not ready"
    sha = await preferred_map(world, one.event_id)
    ready = await plans(world, one.event_id)
    failed = await plans(world, one.event_id, "failed")
    mine = {
        name: plan
        for found in (ready, failed)
        for name, plan in found.items()
        if plan["map_sha256"] == sha
    }
    assert len(mine) == 5, f"plans of {sorted(mine)}"
    found = await submissions(world, one.event_id)
    drafts = {}
    for name, plan in ready.items():
        item = found.get(name)
        assert item, f"no draft for {name}"
        assert (item["state"], item["plan_id"]) == ("draft", plan["plan_id"]), f"{name} is older"
        drafts[name] = plan["statistics"]
    return drafts


async def _approve(world, one, facility):
    """Press Go, and again if nobody heard it: until the marshal has the approval."""
    item = (await submissions(world, one.event_id))[facility]
    if item["state"] == "draft":
        await world.post(
            f"queue-submit/v1/submissions/{item['submission_id']}/approve",
            {"payload_sha256": item["payload_sha256"]},
        )
        return False
    one.approved[facility] = item
    return True


async def _taken(world, one):
    found = await submissions(world, one.event_id)
    states = {name: found[name]["state"] for name in one.approved}
    for name, state in states.items():
        if state == "draft":  # several attempts were cut short: a person is asked again
            await _approve(world, one, name)
    assert set(states.values()) <= AT_TELESCOPE, states
    if not all(found[name]["verified_at"] for name in one.approved):
        await world.advance(10)
        raise AssertionError(f"not verified: {states}")
    return True


async def _exposures(world, one):
    found = await world.items("queue-submit/v1/exposures", event_id=one.event_id)
    if not found:
        await world.advance(60)
    return found


async def _over(world, one):
    found = await submissions(world, one.event_id)
    states = {name: item["state"] for name, item in found.items()}
    if not set(states.values()) <= OVER:
        await world.advance(20)
        raise AssertionError(states)
    return True


async def _stood_down(world, one):
    found = await incident(world, one.event_id)
    assert found["state"] == "resolved", found["state"]
    told = await world.journal("twilio.message")
    stood_down = [
        item
        for item in told
        if "STAND DOWN" in item["data"]["body"] and one.name in item["data"]["body"]
    ]
    if not stood_down:
        await world.advance(10)
    return stood_down

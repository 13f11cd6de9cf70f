"""Poison in the same partition as a retraction: the retraction goes past it."""

import json
import time

import pytest
from observing import submissions
from sequence import CHOOSABLE, Round, admin, advance, people_answer, until
from too_common.contracts.base import topic_of

LIMIT_S = 5.0
GCN_TOPIC = "igwn.gwalert"
WITHDRAWN = {"cancel_requested", "cancelled", "partial", "complete"}
SERIAL = 530

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1800)]


async def test_poison_delays_a_retraction_by_less_than_five_seconds(world, stack, say):
    await world.begin()
    await people_answer(world)
    undisturbed = await _accepted_event(world, SERIAL)
    disturbed = await _accepted_event(world, SERIAL + 1)
    known = {item["id"] for item in await world.items("ingest/v1/dead-letters")}
    plain_s = await _retract(world, undisturbed, poison=False)
    past_poison_s = await _retract(world, disturbed, poison=True)
    say(f"retraction to withdrawal: {plain_s:.1f} s, behind poison {past_poison_s:.1f} s")
    assert past_poison_s - plain_s < LIMIT_S

    # it was poison: whoever reads the topic has parked it, and alerts still come through
    await until(world, lambda: _parked_by_all(stack, disturbed.event_id), "parked poison")
    dead = [item["id"] for item in await world.items("ingest/v1/dead-letters")]
    assert len(set(dead) - known) == len(_gcn_poison(disturbed.name))
    after = Round(world, SERIAL + 2)
    await after.alert()
    await after.until(lambda: _somebody_told(world, after), "a page of the next alert")


async def _parked_by_all(stack, event_id):
    parked = await admin(stack, "/dlq")
    for reader in ("notify", "planner", "queue-submit", "vetting-api", "circulars"):
        found = [item for item in parked[reader] if item["key"] == event_id]
        assert len(found) >= len(_bus_poison(event_id)), f"{reader} has not read the poison"
    return True


async def _somebody_told(world, one):
    """A call may find a telephone busy with the alarms about the poison; a text does not."""
    return [m for m in await world.journal("twilio.message") if one.name in m["data"]["body"]]


async def _accepted_event(world, serial):
    one = Round(world, serial)
    await until(world, lambda: advance(world, 3700), "an hour later")
    await one.alert()
    await one.page()
    await one.plan()
    await one.approve([name for name in CHOOSABLE if name in one.drafted][:1])
    await one.accepted()
    return one


async def _retract(world, one, *, poison):
    """Seconds from the retraction at GCN until it is known, and withdrawal has begun."""
    body = await one.retraction()
    if poison:
        for message in _bus_poison(one.event_id):
            await world.produce(topic_of("ingest"), one.event_id, message, partition=None)
        for message in _gcn_poison(one.name):
            await world.produce(GCN_TOPIC, one.name, message)
    begun = time.monotonic()
    await one.send(GCN_TOPIC, one.name, body)

    async def withdrawn():
        found = await submissions(world, one.event_id)
        event = await world.get(f"ingest/v1/events/{one.event_id}")
        return event["is_retracted"] and all(
            found[name]["state"] in WITHDRAWN for name in one.approved
        )

    await one.until(withdrawn, "withdrawal")
    return time.monotonic() - begun


def _gcn_poison(name):
    """What GCN might send: cut short, of another shape, no text at all, far too deep."""
    return (
        json.dumps({"alert_type": "UPDATE", "superevent_id": name}).encode()[:-9],
        json.dumps([name, "UPDATE"]).encode(),
        b"\xff\xfe\x00" + name.encode(),
        b"[" * 100_000 + name.encode(),
    )


def _bus_poison(event_id):
    """What a writer gone mad might put on our own bus, under the event's key."""
    return (
        b"\x00\xffno json",
        b"[]",
        json.dumps({"type": "ingest.event_changed", "key": event_id, "data": {}}).encode(),
    )

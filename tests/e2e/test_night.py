"""A night, through public interfaces alone: from the alert to the circular, then the retraction."""

from datetime import timedelta
from random import randrange

import pytest
from observing import event_named, incident, plans, preferred_map, retraction, submissions
from too_ingest.samples import make_sample

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

TELESCOPES = {"ZTF", "DECam", "KPED", "Gattini", "GROWTH-India"}


async def test_a_night(world):
    await world.begin()
    await world.ensure_account("second", "Second Observer")
    cards = await world.until(lambda: _cards(world, 2), what="two contact cards")
    assert len(cards) == 2
    second = "+15555550101"  # the sample number of the second card; the first person sleeps
    await world.sim.put(
        f"/control/telephones/{second}",
        json={"behaviour": {"on_call": "answer", "answer_after_s": 2, "keys": ["1"]}},
    )

    # -- the alert: two notices and a better map, as GCN sends them
    preliminary, initial, update = make_sample("bns", await world.now(), randrange(600))
    name = preliminary.native_id
    await world.produce(preliminary.topic, preliminary.key, preliminary.body)
    await world.produce(initial.topic, initial.key, initial.body)
    event = await world.until(lambda: event_named(world, name), what="event")
    event_id = event["event_id"] if "event_id" in event else event["id"]

    # -- the page: nobody answers, it is escalated, then a key is pressed
    calls = await world.until(lambda: world.journal("twilio.call"), what="a call")
    assert calls[0]["data"]["to"] != second, "the first on duty is called first"
    await world.until(lambda: world.journal("twilio.message"), what="a message")
    await world.until(lambda: _called(world, 2), what="escalation to the second person")
    await world.until(lambda: _acknowledge(world, event_id), what="acknowledgement")
    taken = await incident(world, event_id)
    assert taken["acknowledged_via"] in {"voice", "sms"}

    # -- five plans for the better map
    await world.produce(update.topic, update.key, update.body)
    await world.until(lambda: _count(world, event_id, 3), what="three notices")
    latest = await world.until(lambda: _five(world, event_id), what="five plans of one map")
    assert set(latest) == TELESCOPES
    drafted = await world.until(
        lambda: _drafts_of(world, event_id, latest), what="a draft of every plan"
    )

    # -- Go for two; a wrong hash is refused
    wrong = await world.api.post(
        f"/api/queue-submit/v1/submissions/{drafted['ZTF']['submission_id']}/approve",
        json={"payload_sha256": "0" * 64},
    )
    assert wrong.status_code == 409, wrong.text
    chosen = ("ZTF", "Gattini")
    for facility in chosen:
        item = drafted[facility]
        await world.post(
            f"queue-submit/v1/submissions/{item['submission_id']}/approve",
            {"payload_sha256": item["payload_sha256"]},
        )
    await world.until(
        lambda: _states(
            world, event_id, {"ZTF": {"accepted"}, "Gattini": {"delivered"}}, verified=True
        ),
        what="accepted by both queues",
    )
    accepted = [
        item for item in await world.journal("ztf.queue_accepted") if name in str(item["data"])
    ]
    assert len(accepted) == 1, "the queue was sent more than once"

    # -- the night: the telescopes observe, what was executed comes back, a circular is drafted
    starts = sorted(latest[name]["statistics"]["first_exposure_at"] for name in chosen)
    await world.sim.post("/control/clock", json={"to": starts[1], "settle": True}, timeout=120.0)
    await world.until(
        lambda: _exposures(world, event_id, set(chosen)), what="executed exposures", deadline_s=240
    )
    draft = await world.until(lambda: _draft(world, event_id), what="circular")
    assert draft["derived_event"] == f"LIGO/Virgo/KAGRA {name}"

    # -- the retraction: what is queued is withdrawn and read back as gone, everybody is told once
    now = await world.now()
    await world.produce("igwn.gwalert", name, retraction(name, now + timedelta(seconds=1)))
    await world.until(
        lambda: _states(
            world,
            event_id,
            {"ZTF": {"cancelled"}, "Gattini": {"cancelled", "cancel_requested", "complete"}},
        ),
        what="withdrawal",
    )
    # Gattini's reader had taken the file: a notice is left, and nobody claims more than is known;
    # a short list may have been observed to its end by now, and then nothing is left to withdraw
    if (await submissions(world, event_id))["Gattini"]["state"] != "complete":
        await world.until(lambda: _left_a_notice(world, name), what="notice for the telescope")
    queues = (await world.sim.request("GET", "/ztf/queues", json={})).json()
    assert [item for item in queues if name in item["queue_name"]] == []
    await world.until(lambda: _stand_down(world, name), what="stand-down")
    for _ in range(3):
        await world.advance(120)
    told = await _stand_down(world, name)
    assert len(told) == len({item["data"]["to"] for item in told}), "told twice"
    assert (await incident(world, event_id))["state"] == "resolved"
    groups = await world.get(f"vetting-api/v1/events/{event_id}/timeline")
    reached = {entry["step"] for group in groups for entry in group["entries"] if entry["at"]}
    assert reached >= {"received", "stored", "map_ready", "decided", "paged", "planned",
                       "approved", "accepted", "first_exposure"}  # fmt: skip


async def _called(world, count):
    called = {item["data"]["to"] for item in await world.journal("twilio.call")}
    if len(called) >= count:
        return called
    await world.advance(20)
    return None


async def _cards(world, count):
    found = await world.items("notify/v1/contact-cards")
    return found if len(found) >= count else None


async def _count(world, event_id, count):
    return len(await world.items(f"ingest/v1/events/{event_id}/notices")) >= count


async def _five(world, event_id):
    notices = await world.items(f"ingest/v1/events/{event_id}/notices")
    newest = next(item for item in notices if item["alert_kind"].lower() == "update")
    maps = await world.items(f"ingest/v1/events/{event_id}/localizations")
    if not any(item["is_preferred"] and item["notice_id"] == newest["id"] for item in maps):
        return None  # the plans that are there are for the map before
    sha = await preferred_map(world, event_id)
    ready = {t: p for t, p in (await plans(world, event_id)).items() if p["map_sha256"] == sha}
    return ready if set(ready) == TELESCOPES else None


async def _drafts_of(world, event_id, wanted):
    ids = {item["plan_id"] if "plan_id" in item else item["id"] for item in wanted.values()}
    found = await submissions(world, event_id)
    ready = {k: v for k, v in found.items() if v["plan_id"] in ids and v["state"] == "draft"}
    return ready if set(ready) == TELESCOPES else None


async def _states(world, event_id, wanted, *, verified=False):
    found = await submissions(world, event_id)
    now = {name: (found[name]["state"], found[name]["verified_at"]) for name in wanted}
    assert all(
        state in wanted[name] and (verified_at or not verified)
        for name, (state, verified_at) in now.items()
    ), now
    return True


async def _acknowledge(world, event_id):
    found = await incident(world, event_id)
    if found is not None and found["state"] == "acknowledged":
        return True
    await world.advance(30)
    return False


async def _exposures(world, event_id, facilities):
    found = await world.items("queue-submit/v1/exposures", event_id=event_id)
    if facilities <= {item["facility"] for item in found}:
        return found
    # once both have begun, small steps: something must be left for the retraction to withdraw
    done = [await world.journal(kind) for kind in ("ztf.exposure", "robot.exposure")]
    await world.advance(5 if all(done) else 60)
    return None


async def _draft(world, event_id):
    found = await world.items("circulars/v1/drafts", event_id=event_id)
    both = found and all(name in found[0]["subject"] for name in ("Gattini", "ZTF"))
    return found[0] if both else None


async def _left_a_notice(world, name):
    left = [*await world.journal("reader.cancelled"), *await world.journal("reader.withdrawn")]
    return [item for item in left if name in str(item["data"])]


async def _stand_down(world, name):
    found = await world.journal("twilio.message")
    return [
        item
        for item in found
        if "STAND DOWN" in item["data"]["body"] and name in item["data"]["body"]
    ]

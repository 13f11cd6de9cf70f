"""Judges what the outside world was told, as its journal has it."""

import hashlib
import html
from collections import Counter
from datetime import datetime

WAYS = {"voice", "sms"}
OVER = {"cancelled", "complete", "partial", "expired"}


async def judge(world, rounds):
    """Everything that is wrong with the rounds, in words; and what was counted."""
    journal = await world.journal("")
    # of other people's numbers only the end is shown
    numbers = {
        card["account_id"]: card["phone"].lstrip("…")
        for card in await world.items("notify/v1/contact-cards")
    }
    wrong, counts = [], Counter()
    queues = (await world.sim.request("GET", "/ztf/queues", json={})).json()
    left = {item["queue_name"] for item in queues}
    for one in rounds:
        detail = await _incident(world, one.event_id)
        for verdict in (
            await _notices(world, one),
            _pages(journal, detail, numbers, one, counts),
            await _submissions(world, journal, one, left, counts),
        ):
            wrong += [f"{one.name}: {line}" for line in verdict]
    return wrong, counts


async def _incident(world, event_id):
    found = await world.items("notify/v1/incidents", event_id=event_id, limit=200)
    event = [item for item in found if item["alarm_id"] is None]
    assert len(event) == 1, f"{len(event)} incidents for one event"
    return await world.get(f"notify/v1/incidents/{event[0]['id']}")


async def _notices(world, one):
    """Every notice is stored, once, byte by byte."""
    kept = Counter(
        item["content_sha256"]
        for item in await world.items(f"ingest/v1/events/{one.event_id}/notices")
    )
    sent = Counter(hashlib.sha256(body).hexdigest() for body in one.bodies)
    return [] if kept == sent else [f"{sum(sent.values())} notices sent, kept are {dict(kept)}"]


# -- pages ---------------------------------------------------------------------------------------


def _pages(journal, detail, numbers, one, counts):
    wrong = []
    paged, stood_down = set(), set()
    for (channel, purpose, body, number), deliveries in _by_message(detail, numbers).items():
        told = len(_told(journal, channel, body, number))
        sure, perhaps, unknown = _handed_over(deliveries)
        if told > sure + perhaps:
            wrong.append(f"{told} of {channel} {purpose} told, {sure} sent and {perhaps} unknown")
        if told < sum(delivery["sent_at"] is not None for delivery in deliveries):
            wrong.append(f"{channel} {purpose} is said to be sent, and nobody was told")
        counts["messages"] += told
        counts["told again after unknown"] += max(0, told - sure)
        counts["unknown attempts"] += unknown
        counts["of these looked for again"] += perhaps
        if told and purpose in {"page", "stand_down"}:
            (paged if purpose == "page" else stood_down).add(number)
    if not paged:
        wrong.append("nobody was paged")
    if one.is_retracted and stood_down != paged:
        wrong.append(f"{len(paged)} were paged, {len(stood_down & paged)} told to stand down")
    if not any(item["what"] == "acknowledged" and item["via"] in WAYS for item in detail["log"]):
        wrong.append("nobody has acknowledged by telephone")
    return wrong


def _by_message(detail, numbers):
    """Deliveries by channel, purpose, text and number: what the provider cannot tell apart."""
    groups = {}
    for delivery in detail["deliveries"]:
        number = numbers.get(delivery["account_id"])
        if number is not None and delivery["channel"] in {"sms", "voice"}:
            key = (delivery["channel"], delivery["purpose"], delivery["body"], number)
            groups.setdefault(key, []).append(delivery)
    return groups


def _told(journal, channel, body, number):
    if channel == "sms":
        return [
            item
            for item in journal
            if item["kind"] == "twilio.message"
            and item["data"]["to"].endswith(number)
            and item["data"]["body"] == body
        ]
    return [
        item
        for item in journal
        if item["kind"] == "twilio.call"
        and item["data"]["to"].endswith(number)
        and body in html.unescape(item["data"]["twiml"] or "")
    ]


def _handed_over(deliveries):
    """How many messages may be with the provider: one each, and those whose answer was lost.

    Only an attempt that is on record as unknown excuses a second message; most are cleared up by
    the provider's callback, and are not tried again.
    """
    sure = perhaps = unknown = 0
    for delivery in deliveries:
        what = Counter(entry["what"] for entry in delivery["attempts"])
        tried = what["begun"] - what["not_taken"] - what["refused"]
        sure += tried > 0
        unknown += what["unknown"]
        perhaps += what["unknown"] if tried > 1 else 0
    return sure, perhaps, unknown


# -- submissions ---------------------------------------------------------------------------------


async def _submissions(world, journal, one, left, counts):
    """One submission per approved plan, none besides, and nothing left after the retraction."""
    wrong = []
    taken = Counter()
    for item in journal:
        data = item["data"]
        if item["kind"] == "ztf.queue_accepted" and one.name in data["queue_name"]:
            taken[data["queue_name"]] += 1
        is_file = item["kind"] == "reader.seen" and not data["file"].startswith("CANCEL_")
        if is_file and one.name in data["file"]:
            taken[data["file"].rpartition(".")[0]] += 1
    wanted = Counter(item["external_name"] for item in one.approved.values())
    if taken != wanted:
        wrong.append(f"approved were {dict(wanted)}, the telescopes took {dict(taken)}")
    counts["submissions"] += sum(taken.values())
    if not one.is_retracted:
        return wrong
    wrong += [f"{name} is still queued" for name in left if one.name in name]
    found = await world.items("queue-submit/v1/submissions", event_id=one.event_id)
    for item in found:
        if item["state"] not in OVER | {"discarded"}:
            wrong.append(f"{item['facility']} is {item['state']} after the retraction")
        counts[f"ended {item['state']}"] += item["state"] != "discarded"
    late = Counter(
        item["data"].get("queue_name") or item["data"]["name"]
        for item in journal
        if item["kind"] in {"ztf.exposure", "robot.exposure"}
        and one.name in str(item["data"])
        and datetime.fromisoformat(item["data"]["start"]) > one.withdrawn_at
    )
    # a telescope that is slewing already takes that exposure yet
    wrong += [f"{name}: {n} exposures after the withdrawal" for name, n in late.items() if n > 1]
    return wrong

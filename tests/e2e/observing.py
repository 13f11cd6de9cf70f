"""What tests of the whole stack ask for: an event, its page, its plans, its submissions."""

import json


def retraction(name, now):
    """LVK's retraction of a superevent, in igwn.gwalert JSON."""
    body = {"alert_type": "RETRACTION", "time_created": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            "superevent_id": name, "urls": {"gracedb": f"https://gracedb.ligo.org/superevents/{name}/view/"},
            "event": None, "external_coinc": None}  # fmt: skip
    return json.dumps(body).encode()


async def event_named(world, name):
    found = await world.items("ingest/v1/events")
    return next((item for item in found if item["name"] == name), None)


async def preferred_map(world, event_id):
    """SHA-256 of the map that is preferred just now."""
    found = await world.items(f"ingest/v1/events/{event_id}/localizations")
    best = next((item for item in found if item["is_preferred"]), None)
    assert best is not None, "no map yet"
    return best["map_sha256"]


async def plans(world, event_id, state="ready"):
    found = await world.items("planner/v1/plans", event_id=event_id)
    return {item["telescope"]: item for item in found if item["state"] == state}


async def submissions(world, event_id):
    found = await world.items("queue-submit/v1/submissions", event_id=event_id)
    return {
        item["facility"]: item
        for item in sorted(found, key=lambda item: item["submission_id"])
        if item["state"] != "discarded"
    }


async def incident(world, event_id):
    found = await world.items("notify/v1/incidents", event_id=event_id)
    return next((item for item in found if item["alarm_id"] is None), None)

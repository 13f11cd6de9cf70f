"""The service on real servers: from a message to an event, its map, and what is published."""

import gzip
import json
from datetime import timedelta

import pytest
from too_common.contracts.ingest import AlertKind, EventChanged, LocalizationReady
from too_common.testing.service import House, eventually
from too_ingest.samples import make_sample
from too_ingest.service import SERVICE

JSON_TOPIC = "igwn.gwalert"


async def _post(client, body, **params):
    return await client.post("/notices", content=body, params=params)


async def test_sample_becomes_event_with_map_and_is_published(house: House):
    messages = make_sample("bns", house.clock.now(), 0)
    async with house.run(SERVICE) as ingest:
        first = (await _post(ingest.client, messages[0].body, topic=JSON_TOPIC)).json()
        assert first["state"] == "parsed"
        event_id = first["event_id"]

        changed = await house.expect(EventChanged)
        assert changed.data.name == messages[0].native_id
        assert changed.data.alert_kind is AlertKind.PRELIMINARY
        assert not changed.data.is_stale
        assert changed.key == event_id
        assert str(changed.correlation_id) == first["correlation_id"]

        ready = await house.expect(LocalizationReady)
        assert ready.correlation_id == changed.correlation_id
        assert ready.data.is_preferred
        assert ready.data.is_first
        assert ready.data.facts.is_3d
        assert 60 < ready.data.facts.area90_deg2 < 150

        fits = await ingest.client.get(f"/maps/{ready.data.map.sha256}")
        assert fits.status_code == 200
        assert "immutable" in fits.headers["cache-control"]
        assert len(fits.content) == ready.data.map.size_bytes
        contours = await ingest.client.get(f"/maps/{ready.data.map.sha256}/contours")
        assert contours.json()["type"] == "FeatureCollection"
        raw = await ingest.client.get(f"/maps/{ready.data.map.sha256}/raw")
        assert raw.content.startswith(b"SIMPLE  =")

        for message in messages[1:]:
            again = (await _post(ingest.client, message.body, topic=JSON_TOPIC)).json()
            assert again["event_id"] == event_id

        async def three_maps():
            found = (await ingest.client.get(f"/events/{event_id}/localizations")).json()
            return found if all(item["state"] != "pending" for item in found) else None

        maps = await eventually(three_maps)
        assert len(maps) == 3
        # INITIAL has the map of PRELIMINARY: one version, which counts as INITIAL's
        states = {item["state"]: item for item in maps}
        assert sorted(item["state"] for item in maps) == ["ready", "ready", "repeated"]
        assert states["repeated"]["map_sha256"] is None
        ready_maps = [item for item in maps if item["state"] == "ready"]
        assert [item["sequence"] for item in ready_maps] == [1, 2]
        assert [item["is_preferred"] for item in maps] == [False, False, True]
        event = (await ingest.client.get(f"/events/{event_id}")).json()
        assert event["map_sha256"] == maps[-1]["map_sha256"] != ready.data.map.sha256
        assert event["state"]["alert_kind"] == "update"
        assert event["state"]["notice_count"] == 3


async def test_repeated_bytes_change_nothing(house: House):
    message = make_sample("gbm", house.clock.now(), 0)[0]
    async with house.run(SERVICE) as ingest:
        first = (await _post(ingest.client, message.body, topic=message.topic)).json()
        again = (await _post(ingest.client, message.body, topic=message.topic)).json()
        other = (await _post(ingest.client, message.body)).json()
        assert first["is_new"]
        assert not again["is_new"]
        assert again["event_id"] == first["event_id"]
        assert other["state"] == "duplicate"
        assert other["event_id"] == first["event_id"]
        event = (await ingest.client.get(f"/events/{first['event_id']}")).json()
        assert event["state"]["notice_count"] == 1


async def test_retraction_before_the_alert_and_reopening_by_hand(house: House):
    preliminary, retraction = make_sample("retracted", house.clock.now(), 0)
    async with house.run(SERVICE) as ingest:
        first = (await _post(ingest.client, retraction.body, topic=JSON_TOPIC)).json()
        event_id = first["event_id"]
        assert (await ingest.client.get(f"/events/{event_id}")).json()["is_retracted"]
        later = (await _post(ingest.client, preliminary.body, topic=JSON_TOPIC)).json()
        assert later["event_id"] == event_id
        event = (await ingest.client.get(f"/events/{event_id}")).json()
        assert event["is_retracted"]
        assert event["state"]["facts"]["far_hz"] == 2.4e-9

        twice = await ingest.client.post(f"/events/{event_id}/retract", json={})
        assert twice.status_code == 409
        house.clock.advance(minutes=5)
        reopened = await ingest.client.post(f"/events/{event_id}/reopen", json={"reason": "why"})
        assert reopened.status_code == 200
        assert not reopened.json()["is_retracted"]
        closed = await ingest.client.post(f"/events/{event_id}/retract", json={"reason": "no"})
        assert closed.json()["is_retracted"]
        published = await house.expect(EventChanged, lambda data: data.notice_count == 4)
        assert published.overrides
        assert published.actor is not None


async def test_dead_letter_is_kept_shown_replayed_and_discarded(house: House, monkeypatch):
    poison = b'{"superevent_id": "S261122zz", "alert_type": "INITIAL", "event": {"far": '
    good = make_sample("icecube", house.clock.now(), 0)[0]
    async with house.run(SERVICE) as ingest:
        dead = (await _post(ingest.client, poison, topic=JSON_TOPIC)).json()
        assert dead["state"] == "dead"
        assert dead["event_id"] is None
        after = (await _post(ingest.client, good.body, topic=good.topic)).json()
        assert after["state"] == "parsed"

        listed = (await ingest.client.get("/dead-letters")).json()
        assert [item["raw_id"] for item in listed] == [dead["raw_id"]]
        letter = listed[0]["id"]
        raw = await ingest.client.get(f"/dead-letters/{letter}/raw")
        assert raw.content == poison
        assert raw.headers["x-content-type-options"] == "nosniff"

        still = (await ingest.client.post(f"/dead-letters/{letter}/replay")).json()
        assert still["state"] == "dead"
        assert (await ingest.client.get("/dead-letters")).json()[0]["attempts"] == 2

        from too_ingest import intake as module
        from too_ingest.notices import parse_notice as real

        fixed = good.body.replace(b"Rev", b"Rev")
        monkeypatch.setattr(module, "parse_notice", lambda _raw, topic: real(fixed, topic))
        healed = (await ingest.client.post(f"/dead-letters/{letter}/replay")).json()
        assert healed["state"] == "parsed"
        monkeypatch.undo()
        assert (await ingest.client.get("/dead-letters")).json() == []

        second = (await _post(ingest.client, b"<oops", topic="gcn.classic.voevent.X")).json()
        assert second["state"] == "dead"
        letter = (await ingest.client.get("/dead-letters")).json()[0]["id"]
        assert (await ingest.client.post(f"/dead-letters/{letter}/discard")).status_code == 204
        assert (await ingest.client.post(f"/dead-letters/{letter}/discard")).status_code == 409


async def test_dead_letter_of_a_known_event_marks_it_parked(house: House):
    message = make_sample("bns", house.clock.now(), 0)[0]
    async with house.run(SERVICE) as ingest:
        event_id = (await _post(ingest.client, message.body, topic=JSON_TOPIC)).json()["event_id"]
        broken = b'{"superevent_id": "' + message.native_id.encode() + b'", "alert_type"'
        await _post(ingest.client, broken, topic=JSON_TOPIC)
        event = (await ingest.client.get(f"/events/{event_id}")).json()
        assert event["is_parked"]


BAD_INPUT = (
    (b"\x00" * 50, ""),
    (b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><VOEvent>&a;</VOEvent>", ""),
    (b"[" * 100_000, JSON_TOPIC),
    (b"", ""),
    (b'{"a": "\\u0000"}', "gcn.notices.nobody.knows"),
)


async def test_bad_input_gets_an_answer_and_the_next_message_goes_on(house: House):
    async with house.run(SERVICE) as ingest:
        for body, topic in BAD_INPUT:
            answer = await _post(ingest.client, body, topic=topic)
            assert answer.status_code in {202, 422}
            if answer.status_code == 202:
                assert answer.json()["state"] in {"dead", "parsed"}
        healthy = make_sample("gbm", house.clock.now(), 0)[0]
        assert (await _post(ingest.client, healthy.body)).json()["state"] == "parsed"


async def test_too_large_is_refused_and_scopes_are_checked(house: House):
    async with house.run(SERVICE, max_notice_bytes=10_000) as ingest:
        answer = await _post(ingest.client, b"x" * 10_001)
        assert answer.status_code == 413
        assert "10000" in answer.json()["detail"]
        async with ingest.client_for("read") as reader:
            assert (await _post(reader, b"{}")).status_code == 403
        async with ingest.client_for() as stranger:
            assert (await stranger.get("/events")).status_code == 401


async def test_upload_checks_the_file_and_prefers_the_new_map(house: House):
    now = house.clock.now()
    async with house.run(SERVICE) as ingest:
        made = await ingest.client.post(
            "/events",
            json={"name": "TEST-1", "kind": "grb", "ra_deg": 10, "dec_deg": 5, "radius_deg": 3},
        )
        assert made.status_code == 201
        event_id = made.json()["id"]
        taken = await ingest.client.post("/events", json={"name": "TEST-1"})
        assert taken.status_code == 409

        async def settled():
            found = (await ingest.client.get(f"/events/{event_id}/localizations")).json()
            return found if all(item["state"] != "pending" for item in found) else None

        cones = await eventually(settled)
        assert cones[0]["origin"] == "cone"
        assert cones[0]["facts"]["area90_deg2"] == pytest.approx(28.27, rel=0.03)

        refused = await ingest.client.post(f"/events/{event_id}/maps", content=b"PNG")
        assert refused.status_code == 422
        zeros = b"SIMPLE  =                    T" + b"\0" * 6000
        answer = await ingest.client.post(f"/events/{event_id}/maps", content=zeros)
        assert answer.status_code == 202
        found = await eventually(settled)
        assert found[-1]["state"] == "failed"
        assert found[-1]["reason"]

        house.clock.advance(minutes=1)
        from too_ingest.notices import parse_notice

        fits = parse_notice(make_sample("bns", now, 0)[0].body, JSON_TOPIC).skymaps[0].data
        packed = gzip.compress(fits, mtime=0)
        await ingest.client.post(f"/events/{event_id}/maps", content=packed)
        found = await eventually(settled)
        assert found[-1]["state"] == "ready"
        assert found[-1]["is_preferred"]
        original = await ingest.client.get(f"/maps/{found[-1]['map_sha256']}/raw")
        assert original.content == packed


async def test_old_and_replayed_notices_are_marked(house: House):
    old = make_sample("icecube", house.clock.now() - timedelta(hours=3), 0)[0]
    past = make_sample("icecube", house.clock.now() - timedelta(days=100), 1)[0]
    async with house.run(SERVICE) as ingest:
        await _post(ingest.client, old.body, topic=old.topic)
        stale = await house.expect(EventChanged)
        assert stale.data.is_stale
        assert not stale.data.is_replay
        await _post(ingest.client, past.body, topic=past.topic, replay=True)
        replayed = await house.expect(EventChanged, lambda data: data.is_replay)
        assert replayed.mode == "replay"


async def test_drill_is_an_event_of_its_own(house: House):
    message = make_sample("gbm", house.clock.now(), 0)[0]
    drill = "0190a000-0000-7000-8000-000000000001"
    async with house.run(SERVICE) as ingest:
        real = (await _post(ingest.client, message.body)).json()
        drilled = (await _post(ingest.client, message.body, drill_id=drill)).json()
        assert drilled["state"] == "parsed"
        assert drilled["event_id"] != real["event_id"]
        published = await house.expect(
            EventChanged, lambda data: str(data.event_id) == drilled["event_id"]
        )
        assert published.mode == "drill"
        assert str(published.drill_id) == drill


async def test_snapshot_tells_all_events(house: House):
    message = make_sample("gbm", house.clock.now(), 0)[0]
    async with house.run(SERVICE) as ingest:
        await _post(ingest.client, message.body)
        await house.expect(LocalizationReady)
        items = (await ingest.client.get("/snapshot")).json()["items"]
        assert [item["type"] for item in items] == [
            "ingest.event_changed",
            "ingest.localization_ready",
        ]


async def test_unread_notice_of_a_crash_is_swept_up(house: House, monkeypatch):
    from too_common.cause import Cause
    from too_ingest import intake, jobs
    from too_ingest.usecases.store_notice import Incoming

    monkeypatch.setattr(jobs, "SWEEP_AGE_S", 0.0)
    message = make_sample("gbm", house.clock.now(), 0)[0]
    async with house.run(SERVICE) as ingest:
        cause = Cause()
        await intake.store(ingest.ctx, Incoming(body=message.body, topic=message.topic), cause)
        changed = await house.expect(EventChanged)
        assert changed.correlation_id == cause.correlation_id
        assert json.loads(changed.model_dump_json())["data"]["mission"] == "fermi_gbm"

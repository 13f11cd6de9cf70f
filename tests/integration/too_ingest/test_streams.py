"""Never lost, never silent: heartbeats, absent topics, backfill, drills, GraceDB, circulars."""

import base64
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from too_common.bus.client import ensure_topics, make_producer, stop_quietly
from too_common.contracts.alarms import ALARM_BY_SERVICE, AlarmState
from too_common.contracts.base import Mode
from too_common.contracts.ingest import CircularReceived, EventChanged, StreamChanged, StreamState
from too_common.testing.service import House, eventually
from too_ingest.clients.gracedb import GraceDb
from too_ingest.samples import make_sample
from too_ingest.service import SERVICE
from too_ingest.stream_tables import Backfill
from too_simulators.host.gracedb import Superevent
from too_simulators.running import Simulators

GWALERT = "igwn.gwalert"
CIRCULARS = "gcn.circulars"
Alarm = ALARM_BY_SERVICE["ingest"]


class Later:
    """A wall clock that is ahead."""

    def __init__(self, **ahead: float) -> None:
        self._ahead = timedelta(**ahead)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead


@asynccontextmanager
async def listening(house: House, *topics: str, **more):
    settings = {
        "gcn_bootstrap_servers": house.kafka_bootstrap,
        "gcn_group_id": f"{house.prefix}gcn",
        "gcn_topics": topics,
        "gcn_heartbeat_topic": f"{house.prefix}heartbeat",
        "gcn_circulars_topic": f"{house.prefix}gcn.circulars",
        "silence_s": {f"{house.prefix}heartbeat": 60},
        **more,
    }
    async with house.run(SERVICE, workers=0, **settings) as ingest:
        yield ingest


async def produce(house: House, topic: str, *bodies: bytes, at: datetime | None = None) -> None:
    await ensure_topics(house.kafka_bootstrap, [topic], partitions=1)
    producer = make_producer(house.kafka_bootstrap, client_id="gcn-side")
    await producer.start()
    stamp = int(at.timestamp() * 1000) if at else None
    try:
        for body in bodies:
            await producer.send_and_wait(topic, value=body, partition=0, timestamp_ms=stamp)
    finally:
        await stop_quietly(producer)


async def hand_in(client, body: bytes, topic: str = GWALERT, **params):
    answer = await client.post("/notices", params={"topic": topic, **params}, content=body)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def test_silent_heartbeats_are_told_and_cleared_when_they_come_again(house: House):
    beat = f"{house.prefix}heartbeat"
    async with listening(house) as ingest:
        await produce(house, beat, b'{"alert_datetime": "2026-11-22T03:00:00.000Z"}')
        alive = await house.expect(StreamChanged, lambda d: d.stream == beat)
        assert alive.data.state is StreamState.ALIVE
        ingest.ctx.wall = Later(seconds=62)
        silent = await house.expect(StreamChanged, lambda d: d.state is StreamState.SILENT)
        assert silent.data.stream == beat
        raised = await house.expect(Alarm, lambda d: d.code == "stream_silent")
        assert raised.data.severity == "critical"
        ingest.ctx.wall = Later(seconds=70)
        # heartbeats are noted every five seconds: more than one may be needed

        async def alive_again():
            await produce(house, beat, b"{}")
            streams = (await ingest.client.get("/streams")).json()
            return next(s for s in streams if s["name"] == beat)["state"] == "alive"

        await eventually(alive_again)
        cleared = await house.expect(
            Alarm, lambda d: d.code == "stream_silent" and d.state is AlarmState.CLEARED
        )
        assert cleared.data.alarm_id == raised.data.alarm_id
        assert (await ingest.client.get("/dead-letters")).json() == []


async def test_a_topic_that_is_not_there_is_shown_and_a_slip_raises_an_alarm(house: House):
    house.common["profile"] = "production"
    slip = f"{house.prefix}igwn.gwalrt"
    quiet = "gcn.notices.km3net.alert"
    async with listening(house, slip, quiet) as ingest:
        told = await house.expect(StreamChanged, lambda d: d.stream == slip)
        assert told.data.state is StreamState.ABSENT
        alarm = await house.expect(Alarm, lambda d: d.code == "stream_absent")
        assert slip in alarm.data.summary
        assert quiet not in alarm.data.summary
        await produce(house, slip, make_sample("retracted", house.clock.now(), 0)[0].body)
        alive = await house.expect(
            StreamChanged, lambda d: d.stream == slip and d.state is StreamState.ALIVE
        )
        assert alive.revision > told.revision

        async def read():
            return (await ingest.client.get("/events")).json()["items"]

        await eventually(read)


async def test_unused_credentials_raise_an_alarm(house: House):
    house.common["profile"] = "production"
    settings = {"gcn_client_id": "an-id", "gcn_client_secret": "x", "gcn_topics": ()}
    none = {"gcn_heartbeat_topic": "", "gcn_circulars_topic": ""}
    async with house.run(SERVICE, workers=0, **settings, **none):
        alarm = await house.expect(Alarm, lambda d: d.code == "stream_unused")
        assert alarm.data.severity == "critical"
        assert "no topic" in alarm.data.summary


async def test_backfill_by_time_knows_what_it_knows(house: House):
    topic = f"{house.prefix}igwn.gwalert"
    now = datetime.now(UTC)
    early, late = make_sample("retracted", house.clock.now() - timedelta(days=2), 0)
    other = make_sample("bns", house.clock.now() - timedelta(days=2), 1)[0]
    await produce(house, topic, other.body, at=now - timedelta(hours=9))
    await produce(house, topic, early.body, b"<oops", at=now - timedelta(hours=3))
    await produce(house, topic, late.body, at=now - timedelta(hours=1))
    async with listening(house) as ingest:
        # one of them is known, by the listener of another day
        await hand_in(ingest.client, early.body, topic)

        async def fill(**span):
            made = await ingest.client.post("/backfills", json={"topics": [topic], **span})
            assert made.status_code == 202, made.text

            async def over():
                found = (await ingest.client.get(f"/backfills/{made.json()['id']}")).json()
                return found if found["state"] in {"done", "failed"} else None

            return await eventually(over)

        since, until = now - timedelta(hours=4), now - timedelta(hours=2)
        first = await fill(since=since.isoformat(), until=until.isoformat())
        assert [first[k] for k in ("state", "read", "new", "known", "failed")] == [
            "done",
            2,
            1,
            1,
            1,
        ]
        second = await fill(since=since.isoformat())
        assert [second[k] for k in ("read", "new", "known", "failed")] == [3, 1, 2, 0]
        events = (await ingest.client.get("/events")).json()["items"]
        assert [event["name"] for event in events] == [early.native_id]
        assert events[0]["is_retracted"]
        # of two days ago: it pages nobody
        assert events[0]["state"]["is_stale"]
        third = await fill(since=(now - timedelta(hours=10)).isoformat())
        assert [third[k] for k in ("read", "new", "known", "failed")] == [4, 1, 3, 0]
        nothing = await fill(since=(now + timedelta(minutes=-1)).isoformat())
        assert [nothing[k] for k in ("state", "read")] == ["done", 0]
        backwards = {"since": now.isoformat(), "until": (now - timedelta(hours=1)).isoformat()}
        assert (await ingest.client.post("/backfills", json=backwards)).status_code == 422
        stranger = ingest.client_for("read", "vet", "plan", "submit")
        assert (await stranger.post("/backfills", json=backwards)).status_code == 403


async def test_backfill_goes_on_where_it_was(house: House):
    topic = f"{house.prefix}igwn.gwalert"
    now = datetime.now(UTC)
    bodies = [make_sample("retracted", house.clock.now(), serial)[0].body for serial in range(4)]
    await produce(house, topic, *bodies, at=now - timedelta(hours=1))
    async with listening(house) as ingest:
        async with ingest.ctx.unit_of_work() as uow:
            row = Backfill(
                since=now - timedelta(hours=2),
                topics=[topic],
                state="running",
                # as a killed process would have left it: two are read, two are not
                progress=[{"topic": topic, "partition": 0, "next_offset": 2, "end_offset": 4}],
                read=2,
                new=2,
                known=0,
                requested_at=now,
                cause=uow.cause.to_json(),
            )
            uow.session.add(row)
            await uow.session.flush()
            from too_ingest.stream_jobs import RunBackfill

            await uow.enqueue(RunBackfill(backfill_id=row.id))
            backfill_id = row.id

        async def done():
            found = (await ingest.client.get(f"/backfills/{backfill_id}")).json()
            return found if found["state"] == "done" else None

        found = await eventually(done)
        assert [found[k] for k in ("read", "new", "known", "failed", "left")] == [4, 4, 0, 0, 0]
        assert len((await ingest.client.get("/events")).json()["items"]) == 2


async def test_a_drill_is_an_event_of_its_own_and_survives_a_restart(house: House):
    past = house.clock.now() - timedelta(days=40)
    preliminary, retraction = make_sample("retracted", past, 0)
    async with house.run(SERVICE, workers=0) as ingest:
        real = await hand_in(ingest.client, preliminary.body)
        await hand_in(ingest.client, retraction.body)
        nobody = await ingest.client.post("/drills", json={"event": "S010101a"})
        assert nobody.status_code == 404
        person = ingest.client_for("read", "submit")
        wanted = {"event": preliminary.native_id, "speed": 60}
        assert (await person.post("/drills", json=wanted)).status_code == 403
        made = (await ingest.client.post("/drills", json=wanted)).json()
        assert [n["notice_type"] for n in made["notices"]] == [
            "igwn.gwalert PRELIMINARY",
            "igwn.gwalert RETRACTION",
        ]
        begun = house.clock.now()
        due = [datetime.fromisoformat(n["due_at"]) for n in made["notices"]]
        assert due == [begun, begun + timedelta(seconds=2)]  # two minutes at sixty-fold
        first = await house.expect(EventChanged, lambda d: " drill " in d.name)
        assert first.mode is Mode.DRILL
        assert str(first.drill_id) == made["id"]
        assert str(first.data.event_id) != real["event_id"]
        assert not first.data.is_stale
        assert not first.data.is_retracted
        assert first.data.latest_notice_at == begun
        assert begun - first.data.event_time == timedelta(seconds=120)
    # ingest restarts between the notices
    async with house.run(SERVICE, workers=0) as ingest:
        house.clock.advance(seconds=3)
        last = await house.expect(
            EventChanged, lambda d: d.event_id == first.data.event_id and d.is_retracted
        )
        assert last.mode is Mode.DRILL
        assert last.overrides
        done = (await ingest.client.get(f"/drills/{made['id']}")).json()
        assert done["state"] == "done"
        assert done["event_ids"] == [str(first.data.event_id)]
        # the real event is untouched
        notices = (await ingest.client.get(f"/events/{real['event_id']}/notices")).json()
        assert len(notices) == 2
        of_drill = await ingest.client.post("/drills", json={"event": done["event_ids"][0]})
        assert of_drill.status_code == 409


async def test_a_drill_is_stopped_and_ended(house: House):
    past = house.clock.now() - timedelta(days=40)
    messages = make_sample("bns", past, 0)
    async with house.run(SERVICE, workers=0) as ingest:
        for message in messages[:2]:
            await hand_in(ingest.client, message.body)
        made = (await ingest.client.post("/drills", json={"event": messages[0].native_id})).json()
        first = await house.expect(EventChanged, lambda d: " drill " in d.name)
        stopped = (await ingest.client.post(f"/drills/{made['id']}/stop")).json()
        assert stopped["state"] == "stopped"
        assert [n["state"] for n in stopped["notices"]] == ["sent", "cancelled"]
        again = await ingest.client.post(f"/drills/{made['id']}/stop")
        assert again.status_code == 409
        ended = (await ingest.client.post(f"/drills/{made['id']}/end")).json()
        assert ended["state"] == "ended"
        closed = await house.expect(
            EventChanged, lambda d: d.event_id == first.data.event_id and d.is_retracted
        )
        assert closed.mode is Mode.DRILL
        assert str(closed.drill_id) == made["id"]
        assert (await ingest.client.get("/drills")).json()[0]["id"] == made["id"]


def circular(number: float, subject: str, body: str = "Text.", **more) -> bytes:
    created = more.pop("created", datetime(2026, 11, 22, 2, 30, tzinfo=UTC))
    return json.dumps(
        {
            "circularId": number,
            "subject": subject,
            "body": body,
            "submitter": "A. Name at Institute <a.name@example.org>",
            "createdOn": int(created.timestamp() * 1000),
            **more,
        }
    ).encode()


async def test_circulars_are_linked_told_once_and_corrected(house: House):
    alert = make_sample("bns", house.clock.now(), 0)[0]
    subject = f"LIGO/Virgo/KAGRA {alert.native_id}: an observation"
    async with house.run(SERVICE, workers=0) as ingest:
        event_id = (await hand_in(ingest.client, alert.body))["event_id"]
        first = circular(90001, subject)
        taken = await hand_in(ingest.client, first, CIRCULARS)
        assert taken["state"] == "circular"
        told = await house.expect(CircularReceived)
        assert told.key == event_id
        assert told.data.submitter == "A. Name at Institute"
        assert told.data.is_news
        assert told.data.url == "https://gcn.nasa.gov/circulars/90001"
        # sent again with a bibcode, and with an older version: nobody is told
        await hand_in(
            ingest.client, circular(90001, subject, bibcode="2026GCN.90001....1N"), CIRCULARS
        )
        await hand_in(
            ingest.client, circular(90001, subject, "Text, put right.", version=2), CIRCULARS
        )
        await hand_in(ingest.client, circular(90001, "Older words", version=1), CIRCULARS)
        old = circular(80000, subject, created=datetime(2026, 10, 1, tzinfo=UTC))
        await hand_in(ingest.client, old, CIRCULARS)
        late = await house.expect(CircularReceived, lambda d: d.circular_id == 80000)
        assert not late.data.is_news
        corrected = await house.expect(CircularReceived, lambda d: d.version == 2)
        assert corrected.data.is_correction
        assert not corrected.data.is_news
        assert corrected.revision == 2
        listed = (await ingest.client.get("/circulars", params={"event_id": event_id})).json()
        assert [item["circular_id"] for item in listed] == [90001, 80000]
        assert listed[0]["bibcode"] == "2026GCN.90001....1N"
        whole = (await ingest.client.get("/circulars/90001")).json()
        assert whole["body"] == "Text, put right."
        async with ingest.ctx.unit_of_work() as uow:
            from sqlalchemy import text

            kept = await uow.session.execute(text("SELECT body FROM ingest.raw_notices"))
            assert not [body for (body,) in kept if b"example.org" in body]
        assert (await hand_in(ingest.client, b'{"circularId": 1}', CIRCULARS))["state"] == "dead"


async def test_a_bursts_name_is_learnt_and_late_events_get_their_circulars(house: House):
    alert = make_sample("gbm", house.clock.now(), 0)[0]
    async with house.run(SERVICE, workers=0) as ingest:
        await hand_in(ingest.client, circular(1, "GRB 261122A: optical limit"), CIRCULARS)
        named = f"GRB 261122A: Fermi GBM detection (trigger {alert.native_id})"
        await hand_in(ingest.client, circular(2, named), CIRCULARS)
        alone = await house.expect(CircularReceived, lambda d: d.circular_id == 2)
        assert alone.data.event_id is None
        event_id = (await hand_in(ingest.client, alert.body, alert.topic))["event_id"]
        ingest.ctx.state["circulars_linked_at"] = None
        for number, place in ((2, "subject"), (1, "name")):
            linked = await house.expect(
                CircularReceived,
                lambda d, n=number: d.circular_id == n and str(d.event_id) == event_id,
            )
            assert linked.data.place == place
        await hand_in(ingest.client, circular(3, "GRB 261122A: radio"), CIRCULARS)
        third = await house.expect(CircularReceived, lambda d: d.circular_id == 3)
        assert str(third.data.event_id) == event_id


async def test_a_missed_superevent_is_told_and_caught_up(house: House, tmp_path):
    missed = make_sample("bns", house.clock.now() - timedelta(hours=5), 4)[0]
    known = make_sample("retracted", house.clock.now() - timedelta(hours=5), 9)[0]
    async with Simulators.running(tmp_path, start_at=house.clock.now(), frozen=True) as world:
        created = house.clock.now() - timedelta(hours=5)
        files = {f"{missed.native_id}-preliminary.json": base64.b64encode(missed.body).decode()}
        for name, labels, content in (
            (missed.native_id, ["ADVOK", "GCN_PRELIM_SENT"], files),
            (known.native_id, ["ADVOK", "GCN_PRELIM_SENT"], {}),
            ("S261121zz", ["EM_Selected"], {}),
        ):
            entry = {
                "superevent_id": name,
                "created": created.isoformat(),
                "labels": labels,
                "files": content,
            }
            async with httpx.AsyncClient(base_url=world.http_url) as sim:
                put = await sim.post("/control/gracedb/superevents", json=entry)
                assert put.status_code == 201, put.text
        outage = world.fault("GET /gracedb/*", "status", params={"status": 503})
        async with house.run(SERVICE, workers=0, gracedb_url=world.host("gracedb")) as ingest:
            await hand_in(ingest.client, known.body)
            away = await house.expect(Alarm, lambda d: d.code == "gracedb_away")
            assert away.data.severity == "warning"
            world.world.faults.switch_off(outage.id)
            assert (await ingest.client.post("/cross-check")).status_code == 202
            alarm = await house.expect(Alarm, lambda d: d.code == "missed_superevent")
            assert missed.native_id in alarm.data.summary
            event = await house.expect(EventChanged, lambda d: d.name == missed.native_id)
            assert event.data.is_stale  # five hours old: caught up, and nobody is paged
            cleared = await house.expect(
                Alarm,
                lambda d: d.code == "missed_superevent" and d.state is AlarmState.CLEARED,
            )
            assert cleared.data.alarm_id == alarm.data.alarm_id
            check = (await ingest.client.get("/cross-check")).json()
            assert check["state"] == "well"
            assert check["compared"] == 2
            assert [(m["native_id"], m["state"]) for m in check["missed"]] == [
                (missed.native_id, "caught_up")
            ]
            cleared = await house.expect(
                Alarm, lambda d: d.code == "gracedb_away" and d.state is AlarmState.CLEARED
            )


@pytest.mark.parametrize("number", [0, 1, 100, 205])
async def test_superevents_are_read_page_by_page(tmp_path, number):
    now = datetime(2026, 11, 22, 3, tzinfo=UTC)
    async with Simulators.running(tmp_path, start_at=now, frozen=True) as world:
        for serial in range(number):
            letters = f"{chr(97 + serial // 26)}{chr(97 + serial % 26)}"
            created = now - timedelta(minutes=serial)
            world.world.gracedb.put(Superevent(superevent_id=f"S261122{letters}", created=created))
        async with httpx.AsyncClient() as http:
            found = await GraceDb(http, world.host("gracedb")).created_between(
                now - timedelta(days=1), now
            )
        assert len({one.superevent_id for one in found}) == number
        assert all(one.was_announced for one in found)

"""Notices over Kafka: stored before the offset, poison goes aside, samples take the same way."""

from contextlib import asynccontextmanager

from too_common.bus.client import ensure_topics, make_producer, stop_quietly
from too_common.contracts.ingest import EventChanged, StreamChanged
from too_common.testing.service import House, eventually
from too_ingest.clients import gcn
from too_ingest.samples import make_sample
from too_ingest.service import SERVICE
from too_ingest.settings import IngestSettings


@asynccontextmanager
async def _listening(house: House, *topics: str):
    settings = {
        "gcn_bootstrap_servers": house.kafka_bootstrap,
        "gcn_client_id": "ignored-with-a-broker-of-ones-own",
        "gcn_group_id": f"{house.prefix}gcn",
        "gcn_topics": topics,
    }
    async with house.run(SERVICE, **settings) as ingest:
        yield ingest


async def _produce(house: House, topic: str, *bodies: bytes) -> None:
    await ensure_topics(house.kafka_bootstrap, [topic], partitions=1)
    producer = make_producer(house.kafka_bootstrap, client_id="gcn-side")
    await producer.start()
    try:
        for body in bodies:
            await producer.send_and_wait(topic, value=body, partition=0)
    finally:
        await stop_quietly(producer)


async def test_poison_before_a_retraction_delays_nothing(house: House):
    topic = f"{house.prefix}igwn.gwalert"
    preliminary, retraction = make_sample("retracted", house.clock.now(), 0)
    poison = b'{"superevent_id": "S1", "alert_type"'
    await _produce(house, topic, preliminary.body, poison, b"\xff\xfe\x00", retraction.body)
    async with _listening(house, topic) as ingest:

        async def buried():
            found = (await ingest.client.get("/dead-letters")).json()
            return found if len(found) == 2 else None

        dead = await eventually(buried)
        retracted = await house.expect(EventChanged, lambda data: data.is_retracted)
        assert retracted.overrides
        assert retracted.data.name == preliminary.native_id
        assert {item["source"] for item in dead} == {"kafka"}
        stream = await house.expect(StreamChanged)
        assert stream.data.stream == topic
        listed = (await ingest.client.get("/streams")).json()
        assert listed[0]["notices"] == 4


async def test_offsets_are_resumed_and_repetitions_are_harmless(house: House):
    topic = f"{house.prefix}igwn.gwalert"
    preliminary, retraction = make_sample("retracted", house.clock.now(), 0)
    await _produce(house, topic, preliminary.body)
    async with _listening(house, topic) as ingest:

        async def known():
            return (await ingest.client.get("/events")).json()["items"]

        events = await eventually(known)
        assert len(events) == 1
    await _produce(house, topic, preliminary.body, retraction.body)
    async with _listening(house, topic) as ingest:

        async def retracted():
            return (await ingest.client.get(f"/events/{events[0]['id']}")).json()["is_retracted"]

        await eventually(retracted)
        notices = (await ingest.client.get(f"/events/{events[0]['id']}/notices")).json()
        assert [item["alert_kind"] for item in notices] == ["preliminary", "retraction"]


async def test_sample_goes_through_the_broker(house: House):
    async with _listening(house, "igwn.gwalert") as ingest:
        kinds = (await ingest.client.get("/samples")).json()
        assert [item["name"] for item in kinds] == ["bns", "gbm", "icecube", "retracted"]
        assert (await ingest.client.post("/samples/nonsense")).status_code == 404
        sent = (await ingest.client.post("/samples/retracted")).json()
        other = (await ingest.client.post("/samples/retracted")).json()
        assert sent["native_id"] != other["native_id"]
        name = sent["native_id"]
        first = await house.expect(EventChanged, lambda data: data.name == name)
        assert not first.data.is_retracted
        house.clock.advance(seconds=125)
        last = await house.expect(
            EventChanged, lambda data: data.name == name and data.is_retracted
        )
        assert last.data.event_id == first.data.event_id

        async def stored():
            found = (await ingest.client.get(f"/events/{first.data.event_id}/notices")).json()
            return found if len(found) == 2 else None

        notices = await eventually(stored)
        assert {item["source"] for item in notices} == {"kafka"}


async def test_samples_are_refused_in_production(house: House):
    house.common["profile"] = "production"
    async with house.run(SERVICE) as ingest:
        assert (await ingest.client.get("/samples")).json() == []
        assert (await ingest.client.post("/samples/bns")).status_code == 403


def test_configuration_keeps_the_offsets_in_our_hands():
    own = gcn.consumer_config(
        IngestSettings(gcn_bootstrap_servers="127.0.0.1:1", gcn_client_id="x")
    )
    assert own["enable.auto.commit"] is False
    assert own["enable.auto.offset.store"] is False
    assert own["auto.offset.reset"] == "earliest"
    assert own["group.id"] == "too.ingest.gcn"
    assert own["security.protocol"] == "plaintext"
    assert not any(name.startswith("sasl") for name in own)
    real = gcn.consumer_config(IngestSettings(gcn_client_id="id", gcn_client_secret="hush-hush"))
    assert real["bootstrap.servers"] == "kafka.gcn.nasa.gov"
    assert real["sasl.oauthbearer.client.id"] == "id"
    assert "hush" not in repr(IngestSettings(gcn_client_secret="hush-hush"))

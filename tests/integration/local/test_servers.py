"""The embedded servers: they start, survive kill -9, and leave nothing behind."""

import time
import uuid

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from too_common.local.kafka import EmbeddedKafka
from too_common.local.memory_broker import MemoryBroker
from too_common.local.ports import free_port, free_ports, is_free
from too_common.local.postgres import EmbeddedPostgres
from too_common.local.process import StartError


async def _create_topic(bootstrap: str, topic: str, partitions: int = 3) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, partitions, 1)])
    finally:
        await admin.close()


async def _produce(bootstrap: str, topic: str, values: list[bytes]) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, enable_idempotence=True, request_timeout_ms=20_000
    )
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(topic, value, key=value)
    finally:
        await producer.stop()


async def _read_all(bootstrap: str, topic: str) -> list[bytes]:
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        partitions = list(consumer.assignment())
        ends = await consumer.end_offsets(partitions)
        values: list[bytes] = []
        while len(values) < sum(ends.values()):
            batches = await consumer.getmany(timeout_ms=1000)
            values += [record.value for records in batches.values() for record in records]
        return sorted(values)
    finally:
        await consumer.stop()


async def test_shared_postgres_gives_each_test_a_database_of_its_own(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        assert await connection.fetchval("SHOW server_encoding") == "UTF8"
        assert await connection.fetchval("SHOW timezone") == "UTC"
        assert await connection.fetchval("SHOW listen_addresses") == "127.0.0.1"
        assert int(await connection.fetchval("SHOW max_connections")) >= 200
        await connection.execute("CREATE TABLE only_here (n int)")
    finally:
        await connection.close()


async def test_databases_can_be_copied_from_a_template(postgres_server) -> None:
    template = postgres_server.create_database()
    connection = await asyncpg.connect(template)
    await connection.execute("CREATE TABLE copied (n int); INSERT INTO copied VALUES (7)")
    await connection.close()
    copy = postgres_server.create_database(template)
    connection = await asyncpg.connect(copy)
    assert await connection.fetchval("SELECT n FROM copied") == 7
    await connection.close()
    postgres_server.drop_database(copy)
    postgres_server.drop_database(template)


async def test_postgres_wants_its_password(postgres_server) -> None:
    parts = postgres_server.admin_url.split("@", 1)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect("postgresql://postgres:wrong@" + parts[1])


def test_postgres_keeps_committed_rows_through_kill_and_restart(
    private_postgres: EmbeddedPostgres,
) -> None:
    server = private_postgres
    server.start()
    server.execute("CREATE TABLE kept (n int)")
    for n in range(3):
        server.execute("INSERT INTO kept SELECT count(*) FROM kept")
        server.kill()
        assert not server.running
        server.start()
        assert server.execute("SELECT count(*) FROM kept") == str(n + 1)
    server.stop()
    assert is_free(server.port)
    server.start()
    assert server.execute("SELECT count(*) FROM kept") == "3"


def test_postgres_password_is_private_and_its_port_may_change(
    private_postgres: EmbeddedPostgres,
) -> None:
    private_postgres.start()
    private_postgres.execute("CREATE DATABASE moved")
    private_postgres.stop()
    secret = private_postgres.data_dir / "superuser.password"
    assert secret.stat().st_mode & 0o077 == 0
    assert secret.read_text() not in private_postgres.log_file.read_text()
    again = EmbeddedPostgres(
        private_postgres.data_dir, free_port(), durable=False, die_with_parent=True
    )
    again.start()
    try:
        assert again.execute("SELECT 1", "moved") == "1"
    finally:
        again.stop()


def test_postgres_ends_the_server_that_an_earlier_run_left(
    private_postgres: EmbeddedPostgres,
) -> None:
    private_postgres.start()
    left = private_postgres.pid
    assert left is not None
    successor = EmbeddedPostgres(
        private_postgres.data_dir, private_postgres.port, durable=False, die_with_parent=True
    )
    successor.start()
    try:
        assert successor.pid != left
        assert successor.execute("SELECT 1") == "1"
    finally:
        successor.stop()
    assert not private_postgres.running


def test_postgres_ignores_a_pid_file_of_somebody_else(private_postgres: EmbeddedPostgres) -> None:
    private_postgres.start()
    private_postgres.stop()
    pid_file = private_postgres.cluster / "postmaster.pid"
    pid_file.write_text(f"{psutil.Process().pid}\n{private_postgres.cluster}\n0\n1\n\n\n\nready\n")
    private_postgres.start()
    assert private_postgres.execute("SELECT 1") == "1"


def test_postgres_says_why_it_did_not_start(private_postgres: EmbeddedPostgres) -> None:
    private_postgres.start()
    rival = EmbeddedPostgres(
        private_postgres.data_dir.with_name("rival"),
        private_postgres.port,
        durable=False,
        die_with_parent=True,
    )
    with pytest.raises(StartError, match=r"(?s)could not bind.*in use"):
        rival.start()


async def test_shared_kafka_delivers_in_order(kafka_bootstrap: str) -> None:
    topic = f"test.{uuid.uuid4().hex}"
    await _create_topic(kafka_bootstrap, topic)
    values = [b"%03d" % n for n in range(50)]
    await _produce(kafka_bootstrap, topic, values)
    assert await _read_all(kafka_bootstrap, topic) == values


@pytest.mark.timeout(240)
async def test_kafka_loses_nothing_by_kill_and_may_change_its_ports(
    private_kafka: EmbeddedKafka,
) -> None:
    server = private_kafka
    server.start()
    await _create_topic(server.bootstrap_servers, "kept")
    sent: list[bytes] = []
    for round_number in range(2):
        values = [b"%d-%03d" % (round_number, n) for n in range(20)]
        await _produce(server.bootstrap_servers, "kept", values)
        sent += values
        server.kill()
        assert not server.running
        began = time.monotonic()
        server.start()
        assert time.monotonic() - began < 60
    assert await _read_all(server.bootstrap_servers, "kept") == sent
    server.stop()
    assert is_free(server.port)
    port, controller_port = free_ports(2)
    moved = EmbeddedKafka(server.data_dir, port, controller_port, die_with_parent=True)
    moved.start()
    try:
        assert await _read_all(moved.bootstrap_servers, "kept") == sent
    finally:
        moved.stop()


def test_kafka_ends_the_broker_that_an_earlier_run_left(private_kafka: EmbeddedKafka) -> None:
    private_kafka.start()
    left = private_kafka.pid
    assert left is not None
    successor = EmbeddedKafka(
        private_kafka.data_dir,
        private_kafka.port,
        private_kafka.controller_port,
        die_with_parent=True,
    )
    successor.start()
    try:
        assert successor.ready()
        assert not private_kafka.running
    finally:
        successor.stop()


async def test_memory_broker_speaks_kafka(server_dir) -> None:
    broker = MemoryBroker(server_dir, die_with_parent=True)
    broker.start()
    try:
        await _produce(broker.bootstrap_servers, "any", [b"a", b"b"])
        assert await _read_all(broker.bootstrap_servers, "any") == [b"a", b"b"]
    finally:
        broker.stop()
    assert not broker.running

"""Fixtures: a real PostgreSQL and a real Kafka, databases of one's own, ports, reference data.

Servers may also be given: `TOO_TEST_DATABASE_URL` (a superuser's address) and
`TOO_TEST_KAFKA_BOOTSTRAP_SERVERS`. Where Kafka's jars cannot be fetched, tests that need a broker
are skipped with the reason, or fail if `TOO_REQUIRE_KAFKA` is 1 (as `make test` sets it): a
broker that only pretends is never used in their place.
"""

import contextlib
import itertools
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from too_common.local.kafka import EmbeddedKafka
from too_common.local.ports import free_port as find_free_port
from too_common.local.ports import free_ports
from too_common.local.postgres import EmbeddedPostgres, run_sql
from too_common.testing.keeper import Lease, ServerUnavailableError, lease

_COUNTER = itertools.count(1)


@dataclass
class PostgresServer:
    """A running PostgreSQL and databases made on it."""

    admin_url: str
    _made: list[str] = field(default_factory=list)

    def execute(self, sql: str, database: str = "postgres") -> str:
        """Run SQL as superuser."""
        return run_sql(self.url(database), sql)

    def url(self, database: str) -> str:
        """The superuser's address of a database."""
        return urlunsplit(urlsplit(self.admin_url)._replace(path=f"/{database}"))

    def create_database(self, template: str | None = None) -> str:
        """Make a database with a name of its own; a copy of `template` (an address) if given.

        Nobody may be connected to the template meanwhile.
        """
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        name = f"test_{worker}_{os.getpid()}_{next(_COUNTER)}"
        source = f' TEMPLATE "{_database_of(template)}"' if template else ""
        self.execute(f'CREATE DATABASE "{name}"{source}')
        self._made.append(name)
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Remove a database, ending whoever is still connected."""
        name = _database_of(url)
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        if name in self._made:
            self._made.remove(name)


@dataclass(frozen=True)
class KafkaServer:
    """A running Kafka, shared by the whole test run: topics need names of their own."""

    bootstrap_servers: str


@pytest.fixture(scope="session")
def test_run_dir() -> Path:
    """Folder of the servers of this test run, the same for all workers.

    Not below pytest's own folder: that one is closed to the account that PostgreSQL runs as.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"pid{os.getpid()}"
    return Path(tempfile.gettempdir()) / f"too-test-{os.getuid()}-{re.sub(r'[^0-9a-z]', '', run)}"


@pytest.fixture(scope="session")
def postgres_server(test_run_dir: Path) -> Iterator[PostgresServer]:
    """One real PostgreSQL for the test run."""
    given = os.environ.get("TOO_TEST_DATABASE_URL")
    with contextlib.ExitStack() as stack:
        if given:
            server = PostgresServer(given)
        else:
            server = PostgresServer(stack.enter_context(_leased("postgres", test_run_dir))["url"])
        yield server
        for name in list(server._made):  # noqa: SLF001 - the class belongs to this file
            server.drop_database(server.url(name))


@pytest.fixture(scope="session")
def kafka_server(test_run_dir: Path) -> Iterator[KafkaServer]:
    """One real Apache Kafka for the test run."""
    given = os.environ.get("TOO_TEST_KAFKA_BOOTSTRAP_SERVERS")
    if given:
        yield KafkaServer(given)
        return
    with _leased("kafka", test_run_dir) as state:
        yield KafkaServer(state["bootstrap_servers"])


@pytest.fixture(scope="session")
def kafka_bootstrap(kafka_server: KafkaServer) -> str:
    """Address of the shared Kafka."""
    return kafka_server.bootstrap_servers


@pytest.fixture
def database_url(postgres_server: PostgresServer) -> Iterator[str]:
    """An empty database for one test (the superuser's address)."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture(scope="module")
def module_database_url(postgres_server: PostgresServer) -> Iterator[str]:
    """An empty database for the tests of one module."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
def private_postgres(server_dir: Path) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL for one test alone, which may kill and restart it; not yet started."""
    server = EmbeddedPostgres(
        server_dir / "postgres", find_free_port(), durable=False, die_with_parent=True
    )
    yield server
    server.stop()


@pytest.fixture
def private_kafka(server_dir: Path) -> Iterator[EmbeddedKafka]:
    """A Kafka for one test alone, which may kill and restart it; not yet started."""
    port, controller_port = free_ports(2)
    server = EmbeddedKafka(server_dir / "kafka", port, controller_port, die_with_parent=True)
    yield server
    server.stop()


@pytest.fixture
def server_dir() -> Iterator[Path]:
    """A folder that servers under other accounts can reach, removed after the test."""
    with tempfile.TemporaryDirectory(prefix="too-test-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Finds a free port on the loopback interface at each call."""
    return find_free_port


@pytest.fixture(scope="session")
def test_data_dir() -> Path:
    """The reference data named by `TOO_TEST_DATA`; skips where unset, fails where missing."""
    named = os.environ.get("TOO_TEST_DATA")
    if not named:
        pytest.skip("TOO_TEST_DATA is not set: no reference data")
    folder = Path(named)
    if not folder.is_dir():
        pytest.fail(f"TOO_TEST_DATA names {named}, which is not a folder")
    return folder


@contextlib.contextmanager
def _leased(kind: str, run_dir: Path) -> Iterator[dict[str, str]]:
    held: Lease | None = None
    try:
        held = lease(kind, run_dir)
    except ServerUnavailableError as error:
        if error.missing and os.environ.get("TOO_REQUIRE_KAFKA", "0") != "1":
            pytest.skip(f"{error} (TOO_REQUIRE_KAFKA=1 makes this an error)")
        pytest.fail(str(error), pytrace=False)
    try:
        yield held.state
    finally:
        held.release()


def _database_of(url: str) -> str:
    return urlsplit(url).path.lstrip("/")

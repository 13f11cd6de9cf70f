"""The in-memory Kafka broker that librdkafka carries: the fallback where no jars can be had.

It runs in a process of its own (``python -m too_common.local.memory_broker ADDRESS_FILE``). Its
port is chosen by the system at every start and it forgets everything when it ends; the outbox of
every service publishes again to a broker that it does not know.
"""

import contextlib
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from too_common.local.files import write_private
from too_common.local.process import ManagedProcess, ProcessSpec, StartError

FALLBACK_NOTICE = (
    "Kafka: Apache Kafka's jars could not be fetched, so librdkafka's in-memory broker is used "
    "instead: fine for looking around, but it forgets everything when it stops"
)


class MemoryBroker:
    """Librdkafka's mock broker in a process of its own, with the life of `EmbeddedKafka`.

    Parameters
    ----------
    data_dir
        Folder for the file with its address and for its log.
    """

    #: Forgets everything when it stops, and its address changes.
    in_memory = True

    def __init__(
        self, data_dir: Path, *, die_with_parent: bool = False, log_file: Path | None = None
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.die_with_parent = die_with_parent
        self.log_file = log_file or self.data_dir / "memory-broker.log"
        self._address_file = self.data_dir / "memory-broker.address"
        self._process: ManagedProcess | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Address for clients; known once the broker is ready."""
        return self._address_file.read_text(encoding="utf-8").strip()

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
        """Whether the broker has written its address."""
        return self._address_file.exists()

    def start(self, timeout_s: float = 30.0) -> None:
        """Start and wait until the address is known."""
        self.launch()
        self.wait_ready(timeout_s)

    def launch(self) -> None:
        """`start` without the wait."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._address_file.unlink(missing_ok=True)
        self._process = ManagedProcess(
            ProcessSpec(
                name="memory-broker",
                command=(
                    *(sys.executable, "-m", "too_common.local.memory_broker"),
                    str(self._address_file),
                ),
                log_file=self.log_file,
                environment=dict(os.environ),
                die_with_parent=self.die_with_parent,
                stop=((signal.SIGTERM, 5.0),),
            )
        )

    def wait_ready(self, timeout_s: float = 30.0) -> None:
        """Wait until the address is known."""
        if self._process is None:
            raise StartError("the in-memory broker was not launched")
        try:
            self._process.wait_ready(self.ready, timeout_s)
        except StartError:
            self._process.stop()
            raise

    def stop(self) -> None:
        """End the broker; what it held is gone."""
        if self._process is not None:
            self._process.stop()
            self._process = None
            self._address_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process = None


def serve(address_file: Path) -> None:
    """Run the broker until SIGTERM or SIGINT."""
    from confluent_kafka import Producer

    ended = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ended.set()

    for wanted in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wanted, end)
    producer = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "replaced-by-the-mock"})
    metadata = producer.list_topics(timeout=10)
    broker = next(iter(metadata.brokers.values()))
    write_private(address_file, f"{broker.host}:{broker.port}")
    ended.wait()
    with contextlib.suppress(OSError):
        address_file.unlink()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))

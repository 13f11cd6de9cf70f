"""Parts of the local stack as the supervisor sees them, and how their readiness is asked."""

import http.client
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from too_common.local.ports import LOOPBACK
from too_common.local.process import ManagedProcess, ProcessSpec

_ANSWER_TIMEOUT_S = 1.0


class Part(Protocol):
    """Something that runs as a process of its own."""

    @property
    def running(self) -> bool:
        """Whether it runs."""
        ...

    @property
    def pid(self) -> int | None:
        """Its process id."""
        ...

    @property
    def exit_code(self) -> int | None:
        """How it ended."""
        ...

    @property
    def log_file(self) -> Path:
        """Where it writes what happens."""
        ...

    def launch(self) -> None:
        """Start without waiting."""

    def ready(self) -> bool:
        """Whether it does its work."""
        ...

    def stop(self) -> None:
        """End in an orderly way."""

    def kill(self) -> None:
        """End at once."""


class PythonPart:
    """``too serve NAME`` as a part.

    Parameters
    ----------
    name
        A service, or ``simulators``.
    environment
        Called at every start, so that a broker's new address reaches a restarted service.
    port
        Where ``/readyz`` answers.
    """

    def __init__(
        self,
        name: str,
        *,
        environment: Callable[[], dict[str, str]],
        port: int,
        log_file: Path,
        stop_timeout_s: float = 25.0,
    ) -> None:
        self.name = name
        self._environment = environment
        self._port = port
        self._log_file = log_file
        self._stop_timeout_s = stop_timeout_s
        self._process: ManagedProcess | None = None

    @property
    def log_file(self) -> Path:
        """Where it writes what happens."""
        return self._log_file

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int | None:
        """Its process id."""
        return self._process.pid if self._process else None

    @property
    def exit_code(self) -> int | None:
        """How it ended."""
        return self._process.popen.poll() if self._process else None

    def launch(self) -> None:
        """Start without waiting."""
        self._process = ManagedProcess(
            ProcessSpec(
                name=self.name,
                command=(sys.executable, "-m", "too_common.cli", "serve", self.name),
                log_file=self._log_file,
                environment=self._environment(),
                die_with_parent=True,
                stop=((signal.SIGTERM, self._stop_timeout_s),),
            )
        )

    def ready(self) -> bool:
        """Whether ``/readyz`` answers 200."""
        return http_ready(self._port)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL where that does not help."""
        if self._process is not None:
            self._process.stop()

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()


def http_ready(port: int, path: str = "/readyz") -> bool:
    """Whether a server on the loopback interface answers 200."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=_ANSWER_TIMEOUT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()

"""A child process with a log file, a readiness check and an orderly end."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_LAUNCHER = Path(__file__).with_name("launch.py")
_POLL_S = 0.02
_TAIL_BYTES = 4000


class StartError(Exception):
    """A part of the local stack did not start; the message is for a person."""


@dataclass(frozen=True)
class ProcessSpec:
    """How one child is started, watched and ended.

    Attributes
    ----------
    name
        As shown to people and used for the log file.
    command
        Program and arguments.
    log_file
        Standard output and error are appended here.
    environment
        The whole environment of the child; that of this process if None.
    user
        Account to become, where this process is root and the program refuses to be.
    die_with_parent
        Ask the kernel to end the child when this process ends.
    stop
        Signals to send, each with the seconds to wait for the end; SIGKILL follows.
    """

    name: str
    command: Sequence[str]
    log_file: Path
    environment: Mapping[str, str] | None = None
    user: str | None = None
    die_with_parent: bool = False
    stop: Sequence[tuple[signal.Signals, float]] = ((signal.SIGTERM, 15.0),)
    parent_death_signal: signal.Signals = signal.SIGTERM


@dataclass
class ManagedProcess:
    """One started child."""

    spec: ProcessSpec
    popen: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        spec = self.spec
        spec.log_file.parent.mkdir(parents=True, exist_ok=True)
        command = list(spec.command)
        if spec.user or spec.die_with_parent:
            launcher = [sys.executable, "-I", "-S", str(_LAUNCHER)]
            if spec.die_with_parent:
                launcher += ["--parent", str(os.getpid())]
                launcher += ["--end-signal", str(int(spec.parent_death_signal))]
            if spec.user:
                launcher += ["--user", spec.user]
            command = [*launcher, "--", *command]
        with spec.log_file.open("ab") as log:
            # a session of its own: Ctrl-C reaches the supervisor alone, which ends in order
            self.popen = subprocess.Popen(  # noqa: S603 - commands are composed by this package
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=None if spec.environment is None else dict(spec.environment),
                cwd="/",
                start_new_session=True,
                umask=0o077,
            )

    @property
    def pid(self) -> int:
        """Process id, the same before and after the launcher became the program."""
        return self.popen.pid

    @property
    def running(self) -> bool:
        """Whether the child still runs."""
        return self.popen.poll() is None

    def wait_ready(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Wait until `ready()`.

        Raises
        ------
        StartError
            If the child ended, or was not ready in time; with the end of its log.
        """
        deadline = time.monotonic() + timeout_s
        while not ready():
            if not self.running:
                raise StartError(
                    f"{self.spec.name} ended with code {self.popen.returncode} while starting; "
                    f"its log {self.spec.log_file} ends:\n{log_tail(self.spec.log_file)}"
                )
            if time.monotonic() > deadline:
                raise StartError(
                    f"{self.spec.name} was not ready after {timeout_s:.0f} s; "
                    f"its log {self.spec.log_file} ends:\n{log_tail(self.spec.log_file)}"
                )
            time.sleep(_POLL_S)

    def stop(self) -> bool:
        """End the child in the order of `ProcessSpec.stop`; false if it had to be killed."""
        for end_signal, seconds in self.spec.stop:
            if not self.running:
                return True
            self.signal(end_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(seconds)
                return True
        self.kill()
        return False

    def kill(self) -> None:
        """SIGKILL, without mercy."""
        self.signal(signal.SIGKILL)
        self.popen.wait()

    def signal(self, end_signal: signal.Signals) -> None:
        """Send a signal to a child that may have ended already."""
        with contextlib.suppress(ProcessLookupError):
            self.popen.send_signal(end_signal)


def log_tail(path: Path, lines: int = 12) -> str:
    """The last lines of a log, for an error message."""
    try:
        with path.open("rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(0, log.tell() - _TAIL_BYTES))
            text = log.read().decode(errors="replace")
    except OSError:
        return "(no log)"
    return "\n".join("    " + line for line in text.splitlines()[-lines:])


def end_leftover(pid: int, *, marker: str, end_signal: signal.Signals, timeout_s: float) -> bool:
    """End a process that an earlier run left behind.

    Parameters
    ----------
    pid
        From the pid file of the earlier run; it may belong to something else by now.
    marker
        Must occur in the process's command line, else it is not ours and is left alone.
    end_signal, timeout_s
        How to end it and how long to wait before SIGKILL.

    Returns
    -------
    bool
        Whether such a process was found (and ended).
    """
    try:
        process = psutil.Process(pid)
        if not any(marker in argument for argument in process.cmdline()):
            return False
        process.send_signal(end_signal)
        try:
            process.wait(timeout_s)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(timeout_s)
    except psutil.NoSuchProcess:
        return False
    return True

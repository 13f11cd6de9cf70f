"""`too up` without services: servers and simulated world start, crash, restart and end in order."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psutil
import pytest
from too_common.local.layout import Layout, Ports
from too_common.local.ports import free_port, free_port_base, is_free
from too_common.local.postgres import EmbeddedPostgres

pytestmark = pytest.mark.timeout(300)

_PROGRAM = """
import sys
from too_common.local.layout import read_layout
from too_common.local.process import StartError
from too_common.local.stack import Stack
try:
    Stack(read_layout(), services=()).run()
except StartError as error:
    sys.exit(f"too: {error}")
"""


class RunningStack:
    """A stack in a process of its own, and what it says."""

    def __init__(self, layout: Layout, **environment: str) -> None:
        self.layout = layout
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={
                **os.environ,
                "TOO_DATA_DIR": str(layout.data_dir),
                "TOO_PORT_BASE": str(layout.ports.base),
                **environment,
            },
        )

    @property
    def _output(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def wait_for(self, text: str) -> str:
        """Read until a line holds the text."""
        for line in self._output:
            self.lines.append(line.rstrip())
            if text in line:
                return line
        pytest.fail(f"ended without {text!r}: {self.lines}")

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        self.lines += [line.rstrip() for line in self._output]
        return self.process.wait(60)

    def children(self) -> list[psutil.Process]:
        """The processes of the stack's parts."""
        return psutil.Process(self.process.pid).children()


@pytest.fixture
def layout(server_dir: Path) -> Layout:
    """A folder and a range of ports that nobody uses."""
    return Layout(server_dir / "var", Ports(free_port_base()))


@contextlib.contextmanager
def _running(layout: Layout, **environment: str) -> Iterator[RunningStack]:
    stack = RunningStack(layout, **environment)
    try:
        yield stack
    finally:
        if stack.process.poll() is None:
            stack.end()
        stack._output.close()


def test_start_stop_and_start_again_with_the_same_data(layout: Layout) -> None:
    with _running(layout) as stack:
        stack.wait_for("The marshal is up")
        said = "\n".join(stack.lines)
        for part in ("PostgreSQL", "Kafka", "simulators"):
            assert f"  {part:<14} ready after" in said
        EmbeddedPostgres(layout.postgres_dir, layout.ports.postgres).execute("CREATE TABLE kept ()")
        children = stack.children()
        assert stack.end() == 0
        assert "Stopped after" in stack.lines[-1]
        assert not any(child.is_running() for child in children)
        assert all(is_free(port) for port in layout.ports.named().values())
    for file in (layout.secrets_dir / "stack.json", layout.facilities_file):
        assert file.stat().st_mode & 0o077 == 0
    with _running(layout) as stack:
        stack.wait_for("The marshal is up")
        EmbeddedPostgres(layout.postgres_dir, layout.ports.postgres).execute("SELECT * FROM kept")
        assert stack.end(signal.SIGTERM) == 0


def test_a_crashed_part_is_started_again_and_a_killed_supervisor_leaves_nothing(
    layout: Layout,
) -> None:
    with _running(layout) as stack:
        stack.wait_for("The marshal is up")
        for part in ("kafka.Kafka", "postgres", "simulators"):
            victim = next(
                child
                for child in stack.children()
                if any(part in argument for argument in child.cmdline())
            )
            victim.kill()
            assert "signal 9" in stack.wait_for("starting it again")
            stack.wait_for("ready again")
        children = stack.children()
        stack.process.kill()
        stack.process.wait()
        _gone, alive = psutil.wait_procs(children, timeout=30)
        assert alive == []
    with _running(layout) as stack:
        stack.wait_for("did not end in order; going on")
        stack.wait_for("The marshal is up")


def test_a_second_stack_on_the_same_folder_is_refused(layout: Layout) -> None:
    with _running(layout) as stack:
        stack.wait_for("Starting the marshal")
        with _running(layout) as second:
            assert second.process.wait(30) == 1
            said = "".join(second._output)
            assert f"runs already (process {stack.process.pid})" in said
            assert "TOO_PORT_BASE=" in said
            assert "Traceback" not in said
        assert stack.end() == 0


def test_a_busy_port_is_named_with_another_choice(layout: Layout) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", layout.ports.simulators))
        holder.listen()
        with _running(layout) as stack:
            stack.wait_for("in use by another program")
            assert stack.process.wait(60) == 1
            said = "\n".join(stack.lines)
            assert f"port {layout.ports.simulators} (simulators)" in said
            assert "TOO_PORT_BASE=8600 make up" in said
            assert "Traceback" not in said


def test_without_a_way_to_the_jars_the_broker_in_memory_is_used_and_said(
    layout: Layout, tmp_path: Path
) -> None:
    with _running(
        layout,
        TOO_CACHE_DIR=str(tmp_path / "cache"),
        TOO_MAVEN_REPOSITORY=f"http://127.0.0.1:{free_port()}",
    ) as stack:
        stack.wait_for("in-memory broker is used instead")
        stack.wait_for("The marshal is up")
        assert stack.end() == 0

"""Memory of a running stack, part by part."""

from dataclasses import dataclass
from pathlib import Path

import psutil

MB = 1024 * 1024


@dataclass(frozen=True)
class Memory:
    """A part of the stack: its own process, and what it started."""

    part: str
    processes: int
    rss_mb: float
    """Resident memory of the part's first process."""
    pss_mb: float
    """Of all its processes; what several share is divided among them."""


def supervisor_of(port: int) -> psutil.Process:
    """Find the process that runs the stack whose page is at a port."""
    for connection in psutil.net_connections("tcp"):
        if (
            connection.status == psutil.CONN_LISTEN
            and connection.laddr.port == port
            and connection.pid is not None
        ):
            parent = psutil.Process(connection.pid).parent()
            assert parent is not None
            return parent
    raise SystemExit(f"no stack listens on port {port}")


def memory_of_stack(port: int) -> list[Memory]:
    """Measure every part of the stack whose page is at a port."""
    supervisor = supervisor_of(port)
    found = [_measure("too up", [supervisor])]
    for child in supervisor.children():
        command = child.cmdline()
        found.append(_measure(_name(command), [child, *child.children(recursive=True)]))
    return sorted(found, key=lambda item: -item.pss_mb)


def _measure(part: str, processes: list[psutil.Process]) -> Memory:
    rss = processes[0].memory_info().rss
    pss = 0
    for process in processes:
        try:
            pss += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return Memory(part, len(processes), round(rss / MB), round(pss / MB))


def _name(command: list[str]) -> str:
    if any("kafka.Kafka" in word for word in command):
        return "Kafka"
    if command and Path(command[0]).name == "postgres":
        return "PostgreSQL"
    if len(command) > 1 and command[-2] == "serve":
        return command[-1]
    return " ".join(Path(word).name for word in command[:3])[:40]

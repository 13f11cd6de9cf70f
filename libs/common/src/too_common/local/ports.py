"""Ports of the local stack: which are free, and what to say about one that is not."""

import socket
from collections.abc import Iterable, Mapping

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A port on the loopback interface that nobody listens on just now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def free_ports(count: int) -> list[int]:
    """Several different free ports."""
    probes = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def is_free(port: int) -> bool:
    """Whether a server could listen on the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # as servers do: a port whose last connections are only ending counts as free
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def busy_ports(ports: Mapping[str, int] | Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Those of the named ports that somebody else holds."""
    named = ports.items() if isinstance(ports, Mapping) else ports
    return [(name, port) for name, port in named if not is_free(port)]


def answers(port: int, timeout_s: float = 0.5) -> bool:
    """Whether somebody accepts connections on the port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout_s):
            return True
    except OSError:
        return False


def free_port_base(lowest: int = 20_000, highest: int = 60_000) -> int:
    """A base from which the local stack's whole range of ports is free (tests, second stacks).

    Raises
    ------
    OSError
        If no such range is found.
    """
    import random

    for _ in range(200):
        base = random.randrange(lowest, highest, 100)
        if all(is_free(base + offset) for offset in range(RANGE)):
            return base
    raise OSError(f"no {RANGE} free ports in a row between {lowest} and {highest}")


RANGE = 60
"""Ports that one local stack takes, counted from its base."""

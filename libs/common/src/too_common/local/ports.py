"""Ports of the local stack: which are free, and what to say about one that is not."""

import itertools
import os
import socket
from collections.abc import Iterable, Iterator, Mapping

LOOPBACK = "127.0.0.1"

# A port that the system gave away for the asking may be gone a moment later: outgoing connections
# take theirs from the same range (32768 and up on Linux). What is looked for here lies below it,
# single ports and whole stacks each in a range of their own.
_SINGLE = range(10_000, 20_000)
_BASES = range(20_000, 32_600, 100)
_BLOCK = 100


def _candidates() -> Iterator[int]:
    """Single ports, beginning at a block that no process started nearby begins at."""
    start = os.getpid() * _BLOCK
    for number in itertools.count(start):
        yield _SINGLE[number % len(_SINGLE)]


def _base_candidates() -> Iterator[int]:
    """First ports of whole stacks, beginning at another one in each process."""
    for number in itertools.count(os.getpid()):
        yield _BASES[number % len(_BASES)]


_upcoming: dict[int, Iterator[int]] = {}
_upcoming_bases: dict[int, Iterator[int]] = {}


def free_port() -> int:
    """A port on the loopback interface that nobody listens on just now.

    It is no port that an outgoing connection could take meanwhile, and not one that this process,
    or one that was started at about the same time, was given before.

    Raises
    ------
    OSError
        If there is none.
    """
    ports = _upcoming.setdefault(os.getpid(), _candidates())
    for port in itertools.islice(ports, len(_SINGLE)):
        if is_free(port):
            return port
    raise OSError(f"no free port between {_SINGLE[0]} and {_SINGLE[-1]}")


def free_ports(count: int) -> list[int]:
    """Several different free ports."""
    return [free_port() for _ in range(count)]


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


def free_port_base() -> int:
    """A base from which the local stack's whole range of ports is free (tests, second stacks).

    Raises
    ------
    OSError
        If no such range is found.
    """
    bases = _upcoming_bases.setdefault(os.getpid(), _base_candidates())
    for base in itertools.islice(bases, len(_BASES)):
        if all(is_free(base + offset) for offset in range(RANGE)):
            return base
    raise OSError(f"no {RANGE} free ports in a row between {_BASES[0]} and {_BASES[-1]}")


RANGE = 60
"""Ports that one local stack takes, counted from its base."""

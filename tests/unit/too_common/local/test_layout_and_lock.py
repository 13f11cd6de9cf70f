"""Ports, folders, the lock on a data folder, and what a person is told about them."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from too_common.local.layout import LayoutError, Ports, read_layout
from too_common.local.lock import StackLock, StackRunningError
from too_common.local.ports import (
    answers,
    busy_ports,
    free_port,
    free_port_base,
    free_ports,
    is_free,
)
from too_common.settings import INTERNAL_PORTS, PUBLIC_PORTS


def test_default_ports_are_those_of_the_services_settings() -> None:
    ports = Ports()
    assert {name: ports.public(name) for name in PUBLIC_PORTS} == PUBLIC_PORTS
    assert {name: ports.internal(name) for name in INTERNAL_PORTS} == INTERNAL_PORTS


@pytest.mark.parametrize("base", [8400, 8600, 20000])
def test_no_port_is_used_twice_and_all_lie_in_one_range(base: int) -> None:
    ports = list(Ports(base).named().values())
    assert len(set(ports)) == len(ports)
    assert base <= min(ports)
    assert max(ports) <= base + 52


def test_two_stacks_that_lie_apart_share_no_port() -> None:
    assert not set(Ports(8400).named().values()) & set(Ports(8600).named().values())


@pytest.mark.parametrize("text", ["http", "80", "65535", "-1", "8400.5"])
def test_an_impossible_port_base_is_refused_with_what_is_possible(text: str) -> None:
    with pytest.raises(LayoutError, match=r"TOO_PORT_BASE=.*between 1024 and 65483"):
        read_layout({"TOO_PORT_BASE": text})


def test_layout_comes_from_two_settings(tmp_path: Path) -> None:
    layout = read_layout({"TOO_DATA_DIR": str(tmp_path / "x"), "TOO_PORT_BASE": "9000"})
    assert layout.cli_file == tmp_path / "x" / "too-cli.json"
    assert layout.page_url == "http://127.0.0.1:9000"
    assert read_layout({}).data_dir == Path("var").absolute()


def test_busy_ports_are_named() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        free = free_port()
        assert busy_ports({"Kafka": port, "PostgreSQL": free}) == [("Kafka", port)]
        assert not is_free(port)
        assert answers(port)
    assert is_free(port)
    assert not answers(port)


def test_free_ports_are_different() -> None:
    assert len(set(free_ports(20))) == 20


def test_free_ports_cannot_be_taken_by_a_connection_on_its_way_out() -> None:
    # the system hands these to outgoing connections, between our looking and our listening
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    theirs = range(first, last + 1)
    base = free_port_base()
    assert free_port() not in theirs
    assert not any(port in theirs for port in range(base, base + 60))
    assert free_port_base() != base


def test_the_lock_is_refused_with_the_holders_id_and_another_choice(tmp_path: Path) -> None:
    path = tmp_path / "var" / "too-up.lock"
    first = StackLock(path)
    first.acquire()
    assert StackLock.holder(path) == os.getpid()
    with pytest.raises(StackRunningError, match=rf"process {os.getpid()}.*TOO_PORT_BASE=8600"):
        StackLock(path).acquire()
    first.release()
    assert StackLock.holder(path) is None
    second = StackLock(path)
    second.acquire()
    assert second.stale_pid is None
    second.release()


def test_a_lock_whose_holder_was_killed_is_free_and_known_as_stale(tmp_path: Path) -> None:
    path = tmp_path / "too-up.lock"
    program = (
        "import sys, signal; from pathlib import Path; from too_common.local.lock import StackLock;"
        "lock = StackLock(Path(sys.argv[1])); lock.acquire(); print('held', flush=True);"
        "signal.pause()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert StackLock.holder(path) == holder.pid
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert StackLock.holder(path) is None
    lock = StackLock(path)
    lock.acquire()
    assert lock.stale_pid == holder.pid
    lock.release()


def test_nobody_holds_a_lock_that_never_was(tmp_path: Path) -> None:
    assert StackLock.holder(tmp_path / "none") is None

"""Keeps one server for a whole test run, shared by the workers of pytest-xdist.

Each worker holds a shared lock on a file while it uses the server. The keeper is a process of its
own that owns the server and ends it when it can have the lock for itself, that is when the last
worker has ended, in whatever way.
"""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from too_common.local.files import write_private_json
from too_common.local.kafka import EmbeddedKafka
from too_common.local.kafka_jars import JarsUnavailableError
from too_common.local.ports import free_port, free_ports
from too_common.local.postgres import EmbeddedPostgres
from too_common.local.process import log_tail

_POLL_S = 0.1
_START_TIMEOUT_S = 240.0


class ServerUnavailableError(Exception):
    """The server could not be started; `missing` where something had to be fetched and was not."""

    def __init__(self, message: str, *, missing: bool) -> None:
        super().__init__(message)
        self.missing = missing


@dataclass
class Lease:
    """The right to use a kept server, until `release`."""

    state: dict[str, Any]
    _users: IO[str]

    def release(self) -> None:
        """Give the server back."""
        self._users.close()


def lease(kind: str, run_dir: Path) -> Lease:
    """Use the server of this test run, starting it if nobody has.

    Raises
    ------
    ServerUnavailableError
        If it could not be started.
    """
    folder = run_dir / kind
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        run_dir.chmod(0o711)
        users = (folder / "users").open("a")
        fcntl.flock(users, fcntl.LOCK_SH)
        if _is_current(users, folder / "users"):
            break
        users.close()  # the keeper has just removed it
    with _mutex(folder):
        state = _read(folder / "state.json") or _start_keeper(kind, folder)
    if "error" in state:
        users.close()
        raise ServerUnavailableError(state["error"], missing=bool(state.get("missing")))
    return Lease(state, users)


def keep(kind: str, folder: Path) -> None:
    """The keeper's own life."""
    server: EmbeddedPostgres | EmbeddedKafka
    state_file = folder / "state.json"
    try:
        if kind == "postgres":
            server = EmbeddedPostgres(
                folder / "data", free_port(), durable=False, die_with_parent=True
            )
            server.start()
            state = {"url": server.url()}
        else:
            port, controller_port = free_ports(2)
            server = EmbeddedKafka(folder / "data", port, controller_port, die_with_parent=True)
            server.start()
            state = {"bootstrap_servers": server.bootstrap_servers}
    except Exception as error:  # noqa: BLE001 - told to whoever asked for the server
        missing = isinstance(error, JarsUnavailableError)
        write_private_json(state_file, {"error": f"{kind}: {error}", "missing": missing})
        _wait_for_the_last(folder)
    else:
        write_private_json(state_file, {**state, "pid": server.pid})
        _wait_for_the_last(folder)
        server.stop()
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        folder.parent.rmdir()  # the other server's keeper may still use it


def _wait_for_the_last(folder: Path) -> None:
    with (folder / "users").open("a") as users:
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # whoever comes now finds no file of this name and starts a new keeper
                (folder / "state.json").unlink(missing_ok=True)
                (folder / "users").unlink(missing_ok=True)
                return
            time.sleep(_POLL_S)


def _start_keeper(kind: str, folder: Path) -> dict[str, Any]:
    log_file = folder / "keeper.log"
    with log_file.open("ab") as log:
        keeper = subprocess.Popen(  # noqa: S603 - this module itself
            [sys.executable, "-m", "too_common.testing.keeper", kind, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        state = _read(folder / "state.json")
        if state:
            # it outlives us on purpose; the interpreter must not complain about it
            keeper.returncode = 0
            return state
        if keeper.poll() is not None:
            break
        time.sleep(_POLL_S)
    return {"error": f"the keeper of {kind} failed:\n{log_tail(log_file)}"}


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        return None
    return found


def _is_current(file: IO[str], path: Path) -> bool:
    try:
        return os.fstat(file.fileno()).st_ino == path.stat().st_ino
    except OSError:
        return False


@contextlib.contextmanager
def _mutex(folder: Path) -> Iterator[None]:
    with (folder / "mutex").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    keep(sys.argv[1], Path(sys.argv[2]))

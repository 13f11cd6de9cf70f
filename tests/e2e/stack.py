"""The whole local stack as a user starts it, and hands on its public interfaces alone."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
from too_common.bus.client import make_producer, stop_quietly
from too_common.local.ports import free_port_base
from too_common.local.process import ManagedProcess, ProcessSpec

START_S = 300.0
STOP_S = 90.0
TOO = Path(sys.executable).with_name("too")


class Stack:
    """`too up` in a process of its own, with a folder and ports of its own."""

    def __init__(self, folder: Path, port_base: int | None = None) -> None:
        self.folder = folder
        self.port_base = port_base or free_port_base()
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("TOO_")},
            "TOO_DATA_DIR": str(folder),
            "TOO_PORT_BASE": str(self.port_base),
        }
        self.process: ManagedProcess | None = None
        self.log = folder / "up.log"

    def start(self) -> float:
        """Start and wait until everything is ready; gives the seconds that it took."""
        self.folder.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        place = self.log.stat().st_size if self.log.exists() else 0
        self.process = ManagedProcess(
            ProcessSpec(
                name="too up",
                command=(str(TOO), "up", "--no-samples"),
                log_file=self.log,
                environment=self.environment,
                die_with_parent=True,  # a test run that is killed leaves nothing behind
                stop=((signal.SIGINT, STOP_S),),  # as Ctrl-C does
            )
        )
        while "The marshal is up" not in self.log.read_text()[place:]:
            if not self.process.running or time.monotonic() - started > START_S:
                raise AssertionError(f"the stack did not start:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.2)
        return time.monotonic() - started

    def stop(self) -> None:
        """Stop as Ctrl-C does."""
        if self.process is not None:
            self.process.stop()

    def pid_of(self, name: str) -> int | None:
        """Process of a part: a service, ``simulators``, ``kafka`` or ``postgres``."""
        supervisor = (
            self.process.pid if self.process else int((self.folder / "too-up.lock").read_text())
        )
        for child in psutil.Process(supervisor).children():
            try:
                command = child.cmdline()
            except psutil.Error:
                continue
            text = " ".join(command)
            if name == "kafka" and "kafka.Kafka" in text:
                return child.pid
            if name == "postgres" and command and Path(command[0]).name == "postgres":
                return child.pid
            if command[-2:] == ["serve", name]:
                return child.pid
        return None

    # -- ways in -----------------------------------------------------------------------------

    @property
    def access(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.folder / "too-cli.json").read_text())
        return found

    def api(self) -> httpx.AsyncClient:
        """The front door, with the administrator's personal token."""
        return httpx.AsyncClient(
            base_url=self.access["url"],
            headers={"Authorization": f"Bearer {self.access['token']}"},
            timeout=30.0,
        )

    def simulators(self) -> httpx.AsyncClient:
        """The simulators' control."""
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port_base + 1}", timeout=60.0)

    @property
    def kafka(self) -> str:
        """The GCN side's broker (the local stack's own)."""
        return f"127.0.0.1:{self.port_base + 50}"


@contextlib.contextmanager
def stack_in(folder: Path) -> Iterator[Stack]:
    """A stack for the length of a block: started in `folder`, or one that a developer keeps.

    ``TOO_E2E_STACK=<its folder>,<its first port>`` names the latter.
    """
    running = os.environ.get("TOO_E2E_STACK")
    if running:
        kept, base = running.split(",")
        yield Stack(Path(kept), int(base))
        return
    one = Stack(folder)
    one.start()
    try:
        yield one
    finally:
        one.stop()


class World:
    """What a person and the outside world do: over HTTP and Kafka, nothing else."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.api = stack.api()
        self.sim = stack.simulators()
        self.after = 0

    async def begin(self) -> None:
        """Forget what the outside world was told before (a stack may be used twice)."""
        told = await self.journal("")
        self.after = max((item["seq"] for item in told), default=0)

    async def close(self) -> None:
        await self.api.aclose()
        await self.sim.aclose()

    async def get(self, path: str, **params: Any) -> Any:
        answer = await self.api.get(f"/api/{path}", params=params)
        answer.raise_for_status()
        return answer.json()

    async def items(self, path: str, **params: Any) -> list[Any]:
        found = await self.get(path, **params)
        return found if isinstance(found, list) else found["items"]

    async def post(self, path: str, body: Any = None) -> Any:
        answer = await self.api.post(f"/api/{path}", json=body)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None

    async def ensure_account(self, username: str, name: str) -> None:
        """Make an account that may do everything but administrate, unless there is one."""
        found = await self.items("vetting-api/v1/accounts")
        if username not in {item["username"] for item in found}:
            await self.post(
                "vetting-api/v1/accounts",
                {"username": username, "password": f"the {username} password", "name": name,
                 "scopes": ["read", "plan", "vet", "submit"]},
            )  # fmt: skip

    async def now(self) -> datetime:
        answer = (await self.sim.get("/control/clock")).json()
        return datetime.fromisoformat(answer["stack_time"]).astimezone(UTC)

    async def advance(self, seconds: float) -> None:
        answer = await self.sim.post(
            "/control/clock", json={"advance_s": seconds, "settle": True}, timeout=120.0
        )
        assert answer.is_success, answer.text

    async def journal(self, kind: str) -> list[dict[str, Any]]:
        params = {"kind": kind, "after": self.after} if kind else {"after": self.after}
        found: list[dict[str, Any]] = (await self.sim.get("/control/journal", params=params)).json()
        return found

    async def produce(self, topic: str, key: str, body: bytes, partition: int | None = 0) -> None:
        """Put a message on the broker: partition 0 as GCN does, or by key (None)."""
        producer = make_producer(self.stack.kafka, client_id="gcn")
        try:
            await producer.start()
            await producer.send_and_wait(topic, value=body, key=key.encode(), partition=partition)
        finally:
            await stop_quietly(producer)

    async def until(self, probe: Any, *, what: str, deadline_s: float = 180.0) -> Any:
        """Wait for a probe to give something true; what cannot be asked now is asked again."""
        last: Any = None
        deadline = time.monotonic() + deadline_s
        while time.monotonic() < deadline:
            try:
                last = await probe()
                if last:
                    return last
            except (httpx.HTTPError, AssertionError) as error:
                last = repr(error)
            await asyncio.sleep(0.25)
        raise AssertionError(f"{what}: not within {deadline_s:g} s; last: {str(last)[:1500]}")

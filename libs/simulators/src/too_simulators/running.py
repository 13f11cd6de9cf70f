"""The simulated world with its sockets: in the process of its own, or inside a test."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import uvicorn

from too_simulators.core.clock import StackClock
from too_simulators.core.faults import Fault, FaultKind, FaultRequest
from too_simulators.core.store import Entry
from too_simulators.host.application import make_application
from too_simulators.paging.smtp import protocol
from too_simulators.settings import FileTelescope, SimulatorSettings
from too_simulators.world import World

_ANY_PORT = {
    "http_port": 0,
    "smtp_port": 0,
    "sftp_decam_port": 0,
    "sftp_kped_port": 0,
    "sftp_gattini_port": 0,
    "sftp_growth_india_port": 0,
}


class PortBusyError(OSError):
    """Another program listens there already."""


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PortBusyError(f"port {port} on {host} cannot be used: {error.strerror}") from error
    listener.listen(128)
    listener.setblocking(False)  # noqa: FBT003  the socket's own signature
    return listener


@dataclass
class Simulators:
    """A running world.

    Tests use `running`; the attributes are what a test needs: addresses, and the models.
    """

    world: World
    http_port: int
    smtp_port: int
    sftp_ports: dict[FileTelescope, int]

    @property
    def http_url(self) -> str:
        """Address of all simulated hosts, without a slash at the end."""
        return self.world.base_url

    @property
    def clock(self) -> StackClock:
        """The stack clock."""
        return self.world.clock

    def host(self, name: str) -> str:
        """Address of one simulated host, e.g. ``twilio``, ``slack``, ``ztf``, ``irsa``."""
        return f"{self.http_url}/{name}"

    def told(self, kind: str | None = None) -> list[Entry]:
        """The journal's entries of a kind."""
        return self.world.journal.entries(kind)

    def fault(self, route: str, kind: FaultKind | str, **more: Any) -> Fault:
        """Switch a fault on; see `FaultRequest`."""
        request = FaultRequest.model_validate({"route": route, "kind": kind, **more})
        return self.world.faults.switch_on(request)

    async def settle(self) -> None:
        """Wait until the world has caught up with the clock and with the customer's answers."""
        await self.world.settle()

    async def advance(self, seconds: float) -> datetime:
        """Move the stack clock and settle."""
        self.clock.advance(seconds)
        await self.settle()
        return self.clock.now()

    @classmethod
    @contextlib.asynccontextmanager
    async def running(
        cls,
        state_dir: Path,
        *,
        start_at: datetime | None = None,
        frozen: bool = False,
        **settings: Any,
    ) -> AsyncIterator[Self]:
        """Run a world in this event loop, on free ports.

        Parameters
        ----------
        state_dir
            Where it keeps everything.
        start_at
            Stack time to begin with, if nothing is kept in the folder; the wall clock's now if
            left out.
        frozen
            The stack clock stands still unless moved.
        settings
            Fields of `SimulatorSettings` that differ from the defaults.
        """
        made = SimulatorSettings.model_validate({**_ANY_PORT, "state_dir": state_dir, **settings})
        async with started(made, start_at=start_at, frozen=frozen) as (
            world,
            http_port,
            smtp_port,
            sftp_ports,
        ):
            yield cls(world, http_port, smtp_port, sftp_ports)


@contextlib.asynccontextmanager
async def started(
    settings: SimulatorSettings, *, start_at: datetime | None = None, frozen: bool = False
) -> AsyncIterator[tuple[World, int, int, dict[FileTelescope, int]]]:
    """Open every socket, run the stepper, and close all of it again.

    Raises
    ------
    PortBusyError
        A port cannot be used.
    """
    async with contextlib.AsyncExitStack() as stack:
        listener = stack.enter_context(_listen(settings.http_host, settings.http_port))
        http_port = int(listener.getsockname()[1])
        world = World(settings, base_url=settings.base_url(http_port), start_at=start_at)
        if frozen:
            world.clock.set_speed(0.0)
        stack.push_async_callback(world.close)
        smtp_port = await stack.enter_async_context(_smtp(world))
        sftp_ports = {
            name: await stack.enter_async_context(
                host.listening(_listen(settings.http_host, settings.sftp_port(name)))
            )
            for name, host in world.sftp_hosts.items()
        }
        world.keys.write_known_hosts(settings.http_host, sftp_ports)
        stepping = asyncio.create_task(world.stepper.run())
        stack.push_async_callback(_cancel, stepping)
        if world.gcn_stream is not None:
            streaming = asyncio.create_task(world.gcn_stream.run())
            stack.push_async_callback(_cancel, streaming)
        await stack.enter_async_context(_http(world, listener))
        yield world, http_port, smtp_port, sftp_ports


@contextlib.asynccontextmanager
async def _http(world: World, listener: socket.socket) -> AsyncIterator[None]:
    config = uvicorn.Config(
        make_application(world),
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="off",
        http="h11",
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            if serving.done():
                await serving
            await asyncio.sleep(0.005)
        yield
    finally:
        server.should_exit = True
        world.clock.settle_for_stop()  # lets go of those who wait for a change
        await serving


@contextlib.asynccontextmanager
async def _smtp(world: World) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    listener = _listen(world.settings.http_host, world.settings.smtp_port)
    server = await loop.create_server(lambda: protocol(world.mailbox), sock=listener)
    try:
        yield int(listener.getsockname()[1])
    finally:
        server.close()
        await server.wait_closed()


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

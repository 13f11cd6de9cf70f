"""The process of its own: `too_simulators.app:serve`."""

import asyncio
import signal
import sys

import structlog

from too_simulators.running import PortBusyError, started
from too_simulators.settings import SimulatorSettings


async def _serve(settings: SimulatorSettings) -> None:
    log = structlog.get_logger(__name__)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    async with started(settings) as (world, http_port, smtp_port, sftp_ports):
        log.info(
            "simulators_ready",
            page=f"{world.base_url}/",
            http_port=http_port,
            smtp_port=smtp_port,
            sftp_ports={str(name): port for name, port in sftp_ports.items()},
        )
        await stop.wait()


def serve() -> None:
    """Run the simulated world until SIGINT or SIGTERM."""
    try:
        asyncio.run(_serve(SimulatorSettings()))
    except PortBusyError as error:
        sys.stderr.write(f"simulators: {error}\n")
        sys.exit(1)

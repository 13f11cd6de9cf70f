"""Looks at every facility that is not off, so that a dead one is known before it is needed."""

import asyncio

from too_common.cause import Cause
from too_common.context import Context
from too_common.contracts.queue_submit import FacilityMode
from too_common.errors import PermanentError, TransientError

from too_queue_submit import store
from too_queue_submit.clients.base import NotSentError, Recorder
from too_queue_submit.resources import Resources
from too_queue_submit.usecases import switches


async def watch_facilities(ctx: Context) -> None:
    """Ping the facilities for ever."""
    while True:
        async with ctx.unit_of_work() as uow:
            rows = await store.facilities(uow.session)
            wanted = [(row.name, FacilityMode(row.mode)) for row in rows]
        for name, mode in wanted:
            if mode is not FacilityMode.OFF and name in ctx.resources.facilities:
                await ping(ctx, name, mode)
        await asyncio.sleep(ctx.settings.reachability_interval_s)


async def ping(ctx: Context, name: str, mode: FacilityMode) -> str | None:
    """Look at one facility; what is wrong, or None.

    The other side's identity is looked at too: a wrong world is as bad as silence.
    """
    error = await _ping(ctx, name, mode)
    async with ctx.unit_of_work(Cause()) as uow:
        row = await store.facility(uow.session, name)
        if row.mode == mode.value:
            await switches.record_contact(uow, name, error)
    return error


async def _ping(ctx: Context, name: str, mode: FacilityMode) -> str | None:
    resources: Resources = ctx.resources
    recorder = Recorder(ctx.wall.now)
    try:
        async with (
            asyncio.timeout(ctx.settings.lease_s),
            resources.queue_client(name, mode) as client,
        ):
            identity = await client.identify(recorder)
            if identity.is_simulator != (mode is FacilityMode.SIMULATED):
                return (
                    "a simulator answers at the live address"
                    if identity.is_simulator
                    else "what answers does not identify itself as a simulator"
                )
            await client.ping(recorder)
    except (TransientError, NotSentError, PermanentError, TimeoutError) as error:
        return str(error) or "no answer in time"
    return None

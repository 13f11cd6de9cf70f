"""Live pages: changes in the database wake the open pages of every replica."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import asyncpg
import structlog
from too_common.context import Context
from too_common.db.engine import asyncpg_url

from too_vetting_api.store.projections import LIVE_CHANNEL

log = structlog.get_logger(__name__)

CHECK_S = 20.0
"""How often the listening connection is asked whether it still lives."""


class LiveHub:
    """Hands changes on to the streams that wait for them; a slow page gets one wake-up for many."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Queue[str]] = set()

    def tell(self, event_id: str) -> None:
        """Something of an event changed; an empty id means: not of an event."""
        for queue in self._waiting:
            with contextlib.suppress(asyncio.QueueFull):
                queue.put_nowait(event_id)

    async def changes(self, event_id: str | None) -> AsyncGenerator[str]:
        """Changes of one event, or all."""
        queue: asyncio.Queue[str] = asyncio.Queue(maxsize=64)
        self._waiting.add(queue)
        try:
            while True:
                changed = await queue.get()
                if event_id is None or changed in {"", event_id}:
                    yield changed
        finally:
            self._waiting.discard(queue)


async def listen(ctx: Context) -> None:
    """Hear NOTIFY of every replica until cancelled; the caller restarts it if it fails."""
    hub: LiveHub = ctx.resources.live
    connection = await asyncpg.connect(asyncpg_url(ctx.settings.database_url.get_secret_value()))
    try:
        await connection.add_listener(LIVE_CHANNEL, lambda *args: hub.tell(str(args[3])))
        while True:
            await asyncio.sleep(CHECK_S)
            await connection.execute("SELECT 1")
    finally:
        with contextlib.suppress(Exception):
            await connection.close(timeout=2)

"""Rendered answers kept in memory by what they are made of; each is made once at a time."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

MAX_BYTES = 48 * 1024 * 1024


class RenderCache:
    """Bytes by key, the least recently used forgotten first.

    Parameters
    ----------
    max_bytes
        Most that is kept.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._making: dict[str, asyncio.Future[bytes]] = {}

    async def get(self, key: str, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """What is kept, or made now; those who ask meanwhile wait for the same."""
        known = self._kept.get(key)
        if known is not None:
            self._kept.move_to_end(key)
            return known
        making = self._making.get(key)
        if making is None:
            # a task of its own: if who asked first goes away, the others still get it
            making = asyncio.ensure_future(make())
            self._making[key] = making
            making.add_done_callback(lambda done: self._finish(key, done))
        return await asyncio.shield(making)

    def _finish(self, key: str, done: "asyncio.Future[bytes]") -> None:
        self._making.pop(key, None)
        if done.cancelled() or done.exception() is not None:
            return
        content = done.result()
        if len(content) > self._max_bytes:
            return
        self._kept[key] = content
        self._size += len(content)
        while self._size > self._max_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._size -= len(oldest)

"""Which due work is to look for rows again, asked after commits and taken by one forwarder."""

import asyncio
from collections.abc import Collection


class DueWakes:
    """Names that were asked for since the last look; nothing named means all."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._names: set[str] = set()
        self._is_all = False

    def ask(self, names: Collection[str] = ()) -> None:
        """Have due work of these names look again; without a name, all of it."""
        if names:
            self._names.update(names)
        else:
            self._is_all = True
        self._asked.set()

    async def wanted(self) -> frozenset[str] | None:
        """Wait until something is asked for, and take it; None stands for all."""
        await self._asked.wait()
        self._asked.clear()
        names, is_all = frozenset(self._names), self._is_all
        self._names.clear()
        self._is_all = False
        return None if is_all else names

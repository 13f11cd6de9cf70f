"""A backlog of notices goes before the maps and comparisons that follow from it.

After an outage or in a replay hundreds of notices wait at the broker. Until they are stored and
told nobody knows of them, while maps and coincidences can come a moment later; both want the same
processors. So that work stands back while there is a backlog, though never for long: in a stream
that does not end maps come slowly, not never.
"""

import asyncio

from too_common.context import Context

LONGEST_WAIT_S = 2.0
"""No job waits for longer, whatever the stream brings."""
_STATE = "notices_backlog"


class Backlog:
    """Whether more notices wait at the broker than one batch holds."""

    def __init__(self) -> None:
        self._is_over = asyncio.Event()
        self._is_over.set()

    @property
    def is_there(self) -> bool:
        """True while notices wait."""
        return not self._is_over.is_set()

    def note(self, *, is_there: bool) -> None:
        """Say what the last batch showed."""
        if is_there:
            self._is_over.clear()
        else:
            self._is_over.set()

    async def over(self, longest_s: float = LONGEST_WAIT_S) -> None:
        """Return once there is no backlog, or after ``longest_s`` seconds."""
        if self._is_over.is_set():
            return
        try:
            async with asyncio.timeout(longest_s):
                await self._is_over.wait()
        except TimeoutError:
            return


def backlog_of(ctx: Context) -> Backlog:
    """The backlog of this process's listener."""
    found: Backlog = ctx.state.setdefault(_STATE, Backlog())
    return found

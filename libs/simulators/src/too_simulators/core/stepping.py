"""The world's heart: parts that live on the stack clock are stepped, never slept on.

Each part says when something will happen next; the stepper waits for that stack time, for a
change of the clock, or for a nudge (a request came in), and steps all of them. However far the
clock jumps, a part works off what lies between in order.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

import structlog

from too_simulators.core.clock import StackClock

_LONGEST_WAIT_S = 30.0


class Part(Protocol):
    """Something that lives on the stack clock."""

    def next_at(self, now: datetime) -> datetime | None:
        """When something will happen next, if nobody interferes."""
        ...

    def step(self, now: datetime) -> None:
        """Work off everything that was due up to now, in order."""
        ...


class Stepper:
    """Steps the parts.

    Parameters
    ----------
    clock
        The stack clock.
    parts
        Whom to step.
    after
        Called after each round: keeps states on disk, sends what the parts want sent.
    """

    def __init__(
        self, clock: StackClock, parts: Sequence[Part], after: Callable[[], Awaitable[None]]
    ) -> None:
        self._clock = clock
        self._parts = parts
        self._after = after
        self._nudged = asyncio.Event()
        self._failed = False
        self._log = structlog.get_logger(__name__)

    def nudge(self) -> None:
        """Something happened outside the clock: look at once."""
        self._nudged.set()

    async def round(self) -> None:
        """Step every part once; one that fails does not stop the others."""
        self._failed = False
        now = self._clock.now()
        for part in self._parts:
            try:
                part.step(now)
            except Exception:  # noqa: BLE001  the edge of a loop that must go on; it records
                self._failed = True
                self._log.exception("simulator_step_failed", part=type(part).__name__)
        await self._after()

    def next_at(self) -> datetime | None:
        """The earliest of all parts."""
        now = self._clock.now()
        times = [at for part in self._parts if (at := part.next_at(now)) is not None]
        return min(times, default=None)

    async def run(self) -> None:
        """Step for ever."""
        while True:
            self._nudged.clear()
            version = self._clock.version
            await self.round()
            wait_s = self._clock.wall_seconds_until(self.next_at())
            timeout_s = _LONGEST_WAIT_S if wait_s is None else min(wait_s, _LONGEST_WAIT_S)
            # yields at least once, so that a part that is always due cannot starve the loop
            await self._pause(version, max(timeout_s, 1.0 if self._failed else 0.005))

    async def _pause(self, version: int, timeout_s: float) -> None:
        waiters = [
            asyncio.ensure_future(self._nudged.wait()),
            asyncio.ensure_future(self._clock.wait_change(version, timeout_s)),
        ]
        try:
            await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiter in waiters:
                waiter.cancel()
            await asyncio.gather(*waiters, return_exceptions=True)

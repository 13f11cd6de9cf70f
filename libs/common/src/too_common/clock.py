"""The two clocks, both injected.

The wall clock is for infrastructure (tokens, leases, back-off, latency). The stack clock is what
the domain calls now. In production the two agree; beside the simulators the stack clock follows
theirs, has an offset and a speed, and never goes back.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import httpx
import structlog
from pydantic import AwareDatetime, BaseModel

log = structlog.get_logger(__name__)

POLL_TIMEOUT_S = 25.0
"""Length of a long poll; below the 30 s at which proxies tend to cut."""
RETRY_S = 0.5
"""Pause after the clock's owner did not answer; the last known course goes on meanwhile."""


class Clock(Protocol):
    """Anything that tells the time."""

    def now(self) -> datetime:
        """Aware UTC time."""
        ...


class WallClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Aware UTC time of the machine."""
        return datetime.now(UTC)


class ClockReading(BaseModel):
    """What the owner of the stack clock tells."""

    version: int
    stack_time: AwareDatetime
    wall_time: AwareDatetime
    speed: float


class StackClock:
    """The time of the domain: 1:1 with the machine unless it follows an owner.

    Parameters
    ----------
    offset
        Stack time minus wall time at the start.
    speed
        Stack seconds per wall second.
    """

    def __init__(self, offset: timedelta = timedelta(0), speed: float = 1.0) -> None:
        self._anchor_mono = time.monotonic()
        self._anchor = datetime.now(UTC) + offset
        self._speed = speed
        self._version = -1
        self._latest = self._anchor
        self._listeners: list[Callable[[], None]] = []

    @property
    def speed(self) -> float:
        """Stack seconds per wall second."""
        return self._speed

    @property
    def version(self) -> int:
        """Version of the owner's course that is followed; -1 before the first reading."""
        return self._version

    def now(self) -> datetime:
        """Stack time; never less than what was told before."""
        elapsed = (time.monotonic() - self._anchor_mono) * self._speed
        current = self._anchor + timedelta(seconds=elapsed)
        self._latest = max(self._latest, current)
        return self._latest

    def wall_seconds_until(self, stack_time: datetime) -> float:
        """Wall seconds until a stack time; 0 if it has passed, infinite if the clock stands."""
        left = (stack_time - self.now()).total_seconds()
        if left <= 0:
            return 0.0
        return left / self._speed if self._speed > 0 else float("inf")

    def set(self, reading: ClockReading) -> None:
        """Take over the owner's course.

        The reading is anchored to our monotonic clock: a step of the machine's wall clock after
        this moment moves nothing.
        """
        age = max(0.0, (datetime.now(UTC) - reading.wall_time).total_seconds())
        self._anchor = reading.stack_time + timedelta(seconds=age * reading.speed)
        self._anchor_mono = time.monotonic()
        self._speed = reading.speed
        changed = reading.version != self._version
        self._version = reading.version
        if changed:
            for listener in list(self._listeners):
                listener()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` whenever the course changes (loops re-arm their timers)."""
        self._listeners.append(listener)


async def read_clock(
    url: str, client: httpx.AsyncClient, *, after: int | None = None
) -> ClockReading:
    """Read the stack clock of its owner; with ``after``, wait for a newer version."""
    params = {} if after is None else {"after": str(after), "timeout_s": str(POLL_TIMEOUT_S)}
    answer = await client.get(url, params=params, timeout=POLL_TIMEOUT_S + 10)
    answer.raise_for_status()
    return ClockReading.model_validate_json(answer.content)


async def follow(clock: StackClock, url: str, client: httpx.AsyncClient) -> None:
    """Follow the owner's clock until cancelled."""
    while True:
        try:
            after = None if clock.version < 0 else clock.version
            clock.set(await read_clock(url, client, after=after))
        except (httpx.HTTPError, ValueError) as error:
            log.warning("stack_clock_unreachable", error=type(error).__name__)
            await asyncio.sleep(RETRY_S)


async def first_reading(clock: StackClock, url: str, client: httpx.AsyncClient) -> None:
    """Take the first reading before anything asks for the time, or go on 1:1 after a while."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(10):
            while clock.version < 0:
                try:
                    clock.set(await read_clock(url, client))
                except (httpx.HTTPError, ValueError):
                    await asyncio.sleep(RETRY_S)

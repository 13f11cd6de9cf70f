"""The stack clock's owner: an offset and a speed over the wall clock, never going back.

Services follow it over HTTP (``GET /control/clock``, long-polled by version). The pure part is
`StackClock`; who waits on it does so through `wait_change`.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pydantic import AwareDatetime, BaseModel, Field

MAX_SPEED = 20_000.0
"""A night in under three seconds; faster than that, services could not keep up."""

MAX_JUMP_S = 31 * 86400.0
"""What lies between is worked off second by second: a month takes long enough."""


class ClockError(ValueError):
    """The clock was asked to go back, or to run at a speed that makes no sense."""


class ClockState(BaseModel):
    """What is kept on disk: stack time `stack_at` belongs to wall time `wall_at`."""

    version: int = 1
    stack_at: AwareDatetime
    wall_at: AwareDatetime
    speed: float = Field(default=1.0, ge=0, le=MAX_SPEED)


class ClockReading(BaseModel):
    """The answer on the wire."""

    version: int
    stack_time: AwareDatetime
    wall_time: AwareDatetime
    speed: float


def utc_now() -> datetime:
    """Wall clock, UTC."""
    return datetime.now(UTC)


class StackClock:
    """Stack time as a function of wall time.

    Parameters
    ----------
    state
        As loaded from disk, or None for a clock that starts at the wall clock's now.
    wall
        The wall clock, injected.
    """

    def __init__(
        self, state: ClockState | None = None, *, wall: Callable[[], datetime] = utc_now
    ) -> None:
        self._wall = wall
        now = wall()
        self._state = state or ClockState(stack_at=now, wall_at=now)
        self._highest = self._state.stack_at
        self._changed = asyncio.Event()

    @property
    def state(self) -> ClockState:
        """The anchor to be kept on disk."""
        return self._state

    @property
    def version(self) -> int:
        """Grows by one with every change of offset or speed."""
        return self._state.version

    @property
    def speed(self) -> float:
        """Stack seconds per wall second."""
        return self._state.speed

    def now(self) -> datetime:
        """Stack time, UTC; never earlier than what was told before."""
        elapsed = self._wall() - self._state.wall_at
        at = self._state.stack_at + elapsed * self._state.speed
        self._highest = max(self._highest, at)
        return self._highest

    def reading(self) -> ClockReading:
        """What a follower is told."""
        return ClockReading(
            version=self._state.version,
            stack_time=self.now(),
            wall_time=self._wall(),
            speed=self._state.speed,
        )

    def advance(self, seconds: float) -> datetime:
        """Move forward by stack seconds."""
        if seconds < 0:
            raise ClockError("the stack clock never goes back")
        if seconds > MAX_JUMP_S:
            raise ClockError("the stack clock moves by a month at most")
        return self._anchor(self.now() + timedelta(seconds=seconds), self._state.speed)

    def to(self, at: datetime) -> datetime:
        """Move forward to a stack time."""
        if at < self.now():
            raise ClockError(f"the stack clock never goes back: it is past {at.isoformat()}")
        if at > self.now() + timedelta(seconds=MAX_JUMP_S):
            raise ClockError("the stack clock moves by a month at most")
        return self._anchor(at, self._state.speed)

    def set_speed(self, speed: float) -> datetime:
        """Change the speed; 0 stops the clock (tests alone want that)."""
        if not 0 <= speed <= MAX_SPEED:
            raise ClockError(f"speed must lie between 0 and {MAX_SPEED:g}")
        return self._anchor(self.now(), speed)

    def settle_for_stop(self) -> None:
        """Anchor at now with speed 1: while the stack is down its time passes as everybody's."""
        self._anchor(self.now(), 1.0)

    def _anchor(self, stack_at: datetime, speed: float) -> datetime:
        self._state = ClockState(
            version=self._state.version + 1, stack_at=stack_at, wall_at=self._wall(), speed=speed
        )
        self._highest = max(self._highest, stack_at)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        return stack_at

    def wall_seconds_until(self, at: datetime | None) -> float | None:
        """Wall seconds until a stack time, or None if it never comes."""
        if at is None:
            return None
        left = (at - self.now()).total_seconds()
        if left <= 0:
            return 0.0
        return left / self._state.speed if self._state.speed > 0 else None

    async def wait_change(self, after: int, timeout_s: float) -> None:
        """Return once the version exceeds `after`, or when the time is up."""
        if self._state.version > after:
            return
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return

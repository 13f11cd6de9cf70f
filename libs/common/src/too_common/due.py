"""What is due in stack time: rows with a time, taken with SKIP LOCKED by one loop per kind.

The loop re-arms when the clock changes, when a transaction of this process says that a row got an
earlier time, and every two seconds in any case (another process may have written the row).
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from too_common.context import Context
from too_common.db.retry import is_database_away
from too_common.errors import TransientError
from too_common.uow import UnitOfWork

log = structlog.get_logger(__name__)

POLL_S = 2.0
ERROR_WAIT_S = 1.0
MIN_WAIT_S = 0.01


@dataclass(frozen=True)
class DueWork:
    """A kind of due work.

    Attributes
    ----------
    name
        For logs and the admin API.
    function
        Takes and works off at most one due row in the given unit of work; returns the stack time
        at which to look again (``uow.now`` or earlier: at once), or None for nothing known.
    """

    name: str
    function: Callable[[UnitOfWork], Awaitable[datetime | None]]


class DueLoop:
    """Runs one kind of due work until stopped."""

    def __init__(self, ctx: Context, work: DueWork) -> None:
        self._ctx = ctx
        self._work = work
        self._wake = asyncio.Event()
        self._stopping = False
        self._is_failing = False

    @property
    def name(self) -> str:
        """Of the work."""
        return self._work.name

    def wake(self) -> None:
        """Look again now."""
        self._wake.set()

    async def stop(self) -> None:
        """Stop after the row in hand."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Work until `stop`; one row's failure never ends the loop."""
        while not self._stopping:
            self._wake.clear()
            try:
                async with self._ctx.unit_of_work() as uow:
                    again = await self._work.function(uow)
            except Exception as error:
                if is_database_away(error) or isinstance(error, TransientError):
                    log.warning("due_work_waits", work=self._work.name, error=repr(error)[:200])
                else:
                    log.exception("due_work_failed", work=self._work.name)
                    await self._tell(error)
                await self._sleep(ERROR_WAIT_S)
                continue
            if self._is_failing:
                await self._tell(None)
            if again is None:
                await self._sleep(POLL_S)
                continue
            wait = self._ctx.clock.wall_seconds_until(again)
            if wait > 0:
                await self._sleep(min(max(wait, MIN_WAIT_S), POLL_S))

    async def _tell(self, error: Exception | None) -> None:
        """Raise an alarm while the work fails (escalation may hang on it), clear it after."""
        alarm_id = f"due:{self._ctx.service}:{self._work.name}"
        try:
            async with self._ctx.unit_of_work() as uow:
                if error is None:
                    await uow.clear_alarm(alarm_id=alarm_id)
                else:
                    what = f"{type(error).__name__}: {error}"[:300]
                    await uow.alarm(
                        alarm_id=alarm_id,
                        code="due_work_failed",
                        summary=f"{self._ctx.service}: {self._work.name} fails: {what}",
                        severity="critical",
                    )
        except Exception as failure:
            if not is_database_away(failure):
                raise
            return
        self._is_failing = error is not None

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

"""CPU work in processes of its own: spawned, warm, with a deadline and a memory limit per task.

Spawned, because a fork would inherit librdkafka's threads. A task that is endless or too large is
killed and fails alone; the others go on (the standard library's pool breaks as a whole).
"""

import asyncio
import contextlib
import os
import resource
import signal
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessPool

from too_common.errors import PermanentError, TransientError

T = TypeVar("T")

NICENESS = 5
"""How far worker processes stand back behind the services' own."""
_AUTOGROUP = Path("/proc/self/autogroup")


class WorkerDeadlineError(PermanentError):
    """The task took longer than it may; its process was killed."""


class WorkerMemoryError(PermanentError):
    """The task wanted more memory than it may have."""


def _initialise(memory_mb: int, warm: Callable[[], None] | None) -> None:
    # Ctrl-C is for the parent, which ends us in order
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _stand_back()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if memory_mb > 0:
        limit = memory_mb * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    if warm is not None:
        warm()


def _stand_back() -> None:
    """Let arithmetic that fills the cores not keep the services from answering.

    Linux may share the cores among sessions before it looks at niceness (autogroup, where no
    control groups are used): workers of the service's own session would then use up its share, and
    its loop would wait for a core as long as they do. So they get sessions of their own.
    """
    os.nice(NICENESS)
    with contextlib.suppress(OSError):  # it leads one already
        os.setsid()
    with contextlib.suppress(OSError):  # a kernel without autogroup
        _AUTOGROUP.write_text(str(NICENESS))


def _warmed() -> bool:
    return True


class Workers:
    """A small pool of worker processes.

    Parameters
    ----------
    count
        Processes; 0 runs tasks in a thread (tests of pure code paths only).
    memory_mb
        Address space of each.
    warm
        Top-level function that imports what tasks need, run once per process.
    """

    def __init__(
        self, *, count: int, memory_mb: int, warm: Callable[[], None] | None = None
    ) -> None:
        self._count = count
        self._memory_mb = memory_mb
        self._warm = warm
        self._pool: ProcessPool | None = None

    def start(self) -> None:
        """Start the processes; they warm up while the service gets ready."""
        if self._count == 0:
            return
        if self._pool is not None:
            if self._pool.active:
                return
            # pebble gives the whole pool up when a worker dies that it knew no task of (killed
            # while idle, or before it said what it had begun)
            self._pool = None
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ.setdefault(name, "1")
        self._pool = ProcessPool(
            max_workers=self._count,
            context=get_context("spawn"),
            initializer=_initialise,
            initargs=(self._memory_mb, self._warm),
        )
        for _ in range(self._count):
            self._pool.schedule(_warmed)

    async def run(self, function: Callable[..., T], *args: Any, deadline_s: float = 60.0) -> T:
        """Run a top-level function in a worker process.

        Raises
        ------
        WorkerDeadlineError
            If it takes longer than ``deadline_s`` seconds.
        WorkerMemoryError
            If it wants more memory than a worker may have.
        TransientError
            If its process died of something else (it may be tried again).
        """
        if self._count == 0:
            async with asyncio.timeout(deadline_s):
                return await asyncio.to_thread(function, *args)
        self.start()
        assert self._pool is not None  # noqa: S101  -- start() made it
        try:
            future = self._pool.schedule(function, args=list(args), timeout=deadline_s)
        except RuntimeError as error:
            raise TransientError(f"{function.__name__}: the workers are being replaced") from error
        try:
            return await asyncio.wrap_future(future)
        except TimeoutError as error:
            raise WorkerDeadlineError(
                f"{function.__name__} took longer than {deadline_s:g} s"
            ) from error
        except MemoryError as error:
            raise WorkerMemoryError(
                f"{function.__name__} wanted more than {self._memory_mb} MB"
            ) from error
        except (ProcessExpired, BrokenProcessPool) as error:
            raise TransientError(f"{function.__name__}: worker process died ({error})") from error
        except asyncio.CancelledError:
            future.cancel()  # type: ignore[no-untyped-call]
            raise

    async def stop(self) -> None:
        """End the processes; tasks in hand are lost (their jobs start again)."""
        if self._pool is None:
            return
        pool, self._pool = self._pool, None
        pool.stop()  # type: ignore[no-untyped-call]
        await asyncio.to_thread(pool.join, 5)

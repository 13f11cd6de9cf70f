"""One stack per data folder: a lock that the kernel gives back when its holder ends."""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from too_common.local.process import StartError


class StackRunningError(StartError):
    """Another process runs the stack of this folder."""


@dataclass
class StackLock:
    """The lock on a data folder.

    The file tells a person who holds it; the lock itself is the kernel's, so one left behind by a
    run that was killed is free again.
    """

    path: Path
    _file: IO[str] | None = None
    stale_pid: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises
        ------
        StackRunningError
            If another process holds it, with its process id and what else can be done.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = self.path.open("a+")
        file.seek(0)
        text = file.read().strip()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise StackRunningError(
                f"the stack of {self.path.parent} runs already (process {text or 'unknown'}). "
                "Stop it with Ctrl-C where it was started"
                + (f" or with `kill {text}`" if text.isdigit() else "")
                + ", or start a second one beside it: "
                "TOO_DATA_DIR=var2 TOO_PORT_BASE=8600 make up"
            ) from None
        self.stale_pid = int(text) if text.isdigit() else None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._file = file

    def release(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()
            self._file = None

    @staticmethod
    def holder(path: Path) -> int | None:
        """Process id of who holds the lock; None if nobody does."""
        try:
            with path.open("r+") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    text = file.read().strip()
                    return int(text) if text.isdigit() else 0
        except OSError:
            return None
        return None

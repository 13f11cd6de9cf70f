"""Runs the parts of the local stack: starts, watches, restarts and stops them in order.

One thread, one loop: every tenth of a second each part's state is looked at.
"""

import enum
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from too_common.local.parts import Part
from too_common.local.process import StartError, log_tail

TICK_S = 0.1
_FIRST_BACKOFF_S = 0.5
_MAX_BACKOFF_S = 30.0
_STEADY_S = 60.0
"""A part that ran so long had recovered: its next crash begins with the shortest pause."""


class State(enum.StrEnum):
    """What a supervised part is doing."""

    STARTING = "starting"
    READY = "ready"
    WAITING = "waiting"
    STOPPED = "stopped"


@dataclass
class Supervised:
    """A part with its history."""

    name: str
    part: Part
    start_timeout_s: float = 120.0
    state: State = State.STOPPED
    crashes: int = 0
    since: float = 0.0
    again_at: float = 0.0
    was_ready: bool = False
    when_ready_again: Callable[[], None] | None = None

    def backoff_s(self) -> float:
        """Pause before the next start; doubles with every crash in a row."""
        return min(_MAX_BACKOFF_S, _FIRST_BACKOFF_S * 2.0 ** (self.crashes - 1))


@dataclass
class Supervisor:
    """The parts, in the order of their start.

    Parameters
    ----------
    report
        Told every line that a person should see.
    now
        Monotonic seconds (tests inject their own).
    first_attempts
        So often a part may end before it was ready once; then the stack gives up.
    """

    report: Callable[[str], None]
    now: Callable[[], float] = time.monotonic
    first_attempts: int = 3
    stop_requested: threading.Event = field(default_factory=threading.Event)
    parts: list[Supervised] = field(default_factory=list)

    def start(self, name: str, part: Part, *, start_timeout_s: float = 120.0) -> Supervised:
        """Launch a part and look after it from now on."""
        supervised = Supervised(name, part, start_timeout_s=start_timeout_s)
        self.parts.append(supervised)
        self._launch(supervised)
        return supervised

    def wait_ready(self, parts: Sequence[Supervised]) -> bool:
        """Wait until all of the parts are ready; false if a stop was requested meanwhile.

        Raises
        ------
        StartError
            If one cannot be started.
        """
        while any(item.state is not State.READY for item in parts):
            if self.stop_requested.wait(TICK_S):
                return False
            self.tick()
        return True

    def watch(self) -> None:
        """Look after all parts until a stop is requested."""
        while not self.stop_requested.wait(TICK_S):
            self.tick()

    def tick(self) -> None:
        """Look at every part once."""
        for item in self.parts:
            match item.state:
                case State.STARTING:
                    self._look_at_starting(item)
                case State.READY if not item.part.running:
                    self._crashed(item)
                case State.WAITING if self.now() >= item.again_at:
                    self._launch(item)
                case _:
                    pass

    def stop_all(self) -> None:
        """Stop the parts in reverse order; those that were started together, together."""
        for item in reversed(self.parts):
            running, item.state = item.part.running, State.STOPPED
            if running:
                item.part.stop()
        self.parts.clear()

    def stop_together(self, items: Sequence[Supervised]) -> None:
        """Stop several parts at once and wait for all of them."""
        threads = []
        for item in items:
            item.state = State.STOPPED
            thread = threading.Thread(target=item.part.stop, name=f"stop-{item.name}")
            thread.start()
            threads.append(thread)
        for thread in threads:
            thread.join()
        self.parts = [item for item in self.parts if item not in items]

    def kill_all(self) -> None:
        """End everything at once."""
        for item in self.parts:
            item.state = State.STOPPED
            item.part.kill()

    # -- inside ------------------------------------------------------------------------------

    def _launch(self, item: Supervised) -> None:
        item.since = self.now()
        item.state = State.STARTING
        item.part.launch()

    def _look_at_starting(self, item: Supervised) -> None:
        elapsed = self.now() - item.since
        if not item.part.running:
            self._crashed(item)
        elif item.part.ready():
            item.state = State.READY
            again, item.was_ready = item.was_ready, True
            item.since = self.now()
            word = "ready again" if again else "ready"
            self.report(f"  {item.name:<14} {word} after {elapsed:4.1f} s")
            if again and item.when_ready_again is not None:
                item.when_ready_again()
        elif elapsed > item.start_timeout_s:
            self.report(f"  {item.name:<14} is not ready after {elapsed:.0f} s")
            item.part.kill()
            self._crashed(item)

    def _crashed(self, item: Supervised) -> None:
        if item.state is State.READY and self.now() - item.since > _STEADY_S:
            item.crashes = 0
        item.crashes += 1
        code = item.part.exit_code
        tail = log_tail(item.part.log_file)
        if not item.was_ready and item.crashes >= self.first_attempts:
            raise StartError(
                f"{item.name} does not start (it ended with code {code}, "
                f"{item.crashes} times); {item.part.log_file} ends:\n{tail}"
            )
        pause = item.backoff_s()
        item.state = State.WAITING
        item.again_at = self.now() + pause
        self.report(
            f"  {item.name:<14} ended ({_how(code)}); starting it again in {pause:.1f} s "
            f"(log: {item.part.log_file})"
        )


def _how(code: int | None) -> str:
    if code is None:
        return "no answer"
    return f"signal {-code}" if code < 0 else f"code {code}"

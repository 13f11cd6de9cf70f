"""What a service's event loop does with its time, seen from outside, by the kernel's books.

On a busy machine an answer is late because the process waited for a core as well as because its
loop was held up. The kernel counts both for the main thread: time on a core, time ready to run
without one, and how often it went to sleep of its own accord. Between two such sleeps the loop has
not looked for news (or waited for the interpreter's lock), so the processor time spent in between
is how long a request could have been held up on a free machine.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SAMPLE_S = 0.004


@dataclass
class LoopUse:
    """Seconds of the main thread of a process."""

    wall: float = 0.0
    on_core: float = 0.0
    waited: float = 0.0
    """For a core, ready to run."""
    stretches: list[float] = field(default_factory=list)
    """On a core between two looks of this watch at which the thread had slept, longest first."""

    def as_json(self) -> dict[str, Any]:
        """Numbers for the results' file."""
        return {
            "wall_s": round(self.wall, 2),
            "on_core_s": round(self.on_core, 3),
            "waited_for_core_s": round(self.waited, 3),
            "longest_on_core_s": [round(value, 4) for value in self.stretches[:10]],
        }


def watch(pid: int, over: Any, results: Any) -> None:
    """Follow a process's main thread until told to stop; in a process of its own."""
    place = Path(f"/proc/{pid}/task/{pid}")
    use = LoopUse()
    begin = time.perf_counter()
    core0, wait0, slept0 = _read(place)
    core, slept, stretch = core0, slept0, 0.0
    waited = wait0
    while not over.is_set():
        time.sleep(SAMPLE_S)
        try:
            now, waited, sleeps = _read(place)
        except OSError:
            break
        if sleeps == slept:
            stretch += now - core
        else:
            # the sleep lies somewhere in between: what follows it begins anew
            use.stretches.append(stretch + (now - core))
            stretch = 0.0
        core, slept = now, sleeps
    use.stretches = sorted(use.stretches, reverse=True)[:50]
    use.wall = time.perf_counter() - begin
    use.on_core, use.waited = core - core0, waited - wait0
    results.put(use)


def _read(place: Path) -> tuple[float, float, int]:
    on_core, waited, _ = (place / "schedstat").read_text().split()
    for line in (place / "status").read_text().splitlines():
        if line.startswith("voluntary_ctxt_switches:"):
            return int(on_core) / 1e9, int(waited) / 1e9, int(line.split()[1])
    raise OSError("the kernel does not say how often the thread slept")

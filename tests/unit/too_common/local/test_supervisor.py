"""The supervisor's decisions, with made-up parts and a clock of the test's own."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from too_common.local.process import StartError
from too_common.local.supervisor import State, Supervisor


@dataclass
class FakePart:
    """A part that does what the test says."""

    log_file: Path
    running: bool = False
    is_ready: bool = False
    pid: int | None = None
    exit_code: int | None = None
    calls: list[str] = field(default_factory=list)

    def launch(self) -> None:
        self.calls.append("launch")
        self.running = True

    def ready(self) -> bool:
        return self.is_ready

    def stop(self) -> None:
        self.calls.append("stop")
        self.running = False

    def kill(self) -> None:
        self.calls.append("kill")
        self.running = False

    def crash(self, code: int = 1) -> None:
        self.running, self.exit_code = False, code


@dataclass
class Clock:
    """Seconds that pass when told."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def supervisor(clock: Clock, told: list[str]) -> Supervisor:
    return Supervisor(told.append, now=clock)


@pytest.fixture
def part(tmp_path: Path) -> FakePart:
    log = tmp_path / "part.log"
    log.write_text("what went wrong\n")
    return FakePart(log)


def test_a_part_is_reported_when_it_is_ready(
    supervisor: Supervisor, part: FakePart, clock: Clock, told: list[str]
) -> None:
    item = supervisor.start("ingest", part)
    supervisor.tick()
    assert (item.state, told) == (State.STARTING, [])
    clock.seconds += 2.5
    part.is_ready = True
    assert supervisor.wait_ready([item])
    assert told == ["  ingest         ready after  2.5 s"]


def test_a_crashed_part_starts_again_after_longer_and_longer_pauses(
    supervisor: Supervisor, part: FakePart, clock: Clock, told: list[str]
) -> None:
    part.is_ready = True
    item = supervisor.start("notify", part)
    supervisor.tick()
    pauses = []
    for _ in range(9):
        part.crash(-9)
        supervisor.tick()
        assert item.state is State.WAITING
        pauses.append(item.again_at - clock.seconds)
        supervisor.tick()
        assert item.state is State.WAITING, "not before its time"
        clock.seconds = item.again_at
        supervisor.tick()
        supervisor.tick()
        assert item.state is State.READY
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert "ended (signal 9); starting it again in 0.5 s" in told[1]
    assert "ready again" in told[2]


def test_a_part_that_ran_long_begins_with_the_shortest_pause_again(
    supervisor: Supervisor, part: FakePart, clock: Clock
) -> None:
    part.is_ready = True
    item = supervisor.start("notify", part)
    supervisor.tick()
    for _ in range(3):
        part.crash()
        supervisor.tick()
        clock.seconds = item.again_at
        supervisor.tick()
        supervisor.tick()
    clock.seconds += 61
    part.crash()
    supervisor.tick()
    assert item.again_at - clock.seconds == 0.5


def test_a_part_that_never_starts_ends_the_attempt_with_its_log(
    supervisor: Supervisor, part: FakePart, clock: Clock
) -> None:
    item = supervisor.start("planner", part)
    for _ in range(2):
        part.crash(3)
        supervisor.tick()
        clock.seconds = item.again_at
        supervisor.tick()
    part.crash(3)
    with pytest.raises(StartError, match=r"(?s)planner does not start.*code 3.*what went wrong"):
        supervisor.tick()


def test_a_part_that_hangs_while_starting_is_killed_and_started_again(
    supervisor: Supervisor, part: FakePart, clock: Clock
) -> None:
    item = supervisor.start("planner", part, start_timeout_s=30)
    clock.seconds += 31
    supervisor.tick()
    assert part.calls == ["launch", "kill"]
    assert item.state is State.WAITING


def test_a_request_to_stop_ends_the_wait(supervisor: Supervisor, part: FakePart) -> None:
    item = supervisor.start("planner", part)
    supervisor.stop_requested.set()
    assert not supervisor.wait_ready([item])
    supervisor.watch()


def test_parts_stop_in_reverse_order_and_stay_stopped(
    supervisor: Supervisor, tmp_path: Path, clock: Clock
) -> None:
    order: list[str] = []

    class Recording(FakePart):
        def stop(self) -> None:
            super().stop()
            order.append(self.log_file.name)

    parts = [Recording(tmp_path / name, is_ready=True) for name in ("database", "broker", "world")]
    services = [Recording(tmp_path / name, is_ready=True) for name in ("ingest", "notify")]
    for part in parts:
        supervisor.start(part.log_file.name, part)
    items = [supervisor.start(part.log_file.name, part) for part in services]
    supervisor.tick()
    supervisor.stop_together(items)
    supervisor.stop_all()
    assert sorted(order[:2]) == ["ingest", "notify"]
    assert order[2:] == ["world", "broker", "database"]
    clock.seconds += 100
    supervisor.tick()
    assert all(part.calls == ["launch", "stop"] for part in [*parts, *services])


def test_who_must_know_of_a_new_start_is_told(
    supervisor: Supervisor, part: FakePart, clock: Clock
) -> None:
    part.is_ready = True
    item = supervisor.start("Kafka", part)
    again: list[str] = []
    item.when_ready_again = lambda: again.append("told")
    supervisor.tick()
    assert again == []
    part.crash()
    supervisor.tick()
    clock.seconds = item.again_at
    supervisor.tick()
    supervisor.tick()
    assert again == ["told"]

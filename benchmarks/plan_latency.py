"""From a map that is ready to five plans that are ready, while the planner goes on answering.

On the local stack, one event after the other: an event is made by hand, its map uploaded; a program
of the benchmark's own wants every event, so that the plans come by the way that they come in
earnest (map, decision, plans). Times are those that ingest and the planner recorded. All the while
``GET /healthz`` of the planner, and of the front door, are asked at a steady pace: an answer counts
from the moment at which it was due, so that a stall is seen by every request that it holds up. And
the kernel is asked what the planner's loop did with its time (`loop_watch`), which a busy machine
does not change.
"""

import argparse
import asyncio
import http.client
import json
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from too_common.local.layout import Ports

from benchmarks import loop_watch
from benchmarks.latency import RESULTS, TELESCOPES, Stack, World
from benchmarks.memory import memory_of_stack

INTERVAL_S = 0.02
"""Between two health requests."""
AHEAD = -15
"""How far the planner's loop and those who ask it stand ahead of all others, if they shall."""
POLL_S = 0.5
DEADLINE_S = 180.0
PROGRAM = "Benchmark: every event"


@dataclass
class Health:
    """Seconds until the answers to health requests, from when they were due."""

    name: str
    port: int
    seconds: list[float] = field(default_factory=list)
    failed: int = 0

    def part(self, share: float) -> float:
        """A percentile; by the nearest rank."""
        ordered = sorted(self.seconds)
        return (
            ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")
        )


def _watch(port: int, ahead: bool, over: Any, results: Any) -> None:
    """Ask at a steady pace until told to stop; in a process of its own, over one connection.

    The benchmark's own work must not be taken for the service's. What is due while an answer is
    waited for is asked afterwards and counts from when it was due.
    """
    if ahead:
        os.setpriority(os.PRIO_PROCESS, 0, AHEAD)
    seconds: list[float] = []
    failed = 0
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    due = time.perf_counter()
    while not over.is_set():
        time.sleep(max(0.0, due - time.perf_counter()))
        try:
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                failed += 1
        except OSError:
            failed += 1
            connection.close()
        seconds.append(time.perf_counter() - due)
        due += INTERVAL_S
    results.put((seconds, failed))


@dataclass(frozen=True)
class Run:
    """One map."""

    map: str
    area90_deg2: float
    repeat: int
    first_plan_s: float
    five_plans_s: float
    plans: dict[str, float]
    """Seconds by telescope."""
    states: dict[str, str]


async def ensure_program(world: World) -> None:
    """Make the program that wants every event, unless there is one."""
    known = await world.items("notify/v1/programs")
    if not any(item["content"]["name"] == PROGRAM for item in known):
        await world.post(
            "notify/v1/programs",
            {
                "name": PROGRAM,
                "criteria": {"kind": "flag", "flag": "retracted", "value": False},
                "priority": 0,
            },
        )


async def one_map(world: World, name_of_map: str, data: bytes, repeat: int) -> Run:
    """Make an event, hand its map in, wait for five plans."""
    stamp = datetime.now(UTC)
    name = f"Bench {name_of_map[:40]} {stamp:%H%M%S}"
    event = await world.post(
        "ingest/v1/events",
        {"name": name, "kind": "gw", "event_time": (await world.now()).isoformat()},
    )
    event_id = event.get("id") or event["event_id"]
    answer = await world.api.post(
        f"/api/ingest/v1/events/{event_id}/maps", content=data, timeout=60.0
    )
    assert answer.is_success, answer.text[:500]

    async def ready() -> Any:
        rows = await world.items(f"ingest/v1/events/{event_id}/localizations")
        return next((row for row in rows if row["ready_at"]), None)

    found = await _until(ready, f"the map of {name}")

    async def planned() -> Any:
        rows = await world.items("planner/v1/plans", event_id=event_id)
        made = {row["telescope"]: row for row in rows if row["state"] in {"ready", "failed"}}
        return made if set(made) >= TELESCOPES else None

    made = await _until(planned, f"five plans for {name}")
    begin = datetime.fromisoformat(found["ready_at"])
    seconds = {
        telescope: (datetime.fromisoformat(row["made_at"]) - begin).total_seconds()
        for telescope, row in made.items()
    }
    return Run(
        map=name_of_map,
        area90_deg2=round(found["facts"]["area90_deg2"], 1),
        repeat=repeat,
        first_plan_s=min(seconds.values()),
        five_plans_s=max(seconds.values()),
        plans=seconds,
        states={telescope: row["state"] for telescope, row in made.items()},
    )


async def _until(probe: Any, what: str) -> Any:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        found = await probe()
        if found:
            return found
        await asyncio.sleep(POLL_S)
    raise SystemExit(f"{what}: not within {DEADLINE_S:g} s")


@dataclass
class Measured:
    """Runs, and what was watched meanwhile."""

    runs: list[Run]
    idle: list[Health]
    busy: list[Health]
    idle_loop: loop_watch.LoopUse
    busy_loop: loop_watch.LoopUse


async def measure(stack: Stack, options: argparse.Namespace, maps: dict[str, bytes]) -> Measured:
    """All maps, several times; health when nothing is planned, and during the planning."""
    pid = stack.pid_of("planner")
    assert pid is not None, "no planner runs"
    world = World(stack)

    def watched() -> list[Health]:
        return [
            Health("planner", Ports(stack.port_base).public("planner")),
            Health("front door", Ports(stack.port_base).public("vetting-api")),
        ]

    try:
        if (await world.sim.get("/control/clock")).json()["speed"] != 1:
            raise SystemExit("the stack's clock does not run at the wall clock's speed")
        await ensure_program(world)
        # workers, caches and connections are warm after the first
        first = next(iter(maps))
        await one_map(world, first, maps[first], -1)
        idle, busy = watched(), watched()
        idle_loop = await _watching(idle, pid, asyncio.sleep(options.idle_s), ahead=options.ahead)
        runs: list[Run] = []

        async def work() -> None:
            for repeat in range(options.repeats):
                for name, data in maps.items():
                    run = await one_map(world, name, data, repeat)
                    runs.append(run)
                    print(
                        f"  {run.map:<32} {run.area90_deg2:8.0f} deg2  first plan "
                        f"{run.first_plan_s:5.2f} s, five {run.five_plans_s:5.2f} s",
                        flush=True,
                    )

        busy_loop = await _watching(busy, pid, work(), ahead=options.ahead)
        return Measured(runs, idle, busy, idle_loop, busy_loop)
    finally:
        await world.close()


async def _watching(
    watched: Sequence[Health], pid: int, work: Any, *, ahead: bool
) -> loop_watch.LoopUse:
    """Do some work while health is asked for and the loop of a process is watched."""
    context = get_context("spawn")
    over = context.Event()
    queues = [context.Queue() for _ in watched]
    processes = [
        context.Process(target=_watch, args=(item.port, ahead, over, queue), daemon=True)
        for item, queue in zip(watched, queues, strict=True)
    ]
    loop = context.Queue()
    if ahead:
        # the main thread alone: a thread has a niceness of its own, and the workers keep theirs
        os.setpriority(os.PRIO_PROCESS, pid, AHEAD)
    processes.append(context.Process(target=loop_watch.watch, args=(pid, over, loop), daemon=True))
    for process in processes:
        process.start()
    try:
        await work
    finally:
        over.set()
        if ahead:
            os.setpriority(os.PRIO_PROCESS, pid, 0)
        use: loop_watch.LoopUse = await asyncio.to_thread(loop.get, timeout=30)
        await asyncio.to_thread(processes.pop().join, 10)
        for item, queue, process in zip(watched, queues, processes, strict=True):
            item.seconds, item.failed = await asyncio.to_thread(queue.get, timeout=30)
            await asyncio.to_thread(process.join, 10)
    return use


def report(found: Measured) -> str:
    """Three tables in Markdown."""
    runs = found.runs
    lines = [
        "| map | 90 % area (deg2) | runs | first plan (s) | five plans, median (s) | most (s) |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name in dict.fromkeys(run.map for run in runs):
        rows = [run for run in runs if run.map == name]
        five = [run.five_plans_s for run in rows]
        lines.append(
            f"| {name} | {rows[0].area90_deg2:.0f} | {len(rows)} "
            f"| {median(run.first_plan_s for run in rows):.2f} | {median(five):.2f} "
            f"| {max(five):.2f} |"
        )
    lines += [
        "",
        "| health request | requests | median (ms) | p99 (ms) | most (ms) | failed |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for when, group in (("idle", found.idle), ("while planning", found.busy)):
        lines += [
            f"| {item.name}, {when} | {len(item.seconds)} | {1e3 * item.part(0.5):.1f} "
            f"| {1e3 * item.part(0.99):.1f} | {1e3 * max(item.seconds, default=0):.0f} "
            f"| {item.failed} |"
            for item in group
        ]
    lines += [
        "",
        "| planner's loop | watched s | on a core s | waited for one s | longest on a core (ms) |",
        "|---|---:|---:|---:|---|",
    ]
    for when, use in (("idle", found.idle_loop), ("while planning", found.busy_loop)):
        longest = ", ".join(f"{1e3 * value:.0f}" for value in use.stretches[:5])
        lines.append(
            f"| {when} | {use.wall:.1f} | {use.on_core:.2f} | {use.waited:.2f} | {longest} |"
        )
    return "\n".join(lines)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks plan", description=__doc__)
    parser.add_argument(
        "--maps",
        default=os.environ.get("TOO_BENCH_MAPS"),
        required="TOO_BENCH_MAPS" not in os.environ,
        help="folder with FITS maps (TOO_BENCH_MAPS)",
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--ahead",
        action="store_true",
        help="the planner's loop and those who ask it go before all other processes (root): what "
        "is late then is the loop's own doing, even on a busy machine",
    )
    parser.add_argument("--only", default="*", help="pattern of maps' names")
    parser.add_argument("--idle-s", type=float, default=20.0, help="health without planning")
    parser.add_argument(
        "--stack",
        default=os.environ.get("TOO_BENCH_STACK"),
        help="FOLDER,PORT of a stack that runs already; left out: one of its own is started",
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] = ()) -> int:
    """Measure, print, save."""
    options = parse(arguments)
    maps = {
        p.name.split(".")[0]: p.read_bytes()
        for p in sorted(Path(options.maps).glob(f"{options.only}.fits*"))
    }
    if not maps:
        raise SystemExit(f"no FITS maps in {options.maps}")
    with tempfile.TemporaryDirectory(prefix="too-bench-") as scratch:
        own = not options.stack
        folder, port = (options.stack or f"{scratch}/stack,0").split(",")
        stack = Stack(Path(folder), int(port) or None)
        try:
            if own:
                print("starting a stack ...", flush=True)
                print(f"  ready after {stack.start():.0f} s", flush=True)
            load = os.getloadavg()[0]
            found = asyncio.run(measure(stack, options, maps))
            memory = [item for item in memory_of_stack(stack.port_base) if item.part == "planner"]
        finally:
            if own:
                stack.stop()
    about = {
        "ended": datetime.now(UTC),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "load_before": round(load, 1),
        "load_after": round(os.getloadavg()[0], 1),
    }
    print(
        f"\n{about['cores']} cores, load average {about['load_before']} before, "
        f"{about['load_after']} after\n"
    )
    print(report(found))
    for item in memory:
        print(f"\nplanner: {item.processes} processes, {item.pss_mb:.0f} MB in all (PSS)")
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "plan_latency.json"
    body = {
        "about": about,
        "runs": [asdict(run) for run in found.runs],
        "health": [
            {
                "name": item.name,
                "when": when,
                "requests": len(item.seconds),
                "failed": item.failed,
                "p50_s": item.part(0.5),
                "p99_s": item.part(0.99),
                "max_s": max(item.seconds, default=None),
            }
            for when, group in (("idle", found.idle), ("planning", found.busy))
            for item in group
        ],
        "ahead": options.ahead,
        "loop": {"idle": found.idle_loop.as_json(), "planning": found.busy_loop.as_json()},
        "planner_memory": [asdict(item) for item in memory],
    }
    path.write_text(json.dumps(body, indent=1, default=str) + "\n")
    print(f"\n{path}")
    failed = sum(item.failed for item in found.busy)
    return 1 if failed else 0

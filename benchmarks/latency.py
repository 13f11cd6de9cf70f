"""From the notice to the page and to five plans, on the local stack.

Alerts are put on the GCN-side broker one after another, as GCN does. A page counts when the Twilio
simulator is handed a call or a message that names the event (the wall time of its journal); plans
count when all five telescopes have one (the times they were recorded at). The steps between come
from the event's time line, so that one sees where the time goes. People answer their telephones,
so that escalations of one alert do not weigh on the next.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from too_common.bus.client import make_producer, stop_quietly
from too_ingest.samples import SampleMessage, make_sample

from benchmarks.memory import Memory, memory_of_stack

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from stack import Stack, World  # noqa: E402  -- the end-to-end tests' way to drive a stack

RESULTS = Path(__file__).parent / "results"
TELESCOPES = frozenset({"ZTF", "DECam", "KPED", "Gattini", "GROWTH-India"})
POLL_S = 0.5
"""How often the planner is asked whether it is done; no time is taken from this."""
DEADLINE_S = 300.0
SAMPLE_PHONES = tuple(f"+1555555010{digit}" for digit in range(4))


@dataclass
class Alert:
    """One alert and the wall times of what followed from it."""

    name: str
    kind: str
    produced: datetime
    event_id: str = ""
    received: datetime | None = None
    stored: datetime | None = None
    map_ready: datetime | None = None
    wanted: datetime | None = None
    paged: datetime | None = None
    plans: list[datetime] = field(default_factory=list)
    calls: int = 0

    @property
    def planned(self) -> datetime | None:
        """When the last of five plans was ready."""
        return max(self.plans) if len(self.plans) == len(TELESCOPES) else None

    @property
    def first_plan(self) -> datetime | None:
        """When the first plan was ready."""
        return min(self.plans, default=None)


Span = tuple[str, Callable[[Alert], datetime | None], Callable[[Alert], datetime | None]]
SPANS: tuple[Span, ...] = (
    ("notice produced -> page handed to Twilio", lambda a: a.produced, lambda a: a.paged),
    ("notice produced -> five plans ready", lambda a: a.produced, lambda a: a.planned),
    ("  produced -> received", lambda a: a.produced, lambda a: a.received),
    ("  received -> stored and understood", lambda a: a.received, lambda a: a.stored),
    ("  stored -> a program wants it", lambda a: a.stored, lambda a: a.wanted),
    ("  wanted -> page handed to Twilio", lambda a: a.wanted, lambda a: a.paged),
    ("  stored -> map ready", lambda a: a.stored, lambda a: a.map_ready),
    ("  map ready -> first plan", lambda a: a.map_ready, lambda a: a.first_plan),
    ("  first plan -> fifth plan", lambda a: a.first_plan, lambda a: a.planned),
)
"""Spans of the table: name, begin, end."""


@dataclass(frozen=True)
class Row:
    """A line of the table, in seconds."""

    span: str
    count: int
    median_s: float
    p95_s: float
    max_s: float


def rows_of(alerts: Sequence[Alert]) -> list[Row]:
    """Median, 95th percentile and maximum of each span; alerts that lack an end are left out."""
    rows = []
    for name, begin, end in SPANS:
        pairs = [(begin(alert), end(alert)) for alert in alerts]
        seconds = [(b - a).total_seconds() for a, b in pairs if a is not None and b is not None]
        if not seconds:
            rows.append(Row(name, 0, *[float("nan")] * 3))
            continue
        p95 = quantiles(seconds, n=20, method="inclusive")[-1] if len(seconds) > 1 else seconds[0]
        rows.append(Row(name, len(seconds), median(seconds), p95, max(seconds)))
    return rows


class Bench:
    """Sends alerts to a stack and collects what it did with them."""

    def __init__(self, world: World, producer: Any, offset: timedelta) -> None:
        self._world = world
        self._producer = producer
        self._offset = offset

    async def send(self, kind: str, sample: SampleMessage) -> Alert:
        """Produce a notice and wait until five plans are ready."""
        alert = Alert(sample.native_id, kind, datetime.now(UTC))
        await self._producer.send_and_wait(
            sample.topic, value=sample.body, key=sample.key.encode(), partition=0
        )
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline and alert.planned is None:
            await asyncio.sleep(POLL_S)
            await self._look(alert, sample.native_id)
        return alert

    async def _look(self, alert: Alert, native_id: str) -> None:
        if not alert.event_id:
            found = await self._world.items("ingest/v1/events", native_id=native_id)
            if not found:
                return
            alert.event_id, alert.name = found[0]["id"], found[0]["name"]
        plans = await self._world.items("planner/v1/plans", event_id=alert.event_id)
        ready = {item["telescope"]: item for item in plans if item["state"] == "ready"}
        alert.plans = [self._wall(item["made_at"]) for item in ready.values()]

    def _wall(self, text: str) -> datetime:
        return datetime.fromisoformat(text).astimezone(UTC) - self._offset

    async def complete(self, alerts: Sequence[Alert]) -> None:
        """Fill in the steps of the time lines and the pages of the simulator's journal."""
        told = [
            (entry["wall_time"], _words(entry["data"]))
            for entry in await self._world.journal("twilio")
            if entry["kind"] in {"twilio.call", "twilio.message"}
        ]
        for alert in alerts:
            if not alert.event_id:
                continue
            mark = alert.name.replace(" ", "")
            times = [datetime.fromisoformat(at) for at, words in told if mark in words]
            alert.calls = len(times)
            alert.paged = min(times, default=None)
            lines = await self._world.get(f"vetting-api/v1/events/{alert.event_id}/timeline")
            for entry in reversed(lines[0]["entries"] if lines else []):
                at = None if entry["at"] is None else self._wall(entry["at"])
                if entry["step"] in {"received", "stored", "map_ready"}:
                    setattr(alert, entry["step"], at)
                elif entry["step"] == "decided" and entry["detail"].endswith(" wants it"):
                    alert.wanted = (
                        at if alert.wanted is None or at is None else min(at, alert.wanted)
                    )


def _words(data: dict[str, Any]) -> str:
    """What a call or a message says, without blanks: names are spelled to the ear."""
    return "".join(f"{data.get('body') or ''}{data.get('twiml') or ''}".split())


async def measure(stack: Stack, options: argparse.Namespace) -> tuple[list[Alert], list[Memory]]:
    """Send the alerts; the warm-up's are not counted."""
    world = World(stack)
    producer = make_producer(stack.kafka, client_id="gcn")
    await producer.start()
    try:
        clock = (await world.sim.get("/control/clock")).json()
        if clock["speed"] != 1:
            raise SystemExit("the stack's clock does not run at the wall clock's speed")
        offset = datetime.fromisoformat(clock["stack_time"]) - datetime.fromisoformat(
            clock["wall_time"]
        )
        await world.begin()
        await world.until(lambda: world.items("notify/v1/contact-cards"), what="a contact card")
        for number in SAMPLE_PHONES:
            behaviour = {"on_call": "answer", "answer_after_s": 2, "keys": ["1"]}
            await world.sim.put(f"/control/telephones/{number}", json={"behaviour": behaviour})
        bench = Bench(world, producer, offset)
        serial = random.Random(options.seed).randrange(20_000)
        alerts: list[Alert] = []
        free = asyncio.Semaphore(options.at_once)
        total = options.warm_up + options.alerts
        now = await world.now()
        kinds = [options.kinds[number % len(options.kinds)] for number in range(total)]
        # made beforehand: making a map takes the processor away from what is measured
        samples = [(kind, make_sample(kind, now, serial + n)[0]) for n, kind in enumerate(kinds)]

        async def one(number: int) -> None:
            async with free:
                alert = await bench.send(*samples[number])
                alerts.append(alert)
                shown = "-" if alert.planned is None else f"{_seconds(alert):.1f} s"
                print(
                    f"  {len(alerts):3d}/{total} {alert.name:<12} five plans after {shown}",
                    flush=True,
                )

        for number in range(options.warm_up):
            await one(number)
        alerts.clear()
        await asyncio.gather(*(one(number) for number in range(options.warm_up, total)))
        await asyncio.sleep(2 * POLL_S)
        await bench.complete(alerts)
        return alerts, memory_of_stack(stack.port_base)
    finally:
        await stop_quietly(producer)
        await world.close()


def _seconds(alert: Alert) -> float:
    assert alert.planned is not None
    return (alert.planned - alert.produced).total_seconds()


def report(rows: Sequence[Row], memory: Sequence[Memory]) -> str:
    """Two tables in Markdown."""
    lines = ["| span (s) | alerts | median | p95 | max |", "|---|---:|---:|---:|---:|"]
    lines += [
        f"| {row.span.replace('  ', '&nbsp;&nbsp;')} | {row.count} | {row.median_s:.2f} "
        f"| {row.p95_s:.2f} | {row.max_s:.2f} |"
        for row in rows
    ]
    lines += ["", "| process | processes | RSS of the first (MB) | PSS of all (MB) |"]
    lines += ["|---|---:|---:|---:|"]
    lines += [
        f"| {item.part} | {item.processes} | {item.rss_mb:.0f} | {item.pss_mb:.0f} |"
        for item in memory
    ]
    total = sum(item.pss_mb for item in memory)
    lines += [f"| all | {sum(item.processes for item in memory)} | | {total:.0f} |"]
    return "\n".join(lines)


def save(
    rows: Sequence[Row], memory: Sequence[Memory], alerts: Sequence[Alert], about: Any
) -> Path:
    """Write everything as JSON."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "latency.json"
    body = {
        "about": about,
        "rows": [asdict(row) for row in rows],
        "memory": [asdict(item) for item in memory],
        "alerts": [asdict(alert) for alert in alerts],
    }
    path.write_text(json.dumps(body, indent=1, default=str) + "\n")
    return path


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks latency", description=__doc__)
    count = int(os.environ.get("TOO_BENCH_ALERTS", "50"))
    parser.add_argument("--alerts", type=int, default=count, help="default 50 (TOO_BENCH_ALERTS)")
    parser.add_argument("--warm-up", type=int, default=2, help="alerts before, not counted")
    parser.add_argument("--at-once", type=int, default=1, help="alerts in flight")
    parser.add_argument(
        "--kinds", type=lambda text: text.split(","), default=["bns"], help="e.g. bns,gbm,icecube"
    )
    parser.add_argument("--seed", type=int, default=None, help="of the alerts' names and places")
    parser.add_argument(
        "--stack",
        default=os.environ.get("TOO_BENCH_STACK"),
        help="FOLDER,PORT of a stack that runs already; left out: one of its own is started",
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] = ()) -> int:
    """Measure, print, save."""
    options = parse(arguments)
    with tempfile.TemporaryDirectory(prefix="too-bench-") as scratch:
        own = not options.stack
        folder, port = (options.stack or f"{scratch}/stack,0").split(",")
        stack = Stack(Path(folder), int(port) or None)
        try:
            if own:
                print("starting a stack ...", flush=True)
                print(f"  ready after {stack.start():.0f} s", flush=True)
            load = os.getloadavg()[0]
            begun = datetime.now(UTC)
            alerts, memory = asyncio.run(measure(stack, options))
        finally:
            if own:
                stack.stop()
    about = {
        "begun": begun,
        "ended": datetime.now(UTC),
        "alerts": options.alerts,
        "at_once": options.at_once,
        "kinds": options.kinds,
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "load_before": round(load, 1),
        "load_after": round(os.getloadavg()[0], 1),
    }
    rows = rows_of(alerts)
    print(
        f"\n{options.alerts} alerts ({', '.join(options.kinds)}), {options.at_once} in flight, "
        f"{about['cores']} cores, load average {about['load_before']} before, "
        f"{about['load_after']} after\n"
    )
    print(report(rows, memory))
    print(f"\n{save(rows, memory, alerts, about)}")
    lacking = [a.name for a in alerts if a.planned is None or a.paged is None]
    if lacking:
        print(f"without a page or without five plans: {', '.join(lacking)}")
    return 1 if lacking else 0

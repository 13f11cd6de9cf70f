"""Notices a second from the GCN-side topic to stored and published, with the memory meanwhile.

A PostgreSQL (with fsync) and a Kafka of its own, and one or more ingest services as processes of
their own, as `too up` and Kubernetes run them; the other services are not there. The notices are
produced while ingest is idle and listens; time runs from the first one produced until the last
one's events are on our bus (no row of the outbox waits). Maps are made by jobs meanwhile and after;
with ``--kind maps`` it is told too how fast they become ready.
"""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import psutil
from too_common.bus.client import ensure_topics, make_producer, stop_quietly
from too_common.local.kafka import EmbeddedKafka
from too_common.local.ports import free_port, free_ports
from too_common.local.postgres import EmbeddedPostgres
from too_common.testing.service import House
from too_ingest.service import SERVICE

from benchmarks.ingest_messages import (
    MAP_TOPICS,
    TOPICS,
    midnight,
    notices_with_maps,
    small_notices,
)

RESULTS = Path(__file__).parent / "results"
MB = 1024 * 1024
POLL_S = 0.5
READY_S = 90.0
DEADLINE_S = 900.0


@dataclass
class Sample:
    """A moment of a run."""

    at_s: float
    stored: int
    read: int
    published: int
    maps: int
    rss_mb: list[int]


@dataclass
class Run:
    """One measurement."""

    kind: str
    consumers: int
    notices: int
    seconds_to_stored: float = 0.0
    seconds_to_published: float = 0.0
    maps_per_s: float | None = None
    ingest_cpu_ms: float = 0.0
    """Processor time of the ingest processes (not their workers) per published notice."""
    postgres_cpu_ms: float = 0.0
    load_before: float = 0.0
    load_after: float = 0.0
    samples: list[Sample] = field(default_factory=list)

    @property
    def stored_per_s(self) -> float:
        """Notices stored in a second."""
        return self.notices / self.seconds_to_stored

    @property
    def published_per_s(self) -> float:
        """Notices stored, read and published in a second."""
        return self.notices / self.seconds_to_published


class Bench:
    """Servers, and ingest processes on them.

    Each run has servers of its own: the topics bear GCN's names, which say who reads them.
    """

    def __init__(
        self, folder: Path, postgres: EmbeddedPostgres, kafka: EmbeddedKafka, serial: int
    ) -> None:
        self.folder = folder
        self.postgres = postgres
        self.kafka = kafka
        self.serial = serial

    async def run(self, kind: str, consumers: int, notices: int, options: Any) -> Run:
        """Measure once, with a database, topics and processes of its own."""
        name = f"bench{self.serial}"
        self.postgres.execute(f"CREATE DATABASE {name}")
        house = House(self.postgres.url(name), self.kafka.bootstrap_servers, self.folder / name)
        url = await house.migrate(SERVICE)
        topics = MAP_TOPICS if kind == "maps" else TOPICS
        await ensure_topics(self.kafka.bootstrap_servers, topics, partitions=1)
        processes = [
            self._start(house, url, topics, number, options) for number in range(consumers)
        ]
        database = await asyncpg.connect(url)
        try:
            await self._ready(processes)
            messages = list(
                (notices_with_maps if kind == "maps" else small_notices)(
                    notices, self.serial, midnight()
                )
            )
            return await self._measure(
                Run(kind, consumers, notices), database, processes, messages, options
            )
        finally:
            await database.close()
            for process, _port in processes:
                process.terminate()
            for process, _port in processes:
                process.wait(60)

    def _start(
        self, house: House, url: str, topics: Sequence[str], number: int, options: Any
    ) -> tuple[subprocess.Popen[bytes], int]:
        port, internal = free_ports(2)
        environment = {
            **os.environ,
            "TOO_PROFILE": "test",
            "TOO_DATA_DIR": str(house.folder),
            "TOO_KAFKA_BOOTSTRAP_SERVERS": self.kafka.bootstrap_servers,
            "TOO_BUS_PREFIX": house.prefix,
            "TOO_TRUSTED_KEYS_FILE": str(house.folder / "trusted.json"),
            "TOO_LOG_LEVEL": "WARNING",
            "TOO_INGEST_DATABASE_URL": url,
            "TOO_INGEST_SIGNING_KEY_FILE": str(house.folder / "ingest.json"),
            "TOO_INGEST_HTTP_PORT": str(port),
            "TOO_INGEST_INTERNAL_PORT": str(internal),
            "TOO_INGEST_GCN_BOOTSTRAP_SERVERS": self.kafka.bootstrap_servers,
            "TOO_INGEST_GCN_GROUP_ID": f"{house.prefix}gcn",
            "TOO_INGEST_GCN_TOPICS": json.dumps(list(topics)),
            "TOO_INGEST_GCN_HEARTBEAT_TOPIC": "",
            "TOO_INGEST_GCN_CIRCULARS_TOPIC": "",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MALLOC_ARENA_MAX": "2",
        }
        log = (house.folder / f"ingest{number}.log").open("wb")
        program = ["-m", "too_common.cli", "serve", "ingest"]
        if options.profile:
            program = ["-m", "cProfile", "-o", f"{options.profile}.{number}", *program]
        command = [sys.executable, *program]
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log), port

    async def _ready(self, processes: Sequence[tuple[subprocess.Popen[bytes], int]]) -> None:
        import httpx

        end = time.monotonic() + READY_S
        async with httpx.AsyncClient() as http:
            for process, port in processes:
                while True:
                    assert process.poll() is None, "an ingest process has ended"
                    assert time.monotonic() < end, "ingest is not ready"
                    try:
                        answer = await http.get(f"http://127.0.0.1:{port}/readyz")
                        if answer.status_code == 200:
                            break
                    except httpx.HTTPError:
                        pass
                    await asyncio.sleep(0.2)
        # the group has to be balanced, and worker processes to be warm
        await asyncio.sleep(12.0)

    async def _measure(
        self,
        run: Run,
        database: asyncpg.Connection,
        processes: Sequence[tuple[subprocess.Popen[bytes], int]],
        messages: Sequence[tuple[str, bytes]],
        options: Any,
    ) -> Run:
        run.load_before = round(os.getloadavg()[0], 1)
        producing = asyncio.create_task(self._produce(messages))
        begun = time.monotonic()
        before = self._cpu(processes)
        while True:
            await asyncio.sleep(POLL_S)
            sample = await _sample(database, processes, time.monotonic() - begun)
            run.samples.append(sample)
            if not run.seconds_to_stored and sample.stored >= run.notices:
                run.seconds_to_stored = sample.at_s
            if not run.seconds_to_published and sample.published >= run.notices:
                run.seconds_to_published = sample.at_s
                spent = [now - then for now, then in zip(self._cpu(processes), before, strict=True)]
                run.ingest_cpu_ms, run.postgres_cpu_ms = (
                    1000 * seconds / run.notices for seconds in spent
                )
                if run.kind != "maps" or not options.wait_for_maps:
                    break
            if run.seconds_to_published and sample.maps >= run.notices:
                break
            if sample.at_s > DEADLINE_S:
                raise SystemExit(f"not done after {DEADLINE_S:g} s: {sample}")
        await producing
        last = run.samples[-1]
        if run.kind == "maps":
            run.maps_per_s = last.maps / last.at_s
        run.load_after = round(os.getloadavg()[0], 1)
        return run

    def _cpu(self, processes: Sequence[tuple[subprocess.Popen[bytes], int]]) -> tuple[float, float]:
        """Processor seconds so far of the ingest processes, and of PostgreSQL."""
        own = sum(sum(psutil.Process(p.pid).cpu_times()[:2]) for p, _port in processes)
        server = psutil.Process(self.postgres.pid)
        times = server.cpu_times()  # of those that have ended too
        ended = times.children_user + times.children_system
        alive = sum(sum(child.cpu_times()[:2]) for child in server.children())
        return own, ended + alive

    async def _produce(self, messages: Sequence[tuple[str, bytes]]) -> None:
        producer = make_producer(self.kafka.bootstrap_servers, client_id="gcn-side")
        await producer.start()
        try:
            sent = [await producer.send(topic, value=body, partition=0) for topic, body in messages]
            await asyncio.gather(*sent)
        finally:
            await stop_quietly(producer)


async def _sample(
    database: asyncpg.Connection,
    processes: Sequence[tuple[subprocess.Popen[bytes], int]],
    at_s: float,
) -> Sample:
    row = await database.fetchrow(
        """
        SELECT (SELECT count(*) FROM ingest.raw_notices) AS stored,
               (SELECT count(*) FROM ingest.notices) AS read,
               (SELECT count(*) FROM ingest.outbox
                WHERE type = 'ingest.event_changed' AND published_at IS NULL) AS waiting,
               (SELECT count(*) FROM ingest.localizations WHERE state = 'ready') AS maps
        """
    )
    published = row["read"] if not row["waiting"] else max(row["read"] - row["waiting"], 0)
    memory = []
    for process, _port in processes:
        own = psutil.Process(process.pid)
        memory.append(round(own.memory_info().rss / MB))
    return Sample(round(at_s, 2), row["stored"], row["read"], published, row["maps"], memory)


def table(runs: Sequence[Run]) -> str:
    """The runs in Markdown."""
    columns = (
        "notices",
        "consumers",
        "number",
        "stored /s",
        "stored and published /s",
        "maps ready /s",
        "processor ms per notice: ingest, PostgreSQL",
        "memory at begin, most, end (MB each)",
        "load",
    )
    lines = [
        f"| {' | '.join(columns)} |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for run in runs:
        memory = [max(sample.rss_mb) for sample in run.samples]
        maps = "" if run.maps_per_s is None else f"{run.maps_per_s:.1f}"
        lines.append(
            f"| {run.kind} | {run.consumers} | {run.notices} | {run.stored_per_s:.0f} "
            f"| {run.published_per_s:.0f} | {maps} "
            f"| {run.ingest_cpu_ms:.1f}, {run.postgres_cpu_ms:.1f} "
            f"| {memory[0]}, {max(memory)}, {memory[-1]} | {run.load_before} to {run.load_after} |"
        )
    return "\n".join(lines)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks ingest", description=__doc__)
    parser.add_argument("--notices", type=int, default=8000, help="without maps; default 8000")
    parser.add_argument("--maps", type=int, default=200, help="with a map of 2 MB; default 200")
    parser.add_argument(
        "--consumers",
        type=lambda text: [int(word) for word in text.split(",")],
        default=[1, 2, 4],
        help="ingest processes; default 1,2,4",
    )
    parser.add_argument("--kind", choices=["notices", "maps", "both"], default="both")
    parser.add_argument(
        "--wait-for-maps",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="go on until every map is ready",
    )
    parser.add_argument("--profile", help="write each process's profile to FILE.<number>")
    return parser.parse_args(arguments)


async def measure(folder: Path, options: argparse.Namespace) -> list[Run]:
    """All runs."""
    runs: list[Run] = []
    for kind, number in (("notices", options.notices), ("maps", options.maps)):
        if options.kind not in {kind, "both"}:
            continue
        # more consumers than topics would have nothing to do
        topics = len(TOPICS if kind == "notices" else MAP_TOPICS)
        for consumers in [number for number in options.consumers if number <= topics]:
            place = folder / f"{kind}{consumers}"
            with ExitStack() as stack:
                postgres = EmbeddedPostgres(place / "postgres", free_port(), die_with_parent=True)
                postgres.start()
                stack.callback(postgres.stop)
                kafka = EmbeddedKafka(place / "kafka", *free_ports(2), die_with_parent=True)
                kafka.start()
                stack.callback(kafka.stop)
                bench = Bench(place, postgres, kafka, len(runs) + 1)
                runs.append(await bench.run(kind, consumers, number, options))
            print(table(runs[-1:]).splitlines()[-1], flush=True)
    return runs


def main(arguments: Sequence[str] = ()) -> int:
    """Measure, print, save."""
    options = parse(arguments)
    with tempfile.TemporaryDirectory(prefix="too-bench-") as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)  # PostgreSQL runs under an account of its own
        runs = asyncio.run(measure(folder, options))
    print(f"\n{table(runs)}")
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "ingest.json"
    about = {
        "id": str(uuid4()),
        "ended": datetime.now(UTC),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    body = {"about": about, "runs": [asdict(run) for run in runs]}
    path.write_text(json.dumps(body, indent=1, default=str) + "\n")
    print(f"\n{path}")
    return 0

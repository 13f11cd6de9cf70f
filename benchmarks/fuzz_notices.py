"""Break the parsers of ingest with mutated notices.

    python -m benchmarks fuzz --inputs 1000000          # mutations that know the form of a message
    python -m benchmarks fuzz --coverage 300            # guided by coverage (atheris), seconds
    python -m benchmarks fuzz --one benchmarks/results/fuzz/<file>

Every input must end as a notice that can be stored or as a `ParseError` with a reason, within a
second of processor time and without the process growing. What does not is a finding: its bytes are
kept beside the results. The same seed gives the same inputs.
"""

import argparse
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType

from too_ingest.notices.registry import BY_TOPIC

from benchmarks.fuzzing.judge import judge
from benchmarks.fuzzing.mutators import mutate
from benchmarks.fuzzing.seeds import Seed, all_seeds

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
FINDINGS = RESULTS / "fuzz"
ENVIRONMENT = ROOT / "var" / "fuzz-env"
"""Of its own: the fuzzer is no dependency of the project."""
SLOW_S = 1.0
HANG_S = 10.0
MEMORY_LIMIT = 3 * 1024**3
PROGRESS = 50_000


class Hang(Exception):  # noqa: N818 - a finding
    """An input took longer than any may."""


@dataclass
class Tally:
    """What came of the inputs."""

    inputs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    findings: dict[str, str] = field(default_factory=dict)
    slowest_s: float = 0.0
    processor_s: float = 0.0

    def note(self, raw: bytes, topic: str | None, what: str) -> None:
        """Keep a finding, one of each kind."""
        if what in self.findings:
            self.outcomes["findings again"] += 1
            return
        FINDINGS.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(raw).hexdigest()[:16]
        (FINDINGS / name).write_bytes(raw)
        (FINDINGS / f"{name}.json").write_text(json.dumps({"topic": topic, "what": what}))
        self.findings[what] = name
        print(f"FINDING {name} (topic {topic}): {what}", flush=True)


def _hang(_number: int, _frame: FrameType | None) -> None:
    raise Hang(f"more than {HANG_S} s of processor time")


def try_one(tally: Tally, raw: bytes, topic: str | None) -> None:
    """Judge one input; nothing gets out."""
    signal.setitimer(signal.ITIMER_VIRTUAL, HANG_S)
    began = time.process_time()
    try:
        tally.outcomes[judge(raw, topic)] += 1
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
        text = f"{type(error).__name__}: {str(error)[:200]}"
        tally.note(raw, topic, text)
        tally.outcomes["findings"] += 1
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    took = time.process_time() - began
    tally.processor_s += took
    tally.slowest_s = max(tally.slowest_s, took)
    if took > SLOW_S:
        tally.note(raw, topic, f"slow: {took:.1f} s")
    tally.inputs += 1


def make_input(
    seeds: Sequence[Seed], topics: Sequence[str | None], seed: int, number: int
) -> tuple[bytes, str | None]:
    """Input number so-and-so of a run."""
    dice = Random(f"{seed}:{number}")
    start = dice.choice(seeds)
    raw = mutate(start.body, dice)
    if dice.random() < 0.02:
        raw = raw + mutate(dice.choice(seeds).body, dice)
    topic = start.topic if dice.random() < 0.7 else dice.choice(topics)
    return raw, topic


def mutation_run(inputs: int, seed: int, first: int) -> Tally:
    """Judge many mutated messages in this process, whose memory is limited."""
    signal.signal(signal.SIGVTALRM, _hang)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    seeds = all_seeds()
    topics: list[str | None] = [None, "", "(none)", "kafka.test", "gcn.notices.new.x", *BY_TOPIC]
    tally = Tally()
    began = time.monotonic()
    for number in range(first, first + inputs):
        raw, topic = make_input(seeds, topics, seed, number)
        try_one(tally, raw, topic)
        if tally.inputs % PROGRESS == 0:
            print(
                f"{tally.inputs} inputs, {time.monotonic() - began:.0f} s, "
                f"{_peak_mb():.0f} MB, {dict(tally.outcomes)}",
                flush=True,
            )
    return tally


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def coverage_run(seconds: int) -> int:
    """Let atheris look for inputs, in an environment of its own; its exit code."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "atheris"], check=True)
    site = subprocess.run(
        [sys.executable, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    inside = next((ENVIRONMENT / "lib").glob("python*/site-packages"))
    # the project's packages, editable ones too, seen from there but not the other way round
    (inside / "project.pth").write_text(f"import site; site.addsitedir({site!r})\n{ROOT}\n")
    worst = 0
    for form in ("xml", "json"):
        corpus = ROOT / "var" / "fuzz-corpus" / form
        corpus.mkdir(parents=True, exist_ok=True)
        for item in all_seeds():
            is_xml = item.body.lstrip().startswith(b"<")
            if is_xml == (form == "xml") and len(item.body) < 20_000:
                (corpus / hashlib.sha256(item.body).hexdigest()[:16]).write_bytes(item.body)
        FINDINGS.mkdir(parents=True, exist_ok=True)
        command = [
            str(python), "-m", "benchmarks.fuzzing.coverage", form, str(corpus),
            f"-max_total_time={seconds}", "-max_len=20000", "-timeout=10", "-rss_limit_mb=2048",
            f"-artifact_prefix={FINDINGS}/", "-print_final_stats=1",
        ]  # fmt: skip
        print(f"{form}: {' '.join(command[3:])}", flush=True)
        worst = max(worst, abs(subprocess.run(command, cwd=ROOT, check=False).returncode))
    return worst


def _show(path: Path) -> int:
    about = path.with_suffix(".json")
    topic = json.loads(about.read_text())["topic"] if about.exists() else None
    print(f"{path.name} (topic {topic}): {judge(path.read_bytes(), topic)}")
    return 0


def main(arguments: Sequence[str]) -> int:
    """Run; 1 if there was a finding."""
    parser = argparse.ArgumentParser(prog="benchmarks fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=0, help="mutated messages")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--coverage", type=int, default=0, metavar="S", help="seconds per form")
    parser.add_argument("--one", type=Path, help="judge one kept input again")
    chosen = parser.parse_args(arguments)
    if chosen.one:
        return _show(chosen.one)
    failed = 0
    if chosen.coverage:
        failed = coverage_run(chosen.coverage)
    inputs = chosen.inputs or (0 if chosen.coverage else 20_000)
    if inputs:
        os.nice(10)
        began = time.monotonic()
        tally = mutation_run(inputs, chosen.seed, chosen.first)
        took = time.monotonic() - began
        print(
            f"{tally.inputs} inputs in {took:.0f} s ({tally.processor_s:.0f} s of processor in the "
            f"parsers, slowest {tally.slowest_s:.3f} s), peak {_peak_mb():.0f} MB: "
            f"{dict(tally.outcomes)}; {len(tally.findings)} kinds of finding"
        )
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "fuzz.json").write_text(
            json.dumps(
                {
                    "inputs": tally.inputs,
                    "seed": chosen.seed,
                    "first": chosen.first,
                    "seconds": round(took),
                    "slowest_s": round(tally.slowest_s, 4),
                    "peak_mb": round(_peak_mb()),
                    "outcomes": dict(tally.outcomes),
                    "findings": tally.findings,
                },
                indent=1,
            )
        )
        failed = failed or int(bool(tally.findings))
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

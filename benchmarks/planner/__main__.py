"""Score the planner on the kit: ``python -m benchmarks.planner`` (`make bench-planner`).

First everything that is timed, one after the other; then the scores, two at a time. Every row is
on disk when it is done: ``--resume`` measures only what is missing.
"""

import argparse
import os
import platform
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from benchmarks.planner import growth, ours, peers, pictures, report
from benchmarks.planner.kit import Kit, NoKitError, ScoreError
from benchmarks.planner.rows import Rows

RESULTS = Path(__file__).resolve().parents[1] / "results"
SMALL_DEG2 = 600.0
"""Up to here a map is small: its 90 % area."""


def main() -> int:
    """Run all of it; 1 if a limit was broken or a scenario could not be planned."""
    options = _options()
    try:
        kit = Kit.find()
    except NoKitError as error:
        print(error)
        return 0 if "skipped" in str(error) else 2
    rows = Rows(options.results / "planner.json", resume=options.resume)
    schedules = options.results / "planner-schedules"
    schedules.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    if "report" not in options.only:
        _note(rows, options)
        _time(kit, options, rows, schedules)
        _score(kit, rows, schedules)
        spent = rows.content["about"].get("spent_s", 0.0) + time.monotonic() - began
        rows.content["about"]["spent_s"] = round(spent, 1)
        rows.content["kit_bounds"] = kit.bounds()
        rows.content["areas"] = kit.areas()
        rows.save()
    words = report.table(rows.content, small_deg2=SMALL_DEG2)
    (options.results / "planner.md").write_text(words)
    pictures.draw(rows.content, options.results)
    print(words)
    return 1 if report.broken(rows.content) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planner", description=__doc__)
    parser.add_argument("--scenarios", default="*", help="pattern of names, e.g. '*__decam__*'")
    parser.add_argument("--repeats", type=int, default=3, help="warm plans of each scenario")
    parser.add_argument(
        "--peers", default=",".join(peers.PACKAGES), help="comma list, or none", metavar="NAMES"
    )
    parser.add_argument(
        "--peer-limit-s", type=float, default=60.0, help="a peer's plan that takes longer is ended"
    )
    parser.add_argument(
        "--only", default="", help="comma list of ours, cold, free, peers, growth; or report"
    )
    parser.add_argument("--resume", action="store_true", help="do not repeat finished rows")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where everything is written")
    found = parser.parse_args()
    found.only = [word for word in found.only.split(",") if word]
    return found


def _note(rows: Rows, options: argparse.Namespace) -> None:
    about = rows.content["about"]
    about.setdefault("begun", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))
    about["machine"] = f"{os.cpu_count()} processors, Python {platform.python_version()}"
    about.setdefault("loads", []).append(round(os.getloadavg()[0], 1))
    about["peer_limit_s"] = options.peer_limit_s
    about["repeats"] = options.repeats


def _time(kit: Kit, options: argparse.Namespace, rows: Rows, schedules: Path) -> None:
    """Phase one: one thing at a time."""

    def wanted(part: str) -> bool:
        return not options.only or part in options.only

    names = kit.names(options.scenarios)
    if wanted("ours"):
        left = [n for n in names if not rows.has("ours", n, schedule=schedules / f"{n}.json")]
        print(f"{len(left)} scenarios warm", flush=True)
        for row in ours.warm(kit, left, schedules, options.repeats):
            rows.put("ours", row["scenario"], row)
            _say(row["scenario"], row, "wall_s", "first_s")
    if wanted("cold"):
        left = [n for n in names if not rows.has("cold", n)]
        print(f"{len(left)} scenarios cold", flush=True)
        for name in left:
            rows.put("cold", name, ours.cold(kit, name, schedules / f"{name}.cold.json"))
            _say(name, rows.content["cold"][name], "wall_s", "peak_mb")
    if wanted("free"):
        _free(kit, names, rows, schedules)
    if wanted("peers") and options.peers != "none":
        for name in options.peers.split(","):
            _peer(kit, name, options, rows, schedules)
    if wanted("growth") and options.scenarios == "*" and not rows.content["growth"]:
        rows.content["growth"] = growth.measure()
        rows.save()


def _free(kit: Kit, names: list[str], rows: Rows, schedules: Path) -> None:
    """Our free pointings wherever tilepy's are looked at."""
    setups = {item.setup for item in peers.VARIANTS if item.peer == "tilepy"}
    for name in names:
        out = schedules / f"{name}.free.json"
        _, setup, objective = name.split("__")
        if objective != "any" or setup not in setups or rows.has("free", name, schedule=out):
            continue
        rows.put("free", name, ours.cold(kit, name, out, "--free-pointing"))
        _say(f"{name}, free pointing", rows.content["free"][name], "wall_s", "peak_mb")


def _peer(kit: Kit, name: str, options: argparse.Namespace, rows: Rows, schedules: Path) -> None:
    python: Path | str | None = None
    # small maps first: where one of them takes too long the larger ones need not be tried
    maps = sorted(kit.areas().items(), key=lambda item: item[1])
    for variant in (item for item in peers.VARIANTS if item.peer == name):
        too_long = None
        for map_name, area in maps:
            scenario = variant.scenario(map_name)
            key = f"{variant.name} | {scenario}"
            out = schedules / f"{scenario}.{variant.name.replace(' ', '_').replace(',', '')}.json"
            if not fnmatch(scenario, options.scenarios):
                continue
            if variant.small_only and area > SMALL_DEG2:
                continue
            if not rows.has("peers", key, schedule=out):
                python = peers.environment(name) if python is None else python
                about = {"peer": name, "variant": variant.name, "scenario": scenario}
                row: dict[str, Any]
                if isinstance(python, str):
                    row = {**about, "failure": python}
                elif too_long is not None:
                    row = {**about, "failure": f"not tried: too slow on {too_long} already"}
                else:
                    row = peers.run(variant, python, kit, scenario, out, options.peer_limit_s)
                row["free_pointing"] = name == "tilepy"
                row["schedule"] = out.name
                rows.put("peers", key, row)
                _say(key, row, "cold_s", "first_s")
            if rows.content["peers"][key].get("timed_out"):
                too_long = map_name


def _say(name: str, row: dict[str, Any], *keys: str) -> None:
    told = row.get("failure") or ", ".join(f"{key} {row.get(key)}" for key in keys)
    print(f"  {name}: {told}", flush=True)


def _score(kit: Kit, rows: Rows, schedules: Path) -> None:
    """Phase two: what is not scored yet, in two processes at a time."""
    tasks: list[tuple[dict[str, Any], Path, tuple[str, ...]]] = []
    for name, row in rows.of("ours"):
        tasks.append((row, schedules / f"{name}.json", ("strict",)))
    for name, row in rows.of("free"):
        tasks.append((row, schedules / f"{name}.free.json", ("strict",)))
    for _, row in rows.of("peers"):
        tasks.append((row, schedules / str(row.get("schedule")), ("strict", "lenient")))
    left = [task for task in tasks if "scores" not in task[0] and "failure" not in task[0]]
    print(f"{len(left)} schedules to score", flush=True)

    def score(task: tuple[dict[str, Any], Path, tuple[str, ...]]) -> dict[str, Any]:
        row, schedule, modes = task
        free = row.get("free_pointing") or schedule.name.endswith(".free.json")
        common = ["--free-pointing"] if free else []
        found = {}
        try:
            for mode in modes:
                more = ["--lenient"] if mode == "lenient" else []
                found[mode] = kit.score(row["scenario"], schedule, *common, *more)
        except ScoreError as error:
            return {"failure": str(error)}
        return {"scores": found}

    with ThreadPoolExecutor(2) as pool:
        for (row, *_), found in zip(left, pool.map(score, left), strict=True):
            row.update(found)
            rows.save()


if __name__ == "__main__":
    sys.exit(main())

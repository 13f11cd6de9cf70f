"""Score the planner on the kit: ``python -m benchmarks.planner`` (`make bench-planner`)."""

import argparse
import json
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.planner import growth, ours, peers, report
from benchmarks.planner.kit import HOUSE, Kit, NoKitError

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "results"


def main() -> int:
    """Run all of it; 1 if any limit was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", default="*", help="pattern of names")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peers", default="gwemopt", help="comma list, or none")
    parser.add_argument("--peer-scenarios", default="*__ztf_primary__*")
    parser.add_argument("--no-growth", action="store_true")
    parser.add_argument("--write", action="store_true", help="write table and pictures here")
    options = parser.parse_args()
    try:
        kit = Kit.find()
    except NoKitError as error:
        print(error)
        return 0 if "skipped" in str(error) else 2
    with tempfile.TemporaryDirectory(prefix="bench-planner-") as name:
        result = _measure(kit, options, Path(name))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "planner.json").write_text(json.dumps(result, indent=1))
    words = report.table(result)
    print(words)
    target = HERE if options.write else RESULTS
    (target / ("RESULTS.md" if options.write else "planner.md")).write_text(words)
    report.pictures(result, target)
    return 1 if any(row["violations"] for row in result["ours"]) else 0


def _measure(kit: Kit, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    names = kit.names(options.scenarios)
    bounds = kit.bounds()
    print(f"{len(names)} scenarios, warm:", flush=True)
    rows = ours.warm(kit, names, folder, options.repeats)
    print("strict scores:", flush=True)
    for row in rows:
        score = kit.score(row["scenario"], folder / f"{row['scenario']}.json")
        broken = {key: value for key, value in score["violations"].items() if value}
        row["achieved"] = report.value_of(score, row["scenario"])
        row["violations"] = sum(broken.values())
        row["broken"] = broken
        row["valid"] = score["valid"]
        row["t_mean_h"] = score["t_mean_h"]
        bound = row["bound_kit"] = bounds.get(row["scenario"])
        row["share_kit"] = row["achieved"] / bound if bound else None
        row["share_own"] = row["achieved"] / row["bound"] if row["bound"] else None
        print(
            f"  {row['scenario']}: {row['achieved']:.4f} of {bound}, broken: {broken}", flush=True
        )
    cold_names = [item for item in names if item.endswith("ztf_primary__seq")] or names[:1]
    result: dict[str, Any] = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{os.cpu_count()} processors, Python {platform.python_version()}",
        "load": " ".join(f"{value:.1f}" for value in os.getloadavg()),
        "ours": rows,
        "kit_bounds": bounds,
        "cold": [ours.cold(kit, item, folder) for item in cold_names],
        "growth": {} if options.no_growth else growth.measure(),
        "peers": _peers(kit, options, folder),
    }
    return result


def _peers(kit: Kit, options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    wanted = [] if options.peers == "none" else options.peers.split(",")
    home = Path(os.environ.get("TOO_BENCH_PEERS") or HOUSE / "var" / "bench-peers")
    home.mkdir(parents=True, exist_ok=True)
    for name in wanted:
        python = peers.environment(name, home)
        scenarios = kit.names(options.peer_scenarios)
        if isinstance(python, str):
            rows.append({"peer": name, "scenario": "-", "failure": python})
            continue
        for scenario in scenarios:
            modes = [(), ("--balance",)] if name == "gwemopt" and scenario.endswith("seq") else [()]
            for more in modes:
                place = folder / name / scenario / ("balance" if more else "plain")
                rows.append(peers.run(name, python, kit, scenario, place, *more))
                print(f"  {rows[-1]['peer']} {scenario}", flush=True)
    return rows


if __name__ == "__main__":
    sys.exit(main())

"""Time, memory and worth of our own plans: warm in one process, cold as `too plan`.

``python -m benchmarks.planner.ours KIT FOLDER REPEATS NAME...`` plans the named scenarios warm, in
this process, and prints a line of JSON for each.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.planner.kit import HOUSE, Kit

_KB = 1024
_LIMIT_S = 300.0


def warm(kit: Kit, names: list[str], folder: Path, repeats: int) -> Iterator[dict[str, Any]]:
    """Plan scenarios in one process that has planned before; a row for each as it is done.

    A process that dies loses the scenario it was at; the next one goes on with the rest.
    """
    left = list(names)
    while left:
        command = [sys.executable, "-m", "benchmarks.planner.ours",
                   str(kit.folder), str(folder), str(repeats), *left]  # fmt: skip
        with subprocess.Popen(command, cwd=HOUSE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("ROW "):
                    row = json.loads(line.removeprefix("ROW "))
                    left.remove(row["scenario"])
                    yield row
        if process.returncode and left:
            yield {
                "scenario": left.pop(0),
                "failure": f"the process ended with {process.returncode}",
            }


def cold(
    kit: Kit, name: str, out: Path, *options: str, limit_s: float = _LIMIT_S
) -> dict[str, Any]:
    """`too plan` in a process of its own: wall and processor time, peak memory."""
    command = [
        str(Path(sys.executable).with_name("too")), "plan",
        "--skymap", str(kit.map_path(name)),
        "--scenario", str(kit.scenario_path(name)),
        "--base", str(kit.folder),
        "--out", str(out), *options,
    ]  # fmt: skip
    told = out.with_suffix(".told")
    began = time.perf_counter()
    with (
        told.open("w") as stream,
        subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT) as process,
    ):
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.perf_counter() - began > limit_s:
                process.kill()
            time.sleep(0.005)
        process.returncode = os.waitstatus_to_exitcode(status)
    row: dict[str, Any] = {
        "scenario": name,
        "wall_s": round(time.perf_counter() - began, 3),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 3),
        "peak_mb": round(usage.ru_maxrss / _KB, 1),
    }
    text = told.read_text()
    told.unlink()
    if process.returncode:
        last = (text.strip().splitlines() or [""])[-1]
        return row | {"failure": f"exit status {process.returncode}: {last[:200]}"}
    metrics = json.loads(text[text.index("{") :])
    return row | {"probability": metrics.get("probability"), "bound": metrics.get("bound")}


def measure(kit: Kit, name: str, folder: Path, repeats: int) -> dict[str, Any]:
    """One scenario in this process.

    Wall and processor times are medians over the repeats of a plan whose map and grid are in
    memory, as in a worker that has read the map for another telescope. `read_s` is the time from
    the map's bytes to points, `first_s` that to the first plan that can be carried out (a search
    without time or steps to improve it).
    """
    from dataclasses import fields, replace

    from too_common.astro.skymap import SkyMap
    from too_planner import planning
    from too_planner import scenario as scenarios
    from too_planner.coverage import Points

    data = kit.map_path(name).read_bytes()
    wall = time.perf_counter()
    Points.of_map(SkyMap.from_fits(data))
    read_s = time.perf_counter() - wall
    inputs = scenarios.inputs_of(kit.scenario(name), kit.folder, data)
    planning.make_plan(inputs)
    plan, walls, cpus = _timed(planning.make_plan, inputs, repeats)
    known = {field.name for field in fields(inputs)}
    least = replace(inputs, **({"structures": 0} if "structures" in known else {"deadline_s": 0.0}))
    first, first_walls, first_cpus = _timed(planning.make_plan, least, repeats)
    (folder / f"{name}.json").write_text(json.dumps(scenarios.schedule_of(plan)))
    return {
        "scenario": name,
        "exposures": len(plan.exposures),
        "fields": plan.statistics.fields,
        "probability": plan.statistics.probability,
        "probability_sequence": plan.statistics.probability_sequence,
        "bound": plan.bound.model_dump(mode="json") if plan.bound else None,
        "wall_s": round(median(walls), 4),
        "cpu_s": round(median(cpus), 4),
        "first_s": round(median(first_walls), 4),
        "first_cpu_s": round(median(first_cpus), 4),
        "first_share": first.bound.share if first.bound else None,
        "read_s": round(read_s, 4),
        "points": len(inputs.points or ()),
        "candidates": len(inputs.targets),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KB, 1),
    }


def _timed(make: Any, inputs: Any, repeats: int) -> tuple[Any, list[float], list[float]]:
    walls, cpus, plan = [], [], None
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        plan = make(inputs)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return plan, walls, cpus


def main() -> None:
    """Measure what the command line names."""
    kit, folder, repeats = Kit(Path(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3])
    for name in sys.argv[4:]:
        try:
            row = measure(kit, name, folder, repeats)
        except (RuntimeError, ValueError, ArithmeticError, LookupError) as error:
            row = {"scenario": name, "failure": f"{type(error).__name__}: {error}"[:300]}
        print(f"ROW {json.dumps(row)}", flush=True)


if __name__ == "__main__":
    main()

"""Time, memory and worth of our own plans: warm in one process, cold as `too plan`."""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.planner.kit import Kit

_KB = 1024


def warm(kit: Kit, names: list[str], folder: Path, repeats: int) -> list[dict[str, Any]]:
    """Plan some scenarios in this process; schedules go to a folder.

    The wall and processor times are medians over the repeats of a plan whose map and grid are in
    memory, as in a worker that has read the map for another telescope; `first_s` is the time to
    the first plan that can be carried out (search effort zero).
    """
    from dataclasses import replace

    from too_planner import planning
    from too_planner import scenario as scenarios

    rows: list[dict[str, Any]] = []
    for name in names:
        content = kit.scenario(name)
        inputs = scenarios.inputs_of(content, kit.folder, kit.map_path(name).read_bytes())
        planning.make_plan(inputs)
        walls, cpus = [], []
        plan = None
        for _ in range(repeats):
            wall, cpu = time.perf_counter(), time.process_time()
            plan = planning.make_plan(inputs)
            walls.append(time.perf_counter() - wall)
            cpus.append(time.process_time() - cpu)
        assert plan is not None
        cpu = time.process_time()
        planning.make_plan(replace(inputs, structures=0))
        first = time.process_time() - cpu
        schedule = folder / f"{name}.json"
        schedule.write_text(json.dumps(scenarios.schedule_of(plan)))
        rows.append(
            {
                "scenario": name,
                "exposures": len(plan.exposures),
                "fields": plan.statistics.fields,
                "probability": plan.statistics.probability,
                "probability_sequence": plan.statistics.probability_sequence,
                "bound": plan.bound.value if plan.bound else None,
                "wall_s": round(median(walls), 4),
                "cpu_s": round(median(cpus), 4),
                "first_cpu_s": round(first, 4),
                "points": len(inputs.points or ()),
                "candidates": len(inputs.targets),
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KB,
            }
        )
        print(f"  {name}: {rows[-1]['cpu_s']} s cpu, {rows[-1]['wall_s']} s wall", flush=True)
    return rows


def cold(kit: Kit, name: str, folder: Path) -> dict[str, Any]:
    """`too plan` in a process of its own: wall and processor time, peak memory."""
    command = [
        str(Path(sys.executable).with_name("too")), "plan",
        "--skymap", str(kit.map_path(name)),
        "--scenario", str(kit.scenario_path(name)),
        "--base", str(kit.folder),
        "--out", str(folder / f"{name}.cold.json"),
    ]  # fmt: skip
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return {
        "scenario": name,
        "status": process.returncode,
        "wall_s": round(time.perf_counter() - began, 3),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 3),
        "peak_mb": round(usage.ru_maxrss / _KB, 1),
    }

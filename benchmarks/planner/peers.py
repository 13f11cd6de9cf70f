"""Other planners, installed from PyPI into environments of their own, on the same maps."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.planner.kit import Kit

HERE = Path(__file__).resolve().parent
PEERS = {"gwemopt": "gwemopt==0.4.2"}
"""What is installed."""
_NOT_OLD = ("scipy>=1.11", "numpy>=1.26", "pandas>=2")
_LIMIT_S = 900.0


def environment(name: str, folder: Path) -> Path | str:
    """Make a peer's environment if it is not there; its Python, or why there is none."""
    home = folder / name
    python = home / "bin" / "python"
    if (home / "installed").is_file():
        return python
    uv = str(Path(sys.executable).with_name("uv"))
    print(f"installing {PEERS[name]} into {home} (some minutes)", flush=True)
    steps = (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(home)],
        # old sources of numpy and scipy cannot be built any more
        [uv, "pip", "install", "--quiet", "--python", str(python), PEERS[name], *_NOT_OLD],
    )  # fmt: skip
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"could not be installed: {done.stderr.strip().splitlines()[-1:]}"
    (home / "installed").touch()
    return python


def run(
    name: str, python: Path, kit: Kit, scenario: str, folder: Path, *options: str
) -> dict[str, Any]:
    """One peer on one scenario: its times and what the kit's scorer makes of its schedule."""
    folder.mkdir(parents=True, exist_ok=True)
    script = HERE / f"peer_{name}.py"
    row: dict[str, Any] = {"peer": " ".join((name, *options)), "scenario": scenario}
    try:
        done = subprocess.run(
            [
                str(python), str(script), str(kit.scenario_path(scenario)),
                str(kit.map_path(scenario)), str(folder), *options,
            ],
            capture_output=True, text=True, check=False, timeout=_LIMIT_S, cwd=folder,
            env={**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": ""},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {**row, "failure": f"not ready after {_LIMIT_S:g} s"}
    told = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode or not told:
        return {**row, "failure": (done.stderr.strip().splitlines() or ["no result"])[-1][:200]}
    row |= json.loads(told[-1].removeprefix("RESULT "))
    for mode in ("strict", "lenient"):
        more = ["--lenient"] if mode == "lenient" else []
        found = kit.score(scenario, folder / "schedule.json", *more)
        row[mode] = {key: found[key] for key in ("P1", "Pseq", "exposures", "valid", "violations")}
    return row

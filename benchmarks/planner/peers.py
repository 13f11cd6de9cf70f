"""Other planners, installed from PyPI into environments of their own, on the same maps."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.planner.kit import HOUSE, Kit

HERE = Path(__file__).resolve().parent
PACKAGES = {"gwemopt": "gwemopt==0.4.2", "tilepy": "tilepy==3.0.8"}
_NOT_OLD = ("scipy>=1.11", "numpy>=1.26", "pandas>=2", "astropy>=6")
"""What the peers pin is too old to be built."""


@dataclass(frozen=True)
class Variant:
    """A way of running a peer: on which scenarios, and how often in one process."""

    peer: str
    name: str
    setup: str
    objective: str
    options: tuple[str, ...] = ()
    runs: int = 1
    small_only: bool = False
    """Only maps of some hundred square degrees."""

    def scenario(self, map_name: str) -> str:
        """The scenario of a map."""
        return f"{map_name}__{self.setup}__{self.objective}"


_INNER = ("--radius-share", "0.886")

VARIANTS = (
    Variant("gwemopt", "gwemopt", "ztf_primary", "seq", runs=2),
    Variant("gwemopt", "gwemopt balance", "ztf_primary", "seq", ("--balance",)),
    Variant("gwemopt", "gwemopt", "ztf_primary", "any"),
    Variant("gwemopt", "gwemopt", "ztf_full", "seq"),
    Variant("gwemopt", "gwemopt", "ztf_full", "any"),
    Variant("gwemopt", "gwemopt", "gattini", "any"),
    Variant("gwemopt", "gwemopt", "decam", "seq"),
    Variant("gwemopt", "gwemopt", "growth_india", "any"),
    Variant("tilepy", "tilepy", "ztf_full", "any"),
    Variant("tilepy", "tilepy, inner circle", "ztf_full", "any", _INNER, small_only=True),
    Variant("tilepy", "tilepy", "gattini", "any"),
    Variant("tilepy", "tilepy, inner circle", "gattini", "any", _INNER, small_only=True),
    Variant("tilepy", "tilepy", "decam", "any"),
    Variant("tilepy", "tilepy", "growth_india", "any"),
    Variant("tilepy", "tilepy, inner circle", "growth_india", "any", _INNER, small_only=True),
)
"""What is run: each peer's usual way; its option for balanced filters, and the second run in a
process (warm), once. gwemopt has no free pointing. tilepy knows one epoch, no grid, and a round
camera: a circle of the camera's area, and on small maps also the circle inside a square of this
area, which leaves no corners and gaps behind."""


def home() -> Path:
    """Where the peers' environments are."""
    return Path(os.environ.get("TOO_BENCH_PEERS") or HOUSE / "var" / "bench-peers")


def environment(name: str) -> Path | str:
    """Make a peer's environment if it is not there; its Python, or why there is none."""
    place = home() / name
    python = place / "bin" / "python"
    if (place / "installed").is_file():
        return python
    place.parent.mkdir(parents=True, exist_ok=True)
    uv = str(Path(sys.executable).with_name("uv"))
    print(f"installing {PACKAGES[name]} into {place}", flush=True)
    steps = (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(place)],
        [uv, "pip", "install", "--quiet", "--python", str(python), PACKAGES[name], *_NOT_OLD],
    )
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode:
            why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            return f"could not be installed: {why[:200]}"
    (place / "installed").touch()
    return python


def run(
    variant: Variant, python: Path, kit: Kit, scenario: str, out: Path, limit_s: float
) -> dict[str, Any]:
    """One peer on one scenario: its times; its schedule is written to a file."""
    folder = out.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    out.unlink(missing_ok=True)
    (folder / "schedule.json").unlink(missing_ok=True)
    row: dict[str, Any] = {"peer": variant.peer, "variant": variant.name, "scenario": scenario}
    command = [
        str(python), str(HERE / f"peer_{variant.peer}.py"), str(kit.scenario_path(scenario)),
        str(kit.map_path(scenario)), str(folder), *variant.options, "--runs", str(variant.runs),
    ]  # fmt: skip
    # a home of its own: gwemopt writes there; the same for what others keep for all their users
    surroundings = {**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": "", "HOME": str(home())}
    began = time.perf_counter()
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False,
            timeout=limit_s * (1 + 0.5 * (variant.runs - 1)), cwd=folder, env=surroundings,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return row | {"failure": f"not ready after {limit_s:g} s", "timed_out": True}
    row["process_s"] = round(time.perf_counter() - began, 2)
    told = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode or not told:
        words = done.stderr.strip().splitlines() or _last(folder) or ["no result"]
        return row | {"failure": words[-1][:200]}
    (folder / "schedule.json").replace(out)
    found: dict[str, Any] = json.loads(told[-1].removeprefix("RESULT "))
    return row | found


def _last(folder: Path) -> list[str]:
    lines: list[str] = []
    for log in folder.glob("*.log"):
        lines += log.read_text(errors="replace").strip().splitlines()
    return lines

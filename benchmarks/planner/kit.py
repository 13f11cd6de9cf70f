"""The benchmark kit: scenarios, maps, bounds, and the strict scorer, which is run as it is."""

import csv
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOUSE = Path(__file__).resolve().parents[2]
DEFAULT_KIT = HOUSE.parent / "shared" / "bench"


class NoKitError(RuntimeError):
    """There is no kit to measure against."""


class ScoreError(RuntimeError):
    """The scorer could make nothing of a schedule."""


@dataclass(frozen=True)
class Kit:
    """A folder with `scenarios`, `skymaps`, `bounds.csv` and `score_schedule.py`."""

    folder: Path

    @classmethod
    def find(cls) -> "Kit":
        """The kit named by TOO_TEST_BENCH.

        Raises
        ------
        NoKitError
            If there is none; the words say where it was looked for.
        """
        named = os.environ.get("TOO_TEST_BENCH")
        folder = Path(named) if named else DEFAULT_KIT
        if (folder / "score_schedule.py").is_file():
            return cls(folder)
        if named:
            raise NoKitError(f"TOO_TEST_BENCH names {folder}: no score_schedule.py there")
        raise NoKitError("skipped: TOO_TEST_BENCH is not set and there is no kit beside the house")

    def names(self, pattern: str = "*") -> list[str]:
        """Scenarios that fit a pattern."""
        return sorted(path.stem for path in (self.folder / "scenarios").glob(f"{pattern}.json"))

    def scenario(self, name: str) -> dict[str, Any]:
        """A scenario's content."""
        found: dict[str, Any] = json.loads(self.scenario_path(name).read_text())
        return found

    def scenario_path(self, name: str) -> Path:
        """A scenario's file."""
        return self.folder / "scenarios" / f"{name}.json"

    def map_path(self, name: str) -> Path:
        """The map of a scenario."""
        return self.folder / str(self.scenario(name)["skymap"]["file"])

    def bounds(self) -> dict[str, float]:
        """The kit's own upper bounds; they forget slews and filter changes."""
        path = self.folder / "bounds.csv"
        if not path.is_file():
            return {}
        with path.open(newline="") as stream:
            return {row["scenario"]: float(row["bound"]) for row in csv.DictReader(stream)}

    def areas(self) -> dict[str, float]:
        """90 % area of each map, deg2."""
        from too_common.astro.skymap import SkyMap

        return {
            path.name.split(".")[0]: round(
                SkyMap.from_fits(path.read_bytes()).credible_area_deg2(0.9), 1
            )
            for path in sorted((self.folder / "skymaps").glob("*.fits*"))
        }

    def score(self, name: str, schedule: Path, *options: str) -> dict[str, Any]:
        """Judge a schedule with the kit's scorer, in a process of its own.

        Raises
        ------
        ScoreError
            If the scorer cannot read it.
        """
        done = subprocess.run(
            [
                sys.executable, "-W", "ignore", str(self.folder / "score_schedule.py"),
                "--skymap", str(self.map_path(name)),
                "--scenario", str(self.scenario_path(name)),
                "--schedule", str(schedule), *options,
            ],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise ScoreError(f"not scored: {why[:200]}")
        found: dict[str, Any] = json.loads(done.stdout)
        return found

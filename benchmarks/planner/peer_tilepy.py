"""Runs in tilepy's own environment: one scenario, by its own function for one telescope.

``python peer_tilepy.py SCENARIO.json MAP.fits FOLDER [--runs N] [--radius-share S]`` writes
FOLDER/schedule.json with free pointings and prints a line of JSON with times and memory. tilepy
has one epoch, no filters, no field grids and a round camera: it is given the scenario's site,
limits and window, runs of one exposure and the read-out, and a circle of the camera's area. The
times do not contain the making of the ephemeris file, which tilepy would download.
"""

import contextlib
import csv
import importlib
import json
import math
import os
import resource
import sys
import time
import warnings
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

warnings.filterwarnings("ignore")

_REGION = 0.999
_FINE_NSIDE = 512


def radius_deg(footprint: dict[str, Any], base: Path) -> float:
    """Of a circle with the camera's area."""
    if footprint["type"] == "circle":
        return float(footprint["radius_deg"])
    if footprint["type"] == "square":
        return float(footprint["side_deg"]) / math.sqrt(math.pi)
    with (base / footprint["file"]).open(newline="") as stream:
        area = sum(
            4 * float(r["half_x_deg"]) * float(r["half_y_deg"]) for r in csv.DictReader(stream)
        )
    return math.sqrt(area / math.pi)


def configuration(scenario: dict[str, Any], radius: float) -> str:
    """The text of tilepy's own kind of configuration file."""
    telescope, request = scenario["telescope"], scenario["request"]
    minutes = (request["sequence"][0]["exposure_s"] + telescope["overhead_s"]) / 60
    zenith = math.degrees(math.acos(1 / telescope["airmass_max"]))
    # a third of the camera's radius between two candidates, not finer than the map is read
    nside = min(256, 2 ** math.ceil(math.log2(58.6 / (radius / 2.2))))
    nside = max(64, nside)
    sections: dict[str, dict[str, Any]] = {
        "observatory": {
            "name": telescope["name"], "lat": telescope["lat_deg"], "lon": telescope["lon_deg"],
            "height": telescope["height_m"], "base": "grid",
        },
        # nights with a Moon are used; its distance is kept (by its "grey time")
        "visibility": {
            "sundown": round(request["sun_altitude_max_deg"]), "moondown": 90, "moongrey": 90,
            "moonphase": 100, "earthdown": 0, "maxmoonsourceseparation": 180,
            "minmoonsourceseparation": round(telescope["moon_separation_min_deg"]),
        },
        "operations": {
            "maxzenith": zenith, "fov": radius, "maxruns": 100_000, "maxnights": 2,
            "duration": minutes, "minduration": minutes, "usegreytime": True, "minslewing": 0,
        },
        "tiling": {
            "loccut": 99999, "minprobcut": 1e-6, "distcut": 0, "doplot": False,
            "secondround": False, "zenithweighting": 0.75, "percentagemoc": _REGION,
            "reducednside": nside, "hrnside": _FINE_NSIDE, "mangrove": False, "algorithm": "2D",
            "strategy": "integrated", "dorank": False, "countprevious": False,
        },
    }  # fmt: skip
    return "\n".join(
        f"[{name}]\n" + "\n".join(f"{key} = {value}" for key, value in values.items())
        for name, values in sections.items()
    )


def _option(name: str, usual: str) -> str:
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else usual


def main() -> None:
    """Plan and tell."""
    began = time.perf_counter()
    scenario_path, map_path, folder = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    runs = int(_option("--runs", "1"))
    scenario = json.loads(scenario_path.read_text())
    os.chdir(folder)
    out = folder / "tilepy.log"
    with out.open("w") as log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        from astropy.utils import iers

        iers.conf.auto_download = False
        iers.conf.auto_max_age = None
        include = importlib.import_module("tilepy.include.ObservationScheduler")
        tiling = importlib.import_module("tilepy.include.TilingDetermination")
        campaign = importlib.import_module("tilepy.include.CampaignDefinition")
        imported = time.perf_counter()
        from astropy.time import Time

        begin, end = (datetime.fromisoformat(v) for v in scenario["request"]["window_utc"])
        importlib.import_module("peer_ephemeris").write(
            folder / "de440s.bsp", Time(begin.replace(tzinfo=None)).jd - 4, 14
        )
        time.perf_counter()
        _within(tiling, end, scenario["request"]["sequence"][0]["exposure_s"])
        share = float(_option("--radius-share", "1"))
        radius = share * radius_deg(scenario["telescope"]["footprint"], scenario_path.parents[1])
        (folder / "tilepy.ini").write_text(configuration(scenario, radius))
        walls, cpus = [], []
        for number in range(runs):
            wall, cpu = time.perf_counter(), time.process_time()
            wanted = campaign.ObservationParameters()
            wanted.from_configfile(str(folder / "tilepy.ini"))
            wanted.add_parsed_args(
                map_path, begin.replace(tzinfo=None), str(folder), "none",
                str(folder / str(number)), None, eventName="event",
            )  # fmt: skip
            include.GetSchedule(wanted)
            walls.append(time.perf_counter() - wall)
            cpus.append(time.process_time() - cpu)
    _save(scenario, folder, runs)
    print(
        "RESULT "
        + json.dumps(
            {
                "import_s": round(imported - began, 2),
                "cold_s": round(imported - began + walls[0], 2),
                "first_s": round(walls[0], 2),
                "warm_s": round(walls[-1], 2) if runs > 1 else None,
                "cpu_s": round(cpus[-1], 2),
                "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
                "note": f"circle of {radius:.2f} deg",
            }
        )
    )


def _within(tiling: Any, end: datetime, exposure_s: float) -> None:
    """Runs that would not end within the window are not planned (tilepy plans whole nights)."""
    for name in ("NightDarkObservation", "NightDarkObservationwithGreyTime"):
        whole = getattr(tiling, name)

        def cut(when: Any, wanted: Any, whole: Any = whole) -> list[Any]:
            return [at for at in whole(when, wanted) if at + timedelta(seconds=exposure_s) <= end]

        setattr(tiling, name, cut)


def _save(scenario: dict[str, Any], folder: Path, runs: int) -> None:
    from astropy.table import Table

    step = scenario["request"]["sequence"][0]
    found = sorted((folder / str(runs - 1)).rglob("SuggestedPointings_*.txt"))
    if not found:
        raise SystemExit("it suggested no pointings")
    exposures = [
        {
            "ra_deg": float(row["RA[deg]"]), "dec_deg": float(row["DEC[deg]"]),
            "filter": step["filter"], "start_utc": str(row["Time[UTC]"]).replace(" ", "T"),
            "exposure_s": step["exposure_s"],
        }
        for row in Table.read(found[0], format="ascii")
    ]  # fmt: skip
    (folder / "schedule.json").write_text(json.dumps({"exposures": exposures}))


if __name__ == "__main__":
    main()

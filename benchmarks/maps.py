"""Map facts against ligo.skymap: the same numbers, in how much time and memory.

Each map of a folder is judged in two processes of its own, one with our code and one with
ligo.skymap (which gets a flat file rasterised to multi-order first, as its own tools do). Compared
are areas, volumes, distance moments, and searched area and probability at 100 positions; the
contours are judged by the probability that their polygons enclose.
"""

import argparse
import csv
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).parent / "results"
POSITIONS = 100
SEED = 17
LEVELS = (0.5, 0.9)
LIMITS = {
    "areas": 1e-3,
    "volumes": 1e-2,
    "distance": 1e-3,
    "searched_area": 1e-3,
    "searched_prob": 1e-3,
    "contours": 5e-3,
    "tied": 1.0,
}
"""Largest deviations that are allowed: relative, except probabilities (absolute)."""


# -- positions, the same for both --------------------------------------------------------------
def positions(path: Path) -> tuple[Any, Any]:
    """Positions drawn from a map: half by its probability, half wherever on the sky."""
    from too_common.astro import pixels
    from too_common.astro.skymap import SkyMap

    skymap = SkyMap.from_fits(path.read_bytes())
    rng = np.random.default_rng(SEED)
    half = POSITIONS // 2
    weight = skymap.probability / skymap.probability.sum()
    leaf = rng.choice(len(skymap), half, p=weight)
    # within the leaf: one of the pixels of an order 8 finer
    order = skymap.order[leaf].astype(np.int64) + 8
    ipix = (skymap.ipix[leaf] << 16) + rng.integers(0, 1 << 16, half)
    ra, dec = pixels.centres(order, ipix)
    other = rng.uniform(0, 360, half), np.degrees(np.arcsin(rng.uniform(-1, 1, half)))
    return np.concatenate([ra, other[0]]), np.concatenate([dec, other[1]])


# -- what is measured, each in a process of its own ---------------------------------------------
def ours(path: Path, ra: Any, dec: Any) -> dict[str, Any]:
    """Facts, searched areas and probabilities by our code."""
    from too_common.astro.skymap import SkyMap

    begin = time.process_time()
    skymap = SkyMap.from_fits(path.read_bytes())
    facts = skymap.facts()
    found = {
        "searched_area": skymap.searched_area_deg2(ra, dec).tolist(),
        "searched_prob": skymap.credible_level(ra, dec).tolist(),
    }
    # ligo.skymap counts leaves of equal density in the order of rows: the least that may be
    density = skymap.density(ra, dec)
    denser = np.searchsorted(-skymap.probdensity[skymap.falling], -density, side="left")
    area = np.concatenate([[0.0], np.cumsum(skymap.area_sr[skymap.falling])])
    found["least_area"] = (area[denser] * (180 / np.pi) ** 2).tolist()
    found["least_prob"] = np.concatenate([[0.0], skymap.enclosed])[denser].tolist()
    return found | {
        "areas": [facts.area50_deg2, facts.area90_deg2],
        "distance": [facts.distance_mean_mpc, facts.distance_std_mpc] if facts.is_3d else None,
        "volumes": [facts.volume50_mpc3, facts.volume90_mpc3] if facts.is_3d else None,
        "leaves": len(skymap),
        "work_s": time.process_time() - begin,
    }


def theirs(path: Path, ra: Any, dec: Any) -> dict[str, Any]:
    """The same by ligo.skymap."""
    import warnings

    warnings.simplefilter("ignore")
    import astropy.units as u
    import ligo.skymap.distance
    import ligo.skymap.io
    import ligo.skymap.postprocess
    from astropy.coordinates import SkyCoord
    from astropy.table import Table
    from ligo.skymap import bayestar, moc

    begin = time.process_time()
    if b"UNIQ" in _start(path):
        table = ligo.skymap.io.read_sky_map(str(path), moc=True)
    else:
        names = ("PROB", "DISTMU", "DISTSIGMA", "DISTNORM")
        with_distance = b"DISTMU" in _start(path)
        columns, _ = ligo.skymap.io.read_sky_map(
            str(path), moc=False, nest=True, distances=with_distance
        )
        columns = columns if with_distance else (columns,)
        flat = Table(dict(zip(names, columns, strict=False)))
        table = bayestar.derasterize(flat)
    places = SkyCoord(ra * u.deg, dec * u.deg)
    sky = table["UNIQ", "PROBDENSITY"]
    found = ligo.skymap.postprocess.crossmatch(sky, places, contours=LEVELS)
    result: dict[str, Any] = {
        "areas": list(found.contour_areas),
        "distance": None,
        "volumes": None,
        "searched_area": found.searched_area.tolist(),
        "searched_prob": found.searched_prob.tolist(),
        "leaves": len(table),
    }
    if "DISTMU" in table.colnames:
        good = np.isfinite(table["DISTMU"])
        area = moc.uniq2pixarea(np.asarray(table["UNIQ"]))[good]
        weight = np.asarray(table["PROBDENSITY"])[good] * area
        result["distance"] = list(
            ligo.skymap.distance.parameters_to_marginal_moments(
                weight / weight.sum(),
                np.asarray(table["DISTMU"])[good],
                np.asarray(table["DISTSIGMA"])[good],
            )
        )
    result["work_s"] = time.process_time() - begin
    return result


def their_volumes(path: Path, ra: Any, dec: Any) -> dict[str, Any]:
    """Credible volumes by ligo.skymap, which lays a grid of 1000 distances over all pixels."""
    del ra, dec
    import warnings

    warnings.simplefilter("ignore")
    import ligo.skymap.io
    import ligo.skymap.postprocess
    from astropy.table import Table
    from ligo.skymap import bayestar

    if b"UNIQ" in _start(path):
        table = ligo.skymap.io.read_sky_map(str(path), moc=True)
    else:
        columns, _ = ligo.skymap.io.read_sky_map(str(path), moc=False, nest=True, distances=True)
        names = ("PROB", "DISTMU", "DISTSIGMA", "DISTNORM")
        table = bayestar.derasterize(Table(dict(zip(names, columns, strict=True))))
    found = ligo.skymap.postprocess.crossmatch(table, contours=LEVELS, cosmology=False)
    return {"volumes": list(found.contour_vols)}


def our_contours(path: Path, ra: Any, dec: Any) -> dict[str, Any]:
    """Probability inside the polygons of the contours, by many points per pixel."""
    del ra, dec
    import shapely  # type: ignore[import-untyped]
    from too_common.astro.skymap import SkyMap

    skymap = SkyMap.from_fits(path.read_bytes())
    begin = time.perf_counter()
    collection = skymap.contours(LEVELS)
    seconds = time.perf_counter() - begin
    enclosed = []
    for feature in collection["features"]:
        polygons = shapely.geometry.shape(feature["geometry"])
        shapely.prepare(polygons)
        total = 0.0
        for lon, lat, probability in _divided(skymap):
            # beside the meridian of RA 180, where the cut is, not on it
            beside = (lon + 1e-6 + 180.0) % 360.0 - 180.0
            inside = shapely.contains_xy(polygons, beside, lat)
            total += float(probability[inside].sum())
        enclosed.append(total)
    points = [len(json.dumps(feature)) for feature in collection["features"]]
    return {"enclosed": enclosed, "contour_s": seconds, "bytes": points}


def _divided(skymap: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Points of a map: 16 per leaf, and more of coarse ones (half a degree apart)."""
    from too_common.astro import pixels

    step = 20_000
    for first in range(0, len(skymap), step):
        part = slice(first, first + step)
        level = skymap.order[part].astype(np.int64)
        for order in np.unique(level):
            here = level == order
            depth = int(max(2, 7 - order))
            count = 4**depth
            children = (skymap.ipix[part][here, np.newaxis] * count + np.arange(count)).ravel()
            lon, lat = pixels.centres(int(order) + depth, children)
            yield lon, lat, np.repeat(skymap.probability[part][here] / count, count)


def _start(path: Path) -> bytes:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as file:
        return bytes(file.read(40 * 2880))


def our_intake(path: Path, ra: Any, dec: Any) -> dict[str, Any]:
    """All that ingest does with a map: read, facts, contours, normalised file."""
    del ra, dec
    from too_common.astro.tasks import normalise_map

    result = normalise_map(path.read_bytes())
    return {"bytes": len(result.fits)}


MEASURES = {
    "ours": ours,
    "theirs": theirs,
    "their_volumes": their_volumes,
    "our_contours": our_contours,
    "our_intake": our_intake,
}


LARGE = (
    ("50 million rows, 0.2 GB", {"order": 11, "level": 9}),
    ("the same in RING order", {"order": 11, "level": 9, "ordering": "RING"}),
    (
        "50 million rows with distance, 1.6 GB, RING",
        {"order": 11, "form": "D", "ordering": "RING", "with_distance": True},
    ),
    (
        "3.1 million different pixels with distance",
        {"order": 9, "form": "D", "noise": 0.5, "with_distance": True, "level": 1},
    ),
    ("12.6 million different pixels", {"order": 10, "form": "D", "noise": 0.5, "level": 1}),
)
"""Flat files as a server, or a person, might send them."""


def judge_large() -> int:
    """What ingest's worker does with huge flat files under its memory limit; 1 if one fails."""
    from too_common.testing.maps import flat_map_file
    from too_ingest.settings import IngestSettings

    limit: int = IngestSettings.model_fields["worker_memory_mb"].default
    nothing = (np.zeros(0), np.zeros(0))
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, form in LARGE:
            path = Path(folder) / "large.fits.gz"
            arguments: dict[str, Any] = form
            path.write_bytes(flat_map_file(**arguments))
            size = path.stat().st_size / 1e6
            try:
                found = run("our_intake", path, nothing, limit_mb=limit)
            except subprocess.CalledProcessError as error:
                failed += 1
                print(f"{name} ({size:.2f} MB): FAILS {error.stderr.splitlines()[-1]}", flush=True)
                continue
            print(
                f"{name} ({size:.2f} MB): {found['wall_s']:.1f} s ({found['cpu_s']:.1f} s of cpu),"
                f" {found['rss_mb']:.0f} MB of {limit} MB",
                flush=True,
            )
    return int(failed > 0)


# -- one measure in its process -----------------------------------------------------------------
def child(measure: str, path: Path) -> None:
    """Run one measure, and print what it found, its time and its memory."""
    if limit_mb := int(os.environ.get("TOO_BENCH_LIMIT_MB", "0")):
        # as the worker pool does
        resource.setrlimit(resource.RLIMIT_AS, (limit_mb << 20, limit_mb << 20))
    ra, dec = (np.array(column) for column in json.load(sys.stdin))
    begin, cpu = time.perf_counter(), time.process_time()
    result = MEASURES[measure](path, ra, dec)
    result["wall_s"] = time.perf_counter() - begin
    result["cpu_s"] = time.process_time() - cpu
    result["rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(result))


def run(measure: str, path: Path, places: tuple[Any, Any], *, limit_mb: int = 0) -> dict[str, Any]:
    """Run one measure in a new process."""
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.maps", "--child", measure, str(path)],
        input=json.dumps([places[0].tolist(), places[1].tolist()]),
        capture_output=True,
        text=True,
        check=True,
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "TOO_BENCH_LIMIT_MB": str(limit_mb),
        },
    )
    found: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return found


# -- comparison ---------------------------------------------------------------------------------
def deviations(mine: dict[str, Any], other: dict[str, Any]) -> dict[str, float]:
    """Largest deviation of each quantity."""
    found: dict[str, float] = {}
    for name in ("areas", "distance", "volumes"):
        if mine.get(name) is not None and other.get(name) is not None:
            a, b = np.array(mine[name]), np.array(other[name])
            found[name] = float(np.max(np.abs(a - b) / np.abs(b)))
    for name, least, unit in (
        ("searched_area", "least_area", np.array(other["searched_area"])),
        ("searched_prob", "least_prob", 1.0),
    ):
        # between the end of the denser leaves and that of the equal ones any order is right
        low, high, b = (np.array(x) for x in (mine[least], mine[name], other[name]))
        outside = np.maximum(np.maximum(low - b, b - high), 0.0)
        found[name] = float(np.max(outside / unit))
    found["tied"] = float(np.mean(np.array(mine["searched_prob"]) - mine["least_prob"] > 1e-3))
    return found


def judge(path: Path, *, with_volumes: bool) -> dict[str, Any]:
    """Compare one map."""
    places = positions(path)
    mine, other = run("ours", path, places), run("theirs", path, places)
    if with_volumes and mine["volumes"] is not None:
        more = run("their_volumes", path, places)
        other["volumes"] = more["volumes"]
        other["volumes_wall_s"], other["volumes_rss_mb"] = more["wall_s"], more["rss_mb"]
    contours, intake = run("our_contours", path, places), run("our_intake", path, places)
    found = deviations(mine, other)
    found["contours"] = float(np.max(np.abs(np.array(contours["enclosed"]) - LEVELS)))
    return {
        "file": path.name,
        "deviations": found,
        "fails": sorted(name for name, value in found.items() if value > LIMITS[name]),
        "ours": mine,
        "theirs": other,
        "contours": contours,
        "intake": intake,
    }


def main(options: list[str] | None = None) -> int:
    """Judge every map of a folder; 1 if one deviates by more than is allowed."""
    parser = argparse.ArgumentParser(prog="benchmarks maps", description=__doc__)
    parser.add_argument("--child", nargs=2, metavar=("MEASURE", "FILE"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help="maps (default: TOO_TEST_DATA/skymaps)")
    parser.add_argument("--volumes", action="store_true", help="3-D volumes too (slow, 2 GB)")
    parser.add_argument("--large", action="store_true", help="huge flat files instead")
    parser.add_argument("--only", default="", help="part of the file's name")
    given = parser.parse_args(options)
    if given.child:
        child(given.child[0], Path(given.child[1]))
        return 0
    if given.large:
        return judge_large()
    folder = given.folder or Path(os.environ.get("TOO_TEST_DATA", "var")) / "skymaps"
    if not folder.is_dir():
        print(f"no folder of maps at {folder}: name one with --folder, or set TOO_TEST_DATA")
        return 2
    files = [
        path
        for path in sorted(folder.iterdir())
        if path.name.endswith((".fits", ".fit", ".fits.gz")) and given.only in path.name
    ]
    results = []
    for path in files:
        found = judge(path, with_volumes=given.volumes)
        results.append(found)
        print(_line(found), flush=True)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "maps.json").write_text(json.dumps(results, indent=1))
    with (RESULTS / "maps.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", *LIMITS, "ours_cpu_s", "theirs_cpu_s", "ours_mb", "theirs_mb"])
        for found in results:
            writer.writerow(
                [
                    found["file"],
                    *(found["deviations"].get(name, "") for name in LIMITS),
                    *(round(found[who]["cpu_s"], 2) for who in ("ours", "theirs")),
                    *(round(found[who]["rss_mb"]) for who in ("ours", "theirs")),
                ]
            )
    failed = [found["file"] for found in results if found["fails"]]
    print(
        f"{len(results)} maps, {len(failed)} beyond the limits" + (f": {failed}" if failed else "")
    )
    return int(bool(failed) or not results)


def _line(found: dict[str, Any]) -> str:
    parts = [f"{name} {value:.1e}" for name, value in found["deviations"].items()]
    mine, other, intake = found["ours"], found["theirs"], found["intake"]
    times = " | ".join(
        f"{name} {part['cpu_s']:.2f} s of cpu"
        + (f" ({part['work_s']:.2f} s without imports)" if "work_s" in part else "")
        + f" {part['rss_mb']:.0f} MB"
        for name, part in (("ours", mine), ("all of ingest", intake), ("ligo.skymap", other))
    )
    mark = "FAILS " + ",".join(found["fails"]) if found["fails"] else "ok"
    return f"{found['file']}: {mark}; {', '.join(parts)}; {times}"


if __name__ == "__main__":
    sys.exit(main())

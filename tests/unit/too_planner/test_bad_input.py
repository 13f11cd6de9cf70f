"""What cannot be planned is told in a sentence that names the place; exit status 2 or 3."""

import copy
import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from too_common.astro.cone import cone_skymap
from too_planner.cli import app
from typer.testing import CliRunner

NIGHT = ["--start", "2026-11-22T03:00:00", "--end", "2026-11-23T03:00:00"]
SCENARIO = {
    "schema": "planner-scenario/1",
    "name": "made_up",
    "skymap": {"file": "map.fits"},
    "telescope": {
        "name": "Made up", "lon_deg": 243.1, "lat_deg": 33.4, "height_m": 1700.0,
        "footprint": {"type": "square", "side_deg": 3.0},
        "grid": {"file": "grid.csv", "sets": ["primary"]}, "filters": ["g", "r"],
        "overhead_s": 10.0, "slew_rate_deg_s": 1.0, "slew_settle_s": 1.0,
        "filter_change_s": 60.0, "airmass_max": 2.5, "moon_separation_min_deg": 20.0,
        "hour_angle_limits_h": None, "dec_limits_deg": None,
    },
    "request": {
        "window_utc": ["2026-11-22T03:00:00.000Z", "2026-11-23T03:00:00.000Z"],
        "sun_altitude_max_deg": -15.0,
        "sequence": [{"filter": "g", "exposure_s": 60.0}, {"filter": "r", "exposure_s": 30.0}],
        "min_gap_s": 900.0, "objective": "seq", "max_fields": 6, "references": None,
        "previous": [],
    },
}  # fmt: skip
TELESCOPE = """name: Own
long_name: a telescope of our own
site: {latitude_deg: 28.3, longitude_deg: -16.5, elevation_m: 2390.0, timezone: Atlantic/Canary}
footprint: {type: square, side_deg: 1.5}
grid: {file: own.csv, sets: [primary]}
filters: [g, r]
timing:
  overhead_s: 12.0
  slew: {model: rate, rate_deg_per_s: 2.0}
defaults: {filters: [g, r], exposure_times_s: [60.0, 60.0]}
"""
GONE = object()


def _spoilt(good: bytes, place: int | slice, value: float) -> bytes:
    with fits.open(BytesIO(good)) as file:
        file[1].data["PROBDENSITY"][place] = value
        out = BytesIO()
        file.writeto(out)
    return out.getvalue()


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    good = cone_skymap(115.0, 10.0, 5.0, 0.9).to_fits()
    maps = {
        "map": good,
        "south": cone_skymap(100.0, -80.0, 3.0, 0.9).to_fits(),
        "cut": good[:5000],
        "junk": b"SIMPLE  = not a map",
        "empty": b"",
        "nan": _spoilt(good, 3, np.nan),
        "negative": _spoilt(good, 3, -1.0),
        "zero": _spoilt(good, slice(None), 0.0),
    }
    for name, content in maps.items():
        (folder / f"{name}.fits").write_bytes(content)
    rows = [f"{i},{105 + 3 * (i % 8)},{3 * (i // 8)},primary" for i in range(64)]
    head = "field_id,ra_deg,dec_deg,set"
    grids = {
        "grid": [head, *rows],
        "twice": [head, *rows, rows[3]],
        "words": [head, *rows, "77,north,3,primary"],
        "headless": rows,
    }
    for name, lines in grids.items():
        (folder / f"{name}.csv").write_text("\n".join(lines))
    return folder


def _run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(item) for item in arguments])
    # an exit by anything else is a traceback on somebody's screen
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    if result.exit_code == 3:
        return 3, json.loads(result.stdout)["failure"]
    return result.exit_code, " ".join(result.output.replace("│", " ").split())


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("south", 3, "not observable in the window: 100% never above altitude 30 deg"),
        ("cut", 2, "cut.fits: the file is cut off"),
        ("junk", 2, "junk.fits: the file is cut off"),
        ("empty", 2, "empty.fits: the file is empty"),
        ("nan", 2, "nan.fits: 1 pixels have no number (NaN)"),
        ("negative", 2, "negative.fits: 1 pixels are negative"),
        ("zero", 2, "zero.fits: the probability is zero everywhere"),
    ],
)
def test_maps(base, name, status, words):
    found = _run("--skymap", base / f"{name}.fits", "--telescope", "ZTF", *NIGHT)
    assert found[0] == status
    assert words in found[1]
    if status == 2:
        (base / "good.json").write_text(json.dumps(SCENARIO))
        again = _run("--skymap", base / f"{name}.fits", "--scenario", base / "good.json")
        assert again[0] == 2
        assert "the sky map: " + words.split(": ")[1] in again[1]


@pytest.mark.parametrize(
    ("place", "value", "status", "words"),
    [
        ("request.window_utc", ["2026-11-22T03:00:00Z"] * 2, 2, "or has no length"),
        (
            "request.window_utc",
            ["2026-11-22T18:00:00Z", "2026-11-22T21:00:00Z"],
            3,
            "the Sun is never below -15 deg within the window: there is no night in it",
        ),
        ("request.window_utc", ["soon", "later"], 2, "request.window_utc.0: not a time: 'soon'"),
        ("request.window_utc", ["2026-11-22T03:00:00Z"], 2, "window_utc.1: Field required"),
        ("request.sequence", [], 2, "request.sequence: List should have at least 1 item"),
        (
            "request.sequence.0.filter",
            "Q",
            2,
            "request.sequence.0.filter: the telescope has no filter 'Q'; it has g, r",
        ),
        ("request.sequence.0.exposure_s", -60.0, 2, "exposure_s: Input should be greater than 0"),
        ("request.sequence.1.exposure_s", GONE, 2, "request.sequence.1.exposure_s: Field required"),
        ("request.sequence.0.exposure_s", float("nan"), 2, "request.sequence.0.exposure_s"),
        ("request.min_gap_s", float("nan"), 2, "request.min_gap_s: is no number"),
        ("request.max_fields", 0, 2, "request.max_fields: Input should be greater than or equal"),
        ("request.objective", "best", 2, "request.objective: Input should be 'seq' or 'any'"),
        ("telescope.overhead_s", GONE, 2, "telescope.overhead_s: Field required"),
        ("telescope.lat_deg", 133.0, 2, "telescope.lat_deg: Input should be less than or equal"),
        ("telescope.airmass_max", 0.5, 2, "telescope.airmass_max: Input should be greater than 1"),
        ("telescope.slew_rate_deg_s", 0.0, 2, "slew_rate_deg_s: Input should be greater than 0"),
        ("telescope.grid.file", "twice.csv", 2, "twice.csv: field 3 is there more than once"),
        ("telescope.grid.file", "words.csv", 2, "words.csv: could not convert string to float"),
        ("telescope.grid.file", "headless.csv", 2, "headless.csv: line 2: no field_id"),
        ("telescope.grid.file", "absent.csv", 2, "there is no file absent.csv"),
        ("telescope.grid.sets", ["third"], 2, "no field set 'third'; there are primary"),
        ("telescope.footprint", {"type": "hexagon"}, 2, "telescope.footprint.type"),
        ("telescope.footprint", {"type": "circle"}, 2, "type circle needs its own measure"),
        ("telescope", GONE, 2, "telescope: Field required"),
    ],
)
def test_scenarios(base, place, value, status, words):
    content = copy.deepcopy(SCENARIO)
    *path, last = [int(part) if part.isdigit() else part for part in place.split(".")]
    inner = content
    for part in path:
        inner = inner[part]
    if value is GONE:
        del inner[last]
    else:
        inner[last] = value
    file = base / "scenario.json"
    file.write_text(json.dumps(content))
    found = _run("--skymap", base / "map.fits", "--scenario", file, "--base", base)
    assert found[0] == status, found
    assert words in found[1]
    if status == 2:
        assert "scenario.json: " in found[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "a scenario is a JSON object with telescope and request"),
        ('{"a":', "scenario.json: not JSON: line 1: Expecting value"),
    ],
)
def test_what_is_no_scenario(base, text, words):
    (base / "scenario.json").write_text(text)
    found = _run("--skymap", base / "map.fits", "--scenario", base / "scenario.json")
    assert found[0] == 2
    assert words in found[1]


@pytest.mark.parametrize(
    ("old", "new", "grid", "words"),
    [
        ("", "", "1,10,10\n2,20,10\n1,30,10\n", "own.csv: line 4: field 1 is there already"),
        ("  overhead_s: 12.0\n", "", "1,10,10\n", "line 7, timing.overhead_s: Field required"),
        ("site:", "sight:", "1,10,10\n", "own.yaml: telescope Own: line 1, site: Field required"),
        ("[60.0, 60.0]", "[60.0, -1.0]", "1,10,10\n", "exposure times must lie between 0 and"),
        ("defaults: {filters: [g, r]", "defaults: {filters: [g, Q]", "1,10,10\n", "['Q']"),
        ("timing:", "timing: [", "1,10,10\n", "own.yaml: not YAML"),
        ("", "", None, "Own: no grid file 'own.csv'"),
    ],
)
def test_telescope_files(base, tmp_path, old, new, grid, words):
    (tmp_path / "own.yaml").write_text(TELESCOPE.replace(old, new) if old else TELESCOPE)
    if grid is not None:
        (tmp_path / "own.csv").write_text("field_id,ra_deg,dec_deg\n" + grid)
    found = _run(
        "--skymap", base / "map.fits", "--telescopes", tmp_path, "--telescope", "Own", *NIGHT
    )
    assert found[0] == 2
    assert words in found[1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--filters", "g Q"], "ZTF has no filter 'Q'; it has g, r, i"),
        (["--filters", ""], "no filter is asked for"),
        (["--exposure-s", "-30"], "exposure_times_s.0: Input should be greater than 0"),
        (["--exposure-s", "nan"], "exposure_times_s.0"),
        (["--exposure-s", ""], "3 filters but 0 exposure times"),
        (["--airmass", "nan"], "airmass_max"),
        (["--galactic-latitude", "95"], "galactic_latitude_min_deg: Input should be less than 90"),
        (["--balanced", "--objective", "any"], "choose one of them"),
    ],
)
def test_options(base, options, words):
    found = _run("--skymap", base / "map.fits", "--telescope", "ZTF", *options, *NIGHT)
    assert found[0] == 2
    assert words in found[1]


def test_an_option_that_a_scenario_would_not_heed_is_refused(base):
    (base / "good.json").write_text(json.dumps(SCENARIO))
    common = ("--skymap", base / "map.fits", "--scenario", base / "good.json")
    assert _run(*common, "--filters", "r") == (
        2, _run(*common, "--filters", "g")[1]
    )  # fmt: skip
    assert "--filters does not go with --scenario" in _run(*common, "--filters", "r")[1]
    assert _run(*common, "--objective", "any")[0] == 0

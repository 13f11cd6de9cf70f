"""Scenarios of the planner benchmark, and the command line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from too_common.astro.cone import cone_skymap
from too_planner import cli_scenario
from too_planner.cli import app
from typer.testing import CliRunner

SCENARIO = {
    "schema": "planner-scenario/1",
    "name": "made_up__square__seq",
    "skymap": {"file": "map.fits"},
    "telescope": {
        "name": "Made up", "lon_deg": 243.1, "lat_deg": 33.4, "height_m": 1700.0,
        "footprint": {"type": "rectangles", "file": "chips.csv"},
        "grid": {"file": "grid.csv", "sets": ["primary"]},
        "overhead_s": 10.0, "slew_rate_deg_s": 1.0, "slew_settle_s": 1.0,
        "filter_change_s": 60.0, "airmass_max": 2.5, "moon_separation_min_deg": 20.0,
        "hour_angle_limits_h": [-5.0, 5.0], "dec_limits_deg": [-30.0, 80.0],
    },
    "request": {
        "window_utc": ["2026-11-22T03:00:00.000Z", "2026-11-23T03:00:00.000Z"],
        "sun_altitude_max_deg": -15.0,
        "sequence": [{"filter": "g", "exposure_s": 60.0}, {"filter": "r", "exposure_s": 30.0}],
        "min_gap_s": 900.0, "objective": "seq", "max_fields": 6,
        "references": "refs.csv", "previous": [{"ra_deg": 112.0, "dec_deg": 10.0}],
    },
}  # fmt: skip


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "map.fits").write_bytes(cone_skymap(115.0, 10.0, 5.0, 0.9).to_fits())
    (tmp_path / "chips.csv").write_text(
        "x_deg,y_deg,half_x_deg,half_y_deg\n-1,0,0.9,1.9\n1,0,0.9,1.9\n"
    )
    rows, refs = ["field_id,ra_deg,dec_deg,set"], ["field_id,filter"]
    number = 0
    for ra in range(100, 131, 3):
        for dec in range(-2, 23, 3):
            number += 1
            rows.append(f"{number},{ra},{dec},{'primary' if number % 7 else 'secondary'}")
            refs += [f"{number},g", f"{number},r"] if number % 5 else []
    (tmp_path / "grid.csv").write_text("\n".join(rows))
    (tmp_path / "refs.csv").write_text("\n".join(refs))
    (tmp_path / "scenario.json").write_text(json.dumps(SCENARIO))
    return tmp_path


def run(*arguments: object):
    return CliRunner().invoke(app, [str(item) for item in arguments])


def test_a_scenario_gives_a_schedule_of_its_fields(base):
    out = base / "plan.json"
    result = run("--skymap", base / "map.fits", "--scenario", base / "scenario.json",
                 "--base", base, "--out", out)  # fmt: skip
    assert result.exit_code == 0, result.output
    metrics = json.loads(result.stdout)
    assert 0 < metrics["probability_sequence"] <= metrics["probability"] <= 1
    rows = json.loads(out.read_text())["exposures"]
    assert len({row["field_id"] for row in rows}) <= 6
    assert all(row["field_id"] % 7 and row["field_id"] % 5 for row in rows)
    assert all(row["exposure_s"] == {"g": 60.0, "r": 30.0}[row["filter"]] for row in rows)
    any_look = run("--skymap", base / "map.fits", "--scenario", base / "scenario.json",
                   "--objective", "any")  # fmt: skip
    assert json.loads(any_look.stdout)["exposures_by_filter"].keys() == {"g"}


def test_free_pointings_of_a_scenario_are_not_worse_than_its_fields(base):
    scenario = json.loads(json.dumps(SCENARIO))
    scenario["request"] |= {"references": None, "previous": [], "max_fields": None}
    (base / "scenario.json").write_text(json.dumps(scenario))
    out = base / "plan.json"
    usual = ("--skymap", base / "map.fits", "--scenario", base / "scenario.json", "--objective",
             "any", "--out", out)  # fmt: skip
    fields, free = (json.loads(run(*usual, *more).stdout) for more in ((), ("--free-pointing",)))
    assert free["probability"] >= fields["probability"] > 0.5
    assert free["bound"]["share"] == pytest.approx(
        free["probability"] / free["bound"]["value"], abs=1e-5
    )
    rows = json.loads(out.read_text())["exposures"]
    assert rows
    assert all("field_id" not in row and "ra_deg" in row for row in rows)


def test_the_better_of_two_plans_keeps_the_bound_of_both(base):
    """The grid's fields where they hold more, beside what free pointings could hold."""
    made = {
        free: cli_scenario.plan_scenario(
            base / "map.fits", base / "scenario.json", base, objective="any", deadline_s=None,
            free_pointing=free, catalogue=None,
        )[0]
        for free in (False, True)
    }  # fmt: skip
    poor = made[True].model_copy(
        update={"statistics": made[True].statistics.model_copy(update={"probability": 0.0})}
    )
    kept = cli_scenario._better(poor, made[False])
    assert kept.exposures == made[False].exposures
    assert kept.bound.value == made[True].bound.value
    assert kept.bound.share == pytest.approx(
        kept.statistics.probability / kept.bound.value, abs=1e-5
    )
    assert cli_scenario._better(made[True], poor) is made[True]


def test_a_known_telescope_on_the_command_line(base):
    out = base / "plan.csv"
    result = run("--skymap", base / "map.fits", "--telescope", "Gattini", "--start",
                 "2026-11-22T03:00:00", "--end", "2026-11-23T03:00:00", "--out", out)  # fmt: skip
    assert result.exit_code == 0, result.output
    assert len(out.read_text().splitlines()) == json.loads(result.stdout)["exposures"] + 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--telescope", "Hale"), "unknown telescope Hale"),
        (("--telescope", "ZTF", "--filters", "z"), "no filter"),
        (("--telescope", "KPED"), "--catalogue"),
        (("--telescope", "ZTF", "--start", "2026-11-22", "--end", "2026-11-22"), "no length"),
        (("--telescope", "ZTF", "--exposure-s", "long"), "not numbers"),
        ((), "name a telescope"),
    ],
)
def test_bad_words_on_the_command_line(base, arguments, words):
    result = run("--skymap", base / "map.fits", *arguments)
    assert result.exit_code == 2
    assert words in result.output.replace("\n", " ")


def test_a_night_without_a_chance_ends_with_three(base):
    result = run("--skymap", base / "map.fits", "--telescope", "Gattini", "--start",
                 "2026-11-22T18:00:00", "--end", "2026-11-22T20:00:00")  # fmt: skip
    assert result.exit_code == 3
    assert "no night" in json.loads(result.stdout)["failure"]


@pytest.mark.corpus
@pytest.mark.parametrize(
    "name",
    [
        "GBM_bn180116026__ztf_primary__seq",
        "sim_HLV_30deg2__ztf_full__seq",
        "sim_HLV_30deg2__decam__seq",
        "MS220722v_bayestar__gattini__any",
    ],
)
def test_the_independent_scorer_finds_no_violation(test_data_dir, tmp_path, name):
    kit = test_data_dir.parent / "bench"
    if not kit.is_dir():
        pytest.skip("no benchmark kit beside the reference data")
    scenario = kit / "scenarios" / f"{name}.json"
    skymap = kit / json.loads(scenario.read_text())["skymap"]["file"]
    out = tmp_path / "schedule.json"
    made = run("--skymap", skymap, "--scenario", scenario, "--base", kit, "--out", out)
    assert made.exit_code == 0, made.output
    scored = subprocess.run(
        [sys.executable, "-W", "ignore", str(kit / "score_schedule.py"), "--skymap", str(skymap),
         "--scenario", str(scenario), "--schedule", str(out)],
        capture_output=True, check=True, text=True, timeout=100,
    )  # fmt: skip
    score = json.loads(scored.stdout)
    assert score["valid"] == score["exposures"] > 0
    assert not any(score["violations"].values()), score["violations"]
    with (kit / "bounds.csv").open() as stream:
        bound = next(float(row.split(",")[2]) for row in stream if row.startswith(f"{name},"))
    reached = score["Pseq" if name.endswith("seq") else "P1"]
    assert reached >= 0.95 * bound

"""`too plan`, `too plan compare` and `too observability` without any server."""

import json

import pytest
from astropy.table import Table
from too_common.astro.cone import cone_skymap
from too_common.cli import build
from too_planner.cli import app
from typer.testing import CliRunner

NIGHT = ["--start", "2026-11-22T03:00:00", "--end", "2026-11-23T03:00:00"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plans")
    (folder / "map.fits").write_bytes(cone_skymap(115.0, 10.0, 5.0, 0.9).to_fits())
    (folder / "south.fits").write_bytes(cone_skymap(100.0, -75.0, 3.0, 0.9).to_fits())
    return folder


def _run(*arguments, command=app):
    return CliRunner().invoke(command, [str(item) for item in arguments])


def _plan(folder, *options, skymap="map.fits", telescope="ZTF", night=NIGHT):
    return _run("--skymap", folder / skymap, "--telescope", telescope, *night, *options)


def test_a_plan_in_every_form(folder):
    for ending in ("ecsv", "csv", "json", "geojson", "fits"):
        out = folder / f"plan.{ending}"
        answer = _plan(folder, "--max-fields", 3, "--out", out)
        assert answer.exit_code == 0, answer.output
        assert out.stat().st_size > 500
    told = json.loads(answer.stdout)
    assert told["fields"] == 3
    assert told["bound"]["value"] >= told["probability_sequence"] > 0
    table = Table.read(folder / "plan.ecsv")
    assert len(table) == told["exposures"] == 9
    assert str(table["exposure_s"].unit) == "s"


def test_plans_are_compared(folder):
    one, two = folder / "a.json", folder / "b.ecsv"
    assert _plan(folder, "--max-fields", 4, "--primary-only", "--out", one).exit_code == 0
    assert _plan(folder, "--max-fields", 2, "--out", two).exit_code == 0
    answer = _run("compare", one, two, "--skymap", folder / "map.fits", "--telescope", "ZTF")
    assert answer.exit_code == 0, answer.output
    assert "together" in answer.stdout
    answer = _run("compare", one, one, "--skymap", folder / "map.fits", "--json")
    same = json.loads(answer.stdout)
    assert same["fields"]["only_first"] == same["fields"]["only_second"] == []
    assert len(same["fields"]["shared"]) == 4
    assert same["probability"]["difference"] == 0
    assert same["probability"]["first"] == pytest.approx(same["plans"][0]["probability"], abs=2e-3)
    area = same["area_deg2"]
    assert area["first"] == area["both"] == area["shared"]
    # 47.7 deg2 of silicon in each of four fields that hardly overlap
    assert area["first"] == pytest.approx(4 * 47.7, rel=0.05)
    nameless = _run("compare", two, two)
    assert nameless.exit_code == 2
    assert "--telescope NAME" in nameless.output.replace("\n", " ")


def test_telescopes_share_the_sky(folder):
    answer = _run(
        "--skymap", folder / "map.fits", "--telescope", "ZTF", "--telescope", "Gattini", *NIGHT,
        "--max-fields", 2, "--filters", "g r J", "--out", folder / "net.csv",
    )  # fmt: skip
    assert answer.exit_code == 0, answer.output
    told = json.loads(answer.stdout)
    assert {row["telescope"] for row in told["plans"]} == {"ZTF", "Gattini"}
    assert told["network"]["probability"] >= told["network"]["probability_independent"]
    assert (folder / "net_ZTF.csv").exists()
    assert (folder / "net_Gattini.csv").exists()
    assert told["plans"][1]["exposures_by_filter"].keys() == {"J"}


def test_together_they_plan_to_the_end_of_the_night_unless_told_otherwise(folder):
    """One telescope ends at its usual probability, which would leave the others idle."""
    common = (
        "--skymap",
        folder / "map.fits",
        "--telescope",
        "Gattini",
        "--telescope",
        "ZTF",
        *NIGHT,
    )
    out = folder / "long.json"
    for options, wanted in (((), 1.0), (("--probability", 0.4), 0.4)):
        answer = _run(*common, "--filters", "r J", "--out", out, *options)
        assert answer.exit_code == 0, answer.output
        reached = json.loads(answer.stdout)["network"]["probability"]
        assert (reached > 0.93) == (wanted == 1.0)
        for name in ("Gattini", "ZTF"):
            document = json.loads((folder / f"long_{name}.json").read_text())
            assert document["parameters"]["probability"] == wanted


def test_a_galaxy_telescope_plans_with_a_tiling_one(folder):
    """KPED looks at galaxies, Gattini tiles; the one leaves the other's sky alone."""
    import numpy as np

    rng = np.random.default_rng(5)
    ra, dec = 115 + rng.normal(0, 2, 200), 10 + rng.normal(0, 2, 200)
    mpc, mag = rng.uniform(20, 150, 200), rng.uniform(12, 16, 200)
    rows = [f"GAL {k},{ra[k]:.4f},{dec[k]:.4f},{mpc[k]:.1f},{mag[k]:.2f}" for k in range(200)]
    catalogue = folder / "galaxies.csv"
    catalogue.write_text("\n".join(["name,ra_deg,dec_deg,distance_mpc,b_mag", *rows]))
    common = (
        "--skymap",
        folder / "map.fits",
        "--telescope",
        "KPED",
        "--telescope",
        "Gattini",
        *NIGHT,
    )
    answer = _run(*common, "--catalogue", catalogue, "--max-fields", 4, "--out", folder / "k.json")
    assert answer.exit_code == 0, answer.output
    told = json.loads(answer.stdout)
    kped, gattini = told["plans"]
    assert kped["fields"] == 4
    assert kped["galaxy_score"] > 0
    assert kped["bound"] is None
    network = told["network"]
    assert network["probability"] >= network["probability_best_single"]
    assert network["probability"] <= kped["probability"] + gattini["probability"] + 1e-6
    document = json.loads((folder / "k_KPED.json").read_text())
    assert {row["field_id"][:3] for row in document["exposures"]} == {"GAL"}
    for plan in told["plans"]:
        parts = sum(cut["probability"] for cut in plan["cuts"])
        assert plan["probability"] + parts == pytest.approx(1.0, abs=3e-5)
    # no galaxy in reach is KPED's matter, and no reason to leave the others without a plan
    far = _run(*common, "--catalogue", catalogue, "--galaxy-distance", "500 600")
    assert far.exit_code == 0, far.output
    kped, gattini = json.loads(far.stdout)["plans"]
    assert "no galaxy" in kped["failure"]
    assert gattini["exposures"] > 0
    # without a catalogue it says so, and which telescope wants it
    missing = _run(*common)
    assert missing.exit_code == 2
    assert "KPED looks at galaxies" in " ".join(missing.output.split())


def test_an_earlier_plan_and_others_pointings_are_left_out(folder):
    out, again = folder / "first.json", folder / "again.json"
    assert _plan(folder, "--max-fields", 2, "--out", out).exit_code == 0
    answer = _plan(folder, "--max-fields", 2, "--exclude-plan", out, "--out", again)
    assert answer.exit_code == 0, answer.output
    assert any(cut["reason"] == "previous" for cut in json.loads(answer.stdout)["cuts"])
    first, second = (
        {row["field_id"] for row in json.loads(path.read_text())["exposures"]}
        for path in (out, again)
    )
    assert not first & second
    treasure = folder / "treasure.json"
    treasure.write_text(
        json.dumps(
            [
                {"position": "POINT (115.0 10.0)", "instrumentid": 38, "status": "completed",
                 "band": "g", "depth": 22.1, "time": "2026-11-22T01:00:00"},
                {"position": "POINT (116.0 10.0)", "instrumentid": 38, "status": "cancelled"},
            ]
        )
    )  # fmt: skip
    answer = _plan(folder, "--max-fields", 2, "--pointings", treasure)
    cut = next(c for c in json.loads(answer.stdout)["cuts"] if c["reason"] == "previous")
    assert 0 < cut["probability"] < 0.2  # one DECam field
    shallow = _plan(folder, "--max-fields", 2, "--pointings", treasure, "--pointings-depth", 23)
    assert not any(c["reason"] == "previous" for c in json.loads(shallow.stdout)["cuts"])


def test_observability_is_told(folder):
    root = build("observability")
    answer = _run(
        "observability", "--skymap", folder / "map.fits", "--start", "2026-11-22T03:00:00",
        command=root,
    )  # fmt: skip
    assert answer.exit_code == 0, answer.output
    assert answer.stdout.splitlines()[0].startswith("peak at RA 11")
    rows = {line.split()[0]: line for line in answer.stdout.splitlines()[2:]}
    assert set(rows) == {"ZTF", "DECam", "KPED", "Gattini", "GROWTH-India"}
    assert "100.0 %" in rows["ZTF"]
    answer = _run(
        "observability", "--skymap", folder / "south.fits", "--telescope", "ZTF",
        "--start", "2026-11-22T03:00:00",
    )  # fmt: skip
    assert "too low" in answer.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--filters", "g Q"], "no filter 'Q'"),
        (["--max-fields", "0"], "max_fields: Input should be greater than or equal to 1"),
        (["--ra", "1 25"], "ra_slice_h lies between 0 and 24"),
        (["--absolute-mag", "r-16"], "'r=-16', not 'r-16'"),
        (["--absolute-mag", "r=-16"], "the map has no distances"),
        (["--free-pointing"], "fields of its grid only"),
        (["--sets", "tertiary"], "no field set 'tertiary'"),
        (["--out", "plan.txt"], ".ecsv, .csv, .json"),
        (["--window", "2026-11-22"], "BEGIN/END"),
        (["--exposure-s", "long"], "not numbers: long"),
    ],
)
def test_what_cannot_be_meant_is_said(folder, options, words):
    night = [] if "--window" in options else NIGHT
    answer = _plan(folder, *options, night=night)
    assert answer.exit_code == 2, answer.output
    plain = " ".join(answer.output.replace("│", " ").split())
    assert words in plain


def test_a_window_without_length_or_night_and_a_map_that_is_never_up(folder):
    same = ["--start", "2026-11-22T03:00:00", "--end", "2026-11-22T03:00:00"]
    assert "no length" in _plan(folder, night=same).output
    day = ["--start", "2026-11-22T18:00:00", "--end", "2026-11-22T21:00:00"]
    answer = _plan(folder, night=day)
    assert answer.exit_code == 3
    assert "no night" in json.loads(answer.stdout)["failure"]
    never = _plan(folder, skymap="south.fits")
    assert never.exit_code == 3
    assert "never above altitude" in json.loads(never.stdout)["failure"]
    nothing = _run("--skymap", folder / "map.fits", "--telescope", "HST", *NIGHT)
    assert "unknown telescope HST" in nothing.output


def test_a_map_of_ten_million_pixels_is_planned(folder):
    """A flat map of nside 1024, as some pipelines still write them."""
    import numpy as np
    from astropy.io import fits
    from too_common.astro import pixels

    nside, order = 1024, 10
    density = np.zeros(12 * nside**2, dtype=">f4")
    place = int(pixels.lonlat_to_index(np.array([115.0]), np.array([10.0]))[0] >> 2 * (29 - order))
    # the order-5 cell around the place, with a slope so that nothing can be merged
    first = (place >> 10) << 10
    density[first : first + 1024] = np.linspace(1.0, 2.0, 1024)
    density /= density.sum()
    columns = fits.ColDefs([fits.Column("PROB", "1024E", array=density.reshape(-1, 1024))])
    table = fits.BinTableHDU.from_columns(columns)
    table.header.update(
        PIXTYPE="HEALPIX", ORDERING="NESTED", NSIDE=nside, COORDSYS="C", INDXSCHM="IMPLICIT"
    )
    table.writeto(folder / "flat.fits")
    answer = _plan(folder, "--max-fields", 2, "--filters", "r", skymap="flat.fits")
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.stdout)["probability"] > 0.7

"""Catalogues from CSV, ECSV, FITS and snapshots; galaxies where the map has no distance."""

import numpy as np
import pytest
from astropy.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st
from too_common.astro.cone import cone_skymap
from too_common.astro.footprint import Footprint
from too_planner.catalogue_file import open_any_catalogue
from too_planner.galaxies import CatalogueError, choose_galaxies


def _table(count: int = 60) -> Table:
    rng = np.random.default_rng(3)
    table = Table()
    table["name"] = [f"GAL {k}" for k in range(count)]
    table["ra"] = 115.0 + rng.normal(0, 1, count)
    table["dec"] = 10.0 + rng.normal(0, 1, count)
    table["distmpc"] = rng.uniform(20, 400, count)
    table["magb"] = rng.uniform(12, 16, count)
    return table


@pytest.mark.parametrize(
    ("name", "form"),
    [("cat.csv", "ascii.csv"), ("cat.ecsv", "ascii.ecsv"), ("cat.fits", "fits")],
)
def test_the_same_galaxies_from_every_form(tmp_path, name, form):
    table = _table()
    path = tmp_path / name
    table.write(path, format=form)
    rows = open_any_catalogue(path)
    assert len(rows) == len(table)
    assert np.all(np.diff(rows["hpx29"]) >= 0)
    order = np.argsort(np.array(table["name"], dtype="S32"))
    mine = np.argsort(rows["name"])
    assert rows["ra_deg"][mine] == pytest.approx(np.array(table["ra"])[order])
    assert rows["distance_mpc"][mine] == pytest.approx(np.array(table["distmpc"])[order], rel=1e-6)
    assert rows["b_mag"][mine] == pytest.approx(np.array(table["magb"])[order], rel=1e-6)
    assert np.isnan(rows["log_mstar"]).all()
    np.save(tmp_path / "cat.npy", rows)
    assert np.array_equal(open_any_catalogue(tmp_path / "cat.npy")["name"], rows["name"])


def test_masses_may_be_linear_and_values_may_be_missing(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text(
        "# a comment\nname,RA_deg,DEC_deg,DistMpc,mstar\nA,10,20,,1e10\nB,11,21,--,0\nC,12,22,-3,\n"
    )
    rows = open_any_catalogue(path)
    by_name = {bytes(row["name"]).decode(): row for row in rows}
    assert by_name["A"]["log_mstar"] == pytest.approx(10.0)
    assert np.isnan([by_name["B"]["log_mstar"], by_name["C"]["log_mstar"]]).all()
    assert np.isnan(rows["distance_mpc"]).all()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the catalogue is empty"),
        ("name,dec\nA,1\n", "no column ra_deg"),
        ("ra,dec\n1,2\n3\n", "line 3: 1 values for 2 columns"),
        ("ra,dec\n1,two\n", "line 2, column dec_deg: not a number: 'two'"),
        ("ra,dec\n1,2\n1,95\n", "row 2 is not on the sky"),
        ("ra,dec\n", "0 rows"),
    ],
)
def test_a_bad_file_says_where(tmp_path, text, words):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(CatalogueError, match=words):
        open_any_catalogue(path)


def test_a_file_that_is_no_fits_table(tmp_path):
    path = tmp_path / "bad.fits"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(CatalogueError, match="not a FITS table"):
        open_any_catalogue(path)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=300))
def test_any_text_is_read_or_refused(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("c") / "any.csv"
    path.write_text("ra,dec,name\n" + text, encoding="utf-8")
    try:
        rows = open_any_catalogue(path)
    except CatalogueError:
        return
    assert np.isfinite(rows["ra_deg"]).all()


def test_without_a_distance_near_galaxies_are_ranked_by_place_and_light(tmp_path):
    path = tmp_path / "cat.csv"
    _table(200).write(path, format="ascii.csv")
    rows = open_any_catalogue(path)
    skymap, camera = cone_skymap(115.0, 10.0, 1.0, 0.9), Footprint("circle", 0.05, 0.05)
    found = choose_galaxies(rows, skymap, camera)
    assert "no distance" in found.notes[0]
    assert all(row["distance_mpc"] <= 200 for row in found.rows)
    assert [row["score"] for row in found.rows] == sorted(
        (row["score"] for row in found.rows), reverse=True
    )
    near = choose_galaxies(rows, skymap, camera, distance_mpc=(50.0, 100.0))
    assert near.rows
    assert all(50 <= row["distance_mpc"] <= 100 for row in near.rows)
    with pytest.raises(CatalogueError, match="between 900 and 1000 Mpc"):
        choose_galaxies(rows, skymap, camera, distance_mpc=(900.0, 1000.0))

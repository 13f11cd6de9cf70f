"""Catalogue readers against files written in their public formats, and the snapshot."""

import h5py
import numpy as np
import pytest
from astropy.cosmology import Planck15
from astropy.io import fits
from too_vetting_api.catalogues import distance
from too_vetting_api.catalogues.clu import CluReader
from too_vetting_api.catalogues.gladeplus import GladePlusReader
from too_vetting_api.catalogues.nedlvs import NedLvsReader
from too_vetting_api.catalogues.openngc import OpenNgcReader
from too_vetting_api.catalogues.snapshot import assemble, open_snapshot, to_bytes, write


def test_luminosity_distance_agrees_with_astropy():
    z = np.array([0.001, 0.0098, 0.05, 0.3, 2.0])
    expected = Planck15.luminosity_distance(z).to_value("Mpc")
    assert distance.luminosity_distance_mpc(z) == pytest.approx(expected, rel=1e-4)


def test_no_distance_from_negative_small_or_unknown_redshifts():
    z = np.array([-0.001, 0.0, 0.0005, np.nan, 0.02])
    found, error = distance.distance_from_redshift(z, np.full(5, 20.0), np.full(5, 30.0))
    assert np.isnan(found[:4]).all()
    assert np.isnan(error[:4]).all()
    assert 80 < found[4] < 92
    assert error[4] == pytest.approx(250 / 67.74, rel=0.05)


def test_cmb_frame_adds_the_suns_velocity_towards_the_dipole():
    towards = distance.cmb_redshift(0.01, distance.DIPOLE_RA_DEG, distance.DIPOLE_DEC_DEG)
    away = distance.cmb_redshift(0.01, distance.DIPOLE_RA_DEG - 180, -distance.DIPOLE_DEC_DEG)
    assert towards == pytest.approx(0.01 + 1.01 * 369.82 / 299792.458, rel=1e-6)
    assert away < 0.01 < towards


@pytest.fixture(scope="module")
def openngc():
    return assemble(OpenNgcReader().pieces())


def test_openngc_is_in_degrees_sorted_and_has_ngc_4993(openngc):
    assert 10_000 < len(openngc) < 11_000
    assert (np.diff(openngc["hpx29"]) >= 0).all()
    galaxy = openngc[openngc["name"] == b"NGC4993"][0]
    assert galaxy["ra_deg"] == pytest.approx(197.4488, abs=1e-3)
    assert galaxy["dec_deg"] == pytest.approx(-23.3839, abs=1e-3)
    assert galaxy["distance_mpc"] == pytest.approx(47, abs=4)


def test_openngc_gives_the_near_ones_no_distance(openngc):
    for name in (b"NGC0224", b"NGC5128"):
        galaxy = openngc[openngc["name"] == name][0]
        assert np.isnan(galaxy["distance_mpc"])
        assert np.isnan(galaxy["distance_err_mpc"])


def test_equal_input_gives_equal_bytes_and_can_be_mapped(openngc, tmp_path):
    again = assemble(OpenNgcReader().pieces())
    assert to_bytes(again) == to_bytes(openngc)
    written = write(openngc, tmp_path)
    assert written.path.name == f"{written.sha256}.npy"
    assert written.size_bytes == len(to_bytes(openngc))
    mapped = open_snapshot(written.path)
    assert len(mapped) == written.rows
    assert list(tmp_path.iterdir()) == [written.path]


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.zeros(3))
    with pytest.raises(ValueError, match="no catalogue snapshot"):
        open_snapshot(path)


def test_clu(tmp_path):
    path = tmp_path / "CLU.hdf5"
    dtype = [("name", "S30"), ("ra", "f8"), ("dec", "f8"), ("distmpc", "f8"), ("magb", "f8"),
             ("mstar", "f8")]  # fmt: skip
    rows = np.array(
        [(b"far", 10.0, 20.0, 3e5 * 0.05 / 72, 14.0, 1e10), (b"near", 11.0, 21.0, 3.5, 9.0, 0.0),
         (b"none", 12.0, 22.0, np.nan, np.nan, np.nan), (b"nowhere", np.nan, 0.0, 5.0, 9.0, 1.0)],
        dtype=dtype,
    )  # fmt: skip
    with h5py.File(path, "w") as file:
        file["data"] = rows
    table = assemble(CluReader(path, "2019").pieces())
    by_name = {bytes(row["name"]): row for row in table}
    assert set(by_name) == {b"far", b"near", b"none"}
    expected = Planck15.luminosity_distance(0.05).to_value("Mpc")
    assert by_name[b"far"]["distance_mpc"] == pytest.approx(expected, rel=1e-4)
    assert by_name[b"far"]["log_mstar"] == pytest.approx(10.0)
    assert by_name[b"near"]["distance_mpc"] == pytest.approx(3.5)
    assert np.isnan(by_name[b"near"]["log_mstar"])
    assert np.isnan(by_name[b"none"]["distance_mpc"])


def test_nedlvs(tmp_path):
    path = tmp_path / "NEDLVS.fits"
    columns = [
        fits.Column("objname", "30A", array=["NGC 1", "QSO 1", "doubtful", "zero", "indep"]),
        fits.Column("ra", "D", array=[1.0, 2.0, 3.0, 4.0, 5.0]),
        fits.Column("dec", "D", array=[1.0] * 5),
        fits.Column("objtype", "8A", array=["G", "QSO", "G", "G", "G"]),
        fits.Column("z_qual", "L", array=[False, False, True, False, True]),
        fits.Column("DistMpc", "D", array=[64.0, 900.0, 10.0, 0.0, 7.2]),
        fits.Column("DistMpc_unc", "D", array=[4.0, 1.0, 1.0, np.nan, 0.3]),
        fits.Column(
            "DistMpc_method", "14A",
            array=["Redshift", "Redshift", "Redshift", "Redshift", "zIndependent"],
        ),
        fits.Column("Mstar", "D", array=[1e11, 1.0, np.nan, 0.0, 1.8e308]),
    ]  # fmt: skip
    primary = fits.PrimaryHDU()
    primary.header["VERSION"] = "20260424"
    fits.HDUList([primary, fits.BinTableHDU.from_columns(columns)]).writeto(path)
    reader = NedLvsReader(path)
    assert reader.source.version == "20260424"
    by_name = {bytes(row["name"]): row for row in assemble(reader.pieces())}
    assert set(by_name) == {b"NGC 1", b"doubtful", b"zero", b"indep"}
    assert by_name[b"NGC 1"]["distance_mpc"] == 64.0
    assert by_name[b"NGC 1"]["log_mstar"] == pytest.approx(11.0)
    assert np.isnan(by_name[b"doubtful"]["distance_mpc"])
    assert np.isnan(by_name[b"zero"]["distance_mpc"])
    assert by_name[b"indep"]["distance_mpc"] == pytest.approx(7.2)


def glade_line(number, *, kind="G", columns=40, **cells):
    line = ["null"] * columns
    line[0], line[7] = str(number), kind
    for name, value in cells.items():
        line[int(name[1:]) - 1] = str(value)
    return " ".join(line)


@pytest.mark.parametrize("columns", [39, 40])
def test_gladeplus_of_both_widths(tmp_path, columns):
    path = tmp_path / "GLADE+.txt"
    place = {"c9": 150.0, "c10": 2.0}
    lines = [
        glade_line(1, columns=columns, **place, c4="NGC3000", c11=12.5, c33=40.1, c34=3.2, c35=3,
                   c36=2.0),
        glade_line(2, columns=columns, kind="Q", **place, c33=4000, c35=3),
        glade_line(3, columns=columns, **place, c2=12345, c33=99.0, c35=0),
    ]  # fmt: skip
    path.write_text("\n".join(lines) + "\n")
    by_name = {bytes(row["name"]): row for row in assemble(GladePlusReader(path).pieces())}
    assert set(by_name) == {b"NGC3000", b"PGC12345"}
    row = by_name[b"NGC3000"]
    assert row["distance_mpc"] == pytest.approx(40.1)
    assert row["distance_err_mpc"] == pytest.approx(3.2)
    assert row["b_mag"] == pytest.approx(12.5)
    assert row["log_mstar"] == pytest.approx(10.30103)
    assert np.isnan(by_name[b"PGC12345"]["distance_mpc"])


def test_gladeplus_with_another_width_is_refused_by_line(tmp_path):
    path = tmp_path / "GLADE+.txt"
    path.write_text(glade_line(1, c9=1, c10=2) + "\nbroken line\n")
    with pytest.raises(ValueError, match="line 2: 2 columns"):
        assemble(GladePlusReader(path).pieces())

"""Rows of candidates: one bad row is named and refuses no other."""

import math
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from too_common.errors import InvalidError
from too_vetting_api.domain.candidate_files import is_ecsv, read_csv, read_ecsv
from too_vetting_api.domain.candidates import checked_rows, flat_to_nested

EVENT = uuid4()


def test_a_bad_row_is_reported_and_the_others_are_taken():
    rows = [
        {"name": "a", "ra_deg": 10.0, "dec_deg": 20.0},
        {"name": "b", "ra_deg": 400.0, "dec_deg": 20.0},
        "not an object",
        {"name": "a", "ra_deg": 11.0, "dec_deg": 20.0},
        {"name": "c", "ra_deg": 12.0, "dec_deg": -91.0},
        {"name": "d", "ra_deg": 13.0, "dec_deg": -89.0, "redshift": math.nan},
        {"name": "e", "ra_deg": 14.0, "dec_deg": -89.0},
    ]
    good, bad = checked_rows(rows, event_id=EVENT)
    assert [(number, item.name) for number, item in good] == [(1, "a"), (7, "e")]
    assert [item.row for item in bad] == [2, 3, 4, 5, 6]
    assert "ra_deg" in bad[0].detail
    assert "row 1" in bad[2].detail
    assert all(item.event_id == EVENT for _, item in good)


def test_sexagesimal_positions_have_ra_in_hours():
    good, bad = checked_rows([{"name": "k", "ra": "13:09:48.09", "dec": "-23:22:53.3"}], flat=True)
    assert bad == []
    item = good[0][1]
    assert item.ra_deg == pytest.approx(197.450375, abs=1e-6)
    assert item.dec_deg == pytest.approx(-23.381472, abs=1e-6)


def test_minus_zero_degrees_stays_south():
    good, _ = checked_rows([{"name": "k", "ra": "0:0:0", "dec": "-00:30:00"}], flat=True)
    assert good[0][1].dec_deg == pytest.approx(-0.5)


def test_a_flat_magnitude_becomes_photometry_with_its_time():
    row = flat_to_nested({"Name": "x", "RA": "1", "Dec": "2", "mag": "19.5", "filter": "g",
                          "mjd": "61366.5", "host": "", "z": "nan"})  # fmt: skip
    good, bad = checked_rows([row])
    assert bad == []
    item = good[0][1]
    assert item.photometry[0].time == datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert item.photometry[0].magnitude == 19.5
    assert item.first_detected_at == datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert item.redshift is None
    assert item.host_name is None


def test_a_magnitude_without_time_is_refused():
    _, bad = checked_rows([{"name": "x", "ra": 1, "dec": 2, "mag": 19}], flat=True)
    assert "time" in bad[0].detail


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_dialects(delimiter):
    text = "# made by a survey\n" + "\n".join(
        delimiter.join(cells) for cells in (("name", "ra", "dec"), ("a", "1.5", "-2.5"))
    )
    good, bad = checked_rows(read_csv(b"\xef\xbb\xbf" + text.encode()), flat=True)
    assert bad == []
    assert (good[0][1].ra_deg, good[0][1].dec_deg) == (1.5, -2.5)


def test_csv_row_with_too_many_cells_is_refused_alone():
    rows = read_csv(b"name,ra,dec\na,1,2,3\nb,1,2\n")
    good, bad = checked_rows(rows, flat=True)
    assert [item.name for _, item in good] == ["b"]
    assert bad[0].row == 1


def test_empty_file_is_refused():
    with pytest.raises(InvalidError, match="empty"):
        read_csv(b"# nothing\n\n")


def test_ecsv_units_become_degrees_and_masked_cells_are_missing():
    text = (
        "# %ECSV 1.0\n# ---\n# datatype:\n"
        "# - {name: name, datatype: string}\n"
        "# - {name: ra, unit: hourangle, datatype: float64}\n"
        "# - {name: dec, unit: arcmin, datatype: float64}\n"
        "# - {name: redshift, datatype: float64}\n"
        '# schema: astropy-2.0\nname ra dec redshift\nkn 1.5 -60.0 ""\n'
    )
    assert is_ecsv(text.encode())
    good, bad = checked_rows(read_ecsv(text.encode()), flat=True)
    assert bad == []
    item = good[0][1]
    assert item.ra_deg == pytest.approx(22.5)
    assert item.dec_deg == pytest.approx(-1.0)
    assert item.redshift is None


@given(st.binary(max_size=400))
def test_any_bytes_give_rows_or_a_clear_refusal(data):
    try:
        rows = read_csv(data)
    except InvalidError:
        return
    good, bad = checked_rows(rows, flat=True)
    assert len(good) + len(bad) == len(rows)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["name", "ra", "dec", "mag", "mjd", "jd", "time", "z", "filter"]),
            st.one_of(st.none(), st.floats(), st.text(max_size=12), st.integers()),
        ),
        max_size=6,
    )
)
def test_any_cells_are_taken_or_named(rows):
    good, bad = checked_rows(rows, flat=True)
    assert sorted([n for n, _ in good] + [item.row for item in bad]) == list(
        range(1, len(rows) + 1)
    )
    for _, item in good:
        assert 0 <= item.ra_deg < 360
        assert -90 <= item.dec_deg <= 90

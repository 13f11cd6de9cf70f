"""The readers never fail otherwise than by refusing, and take what the product writes."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from too_simulators.files.programs import MalformedError
from too_simulators.files.readers import queue_json_reader, read_decam, read_growth_india

READERS = [read_decam, read_growth_india, queue_json_reader({5: "J"})]
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["RA", "dec", "expTime", "filter", "targets", "queue_name", "count"]),
            inner,
        )
    ),
)


@pytest.mark.parametrize("reader", READERS)
@given(content=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_rubbish_is_refused(reader, content):
    try:
        reader("x", content)
    except MalformedError:
        return
    pytest.fail("rubbish was taken")


EXPOSURE = {"expType": "object", "expTime": 30, "RA": 10.0, "dec": -20.0, "filter": "i", "count": 2}


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({}, False),
        ({"RA": "00:40:00", "dec": "-20:00:00"}, False),
        ({"seqnum": "1"}, False),
        ({"seqnum": ["1"]}, True),
        ({"expTime": "30"}, True),
        ({"wait": False}, True),
        ({"RA": 361.0}, True),
        ({"expTime": float("nan")}, True),
        ({"filter": "J"}, True),
        ({"propid": 7}, True),
        ({"count": 0}, True),
    ],
)
def test_decam(change, refused):
    content = json.dumps([{**EXPOSURE, **change}]).encode()
    if refused:
        with pytest.raises(MalformedError):
            read_decam("x", content)
        return
    (row,) = read_decam("x", content).rows
    assert (row.ra_deg, row.dec_deg, row.exposure_s, row.left) == (pytest.approx(10.0), -20, 30, 2)


def test_decam_without_coordinates_exposes_where_it_points():
    content = json.dumps(
        [{key: value for key, value in EXPOSURE.items() if key not in {"RA", "dec"}}]
    ).encode()
    (row,) = read_decam("x", content).rows
    assert row.ra_deg is None


def test_decam_window_in_the_comment():
    comment = "field 77; not before 2031-03-20T03:00:00Z, not after 2031-03-20T09:00:00Z"
    asked = read_decam("x", json.dumps([{**EXPOSURE, "comment": comment}]).encode())
    assert asked.rows[0].field_id == "77"
    assert asked.begin == datetime(2031, 3, 20, 3, tzinfo=UTC)
    assert asked.end == datetime(2031, 3, 20, 9, tzinfo=UTC)


HEAD = (
    "tile_id,ra,Dec,domesleep,Priority,dec,rise_time_IST,set_time_IST,moon_angle,RA,Target,"
    "x,u,g,r,i,z"
)
ROW = [
    "12", "150.0", "40.0", "100.0", "10000.0", "40:00:00.00", "2031-03-20T20:00:00.000",
    "2031-03-21T02:30:00.000", "55.1", "10:00:00.00", "EMGW", "", "", "", "1X300", "", "2X60",
]  # fmt: skip


def test_growth_india_times_are_indian():
    asked = read_growth_india("x", f"{HEAD}\n{','.join(ROW)}\n".encode())
    assert [(row.filter, row.count, row.exposure_s) for row in asked.rows] == [
        ("r", 1, 300.0),
        ("z", 2, 60.0),
    ]
    assert asked.rows[0].begin == datetime(2031, 3, 20, 14, 30, tzinfo=UTC)
    assert asked.end == datetime(2031, 3, 20, 21, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (6, "--"),
        (7, "masked"),
        (6, "2031-03-20T20:00:00.000+05:30"),
        (7, "2031-03-20T19:00:00.000"),
        (9, "11:00:00.00"),
        (5, "41:00:00.00"),
        (14, "300"),
        (8, "nan"),
    ],
)
def test_growth_india_refuses(column, value):
    row = [value if number == column else cell for number, cell in enumerate(ROW)]
    with pytest.raises(MalformedError):
        read_growth_india("x", f"{HEAD}\n{','.join(row)}\n".encode())


@pytest.mark.parametrize(
    "head", [HEAD.lower(), HEAD + ",mode_num", HEAD.replace("ra,Dec", "Dec,ra"), ""]
)
def test_growth_india_folded_or_leaked_columns(head):
    with pytest.raises(MalformedError):
        read_growth_india("x", f"{head}\n{','.join(ROW)}\n".encode())

"""Each facility's bytes, against the facts of its interface."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import plans_of_queue_submit as plans
import pytest
from hypothesis import given
from hypothesis import strategies as st
from too_queue_submit import sky
from too_queue_submit.allocation import Allocation
from too_queue_submit.errors import PlanRefusedError, WindowRefusedError
from too_queue_submit.telescopes import ADAPTERS
from too_queue_submit.telescopes.growth_india import COLUMNS, ist, sexagesimal
from too_queue_submit.telescopes.ztf import check_queue_object

OWN = Allocation(program_id=2, program_pi="Kulkarni/too", program="ToO test", propid="2026B-000000")
FIELDS = {
    "ZTF": None,
    "DECam": [("5001", 20.0, -30.0, "g", 25.0), ("5001", 20.02, -29.98, "z", 25.0)],
    "Gattini": [("700", 20.0, 30.0, "J", 300.0), ("701", 25.5, 30.0, "J", 300.0)],
    "KPED": [("NGC 253", 11.9, 25.3, "r", 300.0), (None, 12.5, 26.0, "g", 300.0)],
    "GROWTH-India": [("17", 20.0, 30.0, "r", 300.0), ("18", 27.5, -5.25, "g", 300.4)],
}
KEYS = {
    "ZTF": "ztf",
    "DECam": "decam",
    "Gattini": "gattini",
    "KPED": "kped",
    "GROWTH-India": "growth_india",
}


def rendered(telescope, name="ToO_S260101a_deadbeef_abcdef", **kwargs):
    request = plans.request(telescope, allocation=OWN, exposures=FIELDS[telescope], **kwargs)
    return ADAPTERS[KEYS[telescope]].render(request, name), request


@pytest.mark.parametrize("telescope", list(FIELDS))
def test_deterministic_and_read_back_into_rows(telescope):
    payload, request = rendered(telescope)
    assert payload == rendered(telescope)[0]
    rows = ADAPTERS[KEYS[telescope]].rows(payload)
    assert len(rows) == len(request.plan.exposures)
    for row, exposure in zip(rows, request.plan.exposures, strict=True):
        assert row.filter == exposure.filter
        assert row.ra_deg == pytest.approx(exposure.ra_deg, abs=1e-5)
        assert row.dec_deg == pytest.approx(exposure.dec_deg, abs=1e-5)
        assert row.exposure_s == pytest.approx(exposure.exposure_s, abs=0.5)


def test_ztf_queue_object():
    payload, request = rendered("ZTF")
    queue = json.loads(payload)
    assert set(queue) == {"queue_name", "queue_type", "validity_window_mjd", "targets"}
    assert queue["queue_type"] == "list"
    begin, end = queue["validity_window_mjd"]
    assert begin == pytest.approx(sky.mjd(plans.NIGHT), abs=1e-6)
    assert (end - begin) * 86400 == pytest.approx(930 + 10 + 1800, abs=0.2)
    first = queue["targets"][0]
    assert first["subprogram_name"].startswith("ToO")
    assert first["program_id"] == 2
    assert first["filter_id"] == 1
    assert first["field_id"] == 245
    # one key on some rows would become null on the others
    assert len({frozenset(target) for target in queue["targets"]}) == 1
    assert [target["filter_id"] for target in queue["targets"]] == [1, 1, 2, 2]
    check_queue_object(queue, plans.NIGHT)
    assert len(request.plan.exposures) == 4


@pytest.mark.parametrize("band", ["z", "J", "U"])
def test_ztf_refuses_filters_that_the_scheduler_does_not_have(band):
    with pytest.raises(PlanRefusedError, match="filter"):
        ADAPTERS["ztf"].render(
            plans.request("ZTF", allocation=OWN, exposures=[("245", 20.0, 30.0, band, 30.0)]), "x"
        )


@pytest.mark.parametrize("field", [None, "NGC 253"])
def test_ztf_needs_a_field_of_its_grid(field):
    with pytest.raises(PlanRefusedError, match="field grid"):
        ADAPTERS["ztf"].render(
            plans.request("ZTF", allocation=OWN, exposures=[(field, 20.0, 30.0, "g", 30.0)]), "x"
        )


@pytest.mark.parametrize(
    "change",
    [
        {"validity_window_mjd": None},
        {"targets": []},
        {"validity_window_mjd": [2461366.1, 2461366.2]},
    ],
)
def test_ztf_last_look_refuses_what_the_server_would_take(change):
    queue = json.loads(rendered("ZTF")[0]) | change
    with pytest.raises((PlanRefusedError, WindowRefusedError)):
        check_queue_object(queue, plans.NIGHT)


def test_ztf_last_look_wants_a_too_and_even_keys():
    queue = json.loads(rendered("ZTF")[0])
    queue["targets"][0]["subprogram_name"] = "survey"
    with pytest.raises(PlanRefusedError, match="ToO"):
        check_queue_object(queue, plans.NIGHT)
    queue = json.loads(rendered("ZTF")[0])
    del queue["targets"][2]["max_airmass"]
    with pytest.raises(PlanRefusedError, match="all rows"):
        check_queue_object(queue, plans.NIGHT)


def ztf_status(payload, *, drop=0, **changes):
    queue = json.loads(payload)
    rows = [dict(reversed(list(t.items()))) | {"ordered": True} for t in queue["targets"]][drop:]
    return json.dumps(
        {
            "queue_name": queue["queue_name"],
            "queue_type": "list",
            "is_current": False,
            "validity_window_mjd": queue["validity_window_mjd"],
            "is_valid": True,
            "is_TOO": True,
            "queue": json.dumps(rows),
            **changes,
        }
    ).encode()


def test_ztf_compare():
    payload, _ = rendered("ZTF")
    adapter = ADAPTERS["ztf"]
    assert adapter.compare(payload, ztf_status(payload), begun=False).agrees
    assert not adapter.compare(payload, ztf_status(payload, drop=1), begun=False).agrees
    partly = adapter.compare(payload, ztf_status(payload, drop=3), begun=True)
    assert partly.agrees
    assert partly.remaining == 1
    for change in (
        {"validity_window_mjd": None},
        {"validity_window_mjd": [1.0, 2.0]},
        {"queue_name": "other"},
        {"is_TOO": False},
        {"queue": "not json"},
        {
            "queue": json.dumps(
                [{"field_id": 1, "filter_id": 1, "exposure_time": 1, "program_id": 1}]
            )
        },
    ):
        assert not adapter.compare(payload, ztf_status(payload, **change), begun=True).agrees
    assert not adapter.compare(payload, b"<html>", begun=True).agrees


def test_decam_script():
    script = json.loads(rendered("DECam")[0])
    assert isinstance(script, list)
    first = script[0]
    assert (first["seqnum"], first["seqtot"], first["count"]) == (1, 2, 1)
    assert {"RA", "dec", "expTime", "expType", "filter", "wait", "propid", "object"} <= set(first)
    assert first["wait"] == "False"
    assert first["propid"] == "2026B-000000"
    for row in script:  # the original's trailing commas made lists of scalars
        assert all(isinstance(value, str | int | float) for value in row.values())
        assert row["RA"] is not None
        assert row["dec"] is not None


def test_decam_has_no_j():
    with pytest.raises(PlanRefusedError, match="DECam has no filter J"):
        ADAPTERS["decam"].render(
            plans.request("DECam", allocation=OWN, exposures=[("1", 20.0, -30.0, "J", 30.0)]), "x"
        )


def test_gattini_file_to_the_byte():
    payload, request = rendered("Gattini")
    begin, end = request.window.mjd
    expected = f"""{{
    "queue_name": "ToO_S260101a_deadbeef_abcdef",
    "targets": [
        {{
            "dec": 30.0,
            "exposure_time": 300.0,
            "field_id": 700,
            "filter_id": 5,
            "program_id": 2,
            "program_pi": "Kulkarni/too",
            "ra": 20.0,
            "request_id": 0,
            "subprogram_name": "ToO_EMGW"
        }},
        {{
            "dec": 30.0,
            "exposure_time": 300.0,
            "field_id": 701,
            "filter_id": 5,
            "program_id": 2,
            "program_pi": "Kulkarni/too",
            "ra": 25.5,
            "request_id": 1,
            "subprogram_name": "ToO_EMGW"
        }}
    ],
    "validity_window_mjd": [
        {begin!r},
        {end!r}
    ]
}}"""
    assert payload.decode() == expected


def test_kped_numbers_galaxies_and_refuses_u():
    payload, _ = rendered("KPED")
    assert [t["field_id"] for t in json.loads(payload)["targets"]] == [0, 1]
    with pytest.raises(PlanRefusedError, match="'U'"):
        ADAPTERS["kped"].render(
            plans.request("KPED", allocation=OWN, exposures=[(None, 20.0, 30.0, "U", 300.0)]), "x"
        )


def test_growth_india_table():
    evening = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
    payload, _ = rendered("GROWTH-India", start=evening)
    lines = list(csv.reader(io.StringIO(payload.decode())))
    assert tuple(lines[0]) == COLUMNS
    assert len(set(lines[0])) == len(lines[0])  # though some differ in case alone
    first = dict(zip(lines[0], lines[1], strict=True))
    assert (first["ra"], first["RA"]) == ("20.000000", "01:20:00.00")
    assert (first["Dec"], first["dec"]) == ("30.000000", "30:00:00.00")
    assert first["r"] == "1X300"
    assert all(first[band] == "" for band in "xugiz")
    assert (first["domesleep"], first["Priority"], first["Target"]) == ("100.0", "10000.0", "EMGW")
    rise = datetime.fromisoformat(first["rise_time_IST"])
    down = datetime.fromisoformat(first["set_time_IST"])
    assert rise.tzinfo is None
    assert rise < down < rise + timedelta(hours=24)
    second = dict(zip(lines[0], lines[2], strict=True))
    assert second["dec"] == "-05:15:00.00"
    assert second["g"] == "1X300"


@pytest.mark.parametrize("hour", [17, 18, 19])  # both sides of midnight in India (18:30 UT)
def test_growth_india_times_are_utc_plus_five_and_a_half(hour):
    time = datetime(2026, 11, 22, hour, 15, 30, 250000, tzinfo=UTC)
    expected = (time + timedelta(hours=5, minutes=30)).replace(tzinfo=None)
    assert ist(sky.mjd(time)) == expected.isoformat(timespec="milliseconds")


def test_growth_india_refuses_what_is_never_up():
    with pytest.raises(PlanRefusedError, match="never 20 deg high"):
        ADAPTERS["growth_india"].render(
            plans.request(
                "GROWTH-India", allocation=OWN, exposures=[("9", 20.0, -60.0, "r", 300.0)]
            ),
            "x",
        )


@given(st.floats(min_value=-90, max_value=360, allow_nan=False))
def test_sexagesimal_never_shows_sixty(value):
    text = sexagesimal(value)
    sign = -1 if text.startswith("-") else 1
    whole, minutes, seconds = text.lstrip("-").split(":")
    assert float(seconds) < 60
    assert int(minutes) < 60
    back = sign * (int(whole) + int(minutes) / 60 + float(seconds) / 3600)
    assert back == pytest.approx(value, abs=0.006 / 3600 + 1e-9)

import json
from datetime import UTC, datetime, timedelta

import plans_of_queue_submit as plans
import pytest
from too_common.contracts.queue_submit import ExecutedExposure
from too_common.contracts.queue_submit import SubmissionState as S
from too_queue_submit import progress, sky
from too_queue_submit.telescopes import PayloadRow
from too_queue_submit.telescopes.records import (
    as_utc,
    file_exposures,
    gattini_exposures,
    report_state,
)
from too_queue_submit.telescopes.ztf_progress import (
    JD_MINUS_MJD,
    depot_exposures,
    goodsubs_exposures,
    group_quadrants,
    history_count,
    merge,
    parse_history,
)
from too_queue_submit.windows import Window

WINDOW = Window(plans.NIGHT, plans.NIGHT + timedelta(hours=1))
ROWS = (
    PayloadRow("245", 20.0, 30.0, "g", 30.0),
    PayloadRow("245", 20.0, 30.0, "r", 30.0),
    PayloadRow("246", 27.0, 30.0, "g", 30.0),
)
CENTRES = {"245": (20.0, 30.0), "246": (27.0, 30.0)}


def exposure(number, field="245", band="g", *, minutes=1.0, seconds=30.0, **more):
    return ExecutedExposure(
        exposure_id=str(number),
        field_id=field,
        ra_deg=20.0,
        dec_deg=30.0,
        filter=band,
        start=plans.NIGHT + timedelta(minutes=minutes),
        exposure_s=seconds,
        source="test",
        **more,
    )


def test_match_counts_what_was_asked():
    found = progress.match(
        ROWS,
        WINDOW,
        [
            exposure(1),
            exposure(1),  # told twice
            exposure(
                2, band="i"
            ),  # a filter that was not available was replaced: told, not counted
            exposure(3, field="999"),  # survey
            exposure(4, field="246", minutes=-30),  # before our window
            exposure(5, field="246", seconds=300),  # another program's exposure of the same field
            exposure(6),  # once more than was asked
        ],
    )
    assert [e.exposure_id for e in found.exposures] == ["1", "2", "6"]
    assert (found.matched, found.planned) == (1, 3)
    assert not found.is_complete


def test_match_by_position_for_galaxies():
    rows = (PayloadRow(None, 20.0, 30.0, "r", 300.0),)
    near = exposure(1, field=None, band="r", seconds=300.0)
    far = near.model_copy(update={"exposure_id": "2", "ra_deg": 20.5})
    found = progress.match(rows, WINDOW, [near, far])
    assert [e.exposure_id for e in found.exposures] == ["1"]
    assert found.is_complete


@pytest.mark.parametrize(
    ("current", "matched", "taken", "hours", "expected"),
    [
        (S.ACCEPTED, 0, 0, 0.5, None),
        (S.ACCEPTED, 1, 1, 0.5, S.ACTIVE),
        (S.ACTIVE, 1, 1, 0.5, None),
        (S.ACTIVE, 3, 3, 0.5, S.COMPLETE),
        (S.ACTIVE, 1, 1, 2, S.PARTIAL),
        (S.ACCEPTED, 0, 0, 2, S.EXPIRED),
        (S.EXPIRED, 3, 3, 40, S.COMPLETE),
        (S.EXPIRED, 1, 1, 40, S.PARTIAL),
        (S.CANCELLED, 1, 1, 2, None),
        (S.CANCEL_REQUESTED, 1, 1, 2, None),
        (S.UNKNOWN, 0, 0, 2, None),
    ],
)
def test_states(current, matched, taken, hours, expected):
    seen = tuple(exposure(n) for n in range(taken))
    found = progress.state_after(
        current,
        progress.Progress(seen, matched=matched, planned=3),
        window=WINDOW,
        now=plans.NIGHT + timedelta(hours=hours),
    )
    assert found is expected


def quadrant(expid, rcid, **more):
    return {
        "field": 245,
        "rcid": rcid,
        "fid": 2,
        "expid": expid,
        "obsjd": sky.mjd(plans.NIGHT) + JD_MINUS_MJD,
        "exptime": 30.0,
        "maglimit": 20.0 + rcid / 100,
        "ipac_gid": 2,
        **more,
    }


def test_quadrants_are_grouped():
    rows = [quadrant(7, rcid) for rcid in range(32)] + [quadrant(7, 0)]
    rows += [quadrant(8, 0, ipac_gid=0), quadrant(9, 0, field=1)]
    rows += [quadrant(10, 1, maglimit=None), quadrant(10, 2, maglimit=999999)]
    first, second = group_quadrants(rows, CENTRES)
    assert first.exposure_id == "7"
    assert first.processed_fraction == 0.5
    assert first.filter == "r"
    assert abs(first.start - plans.NIGHT) < timedelta(milliseconds=100)
    assert first.depth_mag == pytest.approx(20.15, abs=0.02)
    assert second.depth_mag is None  # masked values are no magnitudes


def test_depot_json_and_text():
    row = {
        "exposure_id": 7, "field_id": 245, "filter_id": 1, "status": 0,
        "obsjd": sky.mjd(plans.NIGHT) + JD_MINUS_MJD, "maglim": 20.5, "fwhm": 2.0,
        "exposure_time": 30.0,
    }  # fmt: skip
    bad = row | {"exposure_id": 8, "status": 1}
    (found,) = depot_exposures(json.dumps([row, bad]).encode(), CENTRES)
    assert (found.exposure_id, found.filter, found.depth_mag) == ("7", "g", 20.5)
    table = (
        "| jd | field | fid | expid | rcid | scimaglim | diffmaglim | difffwhm | exptime |"
        " subtractionstatus |\n"
        "|----|----|----|----|----|----|----|----|----|----|\n"
        f"| {row['obsjd']} | 245 | 1 | 7 | 3 | 20.4 | 20.1 | 2.0 | 30 | 1 |\n"
        f"| {row['obsjd']} | 245 | 1 | 7 | 4 | 20.6 | 20.1 | 2.0 | 30 | 1 |\n"
        f"| {row['obsjd']} | 245 | 1 | 9 | 4 | 20.6 | 20.1 | 2.0 | 30 | 0 |\n"
    )
    (found,) = goodsubs_exposures(table, CENTRES)
    assert found.processed_fraction == pytest.approx(2 / 64)
    assert found.depth_mag == pytest.approx(20.5)
    assert found.source == "ztf_depot"


@pytest.mark.parametrize("raw", [b"<html>404</html>", b'{"a": 1}'])
def test_a_page_is_no_depot_file(raw):
    with pytest.raises(ValueError, match=r"."):
        depot_exposures(raw, CENTRES)


def test_a_page_is_no_depot_table():
    with pytest.raises(ValueError, match="header"):
        goodsubs_exposures("<html>\n<body>\nnot found", CENTRES)


def test_merge_keeps_the_better_processed():
    assert merge([exposure(1, processed_fraction=0.2)], [exposure(1)])[0].processed_fraction == 1.0


def test_history():
    begin = sky.mjd(plans.NIGHT)
    row = {
        "subprogram_name": "ToO_EMGW", "field_id": 245, "filter_id": "g",
        "exposure_mjd": begin + 0.01,
    }  # fmt: skip
    rows = [
        row,
        row | {"filter_id": "i"},
        row | {"field_id": 3},
        row | {"subprogram_name": "survey"},
        row | {"exposure_mjd": begin - 1},
    ]
    parsed = parse_history({"history": json.dumps(rows)})
    assert (
        history_count(parsed, ROWS, subprogram="ToO_EMGW", begin=WINDOW.begin, end=WINDOW.end) == 1
    )
    assert parse_history({"history": []}) == []
    with pytest.raises(ValueError, match="history"):
        parse_history({"error": "busy"})


def test_gattini_rows_take_from_the_plan_what_the_database_lacks():
    targets = (PayloadRow("700", 20.0, 30.0, "J", 300.0),)
    rows = [
        {"field": 700, "fieldseq": 3, "datebeg": datetime(2026, 11, 22, 5), "limmag": 16.4567},  # noqa: DTZ001 - as the database gives it
        {"field": 701, "fieldseq": 1, "datebeg": datetime(2026, 11, 22, 5), "limmag": 16.0},  # noqa: DTZ001 - the same
    ]
    (found,) = gattini_exposures(rows, targets)
    assert found.exposure_s == 300.0
    assert found.filter == "J"
    assert found.depth_mag == 16.457
    assert found.start == datetime(2026, 11, 22, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    ["2026-11-22T05:00:00", "2026-11-22T10:30:00+05:30", 2461366.708333333, 61366.208333333],
)
def test_times_of_files(value):
    assert abs(as_utc(value) - datetime(2026, 11, 22, 5, tzinfo=UTC)) < timedelta(seconds=1)


def test_files_of_executed_exposures():
    row = {
        "exposure_id": 1, "field_id": 17, "ra_deg": 20.0, "dec_deg": 30.0, "filter": "r",
        "start": "2026-11-22T05:00:00Z", "exposure_s": 300.0, "depth_mag": 20.1,
    }  # fmt: skip
    text = json.dumps({"exposures": [row, row | {"queue_name": "another"}]})
    (found,) = file_exposures(text, ecsv=False, external_name="ours")
    assert (found.exposure_id, found.field_id, found.source) == ("1", "17", "file")
    ecsv = (
        "# %ECSV 1.0\n# ---\n# datatype:\n"
        "# - {name: exposure_id, datatype: string}\n"
        "# - {name: field_id, datatype: int64}\n"
        "# - {name: ra_deg, unit: deg, datatype: float64}\n"
        "# - {name: dec_deg, unit: deg, datatype: float64}\n"
        "# - {name: filter, datatype: string}\n"
        "# - {name: start, datatype: string}\n"
        "# - {name: exposure_s, unit: s, datatype: float64}\n"
        "# schema: astropy-2.0\n"
        "exposure_id field_id ra_deg dec_deg filter start exposure_s\n"
        "a1 17 20.0 30.0 r 2026-11-22T05:00:00 300.0\n"
    )
    (found,) = file_exposures(ecsv, ecsv=True, external_name="ours")
    assert found.field_id == "17"
    with pytest.raises(ValueError, match="row 1"):
        file_exposures(json.dumps([row | {"exposure_s": "long"}]), ecsv=False, external_name="o")
    with pytest.raises(ValueError, match="list"):
        file_exposures(json.dumps({"exposures": 5}), ecsv=False, external_name="o")


def test_reports():
    raw = json.dumps({"name": "ours", "state": "cancelled", "exposures": []}).encode()
    assert report_state({"ours.json": raw}, "ours") == "cancelled"
    assert report_state({"other.json": raw}, "other") is None
    assert report_state({"ours.json": b"{"}, "ours") is None
    assert report_state({}, "ours") is None

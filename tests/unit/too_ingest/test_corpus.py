"""The corpus of real notices, compared with its table of expected facts, column by column.

What the command prints is compared (`corpus_table`), with and without the topics. Every difference
is listed here with its reason; a listed one that no longer occurs fails as well.
"""

import csv
import random
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest
from too_ingest.event_state import NoticeRecord, event_state
from too_ingest.notices import parse_notice
from too_ingest.notices.registry import MISMATCH
from too_ingest.report import report

from tests.unit.too_ingest.corpus_table import differences

pytestmark = pytest.mark.corpus

MINUTE_ONLY = (
    "the time element is right to the minute only and TJD and SOD are corrupt; the trigger number "
    "as mission elapsed time gives 10:38:19, and the truth is 10:38:18.84"
)
PLACEHOLDER = "a placeholder is no map: there is nothing to fetch or to decode"
DIFFERENT_ON_PURPOSE = {
    ("fermi_lat/fermi_lat_pos_ini_0.xml", "event_time"): MINUTE_ONLY,
    ("fermi_lat/fermi_lat_pos_upd_0.xml", "event_time"): MINUTE_ONLY,
    ("fermi_lat/fermi_lat_pos_diag_0.xml", "event_time"): MINUTE_ONLY,
    ("swift/guano.loc_map.example.json", "map"): PLACEHOLDER,
    (
        "hawc/HAWC_BURST_MONITOR_Event2022-01-03T08:01:56.00_1010460_000000557-319.xml",
        "map",
    ): PLACEHOLDER,
    ("km3net/km3net-alert.multiplet.example.json", "map"): "the bare root of a site is no file",
    ("lvk/S190814bv-5-Update.xml", "map"): "a path relative to somebody's disk is no address",
    ("fermi_gbm/745811685-GBM_FIN_POS-dipole.json", "map"): (
        "the table leaves it empty; the picture's address gives the map beside it, as in the XML"
    ),
}
"""Our reading where the table has what is printed."""
TABLE_DOUBTED = {
    ("frb_voevent/utmost-Test_FRB202001210344.xml", "position"): (
        "the table has the longitude and latitude of the observatory, from ObservatoryLocation"
    ),
    ("snews/snews2_example_coincidence_tier_message.json", "is_test"): "it says is_test: True",
    ("snews/snews2_example_heartbeat_message.json", "is_test"): "it says is_test: True",
    ("text/ICECUBE_GOLD_138283_14780365.txt", "position"): (
        "the sexagesimal declination beside the decimal, and the decimals of the other two "
        "epochs, have the minus that this decimal has lost"
    ),
}
"""Where the expected value itself is doubtful."""
UNREADABLE = {("odd/Swift_unknown_fail.xml", "ok"): "malformed XML by design: a dead letter"}
LISTED = {**DIFFERENT_ON_PURPOSE, **TABLE_DOUBTED, **UNREADABLE}


@pytest.fixture(scope="module")
def folder(test_data_dir: Path) -> Path:
    # the variable may name the corpus itself or what holds it
    for found in (test_data_dir, test_data_dir / "alerts", test_data_dir / "data" / "alerts"):
        if (found / "INDEX.csv").is_file() and (found / "lvk").is_dir():
            return found
    pytest.fail(f"no corpus of alerts in {test_data_dir}")


@pytest.fixture(scope="module")
def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "INDEX.csv").open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


@pytest.mark.parametrize("with_topic", [True, False])
def test_every_fact_is_as_expected_or_listed(
    folder: Path, rows: list[dict[str, str]], with_topic: bool
):
    assert len(rows) >= 147
    wrong: dict[tuple[str, str], str] = {}
    for row in rows:
        raw = (folder / row["file"]).read_bytes()
        found = report(row["file"], raw, row["topic"] if with_topic else None)
        for name, wanted, mine in differences(row, found):
            if name == "notice_type" and not with_topic and row["file"].startswith("odd/SC_Slew"):
                continue  # its packet type is the one of slews to targets of opportunity
            wrong[row["file"], name] = f"expected {wanted!r}, found {mine!r}"
        assert MISMATCH not in (found["tags"] or ()), row["file"]
    assert {key: text for key, text in wrong.items() if key not in LISTED} == {}
    assert set(LISTED) <= set(wrong), "no longer different"


def test_the_comparison_notices_a_wrong_value(folder: Path, rows: list[dict[str, str]]):
    row = next(r for r in rows if r["notice_type"] == "FERMI_GBM_FIN_POS" and r["skymap"])
    found = report(row["file"], (folder / row["file"]).read_bytes(), row["topic"])
    assert differences(row, found) == []
    for key, value in (
        ("native_id", "1"),
        ("event_time", "2020-01-01T00:00:00Z"),
        ("notice_time", None),
        ("ra_deg", 1.0),
        ("is_test", True),
        ("is_retraction", True),
        ("is_subthreshold", True),
        ("cites", []),
        ("notice_type", "FERMI_GBM_FLT_POS"),
        ("skymap", {"kind": "none", "url": None}),
        ("error_region", {**found["error_region"], "containment": 0.9}),
        ("error_region", {**found["error_region"], "radius_deg": 1.0}),
        ("error_region", {**found["error_region"], "sigma_deg": 1.0}),
    ):
        assert differences(row, {**found, key: value}), key


def test_each_sequence_is_one_event_in_any_order(folder: Path, rows: list[dict[str, str]]):
    sequences: dict[str, list[NoticeRecord]] = {}
    for number, row in enumerate(rows):
        names = [t for t in row["tags"].split(";") if t.startswith("seq:")]
        if not names:
            continue
        raw = (folder / row["file"]).read_bytes()
        notice = parse_notice(raw, row["topic"])
        moment = notice.notice_time or notice.event_time
        assert moment is not None
        sequences.setdefault(f"{notice.mission} {notice.identity_id}", []).append(
            NoticeRecord(UUID(int=number), sha256(raw).hexdigest(), moment, notice)
        )
    assert len([s for s in sequences.values() if len(s) > 1]) >= 12
    dice = random.Random(11)
    for name, records in sequences.items():
        wanted = event_state(records)
        for _ in range(200):
            mixed = records + dice.choices(records, k=dice.randrange(4))
            dice.shuffle(mixed)
            assert event_state(mixed) == wanted, name
    retracted = {n for n, r in sequences.items() if event_state(r).is_retracted}
    for name in ("lvk MS210103j", "lvk S191110af", "lvk S190405ar", "svom sb26030408"):
        assert name in retracted
    assert {"swift 694215995", "chime 427325191", "dsa110 240918aaaa"} <= retracted
    assert "lvk S241125n" not in retracted
    assert "icecube 138354_45413430" not in retracted


def test_notices_of_one_burst_meet(folder: Path):
    burst = sorted((folder / "fermi_gbm").glob("GBM_*722462310*.xml"))
    assert len(burst) >= 6
    assert {parse_notice(path.read_bytes()).native_id for path in burst} == {"722462310"}
    ibas = sorted((folder / "integral").glob("*010311*.xml"))
    assert {parse_notice(path.read_bytes()).native_id for path in ibas} == {"10311"}

"""The corpus of real notices, compared with its table of expected values.

The table holds what is printed, sentinels and corrupt times included; where our reading differs
on purpose, the difference is listed here with its reason.
"""

import csv
import random
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest
from too_ingest.event_state import NoticeRecord, event_state
from too_ingest.notices import ParsedNotice, ParseError, parse_notice
from too_ingest.notices.registry import MISMATCH
from too_ingest.notices.times import parse_iso
from too_ingest.notices.values import SECONDS_PER_YEAR, to_float

pytestmark = pytest.mark.corpus

CHECKED = ("lvk", "fermi_gbm", "icecube", "swift")
"""Missions of which every difference must be listed; the rest is nearly as good."""
UNREADABLE = {"odd/Swift_unknown_fail.xml": "malformed XML by design"}
SENTINELS = {(None, None), (0.0, 0.0), (-1.0, -1.0)}
OWN_READING = {
    # the time element is right to the minute only; the trigger number gives the second
    ("fermi_lat/fermi_lat_pos_ini_0.xml", "event_time"),
    ("fermi_lat/fermi_lat_pos_upd_0.xml", "event_time"),
    ("fermi_lat/fermi_lat_pos_diag_0.xml", "event_time"),
    # the table has the observatory's place on Earth where the source's position is meant
    ("frb_voevent/utmost-Test_FRB202001210344.xml", "position"),
    ("frb_voevent/utmost-Test_FRB202001210344.xml", "mission"),
    # is_test is "True" in the message
    ("snews/snews2_example_coincidence_tier_message.json", "test"),
    ("snews/snews2_example_heartbeat_message.json", "test"),
    # its sexagesimal form keeps the sign that the decimal has lost
    ("text/ICECUBE_GOLD_138283_14780365.txt", "position"),
    # 30.80 arcmin, which the table has rounded
    ("text/ICECUBE_GOLD_138283_14780365.txt", "radius"),
    # a relative path is no address
    ("lvk/S190814bv-5-Update.xml", "map"),
    # placeholders
    ("swift/guano.loc_map.example.json", "map"),
    ("hawc/HAWC_BURST_MONITOR_Event2022-01-03T08:01:56.00_1010460_000000557-319.xml", "map"),
    ("km3net/km3net-alert.multiplet.example.json", "map"),
}


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


def _identity(row: dict[str, str], notice: ParsedNotice) -> Iterator[str]:
    if row["mission"] not in {"odd", "text", "binary"} and notice.mission != row["mission"]:
        yield "mission"
    ids = {i for i in row["event_id"].split(";") if i}
    if (ids and not ids <= {notice.native_id, *notice.aliases}) or (not ids and notice.native_id):
        yield "id"
    for name, mine in (("event_time", notice.event_time), ("notice_time", notice.notice_time)):
        wanted = parse_iso(row[f"{name}_utc"])
        far_off = wanted and (mine is None or abs(wanted - mine) > timedelta(milliseconds=2))
        if far_off or (row[f"{name}_utc"] and mine is None):
            yield name


def _place(row: dict[str, str], notice: ParsedNotice) -> Iterator[str]:
    place = to_float(row["ra_deg"]), to_float(row["dec_deg"])
    if notice.ra_deg is None:
        is_source = "Coords_Type=1" in row["classification"] or not row["classification"]
        if place not in SENTINELS and is_source:
            yield "position"
        return
    if place[0] is not None and place != (notice.ra_deg, notice.dec_deg):
        yield "position"
    radius = to_float(row["error_radius_deg"])
    if radius and radius > 0 and radius != notice.region.radius_deg:
        yield "radius"
    containment = to_float(row["containment"].split(" ")[0])
    if containment and notice.region.containment not in {None, containment}:
        yield "containment"


def _rest(row: dict[str, str], notice: ParsedNotice) -> Iterator[str]:
    if row["far"]:
        value, unit = row["far"].split()[:2]
        rate = float(value) / (SECONDS_PER_YEAR if "yr" in unit else 1.0)
        if notice.facts.far_hz != pytest.approx(rate, rel=1e-6):
            yield "far"
    for column, mine in (("retraction", notice.is_retraction), ("test_or_mdc", notice.is_test)):
        if row[column] and mine != (row[column] == "1"):
            yield column.split("_", maxsplit=1)[0]
    if row["skymap"] and not notice.skymaps:
        yield "map"
    if row["cites"] and not notice.cites:
        yield "cites"
    if MISMATCH in notice.tags:
        yield "mismatch"


def _differences(row: dict[str, str], notice: ParsedNotice) -> list[str]:
    return [*_identity(row, notice), *_place(row, notice), *_rest(row, notice)]


@pytest.mark.parametrize("with_topic", [True, False])
def test_every_file_is_read_as_expected(folder: Path, rows: list[dict[str, str]], with_topic: bool):
    wrong: list[tuple[str, str]] = []
    unreadable: set[str] = set()
    for row in rows:
        raw = (folder / row["file"]).read_bytes()
        try:
            notice = parse_notice(raw, row["topic"] if with_topic else None)
        except ParseError:
            unreadable.add(row["file"])
            continue
        wrong += [
            (row["file"], what)
            for what in _differences(row, notice)
            if (row["file"], what) not in OWN_READING
        ]
    assert unreadable == set(UNREADABLE)
    assert [item for item in wrong if item[0].startswith(CHECKED)] == []
    right = 1 - len({name for name, _ in wrong}) / len(rows)
    print(f"{len(rows)} files, {100 * right:.1f} % as expected; differences: {wrong}")  # noqa: T201
    assert right > 0.98


def test_each_sequence_is_one_event_in_any_order(folder: Path, rows: list[dict[str, str]]):
    sequences: dict[str, list[NoticeRecord]] = {}
    for number, row in enumerate(rows):
        names = [t for t in row["tags"].split(";") if t.startswith("seq:")]
        if not names or row["file"] in UNREADABLE:
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

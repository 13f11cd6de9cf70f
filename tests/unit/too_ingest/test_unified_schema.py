"""Notices in the unified JSON schema, its earlier versions, and JSON that only resembles it."""

import json
from typing import Any

import pytest
from too_common.contracts.ingest import AlertKind, EventKind
from too_ingest.notices import RegionShape, parse_notice
from too_ingest.notices.registry import MISMATCH

from tests.unit.too_ingest.made_notices import (
    packet,
    unified,
)


def test_swift_json_stages_flags_and_times():
    common = {"mission": "SWIFT", "id": "1220155", "ra": 244.7, "dec": -15.8, "ra_dec_error": 0.05}
    bat = unified("swift/bat/position", instrument="BAT", alert_type="initial", **common)
    false = unified(
        "swift/bat/position",
        instrument="BAT",
        star_tracker_locked=False,
        properties=None,
        classification={"known": 0.0, "unknown": 1.0},
        **common,
    )
    xrt = unified("swift/xrt/position", observation_start="2026-11-22T02:58:00Z", **common)
    assert bat.native_id == false.native_id == xrt.native_id == "1220155"
    assert "guano" not in bat.tags
    assert false.is_retraction
    assert xrt.stage > bat.stage
    assert xrt.time_quality == "observation_start"
    guano = unified("swift/bat/Guano", id="1", follow_up_event="Fermi 694215970")
    assert "guano" in guano.tags
    assert guano.cites == ("followup Fermi 694215970",)


@pytest.mark.parametrize(
    ("members", "shape", "size"),
    [
        ({"error": {"radius": 0.5}}, RegionShape.CIRCLE, 0.5),
        ({"position_a_error": 0.4}, RegionShape.CIRCLE, 0.4),
        (
            {"position_a_error": 0.4, "position_b_error": 0.2, "position_error_pa": 10},
            RegionShape.ELLIPSE,
            (0.4, 0.2),
        ),
        ({"ra_uncertainty": [1.5]}, RegionShape.CIRCLE, 1.5),
        ({"ra_dec_error": [0.3, -0.1]}, RegionShape.NONE, None),
        ({"ra_dec_error": []}, RegionShape.NONE, None),
    ],
)
def test_errors_of_earlier_schemas(members: dict[str, Any], shape: RegionShape, size: object):
    region = unified("new/thing", ra=10.0, dec=5.0, **members).region
    assert region.shape is shape
    assert (region.radius_deg or region.semi_axes_deg) == size


def test_classes_in_a_list_and_other_names_of_missions():
    notice = unified(
        "", mission="LVC", id=["S240514x"], classification=[{"BBH": 1.0}, {"BNS": 0.0}]
    )
    assert notice.mission == "lvk"
    assert notice.facts.classification == {"BBH": 1.0, "BNS": 0.0}
    assert unified("", mission="X", messenger="Neutrino", id="1").kind is EventKind.NEUTRINO


@pytest.mark.parametrize(
    ("stream", "topic", "is_test"),
    [
        ("icecube/test/gold_bronze_track_alerts", None, True),
        ("burstcube/test", None, True),
        (
            "icecube/single_neutrino_alerts",
            "gcn.notices.icecube.test.gold_bronze_track_alerts",
            True,
        ),
        ("icecube/single_neutrino_alerts", "gcn.notices.icecube.gold_bronze_track_alerts", False),
    ],
)
def test_streams_of_tests(stream: str, topic: str | None, is_test: bool):
    assert unified(stream, topic, id=["142000", "17"]).is_test is is_test


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("http://a.org/b/skymap.fits,1", "https://a.org/b/skymap.fits,1"),
        ("https://a.org/b/skymap.multiorder", "https://a.org/b/skymap.multiorder"),
        ("https://a.org/get?id=1", "https://a.org/get?id=1"),
        ("https://a.org/", None),
        ("https://a.org", None),
        ("https://a.org/public/", None),
        ("https://a.org/map.png", None),
        ("/data/map.fits", None),
        ("file:///map.fits", None),
        (None, None),
    ],
)
def test_addresses_of_maps(address: str | None, wanted: str | None):
    maps = unified("new/thing", id="1", healpix_url=address).skymaps
    assert [m.url for m in maps] == ([wanted] if wanted else [])


def test_blanks_and_nuls_around_a_message_do_no_harm():
    raw = packet("nasa.gsfc.gcn/Fermi", 111, params=[("TrigID", "817000000", "")])
    assert parse_notice(b"\r\n  " + raw + b"\n\0\0").native_id == "817000000"
    assert (
        parse_notice(b' \n{"superevent_id": "S1a", "alert_type": "INITIAL"}\0').native_id == "S1a"
    )
    assert parse_notice(raw.decode().replace("UTF-8", "UTF-16").encode("utf-16")).native_id


@pytest.mark.parametrize(
    ("tense", "is_test", "is_current"),
    [
        ("current", False, True),
        ("archival", False, False),
        ("planned", False, False),
        ("commanded", False, False),
        ("injections", True, False),
        ("test", True, False),
    ],
)
def test_tenses(tense: str, is_test: bool, is_current: bool):
    notice = unified("fermi/gbm/trigger", id="1", alert_tense=tense)
    assert (notice.is_test, notice.is_current) == (is_test, is_current)


@pytest.mark.parametrize(
    "schema",
    [
        "https://gcn.nasa.gov/schema/v4.1.0/gcn/notices/einstein_probe/wxt/alert.schema.json",
        "https://gcn.nasa.gov/schema/main/gcn/notices/ep/wxt/alert.schema.json",
        "https://gcn.nasa.gov/schema/stable/gcn/notices/Einstein_Probe/wxt/alert",
    ],
)
def test_addresses_of_schemas_name_the_stream(schema: str):
    raw = json.dumps({"$schema": schema, "id": ["01709259773"]}).encode()
    assert parse_notice(raw).mission == "einstein_probe"


def test_two_ids_of_icecube_are_run_and_event():
    track = unified("icecube/single_neutrino_alerts", id=["142000", "057034692"])
    assert track.native_id == "142000_57034692"
    # the run alone is that of many events: shown, never used to group
    assert track.spellings == ("142000", "057034692")
    assert track.aliases == ()


def test_a_revision_in_icecubes_id_is_no_part_of_the_identity():
    first = unified("icecube/single_neutrino_alerts", id=["142000_57034692_0"], record_number=0)
    revised = unified("icecube/single_neutrino_alerts", id=["142000_057034692_1"], record_number=1)
    assert first.native_id == revised.native_id == "142000_57034692"
    assert first.aliases == ("142000_57034692_0",)
    assert (first.alert_kind, revised.alert_kind) == (AlertKind.INITIAL, AlertKind.UPDATE)


@pytest.mark.parametrize(
    ("record", "stated", "included"),
    [(0, {}, False), (1, {}, True), (1, {"systematic_included": False}, False)],
)
def test_icecubes_revised_record_has_the_systematics_in(record: int, stated: dict, included: bool):
    place = {"ra": 10.0, "dec": 5.0, "ra_dec_error": 0.5, "record_number": record, **stated}
    notice = unified("icecube/single_neutrino_alerts", id=["142000_17"], **place)
    assert notice.region.systematic_included is included


@pytest.mark.parametrize(
    ("classification", "is_known"),
    [
        ({"unknown": 1.0, "known": 0.0}, False),
        ({"unknown": 0.0, "known": 1.0}, True),
        ({"unknown": 0.0, "EXO_0748-676": 1.0}, True),
        ({"GRB": 1.0}, False),
    ],
)
def test_bat_names_the_sources_that_it_knows(classification: dict[str, float], is_known: bool):
    notice = unified("swift/bat/position", id="1", classification=classification)
    assert ("known source" in notice.tags) is is_known


def test_superk_json_meets_the_classic_notice_by_its_trigger_number():
    notice = unified("superk/sn_alert", id="SN.1.1", trigger_number=10070)
    assert notice.native_id == "SN.1.1"
    assert "10070" in notice.aliases
    raw = packet("nasa.gsfc.gcn/SK_SN", 175, params=[("TrigID", "10070", "")])
    assert parse_notice(raw).native_id == "10070"


def test_json_without_any_mark_is_what_its_topic_says():
    topic = "gcn.notices.einstein_probe.wxt.alert"
    members = {"instrument": "WXT", "id": ["01709259773"], "ra": 184.6, "dec": -6.1}
    assert unified("", topic, **members).mission == "einstein_probe"
    assert unified("", None, **members).mission == "unknown"
    # what has the marks of another family is that
    other = unified("chime/frb", topic, **members)
    assert other.mission == "chime"
    assert MISMATCH in other.tags

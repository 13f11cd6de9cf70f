"""Rules of single missions, on small packets made up here."""

import json

import pytest
from too_common.contracts.ingest import AlertKind, EventKind
from too_ingest.notices import RegionShape, SkymapKind, parse_notice
from too_ingest.notices.fermi_gbm import healpix_address
from too_ingest.notices.icecube import normal_pair
from too_ingest.notices.integral import split_trigger
from too_ingest.notices.lvk import class_tags
from too_ingest.notices.registry import BY_TOPIC, MISMATCH, PARSERS

from tests.unit.too_ingest.made_notices import packet

FERMI = "nasa.gsfc.gcn/Fermi"
SWIFT = "nasa.gsfc.gcn/SWIFT"
AMON = "nasa.gsfc.gcn/AMON"


def test_gbm_stages_have_their_conventions():
    found = {}
    for number, name in ((111, "FLT"), (112, "GND"), (115, "FIN")):
        groups = {"Trigger_ID": [("Long_short", "Short", "")]}
        raw = packet(FERMI, number, params=[("TrigID", "817000000", "")], groups=groups)
        found[name] = parse_notice(raw)
    assert found["FLT"].region.containment == 0.68
    assert found["FLT"].region.systematic_included
    assert found["FLT"].region.systematic_deg is None
    assert found["FIN"].region.systematic_deg == pytest.approx(3.80)
    assert found["FIN"].stage > found["GND"].stage > found["FLT"].stage
    assert found["FIN"].region.sigma_deg == pytest.approx(3.0 / 1.5096, rel=1e-4)


def test_gbm_subthreshold_with_role_test_is_real():
    params = [("Trans_Num", "817000000", "")]
    flag = {"Trigger_ID": [("Test_Submission", "false", "")]}
    notice = parse_notice(packet(FERMI, 131, params=params, groups=flag, role="test"))
    assert notice.is_subthreshold
    assert not notice.is_test
    flag = {"Trigger_ID": [("Test_Submission", "true", "")]}
    assert parse_notice(packet(FERMI, 131, params=params, groups=flag)).is_test


def test_gbm_not_a_burst_is_a_retraction():
    groups = {"Trigger_ID": [("Def_NOT_a_GRB", "true", "")]}
    notice = parse_notice(packet(FERMI, 111, params=[("TrigID", "1", "")], groups=groups))
    assert notice.is_retraction
    assert notice.alert_kind is AlertKind.RETRACTION


def test_gbm_picture_gives_the_map_beside_it():
    picture = "http://heasarc.gsfc.nasa.gov/q/bn260210760/quicklook/glg_locplot_all_bn260210760.png"
    wanted = "https://heasarc.gsfc.nasa.gov/q/bn260210760/quicklook/glg_healpix_all_bn260210760.fit"
    assert healpix_address(picture) == wanted
    assert healpix_address("http://host/other.png") is None


def test_swift_lost_lock_is_a_retraction_and_afterglow_times_are_no_trigger_times():
    groups = {"Solution_Status": [("StarTrack_Lost_Lock", "true", "")]}
    lost = parse_notice(packet(SWIFT, 61, params=[("TrigID", "1201696", "")], groups=groups))
    assert lost.is_retraction
    xrt = parse_notice(packet(SWIFT, 67, params=[("TrigID", "1201696", "")]))
    assert xrt.time_quality == "observation_start"
    assert xrt.stage > parse_notice(packet(SWIFT, 61, params=[("TrigID", "1", "")])).stage


@pytest.mark.parametrize(
    ("position", "coords_type"),
    [
        ((0.0, 0.0, 0.0), "1"),
        ((0.0, 0.0, 1.0), "1"),
        ((-1.0, -1.0, -1.0), "1"),
        ((44.5, 35.7, 0.0), "2"),
        ((44.5, 35.7, 1.0), "0"),
        ((10.0, 10.0, 360.0), "1"),
        ((10.0, 91.0, 1.0), "1"),
    ],
)
def test_sentinels_are_no_positions(position: tuple[float, float, float], coords_type: str):
    params = [("TrigID", "5", ""), ("Coords_Type", coords_type, "dn")]
    notice = parse_notice(packet(FERMI, 111, params=params, position=position))
    assert notice.ra_deg is None
    assert notice.facts.ra_deg is None


@pytest.mark.parametrize("radius", [0.0, -0.0511])
def test_a_position_without_error_is_no_delta_function(radius: float):
    notice = parse_notice(packet(SWIFT, 133, position=(83.6, 22.0, radius)))
    assert notice.ra_deg == 83.6
    assert notice.region.shape is RegionShape.NONE


def test_icecube_ids_rates_and_revisions():
    params = [
        ("run_id", "138354", ""),
        ("event_id", "045413430", ""),
        ("AMON_ID", "13835445413430", ""),
        ("FAR", "0.8823", "yr^-1"),
        ("Rev", "2", ""),
    ]
    raw = packet(AMON, 174, params=params, local="ICECUBE_BRONZE_Event_25_138354_045413430_2")
    notice = parse_notice(raw)
    assert notice.native_id == "138354_45413430"
    assert set(notice.aliases) == {"13835445413430", "138354_045413430"}
    assert notice.facts.far_hz == pytest.approx(0.8823 / 3.15576e7)
    assert notice.alert_kind is AlertKind.UPDATE
    assert notice.region.containment == 0.9
    assert normal_pair("138354_045413430") == "138354_45413430"


@pytest.mark.parametrize("value", ["true", "True", "1"])
def test_amon_retraction_stands_in_its_group(value: str):
    params = [("run_id", "1", ""), ("event_id", "2", "")]
    groups = {"Trigger_ID": [("Retraction", value, "")]}
    assert parse_notice(packet(AMON, 173, params=params, groups=groups)).is_retraction


def test_icecube_json_and_xml_of_one_track_have_one_id():
    schema = (
        "https://gcn.nasa.gov/schema/v7.0.0/gcn/notices/icecube/single_neutrino_alerts.schema.json"
    )
    document = {
        "$schema": schema,
        "pipeline": "Bronze Track Alert",
        "record_number": 0,
        "event_name": ["IceCube-230914A"],
        "id": ["138354_45413430"],
        "alert_datetime": "2023-09-14T05:21:46Z",
        "trigger_time": "2023-09-14T05:21:03.71Z",
        "ra": 163.9,
        "dec": 32.5,
        "ra_dec_error": 0.7,
        "p_astro": 0.54,
        "nu_energy": 167.7,
        "far": 2.8e-8,
        "healpix_url": "https://roc.icecube.wisc.edu/public/x.fits.gz",
    }
    for topic in (None, "gcn.notices.icecube.gold_bronze_track_alerts"):
        notice = parse_notice(json.dumps(document).encode(), topic)
        assert (notice.mission, notice.native_id) == ("icecube", "138354_45413430")
        assert notice.facts.signalness == 0.54
        assert notice.facts.energy_tev == 167.7
        assert notice.skymaps[0].kind is SkymapKind.URL
        assert notice.is_ordered
    test = "gcn.notices.icecube.test.gold_bronze_track_alerts"
    path = "icecube/test/gold_bronze_track_alerts"
    document["$schema"] = f"https://gcn.nasa.gov/schema/main/gcn/notices/{path}.schema.json"
    assert parse_notice(json.dumps(document).encode(), test).is_test


def test_neutrino_search_has_no_position_of_its_own():
    event = {"ra": 17.48, "dec": 16.15, "ra_dec_error": 0.5, "id": ["138590_39138551"]}
    for nested in (event, {"id": event["id"], "localization": event}):
        document = {
            "$schema": "https://x/gcn/notices/icecube/lvk_nu_track_search.schema.json",
            "ref_ID": "S230914ak",
            "alert_datetime": "2023-09-14T11:49:16.526Z",
            "trigger_time": "2023-09-14T11:14:01Z",
            "coincident_events": [nested, nested],
            "reference": {"gcn.notices.LVK.alert": "S230914ak-2-Preliminary"},
        }
        notice = parse_notice(json.dumps(document).encode())
        assert notice.mission == "icecube"
        assert notice.native_id == "S230914ak"
        assert notice.ra_deg is None
        assert notice.facts.extra["coincident_events"][0]["ra_deg"] == 17.48
        assert any("S230914ak" in cite for cite in notice.cites)


def test_integral_id_is_the_low_half():
    assert split_trigger("75963") == ("10427", 1)
    assert split_trigger("-1") is None
    raw = packet("nasa.gsfc.gcn/INTEGRAL", 55, params=[("TrigID", "75963", "")])
    notice = parse_notice(raw)
    assert (notice.native_id, notice.aliases) == ("10427", ("75963",))


def test_test_events_reuse_their_id_and_stay_apart():
    raw = packet(SWIFT, 82, params=[("TrigID", "99999", "")], role="test")
    notice = parse_notice(raw)
    assert notice.is_test
    assert notice.native_id == "99999"
    assert notice.identity_id == "99999@20261122T030000"


def test_gecam_tests_by_number():
    stream = "nasa.gsfc.gcn/GECAM"
    test = parse_notice(packet(stream, 188, params=[("Trigger_Number", "118435865", "")]))
    real = parse_notice(packet(stream, 188, params=[("Trigger_Number", "333", "")]))
    assert test.is_test
    assert not real.is_test


def test_svom_retraction_on_another_topic_and_unknown_error():
    groups = {"Svom_Identifiers": [("Burst_Id", "sb26043009", "")]}
    raw = packet("org.svom/fsc", 219, groups=groups, local="sb26043009_retraction")
    notice = parse_notice(raw, "gcn.notices.svom.voevent.grm")
    assert notice.native_id == "sb26043009"
    assert notice.is_retraction
    params = [("Instrument", "GRM", "")]
    raw = packet(
        "org.svom/fsc",
        201,
        groups=groups,
        params=params,
        local="sb26043009_grm-trigger",
        position=(10.0, 10.0, -1.0),
    )
    notice = parse_notice(raw, "gcn.notices.svom.voevent.grm")
    assert notice.region.shape is RegionShape.NONE
    assert notice.assumed_radius_deg == 10.0


def test_ellipse_and_rectangle():
    document = {
        "$schema": "https://x/gcn/notices/maxi/gsc.unknown.schema.json",
        "id": "9995289617",
        "trigger_time": "2023-02-20T08:56:01Z",
        "ra": 346.56,
        "dec": 18.61,
        "ra_dec_error": [0.22, 0.19, 153],
    }
    region = parse_notice(json.dumps(document).encode()).region
    assert region.semi_axes_deg == (0.22, 0.19)
    assert region.position_angle_deg == 153
    assert region.containment == 0.9
    del document["ra_dec_error"]
    document["rectangular_error_corners"] = [[345, 19], [346, 19], [346, 18], [345, 18]]
    assert parse_notice(json.dumps(document).encode()).region.shape is RegionShape.RECTANGLE


def test_alert_tense_decides_who_is_woken():
    document = {
        "$schema": "https://x/gcn/notices/new/thing.schema.json",
        "id": "1",
        "ra": 1,
        "dec": 1,
    }
    for tense, test, current in (
        ("current", False, True),
        ("test", True, False),
        ("injections", True, False),
        ("archival", False, False),
        (None, False, True),
    ):
        notice = parse_notice(json.dumps({**document, "alert_tense": tense}).encode())
        assert (notice.is_test, notice.is_current) == (test, current)


def test_unknown_missions_are_read_not_refused():
    notice = parse_notice(packet("au.edu.swin/utmost", 1, local="FRB1"))
    assert notice.mission == "utmost"
    assert "unknown stream" in notice.tags
    document = {"mission": "New Mission", "trigger_time": "2026-01-01T00:00:00", "id": 12}
    notice = parse_notice(json.dumps(document).encode())
    assert (notice.mission, notice.native_id) == ("new_mission", "12")
    assert notice.kind is EventKind.OTHER


def test_topic_and_content_are_compared():
    raw = packet(FERMI, 111, params=[("TrigID", "5", "")])
    right = parse_notice(raw, "gcn.classic.voevent.FERMI_GBM_FLT_POS")
    wrong = parse_notice(raw, "gcn.classic.voevent.SWIFT_BAT_GRB_POS_ACK")
    unknown = parse_notice(raw, "(somewhere else)")
    assert right.mission == wrong.mission == unknown.mission == "fermi_gbm"
    assert MISMATCH not in right.tags
    assert MISMATCH in wrong.tags
    assert MISMATCH not in unknown.tags


def test_every_topic_has_a_parser_and_every_default_topic_is_known():
    from too_ingest.settings import DEFAULT_TOPICS

    assert all(BY_TOPIC.values())
    assert not set(DEFAULT_TOPICS) - set(BY_TOPIC)
    assert len(PARSERS) > 30


def test_class_tags_treat_ties_and_noise():
    assert class_tags({"BNS": 0.6, "BBH": 0.1, "Terrestrial": 0.3}, group="CBC") == ("BNS",)
    assert class_tags({"BNS": 0.2, "Terrestrial": 0.8}, group="CBC") == ("Terrestrial",)
    assert class_tags({"BNS": 0.5, "NSBH": 0.5}, group="CBC") == ("BNS", "NSBH")
    assert class_tags({}, group="Burst") == ("burst",)

"""Kinds of notices that exist beside those of the corpus: other types, other forms, no notices."""

import json
import struct
from typing import Any

import pytest
from too_common.contracts.ingest import AlertKind, EventKind
from too_ingest.event_state import restates
from too_ingest.localization_plan import candidates
from too_ingest.notices import NoticeFormat, ParsedNotice, RegionShape, parse_notice
from too_ingest.notices.conventions import CONVENTIONS, ROBOBA_SYSTEMATIC_DEG
from too_ingest.notices.families import by_name
from too_ingest.notices.packet_types import HOUSEKEEPING, NAMES
from too_ingest.notices.registry import MISMATCH
from too_ingest.notices.times import TJD_ORIGIN
from too_ingest.notices.values import far_in_hz
from too_ingest.report import describe
from too_ingest.samples.voevent_text import voevent

from tests.unit.too_ingest.test_missions import T0, packet

SCHEMA = "https://gcn.nasa.gov/schema/main/gcn/notices/"
TEXT = "gcn.classic.text."


def unified(stream: str, topic: str | None = None, **members: Any) -> ParsedNotice:
    document = {"alert_datetime": "2026-11-22T03:00:00Z", **members}
    if stream:
        document["$schema"] = f"{SCHEMA}{stream}.schema.json"
    return parse_notice(json.dumps(document).encode(), topic)


def binary(kind: int, **words: int) -> ParsedNotice:
    values = [0] * 40
    values[0], values[1], values[4], values[5], values[6] = kind, 3, 1_234_567, 20_444, 6_000_050
    values[39] = 10
    for name, value in words.items():
        values[int(name.removeprefix("w"))] = value
    return parse_notice(struct.pack(">40i", *values))


# --- conventions ------------------------------------------------------------------------------


def test_every_convention_says_who_says_so():
    listed = set(by_name())
    for name, meaning in CONVENTIONS.items():
        assert meaning.source, name
        assert name in listed or name in {"SVOM", "km3net", "icecube JSON"}, name
        if meaning.systematic_deg is not None:
            assert meaning.systematic_included is False, name


def test_roboba_figures_are_the_rms_of_the_mixtures():
    # sqrt(0.58 * 1.9^2 + 0.42 * 4.1^2) and so on, by hand
    assert ROBOBA_SYSTEMATIC_DEG == {"long": 3.03, "short": 3.8, "": 3.11}


def test_the_facts_say_what_the_radius_means():
    raw = packet("nasa.gsfc.gcn/Fermi", 112, params=[("TrigID", "817000000", "")])
    facts = parse_notice(raw).facts
    assert (facts.error_radius_deg, facts.containment) == (3.0, 0.68)
    assert facts.error_sigma_deg == pytest.approx(3.0 / 1.5096, rel=1e-4)
    assert facts.systematic_included is False
    assert facts.systematic_deg == ROBOBA_SYSTEMATIC_DEG[""]
    assert "25726" in facts.error_source


# --- packet types -----------------------------------------------------------------------------


def test_every_listed_type_has_its_number_and_name():
    for name, known in by_name().items():
        assert NAMES[known.kind.number or 0] == name


@pytest.mark.parametrize(
    ("stream", "number", "mission"),
    [
        ("nasa.gsfc.gcn/SWIFT", 103, "swift"),
        ("nasa.gsfc.gcn/SWIFT", 83, "swift"),
        ("nasa.gsfc.gcn/SWIFT", 66, "swift"),
        ("nasa.gsfc.gcn/SWIFT", 47, "swift"),
        ("nasa.gsfc.gcn/INTEGRAL", 51, "integral"),
        ("nasa.gsfc.gcn/Fermi", 129, "fermi"),
    ],
)
def test_where_a_satellite_looks_is_no_event(stream: str, number: int, mission: str):
    notice = parse_notice(packet(stream, number, params=[("TrigID", "16099", "")]))
    assert notice.is_housekeeping
    assert notice.notice_type in HOUSEKEEPING
    assert "housekeeping" in notice.tags
    assert notice.mission == mission


@pytest.mark.parametrize(
    ("stream", "number", "name"),
    [
        ("nasa.gsfc.gcn/SWIFT", 85, "SWIFT_XRT_THRESHPIX"),
        ("nasa.gsfc.gcn/SWIFT", 70, "SWIFT_XRT_LC"),
        ("nasa.gsfc.gcn/Fermi", 113, "FERMI_GBM_LC"),
    ],
)
def test_types_off_the_list_are_called_by_their_name(stream: str, number: int, name: str):
    raw = packet(stream, number, params=[("TrigID", "1201696", "")], local="GBM_x")
    notice = parse_notice(raw)
    assert notice.notice_type == name
    assert notice.native_id == "1201696"
    assert not notice.is_housekeeping


def test_data_products_do_not_reopen_a_burst_nor_move_it():
    image = parse_notice(packet("nasa.gsfc.gcn/SWIFT", 69, params=[("TrigID", "1201696", "")]))
    assert image.ra_deg == 120.0
    assert image.facts.ra_deg is None
    assert candidates(image) == ()
    assert not restates(image)
    position = parse_notice(packet("nasa.gsfc.gcn/SWIFT", 67, params=[("TrigID", "1201696", "")]))
    assert restates(position)
    spectrum = unified("swift/xrt/spectrum", id="1201696", ra=10.0, dec=5.0, alert_type="update")
    assert spectrum.facts.ra_deg is None
    assert not restates(spectrum)


def test_gcn_as_author_makes_a_packet_type_count_whatever_the_ivorn():
    raw = packet("nasa.gsfc.gcn/Fermi", 111, params=[("TrigID", "817000000", "")])
    odd = raw.replace(b"ivo://nasa.gsfc.gcn/Fermi#X", b"ivo://broken")
    author = b"ivo://nasa.gsfc.tan/gcn"
    assert author in odd
    notice = parse_notice(odd)
    assert (notice.mission, notice.notice_type) == ("fermi_gbm", "FERMI_GBM_FLT_POS")
    # of a stranger, number 111 says nothing
    assert parse_notice(odd.replace(author, b"ivo://stranger/x")).mission != "fermi_gbm"


@pytest.mark.parametrize("flag", ["Def_NOT_a_GRB", "Def_Not_a_SN", "definitely_not_a_burst"])
def test_any_flag_that_denies_the_event_retracts_it(flag: str):
    groups = {"Misc_Flags": [(flag, "true", "")]}
    raw = packet("nasa.gsfc.gcn/SNEWS", 149, params=[("TrigID", "5", "")], groups=groups)
    assert parse_notice(raw).is_retraction
    assert not parse_notice(raw.replace(b'"true"', b'"false"')).is_retraction


def test_a_counterpart_of_a_superevent_is_not_its_position():
    params = [("GraceID", "S261122aa", ""), ("AlertType", "Update", "")]
    notice = parse_notice(packet("nasa.gsfc.gcn/LVC", 154, params=params))
    assert notice.notice_type == "LVC_COUNTERPART"
    assert notice.ra_deg == 120.0
    assert notice.facts.ra_deg is None
    assert candidates(notice) == ()


def test_superevents_of_the_second_run():
    params = [
        ("GraceID", "G298048", ""),
        ("AlertType", "Initial", ""),
        ("ProbHasNS", "1.0", ""),
        ("SKYMAP_URL_FITS_BASIC", "https://gracedb.ligo.org/api/events/G298048/b.fits.gz", ""),
    ]
    notice = parse_notice(packet("gwnet/LVC", 151, params=params, position=(0.0, 0.0, 0.0)))
    assert notice.native_id == "G298048"
    assert not notice.is_test
    assert notice.facts.properties == {"HasNS": 1.0}
    assert notice.skymaps[0].url == "https://gracedb.ligo.org/api/events/G298048/b.fits.gz"


def test_the_time_of_an_image_does_not_overrule_the_event():
    tjd, sod = str((T0 - TJD_ORIGIN).days), str(float(T0.hour * 3600))
    image = [("Img_Start_TJD", tjd, "days"), ("Img_Start_SOD", "20000.0", "sec")]
    event = [("Maximum_TJD", tjd, "days"), ("Maximum_SOD", sod, "sec")]
    both = parse_notice(packet("nasa.gsfc.gcn/SWIFT", 69, params=[*image, *event]))
    assert both.event_time == T0
    assert both.time_quality == "observation_start"
    monitor = parse_notice(packet("nasa.gsfc.gcn/SWIFT", 133, params=[*image, *event]))
    assert monitor.time_quality == "stated"


def test_nu_em_coincidences_have_a_number_of_their_own():
    params = [("Event_ID", "4867", ""), ("run_id", "0", ""), ("src_err_90", "22.19", "arcmin")]
    notice = parse_notice(packet("nasa.gsfc.gcn/AMON", 172, params=params))
    assert notice.native_id == "4867"
    assert notice.region.containment == 0.5


@pytest.mark.parametrize(
    ("unit", "seconds"),
    [
        ("Hz", 1.0),
        ("s^-1", 1.0),
        ("yr^-1", 3.15576e7),
        ("1/yr", 3.15576e7),
        ("per year", 3.15576e7),
        ("events per year", 3.15576e7),
        ("day^-1", 86_400.0),
        ("1/month", 3.15576e7 / 12),
        ("yr", None),
        ("keV", None),
    ],
)
def test_rates_become_hz_by_their_unit(unit: str, seconds: float | None):
    wanted = None if seconds is None else pytest.approx(2.0 / seconds)
    assert far_in_hz("2.0", unit) == wanted


@pytest.mark.parametrize(
    ("ra", "wanted"), [(-1e-20, 0.0), (360.0, 0.0), (-10.0, 350.0), (359.999, 359.999)]
)
def test_right_ascensions_lie_in_one_turn(ra: float, wanted: float):
    assert unified("new/thing", ra=ra, dec=5.0).ra_deg == pytest.approx(wanted)


def test_amon_rates_without_a_unit_are_per_year():
    track = parse_notice(packet("nasa.gsfc.gcn/AMON", 173, params=[("FAR", "1.0", "")]))
    assert track.facts.far_hz == pytest.approx(3.169e-8, rel=1e-3)
    assert track.printed["far"] == "1.0"
    other = parse_notice(packet("nasa.gsfc.gcn/Fermi", 111, params=[("FAR", "1.0", "")]))
    assert other.facts.far_hz == 1.0


def test_what_is_printed_is_kept():
    notice = parse_notice(packet("nasa.gsfc.gcn/IPN", 31, position=(-1.0, -1.0, -1.0)))
    assert notice.ra_deg is None
    assert {notice.printed[name] for name in ("ra", "dec", "error_radius")} == {"-1.0000"}


# --- JSON -------------------------------------------------------------------------------------


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


def test_low_significance_is_told():
    event = {"significant": False, "group": "CBC"}
    raw = {"superevent_id": "S1a", "alert_type": "PRELIMINARY", "event": event}
    assert "low significance" in parse_notice(json.dumps(raw).encode()).tags
    params = [("GraceID", "S1a", ""), ("Significant", "0", "")]
    assert "low significance" in parse_notice(packet("gwnet/LVC", 150, params=params)).tags


def test_detectors_of_snews_2():
    detector = {"detector_name": "X", "machine_time": "2026-11-22T02:59:00"}
    seen = parse_notice(
        json.dumps({**detector, "neutrino_time_utc": "2026-11-22T02:58:00"}).encode()
    )
    assert seen.event_time is not None
    assert not seen.is_housekeeping
    status = parse_notice(json.dumps({**detector, "detector_status": "ON"}).encode())
    assert status.is_housekeeping
    back = parse_notice(json.dumps({**detector, "retract_latest": 1}).encode())
    assert back.is_retraction


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


def test_a_kind_of_superevent_that_is_not_known_yet_is_stored():
    raw = json.dumps({"superevent_id": "S261122aa", "alert_type": "FINAL", "event": {}}).encode()
    notice = parse_notice(raw, "igwn.gwalert")
    assert notice.alert_kind is AlertKind.UPDATE
    assert "unknown alert type" in notice.tags


@pytest.mark.parametrize(
    ("document", "topic", "what"),
    [
        ({"alert_datetime": "2026-11-22T03:00:00Z"}, "gcn.heartbeat", "heartbeat"),
        (
            {
                "$schema": f"{SCHEMA}core/Alert.schema.json",
                "alert_datetime": "2026-11-22T03:00:00Z",
            },
            None,
            "heartbeat",
        ),
        ({"circularId": 38000, "subject": "GRB", "body": "..."}, None, "circular"),
        ({"message": "hello"}, "kafka.test", "broker test"),
        ({"message": "hello"}, "gcn.kafka.test", "broker test"),
    ],
)
def test_what_is_no_notice_is_housekeeping(document: dict, topic: str | None, what: str):
    notice = parse_notice(json.dumps(document).encode(), topic)
    assert (notice.mission, notice.notice_type) == ("gcn", what)
    assert notice.is_housekeeping
    assert notice.tags == ("housekeeping",)


def test_an_unknown_voevent_keeps_its_id_kind_and_rate():
    body = voevent(
        ivorn="ivo://km3net.org/alerts#KM3-261122A",
        date=T0,
        author="x",
        params=[("FAR", "8.029e-08", "yr^-1"), ("event_no", "77", "")],
        groups={},
        event_time=T0,
        position=(10.0, 5.0, 0.4),
        concept="x",
        cites=(),
    )
    notice = parse_notice(body)
    assert (notice.mission, notice.native_id, notice.kind) == ("km3net", "77", EventKind.NEUTRINO)
    # the label of that sample is wrong: its JSON calls the same number Hz
    assert notice.facts.far_hz == 8.029e-08
    assert (notice.region.containment, notice.region.systematic_included) == (0.9, True)


# --- binary -----------------------------------------------------------------------------------


def test_binary_error_radius_has_the_unit_of_its_type():
    position = {"w7": 1_200_000, "w8": -300_000}
    assert binary(61, w11=500, **position).region.radius_deg == 0.05
    assert binary(54, w11=120, **position).region.radius_deg == pytest.approx(120 / 3600)
    assert binary(188, w10=79_900, w11=1, **position).region.radius_deg == 7.99
    # other words of IPN's and HETE's packets stand there
    assert binary(31, w11=500, **position).region.shape is RegionShape.NONE
    assert binary(42, w11=500, **position).region.shape is RegionShape.NONE
    sk = binary(175, w11=6400, w15=9100, w16=10_400, **position).region
    assert (sk.radius_deg, sk.containment) == (0.91, 0.9)


def test_binary_seconds_of_gecam_are_ten_thousandths():
    assert binary(188, w6=108_000_000).event_time == binary(61, w6=1_080_000).event_time


@pytest.mark.parametrize(
    ("kind", "word", "bit", "what"),
    [
        (61, 18, 5, "is_retraction"),
        (61, 18, 10, "is_retraction"),
        (111, 18, 5, "is_retraction"),
        (52, 12, 30, "is_retraction"),
        (53, 12, 31, "is_test"),
        (175, 18, 1, "is_test"),
        (149, 18, 1, "is_test"),
        (160, 18, 30, "is_test"),
        (189, 18, 0, "is_test"),
        (150, 18, 1, "is_test"),
        (150, 18, 5, "is_retraction"),
    ],
)
def test_binary_flags(kind: int, word: int, bit: int, what: str):
    value = (1 << bit) - (1 << 32 if bit == 31 else 0)
    assert getattr(binary(kind, **{f"w{word}": value}), what) is True
    assert getattr(binary(kind), what) is False


def test_binary_superevents_have_their_whole_name():
    letters = b"S240514x/files/Bilby.multiorder.fits,0".ljust(40, b"\0")
    path = [struct.unpack(">i", letters[i : i + 4][::-1])[0] for i in range(0, 40, 4)]
    words = {f"w{29 + i}": word for i, word in enumerate(path)}
    notice = binary(152, w4=240_514, w11=-94_992, w12=65_807, w19=3, w22=25_600, **words)
    assert notice.native_id == "S240514x"
    assert notice.aliases == ()
    # the number alone is every superevent's of the day: printed, never used to group
    assert describe(notice)["aliases"] == ["240514"]
    assert notice.facts.far_hz == pytest.approx(10**-9.4992)
    assert notice.facts.classification["BBH"] == 1.0
    assert notice.facts.instruments == ("H1", "L1")
    spelled = binary(152, w4=240_514, w19=(12 << 20) | (ord("x") << 10), w21=0)
    assert spelled.native_id == "MS240514x"
    assert spelled.is_test


def test_binary_pointings_and_coordinates_that_are_none():
    assert binary(103).is_housekeeping
    assert binary(160, w7=445_540, w8=357_659).ra_deg is None
    assert binary(149, w7=10, w8=10, w11=3_600_000, w18=4).ra_deg is None
    unknown = binary(999, w7=10_000, w8=10_000)
    assert unknown.notice_type == "packet type 999"


# --- text -------------------------------------------------------------------------------------


def text(notice_type: str, *lines: str, title: str = "X", topic: str | None = None) -> ParsedNotice:
    head = (
        f"TITLE:            GCN/{title} NOTICE",
        "NOTICE_DATE:      Sun 22 Nov 26 03:00:00 UT",
        f"NOTICE_TYPE:      {notice_type}",
    )
    return parse_notice("\n".join((*head, *lines, "")).encode(), topic)


TIMES = (
    "GRB_DATE:         21366 TJD;   326 DOY;   26/11/22",
    "GRB_TIME:         10680.00 SOD {02:58:00.00} UT",
)


@pytest.mark.parametrize(
    ("stated", "title", "name"),
    [
        ("Swift-BAT GRB Position", "SWIFT", "SWIFT_BAT_GRB_POS_ACK"),
        ("Swift-BAT GRB Nack-Position", "SWIFT", "SWIFT_BAT_GRB_POS_NACK"),
        ("Swift-BAT GRB Test Position", "SWIFT", "SWIFT_BAT_GRB_POS_TEST"),
        ("Swift-XRT Position", "SWIFT", "SWIFT_XRT_POSITION"),
        ("Swift-XRT Nack-Position", "SWIFT", "SWIFT_XRT_CENTROID"),
        ("Swift-UVOT Position", "SWIFT", "SWIFT_UVOT_POS"),
        ("Swift Actual Pointing Direction", "SWIFT", "SWIFT_ACTUAL_POINTDIR"),
        ("Fermi-GBM Final Position", "FERMI", "FERMI_GBM_FIN_POS"),
        ("Fermi-LAT Offline Position", "FERMI", "FERMI_LAT_OFFLINE"),
        ("INTEGRAL SPI-ACS Trigger", "INTEGRAL", "INTEGRAL_SPIACS"),
        ("INTEGRAL Wakeup", "INTEGRAL", "INTEGRAL_WAKEUP"),
        ("MAXI Unknown Source", "MAXI", "MAXI_UNKNOWN"),
        ("ICECUBE Astrotrack Bronze", "AMON", "ICECUBE_ASTROTRACK_BRONZE"),
        ("ICECUBE Cascade", "AMON", "ICECUBE_CASCADE"),
        ("LVC EarlyWarning", "LVC", "LVC_EARLY_WARNING"),
        ("LVC Retraction", "LVC", "LVC_RETRACTION"),
        ("HAWC Burst Monitor", "AMON", "HAWC_BURST_MONITOR"),
    ],
)
def test_text_types_have_their_classic_names(stated: str, title: str, name: str):
    notice = text(stated, "TRIGGER_NUM:  S261122aa", *TIMES, title=title)
    assert notice.notice_type == name
    assert notice.format is NoticeFormat.TEXT
    assert "text notice" in notice.tags


def test_text_brackets_count_more_than_conventions():
    lines = (
        "TRIGGER_NUM:      1201696,   Seg_Num: 0",
        "GRB_RA:           95.772d {+06h 23m 05s} (J2000),",
        "                  96.0d {+06h 24m} (current)",
        "GRB_DEC:          -48.359d {-48d 21' 33\"} (J2000),",
        "GRB_ERROR:        3.00 [arcmin radius, statistical only, 95% containment]",
        *TIMES,
        "SUN_POSTN:        10.0d {+00h 40m}  +1.0d {+01d 00'}",
    )
    notice = text("Swift-BAT GRB Position", *lines, title="SWIFT")
    assert notice.native_id == "1201696"
    assert (notice.ra_deg, notice.dec_deg) == (95.772, -48.359)
    assert notice.region.radius_deg == pytest.approx(0.05)
    assert notice.region.containment == 0.95
    assert notice.region.systematic_included is False
    assert "as printed" in notice.region.note
    plain = text("Swift-BAT GRB Position", *lines[:4], "GRB_ERROR: 3.00 [arcmin radius]", *TIMES)
    assert plain.region.containment == 0.9


@pytest.mark.parametrize(
    ("comment", "what"),
    [
        ("COMMENTS:  This is definitely not a GRB.", "is_retraction"),
        ("COMMENTS:  This Notice is a retraction.", "is_retraction"),
        ("COMMENTS:  The StarTracker is not locked so it is probably bogus.", "is_retraction"),
        ("COMMENTS:  This is a TEST Notice.", "is_test"),
    ],
)
def test_text_comments_may_take_back(comment: str, what: str):
    lines = ("TRIGGER_NUM:  817000000", *TIMES)
    assert getattr(text("Fermi-GBM Flight Position", *lines, comment), what) is True
    harmless = "COMMENTS:  Fermi-GBM Flight-calculated Coordinates."
    assert getattr(text("Fermi-GBM Flight Position", *lines, harmless), what) is False


def test_text_topic_and_content():
    lines = ("TRIGGER_NUM:  817000000", *TIMES)
    precise = text("Fermi-GBM something new", *lines, topic=f"{TEXT}FERMI_GBM_GND_POS")
    assert precise.notice_type == "FERMI_GBM_GND_POS"
    wrong = text("Fermi-GBM Alert", *lines, topic=f"{TEXT}MAXI_UNKNOWN")
    assert wrong.notice_type == "FERMI_GBM_ALERT"
    assert MISMATCH in wrong.tags
    stranger = text("Nova Flash", *lines, title="STRANGER")
    assert stranger.mission == "stranger"
    assert stranger.event_time is not None


def test_text_of_integral_has_the_short_id():
    notice = text("INTEGRAL Offline", "TRIGGER_NUM:  10427,  Sub_Num: 1", *TIMES, title="INTEGRAL")
    assert (notice.mission, notice.native_id) == ("integral", "10427")

"""Packet types of GCN Classic beside those of the corpus, and packets of strangers."""

import pytest
from too_common.contracts.ingest import EventKind
from too_ingest.event_state import restates
from too_ingest.localization_plan import candidates
from too_ingest.notices import parse_notice
from too_ingest.notices.families import by_name
from too_ingest.notices.packet_types import HOUSEKEEPING, NAMES
from too_ingest.notices.times import TJD_ORIGIN
from too_ingest.samples.voevent_text import voevent

from tests.unit.too_ingest.made_notices import T0, packet, unified


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


def test_chimes_own_packets_are_chimes():
    raw = packet(
        "ca.chimenet.frb/FRB-DETECTION-",
        1,
        params=[("event_no", "427325191", ""), ("dm", "279.4", "pc/cm^3")],
    )
    notice = parse_notice(raw)
    assert (notice.mission, notice.native_id, notice.kind) == ("chime", "427325191", EventKind.FRB)


@pytest.mark.parametrize(
    ("stream", "number", "name"),
    [("nasa.gsfc.gcn/AMON", 171, "SkyMap"), ("a.b/new", 1, "healpix_url")],
)
def test_files_that_are_called_sky_maps_are_maps(stream: str, number: int, name: str):
    def maps(address: str) -> list[str | None]:
        raw = packet(stream, number, local="HAWC_X", params=[(name, address, "")])
        return [source.url for source in parse_notice(raw).skymaps]

    assert maps("http://a.org/b/map.fits.gz") == ["https://a.org/b/map.fits.gz"]
    assert maps("http://not.yet.available") == []
    assert maps("https://a.org/b/map.png") == []

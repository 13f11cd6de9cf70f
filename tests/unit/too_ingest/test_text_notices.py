"""Text notices of GCN Classic."""

import pytest
from too_ingest.notices import NoticeFormat
from too_ingest.notices.conventions import ROBOBA_SYSTEMATIC_DEG
from too_ingest.notices.registry import MISMATCH

from tests.unit.too_ingest.made_notices import TEXT, TIMES, text


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


def test_text_of_super_kamiokande_has_three_radii():
    notice = text(
        "SK_SN",
        "TRIGGER_NUMBER: 10063",
        "SRC_RA:    270.82d {+18h 03m 17s} (J2000)",
        "SRC_DEC:   +31.46d {+31d 27' 36\"} (J2000)",
        "SRC_ERROR68:  0.64 [deg radius, 68% containment]",
        "SRC_ERROR90:  0.91 [deg radius, 90% containment]",
        "SRC_ERROR95:  1.04 [deg radius, 95% containment]",
    )
    assert (notice.mission, notice.native_id) == ("superk", "10063")
    assert (notice.region.radius_deg, notice.region.containment) == (0.91, 0.9)


def test_text_of_gbm_names_the_class_that_decides_the_systematics():
    def systematic(*lines: str) -> float | None:
        return text(
            "Fermi-GBM Final Position",
            "TRIGGER_NUM:  817000000",
            "GRB_RA:       187.42d {+12h 29m 41s} (J2000)",
            "GRB_DEC:      -20.10d {-20d 06' 00\"} (J2000)",
            "GRB_ERROR:    5.20 [deg radius, statistical only]",
            *lines,
        ).region.systematic_deg

    assert systematic("LONG_SHORT:   Long") == ROBOBA_SYSTEMATIC_DEG["long"]
    assert systematic("LONG_SHORT:   Short") == ROBOBA_SYSTEMATIC_DEG["short"]
    assert systematic() == ROBOBA_SYSTEMATIC_DEG[""]

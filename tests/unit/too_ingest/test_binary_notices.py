"""The 160-byte packets of GCN Classic."""

import struct

import pytest
from too_ingest.notices import RegionShape
from too_ingest.report import describe

from tests.unit.too_ingest.made_notices import binary


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

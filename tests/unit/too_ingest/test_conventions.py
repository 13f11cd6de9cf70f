"""What error radii and rates mean, and that the facts say so."""

import pytest
from too_ingest.notices import parse_notice
from too_ingest.notices.conventions import CONVENTIONS, ROBOBA_SYSTEMATIC_DEG
from too_ingest.notices.families import by_name
from too_ingest.notices.values import far_in_hz

from tests.unit.too_ingest.made_notices import packet, unified


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

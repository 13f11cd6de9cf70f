"""Superevents: older runs, counterparts, types that are not known yet."""

import json

from too_common.contracts.ingest import AlertKind
from too_ingest.localization_plan import candidates
from too_ingest.notices import parse_notice

from tests.unit.too_ingest.made_notices import (
    packet,
)


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


def test_low_significance_is_told():
    event = {"significant": False, "group": "CBC"}
    raw = {"superevent_id": "S1a", "alert_type": "PRELIMINARY", "event": event}
    assert "low significance" in parse_notice(json.dumps(raw).encode()).tags
    params = [("GraceID", "S1a", ""), ("Significant", "0", "")]
    assert "low significance" in parse_notice(packet("gwnet/LVC", 150, params=params)).tags


def test_a_kind_of_superevent_that_is_not_known_yet_is_stored():
    raw = json.dumps({"superevent_id": "S261122aa", "alert_type": "FINAL", "event": {}}).encode()
    notice = parse_notice(raw, "igwn.gwalert")
    assert notice.alert_kind is AlertKind.UPDATE
    assert "unknown alert type" in notice.tags

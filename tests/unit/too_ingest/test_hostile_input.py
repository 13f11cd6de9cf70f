"""What is sent to break parsers is refused with a reason, never with another error."""

import base64
import gzip
import json
import math
import struct
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from too_ingest.notices import ParsedNotice, ParseError, parse_notice
from too_ingest.notices.jsondoc import MAX_DEPTH
from too_ingest.report import report
from too_ingest.samples import make_sample

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
VOEVENT = make_sample("gbm", NOW, 0)[0].body
TRACK = make_sample("icecube", NOW, 0)[0].body
ALERT = json.dumps(
    {
        "alert_type": "INITIAL",
        "time_created": "2026-11-22T03:00:00Z",
        "superevent_id": "S261122aa",
        "urls": {},
        "event": {
            "time": "2026-11-22T02:58:00.000Z",
            "far": 1e-12,
            "significant": True,
            "instruments": ["H1"],
            "group": "CBC",
            "pipeline": "gstlal",
            "search": "AllSky",
            "classification": {"BNS": 1.0},
            "properties": {"HasNS": 1.0},
            "skymap": None,
        },
        "external_coinc": None,
    }
).encode()
UNIFIED = json.dumps(
    {
        "$schema": "https://gcn.nasa.gov/schema/v7/gcn/notices/icecube/single_neutrino_alerts.schema.json",
        "alert_datetime": "2026-11-22T03:00:00Z",
        "trigger_time": "2026-11-22T02:58:00Z",
        "id": ["142000_17"],
        "ra": 10.0,
        "dec": 5.0,
        "ra_dec_error": 0.5,
        "record_number": 0,
        "far": 1e-8,
    }
).encode()

XXE = b"""<?xml version="1.0"?><!DOCTYPE VOEvent [<!ENTITY x SYSTEM "file:///etc/hostname">]>
<VOEvent ivorn="ivo://a/b#c" role="test" version="2.0"><Who><Date>&x;</Date></Who></VOEvent>"""
BOMB = b"""<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><VOEvent>&c;</VOEvent>"""


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"", "empty"),
        (b"   ", "empty"),
        (b"hello", "neither"),
        (gzip.compress(VOEVENT, mtime=0), "gzip"),
        (XXE, "declaration"),
        (BOMB, "declaration"),
        (
            XXE.decode()
            .replace('version="1.0"', 'version="1.0" encoding="UTF-16"')
            .encode("utf-16"),
            "declaration",
        ),
        (b"<html><body/></html>", "no VOEvent"),
        (b"<VOEvent><Who></VOEvent>", "well-formed"),
        (b"<?xml version='1.0' encoding='klingon'?><VOEvent/>", "well-formed"),
        (b"<VOEvent ivorn='ivo://a/b#c'>" + b"x" * 1_100_000 + b"</VOEvent>", "refused"),
        (b"<VOEvent/>", "without"),
        (b"{", "cannot be read"),
        (b"[]", "no object"),
        (b"{}", "without any member"),
        (b'{"a": ' * 200 + b"1" + b"}" * 200, "nested"),
        (b'{"a": ' * 200_000, "nested"),
        (b"[" * 100_000 + b"]" * 100_000, "nested"),
        (b'{"a": 1' + b"0" * 6000 + b"}", "cannot be read"),
        (b'{"superevent_id": "S1", "alert_type": 7}', "alert_type"),
        (b'{"superevent_id": {}, "alert_type": "INITIAL"}', "superevent_id"),
        (b'{"a": "\xff"}', "cannot be read"),
        (b"{" + b" " * (16 * 1_048_576) + b"}", "refused"),
        (b'{"a": [' + b"[]," * 300_000 + b"1]}", "holds more"),
        (b'{"a": [' + b"1," * 250_000 + b"1]}", "holds more"),
    ],
)
def test_refused_with_a_reason(raw: bytes, word: str):
    with pytest.raises(ParseError, match=word):
        parse_notice(raw)


def test_depth_limit_is_exact():
    parse_notice(b'{"a": ' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH)
    with pytest.raises(ParseError):
        parse_notice(b'{"a": ' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1))


@pytest.mark.parametrize("skymap", ["hhhh...", "stuff", "A" * 4000, 12, {"a": 1}, "é" * 500])
def test_unreadable_embedded_map_is_no_failure(skymap: object):
    document = json.loads(ALERT)
    document["event"]["skymap"] = skymap
    notice = parse_notice(json.dumps(document).encode())
    assert notice.native_id == "S261122aa"
    assert notice.skymaps == ()
    assert "embedded map unreadable" in notice.tags


def test_gzip_bomb_in_a_map_is_not_unpacked_here():
    bomb = gzip.compress(b"\0" * 50_000_000, mtime=0)
    document = json.loads(ALERT)
    document["event"]["skymap"] = base64.b64encode(bomb).decode()
    notice = parse_notice(json.dumps(document).encode())
    assert notice.skymaps[0].size_bytes == len(bomb) < 100_000


def test_nothing_that_a_database_refuses_comes_through():
    document = json.loads(UNIFIED)
    document |= {
        "event_name": "a\x00b\ud800",
        "mission": "x\x00",
        "far": float("nan"),
        "p_astro": 1e999,
        "classification": {"a\x00": 0.5, "b": float("inf")},
    }
    raw = json.dumps(document).encode()
    notice = parse_notice(raw)
    text = json.dumps(notice.to_row())
    assert "\\u0000" not in text
    assert "\\ud800" not in text
    assert "NaN" not in text
    assert "Infinity" not in text
    assert notice.facts.far_hz is None


def _accounted_for(raw: bytes, topic: str | None = None) -> None:
    """Either a notice that can be stored, or a reason."""
    try:
        notice = parse_notice(raw, topic)
    except ParseError:
        return
    row = notice.to_row()
    text = json.dumps(row, allow_nan=False)
    assert "\\u0000" not in text
    again = ParsedNotice.model_validate(json.loads(text))
    assert again.native_id == notice.native_id
    if notice.ra_deg is not None and notice.dec_deg is not None:
        assert 0 <= notice.ra_deg < 360
        assert -90 <= notice.dec_deg <= 90
    radius = notice.region.radius_deg
    assert radius is None or (0 < radius < 180 and math.isfinite(radius))


SEEDS = (VOEVENT, TRACK, ALERT, UNIFIED)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(SEEDS),
    st.lists(
        st.tuples(
            st.sampled_from(["cut", "flip", "insert", "repeat", "swap"]),
            st.integers(0, 10_000),
            st.binary(max_size=12),
        ),
        min_size=1,
        max_size=6,
    ),
)
def test_mutated_notices_are_accounted_for(seed: bytes, changes: list[tuple[str, int, bytes]]):
    raw = bytearray(seed)
    for kind, place, data in changes:
        at = place % (len(raw) + 1)
        if kind == "cut":
            del raw[at:]
        elif kind == "flip" and at < len(raw):
            raw[at] ^= 1 + place % 255
        elif kind == "insert":
            raw[at:at] = data
        elif kind == "repeat":
            raw[at:at] = raw[at : at + 200]
        elif kind == "swap":
            raw[at : at + len(data)] = data
    _accounted_for(bytes(raw))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_accounted_for(raw: bytes):
    _accounted_for(raw)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=True)
    | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)
NAMES = sorted(
    {
        *json.loads(UNIFIED),
        *json.loads(ALERT),
        "healpix_url",
        "healpix_file",
        "mission",
        "rectangular_error_corners",
        "containment_probability",
        "coincident_events",
        "alert_tense",
        "ref_ID",
        "reference",
        "error",
        "event_name",
        "data",
    }
)
TOPICS = [
    None,
    "igwn.gwalert",
    "gcn.notices.icecube.gold_bronze_track_alerts",
    "gcn.notices.icecube.lvk_nu_track_search",
    "gcn.notices.fermi.gbm.trigger",
    "gcn.notices.maxi.gsc.unknown",
    "gcn.notices.boom.alert",
    "gcn.notices.new.mission",
    "gcn.classic.voevent.FERMI_GBM_FLT_POS",
]
SCHEMAS = [
    "",
    "icecube/lvk_nu_track_search",
    "icecube/single_neutrino_alerts",
    "fermi/gbm/trigger",
    "maxi/gsc.unknown",
    "swift/bat/Guano",
    "chime/frb",
    "boom/alert",
    "new/thing",
]


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.sampled_from(NAMES), JSON_VALUES, max_size=10),
    st.sampled_from(TOPICS),
    st.sampled_from(SCHEMAS),
)
def test_odd_values_are_accounted_for(members: dict[str, object], topic: str | None, schema: str):
    if schema:
        members["$schema"] = f"https://gcn.nasa.gov/schema/main/gcn/notices/{schema}.schema.json"
    _accounted_for(json.dumps(members).encode(), topic)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.integers(0, 30))
def test_odd_params_are_accounted_for(value: str, which: int):
    from xml.sax.saxutils import quoteattr

    names = [
        b"TrigID",
        b"Burst_TJD",
        b"Burst_SOD",
        b"Packet_Type",
        b"Most_Likely_Index",
        b"Sequence_Num",
        b"Coords_Type",
        b"Most_Likely_Prob",
    ]
    name = names[which % len(names)]
    cleaned = "".join(c for c in value if c.isprintable() and not 0xD800 <= ord(c) <= 0xDFFF)
    head, tail = VOEVENT.split(b'name="' + name + b'" value="', 1)
    raw = (
        head + b'name="' + name + b'" value=' + quoteattr(cleaned).encode() + tail.split(b'"', 1)[1]
    )
    _accounted_for(raw)


TEXT_KEYS = (
    "TITLE",
    "NOTICE_DATE",
    "NOTICE_TYPE",
    "TRIGGER_NUM",
    "GRB_RA",
    "GRB_DEC",
    "GRB_ERROR",
    "GRB_DATE",
    "GRB_TIME",
    "EVENT_DATE",
    "EVENT_TIME",
    "RUN_NUM",
    "EVENT_NUM",
    "REVISION",
    "FAR",
    "PROB_BNS",
    "GROUP_TYPE",
    "MOST_LIKELY",
    "LOC_URL",
    "COMMENTS",
)
TEXT_VALUES = st.sampled_from(
    [
        "LVC Preliminary",
        "ICECUBE Astrotrack Gold",
        "Fermi-GBM Flight Position",
        "INTEGRAL Offline",
        "10.5d {-00h 42m} (J2000),",
        "21366 TJD;   326 DOY;   26/11/22",
        "10680.00 SOD {02:58:00.00} UT",
        "1e308 [arcmin radius, 400% containment]",
        "-3 [deg radius, 90% containment]",
        "0.5 [yr^-1]",
        "99%  ",
        "S261122aa",
    ]
) | st.text(max_size=40)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(TEXT_KEYS), TEXT_VALUES), max_size=16),
    st.sampled_from([None, "gcn.classic.text.FERMI_GBM_ALERT", "gcn.classic.text.LVC_INITIAL"]),
)
def test_odd_text_notices_are_accounted_for(lines: list[tuple[str, str]], topic: str | None):
    body = "TITLE: GCN/X NOTICE\nNOTICE_TYPE: x\n" + "".join(f"{k}: {v}\n" for k, v in lines)
    _accounted_for(body.encode("utf-8", errors="replace"), topic)


WORD = st.sampled_from([0, 1, -1, 10, 99_999, 2**31 - 1, -(2**31)]) | st.integers(
    -(2**31), 2**31 - 1
)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 200), st.lists(WORD, min_size=38, max_size=38), st.sampled_from([0, 10]))
def test_odd_binary_packets_are_accounted_for(kind: int, words: list[int], last: int):
    words[4] = abs(words[4]) % 100_000
    _accounted_for(struct.pack(">40i", kind, *words, last))


def test_report_never_raises(monkeypatch: pytest.MonkeyPatch):
    def broken(_raw: bytes, _topic: str | None) -> ParsedNotice:
        raise RuntimeError("a fault")

    monkeypatch.setattr("too_ingest.report.parse_notice", broken)
    found = report("x", b"", None)
    assert found["ok"] is False
    assert "RuntimeError" in found["failure"]

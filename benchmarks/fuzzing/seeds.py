"""Messages to begin with: the corpus if it is at hand, and some made up here."""

import base64
import csv
import json
import os
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from too_ingest.samples import make_sample

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
LARGEST_SEED = 60_000
"""Larger seeds lose their embedded maps, so that the time goes into parsing."""
SCHEMA = "https://gcn.nasa.gov/schema/main/gcn/notices/"


@dataclass(frozen=True, slots=True)
class Seed:
    """A message and the topic it comes on."""

    name: str
    body: bytes
    topic: str | None


def own_seeds() -> list[Seed]:
    """Messages of all four formats, made up."""
    seeds = [
        Seed(f"sample {name}", _without_map(message.body), message.topic)
        for name in ("gbm", "icecube", "retracted")
        for message in make_sample(name, NOW, 0)
    ]
    seeds += [
        Seed(f"json {name}", json.dumps(document).encode(), None)
        for name, document in _documents().items()
    ]
    seeds.append(Seed("text", _TEXT, "gcn.classic.text.FERMI_GBM_FLT_POS"))
    for number in (61, 111, 150, 175, 188, 53):
        words = [number, 1, 0, 0, 817_000_000, 21_366, 1_080_000, 1_200_000, 100_000, 0, 0, 30_000]
        body = struct.pack(">40i", *words, *([0] * 27), 10)
        seeds.append(Seed(f"binary {number}", body, None))
    return seeds


def corpus_seeds() -> list[Seed]:
    """Messages of the folder that TOO_TEST_DATA names; none without it."""
    named = os.environ.get("TOO_TEST_DATA")
    if not named:
        return []
    root = Path(named)
    places = (root, root / "alerts", root / "data" / "alerts")
    folder = next((p for p in places if (p / "INDEX.csv").is_file() and (p / "lvk").is_dir()), None)
    if folder is None:
        raise SystemExit(f"no corpus of alerts in {root}")
    with (folder / "INDEX.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    return [
        Seed(row["file"], _without_map((folder / row["file"]).read_bytes()), row["topic"])
        for row in rows
    ]


def all_seeds() -> list[Seed]:
    """Own seeds and the corpus."""
    return own_seeds() + corpus_seeds()


def _without_map(body: bytes) -> bytes:
    if len(body) <= LARGEST_SEED or not body.lstrip().startswith(b"{"):
        return body[:LARGEST_SEED] if len(body) > LARGEST_SEED else body
    document = json.loads(body)

    def shorten(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: shorten(item) for name, item in value.items()}
        if isinstance(value, list):
            return [shorten(item) for item in value]
        if isinstance(value, str) and len(value) > 2000:
            return base64.b64encode(b"SIMPLE  =" + b" " * 300).decode()
        return value

    return json.dumps(shorten(document)).encode()


def _documents() -> dict[str, dict[str, Any]]:
    core = {
        "alert_datetime": "2026-11-22T03:00:00Z",
        "trigger_time": "2026-11-22T02:58:00.5Z",
        "alert_tense": "current",
        "alert_type": "initial",
        "record_number": 1,
        "id": ["142000_17"],
        "ra": 10.0,
        "dec": 5.0,
        "ra_dec_error": [0.5, 0.2, 30],
        "containment_probability": 0.9,
        "far": 1e-8,
        "classification": {"GRB": 0.9},
        "healpix_url": "https://gcn.nasa.gov/x.fits",
        "reference": {"gcn.notices.LVK.alert": "S261122aa"},
        "ref_ID": "S261122aa",
        "event_name": ["A", "B"],
        "coincident_events": [{"event_dt": 1.0, "localization": {"ra": 1, "dec": 2}, "id": ["1"]}],
        "rectangular_error_corners": [[1, 2], [3, 4], [5, 6], [7, 8]],
        "data": {"targets": [{"event_name": "ZTF"}]},
        "star_tracker_locked": True,
    }
    streams = (
        "icecube/single_neutrino_alerts",
        "icecube/lvk_nu_track_search",
        "swift/bat/Guano",
        "swift/bat/position",
        "einstein_probe/wxt/alert",
        "chime/frb",
        "dsa110/frb",
        "maxi/gsc.unknown",
        "superk/sn_alert",
        "km3net/alert",
        "boom/alert",
        "fermi/gbm/trigger",
        "fermi/lat/flare",
        "new/thing",
    )
    found: dict[str, dict[str, Any]] = {
        stream: {"$schema": f"{SCHEMA}{stream}.schema.json", **core} for stream in streams
    }
    found["igwn"] = {
        "alert_type": "UPDATE",
        "time_created": "2026-11-22T03:00:00Z",
        "superevent_id": "S261122aa",
        "urls": {"gracedb": "https://gracedb.ligo.org/superevents/S261122aa/view/"},
        "event": {
            "time": "2026-11-22T02:58:00.000Z",
            "far": 1e-12,
            "significant": True,
            "instruments": ["H1", "L1"],
            "group": "CBC",
            "pipeline": "gstlal",
            "search": "AllSky",
            "classification": {"BNS": 1.0, "Terrestrial": 0.0},
            "properties": {"HasNS": 1.0},
            "mchirp_source": {"bin_edges": [1, 2], "probabilities": [1.0]},
            "skymap": base64.b64encode(b"SIMPLE  =" + b" " * 300).decode(),
        },
        "external_coinc": {"gcn_notice_id": 1, "ivorn": "ivo://x#y", "combined_skymap": None},
    }
    found["heartbeat"] = {"alert_datetime": "2026-11-22T03:00:00Z"}
    found["packet"] = {
        "ivorn": "ivo://nasa.gsfc.gcn/Fermi#GBM_Fin_Pos_1",
        "role": "observation",
        "Who": {"Date": "2026-11-22T03:00:00", "AuthorIVORN": "ivo://nasa.gsfc.tan/gcn"},
        "What": {
            "Param": [{"name": "Packet_Type", "value": "115"}, {"name": "TrigID", "value": "8"}],
            "Group": [{"name": "Trigger_ID", "Param": {"name": "Long_short", "value": "Long"}}],
        },
        "WhereWhen": {
            "ObsDataLocation": {
                "ObservationLocation": {
                    "AstroCoords": {
                        "Time": {"TimeInstant": {"ISOTime": "2026-11-22T02:58:00"}},
                        "Position2D": {"Value2": {"C1": "1.0", "C2": "2.0"}, "Error2Radius": "3"},
                    }
                }
            }
        },
    }
    return found


_TEXT = b"""TITLE:           GCN/FERMI NOTICE
NOTICE_DATE:     Sun 22 Nov 26 03:00:00 UT
NOTICE_TYPE:     Fermi-GBM Flight Position
RECORD_NUM:      46
TRIGGER_NUM:     817000000,   Seg_Num: 0
GRB_RA:          190.017d {+12h 40m 04s} (J2000),
                 190.4d {+12h 41m} (current)
GRB_DEC:         47.6d {-47d 40' 00"} (J2000),
GRB_ERROR:       23.87 [deg radius, statistical plus systematic]
GRB_DATE:        21366 TJD;   326 DOY;   26/11/22
GRB_TIME:        10800.38 SOD {03:00:00.38} UT
MOST_LIKELY:     92%  Gamma-Ray Burst (GRB)
FAR:             0.5131 [yr^-1]
LOC_URL:         http://heasarc.gsfc.nasa.gov/q/glg_locplot_all_bn261122125.png
COMMENTS:        Fermi-GBM Flight-calculated Coordinates.
COMMENTS:        This is a test.
"""

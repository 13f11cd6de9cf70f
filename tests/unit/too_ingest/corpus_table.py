"""What `too ingest parse` prints, compared with a table of expected facts, every column strictly.

    too ingest parse --manifest INDEX.csv > found.jsonl
    python tests/unit/too_ingest/corpus_table.py INDEX.csv found.jsonl

The table's values are the strings of the files, sentinels and corrupt times included; what is a
position or a time is for the reader to say, and the rules for that stand here.
"""

import ast
import csv
import json
import math
import re
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from too_ingest.notices.packet_types import NAMES
from too_ingest.notices.times import parse_iso

SECONDS_PER_YEAR = 3.15576e7
SENTINELS = {(0.0, 0.0), (-1.0, -1.0)}
MIXED_FOLDERS = {"odd", "text", "binary", "frb_voevent"}
"""Folders of several missions: the column names the folder there."""
LOW_SIXTEEN_BITS = {"integral", "hete"}
_GCN_DAY = "%a %d %b %y %H:%M:%S UT"

Row = dict[str, str]
Found = dict[str, Any]
Difference = tuple[str, object, object]
"""Name of the fact, expected, found."""


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        return parse_iso(datetime.strptime(text, _GCN_DAY).isoformat())  # noqa: DTZ007 - UTC
    except ValueError:
        return parse_iso(text)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _identity(row: Row, found: Found) -> Iterator[Difference]:
    if row["mission"] not in MIXED_FOLDERS and found["mission"] != row["mission"]:
        yield "mission", row["mission"], found["mission"]
    if found["format"] != row["format"]:
        yield "format", row["format"], found["format"]
    ids = [i for i in row["event_id"].split(";") if i]
    mine = [found["native_id"], *found["aliases"]]
    if [i for i in ids if i not in mine] or (not ids and found["native_id"]):
        yield "id", ids, mine
    partial = found["mission"] in LOW_SIXTEEN_BITS or (
        row["format"] == "binary160" and found["mission"] == "lvk"
    )
    if ids and not partial and found["native_id"] != ids[0]:
        yield "native_id", ids[0], found["native_id"]
    if found["mission"] in LOW_SIXTEEN_BITS and ids:
        wanted = str(int(ids[0]) & 0xFFFF)
        if found["native_id"] != wanted:
            yield "native_id", wanted, found["native_id"]


def _type(row: Row, found: Found) -> Iterator[Difference]:
    stated, mine = row["notice_type"], found["notice_type"]
    if not stated or "?" in stated:
        return
    if match := re.match(r"Packet_Type (\d+)$", stated):
        # a VOEvent written as JSON: the table has the number, the packet's name says the same
        stated = NAMES[int(match[1])]
    if mine != stated:
        yield "notice_type", stated, mine


def _times(row: Row, found: Found) -> Iterator[Difference]:
    for name in ("event_time", "notice_time"):
        text, mine = row[f"{name}_utc"], found[name]
        wanted = _moment(text)
        if wanted is not None and _moment(mine) != wanted:
            yield name, text, mine
        if text and wanted is None and (mine is None or found["time_quality"] == "stated"):
            yield name, f"a fallback for {text}", mine


def _place(row: Row, found: Found) -> Iterator[Difference]:
    if not row["ra_deg"]:
        if row["file"].startswith("odd/SWIFT_xrt"):
            return  # the table's README: it has a position that the row leaves empty
        if found["ra_deg"] is not None:
            yield "position", None, (found["ra_deg"], found["dec_deg"])
        return
    stated = float(row["ra_deg"]), float(row["dec_deg"])
    flag = re.search(r"Coords_Type=(\d)", row["classification"])
    radius = _number(row["error_radius_deg"])
    none = (
        stated in SENTINELS or (flag and flag[1] != "1") or (radius is not None and radius >= 180)
    )
    mine = found["ra_deg"], found["dec_deg"]
    if mine != ((None, None) if none else stated):
        yield "position", None if none else stated, mine
    yield from _region(row, found, none=bool(none))


def _region(row: Row, found: Found, *, none: bool) -> Iterator[Difference]:
    region, stated = found["error_region"], row["error_radius_deg"]
    containment = _number(row["containment"].split(" ")[0])
    if stated.startswith("["):
        axes = ast.literal_eval(stated)
        mine = [*region["semi_axes_deg"], region["position_angle_deg"]][: len(axes)]
        if region["shape"] != "ellipse" or mine != axes:
            yield "ellipse", axes, region
    elif row["format"] == "binary160":
        yield from _binary_radius(row, found, none=none)
    elif none or not stated or float(stated) <= 0:
        if region["radius_deg"] is not None:
            yield "radius", None, region["radius_deg"]
        return
    else:
        # text notices print arcmin, which the table turns into degrees and rounds
        rounding = 5e-5 if row["format"] == "text" else 0.0
        if not math.isclose(
            region["radius_deg"] or 0.0, float(stated), abs_tol=rounding, rel_tol=0
        ):
            yield "radius", float(stated), region["radius_deg"]
    if containment is not None and region["containment"] != containment:
        yield "containment", containment, region["containment"]
    if region["radius_deg"] and region["containment"]:
        sigma = region["radius_deg"] / math.sqrt(-2 * math.log(1 - region["containment"]))
        if not math.isclose(sigma, region["sigma_deg"], rel_tol=1e-9):
            yield "sigma", sigma, region["sigma_deg"]


def _binary_radius(row: Row, found: Found, *, none: bool) -> Iterator[Difference]:
    """The table gives word 11; it is arcsec of INTEGRAL, and Super-K's 68 % beside the 90 %."""
    word = int(re.search(r"word11=(-?\d+)", row["classification"])[1])  # type: ignore[index]
    wanted = word / (3600.0 if found["mission"] == "integral" else 1e4)
    if found["mission"] == "superk":
        return
    mine = found["error_region"]["radius_deg"]
    if mine != (None if none or wanted <= 0 else wanted):
        yield "radius", wanted, mine


def _probabilities(row: Row) -> dict[str, float]:
    text = row["classification"]
    if match := re.search(r"\bclassification=(\{[^}]*\})", text):
        return {k: float(v) for k, v in ast.literal_eval(match[1]).items()}
    if row["mission"] != "lvk":
        return {}
    pairs = re.findall(r"\b(BNS|NSBH|BBH|MassGap|Terrestrial|Has\w+)=([-+.\deE]+)", text)
    return {name: float(value) for name, value in pairs}


def _facts(row: Row, found: Found) -> Iterator[Difference]:
    if row["far"]:
        value, unit = row["far"].split()[:2]
        rate = float(value) / (SECONDS_PER_YEAR if "yr" in unit else 1.0)
        if found["far_hz"] is None or not math.isclose(rate, found["far_hz"], rel_tol=1e-9):
            yield "far", rate, found["far_hz"]
    mine = {**(found["classification"] or {}), **(found["properties"] or {})}
    for name, wanted in _probabilities(row).items():
        # the table rounds to six digits
        if name not in mine or not math.isclose(wanted, mine[name], rel_tol=2e-5, abs_tol=1e-6):
            yield name, wanted, mine.get(name)
    for column, key in (("retraction", "is_retraction"), ("test_or_mdc", "is_test")):
        if row[column] and found[key] != (row[column] == "1"):
            yield key, row[column], found[key]
    below = "SUBTHRESH" in row["notice_type"] or "subthreshold" in row["tags"].split(";")[0]
    if found["is_subthreshold"] != below:
        yield "is_subthreshold", below, found["is_subthreshold"]


def _map(row: Row, found: Found) -> Iterator[Difference]:
    stated, mine = row["skymap"], found["skymap"]
    if not stated:
        if mine["kind"] != "none":
            yield "map", None, mine
        return
    if stated.startswith("embedded"):
        if mine["kind"] != "embedded":
            yield "map", stated, mine
        return
    url = stated.rsplit(" ", 1)[-1].split("=", 1)[-1].replace("http://", "https://")
    # a picture stands for the map beside it
    url = re.sub(r"glg_locplot_all_(bn\d{9})\.png$", r"glg_healpix_all_\1.fit", url)
    if mine != {"kind": "url", "url": url}:
        yield "map", url, mine


def _cites(row: Row, found: Found) -> Iterator[Difference]:
    if not row["cites"]:
        return
    if row["cites"].startswith("external_coinc"):
        missing = [
            value
            for name in ("gcn_notice_id", "ivorn")
            for value in re.findall(rf"{name}=([^;]+)", row["cites"])
            if not any(value in cite for cite in found["cites"])
        ]
        if missing:
            yield "cites", missing, found["cites"]
    elif "; ".join(found["cites"]) != row["cites"]:
        yield "cites", row["cites"], found["cites"]


def differences(row: Row, found: Found) -> list[Difference]:
    """All facts of a row that are not as expected."""
    if not found["ok"]:
        return [("ok", True, found["failure"])]
    parts = (_identity, _type, _times, _place, _facts, _map, _cites)
    return [difference for part in parts for difference in part(row, found)]


def main(table: Path, printed: Path) -> int:
    """Print every difference; 1 if there is one."""
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [json.loads(line) for line in printed.read_text().splitlines()]
    wrong = 0
    for row, found in zip(rows, lines, strict=True):
        for name, wanted, mine in differences(row, found):
            wrong += 1
            print(f"{row['file']}: {name}: expected {wanted!r}, found {mine!r}")  # noqa: T201
    print(f"{len(rows)} files, {wrong} differences")  # noqa: T201
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))

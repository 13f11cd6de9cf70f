"""Small notices in every form, made up here, for the tests of the parsers."""

import json
import struct
from datetime import UTC, datetime
from typing import Any

from too_ingest.notices import ParsedNotice, parse_notice
from too_ingest.samples.voevent_text import Param, voevent

SCHEMA = "https://gcn.nasa.gov/schema/main/gcn/notices/"
TEXT = "gcn.classic.text."
T0 = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def packet(
    stream: str,
    number: int,
    *,
    params: list[Param] | None = None,
    groups: dict[str, list[Param]] | None = None,
    position: tuple[float, float, float] = (120.0, 10.0, 3.0),
    role: str = "observation",
    local: str = "X",
    cites: tuple[str, ...] = (),
) -> bytes:
    body = voevent(
        ivorn=f"ivo://{stream}#{local}",
        date=T0,
        author="test",
        params=[("Packet_Type", str(number), ""), *(params or [])],
        groups=groups or {},
        event_time=T0,
        position=position,
        concept="x",
        cites=cites,
    )
    return body.replace(b'role="observation"', f'role="{role}"'.encode())


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


TIMES = (
    "GRB_DATE:         21366 TJD;   326 DOY;   26/11/22",
    "GRB_TIME:         10680.00 SOD {02:58:00.00} UT",
)


def text(notice_type: str, *lines: str, title: str = "X", topic: str | None = None) -> ParsedNotice:
    head = (
        f"TITLE:            GCN/{title} NOTICE",
        "NOTICE_DATE:      Sun 22 Nov 26 03:00:00 UT",
        f"NOTICE_TYPE:      {notice_type}",
    )
    return parse_notice("\n".join((*head, *lines, "")).encode(), topic)

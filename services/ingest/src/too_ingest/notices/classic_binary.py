"""The 160-byte packets of GCN Classic: forty big-endian integers, a fallback at most.

A packet is turned into the Params that the same notice has as a VOEvent and read by its mission's
rules. Which word holds what: GCN's socket packet definition document.
"""

import re
import struct
from collections.abc import Iterator
from datetime import datetime

from too_ingest.notices import families, lvk
from too_ingest.notices.model import NoticeFormat, ParsedNotice, ParseError, TimeQuality
from too_ingest.notices.packet_types import NAMES
from too_ingest.notices.times import from_tjd
from too_ingest.notices.voevent import Packet, Param

PACKET_BYTES = 160
_NEWLINE = 10
TAG = "binary packet"

Words = tuple[int, ...]

_GECAM = frozenset({188, 189})
_INTEGRAL = frozenset({53, 54, 55, 56})
_BAT = frozenset({61, 63, 64, 65, 66, 82, 84, 97})
_FERMI = frozenset(range(110, 129)) | {131}
_SK, _SNEWS, _SPIACS, _POINTDIR, _GECAM_GROUND = 175, 149, 52, 51, 189
_CALET = frozenset({160, 161})
_RADIUS_IN_WORD_11 = (
    frozenset({45, 149, 157, 158, 169, 171, 172, 173, 174, 176})
    | frozenset(range(60, 104))
    | frozenset(range(105, 142))
)
"""Counterparts, Swift, AGILE, Fermi, MAXI, microlensing, SNEWS, AMON: in 1e-4 deg."""
_LVC = frozenset({150, 151, 152, 153, 154, 163, 164})
_PARTIAL_IDS = frozenset({"lvk", "icecube", "hawc"})
"""Missions whose packets hold a part of the id only; the day belongs to the identity then."""
_SUPEREVENT = re.compile(rb"(?:[MT]?S|[MT]?GW|[GTMEHK])\d{6}[a-zA-Z]{0,4}")
_LVC_PREFIXES = ["G", "T", "M", "Y", "H", "E", "K", "S", "GW", "TS", "TGW", "MS", "MGW"]
_LVC_GROUPS = {1: "CBC", 2: "Burst", 3: "Test"}
_LVC_SEARCHES = {
    1: "AllSky",
    2: "LowMass",
    3: "HighMass",
    4: "GRB",
    5: "Supernova",
    6: "MDC",
    7: "AllSkyLong",
    8: "BBH",
}
_LVC_PIPELINES = {
    1: "MBTAOnline",
    2: "CWB",
    3: "CWB2G",
    4: "gstlal",
    5: "spiir",
    6: "HardwareInjection",
    7: "X",
    8: "Q",
    9: "Omega",
    10: "Ringdown",
    11: "LIB",
    12: "Fermi",
    13: "Swift",
    14: "SNEWS",
    15: "pycbc",
}
_LVC_DETECTORS = ("H1", "L1", "V1", "G1", "K1", "I1")
_GECAM_CLASSES = {1: "GRB", 2: "SFLARE", 3: "KNOWN_SOURCE", 4: "GENERIC_SOURCE"}


def looks_binary(raw: bytes) -> bool:
    """Tell whether it is a packet of forty words with a plausible type and day."""
    if len(raw) != PACKET_BYTES:
        return False
    words = struct.unpack(">40i", raw)
    # text of this length would have a first word far above 2000; the last one is a newline or 0
    return 0 < words[0] < 2000 and 0 <= words[5] < 100_000 and words[39] in {0, _NEWLINE}


def parse_binary(raw: bytes) -> ParsedNotice:
    """Read a packet.

    Raises
    ------
    ParseError
        If it has another size.
    """
    if len(raw) != PACKET_BYTES:
        raise ParseError(f"binary packet of {len(raw)} bytes instead of {PACKET_BYTES}")
    words: Words = struct.unpack(">40i", raw)
    name = NAMES.get(words[0], f"packet type {words[0]}")
    event_time = _event_time(words)
    notice = families.read_as(_packet(words, event_time), name)
    native_id, spellings, qualifier = notice.native_id, notice.spellings, notice.id_qualifier
    if words[0] in _LVC:
        spellings = (*spellings, str(words[4]))
    elif notice.mission in _PARTIAL_IDS and event_time is not None:
        qualifier = f"{event_time:%Y%m%dT%H%M%S}"
    return notice.model_copy(
        update={
            "native_id": native_id,
            "spellings": tuple(dict.fromkeys(s for s in spellings if s != native_id)),
            "id_qualifier": qualifier,
            "sequence": words[1],
            "is_ordered": False,
            "event_time": event_time,
            "event_time_raw": f"TJD {words[5]}, SOD {words[6]}",
            "time_quality": TimeQuality.TJD_SOD if event_time else None,
            "tags": tuple(dict.fromkeys((*notice.tags, TAG))),
        }
    )


def _event_time(words: Words) -> datetime | None:
    # hundredths of a second, but ten thousandths in GECAM's packets
    scale = 1e4 if words[0] in _GECAM else 1e2
    return from_tjd(words[5], words[6] / scale)


def _bit(word: int, number: int) -> bool:
    return bool((word >> number) & 1)


def _packet(words: Words, event_time: datetime | None) -> Packet:
    kind = words[0]
    iso = event_time.isoformat() if event_time else None
    params = [
        Param("Packet_Type", str(kind)),
        Param("TrigID", str(words[4])),
        *(Param(name, value, unit) for name, value, unit in _details(words)),
    ]
    radius = _radius(words)
    return Packet(
        ivorn="",
        role="test" if _is_test(words) else "observation",
        version="",
        params=(*params, *(_lvc(words) if kind in _LVC else ())),
        iso_time=iso,
        c1=None if kind in _LVC else repr(words[7] / 1e4),
        c2=None if kind in _LVC else repr(words[8] / 1e4),
        radius=None if radius is None else repr(radius),
        format=NoticeFormat.BINARY160,
    )


def _radius(words: Words) -> float | None:
    """Error radius in degrees; None for types whose packets hold none, or four corners."""
    kind = words[0]
    if kind in _GECAM:
        return words[10] / 1e4
    if kind in _INTEGRAL:
        return words[11] / 3600.0
    return words[11] / 1e4 if kind in _RADIUS_IN_WORD_11 else None


def _is_test(words: Words) -> bool:
    kind = words[0]
    if kind in _LVC or kind in {_SK, _SNEWS}:
        return _bit(words[18], 1)
    if kind in _CALET:
        return _bit(words[18], 30)
    if kind == _GECAM_GROUND:
        return _bit(words[18], 0)
    if kind in _INTEGRAL or kind in {_POINTDIR, _SPIACS}:
        return _bit(words[12], 31)
    return False


def _details(words: Words) -> Iterator[tuple[str, str, str]]:
    """Name, value and unit of what single types say in their flags and further words."""
    kind = words[0]
    not_an_event = (
        ((kind in _BAT or kind in _FERMI or kind in _CALET) and _bit(words[18], 5))
        or (kind == _SNEWS and _bit(words[18], 5))
        or ((kind in _INTEGRAL or kind == _SPIACS) and _bit(words[12], 30))
    )
    if not_an_event:
        yield "Def_NOT_a_GRB", "true", ""
    if kind in _BAT and _bit(words[18], 10):
        yield "StarTrack_Lost_Lock", "true", ""
    if kind in _CALET:
        yield "Coords_Type", "2", ""
    if kind == _SNEWS and _bit(words[18], 2):
        yield "Coords_Type", "0", ""
    if kind == _SK:
        for name, word in (("Src_Error68", 11), ("Src_Error90", 15), ("Src_Error95", 16)):
            yield name, repr(words[word] / 1e4), "deg"
    if kind == _GECAM_GROUND and words[11] in _GECAM_CLASSES:
        yield "SRC_CLASS", _GECAM_CLASSES[words[11]], ""


def _lvc(words: Words) -> Iterator[Param]:
    """Params of an LVC packet; the id is put together of number, prefix and letters."""
    misc = words[19] & 0xFFFFFFFF
    yield Param("GraceID", _superevent_id(words))
    alert_type = lvk.PACKET_TYPES.get(words[0], "UPDATE")
    yield Param("AlertType", "RETRACTION" if _bit(words[18], 5) else alert_type)
    if words[0] == 164 or words[0] == 154:
        return
    if -300_000 < words[11] < 300_000 and words[11] != 0:
        yield Param("FAR", repr(10.0 ** (words[11] / 1e4)), "Hz")
    pipeline, search, group = (words[12] & 0xFF, words[12] >> 8 & 0xFF, words[12] >> 16 & 0xFF)
    for name, names, number in (
        ("Group", _LVC_GROUPS, group),
        ("Search", _LVC_SEARCHES, search),
        ("Pipeline", _LVC_PIPELINES, pipeline),
    ):
        if number in names:
            yield Param(name, names[number])
    detectors = [name for bit, name in enumerate(_LVC_DETECTORS) if _bit(misc, bit)]
    yield Param("Instruments", ",".join(detectors))
    if group == 1:
        classes = ("BNS", "NSBH", "BBH", "Terrestrial")
        percents = struct.pack(">i", words[22])
        if all(percent <= 100 for percent in percents) and any(percents):
            for name, percent in zip(classes, percents, strict=True):
                yield Param(name, repr(percent / 100.0), "", "Classification", "Classification")


def _superevent_id(words: Words) -> str:
    path = struct.pack(">10i", *words[29:39])
    # each word holds four letters, the first one in its lowest byte
    text = b"".join(path[i : i + 4][::-1] for i in range(0, 40, 4))
    digits = str(words[4])
    found = _SUPEREVENT.match(text)
    if found is not None and digits.encode() in found[0]:
        return found[0].decode("ascii")
    misc = words[19] & 0xFFFFFFFF
    number = misc >> 20 & 0xF
    prefix = _LVC_PREFIXES[number - 1] if 0 < number <= len(_LVC_PREFIXES) else ""
    letters = (misc >> 10 & 0xFF, words[21] & 0xFF, words[21] >> 8 & 0xFF)
    suffix = "".join(chr(c) for c in letters if chr(c).isascii() and chr(c).isalpha())
    return f"{prefix}{digits}{suffix}"

"""Text notices of GCN Classic: ``KEY: value`` lines, a fallback where nothing else is kept.

A notice is turned into the Params that it has as a VOEvent and read by its mission's rules; what
its brackets say of the error (unit, containment, systematics) counts more than the convention.
Declinations have lost their sign in the decimal of some notices while the sexagesimal form beside
it kept it; then the latter counts.
"""

import re
from collections.abc import Iterator
from datetime import datetime

from too_ingest.notices import families
from too_ingest.notices.classic import with_facts
from too_ingest.notices.model import MISMATCH, NoticeFormat, ParsedNotice, ParseError, RegionShape
from too_ingest.notices.text_types import type_name
from too_ingest.notices.times import from_tjd, parse_iso
from too_ingest.notices.values import clean_text, slug, to_float, to_int, to_probabilities
from too_ingest.notices.voevent import Packet, Param

MAX_TEXT_BYTES = 262_144
TAG = "text notice"
_LINE = re.compile(r"^([A-Za-z][A-Za-z0-9_/ -]{1,30}?):(?!//)\s*(.*)$")
_DEGREES = re.compile(r"^\s*([+-]?\d+(?:\.\d+)?)d\b(?:\s*\{([+-])?)?")
_NUMBER_UNIT = re.compile(r"^\s*([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*\[([^\]]*)\]")
_CLOCK = re.compile(r"\{(\d{2}:\d{2}:\d{2}(?:\.\d+)?)\}")
_DATE = re.compile(r"(?<!\d)(\d{2}|\d{4})/(\d{2})/(\d{2})(?!\d)")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_SUPEREVENT = re.compile(r"\b(?:[MT]?S|[MT]?GW|[GTM])\d{6}[A-Za-z]*\b")
_PERCENT_LABEL = re.compile(r"^\s*(\d{1,3})\s*%\s*(.{1,60}?)\s*$")
_IDS = ("TRIGGER_NUM", "TRIGGER_NUMBER", "TRANS_NUM", "EVENT_ID_NUM", "EVENT_NUM", "REF_NUM")
_NO_SOURCE = frozenset({"SUN", "MOON", "POINT", "SC", "NEXT_POINT", "NEXT", "CUR_POINT", "PNT"})
_POSITIONS = ("GRB", "SRC", "EVENT", "TRANS", "CNTRPART", "BURST")
_TIMES = ("BURST", "TRIGGER", "DISCOVERY", "GRB", "EVENT", "TRANS", "IMG_START", "OBS")
_NOT_AN_EVENT = re.compile(
    r"\bdefin[a-z]{2,4}ly not an? (?:grb|gamma|supernova|core)|\bthis (?:\w+ )?is an? "
    r"(?:\w+ )?retraction\b|\b(?:has been|is|was) retracted\b|"
    r"star ?tracker(?: is| was)? not locked",
    re.IGNORECASE,
)
_TEST = re.compile(
    r"\bthis (?:\w+ )?is (?:an? )?(?:\w+ )?test\b|\btest (?:notice|position)\b", re.IGNORECASE
)
_PARAMS = {
    "RUN_NUM": "run_id",
    "EVENT_NUM": "event_id",
    "REVISION": "Rev",
    "SIGNALNESS": "signalness",
    "ENERGY": "energy",
    "SKYMAP_FITS_URL": "skymap_fits",
    "EVENTPAGE_URL": "EventPage",
    "LOC_URL": "LocationMap_URL",
    "HEALPIX_URL": "HealPix_URL",
    "TRIGGER_SIGNIF": "Trig_Signif",
    "DATA_SIGNIF": "Data_Signif",
    "TRIGGER_DUR": "Trig_Dur",
    "TRANS_DURATION": "Trans_Duration",
    "RELIABILITY": "Reliability",
    "LONG_SHORT": "Long_short",
    "SOURCE_NAME": "SourceName",
    "PROB_NS": "HasNS",
    "PROB_REMNANT": "HasRemnant",
    "PROB_TERRES": "Terrestrial",
    "PVALUE": "Pvalue",
    "SRC_ERROR68": "Src_Error68",
    "SRC_ERROR90": "Src_Error90",
    "SRC_ERROR95": "Src_Error95",
}
"""Keys whose value is the Param of another name."""
_CLASSES = ("BNS", "NSBH", "BBH", "MassGap")


def looks_text(raw: bytes) -> bool:
    """Tell whether it begins as GCN's text notices do."""
    head = raw[:4000].removeprefix(b"\xef\xbb\xbf").lstrip()
    return head.startswith((b"TITLE:", b"NOTICE_DATE:", b"NOTICE_TYPE:")) and b"NOTICE_TYPE" in head


def _lines(raw: bytes) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in raw.decode("utf-8-sig", errors="replace").splitlines()[:2000]:
        if (match := _LINE.match(line.rstrip())) is not None:
            value = clean_text(match[2].strip()[:2000])
            found.setdefault(match[1].strip().upper(), []).append(value)
    return found


class _Text:
    """Lines of a notice, by key."""

    def __init__(self, raw: bytes) -> None:
        self.lines = _lines(raw)

    def first(self, *keys: str) -> str | None:
        """First value of the first key that is there."""
        return next((self.lines[key][0] for key in keys if self.lines.get(key)), None)

    def number(self, key: str) -> float | None:
        """Number before the unit."""
        return to_float((self.first(key) or "").split("[")[0])

    def stems(self, suffix: str, order: tuple[str, ...]) -> Iterator[str]:
        """Beginnings of the keys with an ending, the expected ones first."""
        found = [key.removesuffix(suffix) for key in self.lines if key.endswith(suffix)]
        yield from (stem for stem in order if stem in found)
        yield from (stem for stem in found if stem not in order)

    @property
    def comments(self) -> str:
        """All comments in one line."""
        return " ".join(self.lines.get("COMMENTS", ()))


def _degrees(text: str | None) -> float | None:
    match = _DEGREES.match(text or "")
    if match is None:
        return None
    value = to_float(match[1])
    return -abs(value) if value is not None and match[2] == "-" else value


def _position(text: _Text) -> tuple[float, float, str] | None:
    for stem in text.stems("_RA", _POSITIONS):
        if stem in _NO_SOURCE:
            continue
        ra, dec = _degrees(text.first(f"{stem}_RA")), _degrees(text.first(f"{stem}_DEC"))
        if ra is not None and dec is not None:
            return ra, dec, stem
    return None


def _radius(text: str | None) -> tuple[float, str] | None:
    """Radius in degrees and what stands in the brackets."""
    match = _NUMBER_UNIT.match(text or "")
    if match is None or (radius := to_float(match[1])) is None:
        return None
    unit = match[2].lower()
    divisor = 60.0 if "arcmin" in unit else 3600.0 if "arcsec" in unit else 1.0
    return radius / divisor, match[2].strip()[:200]


def _notice_time(text: str | None) -> datetime | None:
    for form in ("%a %d %b %y %H:%M:%S UT", "%a %d %b %Y %H:%M:%S UT"):
        try:
            # naive means UTC in GCN's notices
            return parse_iso(datetime.strptime(text or "", form).isoformat())  # noqa: DTZ007
        except ValueError:
            continue
    return parse_iso(text)


def _event_times(text: _Text) -> tuple[str | None, str | None, str | None]:
    """Time in ISO form, truncated Julian day and second of day, of the first complete pair."""
    for stem in text.stems("_DATE", _TIMES):
        day, clock = text.first(f"{stem}_DATE"), text.first(f"{stem}_TIME")
        if stem == "NOTICE" or day is None or clock is None:
            continue
        tjd, sod = re.match(r"\s*(\d+)\s*TJD", day), re.match(r"\s*(\d+(?:\.\d+)?)\s*SOD", clock)
        date, time = _DATE.search(day), _CLOCK.search(clock)
        iso = None
        if date and time:
            year = date[1] if len(date[1]) == 4 else ("19" if date[1] > "90" else "20") + date[1]
            iso = f"{year}-{date[2]}-{date[3]}T{time[1]}"
        if iso or (tjd and sod):
            return iso, tjd[1] if tjd else None, sod[1] if sod else None
    return None, None, None


def _params(text: _Text, name: str) -> Iterator[Param]:
    for key, values in text.lines.items():
        param = _PARAMS.get(key)
        value = values[0]
        if param is not None:
            yield Param(param, value if key.endswith("_URL") else value.split("[")[0].strip())
        elif value.startswith(("http://", "https://")):
            yield Param(key, value.split()[0])
    if (far := _NUMBER_UNIT.match(text.first("FAR") or "")) is not None:
        yield Param("FAR", far[1], far[2])
    native = next((text.first(key) for key in _IDS if text.first(key)), None)
    if native is not None:
        yield Param("TrigID", re.split(r"[,;\s]", native.strip(), maxsplit=1)[0])
    serial = text.first("SEQUENCE_NUM", "RECORD_NUM", "SERIAL_NUM")
    if serial is not None:
        yield Param("Pkt_Ser_Num", serial.split(",")[0].strip())
    stated = (text.first("NOTICE_TYPE") or "").lower()
    if _NOT_AN_EVENT.search(text.comments) or "retraction" in stated:
        yield Param("Retraction", "true")
    if name.startswith(families.LVC_PREFIX):
        yield from _lvc_params(text, name)


def _lvc_params(text: _Text, name: str) -> Iterator[Param]:
    stated = (text.first("TRIGGER_NUM") or "").strip()
    found = _SUPEREVENT.search(stated)
    yield Param("GraceID", found[0] if found else stated)
    yield Param("AlertType", name.removeprefix(families.LVC_PREFIX))
    for label in _CLASSES:
        if (value := text.first(f"PROB_{label.upper()}")) is not None:
            yield Param(label, value.split("[")[0].strip())
    for param in ("Group", "Search", "Pipeline"):
        if (value := text.first(f"{param.upper()}_TYPE")) is not None:
            yield Param(param, value.rsplit("=", 1)[-1].strip())


def parse_text(raw: bytes, topic: str | None = None) -> ParsedNotice:
    """Read a text notice.

    Raises
    ------
    ParseError
        If it is too large or has no NOTICE_TYPE line.
    """
    if len(raw) > MAX_TEXT_BYTES:
        raise ParseError(f"text of {len(raw)} bytes; above {MAX_TEXT_BYTES} it is refused")
    text = _Text(raw)
    stated = text.first("NOTICE_TYPE")
    if not stated:
        raise ParseError("text notice without a NOTICE_TYPE line")
    title = text.first("TITLE") or ""
    name, contradicted = type_name(stated, title, topic)
    if name is None:
        words = re.sub(r"(?i)\b(gcn|notice)\b|/", " ", title).strip() or "unknown"
        name = f"{slug(words)}_{slug(stated)}".upper()[:80]
    notice = families.read_as(_packet(text, name, stated), name)
    notice = _with_region(text, notice)
    facts = notice.facts
    if (likely := _PERCENT_LABEL.match(text.first("MOST_LIKELY") or "")) is not None:
        facts = with_facts(notice, classification={likely[2]: int(likely[1]) / 100.0})
    tags = (*notice.tags, TAG, *((MISMATCH,) if contradicted else ()))
    return notice.model_copy(
        update={
            "facts": facts.model_copy(
                update={"classification": to_probabilities(facts.classification)}
            ),
            "notice_time": notice.notice_time or _notice_time(text.first("NOTICE_DATE")),
            "notice_time_raw": text.first("NOTICE_DATE"),
            "tags": tuple(dict.fromkeys(tags)),
        }
    )


def _packet(text: _Text, name: str, stated: str) -> Packet:
    place = _position(text)
    radius = _radius(text.first(f"{place[2]}_ERROR")) if place else None
    iso, tjd, sod = _event_times(text)
    if iso is None and tjd and sod and (moment := from_tjd(float(tjd), float(sod))) is not None:
        iso = moment.isoformat()
    notice_time = _notice_time(text.first("NOTICE_DATE"))
    number = families.NUMBERS.get(name)
    params = [Param("Packet_Type", str(number))] if number is not None else []
    if tjd and sod and (to_int(tjd) or 0) > 0:
        params += [Param("Burst_TJD", tjd), Param("Burst_SOD", sod)]
    is_test = "test" in stated.lower().split() or _TEST.search(text.comments) is not None
    return Packet(
        ivorn="",
        role="test" if is_test else "observation",
        version="",
        date=notice_time.isoformat() if notice_time else None,
        params=(*params, *_params(text, name)),
        iso_time=iso,
        c1=repr(place[0]) if place else None,
        c2=repr(place[1]) if place else None,
        radius=repr(radius[0]) if radius else None,
        format=NoticeFormat.TEXT,
    )


def _with_region(text: _Text, notice: ParsedNotice) -> ParsedNotice:
    """The error region with what the brackets say of it."""
    place = _position(text)
    radius = _radius(text.first(f"{place[2]}_ERROR")) if place else None
    region = notice.region
    if radius is None or region.shape is not RegionShape.CIRCLE:
        return notice
    percent = _PERCENT.search(radius[1])
    words = radius[1].lower()
    changes: dict[str, object] = {"note": f"{radius[1]} (as printed); {region.note}".rstrip("; ")}
    if percent is not None and 0 < float(percent[1]) < 100:
        changes["containment"] = float(percent[1]) / 100.0
    if region.systematic_included is None:
        if "stat-only" in words or "statistical only" in words:
            changes["systematic_included"] = False
        elif "sys" in words:
            changes["systematic_included"] = True
    region = region.model_copy(update=changes)
    facts = with_facts(notice, containment=region.containment)
    return notice.model_copy(update={"region": region, "facts": facts})

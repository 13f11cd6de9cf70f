"""Text notices of GCN Classic: ``KEY: value`` lines, a fallback where nothing else is kept.

Declinations have lost their sign in the decimal of some notices while the sexagesimal form beside
it kept it; then the latter counts.
"""

import re
from datetime import datetime

from too_common.contracts.ingest import AlertKind, EventFacts, EventKind

from too_ingest.notices import icecube, lvk
from too_ingest.notices.model import (
    ErrorRegion,
    NoticeFormat,
    ParsedNotice,
    ParseError,
    RegionShape,
    SkymapKind,
    SkymapSource,
    TimeQuality,
)
from too_ingest.notices.times import from_tjd, parse_iso
from too_ingest.notices.values import far_in_hz, fits_url, to_angle, to_float, to_id, to_int

MAX_TEXT_BYTES = 262_144
_LINE = re.compile(r"^([A-Z][A-Z0-9_/ ]{1,30}?):\s*(.*)$")
_DEGREES = re.compile(r"^\s*([+-]?\d+(?:\.\d+)?)d\b(?:\s*\{([+-])?)?")
_NUMBER_UNIT = re.compile(r"^\s*([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*\[([^\]]*)\]")
_CLOCK = re.compile(r"\{(\d{2}:\d{2}:\d{2}(?:\.\d+)?)\}")
_DATE = re.compile(r"(\d{2})/(\d{2})/(\d{2})")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_IDS = ("TRIGGER_NUM", "EVENT_NUM", "TRIGGER_NUMBER", "TRANS_NUM", "REF_NUM")


def looks_text(raw: bytes) -> bool:
    """Tell whether it begins as GCN's text notices do."""
    head = raw[:600].lstrip()
    return head.startswith(b"TITLE:") and b"NOTICE_TYPE" in raw[:4000]


def _lines(raw: bytes) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in raw.decode("utf-8", errors="replace").splitlines()[:2000]:
        if (match := _LINE.match(line.rstrip())) is not None:
            found.setdefault(match[1].strip(), []).append(match[2].strip()[:2000])
    return found


def _mission(title: str, notice_type: str) -> tuple[str, EventKind]:
    text = f"{title} {notice_type}".upper()
    for word, mission, kind in (
        ("LVC", "lvk", EventKind.GW),
        ("ICECUBE", "icecube", EventKind.NEUTRINO),
        ("FERMI NOTICE", "fermi_gbm", EventKind.GRB),
        ("FERMI-GBM", "fermi_gbm", EventKind.GRB),
        ("FERMI-LAT", "fermi_lat", EventKind.GRB),
        ("SWIFT", "swift", EventKind.GRB),
        ("INTEGRAL", "integral", EventKind.GRB),
        ("MAXI", "maxi", EventKind.XRAY),
        ("HAWC", "hawc", EventKind.GRB),
        ("SNEWS", "snews", EventKind.SUPERNOVA),
    ):
        if word in text:
            return mission, kind
    return "unknown", EventKind.OTHER


def _degrees(text: str | None) -> float | None:
    match = _DEGREES.match(text or "")
    if match is None:
        return None
    value = to_float(match[1])
    return -abs(value) if value is not None and match[2] == "-" else value


def _region(text: str | None) -> ErrorRegion:
    match = _NUMBER_UNIT.match(text or "")
    if match is None:
        return ErrorRegion()
    radius, unit = to_float(match[1]), match[2].lower()
    if radius is None:
        return ErrorRegion()
    radius *= 1 / 60 if "arcmin" in unit else 1 / 3600 if "arcsec" in unit else 1.0
    if not 0 < radius < 180:
        return ErrorRegion()
    percent = _PERCENT.search(unit)
    return ErrorRegion(
        shape=RegionShape.CIRCLE,
        radius_deg=radius,
        containment=float(percent[1]) / 100 if percent else None,
        systematic_included=False if "stat-only" in unit or "statistical only" in unit else None,
        note=match[2][:200],
    )


def _notice_time(text: str | None) -> datetime | None:
    for form in ("%a %d %b %y %H:%M:%S UT", "%a %d %b %Y %H:%M:%S UT"):
        try:
            # naive means UTC in GCN's notices
            return parse_iso(datetime.strptime(text or "", form).isoformat())  # noqa: DTZ007
        except ValueError:
            continue
    return parse_iso(text)


def _event_time(lines: dict[str, list[str]]) -> datetime | None:
    for stem in ("TRIGGER", "DISCOVERY", "GRB", "EVENT", "TRANS"):
        day, clock = lines.get(f"{stem}_DATE"), lines.get(f"{stem}_TIME")
        if not day or not clock:
            continue
        date, time = _DATE.search(day[0]), _CLOCK.search(clock[0])
        if date and time:
            return parse_iso(f"20{date[1]}-{date[2]}-{date[3]}T{time[1]}")
        tjd = re.match(r"\s*(\d+)\s*TJD", day[0])
        sod = re.match(r"\s*(\d+(?:\.\d+)?)\s*SOD", clock[0])
        if tjd and sod:
            return from_tjd(float(tjd[1]), float(sod[1]))
    return None


def parse_text(raw: bytes) -> ParsedNotice:
    """Read a text notice.

    Raises
    ------
    ParseError
        If it is too large or has no NOTICE_TYPE line.
    """
    if len(raw) > MAX_TEXT_BYTES:
        raise ParseError(f"text of {len(raw)} bytes; above {MAX_TEXT_BYTES} it is refused")
    lines = _lines(raw)

    def first(name: str) -> str | None:
        return next(iter(lines.get(name, ())), None)

    notice_type = first("NOTICE_TYPE")
    if notice_type is None:
        raise ParseError("text notice without a NOTICE_TYPE line")
    mission, event_kind = _mission(first("TITLE") or "", notice_type)
    native_id = next((i for name in _IDS if (i := to_id((first(name) or "").split(",")[0]))), None)
    if mission == "icecube":
        native_id = icecube.run_event(first("RUN_NUM"), first("EVENT_NUM")) or native_id
    elif mission == "lvk":
        match = re.search(r"\b[MT]?S\d{6}[a-z]+\b", first("TRIGGER_NUM") or "")
        native_id = match[0] if match else native_id
    ra = _degrees(first("SRC_RA") or first("GRB_RA"))
    dec = _degrees(first("SRC_DEC") or first("GRB_DEC"))
    place = to_angle(ra, dec)
    region = _region(first("SRC_ERROR") or first("GRB_ERROR")) if place else ErrorRegion()
    event_time, notice_time = _event_time(lines), _notice_time(first("NOTICE_DATE"))
    far = _NUMBER_UNIT.match(first("FAR") or "")
    address = fits_url(first("SKYMAP_FITS_URL"))
    classes = {
        name.removeprefix("PROB_"): value
        for name in lines
        if name.startswith("PROB_")
        and (value := to_float((first(name) or "").split("[")[0])) is not None
    }
    signalness = to_float((first("SIGNALNESS") or "").split("[")[0])
    retraction = "retraction" in notice_type.lower()
    return ParsedNotice(
        mission=mission,
        notice_type=notice_type.strip()[:120],
        format=NoticeFormat.TEXT,
        native_id=native_id,
        kind=event_kind,
        alert_kind=AlertKind.RETRACTION if retraction else _alert_kind(notice_type),
        sequence=to_int(first("REVISION") or first("SEQUENCE_NUM")),
        event_time=event_time,
        time_quality=TimeQuality.STATED if event_time else None,
        notice_time=notice_time,
        notice_time_raw=first("NOTICE_DATE"),
        ra_deg=place[0] if place else None,
        dec_deg=place[1] if place else None,
        region=region,
        facts=EventFacts(
            far_hz=far_in_hz(far[1], far[2]) if far else None,
            ra_deg=place[0] if place else None,
            dec_deg=place[1] if place else None,
            error_radius_deg=region.radius_deg,
            containment=region.containment,
            signalness=signalness,
            p_astro=signalness,
            energy_tev=to_float((first("ENERGY") or "").split("[")[0]),
            classification=classes if mission == "lvk" else {},
        ),
        is_test="test" in notice_type.lower()
        or (mission == "lvk" and lvk.is_mock(native_id or "")),
        is_retraction=retraction,
        skymaps=(SkymapSource(kind=SkymapKind.URL, url=address),) if address else (),
        tags=("text notice",),
    )


def _alert_kind(notice_type: str) -> AlertKind:
    text = notice_type.lower()
    for word, kind in (
        ("early", AlertKind.EARLY_WARNING),
        ("preliminary", AlertKind.PRELIMINARY),
        ("flight", AlertKind.PRELIMINARY),
        ("update", AlertKind.UPDATE),
        ("final", AlertKind.UPDATE),
    ):
        if word in text:
            return kind
    return AlertKind.INITIAL

"""Reading single values out of notices: nothing here raises on odd input, it answers None."""

import math
import re
from typing import Any

SECONDS_PER_YEAR = 3.15576e7
"""Julian year; 1 per year = 3.169e-8 Hz."""
_PER = (
    r"^(?:(?:(?:1|events?)?\s*(?:/|per)\s*)(?:{0})"
    r"|(?:events?\s+)?(?:{0})\s*(?:\^|\*\*)?\s*\(?-1\)?)$"
)
_PERIODS = (
    (re.compile(r"^(?:hz|)$"), 1.0),
    (re.compile(_PER.format("s|sec|secs|second|seconds")), 1.0),
    (re.compile(_PER.format("h|hr|hrs|hour|hours")), 3600.0),
    (re.compile(_PER.format("d|day|days")), 86400.0),
    (re.compile(_PER.format("month|months")), SECONDS_PER_YEAR / 12.0),
    (re.compile(_PER.format("yr|yrs|year|years|a")), SECONDS_PER_YEAR),
)
"""Units of a rate as senders write them (``yr^-1``, ``1/yr``, ``per year``), and seconds."""
MAX_ID_LENGTH = 200
"""Longer ids are nonsense and would not fit an index."""

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
UNKNOWN = "unknown"
_NAME = re.compile(r"[^a-z0-9_]+")
_INTEGER = re.compile(r"^[+-]?\d{1,18}$")


def clean_text(text: str) -> str:
    """Text without NUL, control characters and lone surrogates, which no database takes."""
    return _UNPRINTABLE.sub("�", text)


def to_float(value: Any) -> float | None:
    """Finite number, or None; text may be padded."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        value = value.strip()
        if len(value) > 64:
            return None
    if not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def to_int(value: Any) -> int | None:
    """Integer within 64 bits, or None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) < 2**63 else None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, str) and _INTEGER.match(value.strip()):
        return int(value.strip())
    return None


def to_flag(value: Any) -> bool | None:
    """True or false as text, number or flag; None if it is neither."""
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower() if isinstance(value, str | int | float) else ""
    if text in {"true", "1", "1.0", "yes"}:
        return True
    if text in {"false", "0", "0.0", "no"}:
        return False
    return None


def to_id(value: Any) -> str | None:
    """Id as text, without padding; None if empty or absurdly long."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    if isinstance(value, int) and abs(value) >= 10**30:
        return None
    text = str(value).strip()
    return text if text and len(text) <= MAX_ID_LENGTH else None


def to_ids(value: Any) -> tuple[str, ...]:
    """Ids given as one value or a list of them."""
    items = value if isinstance(value, list) else [value]
    found = (to_id(item) for item in items[:20])
    return tuple(dict.fromkeys(item for item in found if item is not None))


def to_text(value: Any, limit: int = 500) -> str | None:
    """Text without padding, cut at a limit; None if there is none."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    return text[:limit] if text else None


def to_angle(ra: Any, dec: Any) -> tuple[float, float] | None:
    """Right ascension and declination if both are possible.

    Exactly (0, 0) is the sentinel for 'no position' in every stream, (-1, -1) that of IPN.
    """
    ra_deg, dec_deg = to_float(ra), to_float(dec)
    if ra_deg is None or dec_deg is None:
        return None
    if (ra_deg, dec_deg) in {(0.0, 0.0), (-1.0, -1.0)}:
        return None
    if not -360.0 <= ra_deg <= 360.0 or not -90.0 <= dec_deg <= 90.0:
        return None
    # the remainder of a tiny negative number is rounded up to 360
    turned = ra_deg % 360.0
    return (turned if turned < 360.0 else 0.0), dec_deg


def to_probabilities(value: Any) -> dict[str, float]:
    """Named probabilities; entries that are no finite number are left out."""
    if not isinstance(value, dict):
        return {}
    pairs = ((str(name)[:60], to_float(number)) for name, number in list(value.items())[:100])
    return {name: number for name, number in pairs if number is not None}


def slug(text: str) -> str:
    """Name in lower case with underscores only; 'unknown' if nothing is left."""
    return _NAME.sub("_", text.lower()).strip("_")[:40] or UNKNOWN


def far_in_hz(value: Any, unit: str | None) -> float | None:
    """False-alarm rate in Hz; None for a unit that is not known."""
    rate = to_float(value)
    if rate is None or rate < 0:
        return None
    text = (unit or "").strip().lower()
    seconds = next((s for pattern, s in _PERIODS if pattern.match(text)), None)
    return None if seconds is None else rate / seconds


_ADDRESS = re.compile(r"^(https?)://([^/\s?#@]+)(/[^\s?#]*)(\?[^\s#]*)?$", re.IGNORECASE)
_NO_MAP = (
    ".png",
    ".jpg",
    ".jpeg",
    ".gif",
    ".pdf",
    ".html",
    ".htm",
    ".txt",
    ".json",
    ".xml",
    ".php",
)


def _address(value: Any) -> re.Match[str] | None:
    text = to_text(value, 2000)
    return _ADDRESS.match(text) if text else None


def map_url(value: Any) -> str | None:
    """Address of a file from a member that is meant for maps, whatever the file is called.

    None for pictures and pages, site roots, folders and relative paths.
    """
    match = _address(value)
    if match is None:
        return None
    path = match[3].split(",")[0].lower()
    if path.endswith(("/", *_NO_MAP)):
        return None
    return f"https://{match[2]}{match[3]}{match[4] or ''}"


def fits_url(value: Any) -> str | None:
    """Address of a FITS file over https; None for pictures, bare site roots and relative paths."""
    match = _address(value)
    if match is None:
        return None
    path = match[3].split(",")[0].lower()
    if not path.endswith((".fits", ".fit", ".fits.gz", ".fit.gz")):
        return None
    return f"https://{match[2]}{match[3]}{match[4] or ''}"

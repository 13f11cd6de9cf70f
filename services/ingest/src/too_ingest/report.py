"""One JSON object per notice, for `too ingest parse`: what was read, or why it could not be."""

from datetime import datetime
from typing import Any

from too_ingest.notices import ParsedNotice, ParseError, SkymapKind, parse_notice

KEYS = (
    "mission",
    "notice_type",
    "format",
    "native_id",
    "aliases",
    "event_time",
    "notice_time",
    "time_quality",
    "ra_deg",
    "dec_deg",
    "error_region",
    "far_hz",
    "classification",
    "properties",
    "is_test",
    "is_retraction",
    "is_subthreshold",
    "skymap",
    "cites",
    "tags",
)


def _time(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    text = moment.isoformat(timespec="microseconds" if moment.microsecond else "seconds")
    return text.replace("+00:00", "Z")


def _properties(notice: ParsedNotice) -> dict[str, float]:
    """Independent probabilities; a neutrino's signalness is one of them."""
    signalness = notice.facts.signalness
    return notice.facts.properties | ({} if signalness is None else {"signalness": signalness})


def describe(notice: ParsedNotice) -> dict[str, Any]:
    """What a notice says, with null for what it does not say."""
    region = notice.region
    first = next(iter(notice.skymaps), None)
    return {
        "mission": notice.mission,
        # JSON has no names of types: what it says itself stands here, the stream is the mission's
        "notice_type": notice.printed.get("notice_type", notice.notice_type),
        "format": notice.format.value,
        "native_id": notice.native_id,
        "aliases": list(dict.fromkeys((*notice.aliases, *notice.spellings))),
        "event_time": _time(notice.event_time),
        "notice_time": _time(notice.notice_time),
        "time_quality": notice.time_quality.value if notice.time_quality else None,
        "ra_deg": notice.ra_deg,
        "dec_deg": notice.dec_deg,
        "error_region": {
            "shape": region.shape.value,
            "radius_deg": region.radius_deg,
            "containment": region.containment,
            "semi_axes_deg": list(region.semi_axes_deg) if region.semi_axes_deg else None,
            "position_angle_deg": region.position_angle_deg,
            "sigma_deg": region.sigma_deg,
            "systematic_deg": region.systematic_deg,
        },
        "far_hz": notice.facts.far_hz,
        "classification": notice.facts.classification or None,
        "properties": _properties(notice) or None,
        "is_test": notice.is_test,
        "is_retraction": notice.is_retraction,
        "is_subthreshold": notice.is_subthreshold,
        "skymap": {
            "kind": (first.kind if first else SkymapKind.NONE).value,
            "url": first.url if first else None,
        },
        "cites": list(notice.cites),
        "tags": list(notice.tags),
    }


def report(name: str, raw: bytes, topic: str | None) -> dict[str, Any]:
    """Read one notice and describe it; never raises for what the bytes hold."""
    try:
        described = describe(parse_notice(raw, topic))
    except ParseError as error:
        return failed(name, f"The notice cannot be read: {error}.")
    except Exception as error:  # noqa: BLE001 - one bad file must not end the run over the others
        return failed(name, f"Unexpected {type(error).__name__} while reading: {error}.")
    return {"file": name, "ok": True, "failure": None, **described}


def failed(name: str, reason: str) -> dict[str, Any]:
    """Report of an input that could not be read."""
    return {"file": name, "ok": False, "failure": reason, **dict.fromkeys(KEYS)}

"""The unified JSON schema of GCN (gcn-schema, core), and any JSON that follows it.

Real messages lag the schema, so nothing is rejected for not fitting it: absent values have the
schema's defaults, odd ones are left out.
"""

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Any

from too_common.contracts.ingest import AlertKind, EventFacts, EventKind

from too_ingest.notices.model import (
    ErrorRegion,
    NoticeFormat,
    ParsedNotice,
    RegionShape,
    SkymapKind,
    SkymapSource,
    TimeQuality,
)
from too_ingest.notices.parser import Document
from too_ingest.notices.times import parse_iso
from too_ingest.notices.values import (
    map_url,
    to_angle,
    to_flag,
    to_float,
    to_ids,
    to_int,
    to_probabilities,
    to_text,
)

DEFAULT_CONTAINMENT = 0.9
"""What the schema says of an absent containment_probability."""
ALERT_KINDS = {
    "initial": AlertKind.INITIAL,
    "subsequent": AlertKind.SUBSEQUENT,
    "update": AlertKind.UPDATE,
    "retraction": AlertKind.RETRACTION,
}
TEST_TENSES = frozenset({"test", "injection", "injections"})
MESSENGERS = {
    "gw": EventKind.GW,
    "gravitational wave": EventKind.GW,
    "neutrino": EventKind.NEUTRINO,
}
"""Kind of event by the member ``messenger``, where the stream does not tell."""
_EXTRA = (
    "pipeline",
    "instrument",
    "rate_snr",
    "image_snr",
    "snr",
    "net_count_rate",
    "dm",
    "dm_error",
    "known_source",
    "follow_up_event",
    "follow_up_type",
    "importance",
    "luminosity_distance",
    "n_events",
    "flux",
    "flux_error",
    "subtype",
    "duration_class",
    "alert_topology",
    "update_message",
    "description",
    "additional_info",
    "pval_generic",
    "pval_bayesian",
    "event_name",
    "target_name",
    "redshift",
)

Refine = Callable[[Document, ParsedNotice], ParsedNotice]


def unchanged(document: Document, notice: ParsedNotice) -> ParsedNotice:
    """Refine nothing."""
    del document
    return notice


def _from_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def decode_map(value: Any) -> bytes | None:
    """Decode an embedded base64 map; placeholders and damaged text give None."""
    if not isinstance(value, str) or len(value) < 200:
        return None
    data = _from_base64(value)
    if data is None:
        # with line breaks, as mail and some JSON writers put them
        data = _from_base64("".join(value.split()))
    if data is None:
        return None
    return data if data.startswith((b"SIMPLE  =", b"\x1f\x8b")) else None


def read_region(members: dict[str, Any]) -> ErrorRegion:
    """Error region: a number (circle), a list (ellipse), four corners, or none."""
    containment = to_float(members.get("containment_probability"))
    if containment is None or not 0 < containment <= 1:
        containment = DEFAULT_CONTAINMENT
    systematic = to_flag(members.get("systematic_included")) or False
    note = "as stated" if "containment_probability" in members else "90 % by the schema's default"
    shared = {"containment": containment, "systematic_included": systematic, "note": note}
    corners = members.get("rectangular_error_corners")
    if isinstance(corners, list) and len(corners) == 4:
        places = [to_angle(*c) for c in corners if isinstance(c, list) and len(c) == 2]
        found = tuple(place for place in places if place is not None)
        if len(found) == 4:
            return ErrorRegion(shape=RegionShape.RECTANGLE, corners_deg=found, **shared)
    value = _stated_error(members)
    numbers = [to_float(item) for item in (value if isinstance(value, list) else [value])[:3]]
    axes = [number for number in numbers if number is not None]
    if len(axes) != len(numbers) or not axes or any(not 0 < axis < 180 for axis in axes[:2]):
        return ErrorRegion()
    if len(axes) == 1:
        return ErrorRegion(shape=RegionShape.CIRCLE, radius_deg=axes[0], **shared)
    return ErrorRegion(
        shape=RegionShape.ELLIPSE,
        semi_axes_deg=(axes[0], axes[1]),
        position_angle_deg=axes[2] if len(axes) == 3 else None,
        **shared,
    )


def _stated_error(members: dict[str, Any]) -> Any:
    """The error as stated, under the schema's name or those of its earlier versions."""
    if members.get("ra_dec_error") is not None:
        return members["ra_dec_error"]
    if isinstance(members.get("error"), dict):
        return members["error"].get("radius")
    if members.get("position_a_error") is not None:
        names = ("position_a_error", "position_b_error", "position_error_pa")
        stated = [members[name] for name in names if members.get(name) is not None]
        return stated if len(stated) > 1 else stated[0]
    return members.get("ra_uncertainty")


def read_classes(value: Any) -> dict[str, float]:
    """Named probabilities, as one object or as a list of objects."""
    if isinstance(value, list):
        parts = [to_probabilities(part) for part in value[:50]]
        return {name: number for part in parts for name, number in part.items()}
    return to_probabilities(value)


def read_skymaps(members: dict[str, Any]) -> tuple[tuple[SkymapSource, ...], tuple[str, ...]]:
    """Embedded map first, else address; and tags about what could not be used."""
    maps: list[SkymapSource] = []
    tags: list[str] = []
    embedded = members.get("healpix_file")
    if embedded is not None:
        data = decode_map(embedded)
        if data is None:
            tags.append("embedded map unreadable")
        else:
            maps.append(SkymapSource(kind=SkymapKind.EMBEDDED, data=data, size_bytes=len(data)))
    address = map_url(members.get("healpix_url"))
    if address and not maps:
        maps.append(SkymapSource(kind=SkymapKind.URL, url=address))
    return tuple(maps), tuple(tags)


def _links(members: dict[str, Any]) -> dict[str, str]:
    names = ("data_archive_page", "light_curve_url", "mission_page", "url", "lightcurve_url")
    return {
        name: text
        for name in names
        if (text := to_text(members.get(name))) and text.startswith(("https://", "http://"))
    }


def _cites(members: dict[str, Any]) -> tuple[str, ...]:
    cites: list[str] = []
    if (text := to_text(members.get("follow_up_event"))) is not None:
        cites.append(f"followup {text}")
    instrument = to_text(members.get("ref_instrument")) or ""
    cites.extend(
        f"followup {instrument} {i}".replace("  ", " ") for i in to_ids(members.get("ref_ID"))
    )
    reference = members.get("reference")
    if isinstance(reference, dict):
        cites.extend(f"followup {name} {text}" for name, text in list(reference.items())[:10])
    return tuple(cites)


def read_facts(members: dict[str, Any], region: ErrorRegion) -> EventFacts:
    """Facts under the schema's names."""
    place = to_angle(members.get("ra"), members.get("dec"))
    extra = {
        name: value
        for name in _EXTRA
        if isinstance(value := members.get(name), str | int | float) and value != ""
    }
    instrument = to_text(members.get("instrument"))
    return EventFacts(
        far_hz=to_float(members.get("far")),
        pipeline=to_text(members.get("pipeline")),
        instruments=(instrument,) if instrument else (),
        classification=read_classes(members.get("classification")),
        properties=read_classes(members.get("properties")),
        p_astro=to_float(members.get("p_astro")),
        ra_deg=place[0] if place else None,
        dec_deg=place[1] if place else None,
        error_radius_deg=region.radius_deg if place else None,
        containment=region.containment if place else None,
        duration_s=to_float(members.get("rate_duration")),
        significance_sigma=to_float(members.get("rate_snr")) or to_float(members.get("snr")),
        links=_links(members),
        extra=extra,
    )


def printed_type(members: dict[str, Any]) -> str:
    """What tells one kind of notice from another in the schema, as stated: number and type."""
    number = to_int(members.get("record_number"))
    kind = to_text(members.get("alert_type"), 60) or ""
    return f"record_number={'' if number is None else number} alert_type={kind}"


def unified_notice(
    document: Document, *, mission: str, event_kind: EventKind, topic: str | None
) -> ParsedNotice:
    """Read what the core of the schema defines."""
    members = document.json or {}
    kind_text = (to_text(members.get("alert_type")) or "initial").lower()
    alert_kind = ALERT_KINDS.get(kind_text, AlertKind.INITIAL)
    tense = (to_text(members.get("alert_tense")) or "current").lower()
    ids = to_ids(members.get("id"))
    stream = document.schema_path.replace("/", ".")
    if not stream and topic and topic.startswith("gcn.notices."):
        stream = topic.removeprefix("gcn.notices.")
    event_time = parse_iso(members.get("trigger_time")) or parse_iso(
        members.get("observation_start")
    )
    quality: TimeQuality | None = None
    if event_time is not None:
        stated = parse_iso(members.get("trigger_time")) is not None
        quality = TimeQuality.STATED if stated else TimeQuality.OBSERVATION_START
    place = to_angle(members.get("ra"), members.get("dec"))
    region = read_region(members) if place else ErrorRegion()
    skymaps, map_tags = read_skymaps(members)
    of_tests = "/test/" in f"/{document.schema_path}/" or ".test." in f"{topic or ''}."
    is_test = tense in TEST_TENSES or of_tests or (to_flag(members.get("is_test")) or False)
    notice_time = parse_iso(members.get("alert_datetime"))
    return ParsedNotice(
        mission=mission,
        notice_type=f"{stream or mission} {kind_text}"[:120],
        format=NoticeFormat.JSON,
        native_id=ids[0] if ids else None,
        aliases=ids[1:],
        kind=event_kind,
        alert_kind=alert_kind,
        sequence=to_int(members.get("record_number")),
        is_ordered=to_int(members.get("record_number")) is not None,
        event_time=event_time,
        event_time_raw=to_text(members.get("trigger_time"))
        or to_text(members.get("observation_start")),
        time_quality=quality,
        notice_time=notice_time,
        notice_time_raw=to_text(members.get("alert_datetime")),
        ra_deg=place[0] if place else None,
        dec_deg=place[1] if place else None,
        region=region,
        facts=read_facts(members, region),
        printed={"notice_type": printed_type(members)}
        | {
            name: text[:100]
            for name in ("ra", "dec", "ra_dec_error", "containment_probability", "far")
            if members.get(name) is not None and (text := str(members[name]))
        },
        is_test=is_test,
        is_retraction=alert_kind is AlertKind.RETRACTION,
        is_current=tense == "current",
        skymaps=skymaps,
        cites=_cites(members),
        tags=map_tags if tense == "current" else (*map_tags, tense[:40]),
    )


class UnifiedParser:
    """A family of notices in the unified schema.

    Parameters
    ----------
    name
        Mission.
    streams
        Beginnings of the schema's path, e.g. ``fermi/gbm``.
    missions
        Pairs of ``mission`` and ``instrument`` members (lower case, '' for any) that also tell.
    """

    def __init__(
        self,
        name: str,
        *,
        event_kind: EventKind,
        streams: tuple[str, ...],
        topics: Iterable[str],
        missions: tuple[tuple[str, str], ...] = (),
        refine: Refine = unchanged,
    ) -> None:
        self._name = name
        self._event_kind = event_kind
        self._streams = streams
        self._topics = frozenset(topics)
        self._missions = missions
        self._refine = refine

    @property
    def name(self) -> str:
        """Mission."""
        return self._name

    @property
    def topics(self) -> frozenset[str]:
        """Exact topics."""
        return self._topics

    def accepts(self, document: Document) -> bool:
        """By the schema's path; where there is none, by mission and instrument."""
        if document.json is None or document.packet is not None:
            return False
        path = document.schema_path
        if path:
            return any(path == s or path.startswith(f"{s}/") for s in self._streams)
        mission = str(document.json.get("mission", "")).lower().replace(" ", "_")
        instrument = str(document.json.get("instrument", "")).lower()
        return any(mission == m and (not i or instrument.startswith(i)) for m, i in self._missions)

    def parse(self, document: Document, topic: str | None) -> ParsedNotice:
        """Read the core, then what the mission adds."""
        notice = unified_notice(
            document, mission=self._name, event_kind=self._event_kind, topic=topic
        )
        return self._refine(document, notice)

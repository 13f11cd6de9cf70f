"""LIGO, Virgo and KAGRA: igwn.gwalert JSON, and the LVC VOEvents of the runs until July 2026."""

import re
from typing import Any

from too_common.contracts.ingest import AlertKind, EventFacts, EventKind

from too_ingest.notices.classic import stated_circle
from too_ingest.notices.conventions import convention
from too_ingest.notices.model import (
    ErrorRegion,
    NoticeFormat,
    ParsedNotice,
    ParseError,
    SkymapKind,
    SkymapSource,
    TimeQuality,
)
from too_ingest.notices.parser import Document
from too_ingest.notices.times import parse_iso
from too_ingest.notices.unified import decode_map
from too_ingest.notices.values import (
    far_in_hz,
    fits_url,
    to_angle,
    to_flag,
    to_float,
    to_id,
    to_int,
    to_probabilities,
    to_text,
)
from too_ingest.notices.voevent import Packet

ALERT_KINDS = {
    "earlywarning": AlertKind.EARLY_WARNING,
    "preliminary": AlertKind.PRELIMINARY,
    "initial": AlertKind.INITIAL,
    "update": AlertKind.UPDATE,
    "retraction": AlertKind.RETRACTION,
}
PACKET_TYPES = {
    150: "PRELIMINARY",
    151: "INITIAL",
    152: "UPDATE",
    153: "TEST",
    163: "EARLY_WARNING",
    154: "COUNTERPART",
    164: "RETRACTION",
}
VOEVENT_NAMES = {
    AlertKind.EARLY_WARNING: "EARLY_WARNING",
    AlertKind.PRELIMINARY: "PRELIMINARY",
    AlertKind.INITIAL: "INITIAL",
    AlertKind.UPDATE: "UPDATE",
    AlertKind.RETRACTION: "RETRACTION",
}
SUPEREVENT = re.compile(r"^(M|T)?S\d{6}[a-z]+$")
TERRESTRIAL = ("Terrestrial", "Noise")
COUNTERPART = "COUNTERPART"
OLD_MAP = "SKYMAP_URL_FITS_BASIC"
"""Name of the map's Param until the second run."""
COMBINED = "combined"
"""Label of a map made together with another observatory."""


def is_mock(superevent_id: str) -> bool:
    """Mocks and tests are told by their id; a JSON retraction has nothing else that would tell."""
    return superevent_id[:1] in {"M", "T"}


def p_astro(classification: dict[str, float]) -> float | None:
    """Probability of being astrophysical: 1 - Terrestrial."""
    for name in TERRESTRIAL:
        if name in classification:
            return max(0.0, 1.0 - classification[name])
    return None


def significance_tags(facts: EventFacts) -> tuple[str, ...]:
    """Tag of what LVK does not call significant: preliminary notices only, up to two a day."""
    return ("low significance",) if facts.significant is False else ()


def class_tags(classification: dict[str, float], *, group: str | None) -> tuple[str, ...]:
    """Tag of the most probable class; Terrestrial only if above one half; ties give all."""
    if not classification:
        return (group.lower(),) if group else ()
    terrestrial = next((n for n in TERRESTRIAL if classification.get(n, 0.0) > 0.5), None)
    if terrestrial:
        return (terrestrial,)
    classes = {name: p for name, p in classification.items() if name not in TERRESTRIAL}
    best = max(classes.values(), default=0.0)
    return tuple(sorted(name for name, p in classes.items() if p == best and best > 0))


class IgwnParser:
    """``igwn.gwalert`` JSON (schema 1.3; older ones lack members that are optional here)."""

    name = "lvk"
    topics = frozenset({"igwn.gwalert"})

    def accepts(self, document: Document) -> bool:
        """A superevent id and an alert type."""
        members = document.json
        return members is not None and "superevent_id" in members and "alert_type" in members

    def parse(self, document: Document, topic: str | None) -> ParsedNotice:
        """Read one alert."""
        del topic
        members = document.json or {}
        superevent_id = to_id(members.get("superevent_id"))
        if superevent_id is None:
            raise ParseError("igwn.gwalert without a superevent_id")
        kind_text = (to_text(members.get("alert_type")) or "").upper()
        if not kind_text:
            raise ParseError("igwn.gwalert without an alert_type")
        known = ALERT_KINDS.get(kind_text.lower().replace("_", "").replace(" ", ""))
        # a type that a later run brings is stored and shown, not refused
        kind = known or AlertKind.UPDATE
        event = members.get("event")
        event = event if isinstance(event, dict) else {}
        coincidence = members.get("external_coinc")
        coincidence = coincidence if isinstance(coincidence, dict) else {}
        facts = _json_facts(members, event, coincidence)
        maps, tags = _json_maps(event, coincidence)
        event_time = parse_iso(event.get("time"))
        search = facts.search or ""
        return ParsedNotice(
            mission=self.name,
            notice_type=f"igwn.gwalert {kind_text[:60]}",
            printed={"notice_type": kind_text[:60]},
            format=NoticeFormat.JSON,
            native_id=superevent_id,
            kind=EventKind.GW,
            alert_kind=kind,
            event_time=event_time,
            event_time_raw=to_text(event.get("time")),
            time_quality=TimeQuality.STATED if event_time else None,
            notice_time=parse_iso(members.get("time_created")),
            notice_time_raw=to_text(members.get("time_created")),
            facts=facts,
            is_test=is_mock(superevent_id) or search.upper() == "MDC",
            is_retraction=kind is AlertKind.RETRACTION,
            skymaps=maps,
            cites=_cites(coincidence),
            tags=(
                *class_tags(facts.classification, group=facts.group),
                *significance_tags(facts),
                *tags,
                *(() if known else ("unknown alert type",)),
            ),
        )


def _json_facts(
    members: dict[str, Any], event: dict[str, Any], coincidence: dict[str, Any]
) -> EventFacts:
    classification = to_probabilities(event.get("classification"))
    instruments = event.get("instruments")
    urls = members.get("urls")
    extra: dict[str, Any] = {}
    for name in ("central_frequency",):
        if (number := to_float(event.get(name))) is not None:
            extra[f"{name}_hz"] = number
    if isinstance(chirp := event.get("mchirp_source"), dict):
        extra["mchirp_source"] = {
            name: [to_float(x) for x in values[:200]]
            for name in ("bin_edges", "probabilities")
            if isinstance(values := chirp.get(name), list)
        }
    if coincidence:
        extra["external_coincidence"] = {
            name: value
            for name, value in coincidence.items()
            if name != "combined_skymap" and isinstance(value, str | int | float)
        }
    return EventFacts(
        far_hz=to_float(event.get("far")),
        significant=to_flag(event.get("significant")),
        group=to_text(event.get("group")),
        pipeline=to_text(event.get("pipeline")),
        search=to_text(event.get("search")),
        instruments=tuple(str(i)[:20] for i in instruments[:20])
        if isinstance(instruments, list)
        else (),
        classification=classification,
        properties=to_probabilities(event.get("properties")),
        p_astro=p_astro(classification),
        duration_s=to_float(event.get("duration")),
        links={
            str(name)[:60]: text
            for name, value in (urls.items() if isinstance(urls, dict) else ())
            if (text := to_text(value)) and text.startswith(("https://", "http://"))
        },
        extra=extra,
    )


def _json_maps(
    event: dict[str, Any], coincidence: dict[str, Any]
) -> tuple[tuple[SkymapSource, ...], tuple[str, ...]]:
    maps: list[SkymapSource] = []
    tags: list[str] = []
    for value, label in ((event.get("skymap"), ""), (coincidence.get("combined_skymap"), COMBINED)):
        if value is None:
            continue
        data = decode_map(value)
        if data is None:
            tags.append(f"{label} embedded map unreadable".strip())
        else:
            source = SkymapSource(
                kind=SkymapKind.EMBEDDED, label=label, data=data, size_bytes=len(data)
            )
            maps.append(source)
    if coincidence:
        tags.append("external coincidence")
    return tuple(maps), tuple(tags)


def _cites(coincidence: dict[str, Any]) -> tuple[str, ...]:
    ivorn = to_text(coincidence.get("ivorn"))
    notice_id = to_id(coincidence.get("gcn_notice_id"))
    return tuple(f"coincidence {text}" for text in (ivorn, notice_id) if text)


class LvcVoeventParser:
    """LVC VOEvents: no longer sent, read for replays of history."""

    name = "lvk"
    topics = frozenset(f"gcn.classic.voevent.LVC_{name}" for name in PACKET_TYPES.values())

    def accepts(self, document: Document) -> bool:
        """By the superevent id, which no other packet has."""
        packet = document.packet
        return packet is not None and packet.find("GraceID") is not None

    def parse(self, document: Document, topic: str | None) -> ParsedNotice:
        """Read one packet."""
        del topic
        packet = document.packet
        superevent_id = to_id(packet.value("GraceID")) if packet else None
        if packet is None or superevent_id is None:
            raise ParseError("LVC packet without a GraceID")
        kind = self._kind(packet)
        name = VOEVENT_NAMES.get(kind, "UPDATE")
        by_type = PACKET_TYPES.get(to_int(packet.value("Packet_Type")) or 0)
        if by_type in {"TEST", COUNTERPART}:
            name = by_type
        place = to_angle(packet.c1, packet.c2) if name == COUNTERPART else None
        region = (
            stated_circle(to_float(packet.radius), convention("LVC_COUNTERPART"))
            if place
            else ErrorRegion()
        )
        facts = _voevent_facts(packet)
        maps, tags = _voevent_maps(packet)
        event_time, notice_time = parse_iso(packet.iso_time), parse_iso(packet.date)
        retraction = kind is AlertKind.RETRACTION
        return ParsedNotice(
            mission=self.name,
            notice_type=f"LVC_{name}",
            format=packet.format,
            native_id=superevent_id,
            kind=EventKind.GW,
            alert_kind=kind,
            sequence=to_int(packet.value("Pkt_Ser_Num")),
            is_ordered=True,
            event_time=event_time,
            event_time_raw=packet.iso_time,
            time_quality=TimeQuality.STATED if event_time else None,
            notice_time=notice_time,
            notice_time_raw=packet.date,
            ra_deg=place[0] if place else None,
            dec_deg=place[1] if place else None,
            region=region,
            is_supplement=by_type == COUNTERPART,
            facts=facts,
            is_test=is_mock(superevent_id)
            or by_type == "TEST"
            or (facts.search or "").upper() == "MDC"
            or packet.role.lower() == "test"
            or to_flag(packet.value("HardwareInj")) is True,
            is_retraction=retraction,
            skymaps=() if retraction else maps,
            cites=tuple(f"{cite} {ivorn}".strip() for cite, ivorn in packet.cites),
            tags=(
                *class_tags(facts.classification, group=facts.group),
                *significance_tags(facts),
                *tags,
                *(("counterpart candidate",) if name == COUNTERPART else ()),
            ),
        )

    @staticmethod
    def _kind(packet: Packet) -> AlertKind:
        text = (packet.value("AlertType") or "").lower().replace("_", "").replace(" ", "")
        by_type = PACKET_TYPES.get(to_int(packet.value("Packet_Type")) or 0, "UPDATE")
        return ALERT_KINDS.get(text) or ALERT_KINDS.get(
            by_type.lower().replace("_", ""), AlertKind.UPDATE
        )


def _voevent_facts(packet: Packet) -> EventFacts:
    classification = to_probabilities(packet.group("Classification"))
    if not classification:
        # before O3's groups stood in use, the classes were plain Params
        names = ("BNS", "NSBH", "BBH", "MassGap", "Terrestrial")
        classification = {n: p for n in names if (p := packet.number(n)) is not None}
    properties = to_probabilities(packet.group("Properties"))
    if not properties:
        flags = ("HasNS", "HasRemnant", "HasMassGap", "HasSSM")
        # ProbHasNS in the second run
        stated = {n: n if packet.find(n) else f"Prob{n}" for n in flags}
        properties = {n: p for n, m in stated.items() if (p := packet.number(m)) is not None}
    far = packet.find("FAR")
    coincidence = packet.group("External Coincidence")
    links = {}
    if (page := packet.value("EventPage")) and page.startswith(("https://", "http://")):
        links["gracedb"] = page
    extra: dict[str, Any] = {}
    if coincidence:
        extra["external_coincidence"] = coincidence
    return EventFacts(
        far_hz=far_in_hz(far.value, far.unit or "Hz") if far else None,
        significant=to_flag(packet.value("Significant")),
        group=packet.value("Group"),
        pipeline=packet.value("Pipeline"),
        search=packet.value("Search"),
        instruments=tuple(
            part.strip() for part in (packet.value("Instruments") or "").split(",") if part.strip()
        ),
        classification=classification,
        properties=properties,
        p_astro=p_astro(classification),
        links=links,
        extra=extra,
    )


def _voevent_maps(packet: Packet) -> tuple[tuple[SkymapSource, ...], tuple[str, ...]]:
    maps: list[SkymapSource] = []
    tags: list[str] = []
    for name, label in (("skymap_fits", ""), ("joint_skymap_fits", COMBINED)):
        stated = packet.value(name) or (packet.value(OLD_MAP) if not label else None)
        if stated is None:
            continue
        address = fits_url(stated)
        if address is None:
            tags.append("map address unusable")
        else:
            maps.append(SkymapSource(kind=SkymapKind.URL, label=label, url=address))
    if packet.group("External Coincidence"):
        tags.append("external coincidence")
    return tuple(maps), tuple(tags)


JSON = IgwnParser()
VOEVENT = LvcVoeventParser()

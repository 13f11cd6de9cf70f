"""VOEvents in the dialect of GCN Classic: what all missions share.

A mission's file lists its packet types and refines what its packets say in their own way; the
meaning of each type's error radius stands in `conventions`.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from too_common.contracts.ingest import AlertKind, EventFacts, EventKind

from too_ingest.notices.conventions import Convention, convention
from too_ingest.notices.model import (
    ErrorRegion,
    ParsedNotice,
    RegionShape,
    SkymapKind,
    SkymapSource,
    TimeQuality,
)
from too_ingest.notices.packet_types import HOUSEKEEPING, NAMES, SUPPLEMENTS
from too_ingest.notices.parser import Document
from too_ingest.notices.times import AGREEMENT, choose_event_time, from_met, from_tjd, parse_iso
from too_ingest.notices.values import (
    far_in_hz,
    fits_url,
    to_angle,
    to_flag,
    to_float,
    to_id,
    to_int,
)
from too_ingest.notices.voevent import Packet

TOPIC_PREFIX = "gcn.classic.voevent."
ID_PARAMS = ("TrigID", "Trans_Num", "Trigger_Number", "Event_ID")
"""Where the mission's own number stands, most specific first."""
TEST_FLAGS = ("Test_Submission", "Test", "Test_Notice", "TEST_Event", "InternalTest")
RETRACTION = "Retraction"
_NOT_AN_EVENT = re.compile(r"^def(?:initely)?_not_", re.IGNORECASE)
"""``Def_NOT_a_GRB`` and its like: the mission takes the event back."""
GCN_AUTHOR = "ivo://nasa.gsfc."
INT32_LIMIT = "2147483647"
"""Number of an event whose true number did not fit."""
_DAY_PREFIXES = ("burst", "event", "trans", "trigger", "detection", "outburst")
_MAP_NAME = re.compile(r"sky_?map|healpix", re.IGNORECASE)
_LINKS = re.compile(r"^https?://[^\s]+$")


@dataclass(frozen=True, slots=True)
class ClassicType:
    """One packet type of GCN Classic.

    Parameters
    ----------
    stage
        Precision of the localization within the mission.
    stream
        Name under which `conventions` knows its radius; empty: the type's own.
    observation_start
        True if its time is the start of an observation, not the event's.
    """

    number: int | None
    name: str
    alert_kind: AlertKind = AlertKind.INITIAL
    stage: int = 0
    stream: str = ""
    observation_start: bool = False
    is_test: bool = False
    is_subthreshold: bool = False

    @property
    def convention(self) -> Convention:
        """What its error radius means."""
        return convention(self.stream or self.name)


Refine = Callable[[Packet, ClassicType, ParsedNotice], ParsedNotice]


def unchanged(packet: Packet, kind: ClassicType, notice: ParsedNotice) -> ParsedNotice:
    """Refine nothing."""
    del packet, kind
    return notice


def packet_type(packet: Packet) -> int | None:
    """Number of the packet type."""
    return to_int(packet.value("Packet_Type"))


def days_and_seconds(packet: Packet) -> tuple[tuple[float | None, float | None], ...]:
    """Pairs of truncated Julian day and second of day, that of the event first.

    Several pairs may stand in one packet: of the burst, of an image, of a light curve.
    """
    days = {p.name.lower(): p.value for p in packet.params if p.name.lower().endswith("_tjd")}
    prefixes = [name.removesuffix("_tjd") for name in days]
    ordered = [p for p in _DAY_PREFIXES if p in prefixes]
    ordered += [p for p in prefixes if p not in ordered]
    pairs = [(to_float(days[f"{p}_tjd"]), packet.number(f"{p}_SOD")) for p in ordered]
    if packet.find("EVENT_DATE") is not None and packet.find("EVENT_TIME") is not None:
        pairs.append((packet.number("EVENT_DATE"), packet.number("EVENT_TIME")))
    return tuple(pairs[:10])


def _other_time(packet: Packet, iso: datetime | None) -> datetime | None:
    """Time by day and second of day: the pair that agrees with the time element, else the first."""
    times = [moment for pair in days_and_seconds(packet) if (moment := from_tjd(*pair)) is not None]
    agreeing = (t for t in times if iso is not None and abs(t - iso) <= AGREEMENT)
    return next(agreeing, times[0] if times else None)


def position(packet: Packet) -> tuple[float, float] | None:
    """Position of the source, if the packet has one that is not a sentinel or a pointing."""
    coords_type = to_int(packet.value("Coords_Type"))
    if coords_type is not None and coords_type != 1:
        return None
    radius = to_float(packet.radius)
    if radius is not None and radius >= 180.0:
        return None
    return to_angle(packet.c1, packet.c2)


def circle(packet: Packet, kind: ClassicType) -> ErrorRegion:
    """Error circle; a radius of zero or less is no region, never a point."""
    return stated_circle(to_float(packet.radius), kind.convention)


def stated_circle(radius_deg: float | None, meaning: Convention) -> ErrorRegion:
    """Circle of a stated radius with the meaning that its stream gives it."""
    if radius_deg is None or radius_deg <= 0 or radius_deg >= 180.0:
        return ErrorRegion(note=meaning.source)
    return ErrorRegion(
        shape=RegionShape.CIRCLE,
        radius_deg=radius_deg,
        containment=meaning.containment,
        systematic_included=meaning.systematic_included,
        systematic_deg=meaning.systematic_deg,
        note=meaning.source,
    )


def is_role_test(packet: Packet) -> bool:
    """Tell whether the packet's role says 'test'."""
    return packet.role.lower() == "test"


def says_retracted(packet: Packet) -> bool:
    """Tell whether a flag or a citation takes the event back."""
    return (
        packet.any_flag(RETRACTION)
        or any(to_flag(p.value) for p in packet.params if _NOT_AN_EVENT.match(p.name))
        or any(cite.strip().lower() == "retraction" for cite, _ in packet.cites)
    )


def links(packet: Packet) -> dict[str, str]:
    """Addresses in Params, by the Param's name."""
    found = {
        p.name: p.value.strip()
        for p in packet.params
        if _LINKS.match(p.value.strip()) and "not.yet.available" not in p.value
    }
    return dict(list(found.items())[:30])


def named_maps(packet: Packet) -> tuple[SkymapSource, ...]:
    """The first FITS file that a Param calls a sky map; pictures and placeholders are none."""
    for param in packet.params:
        if _MAP_NAME.search(param.name) and (address := fits_url(param.value)) is not None:
            return (SkymapSource(kind=SkymapKind.URL, url=address),)
    return ()


def printed(packet: Packet) -> dict[str, str]:
    """Position, error and rate as the packet prints them, sentinels and blanks included."""
    far = packet.find("FAR")
    stated = {
        "ra": packet.c1,
        "dec": packet.c2,
        "error_radius": packet.radius,
        "far": f"{far.value} {far.unit}".strip() if far else None,
    }
    return {name: text[:100] for name, text in stated.items() if text}


def facts_of(
    packet: Packet, place: tuple[float, float] | None, region: ErrorRegion, rate_unit: str
) -> EventFacts:
    """Facts that any classic packet may hold."""
    far = packet.find("FAR")
    significance = next(
        (
            number
            for name in ("Trig_Signif", "Data_Signif", "Burst_Signif", "Image_Signif", "Det_Signif")
            if (number := packet.number(name))
        ),
        None,
    )
    return EventFacts(
        far_hz=far_in_hz(far.value, far.unit.strip() or rate_unit) if far else None,
        ra_deg=place[0] if place else None,
        dec_deg=place[1] if place else None,
        error_radius_deg=region.radius_deg if place else None,
        containment=region.containment if place else None,
        significance_sigma=significance,
        links=links(packet),
    )


def classic_notice(
    packet: Packet,
    kind: ClassicType,
    *,
    mission: str,
    event_kind: EventKind,
    met: bool = False,
    rate_unit: str = "",
) -> ParsedNotice:
    """Read what is common to all packets of GCN Classic.

    Parameters
    ----------
    rate_unit
        Unit of a false-alarm rate without one (empty: Hz).
    """
    native_id = next((i for name in ID_PARAMS if (i := to_id(packet.value(name)))), None)
    notice_time = parse_iso(packet.date)
    iso = parse_iso(packet.iso_time)
    event_time, quality = choose_event_time(
        iso,
        _other_time(packet, iso),
        from_met(to_int(native_id)) if met else None,
        notice_time,
    )
    if kind.observation_start and quality in {TimeQuality.STATED, TimeQuality.TJD_SOD}:
        quality = TimeQuality.OBSERVATION_START
    is_test = (
        kind.is_test or is_role_test(packet) or any(packet.any_flag(name) for name in TEST_FLAGS)
    )
    place = position(packet)
    region = circle(packet, kind) if place else ErrorRegion()
    is_retraction = says_retracted(packet)
    qualifier = None
    if event_time is not None and (is_test or native_id in {INT32_LIMIT, "-1", "0"}):
        qualifier = event_time.strftime("%Y%m%dT%H%M%S")
    return ParsedNotice(
        mission=mission,
        notice_type=kind.name,
        format=packet.format,
        native_id=native_id,
        id_qualifier=qualifier,
        kind=event_kind,
        alert_kind=AlertKind.RETRACTION if is_retraction else kind.alert_kind,
        sequence=next(
            (
                number
                for name in ("Rev", "Sequence_Num", "Pkt_Ser_Num")
                if (number := to_int(packet.value(name))) is not None
            ),
            None,
        ),
        stage=kind.stage,
        event_time=event_time,
        event_time_raw=packet.iso_time,
        time_quality=quality,
        notice_time=notice_time,
        notice_time_raw=packet.date,
        ra_deg=place[0] if place else None,
        dec_deg=place[1] if place else None,
        region=region,
        facts=facts_of(packet, place, region, rate_unit),
        printed=printed(packet),
        is_test=is_test,
        is_retraction=is_retraction,
        is_subthreshold=kind.is_subthreshold,
        is_housekeeping=kind.name in HOUSEKEEPING,
        is_supplement=kind.name in SUPPLEMENTS,
        cites=tuple(f"{cite} {ivorn}".strip() for cite, ivorn in packet.cites),
    )


class ClassicParser:
    """A family of GCN Classic VOEvents.

    Parameters
    ----------
    name
        Mission.
    types
        Its packet types.
    streams
        Streams of its ivorns, e.g. ``nasa.gsfc.gcn/Fermi``.
    local_prefixes
        How the rest of the ivorn begins where two missions share a stream.
    met
        True if ids are Fermi's mission elapsed time.
    rate_unit
        Unit of a false-alarm rate that is printed without one (empty: Hz).
    """

    def __init__(
        self,
        name: str,
        types: Iterable[ClassicType],
        *,
        event_kind: EventKind,
        streams: tuple[str, ...],
        local_prefixes: tuple[str, ...] = ("",),
        refine: Refine = unchanged,
        met: bool = False,
        rate_unit: str = "",
        topics: Iterable[str] = (),
    ) -> None:
        self._name = name
        self._types = tuple(types)
        self._by_number = {t.number: t for t in self._types if t.number is not None}
        self._by_topic = {TOPIC_PREFIX + t.name: t for t in self._types}
        self._topics = frozenset(self._by_topic) | frozenset(topics)
        self._streams = tuple(s.lower() for s in streams)
        self._local_prefixes = tuple(p.lower() for p in local_prefixes)
        self._event_kind = event_kind
        self._refine = refine
        self._met = met
        self._rate_unit = rate_unit

    @property
    def name(self) -> str:
        """Mission."""
        return self._name

    @property
    def topics(self) -> frozenset[str]:
        """Exact topics."""
        return self._topics

    @property
    def types(self) -> tuple[ClassicType, ...]:
        """Its packet types."""
        return self._types

    @property
    def event_kind(self) -> EventKind:
        """Kind of event."""
        return self._event_kind

    def accepts(self, document: Document) -> bool:
        """By ivorn, or by packet type if GCN is the author: a stranger may count otherwise."""
        packet = document.packet
        if packet is None:
            return False
        listed = packet_type(packet) in self._by_number
        if packet.stream.lower() not in self._streams:
            return listed and packet.author.lower().startswith(GCN_AUTHOR)
        return listed or packet.local_id.lower().startswith(self._local_prefixes)

    def parse(self, document: Document, topic: str | None) -> ParsedNotice:
        """Read a packet; a type that is not listed gets the family's bare reading."""
        packet = document.packet
        if packet is None:
            raise TypeError("a classic parser was given no packet")
        kind = self._by_number.get(packet_type(packet) or -1)
        if kind is None:
            kind = self._by_topic.get(topic or "")
        if kind is None:
            kind = ClassicType(packet_type(packet), self._bare_name(packet))
        return self.read(packet, kind)

    def read(self, packet: Packet, kind: ClassicType) -> ParsedNotice:
        """Read a packet as one of a type."""
        notice = classic_notice(
            packet,
            kind,
            mission=self._name,
            event_kind=self._event_kind,
            met=self._met,
            rate_unit=self._rate_unit,
        )
        notice = self._refine(packet, kind, notice)
        if not notice.is_supplement:
            return notice
        return notice.model_copy(update={"facts": with_facts(notice, ra_deg=None, dec_deg=None)})

    def _bare_name(self, packet: Packet) -> str:
        number = packet_type(packet)
        if number is not None:
            return NAMES.get(number) or f"{self._name.upper()} packet type {number}"
        head = re.match(r"[A-Za-z_]+", packet.local_id)
        return head[0].strip("_") if head else self._name.upper()


def with_facts(notice: ParsedNotice, **changes: object) -> EventFacts:
    """Facts of a notice with other values."""
    return notice.facts.model_copy(update=changes)

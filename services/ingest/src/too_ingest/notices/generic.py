"""Notices of missions that nobody has told us about: stored and shown, not refused."""

import re

from too_common.contracts.ingest import EventKind

from too_ingest.notices.classic import (
    GCN_AUTHOR,
    TOPIC_PREFIX,
    ClassicType,
    classic_notice,
    named_maps,
    packet_type,
)
from too_ingest.notices.model import ParsedNotice, ParseError
from too_ingest.notices.packet_types import NAMES
from too_ingest.notices.parser import Document
from too_ingest.notices.unified import MESSENGERS, unified_notice
from too_ingest.notices.values import UNKNOWN, slug, to_id, to_text
from too_ingest.notices.voevent import Packet

RAREST_PER_YEAR = 1e-4
"""No stream alerts at rates below; a smaller number labelled yr^-1 is one in Hz."""
ID_NAMES = (
    "id",
    "event_id",
    "event_no",
    "event_name",
    "alert_id",
    "trigger_id",
    "burst_id",
    "internal_id",
)
"""Params in which strangers put their event's id, most specific first."""
_HEAD = re.compile(r"[A-Za-z][A-Za-z_]*")


MISSIONS = {"lvc": "lvk", "ligo_virgo_kagra": "lvk", "super_kamiokande": "superk"}
"""Other names of missions that have one here."""
AUTHORITIES = (("chimenet", "chime"),)
"""Parts of ivorns' authorities that name the mission where the rest names a kind of packet."""


def _mission(name: str) -> str:
    found = slug(name)
    return MISSIONS.get(found, found)


class GenericVoevent:
    """Any VOEvent."""

    name = UNKNOWN
    topics: frozenset[str] = frozenset()

    def accepts(self, document: Document) -> bool:
        """Every packet."""
        return document.packet is not None

    def parse(self, document: Document, topic: str | None) -> ParsedNotice:
        """Read what any VOEvent may hold; the mission is the stream's last part."""
        packet = document.packet
        if packet is None:
            raise TypeError("the VOEvent parser was given no packet")
        if not packet.ivorn and not packet.params and packet.iso_time is None:
            raise ParseError("VOEvent without an ivorn, a Param or a time")
        known = (m for part, m in AUTHORITIES if part in packet.stream.lower().split("/", 1)[0])
        mission = next(known, None) or _mission(packet.stream.rsplit("/", 1)[-1])
        if topic and topic.startswith("gcn.notices."):
            mission = _mission(topic.removeprefix("gcn.notices.").split(".", 1)[0])
        kind = ClassicType(None, self._type(packet, topic), stream=mission)
        notice = classic_notice(packet, kind, mission=mission, event_kind=_kind(packet, mission))
        stated = next((text for name in ID_NAMES if (text := packet.value(name))), None)
        event_id = notice.native_id or to_id(stated)
        return notice.model_copy(
            update={
                "tags": ("unknown stream",),
                "native_id": event_id,
                "skymaps": named_maps(packet),
            }
        )

    @staticmethod
    def _type(packet: Packet, topic: str | None) -> str:
        if topic and topic.startswith(TOPIC_PREFIX):
            return topic.removeprefix(TOPIC_PREFIX)
        number = packet_type(packet)
        if number is not None:
            known = NAMES.get(number) if packet.author.lower().startswith(GCN_AUTHOR) else None
            return known or f"packet type {number}"
        head = _HEAD.match(packet.local_id)
        return head[0].strip("_") if head else "VOEvent"


def _kind(packet: Packet, mission: str) -> EventKind:
    if packet.find("dm") is not None or "frb" in mission:
        return EventKind.FRB
    if mission == "km3net":
        return EventKind.NEUTRINO
    return EventKind.OTHER


class Km3netVoevent(GenericVoevent):
    """KM3NeT's VOEvents; their layout is the one of any VOEvent."""

    name = "km3net"
    topics = frozenset({"gcn.notices.km3net.voevent"})

    def accepts(self, document: Document) -> bool:
        """By the ivorns of packet or author."""
        packet = document.packet
        return packet is not None and "km3net" in f"{packet.stream} {packet.author}".lower()

    def parse(self, document: Document, topic: str | None) -> ParsedNotice:
        """Read a packet, whose rate in Hz may be labelled yr^-1."""
        del topic
        notice = super().parse(document, "gcn.notices.km3net.voevent")
        far = document.packet.number("FAR") if document.packet else None
        facts = notice.facts
        if far is not None and 0 <= far < RAREST_PER_YEAR:
            facts = facts.model_copy(update={"far_hz": far})
        return notice.model_copy(update={"facts": facts, "tags": (), "stage": 1})


class GenericJson:
    """Any JSON object, read by the names of the unified schema."""

    name = UNKNOWN
    topics: frozenset[str] = frozenset()

    def accepts(self, document: Document) -> bool:
        """Every object."""
        return document.json is not None and document.packet is None

    def parse(self, document: Document, topic: str | None) -> ParsedNotice:
        """Read it; the mission is the schema's, else the stated one, else the topic's."""
        members = document.json or {}
        if not members:
            raise ParseError("JSON object without any member")
        stated = to_text(members.get("mission"))
        path = document.schema_path.removeprefix("classic/")
        if path and not path.startswith("core/"):
            mission = _mission(path.split("/", 1)[0])
        elif stated:
            mission = _mission(stated)
        elif topic and topic.startswith("gcn.notices."):
            mission = _mission(topic.removeprefix("gcn.notices.").split(".", 1)[0])
        else:
            mission = UNKNOWN
        messenger = (to_text(members.get("messenger")) or "").lower()
        kind = MESSENGERS.get(messenger, EventKind.OTHER)
        notice = unified_notice(document, mission=mission, event_kind=kind, topic=topic)
        return notice.model_copy(update={"tags": (*notice.tags, "unknown stream")})


VOEVENT = GenericVoevent()
KM3NET = Km3netVoevent()
JSON = GenericJson()

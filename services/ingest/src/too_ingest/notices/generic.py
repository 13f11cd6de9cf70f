"""Notices of missions that nobody has told us about: stored and shown, not refused."""

import re

from too_common.contracts.ingest import EventKind

from too_ingest.notices.classic import TOPIC_PREFIX, ClassicType, classic_notice, packet_type
from too_ingest.notices.model import ParsedNotice, ParseError
from too_ingest.notices.parser import Document
from too_ingest.notices.unified import unified_notice
from too_ingest.notices.values import UNKNOWN, slug, to_text

HZ_LABELLED_PER_YEAR = frozenset({"km3net"})
"""Missions whose packets label a rate in Hz as yr^-1."""
_HEAD = re.compile(r"[A-Za-z][A-Za-z_]*")


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
        mission = slug(packet.stream.rsplit("/", 1)[-1])
        if topic and topic.startswith("gcn.notices."):
            mission = slug(topic.removeprefix("gcn.notices.").split(".", 1)[0])
        if topic and topic.startswith(TOPIC_PREFIX):
            name = topic.removeprefix(TOPIC_PREFIX)
        elif (number := packet_type(packet)) is not None:
            name = f"packet type {number}"
        else:
            head = _HEAD.match(packet.local_id)
            name = head[0].strip("_") if head else "VOEvent"
        notice = classic_notice(
            packet, ClassicType(None, name), mission=mission, event_kind=EventKind.OTHER
        )
        facts = notice.facts
        if mission in HZ_LABELLED_PER_YEAR and (far := packet.number("FAR")) is not None:
            facts = facts.model_copy(update={"far_hz": far})
        event_id = notice.native_id or packet.value("id") or None
        return notice.model_copy(
            update={"tags": ("unknown stream",), "facts": facts, "native_id": event_id}
        )


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
        if document.schema_path:
            mission = slug(document.schema_path.split("/", 1)[0])
        elif stated:
            mission = slug(stated)
        elif topic and topic.startswith("gcn.notices."):
            mission = slug(topic.removeprefix("gcn.notices.").split(".", 1)[0])
        else:
            mission = UNKNOWN
        notice = unified_notice(document, mission=mission, event_kind=EventKind.OTHER, topic=topic)
        return notice.model_copy(update={"tags": (*notice.tags, "unknown stream")})


VOEVENT = GenericVoevent()
JSON = GenericJson()

"""Messages on GCN's broker that are no notices: signs of life, tests of the broker, circulars.

They are well-formed, so they are no dead letters; nothing happened in the sky, so they are no
events.
"""

import re

from too_common.contracts.ingest import EventKind

from too_ingest.notices.model import NoticeFormat, ParsedNotice
from too_ingest.notices.parser import Document
from too_ingest.notices.times import parse_iso
from too_ingest.notices.values import to_id, to_text

HEARTBEAT_TOPIC = "gcn.heartbeat"
CIRCULARS_TOPIC = "gcn.circulars"
_TEST_TOPIC = re.compile(r"(^|[._-])kafka[._-]test$", re.IGNORECASE)
_HEARTBEAT_MEMBERS = frozenset({"$schema", "alert_datetime"})
TAG = "housekeeping"


def is_broker_test(topic: str | None) -> bool:
    """Tell whether a topic only tests the broker."""
    return topic is not None and _TEST_TOPIC.search(topic) is not None


class Housekeeping:
    """Signs of life and circulars."""

    name = "gcn"
    topics = frozenset({HEARTBEAT_TOPIC, CIRCULARS_TOPIC})

    def accepts(self, document: Document) -> bool:
        """A time and nothing else, or a circular with its number and text."""
        members = document.json
        if members is None or document.packet is not None:
            return False
        heartbeat = "alert_datetime" in members and members.keys() <= _HEARTBEAT_MEMBERS
        return heartbeat or ("circularId" in members and "body" in members)

    def parse(self, document: Document, topic: str | None) -> ParsedNotice:
        """Read its time."""
        members = document.json or {}
        circular = "circularId" in members
        what = "circular" if circular else "broker test" if is_broker_test(topic) else "heartbeat"
        stated = to_text(members.get("alert_datetime"))
        return ParsedNotice(
            mission=self.name,
            notice_type=what,
            format=NoticeFormat.JSON,
            native_id=to_id(members.get("circularId")) if circular else None,
            kind=EventKind.OTHER,
            notice_time=parse_iso(stated),
            notice_time_raw=stated,
            is_housekeeping=True,
            tags=(TAG,),
        )


PARSER = Housekeeping()

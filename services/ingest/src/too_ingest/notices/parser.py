"""The protocol that every family of notices fulfils, and the document that it is given."""

import re
from dataclasses import dataclass
from typing import Any, Protocol

from too_ingest.notices.model import NoticeFormat, ParsedNotice
from too_ingest.notices.voevent import Packet

_SCHEMA = re.compile(r"/gcn/notices/([^?#]+?)(?:\.schema)?(?:\.json)?/?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Document:
    """A notice read as XML or JSON, before anybody knows which mission sent it."""

    format: NoticeFormat
    packet: Packet | None = None
    json: dict[str, Any] | None = None

    @property
    def schema_path(self) -> str:
        """``fermi/gbm/trigger`` of the address in ``$schema``; empty if there is none.

        The address only names the stream; it is never fetched.
        """
        name = self.json.get("$schema") if self.json is not None else None
        match = _SCHEMA.search(name[:500]) if isinstance(name, str) else None
        return match[1].lower() if match else ""

    @property
    def is_anonymous(self) -> bool:
        """True for JSON that does not say whose it is: the topic alone tells then."""
        if self.json is None or self.packet is not None:
            return False
        path = self.schema_path
        named = (path and not path.startswith("core/")) or "superevent_id" in self.json
        return not named and not isinstance(self.json.get("mission"), str)


class NoticeParser(Protocol):
    """One family of notices."""

    @property
    def name(self) -> str:
        """Mission as it appears in `ParsedNotice.mission`."""
        ...

    @property
    def topics(self) -> frozenset[str]:
        """Exact Kafka topics on which these notices come."""
        ...

    def accepts(self, document: Document) -> bool:
        """Tell whether the content says that it is one of this family."""
        ...

    def parse(self, document: Document, topic: str | None) -> ParsedNotice:
        """Read it; only called for a document that is accepted."""
        ...

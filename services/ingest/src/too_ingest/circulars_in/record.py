"""A GCN Circular as it comes over Kafka, read without believing it.

Records are sent again when something is corrected or a bibcode is added, so a circular is known by
its number, its version and what a reader sees of it.
"""

import hashlib
import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from too_ingest.notices import ParseError
from too_ingest.notices.values import clean_text

TOPIC = "gcn.circulars"
MAX_TEXT = 1_000_000
MAX_SUBJECT = 1_000
MAX_LIST = 20
NAMELESS = "address withheld"
_MAIL = re.compile(r"<?[^\s<>@]{1,200}@[A-Za-z0-9.-]{1,200}>?")
_FIRST = datetime(1990, 1, 1, tzinfo=UTC)
_LAST = datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class CircularRecord:
    """A circular."""

    circular_id: float
    version: int
    subject: str
    body: str
    submitter: str
    created_at: datetime
    edited_at: datetime | None = None
    event_name: str | None = None
    event_types: tuple[str, ...] = ()
    text_format: str = "text/plain"
    bibcode: str | None = None

    @property
    def content_sha256(self) -> str:
        """Hash of what a reader sees; a bibcode added later changes nothing."""
        seen = (self.subject, self.body, self.submitter, self.text_format, self.event_name)
        return hashlib.sha256(json.dumps(seen).encode()).hexdigest()


def is_circulars_topic(topic: str) -> bool:
    """Tell whether a topic brings circulars (there is one per kind of event as well)."""
    return topic == TOPIC or topic.startswith(f"{TOPIC}.") or topic.endswith(f".{TOPIC}")


def shown_id(circular_id: float) -> str:
    """Number as people write it: 34284, or 34776.5."""
    return str(int(circular_id)) if circular_id.is_integer() else repr(circular_id)


def public_name(submitter: str) -> str:
    """Name and affiliation without any mail address."""
    name = " ".join(_MAIL.sub(" ", submitter).split()).strip(" ,;()<>")
    return name or NAMELESS


def without_addresses(raw: bytes) -> bytes:
    """The record's bytes with the addresses of submitter and editor taken out."""
    document = json.loads(raw)
    for field in ("submitter", "editedBy"):
        if isinstance(document.get(field), str):
            document[field] = public_name(document[field])
    document.pop("sub", None)
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")


def read_circular(raw: bytes) -> CircularRecord:
    """Read a record.

    Raises
    ------
    ParseError
        If it is no JSON object, or lacks what the schema requires.
    """
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"the circular is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise ParseError("the circular is no JSON object")
    created = _time(document.get("createdOn"))
    if created is None:
        raise ParseError("the circular has no createdOn that is a time")
    return CircularRecord(
        circular_id=_number(document.get("circularId")),
        version=_version(document.get("version")),
        subject=_text(document, "subject", MAX_SUBJECT),
        body=_text(document, "body", MAX_TEXT),
        submitter=public_name(_text(document, "submitter", MAX_SUBJECT)),
        created_at=created,
        edited_at=_time(document.get("editedOn")),
        event_name=_optional(document.get("eventId")),
        event_types=_words(document.get("eventType")),
        text_format=_optional(document.get("format")) or "text/plain",
        bibcode=_optional(document.get("bibcode")),
    )


def _text(document: dict[str, Any], field: str, longest: int) -> str:
    value = document.get(field)
    if not isinstance(value, str):
        raise ParseError(f"the circular has no {field}")
    if len(value) > longest:
        raise ParseError(f"the circular's {field} has {len(value)} characters")
    return clean_text(value)


def _optional(value: Any) -> str | None:
    return clean_text(value.strip())[:200] or None if isinstance(value, str) else None


def _words(value: Any) -> tuple[str, ...]:
    found = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(clean_text(word)[:80] for word in found[:MAX_LIST] if isinstance(word, str))


def _number(value: Any) -> float:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            value = None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ParseError("the circular has no circularId that is a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or abs(number) > 1e9:
        raise ParseError("the circular's circularId is no number of a circular")
    return number


def _version(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 1_000_000:
        return 1
    return value


def _time(value: Any) -> datetime | None:
    """Milliseconds since 1970."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e14:
        return None
    try:
        moment = datetime.fromtimestamp(value / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return moment if _FIRST <= moment < _LAST else None

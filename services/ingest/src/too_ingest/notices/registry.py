"""Which parser reads a notice: chosen by exact topic, checked against the content.

The content decides where the topic is absent, not in the list, or contradicted by what the bytes
say; a contradiction is tagged, so that a person sees it.
"""

from too_common.contracts.ingest import EventFacts

from too_ingest.notices import (
    classic_binary,
    classic_text,
    fermi_gbm,
    fermi_lat,
    gamma_monitors,
    generic,
    housekeeping,
    icecube,
    integral,
    lvk,
    maxi,
    supernovae,
    svom,
    swift,
    unified_missions,
)
from too_ingest.notices.jsondoc import read_json
from too_ingest.notices.model import (
    MISMATCH,
    NoticeFormat,
    ParsedNotice,
    ParseError,
    RegionShape,
)
from too_ingest.notices.parser import Document, NoticeParser
from too_ingest.notices.unified import UnifiedParser
from too_ingest.notices.voevent import is_packet_json, read_packet_json, read_xml

PARSERS: tuple[NoticeParser, ...] = (
    housekeeping.PARSER,
    lvk.JSON,
    lvk.VOEVENT,
    fermi_gbm.CLASSIC,
    fermi_lat.CLASSIC,
    swift.CLASSIC,
    icecube.CLASSIC,
    svom.PARSER,
    integral.INTEGRAL,
    integral.HETE,
    *gamma_monitors.FAMILIES,
    supernovae.SNEWS,
    supernovae.SK_CLASSIC,
    maxi.CLASSIC,
    fermi_gbm.JSON,
    fermi_lat.JSON,
    icecube.SEARCH_JSON,
    icecube.TRACK_JSON,
    swift.JSON,
    supernovae.SK_JSON,
    supernovae.SNEWS2,
    maxi.JSON,
    *unified_missions.FAMILIES,
    generic.KM3NET,
    generic.VOEVENT,
    generic.JSON,
)
"""In the order in which the content is asked; the generic ones last."""
BY_TOPIC: dict[str, tuple[NoticeParser, ...]] = {
    topic: tuple(p for p in PARSERS if topic in p.topics)
    for topic in sorted({t for p in PARSERS for t in p.topics})
}
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def read_document(raw: bytes) -> Document:
    """Find out what the bytes are, and read them.

    Raises
    ------
    ParseError
        If they are neither XML nor JSON, or not well-formed.
    """
    head = raw[:400].replace(b"\0", b"")
    for bom in _BOMS:
        head = head.removeprefix(bom)
    head = head.lstrip()
    if head.startswith(b"<"):
        return Document(NoticeFormat.VOEVENT, packet=read_xml(raw))
    if head.startswith((b"{", b"[")):
        members = read_json(raw)
        if is_packet_json(members):
            return Document(NoticeFormat.JSON, packet=read_packet_json(members), json=members)
        return Document(NoticeFormat.JSON, json=members)
    if not raw.strip():
        raise ParseError("the notice is empty")
    if raw.startswith(b"\x1f\x8b"):
        raise ParseError("packed with gzip, as no notice is; it is not unpacked here")
    raise ParseError("neither XML nor JSON, nor a text or binary notice of GCN Classic")


def parse_notice(raw: bytes, topic: str | None = None) -> ParsedNotice:
    """Read a notice.

    Parameters
    ----------
    raw
        The bytes as they came.
    topic
        Kafka topic; None, unknown or in parentheses: the content alone decides.

    Raises
    ------
    ParseError
        If nothing can be made of the bytes; they belong to the dead letters.
    """
    notice = _read(raw, topic)
    tags = [*notice.tags]
    if notice.is_housekeeping:
        tags.append(housekeeping.TAG)
    return notice.model_copy(
        update={"tags": tuple(dict.fromkeys(tags)), "facts": _with_error(notice)}
    )


def _read(raw: bytes, topic: str | None) -> ParsedNotice:
    if classic_binary.looks_binary(raw):
        return classic_binary.parse_binary(raw)
    if classic_text.looks_text(raw):
        return classic_text.parse_text(raw, topic)
    document = read_document(raw)
    parser, contradicted = choose(document, topic)
    known = topic if topic and not topic.startswith("(") else None
    notice = parser.parse(document, known)
    if contradicted:
        return notice.model_copy(update={"tags": (*notice.tags, MISMATCH)})
    return notice


def _with_error(notice: ParsedNotice) -> EventFacts:
    """Facts with what the error region means, as far as the position is the event's."""
    region, facts = notice.region, notice.facts
    if facts.ra_deg is None or region.shape is RegionShape.NONE:
        return facts
    return facts.model_copy(
        update={
            "error_radius_deg": region.radius_deg,
            "containment": region.containment,
            "error_sigma_deg": region.sigma_deg,
            "systematic_included": region.systematic_included,
            "systematic_deg": region.systematic_deg,
            "error_source": region.note,
        }
    )


def choose(document: Document, topic: str | None) -> tuple[NoticeParser, bool]:
    """Parser of a document, and whether topic and content contradict each other.

    Raises
    ------
    ParseError
        If nobody accepts it.
    """
    expected = BY_TOPIC.get(topic, ()) if topic else ()
    if housekeeping.is_broker_test(topic) and document.is_anonymous:
        return housekeeping.PARSER, False
    chosen = next((parser for parser in expected if parser.accepts(document)), None)
    if chosen is None and document.is_anonymous:
        # it does not contradict its topic; but what has the marks of another family is that
        chosen = next((p for p in expected if isinstance(p, UnifiedParser)), None)
    if chosen is not None:
        return chosen, False
    chosen = next((parser for parser in PARSERS if parser.accepts(document)), None)
    if chosen is None:
        raise ParseError("no parser accepts the document")
    return chosen, bool(expected)

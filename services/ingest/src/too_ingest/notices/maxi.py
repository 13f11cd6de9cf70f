"""MAXI/GSC: known and unknown sources, as VOEvents and in the unified schema."""

from too_common.contracts.ingest import EventKind

from too_ingest.notices.classic import ClassicParser, ClassicType, with_facts
from too_ingest.notices.model import ParsedNotice
from too_ingest.notices.parser import Document
from too_ingest.notices.unified import UnifiedParser
from too_ingest.notices.values import to_text
from too_ingest.notices.voevent import Packet


def _refine(packet: Packet, kind: ClassicType, notice: ParsedNotice) -> ParsedNotice:
    known = kind.name == "MAXI_KNOWN"
    extra = {"source_name": name} if (name := packet.value("SourceName")) else {}
    return notice.model_copy(
        update={
            "facts": with_facts(notice, extra=extra, instruments=("GSC",)),
            "tags": ("known source",) if known else (),
        }
    )


CLASSIC = ClassicParser(
    "maxi",
    (
        ClassicType(134, "MAXI_UNKNOWN", stage=1),
        ClassicType(135, "MAXI_KNOWN", stage=1),
        ClassicType(136, "MAXI_TEST", stage=1, is_test=True),
    ),
    event_kind=EventKind.XRAY,
    streams=("nasa.gsfc.gcn/MAXI",),
    refine=_refine,
)


def _refine_json(document: Document, notice: ParsedNotice) -> ParsedNotice:
    # event_name is the source's name (it flares again) or a burst's: not an id of this event
    known = "known" in document.schema_path.split("/")[-1].replace("unknown", "")
    name = to_text((document.json or {}).get("event_name"))
    tags = (*notice.tags, *(("known source",) if known else ()), *((name,) if name else ()))
    return notice.model_copy(update={"tags": tags})


JSON = UnifiedParser(
    "maxi",
    event_kind=EventKind.XRAY,
    streams=("maxi",),
    topics=("gcn.notices.maxi.gsc.known", "gcn.notices.maxi.gsc.unknown"),
    missions=(("maxi", ""),),
    refine=_refine_json,
)

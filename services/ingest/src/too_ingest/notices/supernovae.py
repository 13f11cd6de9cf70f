"""Neutrinos of a supernova in our Galaxy: SNEWS and Super-Kamiokande."""

from too_common.contracts.ingest import AlertKind, EventKind

from too_ingest.notices.classic import ClassicParser, ClassicType
from too_ingest.notices.model import ErrorRegion, NoticeFormat, ParsedNotice, RegionShape
from too_ingest.notices.parser import Document
from too_ingest.notices.times import parse_iso
from too_ingest.notices.unified import UnifiedParser, unified_notice
from too_ingest.notices.values import to_id
from too_ingest.notices.voevent import Packet

SNEWS = ClassicParser(
    "snews",
    (ClassicType(149, "SNEWS"),),
    event_kind=EventKind.SUPERNOVA,
    streams=("nasa.gsfc.gcn/SNEWS",),
)


def _refine_sk(packet: Packet, kind: ClassicType, notice: ParsedNotice) -> ParsedNotice:
    del kind
    if notice.ra_deg is None or notice.region.radius_deg is not None:
        return notice
    # the error element is 0; the radii stand in Params
    for name, containment in (("Src_Error90", 0.9), ("Src_Error68", 0.68), ("Src_Error95", 0.95)):
        radius = packet.number(name)
        if radius and 0 < radius < 180:
            region = ErrorRegion(
                shape=RegionShape.CIRCLE,
                radius_deg=radius,
                containment=containment,
                note=f"Param {name}",
            )
            return notice.model_copy(update={"region": region})
    return notice


SK_CLASSIC = ClassicParser(
    "superk",
    (ClassicType(175, "SK_SN", stage=1),),
    event_kind=EventKind.SUPERNOVA,
    streams=("nasa.gsfc.gcn/SK_SN", "nasa.gsfc.gcn/SK"),
    refine=_refine_sk,
)


def _refine_sk_json(document: Document, notice: ParsedNotice) -> ParsedNotice:
    # the classic notices of the same alert have the trigger number as their id
    number = to_id((document.json or {}).get("trigger_number"))
    aliases = dict.fromkeys((*notice.aliases, *((number,) if number else ())))
    return notice.model_copy(update={"aliases": tuple(aliases), "stage": 1})


SK_JSON = UnifiedParser(
    "superk",
    event_kind=EventKind.SUPERNOVA,
    streams=("superk",),
    # the singular is a misspelling that the documentation prints
    topics=("gcn.notices.superk.sn_alert", "gcn.notice.superk.sn_alert"),
    missions=(("super-kamiokande", ""), ("superk", "")),
    refine=_refine_sk_json,
)


class Snews2Parser:
    """Messages of single detectors to SNEWS 2 (not on GCN): stored and shown."""

    name = "snews"
    topics: frozenset[str] = frozenset()

    def accepts(self, document: Document) -> bool:
        """A detector and its machine's time."""
        members = document.json
        return members is not None and "detector_name" in members and "machine_time" in members

    def parse(self, document: Document, topic: str | None) -> ParsedNotice:
        """Read one message."""
        members = document.json or {}
        notice = unified_notice(
            document, mission=self.name, event_kind=EventKind.SUPERNOVA, topic=topic
        )
        event_time = parse_iso(members.get("neutrino_time_utc")) or parse_iso(
            members.get("neutrino_time")
        )
        takes_back = "retract_latest" in members or "retract_latest_n" in members
        detector = to_id(members.get("detector_name")) or "unknown detector"
        return notice.model_copy(
            update={
                "format": NoticeFormat.JSON,
                "notice_type": f"SNEWS2 {detector}"[:120],
                "event_time": event_time,
                "is_retraction": takes_back,
                "alert_kind": AlertKind.RETRACTION if takes_back else notice.alert_kind,
                # how a detector is, not what it saw
                "is_housekeeping": "detector_status" in members and event_time is None,
                "notice_time": parse_iso(members.get("machine_time")),
                "notice_time_raw": str(members.get("machine_time"))[:64],
                "tags": ("detector message",),
            }
        )


SNEWS2 = Snews2Parser()

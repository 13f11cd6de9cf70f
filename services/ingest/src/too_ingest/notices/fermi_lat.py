"""Fermi LAT: on-board, ground and offline positions, monitored sources."""

from too_common.contracts.ingest import AlertKind, EventKind

from too_ingest.notices.classic import ClassicParser, ClassicType, with_facts
from too_ingest.notices.model import ParsedNotice
from too_ingest.notices.unified import UnifiedParser
from too_ingest.notices.voevent import Packet

TYPES = (
    ClassicType(120, "FERMI_LAT_POS_INI", AlertKind.PRELIMINARY, stage=1),
    ClassicType(121, "FERMI_LAT_POS_UPD", AlertKind.UPDATE, stage=2),
    ClassicType(122, "FERMI_LAT_POS_DIAG", AlertKind.UPDATE, stage=2),
    ClassicType(123, "FERMI_LAT_TRANS"),
    ClassicType(124, "FERMI_LAT_POS_TEST", is_test=True),
    ClassicType(125, "FERMI_LAT_MONITOR"),
    ClassicType(127, "FERMI_LAT_GND", AlertKind.UPDATE, stage=3),
    ClassicType(128, "FERMI_LAT_OFFLINE", AlertKind.INITIAL, stage=4),
)


def _refine(packet: Packet, kind: ClassicType, notice: ParsedNotice) -> ParsedNotice:
    monitored = kind.name in {"FERMI_LAT_MONITOR", "FERMI_LAT_TRANS"}
    extra = {"source_name": name} if (name := packet.value("SourceName")) else {}
    return notice.model_copy(
        update={
            "kind": EventKind.OTHER if monitored else EventKind.GRB,
            # 'utility' is what monitored sources are sent with
            "is_test": notice.is_test and packet.role.lower() != "utility",
            "facts": with_facts(notice, extra=extra, instruments=("LAT",)),
            "tags": ("known source",) if monitored else (),
        }
    )


CLASSIC = ClassicParser(
    "fermi_lat",
    TYPES,
    event_kind=EventKind.GRB,
    streams=("nasa.gsfc.gcn/Fermi",),
    local_prefixes=("LAT_",),
    refine=_refine,
    met=True,
)
JSON = UnifiedParser(
    "fermi_lat",
    event_kind=EventKind.OTHER,
    streams=("fermi/lat",),
    topics=("gcn.notices.fermi.lat.flare", "gcn.notices.fermi.lat.alert"),
    missions=(("fermi", "lat"),),
)

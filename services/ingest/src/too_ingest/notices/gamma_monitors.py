"""Smaller gamma-ray missions of GCN Classic: GECAM, CALET, KONUS, IPN, AGILE, HAWC, and others."""

from too_common.contracts.ingest import AlertKind, EventKind

from too_ingest.notices.classic import ClassicParser, ClassicType, named_maps, with_facts
from too_ingest.notices.icecube import run_event
from too_ingest.notices.model import ParsedNotice
from too_ingest.notices.values import to_int
from too_ingest.notices.voevent import Packet

GECAM_FIRST_TEST = 100_000_000
"""Trigger numbers from here are tests (mission page)."""


def _refine_gecam(packet: Packet, kind: ClassicType, notice: ParsedNotice) -> ParsedNotice:
    number = to_int(notice.native_id)
    is_test = notice.is_test or (number is not None and number >= GECAM_FIRST_TEST)
    qualifier = notice.id_qualifier
    if kind.name == "GECAM_GND" and notice.event_time is not None:
        # ground numbers count from 1, so the day belongs to the identity
        qualifier = notice.event_time.strftime("%Y%m%d")
    source = packet.value("SRC_CLASS")
    return notice.model_copy(
        update={
            "is_test": is_test,
            "id_qualifier": qualifier,
            "kind": EventKind.GRB if source in {None, "GRB"} else EventKind.OTHER,
            "facts": with_facts(
                notice,
                significance_sigma=packet.number("TRIGGER_SIGNIF"),
                duration_s=packet.number("BURST_DUR"),
                extra={"source_class": source} if source else {},
            ),
            "tags": (source.lower(),) if source else (),
        }
    )


GECAM = ClassicParser(
    "gecam",
    (
        ClassicType(188, "GECAM_FLT", AlertKind.PRELIMINARY, stage=1),
        ClassicType(189, "GECAM_GND", AlertKind.INITIAL, stage=2),
    ),
    event_kind=EventKind.GRB,
    streams=("nasa.gsfc.gcn/GECAM",),
    refine=_refine_gecam,
)


def _refine_hawc(packet: Packet, kind: ClassicType, notice: ParsedNotice) -> ParsedNotice:
    del kind
    revision = to_int(packet.value("rev"))
    native = run_event(packet.value("run_id"), packet.value("event_id"))
    kind_of_alert = notice.alert_kind
    if revision and kind_of_alert is AlertKind.INITIAL:
        kind_of_alert = AlertKind.UPDATE
    return notice.model_copy(
        update={
            "native_id": native or notice.native_id,
            "sequence": revision,
            "alert_kind": kind_of_alert,
            "skymaps": named_maps(packet),
            "facts": with_facts(notice, instruments=("HAWC",)),
        }
    )


HAWC = ClassicParser(
    "hawc",
    (ClassicType(171, "HAWC_BURST_MONITOR", stage=1),),
    event_kind=EventKind.GRB,
    streams=("nasa.gsfc.gcn/AMON", "nasa.gsfc.gcn/HAWC"),
    local_prefixes=("HAWC_",),
    refine=_refine_hawc,
    rate_unit="yr^-1",
)
CALET = ClassicParser(
    "calet",
    (ClassicType(160, "CALET_GBM_FLT_LC"), ClassicType(161, "CALET_GBM_GND_LC")),
    event_kind=EventKind.GRB,
    streams=("nasa.gsfc.gcn/CALET",),
)
KONUS = ClassicParser(
    "konus",
    (ClassicType(59, "KONUS_LC"),),
    event_kind=EventKind.GRB,
    streams=("nasa.gsfc.gcn/KONUS",),
)
IPN = ClassicParser(
    "ipn",
    (
        ClassicType(31, "IPN_RAW"),
        ClassicType(32, "IPN_SEG", AlertKind.UPDATE),
        ClassicType(39, "IPN_POS", AlertKind.UPDATE),
    ),
    event_kind=EventKind.GRB,
    streams=("nasa.gsfc.gcn/IPN",),
)
AGILE = ClassicParser(
    "agile",
    (
        ClassicType(100, "AGILE_GRB_WAKEUP"),
        ClassicType(101, "AGILE_GRB_GROUND", AlertKind.UPDATE),
        ClassicType(102, "AGILE_GRB_REFINED", AlertKind.UPDATE),
        ClassicType(105, "AGILE_MCAL_ALERT"),
        ClassicType(109, "AGILE_GRB_POS_TEST", is_test=True),
    ),
    event_kind=EventKind.GRB,
    streams=("nasa.gsfc.gcn/AGILE",),
)
COUNTERPART = ClassicParser(
    "counterpart",
    (ClassicType(45, "GRB_CNTRPART"),),
    event_kind=EventKind.GRB,
    streams=("nasa.gsfc.gcn/COUNTERPART",),
)
MOA = ClassicParser(
    "moa",
    (ClassicType(139, "MOA"),),
    event_kind=EventKind.OTHER,
    streams=("nasa.gsfc.gcn/MOA",),
)
FAMILIES = (GECAM, HAWC, CALET, KONUS, IPN, AGILE, COUNTERPART, MOA)

"""Swift: BAT, XRT and UVOT of one trigger, monitors, and GUANO's JSON."""

from too_common.contracts.ingest import AlertKind, EventKind

from too_ingest.notices.classic import ClassicParser, ClassicType, with_facts
from too_ingest.notices.model import ParsedNotice
from too_ingest.notices.parser import Document
from too_ingest.notices.unified import UnifiedParser
from too_ingest.notices.voevent import Packet

TESTS = frozenset({"99999"})
TYPES = (
    ClassicType(60, "SWIFT_BAT_GRB_ALERT", AlertKind.EARLY_WARNING),
    ClassicType(61, "SWIFT_BAT_GRB_POS_ACK", stage=2),
    ClassicType(62, "SWIFT_BAT_GRB_POS_NACK"),
    ClassicType(63, "SWIFT_BAT_GRB_LC", AlertKind.UPDATE),
    ClassicType(64, "SWIFT_BAT_SCALEDMAP", AlertKind.UPDATE),
    ClassicType(65, "SWIFT_FOM_OBS", AlertKind.UPDATE),
    ClassicType(66, "SWIFT_SC_SLEW", AlertKind.UPDATE),
    ClassicType(67, "SWIFT_XRT_POSITION", AlertKind.UPDATE, stage=3, observation_start=True),
    ClassicType(68, "SWIFT_XRT_SPECTRUM", AlertKind.UPDATE, observation_start=True),
    ClassicType(69, "SWIFT_XRT_IMAGE", AlertKind.UPDATE, observation_start=True),
    ClassicType(70, "SWIFT_XRT_LC", AlertKind.UPDATE, observation_start=True),
    ClassicType(71, "SWIFT_XRT_CENTROID", AlertKind.UPDATE, observation_start=True),
    ClassicType(72, "SWIFT_UVOT_DBURST", AlertKind.UPDATE, observation_start=True),
    ClassicType(73, "SWIFT_UVOT_FCHART", AlertKind.UPDATE, observation_start=True),
    ClassicType(76, "SWIFT_BAT_GRB_LC_PROC", AlertKind.UPDATE),
    ClassicType(77, "SWIFT_XRT_SPECTRUM_PROC", AlertKind.UPDATE, observation_start=True),
    ClassicType(78, "SWIFT_XRT_IMAGE_PROC", AlertKind.UPDATE, observation_start=True),
    ClassicType(79, "SWIFT_UVOT_DBURST_PROC", AlertKind.UPDATE, observation_start=True),
    ClassicType(80, "SWIFT_UVOT_FCHART_PROC", AlertKind.UPDATE, observation_start=True),
    ClassicType(81, "SWIFT_UVOT_POS", AlertKind.UPDATE, stage=4, observation_start=True),
    ClassicType(82, "SWIFT_BAT_GRB_POS_TEST", is_test=True),
    ClassicType(83, "SWIFT_POINTDIR"),
    ClassicType(84, "SWIFT_BAT_TRANS"),
    ClassicType(89, "SWIFT_UVOT_POS_NACK", AlertKind.UPDATE, observation_start=True),
    ClassicType(97, "SWIFT_BAT_QL_POS", AlertKind.PRELIMINARY, stage=1),
    ClassicType(98, "SWIFT_BAT_SUB_THRESHOLD", is_subthreshold=True),
    ClassicType(99, "SWIFT_BAT_SLEW_POS"),
    ClassicType(103, "SWIFT_ACTUAL_POINTDIR"),
    ClassicType(133, "SWIFT_BAT_MONITOR"),
    ClassicType(140, "SWIFT_BAT_SUBSUB", is_subthreshold=True),
    ClassicType(141, "SWIFT_BAT_KNOWN_SRC"),
)


def _refine(packet: Packet, kind: ClassicType, notice: ParsedNotice) -> ParsedNotice:
    lost = packet.any_flag("StarTrack_Lost_Lock")
    known = kind.name in {"SWIFT_BAT_MONITOR", "SWIFT_BAT_KNOWN_SRC"}
    tags: list[str] = []
    extra: dict[str, object] = {}
    if lost:
        tags.append("false trigger")
    if known:
        tags.append("known source")
        name = packet.value("SourceName") or next(iter(packet.names), None)
        extra["source_name"] = (name or "").strip() or None
    if packet.any_flag("TOO_Generated"):
        tags.append("too")
    identified = packet.value("GRB_Identified")
    if identified is not None:
        extra["grb_identified"] = identified
    retraction = notice.is_retraction or lost
    return notice.model_copy(
        update={
            "is_test": notice.is_test or notice.native_id in TESTS,
            "is_retraction": retraction,
            "alert_kind": AlertKind.RETRACTION if retraction else notice.alert_kind,
            "kind": EventKind.OTHER if known or notice.is_housekeeping else EventKind.GRB,
            "facts": with_facts(notice, extra=extra, instruments=(_instrument(kind.name),)),
            "tags": tuple(tags),
        }
    )


def _instrument(name: str) -> str:
    return next((i for i in ("BAT", "XRT", "UVOT") if f"_{i}_" in f"{name}_"), "Swift")


CLASSIC = ClassicParser(
    "swift",
    TYPES,
    event_kind=EventKind.GRB,
    streams=("nasa.gsfc.gcn/SWIFT",),
    refine=_refine,
    topics=("gcn.classic.voevent.SWIFT_BAT_GRB_POS_ACK",),
)


NOT_CATALOGUED = frozenset({"unknown", "grb"})
"""Classes of BAT's positions that are not the name of a source in its catalogue."""
_JSON_STAGES = {
    "bat/position": 2,
    "bat/guano": 1,
    "xrt/position": 3,
    "uvot/position": 4,
}


def _refine_json(document: Document, notice: ParsedNotice) -> ParsedNotice:
    members = document.json or {}
    path = document.schema_path.removeprefix("swift/")
    if "guano" in path or members.get("follow_up_event") is not None:
        # GUANO follows another mission's event: a link, not a notice of that event
        return notice.model_copy(
            update={"stage": _JSON_STAGES["bat/guano"], "tags": (*notice.tags, "guano")}
        )
    unlocked = members.get("star_tracker_locked") is False
    tags = [*notice.tags, *(("false trigger",) if unlocked else ())]
    classes = notice.facts.classification.items()
    if any(p > 0.5 and name.lower() not in NOT_CATALOGUED for name, p in classes):
        tags.append("known source")
    retraction = notice.is_retraction or unlocked
    positions = path.endswith("position") or "/" not in path
    return notice.model_copy(
        update={
            "is_supplement": not positions,
            "facts": notice.facts if positions else with_facts(notice, ra_deg=None, dec_deg=None),
            "stage": next((n for start, n in _JSON_STAGES.items() if path.startswith(start)), 0),
            "is_retraction": retraction,
            "alert_kind": AlertKind.RETRACTION if retraction else notice.alert_kind,
            "tags": tuple(tags),
        }
    )


JSON = UnifiedParser(
    "swift",
    event_kind=EventKind.GRB,
    streams=("swift",),
    topics=(
        "gcn.notices.swift.bat.guano",
        "gcn.notices.swift.bat.position",
        "gcn.notices.swift.xrt.position",
        "gcn.notices.swift.uvot.position",
    ),
    missions=(("swift", ""),),
    refine=_refine_json,
)

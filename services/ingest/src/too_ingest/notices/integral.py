"""INTEGRAL (ended) and HETE (test stream): the id is the low 16 bits of TrigID."""

from too_common.contracts.ingest import AlertKind, EventKind

from too_ingest.notices.classic import ClassicParser, ClassicType
from too_ingest.notices.model import ParsedNotice
from too_ingest.notices.values import to_int
from too_ingest.notices.voevent import Packet

TYPES = (
    ClassicType(51, "INTEGRAL_POINTDIR"),
    ClassicType(52, "INTEGRAL_SPIACS"),
    ClassicType(53, "INTEGRAL_WAKEUP", stage=1),
    ClassicType(54, "INTEGRAL_REFINED", AlertKind.UPDATE, stage=2),
    ClassicType(55, "INTEGRAL_OFFLINE", AlertKind.UPDATE, stage=3),
    ClassicType(56, "INTEGRAL_WEAK", AlertKind.PRELIMINARY),
)
HETE_TYPES = (
    ClassicType(40, "HETE_ALERT_SRC"),
    ClassicType(41, "HETE_UPDATE_SRC", AlertKind.UPDATE),
    ClassicType(42, "HETE_FINAL_SRC", AlertKind.UPDATE),
    ClassicType(43, "HETE_GNDANA_SRC", AlertKind.UPDATE),
    ClassicType(44, "HETE_TEST", is_test=True),
)


def split_trigger(text: str | None) -> tuple[str, int] | None:
    """Id and revision of ``(revision << 16) + id``."""
    number = to_int(text)
    if number is None or number < 0:
        return None
    return str(number & 0xFFFF), number >> 16


def _refine(packet: Packet, kind: ClassicType, notice: ParsedNotice) -> ParsedNotice:
    del packet, kind
    if (parts := split_trigger(notice.native_id)) is None or notice.native_id is None:
        return notice
    native_id, revision = parts
    aliases = (notice.native_id,) if notice.native_id != native_id else ()
    return notice.model_copy(
        update={"native_id": native_id, "aliases": aliases, "sequence": revision}
    )


INTEGRAL = ClassicParser(
    "integral",
    TYPES,
    event_kind=EventKind.GRB,
    streams=("nasa.gsfc.gcn/INTEGRAL",),
    refine=_refine,
)
HETE = ClassicParser(
    "hete",
    HETE_TYPES,
    event_kind=EventKind.GRB,
    streams=("nasa.gsfc.gcn/HETE",),
    refine=_refine,
)

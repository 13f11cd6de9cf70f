"""All packet types of GCN Classic by number and by name, whichever mission lists them.

Text and binary notices are read as packets of these types, so that one mission's rules stand in
one place whatever the form of its notice.
"""

from dataclasses import dataclass
from functools import cache

from too_common.contracts.ingest import EventKind

from too_ingest.notices import (
    fermi_gbm,
    fermi_lat,
    gamma_monitors,
    icecube,
    integral,
    lvk,
    maxi,
    supernovae,
    swift,
)
from too_ingest.notices.classic import ClassicParser, ClassicType, classic_notice
from too_ingest.notices.model import ParsedNotice
from too_ingest.notices.packet_types import NAMES
from too_ingest.notices.parser import Document
from too_ingest.notices.values import slug
from too_ingest.notices.voevent import Packet

CLASSIC: tuple[ClassicParser, ...] = (
    fermi_gbm.CLASSIC,
    fermi_lat.CLASSIC,
    swift.CLASSIC,
    icecube.CLASSIC,
    integral.INTEGRAL,
    integral.HETE,
    maxi.CLASSIC,
    supernovae.SNEWS,
    supernovae.SK_CLASSIC,
    *gamma_monitors.FAMILIES,
)
LVC_PREFIX = "LVC_"
NUMBERS: dict[str, int] = {name: number for number, name in NAMES.items()}


@dataclass(frozen=True, slots=True)
class Known:
    """A listed packet type and the family that reads it."""

    family: ClassicParser
    kind: ClassicType


@cache
def by_name() -> dict[str, Known]:
    """Listed types by name."""
    return {kind.name: Known(family, kind) for family in CLASSIC for kind in family.types}


def read_as(packet: Packet, name: str) -> ParsedNotice:
    """Read a packet, made of a text or binary notice, as one of a type.

    A type that no family lists is read by what all packets have in common.
    """
    if name.startswith(LVC_PREFIX):
        return lvk.VOEVENT.parse(Document(packet.format, packet=packet), None)
    known = by_name().get(name)
    if known is not None:
        return known.family.read(packet, known.kind)
    kind = ClassicType(NUMBERS.get(name), name)
    mission = slug(name.split("_", 1)[0])
    return classic_notice(packet, kind, mission=mission, event_kind=EventKind.OTHER)

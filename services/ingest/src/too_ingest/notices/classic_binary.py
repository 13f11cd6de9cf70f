"""The 160-byte packets of GCN Classic: forty big-endian integers, a fallback at most."""

import struct
from functools import cache

from too_common.contracts.ingest import AlertKind, EventFacts, EventKind

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
from too_ingest.notices.classic import ClassicParser, ClassicType
from too_ingest.notices.model import (
    ErrorRegion,
    NoticeFormat,
    ParsedNotice,
    ParseError,
    RegionShape,
    TimeQuality,
)
from too_ingest.notices.times import from_tjd
from too_ingest.notices.values import to_angle

PACKET_BYTES = 160
_NEWLINE = 10
_LVC_BASE = "LVC_"


def looks_binary(raw: bytes) -> bool:
    """Tell whether it is a packet of forty words with a plausible type and day."""
    if len(raw) != PACKET_BYTES:
        return False
    words = struct.unpack(">40i", raw)
    # text of this length would have a first word far above 2000; the last one is a newline or 0
    return 0 < words[0] < 2000 and 0 <= words[5] < 100_000 and words[39] in {0, _NEWLINE}


@cache
def _types() -> dict[int, tuple[str, EventKind, ClassicType]]:
    families: tuple[ClassicParser, ...] = (
        fermi_gbm.CLASSIC,
        fermi_lat.CLASSIC,
        swift.CLASSIC,
        icecube.CLASSIC,
        integral.INTEGRAL,
        integral.HETE,
        maxi.CLASSIC,
        supernovae.SNEWS,
        *gamma_monitors.FAMILIES,
    )
    found = {
        kind.number: (family.name, family.event_kind, kind)
        for family in families
        for kind in family.types
        if kind.number is not None
    }
    for number, name in lvk.PACKET_TYPES.items():
        alert_kind = lvk.ALERT_KINDS.get(name.lower().replace("_", ""), AlertKind.UPDATE)
        found[number] = ("lvk", EventKind.GW, ClassicType(number, _LVC_BASE + name, alert_kind))
    return found


def parse_binary(raw: bytes) -> ParsedNotice:
    """Read a packet.

    Raises
    ------
    ParseError
        If it has another size.
    """
    if len(raw) != PACKET_BYTES:
        raise ParseError(f"binary packet of {len(raw)} bytes instead of {PACKET_BYTES}")
    words = struct.unpack(">40i", raw)
    mission, event_kind, kind = _types().get(
        words[0], ("unknown", EventKind.OTHER, ClassicType(words[0], f"packet type {words[0]}"))
    )
    event_time = from_tjd(words[5], words[6] / 100.0)
    place = to_angle(words[7] / 1e4, words[8] / 1e4) if mission != "lvk" else None
    radius = words[11] / 1e4
    region = ErrorRegion()
    if place and 0 < radius < 180:
        region = ErrorRegion(
            shape=RegionShape.CIRCLE,
            radius_deg=radius,
            containment=kind.containment,
            systematic_included=kind.systematic_included,
            note=kind.note,
        )
    native_id, aliases = str(words[4]), ()
    if mission in {"integral", "hete"} and (parts := integral.split_trigger(native_id)):
        native_id = parts[0]
    # LVC and IceCube packets hold a part of the id only, so the day belongs to the identity
    partial = mission in {"lvk", "icecube"} or native_id in {"0", "-1"}
    return ParsedNotice(
        mission=mission,
        notice_type=kind.name,
        format=NoticeFormat.BINARY160,
        native_id=native_id,
        aliases=aliases,
        id_qualifier=event_time.strftime("%Y%m%dT%H%M%S") if partial and event_time else None,
        kind=event_kind,
        alert_kind=kind.alert_kind,
        sequence=words[1],
        stage=kind.stage,
        event_time=event_time,
        time_quality=TimeQuality.TJD_SOD if event_time else None,
        ra_deg=place[0] if place else None,
        dec_deg=place[1] if place else None,
        region=region,
        facts=EventFacts(
            ra_deg=place[0] if place else None,
            dec_deg=place[1] if place else None,
            error_radius_deg=region.radius_deg,
            containment=region.containment,
        ),
        is_test=kind.is_test or native_id == "99999",
        is_subthreshold=kind.is_subthreshold,
        tags=("binary packet",),
    )

"""SVOM: VOEvents under gcn.notices, all instruments of one burst under one id."""

import re

from too_common.contracts.ingest import AlertKind, EventKind

from too_ingest.notices.classic import (
    ClassicType,
    classic_notice,
    named_maps,
    packet_type,
    with_facts,
)
from too_ingest.notices.model import ParsedNotice
from too_ingest.notices.parser import Document
from too_ingest.notices.values import to_id

ASSUMED_GRM_RADIUS_DEG = 10.0
"""GRM prints -1 for 'unknown': about 10 deg (mission page)."""
RETRACTION_TYPE = 219
_SUFFIX = re.compile(r"^(sb\d{8})_(.+)$")
_STAGES = {"grm": 0, "eclairs": 1, "mxt": 2, "vt": 3}
_INSTRUMENTS = ("grm", "eclairs", "mxt", "vt")


class SvomParser:
    """SVOM's packets."""

    name = "svom"
    topics = frozenset(f"gcn.notices.svom.voevent.{i}" for i in _INSTRUMENTS)

    def accepts(self, document: Document) -> bool:
        """By the stream of the ivorn."""
        packet = document.packet
        return packet is not None and packet.stream.lower() == "org.svom/fsc"

    def parse(self, document: Document, topic: str | None) -> ParsedNotice:
        """Read one packet; a retraction may come on another instrument's topic."""
        packet = document.packet
        if packet is None:
            raise TypeError("the SVOM parser was given no packet")
        match = _SUFFIX.match(packet.local_id)
        subtype = match[2] if match else packet.local_id[:60] or "notice"
        instrument = (packet.value("Instrument") or (topic or "").rsplit(".", 1)[-1]).lower()
        first = subtype.endswith(("trigger", "wakeup", "preliminary"))
        kind = ClassicType(
            None,
            subtype,
            AlertKind.INITIAL if first else AlertKind.UPDATE,
            stage=_STAGES.get(instrument, 1),
            stream="SVOM",
            observation_start=instrument in {"mxt", "vt"},
        )
        notice = classic_notice(packet, kind, mission=self.name, event_kind=EventKind.GRB)
        catalogue = "catalog" in subtype
        unknown = (
            instrument == "grm" and notice.ra_deg is not None and notice.region.radius_deg is None
        )
        extra = {
            name.lower(): value
            for name in (
                "Notice_Level",
                "Slew_Status",
                "Source_Name",
                "Alert_Seq_T0",
                "SNR",
                "Timescale",
            )
            if (value := packet.value(name)) is not None
        }
        tags = [f"slew {extra['slew_status']}"] if "slew_status" in extra else []
        if catalogue:
            tags.append("known source")
        native = to_id(packet.value("Burst_Id")) or (match[1] if match else None)
        retraction = (
            notice.is_retraction
            or subtype == "retraction"
            or packet_type(packet) == RETRACTION_TYPE
        )
        return notice.model_copy(
            update={
                "native_id": native,
                "sequence": None,
                "kind": EventKind.OTHER if catalogue else EventKind.GRB,
                "is_retraction": retraction,
                "alert_kind": AlertKind.RETRACTION if retraction else notice.alert_kind,
                "skymaps": named_maps(packet),
                "assumed_radius_deg": ASSUMED_GRM_RADIUS_DEG if unknown else None,
                "facts": with_facts(
                    notice,
                    extra=extra,
                    instruments=(packet.value("Instrument") or instrument,),
                    significance_sigma=packet.number("SNR"),
                ),
                "tags": tuple(tags),
            }
        )


PARSER = SvomParser()

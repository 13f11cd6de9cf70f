"""Fermi GBM: flight, ground and final positions, sub-threshold notices, and the JSON to come."""

import re

from too_common.contracts.ingest import AlertKind, EventKind

from too_ingest.notices.classic import ClassicParser, ClassicType, is_role_test, with_facts
from too_ingest.notices.conventions import ROBOBA_SYSTEMATIC_DEG, convention
from too_ingest.notices.model import ErrorRegion, ParsedNotice, SkymapKind, SkymapSource
from too_ingest.notices.parser import Document
from too_ingest.notices.unified import UnifiedParser
from too_ingest.notices.values import fits_url, to_float, to_int, to_text
from too_ingest.notices.voevent import Packet

TESTS = frozenset({"99999"})
MOST_LIKELY = {
    1: "unreliable location",
    2: "local particles",
    3: "below horizon",
    4: "GRB",
    5: "generic SGR",
    6: "generic transient",
    7: "distant particles",
    8: "solar flare",
    9: "Cyg X-1",
    10: "SGR 1806-20",
    19: "TGF",
}
"""Classes of the on-board classifier (Most_Likely_Index)."""
SPACECRAFT_LONGITUDE, SPACECRAFT_LATITUDE = "spacecraft_longitude_deg", "spacecraft_latitude_deg"
"""Names among the facts; the map of an error circle leaves out what the Earth hides from there."""
MAX_LATITUDE_DEG = 30.0
_BURST_NAME = re.compile(r"\b(bn\d{9})")

TYPES = (
    ClassicType(110, "FERMI_GBM_ALERT", AlertKind.EARLY_WARNING),
    ClassicType(111, "FERMI_GBM_FLT_POS", AlertKind.PRELIMINARY, stage=1),
    ClassicType(112, "FERMI_GBM_GND_POS", AlertKind.INITIAL, stage=2),
    ClassicType(113, "FERMI_GBM_LC", AlertKind.UPDATE),
    ClassicType(115, "FERMI_GBM_FIN_POS", AlertKind.UPDATE, stage=3),
    ClassicType(118, "FERMI_GBM_TRANS", AlertKind.INITIAL),
    ClassicType(119, "FERMI_GBM_POS_TEST", is_test=True),
    ClassicType(131, "FERMI_GBM_SUBTHRESH", AlertKind.INITIAL, is_subthreshold=True),
)


def healpix_address(location_map: str | None) -> str | None:
    """Address of the HEALPix file beside the picture that a FIN_POS notice names."""
    if not location_map:
        return None
    direct = fits_url(location_map)
    if direct:
        return direct
    match = re.match(r"^https?://(\S+/)glg_locplot_all_(bn\d{9})\.png$", location_map.strip())
    return f"https://{match[1]}glg_healpix_all_{match[2]}.fit" if match else None


def _region(packet: Packet, region: ErrorRegion) -> ErrorRegion:
    if region.systematic_deg is None or region.radius_deg is None:
        return region
    return region.model_copy(update={"systematic_deg": _systematic(packet.value("Long_short"))})


def _systematic(duration: str | None) -> float:
    return ROBOBA_SYSTEMATIC_DEG.get((duration or "").strip().lower(), ROBOBA_SYSTEMATIC_DEG[""])


def _place(longitude: float | None, latitude: float | None) -> dict[str, object]:
    """Point below the spacecraft, whose orbit stays within 26 deg of the equator; or nothing."""
    if longitude is None or latitude is None or (longitude, latitude) == (0.0, 0.0):
        return {}
    if not (-180.0 <= longitude <= 360.0 and abs(latitude) <= MAX_LATITUDE_DEG):
        return {}
    return {SPACECRAFT_LONGITUDE: longitude, SPACECRAFT_LATITUDE: latitude}


def _refine(packet: Packet, kind: ClassicType, notice: ParsedNotice) -> ParsedNotice:
    extra: dict[str, object] = {}
    tags: list[str] = []
    index = to_int(packet.value("Most_Likely_Index"))
    if index is not None:
        label = MOST_LIKELY.get(index, f"class {index}")
        extra["most_likely_index"] = index
        extra["most_likely"] = label
        extra["most_likely_percent"] = packet.number("Most_Likely_Prob")
        tags.append(label)
    for name in ("Long_short", "Duration_class", "Spectral_class", "Reliability"):
        if (value := packet.value(name)) is not None:
            extra[name.lower()] = value
    extra |= _place(packet.number("SC_Long"), packet.number("SC_Lat"))
    if (duration := packet.value("Long_short") or packet.value("Duration_class")) is not None:
        tags.append(duration.lower())
    classification = {}
    if index is not None and (percent := packet.number("Most_Likely_Prob")) is not None:
        classification[MOST_LIKELY.get(index, f"class {index}")] = percent / 100.0
    address = fits_url(packet.value("HealPix_URL")) or healpix_address(
        packet.value("LocationMap_URL")
    )
    names = {m[1] for p in packet.params if (m := _BURST_NAME.search(p.value))}
    # role=test stood on real sub-threshold notices for years; their own flag tells
    test = notice.is_test
    if kind.is_subthreshold and is_role_test(packet):
        test = packet.any_flag("Test_Submission")
    test = test or notice.native_id in TESTS
    return notice.model_copy(
        update={
            "region": _region(packet, notice.region),
            "aliases": tuple(sorted(names)),
            "is_test": test,
            "id_qualifier": notice.id_qualifier if test else None,
            "skymaps": (SkymapSource(kind=SkymapKind.URL, url=address),) if address else (),
            "facts": with_facts(
                notice,
                extra=extra,
                classification=classification,
                instruments=("GBM",),
                duration_s=packet.number("Trans_Duration") or packet.number("Trig_Dur"),
            ),
            "tags": tuple(tags),
        }
    )


CLASSIC = ClassicParser(
    "fermi_gbm",
    TYPES,
    event_kind=EventKind.GRB,
    streams=("nasa.gsfc.gcn/Fermi",),
    local_prefixes=("GBM_",),
    refine=_refine,
    met=True,
)

_STAGES = {
    "INITIAL_ALERT": (AlertKind.EARLY_WARNING, 0),
    "FLIGHT_POSITION": (AlertKind.PRELIMINARY, 1),
    "GROUND_POSITION": (AlertKind.INITIAL, 2),
    "FINAL_POSITION": (AlertKind.UPDATE, 3),
}


def _refine_json(document: Document, notice: ParsedNotice) -> ParsedNotice:
    members = document.json or {}
    number = next((i for i in (notice.native_id, *notice.aliases) if i and i.isdigit()), None)
    names = tuple(i for i in (notice.native_id, *notice.aliases) if i and i != number)
    kind, stage = _STAGES.get(str(members.get("subtype")), (notice.alert_kind, 0))
    region = notice.region
    if region.radius_deg is not None and region.systematic_included is False:
        region = region.model_copy(
            update={
                "systematic_deg": _systematic(to_text(members.get("duration_class"))),
                "note": convention("FERMI_GBM_GND_POS").source,
            }
        )
    tags = [str(label).lower() for label in notice.facts.classification]
    if members.get("duration_class"):
        tags.append(str(members["duration_class"]).lower()[:40])
    place = _place(to_float(members.get("longitude")), to_float(members.get("latitude")))
    return notice.model_copy(
        update={
            "facts": with_facts(notice, extra=notice.facts.extra | place),
            "native_id": number or notice.native_id,
            "aliases": names if number else notice.aliases,
            "alert_kind": AlertKind.RETRACTION if notice.is_retraction else kind,
            "stage": stage,
            "region": region,
            "tags": (*notice.tags, *tags),
        }
    )


JSON = UnifiedParser(
    "fermi_gbm",
    event_kind=EventKind.GRB,
    streams=("fermi/gbm",),
    topics=("gcn.notices.fermi.gbm.trigger", "gcn.notices.fermi.gbm.alert"),
    missions=(("fermi", "gbm"),),
    refine=_refine_json,
)

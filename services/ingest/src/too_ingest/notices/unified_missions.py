"""Missions whose JSON is the unified schema and little else."""

from too_common.contracts.ingest import EventKind

from too_ingest.notices.conventions import convention
from too_ingest.notices.model import ParsedNotice, RegionShape
from too_ingest.notices.parser import Document
from too_ingest.notices.unified import UnifiedParser
from too_ingest.notices.values import to_ids, to_text


def _refine_km3net(document: Document, notice: ParsedNotice) -> ParsedNotice:
    names = to_ids((document.json or {}).get("event_name"))
    aliases = tuple(dict.fromkeys((*notice.aliases, *names)))
    region = notice.region
    if region.shape is not RegionShape.NONE and "systematic_included" not in (document.json or {}):
        meaning = convention("km3net")
        region = region.model_copy(
            update={
                "systematic_included": meaning.systematic_included,
                "note": f"{region.note}; {meaning.source}",
            }
        )
    return notice.model_copy(update={"aliases": aliases, "stage": 1, "region": region})


def _refine_frb(document: Document, notice: ParsedNotice) -> ParsedNotice:
    source = to_text((document.json or {}).get("known_source"))
    tags = (*notice.tags, f"repeater {source}") if source else notice.tags
    return notice.model_copy(update={"tags": tags})


def _refine_boom(document: Document, notice: ParsedNotice) -> ParsedNotice:
    data = (document.json or {}).get("data")
    targets = data.get("targets") if isinstance(data, dict) else None
    names = [
        name
        for target in (targets if isinstance(targets, list) else [])[:50]
        if isinstance(target, dict) and (name := to_text(target.get("event_name")))
    ]
    extra = {**notice.facts.extra, "targets": names}
    facts = notice.facts.model_copy(update={"extra": extra})
    return notice.model_copy(update={"facts": facts, "tags": (*notice.tags, "context")})


EINSTEIN_PROBE = UnifiedParser(
    "einstein_probe",
    event_kind=EventKind.XRAY,
    streams=("einstein_probe", "ep"),
    topics=("gcn.notices.einstein_probe.wxt.alert",),
    missions=(("einstein_probe", ""),),
)
CHIME = UnifiedParser(
    "chime",
    event_kind=EventKind.FRB,
    streams=("chime",),
    topics=("gcn.notices.chime.frb",),
    missions=(("chime", ""), ("chime/frb", "")),
    refine=_refine_frb,
)
DSA110 = UnifiedParser(
    "dsa110",
    event_kind=EventKind.FRB,
    streams=("dsa110",),
    topics=("gcn.notices.dsa110.frb",),
    missions=(("dsa110", ""), ("dsa-110", "")),
    refine=_refine_frb,
)
KM3NET = UnifiedParser(
    "km3net",
    event_kind=EventKind.NEUTRINO,
    streams=("km3net",),
    topics=("gcn.notices.km3net.alert",),
    missions=(("km3net", ""),),
    refine=_refine_km3net,
)
BOOM = UnifiedParser(
    "boom",
    event_kind=EventKind.OTHER,
    streams=("boom",),
    topics=("gcn.notices.boom.alert",),
    missions=(("boom", ""),),
    refine=_refine_boom,
)
BURSTCUBE = UnifiedParser(
    "burstcube",
    event_kind=EventKind.GRB,
    streams=("burstcube",),
    topics=("gcn.notices.burstcube.alert",),
    missions=(("burstcube", ""),),
)
GLOWBUG = UnifiedParser(
    "glowbug",
    event_kind=EventKind.GRB,
    streams=("glowbug",),
    topics=("gcn.notices.glowbug.alert",),
    missions=(("glowbug", ""),),
)
HEASARC = UnifiedParser(
    "heasarc",
    event_kind=EventKind.OTHER,
    streams=("heasarc",),
    topics=("gcn.notices.heasarc.archive_alert",),
    missions=(("heasarc", ""),),
)
FAMILIES = (EINSTEIN_PROBE, CHIME, DSA110, KM3NET, BOOM, BURSTCUBE, GLOWBUG, HEASARC)

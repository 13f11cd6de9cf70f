"""IceCube and the AMON streams around it: tracks, cascades, old HESE and EHE, joint searches."""

import re
from typing import Any

from too_common.contracts.ingest import AlertKind, EventKind

from too_ingest.notices.classic import ClassicParser, ClassicType, with_facts
from too_ingest.notices.conventions import convention
from too_ingest.notices.model import ErrorRegion, ParsedNotice, SkymapKind, SkymapSource
from too_ingest.notices.parser import Document
from too_ingest.notices.unified import UnifiedParser, read_region
from too_ingest.notices.values import fits_url, to_angle, to_float, to_id, to_ids, to_int, to_text
from too_ingest.notices.voevent import Packet

TYPES = (
    ClassicType(157, "AMON_ICECUBE_COINC"),
    ClassicType(158, "AMON_ICECUBE_HESE"),
    ClassicType(169, "AMON_ICECUBE_EHE"),
    ClassicType(172, "AMON_NU_EM_COINC"),
    ClassicType(173, "ICECUBE_ASTROTRACK_GOLD", stage=1),
    ClassicType(174, "ICECUBE_ASTROTRACK_BRONZE", stage=1),
    ClassicType(176, "ICECUBE_CASCADE", stage=1),
)
_PAIR = re.compile(r"^\s*(\d{1,9})\s*[_ .]\s*(\d{1,12})(?:_\d{1,3})?\s*$")
"""Run and event, and perhaps the revision, which is no part of the identity."""
_IVORN_PAIR = re.compile(r"_(\d{5,9})_(\d{6,12})(?:_\d+)?(?:-\d+)?$")


def run_event(run: Any, event: Any) -> str | None:
    """``138354_45413430``: run and event as integers, without padding."""
    run_number, event_number = to_int(run), to_int(event)
    if run_number is None or event_number is None or run_number < 0 or event_number < 0:
        return None
    return f"{run_number}_{event_number}"


def normal_pair(text: str) -> str | None:
    """Canonical spelling of ``138354_045413430``, with or without a revision after it."""
    match = _PAIR.match(text)
    return run_event(match[1], match[2]) if match else None


def _region(packet: Packet, region: ErrorRegion) -> ErrorRegion:
    fifty = packet.number("src_error_50") or packet.number("src_err_50")
    if fifty is None or region.radius_deg is None:
        return region
    return region.model_copy(update={"note": f"{region.note}; 50 %: {fifty:g} as stated"})


def _refine(packet: Packet, kind: ClassicType, notice: ParsedNotice) -> ParsedNotice:
    native_id = run_event(packet.value("run_id"), packet.value("event_id"))
    aliases: list[str] = []
    if kind.name == "AMON_NU_EM_COINC":
        # a coincidence of several detectors: its number stands alone
        if native_id is not None:
            aliases.append(native_id)
        native_id = to_id(packet.value("Event_ID")) or notice.native_id
    if native_id is None:
        native_id = notice.native_id
    if (amon := to_id(packet.value("AMON_ID"))) is not None:
        aliases.append(amon)
    if (match := _IVORN_PAIR.search(packet.local_id)) is not None:
        aliases.append(f"{match[1]}_{match[2]}")
    if (name := to_id(packet.value("event_name"))) is not None:
        aliases.append(name)
    revision = to_int(packet.value("Rev"))
    address = fits_url(packet.value("skymap_fits"))
    energy = packet.number("energy")
    kind_of_alert = notice.alert_kind
    if kind_of_alert is AlertKind.INITIAL and revision:
        kind_of_alert = AlertKind.UPDATE
    colour = next((c for c in ("gold", "bronze", "cascade") if c in kind.name.lower()), None)
    return notice.model_copy(
        update={
            "native_id": native_id,
            "aliases": tuple(dict.fromkeys(a for a in aliases if a != native_id)),
            "alert_kind": kind_of_alert,
            "sequence": revision if revision is not None else notice.sequence,
            "is_ordered": revision is not None,
            "region": _region(packet, notice.region),
            "skymaps": (SkymapSource(kind=SkymapKind.URL, url=address),) if address else (),
            "facts": with_facts(
                notice,
                signalness=packet.number("signalness"),
                p_astro=packet.number("signalness"),
                energy_tev=energy,
                instruments=("IceCube",),
                extra={
                    n: v
                    for n in ("src_error_50", "src_error_90", "src_err_50", "src_err_90", "Pvalue")
                    if (v := packet.number(n)) is not None
                },
            ),
            "tags": (colour,) if colour else (),
        }
    )


CLASSIC = ClassicParser(
    "icecube",
    TYPES,
    event_kind=EventKind.NEUTRINO,
    streams=("nasa.gsfc.gcn/AMON", "nasa.gsfc.gcn/ICECUBE"),
    local_prefixes=("ICECUBE_", "AMON_", "NU_EM"),
    refine=_refine,
    rate_unit="yr^-1",
)


def _refine_track(document: Document, notice: ParsedNotice) -> ParsedNotice:
    members = document.json or {}
    ids = to_ids(members.get("id"))
    native_id = next((pair for i in ids if (pair := normal_pair(i))), None)
    halves: tuple[str, ...] = ()
    if native_id is None and len(ids) == 2 and (pair := run_event(ids[0], ids[1])) is not None:
        # a run has many events: neither number alone says which
        native_id, halves, ids = pair, ids, ()
    names = to_ids(members.get("event_name"))
    pipeline = (to_text(members.get("pipeline")) or "").lower()
    signalness = to_float(members.get("signalness"))
    if signalness is None:
        signalness = to_float(members.get("p_astro"))
    record = notice.sequence
    kind = notice.alert_kind
    if record and kind is AlertKind.INITIAL:
        kind = AlertKind.UPDATE
    region = notice.region
    if region.systematic_included is False and record and "systematic_included" not in members:
        # the revised record has them in, the prompt one has not (mission page)
        region = region.model_copy(update={"systematic_included": True})
    note = f"{region.note}; {convention('icecube JSON').source}"
    return notice.model_copy(
        update={
            "native_id": native_id or notice.native_id,
            "aliases": tuple(dict.fromkeys(i for i in (*ids, *names) if i != native_id)),
            "spellings": halves,
            "alert_kind": kind,
            "stage": 1,
            "region": region.model_copy(update={"note": note}) if region.radius_deg else region,
            "facts": with_facts(
                notice, signalness=signalness, energy_tev=to_float(members.get("nu_energy"))
            ),
            "tags": (*notice.tags, *(c for c in ("gold", "bronze", "cascade") if c in pipeline)),
        }
    )


TRACK_JSON = UnifiedParser(
    "icecube",
    event_kind=EventKind.NEUTRINO,
    streams=(
        "icecube/single_neutrino_alerts",
        "icecube/gold_bronze_track_alerts",
        "icecube/goldandbronze",
        "icecube/amon",
        "icecube/test",
    ),
    topics=(
        "gcn.notices.icecube.gold_bronze_track_alerts",
        "gcn.notices.icecube.test.gold_bronze_track_alerts",
        "gcn.notices.icecube.single_neutrino_alerts",
        "gcn.notices.icecube.cascade_alerts",
    ),
    missions=(("icecube", ""),),
    refine=_refine_track,
)


def _refine_search(document: Document, notice: ParsedNotice) -> ParsedNotice:
    members = document.json or {}
    found: list[dict[str, Any]] = []
    events = members.get("coincident_events")
    for item in (events if isinstance(events, list) else [])[:50]:
        if not isinstance(item, dict):
            continue
        nested = item.get("localization")
        place_of = nested if isinstance(nested, dict) else item
        place = to_angle(place_of.get("ra"), place_of.get("dec"))
        region = read_region(place_of)
        found.append(
            {
                "ids": list(to_ids(item.get("id"))),
                "ra_deg": place[0] if place else None,
                "dec_deg": place[1] if place else None,
                "error_radius_deg": region.radius_deg,
                "containment": region.containment,
                "time_offset_s": to_float(item.get("event_dt")),
                "p_value_generic": to_float(item.get("event_pval_generic")),
                "p_value_bayesian": to_float(item.get("event_pval_bayesian")),
            }
        )
    superevent = to_id(members.get("ref_ID"))
    # several neutrinos may coincide: none of them is *the* position of the event
    return notice.model_copy(
        update={
            "native_id": superevent,
            "ra_deg": None,
            "dec_deg": None,
            "region": ErrorRegion(),
            "is_test": notice.is_test or bool(superevent and superevent[:1] in {"M", "T"}),
            "facts": with_facts(
                notice,
                ra_deg=None,
                dec_deg=None,
                extra={**notice.facts.extra, "coincident_events": found},
            ),
            "tags": (*notice.tags, "neutrino search"),
        }
    )


SEARCH_JSON = UnifiedParser(
    "icecube",
    # it looks at the time of a gravitational wave, so being there is no coincidence
    event_kind=EventKind.OTHER,
    streams=(
        "icecube/lvk_nu_track_search",
        "icecube/lvk_nu_cascade_search",
        "icecube/lvk_nu_search",
        "icecube/lvknutracksearch",
    ),
    topics=(
        "gcn.notices.icecube.lvk_nu_track_search",
        "gcn.notices.icecube.lvk_nu_cascade_search",
    ),
    refine=_refine_search,
)

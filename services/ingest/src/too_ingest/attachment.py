"""Which notices speak of one burst: by a common id, or by a rule, never across missions.

Two notices are linked if they share an id of one mission, or if one of `RULES` says so; an event
is a connected component of these links. Since a link is a property of two notices alone, the
components do not depend on the order in which the notices come. What a person has merged or
split is laid over that elsewhere and is never undone from here.

A rule is made only where chance would not do it: the rate of the rarer stream times the window is
given with each. Bursts seen by different missions are coincidences (`coincidence`), links that
never merge.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from too_common.contracts.ingest import EventKind

from too_ingest.notices import NoticeFormat, ParsedNotice, TimeQuality

FAMILIES = {"fermi_gbm": "fermi", "fermi_lat": "fermi"}
"""Instruments of one spacecraft; every other mission is a family by itself."""
TRUSTED_TIMES = frozenset({TimeQuality.STATED, TimeQuality.TJD_SOD, TimeQuality.MET})
"""Event times that a rule may use: that of an observation or of the notice itself says nothing."""
SIGMAS = 3.0
"""Positions are compatible within so many joint sigmas (98.9 % of a 2-D Gaussian)."""
UNKNOWN_SIGMA_DEG = 1.0
"""Per axis, for a position whose mission states no error."""


class Stream(StrEnum):
    """Streams of notices that a rule knows."""

    GBM_TRIGGER = "gbm_trigger"
    GBM_SUBTHRESHOLD = "gbm_subthreshold"
    LAT = "lat"
    GECAM_FLIGHT = "gecam_flight"
    GECAM_GROUND = "gecam_ground"
    MAXI_CLASSIC = "maxi_classic"
    MAXI_JSON = "maxi_json"


@dataclass(frozen=True, slots=True)
class Rule:
    """Two streams of one mission whose notices may be of one burst."""

    streams: tuple[Stream, Stream]
    tolerance_s: float
    needs_positions: bool
    name: str
    reason: str

    def concerns(self, one: Stream, other: Stream) -> bool:
        """Tell whether the rule is about this pair, in either order."""
        return (one, other) in {self.streams, self.streams[::-1]}


RULES = (
    Rule(
        (Stream.GBM_TRIGGER, Stream.GBM_SUBTHRESHOLD),
        10.0,
        needs_positions=False,
        name="GBM trigger and sub-threshold search",
        reason="the ground search finds triggered bursts too and names them by their whole second; "
        "some 700 sub-threshold candidates a year make 4e-4 chance pairs a trigger",
    ),
    Rule(
        (Stream.GBM_TRIGGER, Stream.LAT),
        100.0,
        needs_positions=True,
        name="GBM and LAT",
        reason="one spacecraft, ids of their own (793795104 and 793795080 are one burst); some 20 "
        "LAT bursts a year make 1e-4 chance pairs a trigger, before the position is asked",
    ),
    Rule(
        (Stream.GBM_SUBTHRESHOLD, Stream.LAT),
        100.0,
        needs_positions=True,
        name="GBM sub-threshold and LAT",
        reason="as for triggered bursts",
    ),
    Rule(
        (Stream.LAT, Stream.LAT),
        100.0,
        needs_positions=True,
        name="LAT on board and on ground",
        reason="the ground search names a burst by a second of its own",
    ),
    Rule(
        (Stream.GECAM_FLIGHT, Stream.GECAM_GROUND),
        10.0,
        needs_positions=False,
        name="GECAM in flight and on ground",
        reason="ground numbers count from 1 and never repeat the flight's; some 100 bursts a year "
        "make 6e-5 chance pairs a trigger",
    ),
    Rule(
        (Stream.MAXI_CLASSIC, Stream.MAXI_JSON),
        60.0,
        needs_positions=True,
        name="MAXI as VOEvent and as JSON",
        reason="the classic id is mangled by an integer overflow; one scan passes a place in some "
        "40 s, and comes again after 92 min",
    ),
)
TOLERANCE = timedelta(seconds=max(rule.tolerance_s for rule in RULES))


def family_of(mission: str) -> str:
    """Missions of one family may share an event without a person's word."""
    return FAMILIES.get(mission, mission)


def missions_of(family: str) -> tuple[str, ...]:
    """All missions of a family."""
    return tuple(sorted({m for m, name in FAMILIES.items() if name == family} | {family}))


def stream_of(notice: ParsedNotice) -> Stream | None:
    """Stream of a notice that rules may attach; None: by its ids alone.

    Retractions repeat positions of something else or have none, and known sources are no bursts.
    """
    if (
        notice.is_retraction
        or notice.event_time is None
        or notice.time_quality not in TRUSTED_TIMES
        or notice.format is NoticeFormat.MANUAL
    ):
        return None
    match notice.mission:
        case "fermi_gbm":
            return Stream.GBM_SUBTHRESHOLD if notice.is_subthreshold else Stream.GBM_TRIGGER
        case "fermi_lat" if notice.kind is EventKind.GRB:
            return Stream.LAT
        case "gecam":
            return Stream.GECAM_GROUND if "GND" in notice.notice_type else Stream.GECAM_FLIGHT
        case "maxi":
            is_json = notice.format is NoticeFormat.JSON
            return Stream.MAXI_JSON if is_json else Stream.MAXI_CLASSIC
    return None


def partners_of(stream: Stream) -> tuple[Stream, ...]:
    """Streams whose notices may be of the same burst."""
    found = {
        other
        for rule in RULES
        for one, other in (rule.streams, rule.streams[::-1])
        if one is stream
    }
    return tuple(sorted(found))


def sigma_deg(notice: ParsedNotice) -> float:
    """Per-axis error of a notice's position, systematics included."""
    region = notice.region
    radius = region.radius_deg
    if radius is None and region.semi_axes_deg is not None:
        radius = max(region.semi_axes_deg)
    if radius is None or not 0 < radius < 180:
        return UNKNOWN_SIGMA_DEG
    containment = region.containment if region.containment and 0 < region.containment < 1 else 0.9
    both = math.hypot(radius, region.systematic_deg or 0.0)
    return both / math.sqrt(-2.0 * math.log1p(-containment))


def positions_agree(one: ParsedNotice, other: ParsedNotice) -> bool | None:
    """Tell whether two positions may be of one source; None if one of them is not known."""
    if one.ra_deg is None or one.dec_deg is None or other.ra_deg is None or other.dec_deg is None:
        return None
    from too_common.astro.sphere import separation_deg

    apart = float(separation_deg(one.ra_deg, one.dec_deg, other.ra_deg, other.dec_deg))
    return apart <= SIGMAS * math.hypot(sigma_deg(one), sigma_deg(other))


def rule_for(one: ParsedNotice, other: ParsedNotice) -> Rule | None:
    """Rule by which two notices are of one burst; symmetric."""
    streams = stream_of(one), stream_of(other)
    if streams[0] is None or streams[1] is None or one.is_test != other.is_test:
        return None
    if one.event_time is None or other.event_time is None:
        return None
    apart_s = abs((one.event_time - other.event_time).total_seconds())
    for rule in RULES:
        if rule.concerns(streams[0], streams[1]) and apart_s <= rule.tolerance_s:
            agree = positions_agree(one, other)
            if agree or (agree is None and not rule.needs_positions):
                return rule
    return None


def names_of(notice: ParsedNotice, content_sha256: str) -> tuple[str, ...]:
    """Id that groups, then all further spellings; a notice without any is an event by itself."""
    identity = notice.identity_id or f"notice:{content_sha256[:16]}"
    qualifier = notice.id_qualifier
    aliases = (f"{a}@{qualifier}" if qualifier else a for a in notice.aliases)
    return tuple(dict.fromkeys((identity, *aliases)))


def components(notices: Sequence[tuple[ParsedNotice, str]]) -> list[frozenset[int]]:
    """Which of these notices are one event, as sets of their places in the list.

    Parameters
    ----------
    notices
        Each with the hash of its content.
    """
    parent = list(range(len(notices)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    owner: dict[tuple[str, str], int] = {}
    for i, (notice, sha256) in enumerate(notices):
        for name in names_of(notice, sha256):
            parent[root(i)] = root(owner.setdefault((notice.mission, name), i))
        for j in range(i):
            if rule_for(notice, notices[j][0]) is not None:
                parent[root(i)] = root(j)
    found: dict[int, set[int]] = {}
    for i in range(len(notices)):
        found.setdefault(root(i), set()).add(i)
    return [frozenset(found[key]) for key in sorted(found)]

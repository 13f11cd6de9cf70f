"""Which of an event's localizations is preferred, and why, in words.

1. Within one mission: a HEALPix map goes before an error region, the more precise stage of the
   analysis before the coarser, the mission's own map before one combined with another's, then the
   newer notice.
2. Between missions (an event that was attached or merged) stages cannot be compared: of each
   mission's best the one with the smallest 90 % area counts.
3. A person's upload counts as one of the best kind that was there when it came; a newer map of
   that kind goes before it.

The choice depends on the localizations alone, not on the order in which their maps were ready.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from too_common.contracts.ingest import LocalizationOrigin

from too_ingest.localization_plan import COMBINED_PENALTY

_WHAT = {
    LocalizationOrigin.EMBEDDED: "map in the notice",
    LocalizationOrigin.URL: "map named by the notice",
    LocalizationOrigin.UPLOAD: "map uploaded by a person",
    LocalizationOrigin.CONE: "error region of the notice",
}


class Localized(Protocol):
    """What the preference looks at."""

    @property
    def origin(self) -> str:
        """Where it came from."""
        ...

    @property
    def rank(self) -> int:
        """Higher is better, within a mission."""
        ...

    @property
    def mission(self) -> str:
        """Mission of the notice that gave it."""
        ...

    @property
    def notice_at(self) -> datetime:
        """Time of the notice that gave it."""
        ...

    @property
    def map_sha256(self) -> str | None:
        """Hash of the map; None as long as there is none. Breaks ties the same way everywhere."""
        ...

    @property
    def facts(self) -> dict[str, Any] | None:
        """Facts of the map."""
        ...


T = TypeVar("T")
L = TypeVar("L", bound=Localized)


@dataclass(frozen=True, slots=True)
class Choice(Generic[T]):
    """The preferred localization."""

    item: T
    reason: str


def preference_key(item: Localized) -> tuple[int, datetime, str, str]:
    """Order of preference within a mission: rank, then the newer notice; the rest breaks ties."""
    return item.rank, item.notice_at, item.map_sha256 or "", item.mission


def area_deg2(item: Localized) -> float:
    """90 % area of a localization; the whole sky if it is not known."""
    return float((item.facts or {}).get("area90_deg2") or 41252.96)


def choose(items: Iterable[L]) -> Choice[L] | None:
    """The localization to use, of those that have a map."""
    ready = [item for item in items if item.map_sha256 is not None]
    if not ready:
        return None
    bests: dict[str, L] = {}
    for item in ready:
        if item.origin != LocalizationOrigin.UPLOAD:
            known = bests.get(item.mission)
            if known is None or preference_key(item) > preference_key(known):
                bests[item.mission] = item
    ranked = sorted(bests.values(), key=lambda i: (area_deg2(i), i.mission))
    uploads = [item for item in ready if item.origin == LocalizationOrigin.UPLOAD]
    upload = max(uploads, key=preference_key, default=None)
    if upload is not None and (
        not ranked or preference_key(upload) > max(preference_key(i) for i in ranked)
    ):
        return Choice(upload, _because(upload, "nothing of its kind is newer"))
    best = ranked[0]
    if len(ranked) > 1:
        areas = ", ".join(f"{i.mission} {area_deg2(i):.3g}" for i in ranked)
        why = f"the smallest 90 % area of the missions' best, in deg²: {areas}"
        return Choice(best, _because(best, why))
    return Choice(best, _because(best, _why(best, [i for i in ready if i is not best])))


def why_not(item: Localized, choice: Choice[T]) -> str:
    """Why a localization is not the preferred one."""
    return f"{_WHAT[LocalizationOrigin(item.origin)]}; preferred instead: {choice.reason}"


def _because(item: Localized, why: str) -> str:
    return f"{_WHAT[LocalizationOrigin(item.origin)]}; {why}"


def _why(best: Localized, others: Sequence[Localized]) -> str:
    """What decided between the best and the next of a mission."""
    if not others:
        return "the only localization so far"
    next_best = max(others, key=preference_key)
    if best.rank == next_best.rank:
        if best.notice_at == next_best.notice_at:
            return "as good and as new as another; chosen by content"
        return f"the newest of the best kind ({best.notice_at:%Y-%m-%d %H:%M:%S} UTC)"
    if next_best.origin == LocalizationOrigin.CONE != best.origin:
        return "a map goes before an error region"
    if best.rank - next_best.rank == COMBINED_PENALTY:
        return "the mission's own map goes before the one combined with another observatory's"
    return "of the more precise stage of the mission's analysis"

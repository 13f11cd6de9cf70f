"""Which localizations a notice gives, how they rank, and which one is preferred.

Map over cone; within a mission the more precise stage over the coarser; then the newer. A map
made together with another observatory is kept beside the mission's own and ranks just below it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from too_common.contracts.ingest import LocalizationOrigin

from too_ingest.notices import ErrorRegion, ParsedNotice, RegionShape, SkymapKind

MAP_RANK = 1000
"""Every HEALPix map ranks above every cone."""
STAGE_RANK = 10
COMBINED_PENALTY = 1
ASSUMED_CONTAINMENT = 0.9
DEFAULT_CONTAINMENT = 0.9
"""For a circle whose mission states no containment; said so on the event's page."""


@dataclass(frozen=True, slots=True)
class Cone:
    """Error circle or ellipse to be made into a map."""

    ra_deg: float
    dec_deg: float
    radius_deg: float | None
    containment: float
    systematic_deg: float = 0.0
    semi_axes_deg: tuple[float, float] | None = None
    position_angle_deg: float = 0.0
    note: str = ""

    def to_row(self) -> dict[str, Any]:
        """Plain form."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> "Cone":
        """Inverse of `to_row`."""
        axes = row.get("semi_axes_deg")
        return cls(**{**row, "semi_axes_deg": (axes[0], axes[1]) if axes else None})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A localization that a notice offers."""

    origin: LocalizationOrigin
    rank: int
    label: str = ""
    url: str | None = None
    data: bytes | None = None
    cone: Cone | None = None


def cone_of(notice: ParsedNotice) -> Cone | None:
    """Cone of a notice's position, with its stated containment and systematics.

    A position without an error is no delta function: it gives no cone, unless the mission says
    how large an unknown error may be.
    """
    if notice.ra_deg is None or notice.dec_deg is None:
        return None
    region = notice.region
    if region.shape is RegionShape.NONE and notice.assumed_radius_deg:
        return Cone(
            notice.ra_deg,
            notice.dec_deg,
            notice.assumed_radius_deg,
            ASSUMED_CONTAINMENT,
            note="the mission states no error; its page's typical value is assumed",
        )
    containment = region.containment or DEFAULT_CONTAINMENT
    if not 0 < containment < 1:
        containment = DEFAULT_CONTAINMENT
    note = region.note if region.containment else f"no containment stated; 90 % {region.note}"
    if region.shape is RegionShape.CIRCLE and region.radius_deg:
        return Cone(
            notice.ra_deg,
            notice.dec_deg,
            region.radius_deg,
            containment,
            systematic_deg=region.systematic_deg or 0.0,
            note=note,
        )
    if region.shape is RegionShape.ELLIPSE and region.semi_axes_deg:
        return Cone(
            notice.ra_deg,
            notice.dec_deg,
            None,
            containment,
            semi_axes_deg=region.semi_axes_deg,
            position_angle_deg=region.position_angle_deg or 0.0,
            note=note,
        )
    if region.shape is RegionShape.RECTANGLE and region.corners_deg:
        return _around_corners(notice.ra_deg, notice.dec_deg, region, containment)
    return None


def _around_corners(
    ra_deg: float, dec_deg: float, region: ErrorRegion, containment: float
) -> Cone | None:
    from too_common.astro.sphere import separation_deg

    corners = region.corners_deg or ()
    radius = max(float(separation_deg(ra_deg, dec_deg, ra, dec)) for ra, dec in corners)
    if not 0 < radius < 90:
        return None
    note = f"circle through the corners of the error box; {region.note}"
    return Cone(ra_deg, dec_deg, radius, containment, note=note)


def candidates(notice: ParsedNotice) -> tuple[Candidate, ...]:
    """Localizations of a notice; a retraction gives none although it may repeat the position."""
    if notice.is_retraction:
        return ()
    found: list[Candidate] = []
    base = notice.stage * STAGE_RANK
    for source in notice.skymaps:
        rank = MAP_RANK + base - (COMBINED_PENALTY if source.label else 0)
        if source.kind is SkymapKind.EMBEDDED and source.data is not None:
            found.append(
                Candidate(LocalizationOrigin.EMBEDDED, rank, source.label, data=source.data)
            )
        elif source.kind is SkymapKind.URL and source.url:
            found.append(Candidate(LocalizationOrigin.URL, rank, source.label, url=source.url))
    if not any(c.origin is LocalizationOrigin.EMBEDDED for c in found):
        cone = cone_of(notice)
        if cone is not None and "spacecraft" not in notice.tags:
            found.append(Candidate(LocalizationOrigin.CONE, base, cone=cone))
    return tuple(found)


class Ranked(Protocol):
    """What the preference looks at."""

    @property
    def rank(self) -> int:
        """Higher is better."""
        ...

    @property
    def notice_at(self) -> datetime:
        """Time of the notice that gave it."""
        ...

    @property
    def map_sha256(self) -> str | None:
        """Hash of the map; breaks ties the same way everywhere."""
        ...


def preference_key(item: Ranked) -> tuple[int, datetime, str]:
    """Order of preference: rank, then the newer notice."""
    return item.rank, item.notice_at, item.map_sha256 or ""


def preferred(items: Iterable[Ranked]) -> Ranked | None:
    """The localization to use, of those that have a map."""
    ready = [item for item in items if item.map_sha256 is not None]
    return max(ready, key=preference_key, default=None)


def reason_of(origin: LocalizationOrigin, rank: int, *, is_preferred: bool) -> str:
    """Why a localization is preferred, or not, in words."""
    what = {
        LocalizationOrigin.EMBEDDED: "map in the notice",
        LocalizationOrigin.URL: "map named by the notice",
        LocalizationOrigin.UPLOAD: "map uploaded by a person",
        LocalizationOrigin.CONE: "error region of the notice",
    }[origin]
    if not is_preferred:
        return f"{what}; a better or newer localization is known"
    if rank < MAP_RANK:
        return f"{what}; there is no map yet"
    return f"{what}; the newest of the best kind"

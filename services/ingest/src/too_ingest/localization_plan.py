"""Which localizations a notice gives, and how they rank; `preference` chooses between them.

Map over cone; within a mission the more precise stage over the coarser. A map made together with
another observatory is kept beside the mission's own and ranks just below it.
"""

from dataclasses import dataclass
from typing import Any

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
    """Error circle, ellipse or box to be made into a map."""

    ra_deg: float
    dec_deg: float
    radius_deg: float | None
    containment: float
    systematic_deg: float = 0.0
    semi_axes_deg: tuple[float, float] | None = None
    position_angle_deg: float = 0.0
    note: str = ""
    corners_deg: tuple[tuple[float, float], ...] | None = None

    def to_row(self) -> dict[str, Any]:
        """Plain form."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> "Cone":
        """Inverse of `to_row`."""
        axes, corners = row.get("semi_axes_deg"), row.get("corners_deg")
        return cls(
            **{
                **row,
                "semi_axes_deg": (axes[0], axes[1]) if axes else None,
                "corners_deg": tuple((ra, dec) for ra, dec in corners) if corners else None,
            }
        )


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
    return region_cone(notice.ra_deg, notice.dec_deg, region)


def region_cone(ra_deg: float, dec_deg: float, region: ErrorRegion) -> Cone | None:
    """Cone of an error region about a position; None if the region has no size."""
    containment = region.containment or DEFAULT_CONTAINMENT
    if not 0 < containment < 1:
        containment = DEFAULT_CONTAINMENT
    note = region.note if region.containment else f"no containment stated; 90 % {region.note}"
    if region.shape is RegionShape.CIRCLE and region.radius_deg:
        return Cone(
            ra_deg,
            dec_deg,
            region.radius_deg,
            containment,
            systematic_deg=region.systematic_deg or 0.0,
            note=note,
        )
    if region.shape is RegionShape.ELLIPSE and region.semi_axes_deg:
        return Cone(
            ra_deg,
            dec_deg,
            None,
            containment,
            semi_axes_deg=region.semi_axes_deg,
            position_angle_deg=region.position_angle_deg or 0.0,
            note=note,
        )
    if region.shape in {RegionShape.RECTANGLE, RegionShape.POLYGON} and region.corners_deg:
        return _box(ra_deg, dec_deg, region, stated=containment)
    return None


def _box(ra_deg: float, dec_deg: float, region: ErrorRegion, *, stated: float) -> Cone:
    from too_common.astro.sphere import position_angle_deg

    corners = region.corners_deg or ()
    if region.shape is RegionShape.RECTANGLE:
        # senders list the corners in any order: around the position they go
        angles = (float(position_angle_deg(ra_deg, dec_deg, *corner)) for corner in corners)
        corners = tuple(corner for _, corner in sorted(zip(angles, corners, strict=True)))
    containment = region.containment or stated
    note = f"even inside the error box; {region.note}" if region.note else "even inside the box"
    return Cone(ra_deg, dec_deg, None, min(containment, 1.0), note=note, corners_deg=corners)


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
        if cone is not None and not notice.is_supplement:
            found.append(Candidate(LocalizationOrigin.CONE, base, cone=cone))
    return tuple(found)

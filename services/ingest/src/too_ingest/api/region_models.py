"""Error regions as a person states them: circle, ellipse or polygon."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator
from too_common.astro.sphere import from_unit_vectors, unit_vectors

from too_ingest.notices import ErrorRegion, RegionShape

RightAscension = Annotated[float, Field(ge=0, lt=360, allow_inf_nan=False)]
Declination = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Radius = Annotated[float, Field(gt=0, lt=90, allow_inf_nan=False)]
NOTE = "as entered by a person"


class RegionFields(BaseModel):
    """Position and error region; all may be left out."""

    ra_deg: RightAscension | None = Field(default=None, description="ICRS; centre")
    dec_deg: Declination | None = None
    radius_deg: Radius | None = Field(default=None, description="Circle: radius")
    semi_major_deg: Radius | None = Field(default=None, description="Ellipse: longer semi-axis")
    semi_minor_deg: Radius | None = Field(default=None, description="Ellipse: shorter one")
    position_angle_deg: Annotated[float, Field(ge=-360, le=360, allow_inf_nan=False)] | None = (
        Field(default=None, description="Ellipse: longer axis, from north through east")
    )
    corners_deg: list[tuple[RightAscension, Declination]] | None = Field(
        default=None,
        min_length=3,
        max_length=200,
        description="Polygon: [ra, dec] of its corners in order, great circles between them",
    )
    containment: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Probability inside: below 1 for circle and ellipse (0.9 if left out), up to 1 "
        "for a polygon (1 if left out)",
    )

    @model_validator(mode="after")
    def _one_region(self) -> "RegionFields":
        if (self.ra_deg is None) != (self.dec_deg is None):
            raise ValueError("give both ra_deg and dec_deg, or neither")
        shapes = [self.radius_deg, self.semi_major_deg, self.corners_deg]
        if sum(shape is not None for shape in shapes) > 1:
            raise ValueError("give one region: a circle, an ellipse or a polygon")
        if self.corners_deg is None:
            if self.ra_deg is None and any(shape is not None for shape in shapes):
                raise ValueError("a circle or an ellipse needs a position")
            if self.containment == 1:
                raise ValueError("the containment of a circle or an ellipse is below 1")
        elif self.ra_deg is not None:
            raise ValueError("a polygon has no position of its own: leave out ra_deg and dec_deg")
        return self

    @model_validator(mode="after")
    def _whole_ellipse(self) -> "RegionFields":
        major, minor = self.semi_major_deg, self.semi_minor_deg
        if (major is None) != (minor is None):
            raise ValueError("an ellipse needs semi_major_deg and semi_minor_deg")
        if major is None and self.position_angle_deg is not None:
            raise ValueError("a position angle belongs to an ellipse")
        if major is not None and minor is not None and minor > major:
            raise ValueError("semi_minor_deg is larger than semi_major_deg")
        return self

    def region(self) -> ErrorRegion:
        """The error region."""
        if self.corners_deg is not None:
            return ErrorRegion(
                shape=RegionShape.POLYGON,
                corners_deg=tuple(self.corners_deg),
                containment=self.containment or 1.0,
                systematic_included=True,
                note=NOTE,
            )
        shared = {
            "containment": self.containment or 0.9,
            "systematic_included": True,
            "note": NOTE,
        }
        if self.semi_major_deg is not None and self.semi_minor_deg is not None:
            return ErrorRegion(
                shape=RegionShape.ELLIPSE,
                semi_axes_deg=(self.semi_major_deg, self.semi_minor_deg),
                position_angle_deg=self.position_angle_deg or 0.0,
                **shared,
            )
        if self.radius_deg is not None:
            return ErrorRegion(shape=RegionShape.CIRCLE, radius_deg=self.radius_deg, **shared)
        return ErrorRegion()

    def position(self) -> tuple[float, float] | None:
        """Centre: as given, or the middle of a polygon's corners."""
        if self.ra_deg is not None and self.dec_deg is not None:
            return self.ra_deg, self.dec_deg
        if self.corners_deg is None:
            return None
        ra, dec = zip(*self.corners_deg, strict=True)
        middle = from_unit_vectors(unit_vectors(ra, dec).mean(axis=0))
        return float(middle[0]), float(middle[1])


class NewRegion(RegionFields):
    """An error region for an event that is there."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="after")
    def _has_a_region(self) -> "NewRegion":
        if self.region().shape is RegionShape.NONE:
            raise ValueError("give a circle, an ellipse or a polygon")
        return self


class MapAddress(BaseModel):
    """Address of a map file."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        min_length=8,
        max_length=2000,
        description="https, on one of the map servers that this installation fetches from",
    )

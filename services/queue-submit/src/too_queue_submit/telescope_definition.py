"""What this service needs of a telescope's definition, as planner publishes it."""

from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from too_queue_submit.errors import PlanRefusedError
from too_queue_submit.sky import Site


class _SiteData(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    latitude_deg: float = Field(ge=-90, le=90)
    longitude_deg: float = Field(ge=-180, le=360)
    elevation_m: float = 0.0


class _Timing(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    overhead_s: float = Field(
        default=0.0, ge=0, validation_alias=AliasChoices("overhead_s", "overhead_per_exposure_s")
    )
    filter_change_s: float = Field(default=0.0, ge=0)


class _Program(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    program_id: int | None = None
    program_pi: str | None = None


class _Queue(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    window_margin_s: float = Field(default=1800.0, ge=0, le=7200)


class TelescopeDefinition(BaseModel):
    """A telescope's site, its filters, the time that an exposure costs; the rest is planner's."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    long_name: str = ""
    site: _SiteData
    filters: tuple[str, ...] = ()
    timing: _Timing = _Timing()
    airmass_max: float | None = Field(default=None, gt=1)
    program: _Program = _Program()
    queue: _Queue = _Queue()

    @property
    def place(self) -> Site:
        """The site, for positions in the sky."""
        return Site(self.site.latitude_deg, self.site.longitude_deg, self.site.elevation_m)

    @property
    def overhead_s(self) -> float:
        """Dead time after each exposure."""
        return self.timing.overhead_s

    @classmethod
    def parse(cls, name: str, definition: dict[str, Any]) -> "TelescopeDefinition":
        """Read a definition.

        Raises
        ------
        PlanRefusedError
            If something that a payload needs is missing.
        """
        defaults = definition.get("defaults") or definition.get("default_plan") or {}
        data = {
            "airmass_max": defaults.get("airmass_max"),
            **definition,
            "name": name,
        }
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise PlanRefusedError(
                f"definition of telescope {name}: {where}: {first['msg']}",
                code="telescope_definition",
            ) from error

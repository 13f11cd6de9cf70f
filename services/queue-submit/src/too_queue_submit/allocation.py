"""Allocation and limits of a facility: whose time it is, and how much of it (rule 8)."""

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Allocation(BaseModel):
    """What a payload says of the program that pays for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    program_id: int | None = Field(
        default=None,
        ge=0,
        description="0 engineering, 1 public, 2 partnership, 3 Caltech; None: the telescope's own",
    )
    program_pi: str | None = Field(
        default=None, max_length=80, description="None: the telescope's own"
    )
    subprogram_name: str = Field(
        default="ToO_EMGW",
        max_length=60,
        description="Must start with ToO: that alone makes a ZTF queue a ToO",
    )
    program: str = Field(default="", max_length=120, description="DECam: title of the program")
    propid: str = Field(default="", max_length=40, description="DECam: proposal of that night")

    @field_validator("program_pi", "subprogram_name", "program", "propid")
    @classmethod
    def _printable(cls, value: str | None) -> str | None:
        if value is not None and not value.isprintable():
            raise ValueError("control characters are not allowed")
        return value

    @field_validator("subprogram_name")
    @classmethod
    def _is_too(cls, value: str) -> str:
        if not value.startswith("ToO"):
            raise ValueError("subprogram_name must start with 'ToO'")
        return value

    def resolved(self, *, program_id: int | None, program_pi: str | None) -> "Allocation":
        """Fill what is not set here from the telescope's own definition.

        Parameters
        ----------
        program_id, program_pi
            The telescope's own; where it has none either, partnership time and no name.
        """
        own_id = program_id if program_id is not None else 2
        return self.model_copy(
            update={
                "program_id": self.program_id if self.program_id is not None else own_id,
                "program_pi": self.program_pi or program_pi or "",
            }
        )


class Limits(BaseModel):
    """What a payload may ask for at most. None: no limit of ours."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_exposures: int = Field(default=1000, ge=1, description="In one payload")
    max_hours_per_night: float = Field(
        default=12.0, gt=0, description="All submissions of a night together, overheads included"
    )
    exposure_s_min: float = Field(default=1.0, gt=0)
    exposure_s_max: float = Field(default=1800.0, gt=0)
    filters: tuple[str, ...] = Field(default=(), description="Empty: those of the telescope")
    program_ids: tuple[int, ...] = Field(default=(), description="Empty: any")
    airmass_max: float = Field(default=3.0, gt=1)
    dec_max_deg: float = Field(default=90.0)
    dec_min_deg: float = Field(default=-90.0)
    hour_angle_max_h: float = Field(default=12.0, gt=0, le=12)
    moon_separation_min_deg: float = Field(
        default=10.0,
        ge=0,
        description="Below this a warning is shown; the planner's limit is higher",
    )
    repeats_per_field_and_filter: int = Field(
        default=12, ge=1, description="More of the same field and filter is refused"
    )
    approvals_required: int = Field(default=1, ge=1, le=2)

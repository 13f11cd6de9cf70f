"""What a file asks a telescope to do, once its reader has understood it."""

from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, Field


class MalformedError(ValueError):
    """The reader refuses the file; the text says why."""


class ProgramRow(BaseModel):
    """One pointing of a file, taken `count` times."""

    index: int = Field(description="Row of the file, from 0")
    field_id: str | None
    ra_deg: float | None = Field(description="None: exposes where the telescope points")
    dec_deg: float | None
    filter: str
    exposure_s: float
    count: int = 1
    label: str | None = None
    begin: AwareDatetime | None = Field(default=None, description="Not before")
    end: AwareDatetime | None = Field(default=None, description="Not after")
    left: int = 1


class Asked(BaseModel):
    """All of a file."""

    rows: list[ProgramRow]
    begin: AwareDatetime | None = None
    end: AwareDatetime | None = None


class RunState(StrEnum):
    """Life of a file after it was taken."""

    LOADED = "loaded"
    OBSERVING = "observing"
    DONE = "done"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def over(self) -> bool:
        """Nothing more will be observed."""
        return self in {RunState.DONE, RunState.CANCELLED, RunState.EXPIRED}


class Taken(BaseModel):
    """One exposure that a robot took."""

    exposure_id: str
    name: str
    index: int
    field_id: str | None
    ra_deg: float
    dec_deg: float
    filter: str
    start: AwareDatetime
    end: AwareDatetime
    exposure_s: float
    depth_mag: float
    label: str | None = None
    failed: bool = False


class Run(BaseModel):
    """A file that was taken, and what became of it."""

    name: str
    state: RunState = RunState.LOADED
    loaded_at: AwareDatetime
    begin: AwareDatetime | None
    end: AwareDatetime
    planned: int
    rows: list[ProgramRow]
    exposures: list[Taken] = Field(default_factory=list)


class Delivered(BaseModel):
    """A file that lies in the folder."""

    file: str
    seen_at: AwareDatetime
    take_at: AwareDatetime | None = Field(description="None: nobody will")


class FileTelescopeState(BaseModel):
    """All that is kept on disk of one telescope."""

    delivered: dict[str, Delivered] = Field(default_factory=dict)
    runs: dict[str, Run] = Field(default_factory=dict)
    taking: Taken | None = None
    look_at: AwareDatetime | None = None
    current_filter: str | None = None
    pointing: tuple[float, float] = (0.0, 0.0)
    next_number: int = 1

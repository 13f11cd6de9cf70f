"""The plan document: what planner serves for a ready plan, as this service reads it.

Unknown keys are ignored; a missing or senseless value is refused here, before any payload exists.
"""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from too_common.contracts import UtcDatetime

from too_queue_submit.errors import PlanRefusedError


def _text_or_none(value: object) -> object:
    return str(value) if isinstance(value, int) else value


class PlannedExposure(BaseModel):
    """One exposure of a plan."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    field_id: Annotated[str | None, BeforeValidator(_text_or_none)] = None
    ra_deg: float = Field(ge=0, lt=360)
    dec_deg: float = Field(ge=-90, le=90)
    filter: str = Field(min_length=1, max_length=16)
    start: UtcDatetime
    exposure_s: float = Field(gt=0, le=7200)
    airmass: float | None = None

    @property
    def end(self) -> datetime:
        """End of the exposure, readout not included."""
        return self.start + timedelta(seconds=self.exposure_s)


class PlanDocument(BaseModel):
    """A plan for one telescope and one night; exposures in observing order."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    plan_id: UUID
    telescope: str
    event_name: str | None = None
    exposures: tuple[PlannedExposure, ...] = Field(min_length=1, max_length=20_000)
    window: tuple[UtcDatetime, UtcDatetime]

    @model_validator(mode="after")
    def _in_order(self) -> "PlanDocument":
        starts = [exposure.start for exposure in self.exposures]
        if starts != sorted(starts):
            raise ValueError("exposures are not in the order of their start times")
        return self

    @property
    def first_start(self) -> datetime:
        """Start of the first exposure."""
        return self.exposures[0].start

    @property
    def last_end(self) -> datetime:
        """End of the last exposure, readout not included."""
        return max(exposure.end for exposure in self.exposures)

    @classmethod
    def parse(cls, raw: bytes) -> "PlanDocument":
        """Read the JSON that planner serves.

        Raises
        ------
        PlanRefusedError
            With the place and the reason, in words for a person.
        """
        try:
            return cls.model_validate_json(raw)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "document"
            raise PlanRefusedError(f"plan document: {where}: {first['msg']}") from error

"""Alarms, written by any service: what a person has to look at. One type per service."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from too_common.contracts.base import EventData, UtcDatetime, register


class AlarmState(StrEnum):
    """Raised, or cleared."""

    RAISED = "raised"
    CLEARED = "cleared"


class AlarmChanged(EventData):
    """Something went wrong that a person must know, or is well again."""

    alarm_id: str = Field(description="Stable name, e.g. parked:<consumer>:<key>")
    code: str = Field(description="parked_message | held_job | failed_plan | facility_away | ...")
    state: AlarmState
    severity: str = Field(default="warning", description="warning | critical")
    summary: str
    event_id: UUID | None = None
    since: UtcDatetime


def _alarm(service: str) -> type[AlarmChanged]:
    name = service.replace("-", "_")
    title = "".join(part.title() for part in name.split("_"))
    cls = type(
        f"{title}AlarmChanged",
        (AlarmChanged,),
        {
            "TYPE": f"{name}.alarm_changed",
            "__annotations__": {"TYPE": ClassVar[str]},
            "__module__": __name__,
            "__doc__": f"An alarm of {service}, raised or cleared.",
        },
    )
    return register(cls)


ALARM_BY_SERVICE: dict[str, type[AlarmChanged]] = {
    name: _alarm(name)
    for name in ("ingest", "notify", "planner", "queue-submit", "vetting-api", "circulars")
}

"""What the planner's jobs need to know."""

from typing import ClassVar
from uuid import UUID

from too_common.jobs import JobPayload


class MakePlan(JobPayload):
    """Make the plan of a row that says ``planning``."""

    TYPE: ClassVar[str] = "make_plan"

    plan_id: UUID
    revision: int


class PlanEvent(JobPayload):
    """Plan an event by the decision that there is, though it was not made on the current map."""

    TYPE: ClassVar[str] = "plan_event"

    event_id: UUID


class UpdateCoverage(JobPayload):
    """Measure the executed exposures of an event on its current map."""

    TYPE: ClassVar[str] = "update_coverage"

    event_id: UUID


class ProposeLost(JobPayload):
    """Plan what a submission's night lost for the next window."""

    TYPE: ClassVar[str] = "propose_lost"

    submission_id: UUID


class MakeNetwork(JobPayload):
    """Make the plans of telescopes that share the sky."""

    TYPE: ClassVar[str] = "make_network"

    network_id: UUID
    revision: int

"""Tell the others the state of a plan."""

from uuid import UUID

from too_common.cause import Cause
from too_common.contracts.base import BlobRef
from too_common.contracts.planner import (
    NetworkStatistics,
    PlanChanged,
    PlanDifference,
    PlanState,
    PlanStatistics,
)
from too_common.uow import UnitOfWork

from too_planner.tables import PlanRow


def as_event(row: PlanRow) -> PlanChanged:
    """A plan's state as it is told."""
    document = None
    if row.document_sha256 is not None and row.document_bytes is not None:
        document = BlobRef(
            uri=f"/api/planner/v1/documents/{row.document_sha256}",
            owner="planner",
            sha256=row.document_sha256,
            size_bytes=row.document_bytes,
        )
    return PlanChanged(
        plan_id=row.plan_id,
        event_id=row.event_id,
        event_revision=row.event_revision,
        decision_id=row.decision_id,
        program_name=row.program_name,
        localization_id=row.localization_id,
        map_sha256=row.map_sha256,
        telescope=row.telescope,
        name=row.name,
        state=PlanState(row.state),
        reason=row.reason,
        is_manual=row.is_manual,
        plan=document,
        window_begin=row.window_begin,
        window_end=row.window_end,
        statistics=None
        if row.statistics is None
        else PlanStatistics.model_validate(row.statistics),
        difference=None
        if row.difference is None
        else PlanDifference.model_validate(row.difference),
        superseded_by=row.superseded_by,
        made_at=row.made_at,
        submission_policy=row.submission_policy,
        bound=row.bound,
        network_id=row.network_id,
        network=None if row.network is None else NetworkStatistics.model_validate(row.network),
        proposal_of=row.proposal_of,
    )


def publish_plan(uow: UnitOfWork, row: PlanRow, *, withdrawn: bool = False) -> None:
    """Raise the revision and tell the new state.

    Parameters
    ----------
    withdrawn
        The plan ends without a successor (retraction, a person): must be handled at once.
    """
    row.revision += 1
    uow.publish(
        as_event(row),
        key=row.event_id,
        revision=row.revision,
        overrides=withdrawn,
        cause=uow.cause if withdrawn else Cause.from_json(row.cause),
    )


def supersede(
    uow: UnitOfWork, row: PlanRow, *, by: UUID | None, reason: str, withdrawn: bool = False
) -> None:
    """End a plan; its job, if it still runs, finds another revision and records nothing."""
    row.state = PlanState.SUPERSEDED.value
    row.superseded_by = by
    row.reason = reason
    row.waits_for_galaxies = False
    publish_plan(uow, row, withdrawn=withdrawn)

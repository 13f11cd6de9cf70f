"""An event became part of another, or is by itself again: its submissions go with it.

Where a submission comes from is never lost: its plan keeps the event that it was made for.
"""

from uuid import UUID

from too_common.contracts.queue_submit import ExecutedExposure, ExposuresExecuted
from too_common.contracts.queue_submit import SubmissionState as S
from too_common.uow import UnitOfWork

from too_queue_submit import store
from too_queue_submit.state_machine import OCCUPYING, UNSENT
from too_queue_submit.tables import SubmissionRow
from too_queue_submit.usecases import core

LANES = frozenset({0, 1})


async def follow(uow: UnitOfWork, event_id: UUID, *, merged_into: UUID | None, name: str) -> None:
    """Put what was made for an event where that event is now.

    What was not sent ends: the whole has plans of its own. What was sent belongs to the whole, for
    its successor and for a retraction, and comes back with a split.
    """
    target = merged_into or event_id
    for row in await store.of_origin(uow.session, event_id):
        if row.event_id is None or row.event_id == target:
            continue
        if merged_into is not None and S(row.state) in UNSENT:
            await core.discard(uow, row, f"{name} is part of another event now")
        if not await _free_lane(uow, row, target):
            await core.tell(
                uow,
                row,
                "lane_taken",
                f"{name} is part of another event now, which has two submissions at "
                f"{row.facility} already: withdraw one by hand",
            )
            continue
        row.event_id = target
        await uow.session.flush()
        core.announce(uow, row)
        await _tell_exposures(uow, row)


async def _free_lane(uow: UnitOfWork, row: SubmissionRow, target: UUID) -> bool:
    """Find a place beside what the whole has at the facility; False if there is none."""
    if S(row.state) not in OCCUPYING:
        return True
    taken = {other.lane for other in await store.occupying(uow.session, target, row.facility)}
    free = LANES - taken
    if not free:
        return False
    if row.lane not in free:
        row.lane = min(free)
    return True


async def _tell_exposures(uow: UnitOfWork, row: SubmissionRow) -> None:
    rows = await store.exposures(uow.session, submission_id=row.submission_id)
    if not rows:
        return
    row.revision += 1
    uow.publish(
        ExposuresExecuted(
            submission_id=row.submission_id,
            event_id=row.event_id,
            plan_id=row.plan_id,
            facility=row.facility,
            exposures=tuple(ExecutedExposure.model_validate(e.data) for e, _ in rows),
        ),
        key=core.key_of(row),
        revision=row.revision,
        cause=core.cause_of(uow, row),
    )

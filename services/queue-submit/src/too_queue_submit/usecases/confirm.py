"""A person says that they loaded what we delivered."""

from uuid import UUID

from too_common.contracts.queue_submit import SubmissionState as S
from too_common.errors import ConflictError
from too_common.uow import UnitOfWork

from too_queue_submit import store
from too_queue_submit.tables import SubmissionRow
from too_queue_submit.usecases import core


async def loaded(uow: UnitOfWork, submission_id: UUID, *, who: str) -> SubmissionRow:
    """Note it; the alarm that asked for it ends.

    Raises
    ------
    ConflictError
        If it is not delivered.
    """
    row = await store.submission(uow.session, submission_id, lock=True)
    if row.state not in {S.DELIVERED.value, S.ACTIVE.value}:
        raise ConflictError(f"it is {row.state}, not delivered", code="not_delivered")
    row.confirmed_at = uow.now
    row.confirmed_by = uow.cause.actor
    row.reason = f"loaded, says {who}" if who else "loaded, says a person"
    core.note(uow, "confirmed as loaded", who=who, row=row)
    core.announce(uow, row)
    await core.clear(uow, row)
    return row

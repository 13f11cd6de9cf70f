"""Slow work of circulars: composing, after a burst of news."""

from typing import ClassVar
from uuid import UUID

from too_common.cause import Cause
from too_common.context import Context
from too_common.errors import NotFoundError
from too_common.jobs import JobPayload

from too_circulars.usecases.compose_draft import compose_draft


class ComposeDraft(JobPayload):
    """Compose an event's draft from what is known now."""

    TYPE: ClassVar[str] = "compose_draft"

    event_id: UUID


async def run_compose_draft(ctx: Context, job: ComposeDraft, cause: Cause) -> None:
    """Compose unless the event itself is not known yet (its message will ask again)."""
    async with ctx.unit_of_work(cause) as uow:
        try:
            await compose_draft(uow, job.event_id, by_hand=False)
        except NotFoundError:
            return

"""Sample alerts of the local stack, sent through the broker like any other."""

from typing import Annotated

from fastapi import APIRouter, Query
from too_common.errors import ForbiddenError, UnavailableError
from too_common.http import Ctx, Principal, require

from too_ingest.api.models import SampleSent, SampleView
from too_ingest.samples import DESCRIPTIONS, make_sample
from too_ingest.usecases import samples as sample_cases

router = APIRouter(tags=["samples"])

ATTEMPTS = 20
"""Ids tried until one is free."""


@router.get("/samples", summary="Kinds of sample alerts")
async def list_samples(ctx: Ctx, _who: Annotated[Principal, require("read")]) -> list[SampleView]:
    """List the samples; none in production."""
    if ctx.common.profile == "production":
        return []
    return [SampleView(name=n, description=text) for n, text in DESCRIPTIONS.items()]


@router.post(
    "/samples/{name}",
    summary="Send a sample alert",
    description="Its messages go to the GCN-side broker at their times on the stack clock, with "
    "an id that no event has. In the local and test profile only.",
    status_code=202,
)
async def send_sample(
    name: str,
    ctx: Ctx,
    who: Annotated[Principal, require("plan", "submit", "admin", "machine")],
    at_once: Annotated[bool, Query(description="Without pauses between the messages")] = False,
) -> SampleSent:
    """Send a sample alert."""
    if ctx.common.profile == "production":
        raise ForbiddenError("sample alerts are for the local stack and for tests")
    async with ctx.unit_of_work(who.cause()) as uow:
        serial = await sample_cases.next_serial(uow, name)
        now = uow.now
    for attempt in range(ATTEMPTS):
        messages = await ctx.workers.run(make_sample, name, now, serial + attempt)
        async with ctx.unit_of_work(who.cause()) as uow:
            rows = await sample_cases.schedule_sample(uow, name, messages, at_once=at_once)
            if rows is not None:
                return SampleSent(
                    name=name,
                    native_id=messages[0].native_id,
                    messages=[
                        {"topic": row.topic, "due_at": row.due_at.isoformat()} for row in rows
                    ],
                )
    raise UnavailableError("no free id was found for the sample; try again")

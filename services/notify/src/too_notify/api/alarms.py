"""Alarms by HTTP, from services that cannot reach the broker."""

from typing import Annotated

from fastapi import APIRouter
from too_common.contracts.alarms import AlarmChanged
from too_common.errors import ForbiddenError
from too_common.http import Ctx, Principal, require

from too_notify.usecases.take_alarm import take_alarm

router = APIRouter(tags=["alarms"])


@router.post("/alarms", status_code=202, summary="Raise or clear an alarm while the broker is away")
async def post_alarm(
    body: AlarmChanged, ctx: Ctx, who: Annotated[Principal, require("machine")]
) -> None:
    """The same alarm that comes over the bus later joins it."""
    if who.service is None:
        raise ForbiddenError("only a service raises alarms")
    async with ctx.unit_of_work(who.cause()) as uow:
        await take_alarm(uow, who.service, body)

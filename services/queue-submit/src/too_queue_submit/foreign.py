"""Others' pointings on an event: entered by a person or a program, told to who plans."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from too_common.contracts.queue_submit import ForeignPointing, ForeignPointingsListed
from too_common.errors import InvalidError, NotFoundError
from too_common.http import Ctx, Principal, require

from too_queue_submit import store

router = APIRouter(tags=["others' pointings"])


class ForeignList(BaseModel):
    """All pointings of one source on an event; replaces what it listed before."""

    pointings: list[ForeignPointing] = Field(max_length=2000)


class ForeignCount(BaseModel):
    """What was taken in."""

    event_id: UUID
    source: str
    pointings: int


@router.put(
    "/events/{event_id}/foreign-pointings/{source}", summary="List others' pointings on an event"
)
async def put_foreign_pointings(
    event_id: UUID,
    source: Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$")],
    body: ForeignList,
    ctx: Ctx,
    who: Annotated[Principal, require("plan")],
) -> ForeignCount:
    """Told as ``queue_submit.foreign_pointings_listed``; plans that credit others leave it out.

    Every pointing says how much it sees: radius_deg, side_deg or polygon_deg.
    """
    for number, row in enumerate(body.pointings, start=1):
        shapes = (row.radius_deg, row.side_deg, row.polygon_deg)
        if sum(shape is not None for shape in shapes) != 1:
            raise InvalidError(
                f"pointing {number}: say one of radius_deg, side_deg and polygon_deg",
                code="foreign_pointing",
            )
        if row.polygon_deg is not None and not 3 <= len(row.polygon_deg) <= 100:
            raise InvalidError(
                f"pointing {number}: a polygon has 3 to 100 corners", code="foreign_pointing"
            )
    async with ctx.unit_of_work(who.cause()) as uow:
        if await store.event(uow.session, event_id) is None:
            raise NotFoundError(f"no event {event_id}")
        uow.publish(
            ForeignPointingsListed(
                event_id=event_id, source=source, pointings=tuple(body.pointings)
            ),
            key=event_id,
            # state without a row of its own here: later lists are newer by the wall clock
            revision=int(ctx.wall.now().timestamp() * 1e6),
        )
    return ForeignCount(event_id=event_id, source=source, pointings=len(body.pointings))

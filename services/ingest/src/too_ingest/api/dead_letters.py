"""Messages that could not be read: shown, read again after a fix, or discarded."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy import select
from sqlalchemy.orm import undefer
from too_common.errors import ConflictError, NotFoundError
from too_common.http import Ctx, Principal, require

from too_ingest import intake, store
from too_ingest.api.models import DeadLetterView, Replayed, Statement, Taken
from too_ingest.api.notices import raw_response
from too_ingest.tables import DeadLetter, RawNotice
from too_ingest.usecases import dead_letters

router = APIRouter(tags=["dead letters"])


@router.get("/dead-letters", summary="Messages that could not be read")
async def list_dead_letters(
    ctx: Ctx,
    _who: Annotated[Principal, require("read")],
    state: Annotated[
        Literal["open", "replayed", "discarded", "all"], Query(description="Which ones")
    ] = "open",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[DeadLetterView]:
    """List dead letters, newest first."""
    async with ctx.unit_of_work() as uow:
        rows = await store.list_dead_letters(
            uow.session, state=None if state == "all" else state, limit=limit
        )
        return [DeadLetterView.of(dead, raw) for dead, raw in rows]


@router.get(
    "/dead-letters/{dead_id}/raw", summary="A dead letter as it came", response_class=Response
)
async def get_raw_dead_letter(
    dead_id: UUID, ctx: Ctx, _who: Annotated[Principal, require("read")]
) -> Response:
    """Show the bytes of a dead letter."""
    async with ctx.unit_of_work() as uow:
        raw = await uow.session.scalar(
            select(RawNotice)
            .join(DeadLetter, DeadLetter.raw_id == RawNotice.id)
            .where(DeadLetter.id == dead_id)
            .options(undefer(RawNotice.body))
        )
        if raw is None:
            raise NotFoundError(f"there is no dead letter {dead_id}")
        return raw_response(raw.body, str(dead_id))


@router.post("/dead-letters/{dead_id}/replay", summary="Read a dead letter again")
async def replay_dead_letter(
    dead_id: UUID, ctx: Ctx, who: Annotated[Principal, require("admin")]
) -> Taken:
    """Read it again; if that fails, it stays a dead letter with the new reason."""
    cause = who.cause()
    async with ctx.unit_of_work(cause) as uow:
        raw_id = await dead_letters.revive(uow, dead_id)
    outcome = await intake.read(ctx, raw_id)
    return Taken(
        raw_id=raw_id,
        notice_id=outcome.notice_id,
        event_id=outcome.event_id,
        state=outcome.state,
        is_new=False,
        reason=outcome.reason,
    )


@router.post(
    "/dead-letters/replay",
    summary="Read all open dead letters again",
    description="After a fix. Those that still cannot be read stay, with the new reason.",
)
async def replay_dead_letters(
    ctx: Ctx,
    who: Annotated[Principal, require("admin")],
    topic: Annotated[str | None, Query(description="Of this topic only")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Replayed:
    """Read dead letters again, the oldest first."""
    async with ctx.unit_of_work() as uow:
        ids = await dead_letters.open_ids(uow, topic=topic, limit=limit)
    read = dead = 0
    for dead_id in ids:
        try:
            async with ctx.unit_of_work(who.cause()) as uow:
                raw_id = await dead_letters.revive(uow, dead_id)
        except (NotFoundError, ConflictError):
            continue  # another person was faster
        outcome = await intake.read(ctx, raw_id)
        if outcome.state == "dead":
            dead += 1
        else:
            read += 1
    return Replayed(read=read, still_dead=dead)


@router.post("/dead-letters/{dead_id}/discard", summary="Close a dead letter", status_code=204)
async def discard_dead_letter(
    dead_id: UUID,
    ctx: Ctx,
    who: Annotated[Principal, require("admin")],
    statement: Statement | None = None,
) -> None:
    """Close it unread, with a reason; the bytes are kept."""
    async with ctx.unit_of_work(who.cause()) as uow:
        await dead_letters.discard(uow, dead_id, statement.reason if statement else "")

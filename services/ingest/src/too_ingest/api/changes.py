"""Merges and splits of events: done, listed and taken back."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from too_common.contracts.base import UtcDatetime
from too_common.errors import NotFoundError
from too_common.http import Ctx, Principal, require
from too_common.uow import UnitOfWork

from too_ingest import store_events
from too_ingest.api.models import Statement
from too_ingest.attachment import RULES
from too_ingest.tables import Event
from too_ingest.tables_events import EventChange
from too_ingest.usecases.merge_events import merge_by_hand
from too_ingest.usecases.split_event import split_by_hand, undo

router = APIRouter(tags=["merges and splits"])


class Merge(BaseModel):
    """Which event is to become part, and why."""

    model_config = ConfigDict(extra="forbid")

    from_event_id: UUID = Field(description="An alias of the other from then on")
    reason: str = Field(min_length=1, max_length=2000)


class Split(BaseModel):
    """Which notices are to become an event of their own, and why."""

    model_config = ConfigDict(extra="forbid")

    notice_ids: list[UUID] = Field(min_length=1, max_length=1000)
    reason: str = Field(min_length=1, max_length=2000)


class ChangeView(BaseModel):
    """A merge or a split."""

    id: UUID
    kind: str = Field(description="merge | split")
    from_event_id: UUID
    from_name: str
    into_event_id: UUID
    into_name: str
    is_automatic: bool
    reason: str
    made_at: UtcDatetime
    made_by: UUID | None
    made_by_name: str
    undone_at: UtcDatetime | None
    undone_by: UUID | None
    undone_by_name: str
    undo_reason: str
    is_standing: bool = Field(description="Not taken back, nor superseded: it can be undone")


class Changed(BaseModel):
    """What came of an act."""

    change: ChangeView
    event_id: UUID = Field(description="Merge: the whole. Split: the part. Undo: what is back")
    event_name: str


class RuleView(BaseModel):
    """A rule by which notices of one mission are attached to one event."""

    name: str
    streams: list[str]
    tolerance_s: float
    needs_positions: bool
    reason: str


async def _view(uow: UnitOfWork, row: EventChange) -> ChangeView:
    ends = [await uow.session.get_one(Event, event_id) for event_id in (row.from_id, row.into_id)]
    part = ends[0] if row.kind == "merge" else ends[1]
    stands = part.merge_id == row.id if row.kind == "merge" else part.merged_into is None
    return ChangeView(
        id=row.id,
        kind=row.kind,
        from_event_id=row.from_id,
        from_name=ends[0].name,
        into_event_id=row.into_id,
        into_name=ends[1].name,
        is_automatic=row.is_automatic,
        reason=row.reason,
        made_at=row.made_at,
        made_by=row.made_by,
        made_by_name=row.made_by_name,
        undone_at=row.undone_at,
        undone_by=row.undone_by,
        undone_by_name=row.undone_by_name,
        undo_reason=row.undo_reason,
        is_standing=row.undone_at is None and stands,
    )


async def _changed(uow: UnitOfWork, event: Event, change: EventChange) -> Changed:
    await uow.session.flush()
    return Changed(change=await _view(uow, change), event_id=event.id, event_name=event.name)


@router.get("/events/{event_id}/changes", summary="Merges and splits of an event, oldest first")
async def list_changes(
    event_id: UUID, ctx: Ctx, _who: Annotated[Principal, require("read")]
) -> list[ChangeView]:
    """List the acts in which an event, or a part of it, took part."""
    async with ctx.unit_of_work() as uow:
        members = await store_events.members_of(
            uow.session, await store_events.root_of(uow.session, event_id)
        )
        if not members:
            raise NotFoundError(f"there is no event {event_id}")
        rows = await store_events.changes_of(uow.session, [m.id for m in members])
        return [await _view(uow, row) for row in rows]


@router.post("/events/{event_id}/merge", summary="Make another event part of this one")
async def merge_events(
    event_id: UUID, wanted: Merge, ctx: Ctx, who: Annotated[Principal, require("submit", "admin")]
) -> Changed:
    """Merge: nobody is paged and nothing is submitted on account of it; it can be undone."""
    async with ctx.unit_of_work(who.cause()) as uow:
        event, change = await merge_by_hand(
            uow,
            from_id=wanted.from_event_id,
            into_id=event_id,
            reason=wanted.reason,
            who=who.name,
        )
        return await _changed(uow, event, change)


@router.post("/events/{event_id}/split", summary="Make an event of its own of some notices")
async def split_event(
    event_id: UUID, wanted: Split, ctx: Ctx, who: Annotated[Principal, require("submit", "admin")]
) -> Changed:
    """Split: ids that only these notices have go with them; it can be undone."""
    async with ctx.unit_of_work(who.cause()) as uow:
        part, change = await split_by_hand(
            uow,
            event_id=event_id,
            notice_ids=wanted.notice_ids,
            reason=wanted.reason,
            who=who.name,
        )
        return await _changed(uow, part, change)


@router.post("/changes/{change_id}/undo", summary="Take a merge or a split back")
async def undo_change(
    change_id: UUID,
    statement: Statement,
    ctx: Ctx,
    who: Annotated[Principal, require("submit", "admin")],
) -> Changed:
    """Undo: the events are as if it had not been done."""
    async with ctx.unit_of_work(who.cause()) as uow:
        event, change = await undo(uow, change_id, reason=statement.reason, who=who.name)
        return await _changed(uow, event, change)


@router.get("/attachment-rules", summary="By which rules notices of one burst are attached")
async def show_attachment_rules(
    _who: Annotated[Principal, require("read")],
) -> list[RuleView]:
    """Show the rules and their reasons; a common id attaches in any case."""
    return [
        RuleView(
            name=rule.name,
            streams=list(rule.streams),
            tolerance_s=rule.tolerance_s,
            needs_positions=rule.needs_positions,
            reason=rule.reason,
        )
        for rule in RULES
    ]

"""Science programs, their trial on past events, and decisions."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from too_common.contracts.notify import ClauseResult, Verdict
from too_common.http import Ctx, Principal, require

from too_notify.criteria import Criteria, words
from too_notify.programs import ProgramContent
from too_notify.store import programs as store
from too_notify.tables import DecisionRow, ProgramRow
from too_notify.usecases.save_program import check_rights, create_program, edit_program
from too_notify.usecases.try_program import Trial, try_criteria

router = APIRouter(tags=["programs"])


class ProgramView(BaseModel):
    """A science program in its newest version."""

    id: UUID
    version: int
    content: ProgramContent
    criteria_in_words: str
    created_at: datetime
    changed_at: datetime


class VersionView(BaseModel):
    """One version of a program."""

    version: int
    content: ProgramContent
    criteria_in_words: str
    made_at: datetime
    made_by: UUID | None
    made_by_name: str


class ProgramEdit(BaseModel):
    """A new version, and the one that was edited."""

    expected_version: int = Field(description="Version that you have read; 409 if it is older")
    content: ProgramContent


class CriteriaToTry(BaseModel):
    """Criteria that are not saved."""

    criteria: Criteria


class DecisionView(BaseModel):
    """What a program says of an event, with each clause and the value that it saw."""

    id: UUID
    event_id: UUID
    program_id: UUID
    program_name: str
    program_version: int
    priority: int
    revision: int
    verdict: Verdict
    clauses: list[ClauseResult]
    event_revision: int
    localization_id: UUID | None
    map_sha256: str | None
    decided_at: datetime


class PastDecisionView(BaseModel):
    """An earlier decision."""

    revision: int
    program_version: int
    verdict: Verdict
    clauses: list[ClauseResult]
    event_revision: int
    map_sha256: str | None
    decided_at: datetime


def _view(row: ProgramRow, content: ProgramContent) -> ProgramView:
    return ProgramView(
        id=row.id,
        version=row.version,
        content=content,
        criteria_in_words=words(content.criteria),
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


def _decision(row: DecisionRow, program: ProgramRow) -> DecisionView:
    return DecisionView(
        id=row.id,
        event_id=row.event_id,
        program_id=row.program_id,
        program_name=program.name,
        program_version=row.program_version,
        priority=program.priority,
        revision=row.revision,
        verdict=Verdict(row.verdict),
        clauses=[ClauseResult.model_validate(one) for one in row.clauses],
        event_revision=row.event_revision,
        localization_id=row.localization_id,
        map_sha256=row.map_sha256,
        decided_at=row.decided_at,
    )


@router.get("/programs", summary="Science programs, the most important first")
async def list_programs(
    ctx: Ctx,
    _who: Annotated[Principal, require("read")],
    active_only: bool = False,
) -> list[ProgramView]:
    """All programs in their newest version."""
    async with ctx.unit_of_work() as uow:
        found = await store.programs(uow.session, active_only=active_only)
        return [_view(row, content) for row, content in found]


@router.post("/programs", status_code=201, summary="Make a science program")
async def post_program(
    content: ProgramContent, ctx: Ctx, who: Annotated[Principal, require("plan")]
) -> ProgramView:
    """Open events are judged by it at once. Automatic submission needs the scope submit."""
    check_rights(who, content)
    async with ctx.unit_of_work(who.cause()) as uow:
        row = await create_program(uow, content, by=who.account_id, by_name=who.name)
        return _view(row, content)


@router.post("/programs/trial", summary="Try criteria on past events without saving them")
async def try_unsaved(
    body: CriteriaToTry,
    ctx: Ctx,
    _who: Annotated[Principal, require("read")],
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> list[Trial]:
    """Which past events would have fired, when, and why the others would not."""
    async with ctx.unit_of_work() as uow:
        return await try_criteria(uow, body.criteria, limit=limit, offset=offset)


@router.get("/programs/{program_id}", summary="One science program")
async def get_program(
    program_id: UUID, ctx: Ctx, _who: Annotated[Principal, require("read")]
) -> ProgramView:
    """A program in its newest version."""
    async with ctx.unit_of_work() as uow:
        return _view(*await store.program(uow.session, program_id))


@router.put("/programs/{program_id}", summary="Edit a science program: a new version")
async def put_program(
    program_id: UUID, body: ProgramEdit, ctx: Ctx, who: Annotated[Principal, require("plan")]
) -> ProgramView:
    """Open events are judged anew. 409 if somebody else has edited it meanwhile."""
    check_rights(who, body.content)
    async with ctx.unit_of_work(who.cause()) as uow:
        row = await edit_program(
            uow,
            program_id,
            body.content,
            expected_version=body.expected_version,
            by=who.account_id,
            by_name=who.name,
        )
        return _view(row, body.content)


@router.delete("/programs/{program_id}", summary="Switch a science program off")
async def delete_program(
    program_id: UUID, ctx: Ctx, who: Annotated[Principal, require("plan")]
) -> ProgramView:
    """Its versions and decisions are kept; its matches end."""
    async with ctx.unit_of_work(who.cause()) as uow:
        row, content = await store.program(uow.session, program_id)
        off = content.model_copy(update={"is_active": False})
        row = await edit_program(
            uow,
            program_id,
            off,
            expected_version=row.version,
            by=who.account_id,
            by_name=who.name,
        )
        return _view(row, off)


@router.get("/programs/{program_id}/versions", summary="All versions of a program")
async def list_versions(
    program_id: UUID, ctx: Ctx, _who: Annotated[Principal, require("read")]
) -> list[VersionView]:
    """Newest first."""
    async with ctx.unit_of_work() as uow:
        await store.program(uow.session, program_id)
        views = []
        for row in await store.versions(uow.session, program_id):
            content = ProgramContent.model_validate(row.content)
            views.append(
                VersionView(
                    version=row.version,
                    content=content,
                    criteria_in_words=words(content.criteria),
                    made_at=row.made_at,
                    made_by=row.made_by,
                    made_by_name=row.made_by_name,
                )
            )
        return views


@router.get("/programs/{program_id}/trial", summary="Try a program on past events")
async def try_saved(
    program_id: UUID,
    ctx: Ctx,
    _who: Annotated[Principal, require("read")],
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> list[Trial]:
    """Which past events would have fired, when, and why the others would not."""
    async with ctx.unit_of_work() as uow:
        _, content = await store.program(uow.session, program_id)
        return await try_criteria(uow, content.criteria, limit=limit, offset=offset)


@router.get("/events/{event_id}/decisions", summary="What the programs say of an event")
async def list_decisions(
    event_id: UUID, ctx: Ctx, _who: Annotated[Principal, require("read")]
) -> list[DecisionView]:
    """Why it was wanted, or not: each clause with the value that it saw."""
    async with ctx.unit_of_work() as uow:
        found = await store.decisions(uow.session, event_id)
        return [_decision(row, program) for row, program in found]


@router.get("/decisions/{decision_id}/history", summary="How a decision came about")
async def decision_history(
    decision_id: UUID, ctx: Ctx, _who: Annotated[Principal, require("read")]
) -> list[PastDecisionView]:
    """Oldest first."""
    async with ctx.unit_of_work() as uow:
        return [
            PastDecisionView(
                revision=row.revision,
                program_version=row.program_version,
                verdict=Verdict(row.verdict),
                clauses=[ClauseResult.model_validate(one) for one in row.clauses],
                event_revision=row.event_revision,
                map_sha256=row.map_sha256,
                decided_at=row.decided_at,
            )
            for row in await store.decision_log(uow.session, decision_id)
        ]

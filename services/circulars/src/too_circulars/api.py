"""HTTP routes of circulars."""

import difflib
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from too_common.contracts.circulars import DraftState
from too_common.errors import NotFoundError
from too_common.http import Ctx, Principal, require
from too_common.uow import UnitOfWork

from too_circulars import store
from too_circulars.checks import check
from too_circulars.link import MAX_LENGTH, submission_link
from too_circulars.subject import derive_event
from too_circulars.tables import Draft, DraftVersion
from too_circulars.usecases.compose_draft import close_draft, compose_draft, edit_draft

router = APIRouter(tags=["circulars"])

Reader = Annotated[Principal, require("read")]
Writer = Annotated[Principal, require("vet", "submit", "plan")]


class DraftView(BaseModel):
    """A draft with its newest text."""

    id: UUID
    event_id: UUID
    kind: str
    state: DraftState
    version: int
    subject: str
    body: str
    derived_event: str | None = Field(description="Event that GCN's site would derive")
    problems: list[str] = Field(description="What to look at before submitting")
    has_news: bool = Field(description="The facts changed since a person wrote this text")
    is_edited: bool
    author_name: str
    updated_at: datetime


class VersionView(BaseModel):
    """One version of a draft."""

    version: int
    subject: str
    body: str
    author_name: str
    created_at: datetime
    difference: list[str] = Field(description="Unified difference to the version before")


class NewDraft(BaseModel):
    """Ask for a draft of an event."""

    event_id: UUID


class DraftText(BaseModel):
    """A text written by a person."""

    subject: str = Field(min_length=1, max_length=300)
    body: str = Field(min_length=1, max_length=60_000)
    base_version: int = Field(ge=1, description="Version that was edited")


class DraftClosing(BaseModel):
    """What became of a draft."""

    state: DraftState


class TextToCheck(BaseModel):
    """Any text, to be checked by GCN's rules."""

    subject: str = Field(max_length=300)
    body: str = Field(max_length=60_000)


class CheckResult(BaseModel):
    """What GCN would make of a text."""

    derived_event: str | None
    problems: list[str]


class SubmissionLink(BaseModel):
    """Where a person submits the text."""

    url: str
    is_complete: bool = Field(description="False: too long for an address, paste the body")
    problems: list[str]


async def _view(uow: UnitOfWork, draft: Draft) -> DraftView:
    latest = await _latest(uow, draft)
    return DraftView(
        id=draft.id,
        event_id=draft.event_id,
        kind=draft.kind,
        state=DraftState(draft.state),
        version=draft.version,
        subject=latest.subject,
        body=latest.body,
        derived_event=derive_event(latest.subject),
        problems=draft.problems,
        has_news=draft.has_news,
        is_edited=draft.is_edited,
        author_name=latest.author_name,
        updated_at=draft.updated_at,
    )


async def _latest(uow: UnitOfWork, draft: Draft) -> DraftVersion:
    latest = await store.version(uow.session, draft.id, draft.version)
    if latest is None:
        raise NotFoundError(f"draft {draft.id} has no text")
    return latest


async def _draft(uow: UnitOfWork, draft_id: UUID) -> Draft:
    draft = await uow.session.get(Draft, draft_id)
    if draft is None:
        raise NotFoundError(f"no draft {draft_id}")
    return draft


@router.get("/drafts", summary="Drafts of circulars, newest first")
async def list_drafts(
    ctx: Ctx,
    _who: Reader,
    event_id: Annotated[UUID | None, Query(description="Of one event")] = None,
) -> list[DraftView]:
    """List drafts with their newest text."""
    async with ctx.unit_of_work() as uow:
        return [await _view(uow, draft) for draft in await store.drafts(uow.session, event_id)]


@router.post("/drafts", status_code=201, summary="Compose a draft from what is known now")
async def create_draft(new: NewDraft, ctx: Ctx, who: Writer) -> DraftView:
    """Compose an event's draft, or a new version of it, from executed exposures and verdicts."""
    async with ctx.unit_of_work(who.cause()) as uow:
        draft = await compose_draft(uow, new.event_id, by_hand=True)
        if draft is None:
            raise NotFoundError(f"nothing to compose for event {new.event_id}")
        return await _view(uow, draft)


@router.get("/drafts/{draft_id}", summary="One draft")
async def get_draft(draft_id: UUID, ctx: Ctx, _who: Reader) -> DraftView:
    """Show a draft with its newest text."""
    async with ctx.unit_of_work() as uow:
        return await _view(uow, await _draft(uow, draft_id))


@router.put("/drafts/{draft_id}", summary="Write a new version of a draft")
async def put_draft(draft_id: UUID, text: DraftText, ctx: Ctx, who: Writer) -> DraftView:
    """Keep a person's text as a new version; 409 if somebody was faster."""
    async with ctx.unit_of_work(who.cause()) as uow:
        draft = await edit_draft(
            uow,
            draft_id,
            subject=text.subject,
            body=text.body,
            base_version=text.base_version,
            author_account=who.account_id,
            author_name=who.name or "unnamed",
        )
        return await _view(uow, draft)


@router.post("/drafts/{draft_id}/recompose", summary="Compose anew, as a new version")
async def recompose_draft(draft_id: UUID, ctx: Ctx, who: Writer) -> DraftView:
    """Replace the text by one composed from what is known now (the old versions stay)."""
    async with ctx.unit_of_work(who.cause()) as uow:
        draft = await _draft(uow, draft_id)
        await compose_draft(uow, draft.event_id, by_hand=True)
        await uow.session.refresh(draft)
        return await _view(uow, draft)


@router.post("/drafts/{draft_id}/state", summary="Say that a draft was submitted or given up")
async def set_draft_state(
    draft_id: UUID, closing: DraftClosing, ctx: Ctx, who: Writer
) -> DraftView:
    """Record what a person did; nothing is sent by this."""
    async with ctx.unit_of_work(who.cause()) as uow:
        return await _view(uow, await close_draft(uow, draft_id, closing.state))


@router.get("/drafts/{draft_id}/versions", summary="All versions, oldest first")
async def list_versions(draft_id: UUID, ctx: Ctx, _who: Reader) -> list[VersionView]:
    """List versions with their differences."""
    async with ctx.unit_of_work() as uow:
        await _draft(uow, draft_id)
        items = await store.versions(uow.session, draft_id)
    views = []
    before: list[str] = []
    for item in items:
        lines = [item.subject, "", *item.body.splitlines()]
        views.append(
            VersionView(
                version=item.version,
                subject=item.subject,
                body=item.body,
                author_name=item.author_name,
                created_at=item.created_at,
                difference=list(difflib.unified_diff(before, lines, lineterm="", n=0))[2:],
            )
        )
        before = lines
    return views


@router.get("/drafts/{draft_id}/submission-link", summary="GCN's form with the text filled in")
async def get_submission_link(draft_id: UUID, ctx: Ctx, _who: Writer) -> SubmissionLink:
    """Give the address at which a logged-in, endorsed person presses the button."""
    async with ctx.unit_of_work() as uow:
        draft = await _draft(uow, draft_id)
        latest = await _latest(uow, draft)
    url = submission_link(latest.subject, latest.body, ctx.settings.gcn_form_url)
    is_complete = len(url) <= MAX_LENGTH
    if not is_complete:
        url = submission_link(latest.subject, "", ctx.settings.gcn_form_url)
    return SubmissionLink(url=url, is_complete=is_complete, problems=draft.problems)


@router.post("/check", summary="Check a text by GCN's rules")
async def check_text(text: TextToCheck, _who: Reader) -> CheckResult:
    """Tell which event GCN would derive, and what it would refuse."""
    return CheckResult(
        derived_event=derive_event(text.subject), problems=check(text.subject, text.body, None)
    )

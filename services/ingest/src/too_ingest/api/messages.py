"""Messages as they came, whatever became of them; and what the radii of each stream mean."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy import select
from too_common.contracts.base import UtcDatetime
from too_common.errors import NotFoundError
from too_common.http import Ctx, Principal, require

from too_ingest import raw_store
from too_ingest.api.notices import raw_response
from too_ingest.notices.conventions import CONVENTIONS
from too_ingest.tables import RawNotice

router = APIRouter(tags=["notices"])


class MessageView(BaseModel):
    """A message and what became of it."""

    raw_id: UUID
    topic: str
    source: str
    state: str = Field(description="received | parsed | duplicate | housekeeping | circular | dead")
    notice_id: UUID | None
    received_at: UtcDatetime
    size_bytes: int
    content_sha256: str
    is_replay: bool


class ConventionView(BaseModel):
    """What the error radius of a stream means."""

    stream: str
    containment: float | None = Field(description="Probability within the radius; null: unstated")
    systematic_included: bool | None = Field(description="Null: unknown or disputed")
    systematic_deg: float | None = Field(description="Added in quadrature when a map is made")
    source: str


@router.get("/messages", summary="Messages as they came, newest first")
async def list_messages(
    ctx: Ctx,
    _who: Annotated[Principal, require("read")],
    state: Annotated[
        Literal["received", "parsed", "duplicate", "housekeeping", "circular", "dead"] | None,
        Query(description="What became of them; absent: all"),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[MessageView]:
    """List them, those about spacecraft and broker (housekeeping) included."""
    statement = select(RawNotice).order_by(RawNotice.id.desc()).limit(limit)
    if state is not None:
        statement = statement.where(RawNotice.state == state)
    async with ctx.unit_of_work() as uow:
        rows = (await uow.session.execute(statement)).scalars()
        return [
            MessageView(
                raw_id=row.id,
                topic=row.topic,
                source=row.source,
                state=row.state,
                notice_id=row.notice_id,
                received_at=row.received_at,
                size_bytes=row.size_bytes,
                content_sha256=row.content_sha256,
                is_replay=row.is_replay,
            )
            for row in rows
        ]


@router.get("/messages/{raw_id}/raw", summary="A message as it came", response_class=Response)
async def get_raw_message(
    raw_id: UUID, ctx: Ctx, _who: Annotated[Principal, require("read")]
) -> Response:
    """Show the bytes of a message."""
    async with ctx.unit_of_work() as uow:
        try:
            body, _ = await raw_store.read_raw(uow.session, raw_id)
        except LookupError as error:
            raise NotFoundError(f"there is no message {raw_id}") from error
    return raw_response(body, str(raw_id))


@router.get("/conventions", summary="What the error radii of each stream mean, and who says so")
async def list_conventions(_who: Annotated[Principal, require("read")]) -> list[ConventionView]:
    """Show containment, systematics and source of each stream."""
    return [
        ConventionView(
            stream=name,
            containment=meaning.containment,
            systematic_included=meaning.systematic_included,
            systematic_deg=meaning.systematic_deg,
            source=meaning.source,
        )
        for name, meaning in CONVENTIONS.items()
    ]

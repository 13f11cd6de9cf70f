"""Notices: handed in, shown, and shown raw."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import undefer
from too_common.contracts.base import Mode
from too_common.errors import NotFoundError
from too_common.http import Ctx, Principal, require

from too_ingest import intake
from too_ingest.api.body import read_body
from too_ingest.api.models import NoticeView, StreamView, Taken
from too_ingest.settings import IngestSettings
from too_ingest.tables import Notice, RawNotice, Stream
from too_ingest.usecases.store_notice import Incoming

router = APIRouter(tags=["notices"])

RAW_TYPES = {"<": "application/xml", "{": "application/json"}


def raw_response(body: bytes, name: str) -> Response:
    """Bytes as they came, never run by a browser."""
    head = body[:200].lstrip()[:1].decode("latin-1")
    text = RAW_TYPES.get(head) or ("text/plain" if body.isascii() else "application/octet-stream")
    return Response(
        body,
        media_type=text,
        headers={
            "Content-Disposition": f'inline; filename="{name}"',
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
        },
    )


@router.post(
    "/notices",
    summary="Hand in a notice",
    description="The body is the message as it comes over Kafka (VOEvent XML, JSON, text, "
    "binary). It is stored before it is read; what cannot be read becomes a dead letter.",
    status_code=202,
)
async def post_notice(
    request: Request,
    ctx: Ctx,
    who: Annotated[Principal, require("admin", "machine")],
    topic: Annotated[
        str, Query(max_length=249, description="Kafka topic it came on, if known")
    ] = "",
    replay: Annotated[
        bool, Query(description="A message of the past: it pages nobody unless asked to")
    ] = False,
    drill_id: Annotated[
        UUID | None, Query(description="Part of a drill: an event of its own")
    ] = None,
) -> Taken:
    """Store a message, then read it."""
    settings: IngestSettings = ctx.settings
    body = await read_body(request, settings.max_notice_bytes)
    cause = who.cause()
    if drill_id is not None:
        cause = cause.with_(mode=Mode.DRILL, drill_id=drill_id)
    elif replay:
        cause = cause.with_(mode=Mode.REPLAY)
    incoming = Incoming(
        body=body, topic=topic, source="replay" if replay else "http", is_replay=replay
    )
    stored, outcome = await intake.take_in(ctx, incoming, cause)
    return Taken(
        raw_id=stored.raw_id,
        notice_id=outcome.notice_id,
        event_id=outcome.event_id,
        state=outcome.state,
        is_new=stored.is_new,
        reason=outcome.reason,
        correlation_id=cause.correlation_id if stored.is_new else None,
    )


@router.get("/notices/{notice_id}", summary="One notice")
async def get_notice(
    notice_id: UUID, ctx: Ctx, _who: Annotated[Principal, require("read")]
) -> NoticeView:
    """Show a notice as it was understood."""
    async with ctx.unit_of_work() as uow:
        row = await uow.session.get(Notice, notice_id)
        raw = await uow.session.get(RawNotice, row.raw_id) if row else None
        if row is None or raw is None:
            raise NotFoundError(f"there is no notice {notice_id}")
        return NoticeView.of(row, raw)


@router.get("/notices/{notice_id}/raw", summary="One notice as it came", response_class=Response)
async def get_raw_notice(
    notice_id: UUID, ctx: Ctx, _who: Annotated[Principal, require("read")]
) -> Response:
    """Show the bytes of a notice."""
    async with ctx.unit_of_work() as uow:
        raw = await uow.session.scalar(
            select(RawNotice)
            .join(Notice, Notice.raw_id == RawNotice.id)
            .where(Notice.id == notice_id)
            .options(undefer(RawNotice.body))
        )
        if raw is None:
            raise NotFoundError(f"there is no notice {notice_id}")
        return raw_response(raw.body, str(notice_id))


@router.get("/streams", summary="Streams of notices")
async def list_streams(ctx: Ctx, _who: Annotated[Principal, require("read")]) -> list[StreamView]:
    """Show which streams have given notices, and how they are."""
    async with ctx.unit_of_work() as uow:
        rows = (await uow.session.execute(select(Stream).order_by(Stream.name))).scalars()
        return [StreamView.of(row) for row in rows]

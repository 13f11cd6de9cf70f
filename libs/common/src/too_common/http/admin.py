"""The internal admin API of every service: dead letters, outbox, jobs, metrics (scope admin)."""

import base64
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from sqlalchemy import func, select, text

from too_common.contracts.base import parse_envelope
from too_common.db.metadata import bus_table, schema_of
from too_common.errors import NotFoundError
from too_common.http.dependencies import Ctx, require
from too_common.rebuild import rebuild

router = APIRouter(tags=["admin"], dependencies=[require("admin", "machine")])
metrics_router = APIRouter(tags=["metrics"])


class ParkedMessage(BaseModel):
    """A message that could not be handled."""

    id: UUID
    service: str
    topic: str
    partition: int
    offset: int
    key: str
    type: str | None
    reason: str
    is_behind: bool
    state: str
    parked_at: datetime


class ParkedMessageDetail(ParkedMessage):
    """The same with its bytes."""

    raw_base64: str
    envelope: dict[str, Any] | None


@metrics_router.get("/metrics", summary="Prometheus metrics")
async def metrics(ctx: Ctx) -> Response:
    """Metrics in Prometheus' text format."""
    return Response(generate_latest(ctx.metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _view(ctx: Ctx, row: Any) -> dict[str, Any]:
    return {**row._asdict(), "service": ctx.service}


@router.get("/dlq", summary="Parked messages")
async def list_parked(
    ctx: Ctx,
    state: Annotated[str, Query(pattern="^(parked|replayed|discarded|all)$")] = "parked",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[ParkedMessage]:
    """List parked messages, oldest first."""
    table = bus_table(ctx.metadata, "parked")
    statement = select(table).order_by(table.c.seq).limit(limit)
    if state != "all":
        statement = statement.where(table.c.state == state)
    async with ctx.unit_of_work() as uow:
        rows = (await uow.session.execute(statement)).all()
    return [ParkedMessage.model_validate(_view(ctx, row)) for row in rows]


@router.get("/dlq/{parked_id}", summary="One parked message with its bytes")
async def show_parked(parked_id: UUID, ctx: Ctx) -> ParkedMessageDetail:
    """Show a parked message."""
    table = bus_table(ctx.metadata, "parked")
    async with ctx.unit_of_work() as uow:
        row = (
            await uow.session.execute(select(table).where(table.c.id == parked_id))
        ).one_or_none()
    if row is None:
        raise NotFoundError(f"no parked message {parked_id}")
    try:
        envelope = parse_envelope(row.raw).model_dump(mode="json")
    except ValueError:
        envelope = None
    return ParkedMessageDetail.model_validate(
        {
            **_view(ctx, row),
            "raw_base64": base64.b64encode(row.raw).decode(),
            "envelope": envelope,
        }
    )


@router.post("/dlq/{parked_id}/replay", summary="Handle a parked message and those behind it")
async def replay_parked(parked_id: UUID, ctx: Ctx) -> dict[str, int]:
    """Handle again, in order; stops at the first that fails again."""
    return {"handled": await ctx.state["handler"].replay(parked_id)}


@router.post("/dlq/{parked_id}/discard", summary="Give a parked message up")
async def discard_parked(parked_id: UUID, ctx: Ctx) -> dict[str, str]:
    """Discard for good; messages behind it become free for replay."""
    await ctx.state["handler"].discard(parked_id)
    return {"state": "discarded"}


@router.get("/outbox", summary="State of the outbox")
async def outbox(ctx: Ctx) -> dict[str, Any]:
    """Count what waits and tell the age of the oldest row."""
    table = bus_table(ctx.metadata, "outbox")
    async with ctx.unit_of_work() as uow:
        waiting, oldest = (
            await uow.session.execute(
                select(func.count(), func.min(table.c.created_at)).where(
                    table.c.published_at.is_(None)
                )
            )
        ).one()
        total = await uow.session.scalar(select(func.count()).select_from(table))
    return {"waiting": waiting, "oldest": oldest, "kept": total, "relay": ctx.state.get("relay")}


@router.get("/jobs", summary="Jobs that wait, run or are held")
async def jobs(ctx: Ctx) -> list[dict[str, Any]]:
    """Count jobs by kind and state."""
    statement = text(
        f"SELECT entrypoint, status::text AS status, count(*) AS count, min(created) AS oldest "  # noqa: S608  -- schema name from our own list
        f"FROM {schema_of(ctx.service)}.pgqueuer GROUP BY 1, 2 ORDER BY 1, 2"
    )
    async with ctx.unit_of_work() as uow:
        rows = (await uow.session.execute(statement)).all()
    return [row._asdict() for row in rows]


@router.post("/jobs/requeue", summary="Try held jobs again")
async def requeue(ctx: Ctx) -> dict[str, int]:
    """Put all held jobs back into the queue."""
    statement = text(
        f"UPDATE {schema_of(ctx.service)}.pgqueuer SET status = 'queued', attempts = 0, "  # noqa: S608  -- schema name from our own list
        "execute_after = now(), updated = now(), queue_manager_id = NULL "
        "WHERE status = 'failed'"
    )
    async with ctx.unit_of_work() as uow:
        result: Any = await uow.session.execute(statement)
    return {"requeued": int(result.rowcount)}


@router.post("/projections/rebuild", summary="Read other services' snapshots anew")
async def rebuild_projections(
    ctx: Ctx, owner: Annotated[list[str] | None, Query(description="All if left out")] = None
) -> dict[str, dict[str, int]]:
    """Handle what the owners know now, as if it had come from the bus."""
    return await rebuild(ctx, owner)


@router.get("/alarms", summary="Alarms of this service")
async def alarms(ctx: Ctx) -> list[dict[str, Any]]:
    """List alarms that are raised."""
    table = bus_table(ctx.metadata, "alarms")
    async with ctx.unit_of_work() as uow:
        rows = (await uow.session.execute(select(table).where(table.c.state == "raised"))).all()
    return [row._asdict() for row in rows]


@router.get("/state", summary="What the loops of this process do")
async def state(ctx: Ctx) -> dict[str, Any]:
    """Tell the state of relay, bus, jobs and the stack clock."""
    plain = {key: value for key, value in ctx.state.items() if isinstance(value, str | int | float)}
    return {
        "service": ctx.service,
        "stack_time": ctx.clock.now(),
        "clock_version": ctx.clock.version,
        "clock_speed": ctx.clock.speed,
        **plain,
    }

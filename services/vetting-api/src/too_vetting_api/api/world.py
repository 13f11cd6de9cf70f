"""The world around: the stack clock, live updates, the state of streams, alarms and services."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from importlib import metadata
from typing import Annotated, Any
from uuid import UUID

import httpx
from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field
from sse_starlette import EventSourceResponse, ServerSentEvent
from too_common.context import Context
from too_common.contracts import ingest, notify, planner, queue_submit
from too_common.contracts.alarms import AlarmChanged, AlarmState
from too_common.errors import ConflictError, InvalidError, UnavailableError
from too_common.http import Ctx, Principal, require
from too_common.settings import SERVICES

from too_vetting_api.domain.next_window import next_jump
from too_vetting_api.domain.projections import Kind
from too_vetting_api.resources import Resources
from too_vetting_api.store import projections as store

router = APIRouter(tags=["world"])
Reader = Annotated[Principal, require("read")]

SERVICE_TIMEOUT_S = 3.0
STOP_CHECK_S = 1.0
DISTRIBUTIONS = (
    "too-common",
    "too-ingest",
    "too-notify",
    "too-planner",
    "too-queue-submit",
    "too-vetting-api",
    "too-circulars",
    "astropy",
    "ligo.skymap",
    "gcn-kafka",
    "aiokafka",
    "fastapi",
    "sqlalchemy",
    "pgqueuer",
    "pyongc",
    "numpy",
)
"""Whose versions are shown."""


class ClockView(BaseModel):
    """The stack clock."""

    stack_time: datetime
    wall_time: datetime
    speed: float
    is_movable: bool = Field(description="False in production: 1:1 with the machine")
    next_jump_at: datetime | None = None
    next_jump_reason: str | None = None


class ClockMove(BaseModel):
    """Where to move the clock; exactly one of the three."""

    to_next_window: bool = False
    to: AwareDatetime | None = None
    advance_s: float | None = Field(None, gt=0)


class ServiceState(BaseModel):
    """Whether a service answers, and is ready."""

    service: str
    answers: bool
    ready: bool
    parts: dict[str, str]


class AlarmView(BaseModel):
    """An alarm that is raised."""

    source: str
    alarm_id: str
    code: str
    severity: str
    summary: str
    event_id: UUID | None
    since: datetime


class Health(BaseModel):
    """State of services, streams and alarms."""

    services: list[ServiceState]
    streams: list[ingest.StreamChanged]
    alarms: list[AlarmView]


class About(BaseModel):
    """Versions."""

    versions: dict[str, str]
    profile: str


async def read_clock(ctx: Context) -> ClockView:
    """The clock as this service follows it, and where the button would go."""
    movable = bool(ctx.common.stack_clock_url)
    jump = None
    if movable:
        async with ctx.unit_of_work() as uow:
            plans = await store.rows_of_kind(uow.session, Kind.PLAN)
            submissions = await store.rows_of_kind(uow.session, Kind.SUBMISSION)
        jump = next_jump(
            [planner.PlanChanged.model_validate(row.data) for row in plans],
            [queue_submit.SubmissionChanged.model_validate(row.data) for row in submissions],
            ctx.clock.now(),
        )
    return ClockView(
        stack_time=ctx.clock.now(),
        wall_time=ctx.wall.now(),
        speed=ctx.clock.speed,
        is_movable=movable,
        next_jump_at=jump.to if jump else None,
        next_jump_reason=jump.reason if jump else None,
    )


@router.get("/clock", summary="The stack clock")
async def get_clock(ctx: Ctx, _who: Reader) -> ClockView:
    """Show the time of the domain."""
    return await read_clock(ctx)


@router.post("/clock", summary="Move the stack clock forward (simulated world only)")
async def post_clock(
    body: ClockMove, ctx: Ctx, _who: Annotated[Principal, require("plan", "submit")]
) -> ClockView:
    """Move to the next window, to a time, or by some seconds; never back."""
    url = ctx.common.stack_clock_url
    if not url:
        raise ConflictError("the clock is the real one: it cannot be moved", code="real_clock")
    asked = [body.to_next_window, body.to is not None, body.advance_s is not None]
    if sum(asked) != 1:
        raise InvalidError("say one of to_next_window, to, advance_s")
    order: dict[str, Any] = {}
    if body.to_next_window:
        view = await read_clock(ctx)
        if view.next_jump_at is None:
            raise ConflictError("nothing is planned or queued ahead", code="nothing_ahead")
        order["to"] = view.next_jump_at.isoformat()
    elif body.to is not None:
        order["to"] = body.to.isoformat()
    else:
        order["advance_s"] = body.advance_s
    try:
        answer = await ctx.http.post(url, json=order, timeout=5.0)
    except httpx.HTTPError as error:
        raise UnavailableError("the owner of the stack clock does not answer") from error
    if answer.status_code >= 400:
        raise ConflictError(f"the clock was not moved: {answer.text[:200]}", code="clock_refused")
    with contextlib.suppress(TimeoutError):
        await _reached(ctx, datetime.fromisoformat(str(answer.json()["stack_time"])))
    return await read_clock(ctx)


async def _reached(ctx: Context, wanted: datetime) -> None:
    """Wait until the move has come round to our own clock (a long poll, so at once)."""
    moved = asyncio.Event()
    ctx.clock.on_change(moved.set)
    async with asyncio.timeout(3.0):
        while ctx.clock.now() < wanted:
            await moved.wait()
            moved.clear()


@router.get(
    "/live",
    summary="Server-sent events: `changed` whenever a projection changed",
    response_class=EventSourceResponse,
)
async def get_live(ctx: Ctx, _who: Reader, event_id: UUID | None = None) -> EventSourceResponse:
    """Follow one event's changes, or all; the data is the event's id."""
    return EventSourceResponse(_live(ctx, event_id), ping=20, headers={"X-Accel-Buffering": "no"})


async def _live(ctx: Context, event_id: UUID | None) -> AsyncIterator[ServerSentEvent]:
    resources: Resources = ctx.resources
    changes = resources.live.changes(None if event_id is None else str(event_id))
    waiting: asyncio.Task[str] | None = None
    yield ServerSentEvent(event="hello", data="")
    try:
        while not ctx.state.get("stopping"):
            waiting = waiting or asyncio.ensure_future(anext(changes))
            done, _ = await asyncio.wait({waiting}, timeout=STOP_CHECK_S)
            if done:
                yield ServerSentEvent(event="changed", data=waiting.result())
                waiting = None
    finally:
        if waiting is not None:
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await waiting
        await changes.aclose()


@router.get("/health", summary="Services, streams and alarms")
async def get_health(ctx: Ctx, _who: Reader) -> Health:
    """Ask every service whether it is ready, and show what is wrong."""
    return await read_health(ctx)


async def read_health(ctx: Context) -> Health:
    """State of everything, for the API and the page alike."""
    services = await asyncio.gather(*(_state_of(ctx, name) for name in SERVICES))
    async with ctx.unit_of_work() as uow:
        streams = await store.rows_of_kind(uow.session, Kind.STREAM)
        alarms = await store.rows_of_kind(uow.session, Kind.ALARM)
    return Health(
        services=list(services),
        streams=[ingest.StreamChanged.model_validate(row.data) for row in streams],
        alarms=raised_alarms(alarms),
    )


def raised_alarms(rows: list[Any]) -> list[AlarmView]:
    """Alarms that were not cleared, the critical ones first, then the newest."""
    found = []
    for row in rows:
        data = AlarmChanged.model_validate(row.data)
        if data.state is AlarmState.RAISED:
            found.append(
                AlarmView(
                    source=row.item_id.split(":", 1)[0],
                    **data.model_dump(exclude={"state"}),
                )
            )
    found.sort(key=lambda item: item.since, reverse=True)
    return sorted(found, key=lambda item: item.severity != "critical")


async def _state_of(ctx: Context, service: str) -> ServiceState:
    try:
        answer = await ctx.http.get(
            f"{ctx.common.url_of(service)}/readyz", timeout=SERVICE_TIMEOUT_S
        )
        body = answer.json()
        return ServiceState(
            service=service,
            answers=True,
            ready=answer.status_code == 200,
            parts={str(name): str(state) for name, state in body.get("parts", {}).items()},
        )
    except (httpx.HTTPError, ValueError, AttributeError):
        return ServiceState(service=service, answers=False, ready=False, parts={})


@router.get("/alarms", summary="Alarms that are raised")
async def get_alarms(ctx: Ctx, _who: Reader) -> list[AlarmView]:
    """List alarms."""
    async with ctx.unit_of_work() as uow:
        return raised_alarms(await store.rows_of_kind(uow.session, Kind.ALARM))


@router.get("/submissions", summary="Submissions to all telescopes, newest first")
async def get_submissions(
    ctx: Ctx, _who: Reader, limit: Annotated[int, Query(ge=1, le=1000)] = 200
) -> list[queue_submit.SubmissionChanged]:
    """List submissions of all events as the queue told them."""
    return (await read_submissions(ctx))[:limit]


async def read_submissions(ctx: Context) -> list[queue_submit.SubmissionChanged]:
    """Every submission, the latest window first."""
    async with ctx.unit_of_work() as uow:
        rows = await store.rows_of_kind(uow.session, Kind.SUBMISSION)
    items = [queue_submit.SubmissionChanged.model_validate(row.data) for row in rows]
    return sorted(items, key=lambda item: (item.window_begin, item.facility), reverse=True)


@router.get("/duty", summary="Who is on duty now")
async def get_duty(ctx: Ctx, _who: Reader) -> notify.DutyChanged | None:
    """Account ids on duty, as notify told last."""
    async with ctx.unit_of_work() as uow:
        row = await store.get_row(uow.session, Kind.DUTY, "current")
    return None if row is None else notify.DutyChanged.model_validate(row.data)


@router.get("/about", summary="Versions")
async def get_about(ctx: Ctx, _who: Reader) -> About:
    """Show which versions run."""
    return About(versions=versions(), profile=ctx.common.profile)


def versions() -> dict[str, str]:
    """Installed versions of what matters."""
    found = {}
    for name in DISTRIBUTIONS:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found

"""Charts as SVG and PNG, and what they are drawn from."""

import json
from enum import StrEnum
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Header, Path, Query, Response
from too_common.contracts.base import UtcDatetime
from too_common.errors import InvalidError
from too_common.http import Ctx, Principal, require

from too_planner.charts.palette import ThemeName
from too_planner.telescope import NAME_PATTERN
from too_planner.usecases import render

router = APIRouter(tags=["charts"])


class PlanChart(StrEnum):
    """Charts of a plan."""

    SKY = "sky"
    NIGHT = "night"


class EventChart(StrEnum):
    """Charts of an event from all sites."""

    OBSERVABILITY = "observability"
    AIRMASS = "airmass"


class Form(StrEnum):
    """Formats of charts."""

    SVG = "svg"
    PNG = "png"


MAX_PIXELS = 4800
"""Across a PNG."""
MEDIA = {Form.SVG: "image/svg+xml", Form.PNG: "image/png"}
Theme = Annotated[ThemeName, Query(description="Palette")]
Width = Annotated[float, Query(ge=320, le=2400, description="Width; 390 suits a phone")]
Scale = Annotated[float, Query(ge=0.5, le=4, description="Pixels of a PNG per unit of width")]
Zone = Annotated[
    str, Query(max_length=64, description="UTC, site, or an IANA zone such as Europe/Paris")
]
IfNoneMatch = Annotated[str | None, Header(description="ETag of what one has")]


def look_of(form: Form, theme: ThemeName, width: float, scale: float, zone: str) -> render.Look:
    """How a chart is wanted.

    Raises
    ------
    InvalidError
        If there is no such time zone, or the picture would be too large.
    """
    if width * scale > MAX_PIXELS:
        raise InvalidError(
            f"width times scale is at most {MAX_PIXELS} pixels; an SVG has no such limit",
            code="too_large",
        )
    if zone not in {"UTC", "site"}:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise InvalidError(f"there is no time zone {zone!r}", code="zone") from error
    return render.Look(form.value, theme.value, round(width), scale, zone)


def answer(
    found: render.Rendered,
    media_type: str,
    if_none_match: str | None,
    *,
    file_name: str | None = None,
    links: str | None = None,
    max_age_s: int = 0,
) -> Response:
    """The content with its hash; 304 for who has it."""
    headers = {"Cache-Control": f"private, max-age={max_age_s}"}
    if found.etag:
        headers["ETag"] = f'"{found.etag}"'
    if file_name is not None:
        headers["Content-Disposition"] = f'inline; filename="{file_name}"'
    if links is not None:
        headers["Link"] = links
    if found.etag and if_none_match is not None:
        known = {part.strip().removeprefix("W/").strip('"') for part in if_none_match.split(",")}
        if found.etag in known or "*" in known:
            return Response(status_code=304, headers=headers)
    return Response(found.content, media_type=media_type, headers=headers)


@router.get("/plans/{plan_id}/night", summary="A plan's night, for play-back and time line")
async def get_night(
    plan_id: UUID,
    ctx: Ctx,
    _who: Annotated[Principal, require("read")],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Sun, Moon and horizon through the night; each exposure with airmass and what is covered."""
    async with ctx.unit_of_work() as uow:
        source = await render.plan_source(uow, plan_id)
    found = await render.plan_night(ctx, source)
    return answer(found, "application/json", if_none_match)


@router.get("/plans/{plan_id}/charts/{chart}.{form}", summary="A chart of a plan")
async def get_plan_chart(
    plan_id: UUID,
    chart: Annotated[PlanChart, Path(description="sky: tiles on the map; night: the time line")],
    form: Form,
    ctx: Ctx,
    _who: Annotated[Principal, require("read")],
    theme: Theme = ThemeName.LIGHT,
    width: Width = 960.0,
    scale: Scale = 2.0,
    zone: Zone = "UTC",
    if_none_match: IfNoneMatch = None,
) -> Response:
    """``sky``: contours, tiles in order; ``night``: exposures, airmass, Moon, what is covered."""
    look = look_of(form, theme, width, scale, zone)
    async with ctx.unit_of_work() as uow:
        source = await render.plan_source(uow, plan_id)
    found = await render.plan_chart(ctx, source, chart.value, look)
    name = source.provenance.file_name(f"{chart.value}.{form.value}")
    return answer(found, MEDIA[form], if_none_match, file_name=name)


@router.get("/events/{event_id}/charts/{chart}.{form}", summary="A chart of an event, all sites")
async def get_event_chart(
    event_id: UUID,
    chart: EventChart,
    form: Form,
    ctx: Ctx,
    _who: Annotated[Principal, require("read")],
    telescope: Annotated[
        str | None, Query(pattern=NAME_PATTERN, description="Left out: all")
    ] = None,
    hours: Annotated[float, Query(gt=0, le=72, description="From the begin")] = 24.0,
    begin: Annotated[UtcDatetime | None, Query(description="Left out: now")] = None,
    theme: Theme = ThemeName.LIGHT,
    width: Width = 960.0,
    scale: Scale = 2.0,
    zone: Zone = "UTC",
    if_none_match: IfNoneMatch = None,
) -> Response:
    """``observability``: share of the probability in reach; ``airmass``: of the map, per site."""
    look = look_of(form, theme, width, scale, zone)
    async with ctx.unit_of_work() as uow:
        source = await render.site_source(
            uow, event_id, hours=hours, begin=begin, telescope=telescope
        )
    found = await render.site_chart(ctx, source, chart.value, look)
    stem = "".join(c if c.isalnum() or c in "-." else "-" for c in source.event.name)
    name = f"{stem}_{chart.value}.{form.value}"
    return answer(found, MEDIA[form], if_none_match, file_name=name)


async def observability_rows(
    ctx: Ctx, event_id: UUID, hours: float
) -> tuple[render.SiteSource, list[dict[str, object]]]:
    """What the charts of an event are drawn from."""
    async with ctx.unit_of_work() as uow:
        source = await render.site_source(uow, event_id, hours=hours, begin=None)
    found = await render.sites(ctx, source)
    return source, json.loads(found.content)

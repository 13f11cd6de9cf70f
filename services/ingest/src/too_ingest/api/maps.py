"""Maps by content hash: immutable, so they may be cached for ever."""

import json
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import select
from too_common.astro import tasks
from too_common.astro.moc import MocFormat
from too_common.contracts.base import UtcDatetime
from too_common.contracts.ingest import MapFacts
from too_common.errors import InvalidError, NotFoundError
from too_common.http import Ctx, Principal, require

from too_ingest import store, store_events
from too_ingest.api.models import LocalizationView
from too_ingest.api.region_models import MapAddress, NewRegion
from too_ingest.settings import IngestSettings
from too_ingest.tables import Event
from too_ingest.tables_maps import MapRequest
from too_ingest.usecases import manual_maps

router = APIRouter(tags=["maps"])

IMMUTABLE = "private, max-age=31536000, immutable"
Sha256 = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
_FITS = "application/fits"
_MOC_FILES = {
    MocFormat.FITS: (_FITS, "fits"),
    MocFormat.JSON: ("application/json", "json"),
    MocFormat.ASCII: ("text/plain; charset=us-ascii", "txt"),
}


class MapView(BaseModel):
    """Facts of a map."""

    sha256: str
    size_bytes: int
    file_sha256: str | None
    facts: MapFacts


def _cached(request: Request, tag: str) -> Response | None:
    if request.headers.get("if-none-match") == f'"{tag}"':
        return Response(status_code=304, headers={"ETag": f'"{tag}"', "Cache-Control": IMMUTABLE})
    return None


def _file(body: bytes, name: str, tag: str) -> Response:
    return Response(
        body,
        media_type=_FITS,
        headers={
            "ETag": f'"{tag}"',
            "Cache-Control": IMMUTABLE,
            "Content-Disposition": f'attachment; filename="{name}"',
        },
    )


@router.get(
    "/maps/{sha256}",
    summary="A normalised multi-order map",
    description="FITS; its hash is the one that the events carry.",
    response_class=Response,
)
async def get_map(
    sha256: Sha256, request: Request, ctx: Ctx, _who: Annotated[Principal, require("read")]
) -> Response:
    """Serve a map."""
    if (same := _cached(request, sha256)) is not None:
        return same
    async with ctx.unit_of_work() as uow:
        row = await store.get_map(uow.session, sha256, body=True)
        if row is None:
            raise NotFoundError(f"there is no map {sha256[:12]}...")
        return _file(row.body, f"{sha256[:16]}.multiorder.fits", sha256)


@router.get(
    "/maps/{sha256}/raw",
    summary="The file that a map was made from, as it came",
    response_class=Response,
)
async def get_raw_map(
    sha256: Sha256, ctx: Ctx, _who: Annotated[Principal, require("read")]
) -> Response:
    """Serve the original file."""
    async with ctx.unit_of_work() as uow:
        row = await store.get_map(uow.session, sha256)
        body = (
            await store.map_file(uow.session, row.file_sha256) if row and row.file_sha256 else None
        )
        if row is None or body is None or row.file_sha256 is None:
            raise NotFoundError("the map was made here from an error region: there is no file")
        packed = body.startswith(b"\x1f\x8b")
        return _file(body, f"{sha256[:16]}.fits{'.gz' if packed else ''}", row.file_sha256)


@router.get(
    "/maps/{sha256}/contours",
    summary="50 % and 90 % regions as GeoJSON",
    response_class=Response,
)
async def get_contours(
    sha256: Sha256, request: Request, ctx: Ctx, _who: Annotated[Principal, require("read")]
) -> Response:
    """Serve the contours; longitude is right ascension."""
    tag = f"{sha256}-contours"
    if (same := _cached(request, tag)) is not None:
        return same
    async with ctx.unit_of_work() as uow:
        row = await store.get_map(uow.session, sha256, contours=True)
        if row is None:
            raise NotFoundError(f"there is no map {sha256[:12]}...")
        contours: dict[str, Any] = row.contours
    return Response(
        json.dumps(contours),
        media_type="application/geo+json",
        headers={"ETag": f'"{tag}"', "Cache-Control": IMMUTABLE},
    )


@router.get("/maps/{sha256}/facts", summary="Areas, peak and distance of a map")
async def get_map_facts(
    sha256: Sha256, ctx: Ctx, _who: Annotated[Principal, require("read")]
) -> MapView:
    """Show what a map says."""
    async with ctx.unit_of_work() as uow:
        row = await store.get_map(uow.session, sha256)
        if row is None:
            raise NotFoundError(f"there is no map {sha256[:12]}...")
        return MapView(
            sha256=row.sha256,
            size_bytes=row.size_bytes,
            file_sha256=row.file_sha256,
            facts=MapFacts.model_validate(row.facts),
        )


@router.get(
    "/maps/{sha256}/moc",
    summary="Smallest region of a probability, as a MOC",
    description="IVOA Multi-Order Coverage map 2.0 of the densest pixels that hold `level`: FITS "
    "(ranges), JSON or ASCII.",
    response_class=Response,
)
async def get_moc(
    sha256: Sha256,
    request: Request,
    ctx: Ctx,
    _who: Annotated[Principal, require("read")],
    level: Annotated[float, Query(gt=0, le=1)] = 0.9,
    form: Annotated[MocFormat, Query(alias="format")] = MocFormat.FITS,
) -> Response:
    """Serve a region of a map."""
    tag = f"{sha256}-moc-{level:g}-{form}"
    if (same := _cached(request, tag)) is not None:
        return same
    async with ctx.unit_of_work() as uow:
        row = await store.get_map(uow.session, sha256, body=True)
        if row is None:
            raise NotFoundError(f"there is no map {sha256[:12]}...")
        body = row.body
    settings: IngestSettings = ctx.settings
    moc = await ctx.workers.run(
        tasks.region_moc, body, level, form.value, deadline_s=settings.map_deadline_s
    )
    media, ending = _MOC_FILES[form]
    return Response(
        moc,
        media_type=media,
        headers={
            "ETag": f'"{tag}"',
            "Cache-Control": IMMUTABLE,
            "Content-Disposition": f'attachment; filename="{sha256[:16]}-{level:g}.moc.{ending}"',
        },
    )


class MapRequestView(BaseModel):
    """A map file that is asked for."""

    localization_id: UUID
    url: str
    state: str = Field(
        description="waiting | watched (there; may change) | done | given_up | refused"
    )
    due_at: UtcDatetime | None = Field(description="Next request (stack time)")
    waiting_since: UtcDatetime
    there_since: UtcDatetime | None
    attempts: int
    reason: str = Field(description="What the last request gave, if not the file")
    content_sha256: str | None


@router.get("/events/{event_id}/map-requests", summary="Map files that are asked for")
async def list_map_requests(
    event_id: UUID, ctx: Ctx, _who: Annotated[Principal, require("read")]
) -> list[MapRequestView]:
    """Show what is waited for, and what is watched for changes."""
    async with ctx.unit_of_work() as uow:
        event = await uow.session.get(Event, event_id)
        if event is None:
            raise NotFoundError(f"there is no event {event_id}")
        rows = await store_events.localizations_of_root(uow.session, event.root_id)
        requests = await uow.session.scalars(
            select(MapRequest)
            .where(MapRequest.localization_id.in_([row.id for row in rows]))
            .order_by(MapRequest.waiting_since, MapRequest.localization_id)
        )
        return [
            MapRequestView(**{name: getattr(row, name) for name in MapRequestView.model_fields})
            for row in requests
        ]


@router.post(
    "/events/{event_id}/maps/from-address",
    summary="Have a sky map fetched",
    description="From the map servers that the settings allow. A file that is not there yet is "
    "asked for for a day.",
    status_code=202,
)
async def add_address(
    event_id: UUID,
    address: MapAddress,
    ctx: Ctx,
    who: Annotated[Principal, require("plan", "admin")],
) -> LocalizationView:
    """Add a map by its address."""
    async with ctx.unit_of_work(who.cause()) as uow:
        row = await manual_maps.add_address(uow, event_id, address.url)
        await uow.session.refresh(row)
        return LocalizationView.of(row, None)


@router.post(
    "/events/{event_id}/regions",
    summary="Add an error region",
    description="Circle, ellipse or polygon; its map is made in a worker process.",
    status_code=202,
)
async def add_region(
    event_id: UUID,
    new: NewRegion,
    ctx: Ctx,
    who: Annotated[Principal, require("plan", "admin")],
) -> LocalizationView:
    """Add an error region to an event."""
    position = new.position()
    if position is None:
        raise InvalidError("the region has no position", code="no_region")
    async with ctx.unit_of_work(who.cause()) as uow:
        row = await manual_maps.add_region(uow, event_id, position, new.region())
        await uow.session.refresh(row)
        return LocalizationView.of(row, None)

"""Galaxy catalogues and an event's ranked galaxies."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field
from too_common.errors import InvalidError, NotFoundError
from too_common.http import Ctx, Principal, require
from too_common.ids import uuid7

from too_vetting_api.api.candidates import table_file
from too_vetting_api.catalogues.ranking import DESCENDING_FIRST, NUMBERS
from too_vetting_api.catalogues.readers import FORMATS
from too_vetting_api.domain.paging import decode_cursor, encode_cursor, parse_ranges
from too_vetting_api.resources import Resources
from too_vetting_api.store import catalogues as store
from too_vetting_api.tables import Catalogue
from too_vetting_api.usecases import catalogues as usecase
from too_vetting_api.usecases.read_events import resolve_event

router = APIRouter(tags=["galaxies"])
Reader = Annotated[Principal, require("read")]
Admin = Annotated[Principal, require("admin")]
EXPORT_LIMIT = 5000
"""Rows of an export: a longer list is of no use to a telescope."""
COLUMNS = ("name", *NUMBERS)


class CatalogueView(BaseModel):
    """A snapshot of a galaxy catalogue."""

    name: str
    version: str
    rows: int
    sha256: str
    size_bytes: int
    credit: str
    licence: str
    is_current: bool
    loaded_at: datetime


class GalaxyView(BaseModel):
    """A galaxy in an event's map; null: not known."""

    row: int
    name: str
    ra_deg: float
    dec_deg: float
    distance_mpc: float | None
    distance_err_mpc: float | None
    b_mag: float | None
    log_mstar: float | None
    level_2d: float | None
    level_3d: float | None = Field(description="null: no distance here; use the 2-D level")
    density_2d: float | None = Field(description="Per steradian")
    density_3d: float | None = Field(description="Per cubic megaparsec")
    score: float | None = Field(description="Share of the list, weighted by B light")


class GalaxyList(BaseModel):
    """Some of an event's galaxies."""

    items: list[GalaxyView]
    total: int
    next_cursor: str | None
    catalogue: str
    catalogue_version: str
    credit: str
    map_sha256: str
    galaxies_in_map: int = Field(description="Inside the 99.9 % region of the map")
    with_distance: int
    for_half_of_score: int = Field(description="How many galaxies reach 50 % of the score")
    for_ninety_of_score: int


class LoadStarted(BaseModel):
    """A catalogue is being loaded."""

    format: str
    bytes_received: int


@router.get("/catalogues", summary="Galaxy catalogues")
async def get_catalogues(ctx: Ctx, _who: Reader) -> list[CatalogueView]:
    """List snapshots, the current ones first."""
    async with ctx.unit_of_work() as uow:
        rows = await store.all_catalogues(uow.session)
        return [_view(row) for row in rows]


def _view(row: Catalogue) -> CatalogueView:
    return CatalogueView.model_validate(
        {name: getattr(row, name) for name in CatalogueView.model_fields}
    )


@router.get(
    "/catalogues/{name}/{sha256}",
    summary="A catalogue's snapshot (.npy, sorted by HEALPix index)",
    response_class=FileResponse,
)
async def get_snapshot(name: str, sha256: str, ctx: Ctx, _who: Reader) -> Response:
    """Serve a snapshot; it never changes under its hash."""
    async with ctx.unit_of_work() as uow:
        row = await uow.session.get(Catalogue, sha256)
    path = usecase.snapshot_path(ctx, sha256) if row is not None else None
    if row is None or row.name != name or path is None or not path.exists():
        raise NotFoundError(f"no snapshot {sha256[:12]} of {name}")
    headers = {"Cache-Control": "private, max-age=31536000, immutable", "ETag": f'"{sha256}"'}
    return FileResponse(path, media_type="application/octet-stream", headers=headers)


@router.post(
    "/catalogues",
    summary="Load a catalogue from its public file (the body)",
    description="CLU (HDF5), NED-LVS (FITS), GLADE+ (text). Streamed to disk, then read by a job.",
    status_code=202,
    openapi_extra={
        "requestBody": {
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            }
        }
    },
)
async def post_catalogue(
    request: Request,
    ctx: Ctx,
    who: Admin,
    form: Annotated[Literal["openngc", "clu", "nedlvs", "gladeplus"], Query(alias="format")],
    version: Annotated[str | None, Query(max_length=100)] = None,
) -> LoadStarted:
    """Receive a file and begin to load it."""
    resources: Resources = ctx.resources
    folder = resources.catalogue_dir / "uploads"
    name = f"{uuid7()}"
    size = await _receive(request, folder, name)
    if form != FORMATS[0] and size == 0:
        raise InvalidError("the body is empty: send the catalogue's file")
    async with ctx.unit_of_work(who.cause()) as uow:
        await uow.enqueue(
            usecase.LoadCatalogue(form=form, upload=name if size else None, version=version)
        )
    return LoadStarted(format=form, bytes_received=size)


async def _receive(request: Request, folder: Path, name: str) -> int:
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    path = folder / name
    size = 0
    file = await asyncio.to_thread(path.open, "wb")
    try:
        async for piece in request.stream():
            await asyncio.to_thread(file.write, piece)
            size += len(piece)
    finally:
        await asyncio.to_thread(file.close)
    if size == 0:
        await asyncio.to_thread(path.unlink)
    return size


@router.get("/events/{event}/galaxies", summary="Galaxies ranked in the event's map")
async def get_galaxies(
    event: str,
    ctx: Ctx,
    _who: Reader,
    catalogue: Annotated[str | None, Query(description="Default: the largest")] = None,
    sort: Annotated[str, Query(description="Column, with - before it descending")] = "-score",
    where: Annotated[list[str] | None, Query(description="column:least:greatest")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: str | None = None,
) -> GalaxyList:
    """Rank in 2-D, 3-D and by light; 404 with the reason while there is no map."""
    return await read_list(
        ctx,
        event,
        catalogue=catalogue,
        sort=sort,
        where=where or [],
        limit=limit,
        cursor=cursor,
    )


async def read_list(
    ctx: Ctx,
    event: str,
    *,
    catalogue: str | None,
    sort: str,
    where: list[str],
    limit: int,
    cursor: str | None,
) -> GalaxyList:
    """Page of galaxies, for the API and the page alike."""
    column, descending = sort.removeprefix("-"), sort.startswith("-")
    ranges = parse_ranges(where, set(NUMBERS))
    after: tuple[Any, int] | None = None
    if cursor is not None:
        value, key = decode_cursor(cursor)
        if not isinstance(key, int):
            raise InvalidError("the cursor is not one that this list gave")
        after = (value, key)
    async with ctx.unit_of_work() as uow:
        event_id: UUID = (await resolve_event(uow, event)).event_id
    ranked, row, map_sha256 = await usecase.ranked_list(ctx, event_id, catalogue)
    page = await asyncio.to_thread(
        ranked.page, sort=column, descending=descending, ranges=ranges, limit=limit, after=after
    )
    reach = await asyncio.to_thread(ranked.reach)
    return GalaxyList(
        items=[GalaxyView.model_validate(item) for item in page.rows],
        total=page.total,
        next_cursor=None if page.next_after is None else encode_cursor(*page.next_after),
        catalogue=row.name,
        catalogue_version=row.version,
        credit=row.credit,
        map_sha256=map_sha256,
        galaxies_in_map=reach.galaxies,
        with_distance=reach.with_distance,
        for_half_of_score=reach.for_half,
        for_ninety_of_score=reach.for_ninety,
    )


@router.get(
    "/events/{event}/galaxies/export",
    summary="The ranked galaxies as CSV or Markdown",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}, "text/markdown": {}}}},
)
async def export_galaxies(
    event: str,
    ctx: Ctx,
    _who: Reader,
    form: Annotated[Literal["csv", "md"], Query(alias="format")] = "csv",
    catalogue: str | None = None,
    sort: str = "-score",
    where: Annotated[list[str] | None, Query()] = None,
) -> Response:
    """Export the first 5000 rows of the list."""
    page = await read_list(
        ctx,
        event,
        catalogue=catalogue,
        sort=sort,
        where=where or [],
        limit=EXPORT_LIMIT,
        cursor=None,
    )
    rows = [[getattr(item, name) for name in COLUMNS] for item in page.items]
    return table_file("galaxies", form, COLUMNS, rows)


__all__ = ["DESCENDING_FIRST", "read_list", "router"]

"""Maps by content hash: immutable, so they may be cached for ever."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel
from too_common.contracts.ingest import MapFacts
from too_common.errors import NotFoundError
from too_common.http import Ctx, Principal, require

from too_ingest import store

router = APIRouter(tags=["maps"])

IMMUTABLE = "private, max-age=31536000, immutable"
Sha256 = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
_FITS = "application/fits"


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

"""Telescopes: what is defined, import, references, fields near a place."""

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from too_common.astro.sphere import separation_deg
from too_common.errors import InvalidError, NotFoundError
from too_common.http import Ctx, Principal, require
from too_common.uow import UnitOfWork

from too_planner import fieldgrid, geojson, planning, store
from too_planner.tables import GridRow, TelescopeRow
from too_planner.telescope import (
    NAME_PATTERN,
    TelescopeDefinition,
    TelescopeError,
    parse_definition,
    parse_text,
)
from too_planner.usecases import telescopes as usecases

router = APIRouter(tags=["telescopes"])

Name = Annotated[str, Path(pattern=NAME_PATTERN, description="E.g. ZTF")]
MAX_GRID_BASE64 = 30_000_000


class TelescopeView(BaseModel):
    """A telescope as it is in force."""

    name: str
    long_name: str
    revision: int
    source: str = Field(description="file (read at start) or imported (by a person)")
    provisional: str | None = Field(description="What is not confirmed")
    references_loaded: bool
    grid_info: dict[str, Any] | None = Field(description="Fields by set")
    changed_at: datetime
    definition: dict[str, Any]


class TelescopeImport(BaseModel):
    """A telescope file and, if it brings its own, its grid."""

    definition: dict[str, Any] | None = Field(
        default=None, description="As a telescope file says it"
    )
    text: str | None = Field(
        default=None,
        max_length=1_000_000,
        description="Or the file itself (YAML): problems are told with their line",
    )
    grid_base64: str | None = Field(
        default=None,
        max_length=MAX_GRID_BASE64,
        description="Grid: CSV (field_id, ra_deg, dec_deg, set) or a compact file; left out: the "
        "grid that is there",
    )


class Reference(BaseModel):
    """A reference image."""

    field_id: str = Field(min_length=1, max_length=40)
    filter: str = Field(min_length=1, max_length=16)


class ReferenceList(BaseModel):
    """All reference images of a telescope."""

    references: list[Reference] = Field(max_length=200_000)


class ReferenceCount(BaseModel):
    """What was taken in."""

    telescope: str
    references: int


def view(row: TelescopeRow) -> TelescopeView:
    """A row as it is shown."""
    return TelescopeView(
        name=row.name,
        long_name=str(row.definition.get("long_name", row.name)),
        revision=row.revision,
        source=row.source,
        provisional=row.definition.get("provisional"),
        references_loaded=row.references_loaded,
        grid_info=row.grid_info,
        changed_at=row.changed_at,
        definition=row.definition,
    )


async def find(uow: UnitOfWork, name: str) -> TelescopeRow:
    """A telescope, or 404."""
    row = await uow.session.get(TelescopeRow, name)
    if row is None:
        raise NotFoundError(f"no telescope named {name!r}")
    return row


@router.get("/telescopes", summary="All telescopes")
async def list_telescopes(
    ctx: Ctx, _who: Annotated[Principal, require("read")]
) -> list[TelescopeView]:
    """Definitions in force, by name."""
    async with ctx.unit_of_work() as uow:
        return [view(row) for row in await store.telescopes(uow.session)]


@router.get("/telescopes/{name}", summary="One telescope")
async def get_telescope(
    name: Name, ctx: Ctx, _who: Annotated[Principal, require("read")]
) -> TelescopeView:
    """Site, footprint, limits, overheads, defaults."""
    async with ctx.unit_of_work() as uow:
        return view(await find(uow, name))


@router.put("/telescopes/{name}", summary="Import a telescope")
async def put_telescope(
    name: Name, body: TelescopeImport, ctx: Ctx, who: Annotated[Principal, require("admin")]
) -> TelescopeView:
    """Enter or replace a telescope; from then on files do not replace it."""
    if (body.definition is None) == (body.text is None):
        raise InvalidError("say definition or text", code="telescope")
    try:
        if body.text is not None:
            definition = parse_text(body.text)
        else:
            definition = parse_definition(body.definition or {})
    except TelescopeError as error:
        raise InvalidError(str(error), code="telescope") from error
    if definition.name != name:
        raise InvalidError(f"the definition is of {definition.name!r}, not of {name!r}")
    grid = None
    if body.grid_base64 is not None:
        try:
            grid = base64.b64decode(body.grid_base64, validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidError("grid_base64 is not base64", code="grid") from error
    async with ctx.unit_of_work(who.cause()) as uow:
        row = await usecases.import_telescope(uow, definition, grid)
        return view(row)


@router.post("/telescopes/{name}/references", summary="Load the list of reference images")
async def post_references(
    name: Name, body: ReferenceList, ctx: Ctx, who: Annotated[Principal, require("admin")]
) -> ReferenceCount:
    """Replace the list; plans that require references then use these fields only."""
    async with ctx.unit_of_work(who.cause()) as uow:
        row = await find(uow, name)
        pairs = [(item.field_id, item.filter) for item in body.references]
        count = await usecases.replace_references(uow, row, pairs)
        return ReferenceCount(telescope=name, references=count)


@router.get(
    "/telescopes/{name}/grid",
    summary="Fields near a place, as GeoJSON",
)
async def get_grid(
    name: Name,
    ctx: Ctx,
    _who: Annotated[Principal, require("read")],
    ra_deg: Annotated[float, Query(ge=0, le=360, description="ICRS")],
    dec_deg: Annotated[float, Query(ge=-90, le=90, description="ICRS")],
    radius_deg: Annotated[float, Query(gt=0, le=180)] = 10.0,
    limit: Annotated[int, Query(ge=1, le=2000)] = 200,
) -> dict[str, Any]:
    """Outlines of the nearest fields, nearest first."""
    async with ctx.unit_of_work() as uow:
        row = await find(uow, name)
        grid_row = await uow.session.get(GridRow, row.grid_sha256) if row.grid_sha256 else None
    if grid_row is None:
        raise NotFoundError(f"{name} has no field grid")
    definition = TelescopeDefinition.model_validate(row.definition)
    grid = fieldgrid.from_bytes(grid_row.data)
    footprint = planning.footprint_of(definition, grid)
    distance = separation_deg(ra_deg, dec_deg, grid.ra_deg, grid.dec_deg)
    near = [int(i) for i in distance.argsort(kind="stable")[:limit] if distance[i] <= radius_deg]
    return geojson.collection(
        [
            geojson.field_feature(
                footprint,
                float(grid.ra_deg[index]),
                float(grid.dec_deg[index]),
                {
                    "field_id": str(grid.field_id[index]),
                    "set": grid.sets[int(grid.set_code[index])],
                    "distance_deg": round(float(distance[index]), 4),
                },
            )
            for index in near
        ]
    )

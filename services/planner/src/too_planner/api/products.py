"""A plan's files for other programs."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field
from too_common.http import Ctx, Principal, require

from too_planner.api.charts import IfNoneMatch, answer
from too_planner.products import KINDS, Product
from too_planner.usecases import render

router = APIRouter(tags=["products"])


class ProductView(BaseModel):
    """A file that a plan can be had as."""

    name: Product
    title: str
    media_type: str
    file_name: str
    url: str = Field(description="Path at the marshal's public address")


class ProductList(BaseModel):
    """All files of a plan, and how they are made."""

    plan_id: UUID
    provenance: dict[str, object] = Field(
        description="Map, telescope's revision, program's version, request: the same in every file"
    )
    products: list[ProductView]


def _path(plan_id: UUID) -> str:
    return f"/api/planner/v1/plans/{plan_id}/products"


@router.get("/plans/{plan_id}/products", summary="A plan's files, and how they are made")
async def list_products(
    plan_id: UUID, ctx: Ctx, _who: Annotated[Principal, require("read")]
) -> ProductList:
    """Names, types and addresses."""
    async with ctx.unit_of_work() as uow:
        source = await render.plan_source(uow, plan_id)
    made = source.provenance.as_dict()
    made.pop("product", None)
    return ProductList(
        plan_id=plan_id,
        provenance=made,
        products=[
            ProductView(
                name=product,
                title=kind.title,
                media_type=kind.media_type,
                file_name=source.provenance.file_name(kind.ending),
                url=f"{_path(plan_id)}/{product.value}",
            )
            for product, kind in KINDS.items()
        ],
    )


@router.get("/plans/{plan_id}/products/{product}", summary="A plan's file")
async def get_product(
    plan_id: UUID,
    product: Annotated[Product, Path(description="Name of the product")],
    ctx: Ctx,
    _who: Annotated[Principal, require("read")],
    download: Annotated[bool, Query(description="To be saved rather than shown")] = True,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """ECSV, CSV, JSON, GeoJSON, MOC, ObsLocTAP; each tells how it was made."""
    async with ctx.unit_of_work() as uow:
        source = await render.plan_source(uow, plan_id)
    found = await render.plan_product(ctx, source, product)
    kind = KINDS[product]
    made = answer(
        found,
        kind.media_type,
        if_none_match,
        file_name=source.provenance.file_name(kind.ending),
        # for formats that have no room for it, as a MOC's JSON
        links=f'<{_path(plan_id)}>; rel="describedby"; type="application/json"',
    )
    if download:
        disposition = made.headers["Content-Disposition"].replace("inline", "attachment", 1)
        made.headers["Content-Disposition"] = disposition
    return made

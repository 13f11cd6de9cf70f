"""Snapshots: each owner serves its current state in pages, so that a reader can be rebuilt."""

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Query

from too_common.auth.principal import Principal
from too_common.contracts.base import wrap
from too_common.http.dependencies import Ctx, require
from too_common.ids import uuid7
from too_common.service import ServiceDefinition


def snapshot_router(definition: ServiceDefinition) -> APIRouter:
    """Route ``GET /snapshot`` of a service."""
    router = APIRouter(tags=["snapshot"])

    @router.get(
        "/snapshot",
        summary="Current state as events, in pages",
        description="For readers that rebuild their projections; scope machine or admin.",
        operation_id=f"snapshot_{definition.name.replace('-', '_')}",
    )
    async def snapshot(
        ctx: Ctx,
        _who: Annotated[Principal, require("machine", "admin")],
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    ) -> dict[str, Any]:
        items: list[Any] = []
        has_more = False
        if definition.snapshot is not None:
            async with ctx.unit_of_work() as uow:
                number = 0
                async for item in definition.snapshot(uow):
                    if number >= offset + limit:
                        has_more = True
                        break
                    if number >= offset:
                        envelope = wrap(
                            item.data,
                            id=uuid7(),
                            occurred_at=uow.now,
                            source=ctx.service,
                            key=item.key,
                            revision=item.revision,
                            correlation_id=uuid4(),
                        )
                        items.append(envelope.model_dump(mode="json"))
                    number += 1
        return {"items": items, "next_offset": offset + limit if has_more else None}

    return router

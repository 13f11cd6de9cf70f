"""What the planner knows of an event: coverage, observability."""

import json
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from too_common.contracts.ingest import LocalizationReady
from too_common.contracts.planner import CoverageChanged
from too_common.errors import NotFoundError
from too_common.http import Ctx, Principal, require

from too_planner import fieldgrid, geojson, planning, store
from too_planner.api.charts import observability_rows
from too_planner.tables import GridRow
from too_planner.telescope import TelescopeDefinition
from too_planner.usecases.update_coverage import telescope_of

router = APIRouter(tags=["events"])


class CoverageView(BaseModel):
    """What was really observed of an event's current map."""

    event_id: UUID
    map_sha256: str | None
    coverage: list[CoverageChanged]


class ObservabilityView(BaseModel):
    """The map over every telescope's next hours."""

    event_id: UUID
    map_sha256: str
    ra_deg: float
    dec_deg: float
    telescopes: list[dict[str, Any]] = Field(
        description="Per telescope: dark time, twilight, intervals of the peak, and samples with "
        "the share of the map that can be observed and the airmass of map and peak"
    )


@router.get("/events/{event_id}/coverage", summary="What was observed of an event's map")
async def get_coverage(
    event_id: UUID, ctx: Ctx, _who: Annotated[Principal, require("read", "machine")]
) -> CoverageView:
    """Per telescope and filter, on the current map."""
    async with ctx.unit_of_work() as uow:
        if await store.event(uow.session, event_id) is None:
            raise NotFoundError(f"no event {event_id}")
        localization = await store.preferred_localization(uow.session, event_id)
        current = localization.map_sha256 if localization else None
        rows = await store.coverage(uow.session, event_id)
        return CoverageView(
            event_id=event_id,
            map_sha256=current,
            coverage=[
                CoverageChanged.model_validate(row.data)
                for row in rows
                if row.map_sha256 == current
            ],
        )


@router.get("/events/{event_id}/pointings", summary="Executed pointings as GeoJSON")
async def get_pointings(
    event_id: UUID, ctx: Ctx, _who: Annotated[Principal, require("read")]
) -> Response:
    """Outlines of what was really observed; longitude is RA in [-180, 180)."""
    features: list[dict[str, Any]] = []
    async with ctx.unit_of_work() as uow:
        telescopes = {row.name: row for row in await store.telescopes(uow.session)}
        for row in await store.executed(uow.session, event_id):
            name = telescope_of(row.facility, row.telescope, telescopes)
            if name is None:
                continue
            found = telescopes[name]
            grid = await uow.session.get(GridRow, found.grid_sha256 or "")
            footprint = planning.footprint_of(
                TelescopeDefinition.model_validate(found.definition),
                None if grid is None else fieldgrid.from_bytes(grid.data),
            )
            features += [
                geojson.field_feature(
                    footprint,
                    float(item["ra_deg"]),
                    float(item["dec_deg"]),
                    {
                        "executed": True,
                        "telescope": name,
                        "field_id": item.get("field_id"),
                        "filter": item["filter"],
                        "start": item["start"],
                        "depth_mag": item.get("depth_mag"),
                    },
                )
                for item in row.exposures
            ]
    body = json.dumps(geojson.collection(features), separators=(",", ":"))
    return Response(body, media_type="application/geo+json")


@router.get("/events/{event_id}/observability", summary="When and how high the map is up")
async def get_observability(
    event_id: UUID,
    ctx: Ctx,
    _who: Annotated[Principal, require("read")],
    hours: Annotated[float, Query(gt=0, le=72, description="From now")] = 24.0,
) -> ObservabilityView:
    """Observable share of the map and its airmass for every telescope, and the same of its peak."""
    source, rows = await observability_rows(ctx, event_id, hours)
    facts = LocalizationReady.model_validate(source.localization.data).facts
    return ObservabilityView(
        event_id=event_id,
        map_sha256=source.localization.map_sha256,
        ra_deg=facts.peak_ra_deg,
        dec_deg=facts.peak_dec_deg,
        telescopes=rows,
    )

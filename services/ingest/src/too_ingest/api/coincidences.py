"""Coincidences of events of different missions: links, shown with their numbers."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field
from too_common.contracts.base import UtcDatetime
from too_common.contracts.ingest import CoincidenceFound
from too_common.errors import NotFoundError
from too_common.http import Ctx, Principal, require

from too_ingest import store_events
from too_ingest.coincidence import RATES_HZ, WINDOWS, YEAR_S
from too_ingest.tables import Event
from too_ingest.usecases.find_coincidences import message_of

router = APIRouter(tags=["coincidences"])


class CoincidenceView(BaseModel):
    """A coincidence as seen from one of its events."""

    revision: int
    found_at: UtcDatetime | None
    changed_at: UtcDatetime
    coincidence: CoincidenceFound


class WindowView(BaseModel):
    """Time window of a pair of kinds."""

    kind: str
    other_kind: str
    begin_s: float = Field(description="Of the other's time minus the first's")
    end_s: float
    source: str


class RateView(BaseModel):
    """Rate of a stream, as the joint false-alarm rates use it."""

    kind: str
    per_year: float
    source: str


class RulesView(BaseModel):
    """The rules by which coincidences are found."""

    windows: list[WindowView]
    rates: list[RateView]


@router.get(
    "/events/{event_id}/coincidences", summary="Coincidences of an event, withdrawn ones included"
)
async def list_coincidences(
    event_id: UUID, ctx: Ctx, _who: Annotated[Principal, require("read")]
) -> list[CoincidenceView]:
    """List the coincidences of an event, or of the one that it is part of."""
    async with ctx.unit_of_work() as uow:
        event = await uow.session.get(Event, await store_events.root_of(uow.session, event_id))
        if event is None:
            raise NotFoundError(f"there is no event {event_id}")
        found = []
        for row in await store_events.coincidences_of(uow.session, event.id):
            other_id = row.other_id if row.one_id == event.id else row.one_id
            other = await uow.session.get_one(Event, other_id)
            if row.numbers:
                found.append(
                    CoincidenceView(
                        revision=row.revision,
                        found_at=row.found_at,
                        changed_at=row.changed_at,
                        coincidence=message_of(row, event, other),
                    )
                )
        return found


@router.get("/coincidence-rules", summary="Time windows and rates, with their sources")
async def show_coincidence_rules(_who: Annotated[Principal, require("read")]) -> RulesView:
    """Show by which windows and rates coincidences are found."""
    return RulesView(
        windows=[
            WindowView(
                kind=one, other_kind=other, begin_s=w.begin_s, end_s=w.end_s, source=w.source
            )
            for (one, other), w in WINDOWS.items()
        ],
        rates=[
            RateView(kind=kind, per_year=round(rate * YEAR_S, 6), source=source)
            for kind, (rate, source) in RATES_HZ.items()
        ],
    )

"""What counts as seen already: executed, queued, excluded by a person, or observed by others."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from too_common.contracts.queue_submit import ExecutedExposure, ForeignPointing, SubmissionState
from too_common.errors import InvalidError
from too_common.uow import UnitOfWork

from too_planner import coverage, fieldgrid, planning, store
from too_planner.asked import Pointing, Window, merged
from too_planner.plan import Plan
from too_planner.request import PlanRequest
from too_planner.tables import (
    DocumentRow,
    ForeignPointingsRow,
    GridRow,
    PlanRow,
    SubmissionRow,
    TelescopeRow,
)
from too_planner.telescope import TelescopeDefinition
from too_planner.usecases.update_coverage import telescope_of

QUEUED = (
    SubmissionState.APPROVED,
    SubmissionState.SENDING,
    SubmissionState.UNKNOWN,
    SubmissionState.ACCEPTED,
    SubmissionState.DELIVERED,
    SubmissionState.ACTIVE,
)
"""What a telescope will, or may, still observe."""
MAX_POINTINGS = 20000
_SLACK_S = 180.0
"""Between queued exposures nothing else fits into less than this."""


async def executed(uow: UnitOfWork, event_id: UUID, telescope: str) -> list[ExecutedExposure]:
    """All exposures of an event that a telescope really took and that could be used."""
    names = [row.name for row in await store.telescopes(uow.session)]
    return [
        exposure
        for row in await store.executed(uow.session, event_id)
        if telescope_of(row.facility, row.telescope, names) == telescope
        for exposure in map(ExecutedExposure.model_validate, row.exposures)
        if exposure.processed_fraction > 0
    ]


def place_of(exposure: ExecutedExposure) -> str:
    """A field's name, or its place if it has none."""
    return exposure.field_id or f"{exposure.ra_deg:.3f},{exposure.dec_deg:.3f}"


def whole(exposures: Sequence[ExecutedExposure], filters: Sequence[str]) -> list[ExecutedExposure]:
    """One exposure of each field that got every filter of a sequence as often as it is in it."""
    wanted = Counter(filters)
    seen: dict[str, Counter[str]] = {}
    first: dict[str, ExecutedExposure] = {}
    for exposure in sorted(exposures, key=lambda row: row.start):
        place = place_of(exposure)
        seen.setdefault(place, Counter())[exposure.filter] += 1
        first.setdefault(place, exposure)
    return [first[place] for place, counts in seen.items() if counts >= wanted]


def pointing_of(exposure: ExecutedExposure) -> Pointing:
    """An executed exposure as a place that counts as seen."""
    return Pointing(
        ra_deg=exposure.ra_deg % 360.0,
        dec_deg=exposure.dec_deg,
        filter=exposure.filter,
        depth_mag=exposure.depth_mag,
        at=exposure.start,
    )


async def done(
    uow: UnitOfWork,
    event_id: UUID,
    telescope: str,
    request: PlanRequest,
    definition: TelescopeDefinition,
) -> tuple[Pointing, ...]:
    """Fields of an event that got the whole sequence: done, and not asked for again."""
    filters = request.filters if request.filters is not None else definition.defaults.filters
    rows = await executed(uow, event_id, telescope)
    return tuple(pointing_of(row) for row in whole(rows, filters))


async def completed(
    uow: UnitOfWork,
    event_id: UUID,
    telescope: str,
    *,
    since: datetime | None,
    until: datetime | None,
) -> list[Pointing]:
    """Everything that a telescope took of an event, within a window."""
    return [
        pointing_of(row)
        for row in await executed(uow, event_id, telescope)
        if (since is None or row.start >= since) and (until is None or row.start <= until)
    ]


async def planned(uow: UnitOfWork, telescope: str) -> tuple[list[Pointing], list[Window]]:
    """What is in a telescope's queue by our doing: places, and the time that they take."""
    statement = (
        select(DocumentRow.content)
        .join(PlanRow, PlanRow.document_sha256 == DocumentRow.sha256)
        .join(SubmissionRow, SubmissionRow.plan_id == PlanRow.plan_id)
        .where(
            SubmissionRow.state.in_([state.value for state in QUEUED]),
            PlanRow.telescope == telescope,
            SubmissionRow.window_end > uow.now,
        )
    )
    places: list[Pointing] = []
    spans: list[tuple[datetime, datetime]] = []
    for content in (await uow.session.scalars(statement)).all():
        for row in Plan.model_validate_json(content).exposures:
            end = row.start + timedelta(seconds=row.exposure_s)
            if end <= uow.now:
                continue
            places.append(Pointing(ra_deg=row.ra_deg, dec_deg=row.dec_deg, filter=row.filter))
            spans.append((row.start, end))
    return places, merged(spans, _SLACK_S)


async def of_plans(uow: UnitOfWork, telescope: str, plan_ids: Sequence[UUID]) -> list[Pointing]:
    """Places of earlier plans whose area is to be left out, with their own fields of view.

    Raises
    ------
    InvalidError
        If there is no such plan, or it has no exposures.
    """
    found: list[Pointing] = []
    for plan_id in plan_ids:
        row = await uow.session.get(PlanRow, plan_id)
        document = None
        if row is not None and row.document_sha256 is not None:
            document = await uow.session.get(DocumentRow, row.document_sha256)
        if document is None:
            raise InvalidError(f"there is no plan {plan_id} with exposures", code="exclude_plans")
        plan = Plan.model_validate_json(document.content)
        shape = {} if plan.telescope == telescope else await _shape_of(uow, plan.telescope)
        places = {(row.ra_deg, row.dec_deg) for row in plan.exposures}
        found += [Pointing(ra_deg=ra, dec_deg=dec, **shape) for ra, dec in sorted(places)]
    return found


async def _shape_of(uow: UnitOfWork, telescope: str) -> dict[str, Any]:
    """Another telescope's field of view as a circle or a square; chips as a square of their area.

    Raises
    ------
    InvalidError
        If the telescope is not known any more.
    """
    row = await uow.session.get(TelescopeRow, telescope)
    if row is None:
        raise InvalidError(f"there is no telescope named {telescope} any more", code="telescope")
    definition = TelescopeDefinition.model_validate(row.definition)
    model = definition.footprint
    if model.radius_deg is not None:
        return {"radius_deg": model.radius_deg}
    if model.side_deg is not None:
        return {"side_deg": model.side_deg}
    grid_row = await uow.session.get(GridRow, row.grid_sha256 or "")
    grid = None if grid_row is None else fieldgrid.from_bytes(grid_row.data)
    area = coverage.footprint_area_deg2(planning.footprint_of(definition, grid))
    return {"side_deg": round(area**0.5, 4)}


async def foreign(uow: UnitOfWork, event_id: UUID) -> list[Pointing]:
    """Others' pointings on an event."""
    statement = select(ForeignPointingsRow).where(ForeignPointingsRow.event_id == event_id)
    return [
        from_foreign(ForeignPointing.model_validate(item))
        for row in (await uow.session.scalars(statement)).all()
        for item in row.pointings
    ]


def from_foreign(row: ForeignPointing) -> Pointing:
    """A listed pointing as a place that counts as seen."""
    values: dict[str, Any] = row.model_dump(exclude={"is_done", "instrument"})
    return Pointing.model_validate({**values, "ra_deg": row.ra_deg % 360.0})

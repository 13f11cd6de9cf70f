"""What was really observed of an event's current map, from executed exposures."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from too_common.cause import Cause
from too_common.context import Context
from too_common.contracts.base import BlobRef
from too_common.contracts.ingest import LocalizationReady
from too_common.contracts.planner import CoverageChanged
from too_common.contracts.queue_submit import ExecutedExposure
from too_common.uow import UnitOfWork

from too_planner import store, tasks
from too_planner.jobs_payloads import UpdateCoverage
from too_planner.tables import CoverageRow
from too_planner.usecases.grids import grid_file


@dataclass(frozen=True)
class _Collected:
    map_ref: BlobRef
    localization_id: UUID
    telescopes: dict[str, tuple[dict[str, object], str | None]]
    groups: dict[tuple[str, str], dict[str, ExecutedExposure]]


async def request_coverage(uow: UnitOfWork, event_id: UUID) -> None:
    """Have an event's coverage measured anew if anything was observed."""
    if await store.executed(uow.session, event_id):
        await uow.enqueue(UpdateCoverage(event_id=event_id))


async def measure_again(uow: UnitOfWork, event_id: UUID) -> None:
    """Have an event measured that lost exposures to another (a merge or a split)."""
    await uow.enqueue(UpdateCoverage(event_id=event_id), dedupe_key=f"again:{event_id}")


async def measure_and_record(ctx: Context, event_id: UUID, cause: Cause) -> None:
    """Measure all executed exposures of an event on its current map, record what changed."""
    async with ctx.unit_of_work(cause) as uow:
        found = await _collect(uow, event_id)
    if found is None or not found.groups:
        async with ctx.unit_of_work(cause) as uow:
            await _forget(uow, event_id, kept=())
        return
    map_path = await ctx.services.fetch_blob_file(found.map_ref)
    telescopes = {}
    for name, (definition, sha256) in found.telescopes.items():
        path = await grid_file(ctx, sha256) if sha256 else None
        telescopes[name] = (definition, str(path) if path else None)
    keys = sorted(found.groups)
    measured = await ctx.workers.run(
        tasks.coverage_job,
        {
            "map_path": str(map_path),
            "telescopes": telescopes,
            "groups": [
                (
                    telescope,
                    name,
                    [(row.ra_deg, row.dec_deg) for row in found.groups[telescope, name].values()],
                )
                for telescope, name in keys
            ],
        },
        deadline_s=ctx.settings.plan_deadline_s,
    )
    async with ctx.unit_of_work(cause) as uow:
        await store.event(uow.session, event_id, lock=True)
        localization = await store.preferred_localization(uow.session, event_id)
        if localization is None or localization.map_sha256 != found.map_ref.sha256:
            return  # another map came meanwhile, and with it another job
        for key, (probability, area_deg2) in zip(keys, measured, strict=True):
            await _record(uow, event_id, found, key, probability, area_deg2)
        await _forget(uow, event_id, kept=keys)


async def _forget(uow: UnitOfWork, event_id: UUID, *, kept: Iterable[tuple[str, str]]) -> None:
    """Nothing is covered any more by exposures that went to another event (a merge or a split)."""
    known = set(kept)
    for row in await store.coverage(uow.session, event_id):
        news = CoverageChanged.model_validate(row.data)
        if (row.telescope, row.filter) in known or not news.exposures:
            continue
        news = news.model_copy(
            update={"area_deg2": 0.0, "probability": 0.0, "exposures": 0, "exposure_ids": ()}
        )
        row.data = news.model_dump(mode="json")
        row.revision += 1
        uow.publish(news, key=event_id, revision=row.revision)


async def _collect(uow: UnitOfWork, event_id: UUID) -> _Collected | None:
    localization = await store.preferred_localization(uow.session, event_id)
    if localization is None:
        return None
    rows = {row.name: row for row in await store.telescopes(uow.session)}
    groups: dict[tuple[str, str], dict[str, ExecutedExposure]] = {}
    for submission in await store.executed(uow.session, event_id):
        telescope = telescope_of(submission.facility, submission.telescope, rows)
        if telescope is None:
            continue
        for item in submission.exposures:
            exposure = ExecutedExposure.model_validate(item)
            if exposure.processed_fraction > 0:
                group = groups.setdefault((telescope, exposure.filter), {})
                group[exposure.exposure_id] = exposure
    used = {telescope for telescope, _ in groups}
    return _Collected(
        map_ref=LocalizationReady.model_validate(localization.data).map,
        localization_id=localization.localization_id,
        telescopes={name: (rows[name].definition, rows[name].grid_sha256) for name in used},
        groups=groups,
    )


def telescope_of(facility: str, planned: str | None, names: Iterable[str]) -> str | None:
    """Telescope of a facility: that of the plan, else the one of the same name."""
    if planned is not None:
        return planned if planned in set(names) else None
    plain = facility.casefold().replace("_", "-")
    return next((name for name in names if name.casefold().replace("_", "-") == plain), None)


async def _record(
    uow: UnitOfWork,
    event_id: UUID,
    found: _Collected,
    key: tuple[str, str],
    probability: float,
    area_deg2: float,
) -> None:
    telescope, name = key
    exposures = sorted(found.groups[key].values(), key=lambda row: row.start)
    depths = [row.depth_mag for row in exposures if row.depth_mag is not None]
    news = CoverageChanged(
        event_id=event_id,
        map_sha256=found.map_ref.sha256,
        localization_id=found.localization_id,
        telescope=telescope,
        filter=name,
        depth_mag=round(statistics.median(depths), 3) if depths else None,
        area_deg2=area_deg2,
        probability=probability,
        exposures=len(exposures),
        first_exposure_at=exposures[0].start,
        last_exposure_end=max(row.start + timedelta(seconds=row.exposure_s) for row in exposures),
        exposure_ids=tuple(row.exposure_id for row in exposures),
    )
    data = news.model_dump(mode="json")
    row = await uow.session.get(CoverageRow, (event_id, telescope, name), with_for_update=True)
    if row is None:
        row = CoverageRow(event_id=event_id, telescope=telescope, filter=name, revision=0)
        uow.session.add(row)
    elif row.data == data:
        return
    row.map_sha256, row.data = found.map_ref.sha256, data
    row.revision += 1
    uow.publish(news, key=event_id, revision=row.revision)

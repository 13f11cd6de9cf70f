"""Credible levels of an event's candidates in its preferred map, made anew when either changes."""

from typing import Any, ClassVar
from uuid import UUID

from too_common.cause import Cause
from too_common.context import Context
from too_common.contracts.ingest import LocalizationReady
from too_common.jobs import JobPayload
from too_common.uow import UnitOfWork

from too_vetting_api.domain.projections import Kind, preferred
from too_vetting_api.store import candidates as store
from too_vetting_api.store import projections
from too_vetting_api.tables import Candidate
from too_vetting_api.worker_tasks import Levels, candidate_levels


class RankCandidates(JobPayload):
    """Compute the credible levels of an event's candidates."""

    TYPE: ClassVar[str] = "rank_candidates"
    event_id: UUID


async def request_ranking(uow: UnitOfWork, event_id: UUID) -> None:
    """Ask for the levels of an event's candidates; the job itself sees whether there are any."""
    await uow.enqueue(RankCandidates(event_id=event_id))


async def preferred_localization(uow: UnitOfWork, event_id: UUID) -> LocalizationReady | None:
    """The map that counts for an event now."""
    rows = await projections.rows_of_event(uow.session, event_id)
    return preferred(
        [LocalizationReady.model_validate(row.data) for row in rows[Kind.LOCALIZATION]]
    )


def inputs(row: Candidate) -> dict[str, Any]:
    """What the levels depend on."""
    return {
        "ra_deg": row.ra_deg,
        "dec_deg": row.dec_deg,
        "redshift": row.redshift,
        "redshift_error": row.redshift_error,
        "distance_mpc": row.distance_mpc,
        "distance_error_mpc": row.distance_error_mpc,
    }


async def rank(ctx: Context, job: RankCandidates, cause: Cause) -> None:
    """Fetch the map, compute in a worker, record where neither map nor candidate has changed."""
    async with ctx.unit_of_work(cause) as uow:
        localization = await preferred_localization(uow, job.event_id)
        rows = await store.of_event(uow.session, job.event_id)
        if localization is None or not rows:
            return
        sha256 = localization.map.sha256
        waiting = {row.candidate_id: inputs(row) for row in rows if row.map_sha256 != sha256}
    if not waiting:
        return
    path = await ctx.services.fetch_blob_file(localization.map)
    levels = await ctx.workers.run(
        candidate_levels, str(path), list(waiting.values()), deadline_s=120.0
    )
    found: dict[UUID, Levels] = dict(zip(waiting, levels, strict=True))
    async with ctx.unit_of_work(cause) as uow:
        now_preferred = await preferred_localization(uow, job.event_id)
        if now_preferred is None or now_preferred.map.sha256 != sha256:
            return  # its own job is on the way
        await record(uow, job.event_id, sha256, found, waiting)


async def record(
    uow: UnitOfWork,
    event_id: UUID,
    map_sha256: str,
    found: dict[UUID, Levels],
    computed_for: dict[UUID, dict[str, Any]],
) -> None:
    """Write the levels of those candidates that are still where they were."""
    from too_vetting_api.usecases.candidates import publish

    for row in await store.lock_of_event(uow.session, event_id):
        levels = found.get(row.candidate_id)
        if levels is None or inputs(row) != computed_for[row.candidate_id]:
            continue
        row.credible_level_2d = levels.level_2d
        row.credible_level_3d = levels.level_3d
        row.density_2d_per_sr = levels.density_2d_per_sr
        row.map_sha256 = map_sha256
        await publish(uow, row)
    await projections.tell_pages(uow.session, event_id)

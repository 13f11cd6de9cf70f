"""Make a plan outside of any transaction and record it if nothing has changed meanwhile."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.dialects.postgresql import insert
from too_common.cause import Cause
from too_common.context import Context
from too_common.contracts.base import BlobRef
from too_common.contracts.ingest import LocalizationReady
from too_common.contracts.planner import PlanState
from too_common.errors import PermanentError, TransientError
from too_common.uow import UnitOfWork

from too_planner import store, tasks
from too_planner.plan import Plan
from too_planner.provenance import made_of
from too_planner.request import Parameters, PlanRequest, RequestError, resolve
from too_planner.tables import DocumentRow, LocalizationRow, PlanRow, TelescopeRow
from too_planner.telescope import Strategy, TelescopeDefinition
from too_planner.usecases.grids import grid_file
from too_planner.usecases.publish_plan import publish_plan, supersede

log = structlog.get_logger(__name__)

WATCH_S = 1.0
"""Wall time between two looks whether a plan that is being made is still wanted.

A look is some round trips to the database for each plan in hand, on the loop that answers people;
most plans are ready before the first one is due.
"""
NO_CATALOGUE = "no galaxy catalogue has arrived yet; the plan is made when one does"


@dataclass(frozen=True)
class Collected:
    """What a plan is made of, as the tables say."""

    definition: TelescopeDefinition
    telescope_revision: int
    parameters: Parameters
    grid_sha256: str | None
    map_ref: BlobRef | None
    catalogue_ref: BlobRef | None
    references: list[tuple[str, str]] | None
    previous: tuple[UUID, str] | None
    """Id and document hash of the plan that this one would supersede."""


class DomainFailureError(Exception):
    """No plan can be made, and trying again would not help; says why."""

    def __init__(self, reason: str, *, waits_for_galaxies: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.waits_for_galaxies = waits_for_galaxies


async def make_and_record(ctx: Context, plan_id: UUID, revision: int, cause: Cause) -> None:
    """Make one plan.

    Raises
    ------
    TransientError
        If a map or catalogue cannot be fetched now, or a worker process died.
    """
    try:
        async with ctx.unit_of_work(cause) as uow:
            found = await collect(uow, plan_id, revision)
        if found is None:
            return
        result = await run_while(
            ctx,
            tasks.plan_job,
            await values_of(ctx, found),
            still=lambda: is_current(ctx, {plan_id: revision}),
        )
        if result is None:
            log.info("planner.plan_given_up", plan_id=str(plan_id))
            return
        sign(result, found)
    except DomainFailureError as failure:
        await record_failure(
            ctx, plan_id, revision, cause, failure.reason, failure.waits_for_galaxies
        )
    except TransientError:
        raise
    except (PermanentError, RuntimeError, ValueError, MemoryError) as error:
        log.exception("planner.plan_failed", plan_id=str(plan_id))
        await record_fault(ctx, plan_id, revision, cause, str(error))
    else:
        await record(ctx, plan_id, revision, cause, result)


def sign(result: dict[str, Any], found: Collected) -> None:
    """Say in the plan how it was made; stands in the document, so that every product can say so."""
    result["plan"]["made"] = made_of(
        definition=found.definition.model_dump(mode="json"),
        telescope_revision=found.telescope_revision,
        grid_sha256=found.grid_sha256,
    )


async def is_current(ctx: Context, revisions: dict[UUID, int]) -> bool:
    """Tell whether at least one of some plans still is wanted as the job began with it."""
    async with ctx.unit_of_work() as uow:
        for plan_id, revision in revisions.items():
            row = await uow.session.get(PlanRow, plan_id)
            if row is not None and row.revision == revision:
                return True
    return False


async def run_while(
    ctx: Context,
    task: Callable[[dict[str, Any]], dict[str, Any]],
    values: dict[str, Any],
    *,
    still: Callable[[], Awaitable[bool]],
) -> dict[str, Any] | None:
    """Run a task in a worker process as long as its result is wanted.

    A burst of alerts supersedes plans that are being made; their workers are taken back at once
    for those that count.

    Returns
    -------
    dict or None
        The task's result; None if it was given up.
    """
    work = asyncio.ensure_future(
        ctx.workers.run(task, values, deadline_s=ctx.settings.plan_deadline_s)
    )
    try:
        while True:
            done, _ = await asyncio.wait({work}, timeout=WATCH_S)
            if done:
                return work.result()
            if not await still():
                return None
    finally:
        if not work.done():
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


async def collect(uow: UnitOfWork, plan_id: UUID, revision: int) -> Collected | None:
    """Gather what a plan is made of; None if it is not wanted (any more).

    Raises
    ------
    DomainFailureError
        If no plan can be made, whatever is tried.
    """
    row = await uow.session.get(PlanRow, plan_id)
    if row is None or row.revision != revision or row.state != PlanState.PLANNING.value:
        return None
    telescope = await uow.session.get(TelescopeRow, row.telescope)
    if telescope is None:
        raise DomainFailureError(f"there is no telescope named {row.telescope} any more")
    definition = TelescopeDefinition.model_validate(telescope.definition)
    try:
        parameters = resolve(PlanRequest.model_validate(row.request), definition, now=uow.now)
    except RequestError as error:
        raise DomainFailureError(str(error)) from error
    map_ref = await _map_ref(uow, row)
    catalogue_ref = None
    if parameters.strategy is Strategy.GALAXIES:
        catalogue_ref = await _catalogue_ref(uow, map_ref)
    references = None
    if parameters.require_references and telescope.references_loaded:
        references = await store.references(uow.session, row.telescope)
    return Collected(
        definition=definition,
        telescope_revision=telescope.revision,
        parameters=parameters,
        grid_sha256=telescope.grid_sha256,
        map_ref=map_ref,
        catalogue_ref=catalogue_ref,
        references=references,
        previous=await _previous(uow, row),
    )


async def _map_ref(uow: UnitOfWork, row: PlanRow) -> BlobRef | None:
    if row.localization_id is None:
        return None
    localization = await uow.session.get(LocalizationRow, row.localization_id)
    if localization is None:
        return None
    return LocalizationReady.model_validate(localization.data).map


async def _catalogue_ref(uow: UnitOfWork, map_ref: BlobRef | None) -> BlobRef:
    if map_ref is None:
        raise DomainFailureError("galaxies are chosen by a sky map, and there is none")
    catalogue = await store.newest_catalogue(uow.session)
    if catalogue is None:
        raise DomainFailureError(NO_CATALOGUE, waits_for_galaxies=True)
    return BlobRef.model_validate(catalogue.snapshot)


async def _previous(uow: UnitOfWork, row: PlanRow) -> tuple[UUID, str] | None:
    previous = None
    if not row.is_manual:
        for older in await store.living_plans(uow.session, row.event_id, row.telescope):
            if older.document_sha256 is not None and not older.is_manual:
                previous = (older.plan_id, older.document_sha256)
    return previous


async def values_of(ctx: Context, found: Collected) -> dict[str, Any]:
    """Everything a worker needs, files fetched.

    Raises
    ------
    TransientError
        If a map or catalogue cannot be fetched now.
    """
    map_path = catalogue_path = None
    if found.map_ref is not None:
        map_path = await ctx.services.fetch_blob_file(found.map_ref)
    if found.catalogue_ref is not None:
        catalogue_path = await ctx.services.fetch_blob_file(found.catalogue_ref)
    grid_path = await grid_file(ctx, found.grid_sha256) if found.grid_sha256 else None
    previous = None
    if found.previous is not None:
        async with ctx.unit_of_work() as uow:
            document = await uow.session.get(DocumentRow, found.previous[1])
        if document is not None:
            previous = (str(found.previous[0]), json.loads(document.content))
    return {
        "definition": found.definition.model_dump(mode="json"),
        "parameters": found.parameters.model_dump(mode="json"),
        "grid_path": _text(grid_path),
        "map_path": _text(map_path),
        "map_sha256": found.map_ref.sha256 if found.map_ref else None,
        "catalogue_path": _text(catalogue_path),
        "references": found.references,
        "previous": previous,
    }


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


async def _locked(uow: UnitOfWork, plan_id: UUID, revision: int) -> PlanRow | None:
    """The row, if it still is the one that the job began with."""
    row = await uow.session.get(PlanRow, plan_id)
    if row is None:
        return None
    # the event's row first, as everywhere: the same order of locks
    await store.event(uow.session, row.event_id, lock=True)
    await uow.session.refresh(row, with_for_update=True)
    if row.revision != revision or row.state != PlanState.PLANNING.value:
        return None
    return row


async def record(
    ctx: Context,
    plan_id: UUID,
    revision: int,
    cause: Cause,
    result: dict[str, Any],
    network: dict[str, Any] | None = None,
) -> None:
    """Record a plan if its row still is the one that the job began with."""
    plan = Plan.model_validate(result["plan"])
    async with ctx.unit_of_work(cause) as uow:
        row = await _locked(uow, plan_id, revision)
        if row is None:
            return
        row.parameters = plan.parameters.model_dump(mode="json")
        row.window_begin, row.window_end = plan.parameters.window_begin, plan.parameters.window_end
        content = _document(row, result["plan"])
        row.document_sha256 = hashlib.sha256(content).hexdigest()
        row.document_bytes = len(content)
        await uow.session.execute(
            insert(DocumentRow)
            .values(sha256=row.document_sha256, content=content, made_at=uow.now)
            .on_conflict_do_nothing()
        )
        row.statistics = plan.statistics.model_dump(mode="json")
        row.difference = result["difference"]
        limit = result["plan"].get("bound")
        row.bound = None if limit is None else limit["value"]
        row.network = network
        row.made_at = uow.now
        row.state = (PlanState.READY if plan.exposures else PlanState.FAILED).value
        row.reason = plan.failure
        publish_plan(uow, row)
        await uow.clear_alarm(alarm_id=f"plan:{plan_id}")
        await _supersede_older(uow, row)


def _document(row: PlanRow, plan: dict[str, Any]) -> bytes:
    """The plan as it is served: immutable, the same plan gives the same bytes."""
    body = {
        "plan_id": str(row.plan_id),
        "event_id": str(row.event_id) if row.has_event else None,
        "event_name": row.event_name,
        "name": row.name,
        "window": [_iso(row.window_begin), _iso(row.window_end)],
        **plan,
    }
    return json.dumps(body, separators=(",", ":"), sort_keys=True).encode()


def _iso(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


async def _supersede_older(uow: UnitOfWork, row: PlanRow) -> None:
    """The newest automatic plan of an event and telescope is the current one."""
    if row.is_manual:
        return
    reason = "a newer plan was made"
    if row.state == PlanState.FAILED.value:
        reason = f"on the newer map: {row.reason}"
    for older in await store.living_plans(uow.session, row.event_id, row.telescope):
        if older.plan_id != row.plan_id and not older.is_manual and older.seq < row.seq:
            supersede(uow, older, by=row.plan_id, reason=reason)


async def record_failure(
    ctx: Context,
    plan_id: UUID,
    revision: int,
    cause: Cause,
    reason: str,
    waits_for_galaxies: bool,
) -> None:
    """Record why no plan can be made."""
    async with ctx.unit_of_work(cause) as uow:
        row = await _locked(uow, plan_id, revision)
        if row is None:
            return
        row.state = PlanState.FAILED.value
        row.reason = reason
        row.waits_for_galaxies = waits_for_galaxies
        row.made_at = uow.now
        publish_plan(uow, row)
        await _supersede_older(uow, row)


async def record_fault(
    ctx: Context, plan_id: UUID, revision: int, cause: Cause, reason: str
) -> None:
    """A fault of this program or of its input: the plan before it stays, a person is told."""
    async with ctx.unit_of_work(cause) as uow:
        row = await _locked(uow, plan_id, revision)
        if row is None:
            return
        row.state = PlanState.FAILED.value
        row.reason = f"planning failed: {reason}"[:1000]
        row.made_at = uow.now
        publish_plan(uow, row)
        await uow.alarm(
            alarm_id=f"plan:{plan_id}",
            code="failed_plan",
            summary=f"{row.telescope}: plan {row.name} failed: {reason}"[:500],
            event_id=row.event_id if row.has_event else None,
        )

"""Several telescopes planned together at a person's request: one request, one job, a plan each."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select
from too_common.auth.principal import Principal
from too_common.cause import Cause
from too_common.context import Context
from too_common.contracts.planner import PlanState
from too_common.errors import InvalidError, NotFoundError, PermanentError, TransientError
from too_common.ids import uuid7
from too_common.uow import UnitOfWork

from too_planner import tasks
from too_planner.jobs_payloads import MakeNetwork
from too_planner.request import PlanRequest
from too_planner.tables import NetworkRow, PlanRow
from too_planner.usecases import make_plan, record_plan
from too_planner.usecases.plan_event import PLANNING_PRIORITY

log = structlog.get_logger(__name__)

MAX_TELESCOPES = 12
PROBABILITY = 1.0
"""Of the union, at which planning stops, unless a request says otherwise."""


async def request_network(
    uow: UnitOfWork,
    requests: Sequence[PlanRequest],
    *,
    event_id: UUID,
    localization_id: UUID | None,
    name: str | None,
    who: Principal,
) -> NetworkRow:
    """Check the requests and start planning; the plans come as ``planner.plan_changed``.

    Raises
    ------
    InvalidError, NotFoundError, ConflictError
        As for one plan; and if a telescope is named twice.
    """
    names = [request.telescope for request in requests]
    if not 1 <= len(names) <= MAX_TELESCOPES or len(set(names)) != len(names):
        raise InvalidError(
            f"name 1 to {MAX_TELESCOPES} different telescopes", code="network_telescopes"
        )
    network_id = uuid7()
    rows = [
        await make_plan.make_plan(
            uow,
            request,
            event_id=event_id,
            localization_id=localization_id,
            name=None if name is None else f"{name} {request.telescope}"[:80],
            who=who,
            network_id=network_id,
        )
        for request in requests
    ]
    first = rows[0]
    if first.localization_id is None or first.map_sha256 is None:
        raise InvalidError("telescopes share a sky map: there is none", code="no_map")
    network = NetworkRow(
        network_id=network_id,
        revision=1,
        event_id=event_id,
        localization_id=first.localization_id,
        map_sha256=first.map_sha256,
        state=PlanState.PLANNING.value,
        reason=None,
        telescopes=names,
        result=None,
        made_by=who.name,
        made_at=uow.now,
    )
    uow.session.add(network)
    await uow.session.flush()
    await uow.enqueue(
        MakeNetwork(network_id=network_id, revision=1),
        priority=PLANNING_PRIORITY,
        cause=Cause.from_json(first.cause),
    )
    return network


async def plans_of(uow: UnitOfWork, network: NetworkRow) -> list[PlanRow]:
    """The plans of a network, in the order of its telescopes."""
    statement = select(PlanRow).where(PlanRow.network_id == network.network_id)
    rows = {row.telescope: row for row in (await uow.session.scalars(statement)).all()}
    return [rows[name] for name in network.telescopes if name in rows]


async def find(uow: UnitOfWork, network_id: UUID) -> NetworkRow:
    """A network by its id.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    row = await uow.session.get(NetworkRow, network_id)
    if row is None:
        raise NotFoundError(f"no network {network_id}")
    return row


async def make_and_record(ctx: Context, network_id: UUID, revision: int, cause: Cause) -> None:
    """Plan the telescopes of a network that are still wanted.

    Raises
    ------
    TransientError
        If a map or catalogue cannot be fetched now, or a worker process died.
    """
    async with ctx.unit_of_work(cause) as uow:
        network = await uow.session.get(NetworkRow, network_id)
        if network is None or network.revision != revision:
            return
        wanted = {row.plan_id: row.revision for row in await plans_of(uow, network)}
    found = await _collect(ctx, wanted, cause)
    if not found:
        await _conclude(ctx, network_id, cause, None, "no telescope can be planned")
        return
    try:
        values = [await record_plan.values_of(ctx, item) for item in found.values()]
        result = await record_plan.run_while(
            ctx,
            tasks.network_job,
            {"members": values, "deadline_s": ctx.settings.network_deadline_s},
            still=lambda: record_plan.is_current(ctx, {key: wanted[key] for key in found}),
        )
    except TransientError:
        raise
    except (PermanentError, RuntimeError, ValueError, MemoryError) as error:
        log.exception("planner.network_failed", network_id=str(network_id))
        for plan_id in found:
            await record_plan.record_fault(ctx, plan_id, wanted[plan_id], cause, str(error))
        await _conclude(ctx, network_id, cause, None, f"planning failed: {error}"[:1000])
        return
    if result is None:
        await _conclude(ctx, network_id, cause, None, "its plans are not wanted any more")
        return
    statistics = _with_plans(result["statistics"], found)
    await _conclude(ctx, network_id, cause, statistics, None)
    for (plan_id, item), made in zip(found.items(), result["plans"], strict=True):
        record_plan.sign(made, item)
        await record_plan.record(ctx, plan_id, wanted[plan_id], cause, made, statistics)


async def _collect(
    ctx: Context, wanted: dict[UUID, int], cause: Cause
) -> dict[UUID, record_plan.Collected]:
    """What the plans are made of; those that cannot be made are recorded with the reason."""
    found: dict[UUID, record_plan.Collected] = {}
    for plan_id, revision in wanted.items():
        try:
            async with ctx.unit_of_work(cause) as uow:
                collected = await record_plan.collect(uow, plan_id, revision)
            if collected is not None:
                found[plan_id] = collected
        except record_plan.DomainFailureError as failure:
            await record_plan.record_failure(
                ctx, plan_id, revision, cause, failure.reason, failure.waits_for_galaxies
            )
    return found


def _with_plans(
    statistics: dict[str, Any] | None, found: dict[UUID, record_plan.Collected]
) -> dict[str, Any] | None:
    if statistics is None:
        return None
    plans = {item.definition.name: str(plan_id) for plan_id, item in found.items()}
    members = [{**row, "plan_id": plans[row["telescope"]]} for row in statistics["members"]]
    return {**statistics, "members": members}


async def _conclude(
    ctx: Context,
    network_id: UUID,
    cause: Cause,
    statistics: dict[str, Any] | None,
    reason: str | None,
) -> None:
    async with ctx.unit_of_work(cause) as uow:
        row = await uow.session.get(NetworkRow, network_id, with_for_update=True)
        if row is None:
            return
        row.result, row.reason = statistics, reason
        row.state = (PlanState.READY if statistics is not None else PlanState.FAILED).value
        row.made_at = uow.now

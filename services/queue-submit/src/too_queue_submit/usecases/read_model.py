"""What other services told, kept as far as this service needs it; stale revisions are dropped."""

from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert as pg_insert
from too_common.contracts import Envelope
from too_common.contracts.ingest import EventChanged, LocalizationReady
from too_common.contracts.notify import DecisionChanged, Verdict
from too_common.contracts.planner import PlanChanged, PlanState, TelescopeChanged
from too_common.contracts.queue_submit import SubmissionState as S
from too_common.contracts.vetting_api import AccountChanged
from too_common.uow import UnitOfWork

from too_queue_submit import store, work
from too_queue_submit.state_machine import SUPERSEDABLE, UNSENT
from too_queue_submit.tables import (
    AccountRow,
    DecisionRow,
    EventRow,
    PlanRow,
    SubmissionRow,
    TelescopeRow,
)
from too_queue_submit.usecases import core, regroup, withdraw


async def event_changed(uow: UnitOfWork, envelope: Envelope[EventChanged]) -> None:
    """Keep an event's state; a retraction withdraws everything of it at once.

    After a merge what was submitted belongs to the whole, and is withdrawn when that is retracted.
    """
    data = envelope.data
    values = {
        "revision": envelope.revision,
        "name": data.name,
        "is_retracted": data.is_retracted,
        # of what a person merged or split nothing is sent without a person, until a notice comes
        "is_stale": data.is_stale or data.is_regrouped,
        "is_replay": data.is_replay,
        "mode": envelope.mode.value,
    }
    if not await _upsert(uow, EventRow, "event_id", data.event_id, values):
        return
    await regroup.follow(uow, data.event_id, merged_into=data.merged_into, name=data.name)
    if data.is_retracted and data.merged_into is None:
        await withdraw.of_event(uow, data.event_id, f"{data.name} was retracted")


async def localization_ready(uow: UnitOfWork, envelope: Envelope[LocalizationReady]) -> None:
    """Keep the preferred map; approvals that wait were given for another one, and end."""
    data = envelope.data
    if not data.is_preferred:
        return
    insertion = pg_insert(EventRow).values(
        event_id=data.event_id, map_sha256=data.map.sha256, map_told_at=envelope.occurred_at
    )
    statement = insertion.on_conflict_do_update(
        index_elements=["event_id"],
        set_={"map_sha256": data.map.sha256, "map_told_at": envelope.occurred_at},
        where=(EventRow.map_told_at.is_(None)) | (EventRow.map_told_at <= envelope.occurred_at),
    ).returning(EventRow.event_id)
    if (await uow.session.execute(statement)).first() is None:
        return
    for row in await store.unsent_of(uow.session, data.event_id):
        if (
            row.state == S.APPROVED.value
            and row.map_sha256 is not None
            and row.map_sha256 != data.map.sha256
            and not row.acknowledged_newer_map
        ):
            await core.back_to_draft(uow, row, "a newer map has arrived: approve it again")


async def plan_changed(uow: UnitOfWork, envelope: Envelope[PlanChanged]) -> None:
    """A ready plan becomes a draft; a superseded one loses its drafts."""
    data = envelope.data
    values = {
        "revision": envelope.revision,
        "event_id": data.event_id,
        "telescope": data.telescope,
        "state": data.state.value,
        "data": data.model_dump(mode="json"),
        "cause": uow.cause.to_json(),
        "problem": None,
    }
    if not await _upsert(uow, PlanRow, "plan_id", data.plan_id, values):
        return
    if data.state is PlanState.READY and data.plan is not None:
        await uow.enqueue(
            work.DraftPlan(plan_id=data.plan_id), dedupe_key=f"{data.plan_id}:{envelope.revision}"
        )
        return
    await uow.clear_alarm(alarm_id=f"draft:{data.plan_id}")
    if data.state in {PlanState.SUPERSEDED, PlanState.FAILED}:
        for row in await store.of_plan(uow.session, data.plan_id):
            if S(row.state) in UNSENT:
                await core.discard(uow, row, data.reason or "its plan was superseded")


async def telescope_changed(uow: UnitOfWork, envelope: Envelope[TelescopeChanged]) -> None:
    """Keep a definition; plans that waited for it get their drafts."""
    data = envelope.data
    values = {"revision": envelope.revision, "definition": data.definition}
    if not await _upsert(uow, TelescopeRow, "name", data.name, values):
        return
    for plan in await store.plans_without_draft(uow.session, telescope=data.name):
        await uow.enqueue(work.DraftPlan(plan_id=plan.plan_id), dedupe_key=str(plan.plan_id))


async def decision_changed(uow: UnitOfWork, envelope: Envelope[DecisionChanged]) -> None:
    """Keep verdict and policy; a match that ends stops drafts and automatic sends.

    About what a facility has accepted a person is asked.
    """
    data = envelope.data
    values = {
        "revision": envelope.revision,
        "event_id": data.event_id,
        "program_name": data.program_name,
        "verdict": data.verdict.value,
        "submission": data.submission.model_dump(mode="json"),
    }
    if not await _upsert(uow, DecisionRow, "decision_id", data.decision_id, values):
        return
    if data.verdict is not Verdict.NOT_WANTED:
        return
    for row in await store.of_decision(uow.session, data.decision_id):
        if S(row.state) in UNSENT and row.approved_by is None:
            await core.discard(uow, row, f"{data.program_name} does not want the event any more")
        elif S(row.state) in SUPERSEDABLE:
            await core.tell(
                uow,
                row,
                "match_ended",
                f"{data.program_name} does not want the event any more: withdraw it?",
                severity="warning",
            )


async def account_changed(uow: UnitOfWork, envelope: Envelope[AccountChanged]) -> None:
    """Keep an account; a deactivated one loses its unsent approvals."""
    data = envelope.data
    may_submit = data.active and bool({"submit", "admin"} & set(data.scopes))
    values = {"revision": envelope.revision, "name": data.name, "is_active": data.active}
    if not await _upsert(uow, AccountRow, "account_id", data.account_id, values) or may_submit:
        return
    for row in await store.approved_by(uow.session, data.account_id):
        await _drop(uow, row, f"the account of {data.name} may not submit any more")


async def _drop(uow: UnitOfWork, row: SubmissionRow, reason: str) -> None:
    if row.state == S.APPROVED.value:
        await core.back_to_draft(uow, row, reason)
    else:
        await core.drop_approvals(uow, row, reason)
        row.reason = reason
        core.announce(uow, row)


async def _upsert(
    uow: UnitOfWork, table: Any, key: str, value: UUID | str, values: dict[str, Any]
) -> bool:
    """Insert or update if the revision is newer; True if so."""
    insertion = pg_insert(table).values({key: value, **values})
    statement = insertion.on_conflict_do_update(
        index_elements=[key], set_=values, where=table.revision < values["revision"]
    ).returning(getattr(table, key))
    result = await uow.session.execute(statement)
    uow.session.expire_all()
    return result.first() is not None

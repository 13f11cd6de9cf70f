"""Make a draft of a ready plan; a newer plan replaces the drafts before it at once."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from too_common.cause import Cause
from too_common.contracts.planner import PlanChanged, PlanState
from too_common.contracts.queue_submit import FacilityMode
from too_common.contracts.queue_submit import SubmissionState as S
from too_common.ids import uuid7
from too_common.uow import UnitOfWork

from too_queue_submit import store
from too_queue_submit.errors import DomainError
from too_queue_submit.plan_document import PlanDocument
from too_queue_submit.rendering import RenderedDraft, render_draft
from too_queue_submit.resources import Resources
from too_queue_submit.tables import PlanRow, SubmissionRow, TelescopeRow
from too_queue_submit.telescope_definition import TelescopeDefinition
from too_queue_submit.usecases import approve, core


@dataclass(frozen=True)
class DraftInput:
    """What a draft is made of, besides the plan document."""

    plan: PlanChanged
    facility: str
    telescope: TelescopeDefinition
    event_name: str | None


async def collect(uow: UnitOfWork, plan_id: object) -> DraftInput | None:
    """What is known of a plan; None if no draft is wanted (any more).

    Raises
    ------
    DomainError
        If the telescope's definition is not known (yet) or cannot be used.
    """
    row = await uow.session.get(PlanRow, plan_id)
    if row is None or row.state != PlanState.READY.value:
        return None
    plan = PlanChanged.model_validate(row.data)
    resources: Resources = uow.ctx.resources
    facility = resources.facilities.of_telescope(plan.telescope)
    if facility is None:
        return None
    event = await store.event(uow.session, plan.event_id)
    if event is not None and event.is_retracted:
        return None
    telescope = await uow.session.get(TelescopeRow, plan.telescope)
    if telescope is None:
        raise DomainError(
            f"the definition of telescope {plan.telescope} has not arrived yet",
            code="telescope_unknown",
        )
    return DraftInput(
        plan=plan,
        facility=facility,
        telescope=TelescopeDefinition.parse(plan.telescope, telescope.definition),
        event_name=event.name if event is not None else None,
    )


def render(
    resources: Resources, wanted: DraftInput, document: PlanDocument, *, now: datetime
) -> RenderedDraft:
    """Render the payload; errors as in `render_draft`."""
    config = resources.config(wanted.facility)
    return render_draft(
        document,
        telescope=wanted.telescope,
        adapter=resources.adapter(wanted.facility),
        allocation=config.allocation,
        limits=config.limits,
        event_name=document.event_name or wanted.event_name,
        now=now,
    )


async def refuse(uow: UnitOfWork, plan_id: object, reason: str) -> None:
    """No draft can be made: shown with the reason, and a person is told."""
    row = await uow.session.get(PlanRow, plan_id, with_for_update=True)
    if row is None or row.state != PlanState.READY.value:
        return
    row.problem = reason[:1000]
    await uow.alarm(
        alarm_id=f"draft:{row.plan_id}",
        code="draft_refused",
        summary=f"{row.telescope}: no draft can be made of plan {row.data.get('name')}: {reason}"[
            :500
        ],
        event_id=row.event_id,
    )


async def record(uow: UnitOfWork, wanted: DraftInput, draft: RenderedDraft) -> SubmissionRow | None:
    """Write the draft, replace older ones, approve it if the program's policy says so."""
    plan_row = await uow.session.get(PlanRow, wanted.plan.plan_id, with_for_update=True)
    if plan_row is None or plan_row.state != PlanState.READY.value:
        return None  # superseded while it was fetched
    plan_row.problem = None
    await uow.clear_alarm(alarm_id=f"draft:{plan_row.plan_id}")
    row = _make_row(uow, wanted, draft, cause=Cause.from_json(plan_row.cause))
    try:
        async with uow.session.begin_nested():
            uow.session.add(row)
    except IntegrityError:
        return None  # the same bytes of the same plan are drafted already
    facility = await store.facility(uow.session, wanted.facility)
    row.facility_mode = facility.mode
    await _replace_older(uow, row)
    core.announce(uow, row)
    core.note(uow, "drafted", who="queue-submit", row=row, payload_sha256=row.payload_sha256)
    await approve.by_policy(uow, row, wanted.plan)
    return row


def _make_row(
    uow: UnitOfWork,
    wanted: DraftInput,
    draft: RenderedDraft,
    *,
    cause: Cause,
) -> SubmissionRow:
    plan = wanted.plan
    without_event = plan.event_id is None or plan.event_id == plan.plan_id
    return SubmissionRow(
        submission_id=uuid7(),
        revision=0,
        state=S.DRAFT.value,
        facility=wanted.facility,
        facility_mode=FacilityMode.OFF.value,
        event_id=None if without_event else plan.event_id,
        event_label=draft.event_label,
        plan_id=plan.plan_id,
        decision_id=plan.decision_id,
        is_manual=plan.is_manual,
        map_sha256=plan.map_sha256,
        idempotency_key=f"{plan.plan_id}:{wanted.facility}:{draft.payload_sha256}",
        external_name=draft.external_name,
        payload=draft.payload,
        payload_sha256=draft.payload_sha256,
        media_type=draft.media_type,
        window_begin=draft.window.begin,
        window_end=draft.window.end,
        exposures_planned=draft.exposures,
        exposures_executed=0,
        exposures_matched=0,
        total_time_s=draft.total_time_s,
        probability=plan.statistics.probability if plan.statistics else None,
        plan_made_at=plan.made_at,
        warnings=list(draft.warnings),
        is_automatic=False,
        acknowledged_newer_map=False,
        lane=0,
        cancel_certain=False,
        send_attempts=0,
        due_at=draft.window.end,
        made_at=uow.now,
        changed_at=uow.now,
        cause=cause.to_json(),
    )


async def _replace_older(uow: UnitOfWork, row: SubmissionRow) -> None:
    """Drafts of the same event and facility go, whether approved or not.

    What a person asked for by a plan of their own is left alone by the marshal's own plans, and
    the other way round: planner says which of its plans supersedes which.
    """
    if row.event_id is None:
        return
    for older in await store.unsent_of(uow.session, row.event_id, row.facility):
        if older.submission_id == row.submission_id or older.is_manual != row.is_manual:
            continue
        if older.is_manual and older.plan_id != row.plan_id:
            continue
        await core.discard(uow, older, "replaced by a newer plan")

"""What a night lost, to weather or to a failure, is planned anew: as a proposal.

A proposal is a plan like others, made for the next window, with the sky that is done left out. It
belongs to no decision and carries no submission policy, so that nothing sends it but a person.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from too_common.cause import Cause
from too_common.contracts.planner import PlanState
from too_common.ids import uuid7
from too_common.uow import UnitOfWork

from too_planner import store
from too_planner.plan import Plan
from too_planner.request import PlanRequest, Window
from too_planner.tables import (
    DocumentRow,
    EventRow,
    LocalizationRow,
    PlanRow,
    SubmissionRow,
    TelescopeRow,
)
from too_planner.telescope import TelescopeDefinition
from too_planner.usecases import credit
from too_planner.usecases.plan_event import new_row, start_plan
from too_planner.usecases.publish_plan import supersede


async def propose(uow: UnitOfWork, submission_id: UUID) -> None:
    """Plan what a submission lost for the next window, once."""
    submission = await uow.session.get(SubmissionRow, submission_id, with_for_update=True)
    if submission is None or submission.looked_at or submission.plan_id is None:
        return
    plan_row = await uow.session.get(PlanRow, submission.plan_id)
    if plan_row is None or not plan_row.has_event:
        return
    event = await store.event(uow.session, plan_row.event_id, lock=True)
    submission.looked_at = True
    if event is None or event.is_retracted or plan_row.state != PlanState.READY.value:
        return  # a newer plan covers it, or nothing may be observed any more
    if not plan_row.is_manual and await store.leading_decision(uow.session, event.event_id) is None:
        return  # the match has ended: nobody would have it repeated
    localization = await store.preferred_localization(uow.session, event.event_id)
    telescope = await uow.session.get(TelescopeRow, plan_row.telescope)
    document = await uow.session.get(DocumentRow, plan_row.document_sha256 or "")
    if localization is None or telescope is None or document is None:
        return
    plan = Plan.model_validate_json(document.content)
    definition = TelescopeDefinition.model_validate(telescope.definition)
    asked = PlanRequest.model_validate(plan_row.request)
    done = await credit.done(uow, event.event_id, plan_row.telescope, asked, definition)
    lost = lost_fields(plan, [(row.ra_deg, row.dec_deg) for row in done])
    known = select(PlanRow.plan_id).where(PlanRow.proposal_of == plan_row.plan_id).limit(1)
    if lost and await uow.session.scalar(known) is None:
        await _start(uow, plan_row, event, localization, asked, done, lost)


def lost_fields(plan: Plan, done: list[tuple[float, float]]) -> list[str]:
    """Fields of a plan that did not get their whole sequence."""
    places = {(round(ra % 360.0, 3), round(dec, 3)) for ra, dec in done}
    first: dict[str, tuple[float, float]] = {}
    for row in plan.exposures:
        if row.dither == 0:
            label = row.field_id or f"{row.ra_deg:.3f},{row.dec_deg:.3f}"
            first.setdefault(label, (round(row.ra_deg % 360.0, 3), round(row.dec_deg, 3)))
    return [label for label, place in first.items() if place not in places]


async def _start(
    uow: UnitOfWork,
    before: PlanRow,
    event: EventRow,
    localization: LocalizationRow,
    asked: PlanRequest,
    done: tuple[object, ...],
    lost: list[str],
) -> None:
    length = before.window_end - before.window_begin
    begin = uow.now + timedelta(seconds=1)
    update: dict[str, object] = {
        "windows": (Window(begin=begin, end=begin + max(length, timedelta(hours=24))),),
        "previous": tuple({*asked.previous, *done}),
        "busy": (),
    }
    if asked.field_ids is not None:
        update["field_ids"] = tuple(int(label) for label in lost if label.isdigit())
    plan_id = uuid7()
    row = new_row(
        uow,
        plan_id=plan_id,
        telescope=before.telescope,
        request=asked.model_copy(update=update),
        event=event,
        localization=localization,
        wanted_key=f"lost:{before.plan_id}",
        name=f"{before.name} again"[:80],
        is_manual=before.is_manual,
        made_by=before.made_by,
        cause=Cause.from_json(before.cause),
    )
    row.program_name = before.program_name
    row.proposal_of = before.plan_id
    await start_plan(uow, row)


async def take_back(uow: UnitOfWork, plan: PlanRow) -> None:
    """Everything was observed after all: proposals of that plan are void."""
    statement = select(PlanRow).where(
        PlanRow.proposal_of == plan.plan_id, PlanRow.state.in_(store.LIVING)
    )
    for row in (await uow.session.scalars(statement.with_for_update())).all():
        supersede(uow, row, by=None, reason="everything was observed after all")

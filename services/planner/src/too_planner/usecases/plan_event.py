"""For an event that a program wants: one plan per telescope on its current map."""

from datetime import timedelta
from uuid import UUID

from too_common.cause import Cause
from too_common.contracts.ingest import LocalizationReady
from too_common.contracts.notify import DecisionChanged, PlanningProfile
from too_common.contracts.planner import PlanState
from too_common.ids import uuid7
from too_common.uow import UnitOfWork

from too_planner import store
from too_planner.jobs_payloads import MakePlan, PlanEvent
from too_planner.profile import request_of_profile
from too_planner.request import PlanRequest, Window
from too_planner.tables import DecisionRow, EventRow, LocalizationRow, PlanRow, TelescopeRow
from too_planner.telescope import TelescopeDefinition
from too_planner.usecases import credit
from too_planner.usecases.publish_plan import publish_plan, supersede

PLANNING_PRIORITY = 10
"""Plans go before measurements of coverage."""
WORD_ON_MAP_S = 1.5
"""A program's word on a new map comes this soon, or the map is planned by the word before it."""


async def plan_event(uow: UnitOfWork, event_id: UUID, *, waits: bool = True) -> None:
    """Plan what is wanted and not planned yet; called at every change that may want a plan.

    The plan's window is the program's, from the stack's now: the coming night.

    Parameters
    ----------
    waits
        A new map is judged at the same moment as it comes here, and may then be another program's.
        Plans by the old word would be made for nothing and keep the workers from those that count,
        so the new word is waited for, but not for long.
    """
    event = await store.event(uow.session, event_id, lock=True)
    if event is None or event.is_retracted:
        return
    localization = await store.preferred_localization(uow.session, event_id)
    decision = await store.leading_decision(uow.session, event_id)
    if decision is None:
        await _stop_planning(uow, event_id)
        return
    if localization is None:
        return
    told = DecisionChanged.model_validate(decision.data)
    if waits and told.map_sha256 != localization.map_sha256:
        await uow.enqueue(
            PlanEvent(event_id=event_id),
            delay_s=WORD_ON_MAP_S,
            dedupe_key=str(event_id),
            priority=PLANNING_PRIORITY,
        )
        return
    profile = told.planning
    for telescope in await store.telescopes(uow.session):
        if not profile.telescopes or telescope.name in profile.telescopes:
            await _want(uow, event, localization, decision, telescope, profile)


async def _want(
    uow: UnitOfWork,
    event: EventRow,
    localization: LocalizationRow,
    decision: DecisionRow,
    telescope: TelescopeRow,
    profile: PlanningProfile,
) -> None:
    told = DecisionChanged.model_validate(decision.data)
    wanted_key = f"{localization.map_sha256}:{decision.program_id}:{told.program_version}"
    known = await store.wanted_plan(uow.session, event.event_id, telescope.name, wanted_key)
    if known is not None:
        return
    definition = TelescopeDefinition.model_validate(telescope.definition)
    window = Window(begin=uow.now, end=uow.now + timedelta(hours=profile.window_h))
    facts = LocalizationReady.model_validate(localization.data).facts
    request = request_of_profile(profile, definition, window, has_distance=facts.is_3d)
    done = await credit.done(uow, event.event_id, telescope.name, request, definition)
    others = await credit.foreign(uow, event.event_id) if profile.credit_others else []
    request = request.model_copy(update={"previous": tuple(dict.fromkeys([*done, *others]))})
    plan_id = uuid7()
    for older in await store.living_plans(uow.session, event.event_id, telescope.name):
        if not older.is_manual and older.state == PlanState.PLANNING.value:
            supersede(uow, older, by=plan_id, reason="a newer map came before it was made")
    row = new_row(
        uow,
        plan_id=plan_id,
        telescope=telescope.name,
        request=request,
        event=event,
        localization=localization,
        wanted_key=wanted_key,
        name=f"{event.name} {telescope.name} {localization.sequence}",
    )
    row.decision_id = decision.decision_id
    row.program_name = told.program_name
    row.submission_policy = told.submission.model_dump(mode="json")
    await start_plan(uow, row)


def new_row(
    uow: UnitOfWork,
    *,
    plan_id: UUID,
    telescope: str,
    request: PlanRequest,
    event: EventRow | None,
    localization: LocalizationRow | None,
    wanted_key: str,
    name: str,
    is_manual: bool = False,
    made_by: str | None = None,
    cause: Cause | None = None,
) -> PlanRow:
    """Row of a plan that is to be made."""
    begin = min((window.begin for window in request.windows), default=uow.now)
    end = max((window.end for window in request.windows), default=uow.now + timedelta(hours=24))
    return PlanRow(
        plan_id=plan_id,
        revision=0,
        event_id=event.event_id if event else plan_id,
        has_event=event is not None,
        event_revision=event.revision if event else 0,
        event_name=event.name if event else None,
        decision_id=None,
        program_name=None,
        localization_id=localization.localization_id if localization else None,
        map_sha256=localization.map_sha256 if localization else None,
        telescope=telescope,
        name=name,
        state=PlanState.PLANNING.value,
        reason=None,
        is_manual=is_manual,
        wanted_key=wanted_key,
        request=request.model_dump(mode="json"),
        parameters={},
        window_begin=begin,
        window_end=end,
        waits_for_galaxies=False,
        made_by=made_by,
        made_at=uow.now,
        cause=(cause or uow.cause).to_json(),
        bound=None,
        network_id=None,
        network=None,
        proposal_of=None,
    )


async def start_plan(uow: UnitOfWork, row: PlanRow, *, enqueue: bool = True) -> None:
    """Write the row, tell that planning began, and queue the job (unless another one makes it)."""
    row.state = PlanState.PLANNING.value
    row.reason = None
    row.waits_for_galaxies = False
    uow.session.add(row)
    await uow.session.flush()
    publish_plan(uow, row)
    if not enqueue:
        return
    await uow.enqueue(
        MakePlan(plan_id=row.plan_id, revision=row.revision),
        priority=PLANNING_PRIORITY,
        cause=Cause.from_json(row.cause),
    )


async def _stop_planning(uow: UnitOfWork, event_id: UUID) -> None:
    """No program wants the event (any more): what is not ready yet is not made.

    Plans that are ready stay for a person to judge. Proposals to repeat what such a plan lost do
    not: nobody asked for them but the program.
    """
    for row in await store.living_plans(uow.session, event_id):
        unmade = row.state == PlanState.PLANNING.value
        if not row.is_manual and (unmade or row.proposal_of is not None):
            supersede(uow, row, by=None, reason="no program wants the event any more")


async def retract_event(
    uow: UnitOfWork, event_id: UUID, *, reason: str = "the event was retracted"
) -> None:
    """A retraction, or a merge into another event, ends every plan of the event at once."""
    for row in await store.living_plans(uow.session, event_id):
        # if the event comes back, the same is wanted anew
        row.wanted_key = f"{row.wanted_key} ended {row.plan_id}"
        supersede(uow, row, by=None, reason=reason, withdrawn=True)

"""A person's own plan: their parameters, on an event's map or by a list of fields."""

from uuid import UUID

from too_common.auth.principal import Principal
from too_common.cause import Cause
from too_common.contracts.planner import PlanState
from too_common.errors import ConflictError, InvalidError, NotFoundError
from too_common.ids import uuid7
from too_common.uow import UnitOfWork

from too_planner import fieldgrid, store
from too_planner.request import PlanRequest, RequestError, Window, resolve
from too_planner.tables import EventRow, GridRow, LocalizationRow, PlanRow, TelescopeRow
from too_planner.telescope import TelescopeDefinition
from too_planner.usecases.plan_event import new_row, start_plan
from too_planner.usecases.publish_plan import supersede


async def telescope_row(uow: UnitOfWork, name: str) -> TelescopeRow:
    """A telescope by name.

    Raises
    ------
    InvalidError
        If there is none.
    """
    row = await uow.session.get(TelescopeRow, name)
    if row is None:
        known = ", ".join(found.name for found in await store.telescopes(uow.session))
        raise InvalidError(f"unknown telescope {name!r}; there are {known}", code="telescope")
    return row


async def make_plan(
    uow: UnitOfWork,
    request: PlanRequest,
    *,
    event_id: UUID | None,
    localization_id: UUID | None,
    name: str | None,
    who: Principal,
    network_id: UUID | None = None,
) -> PlanRow:
    """Check a person's request and start planning; the answer comes as ``planner.plan_changed``.

    Raises
    ------
    InvalidError
        For what cannot be meant: unknown telescope, filter or field, a window that is over.
    NotFoundError
        If there is no such event or localization.
    ConflictError
        If the event has no map yet.
    """
    telescope = await telescope_row(uow, request.telescope)
    definition = TelescopeDefinition.model_validate(telescope.definition)
    try:
        parameters = resolve(request, definition, now=uow.now)
        if telescope.grid_sha256 is not None:
            await _check_fields(uow, telescope.grid_sha256, request)
    except (RequestError, fieldgrid.GridError) as error:
        raise InvalidError(str(error), code="plan_request") from error
    event: EventRow | None = None
    localization: LocalizationRow | None = None
    if event_id is not None:
        event, localization = await _event_and_map(uow, event_id, localization_id)
    if localization is None and request.field_ids is None:
        raise InvalidError("without an event, name the fields (field_ids)", code="plan_request")
    plan_id = uuid7()
    fixed = request.model_copy(
        update={
            "windows": tuple(
                Window(begin=window.begin, end=window.end) for window in parameters.windows
            )
        }
    )
    cause = uow.cause
    if event is not None:
        origin = Cause.from_json(event.cause)
        # the event's world and correlation, this person's act
        cause = origin.with_(causation_id=None, actor=who.account_id)
    row = new_row(
        uow,
        plan_id=plan_id,
        telescope=telescope.name,
        request=fixed,
        event=event,
        localization=localization,
        wanted_key=str(plan_id),
        name=name or f"{event.name if event else 'manual'} {telescope.name} {who.name}".strip(),
        is_manual=True,
        made_by=who.name,
        cause=cause,
    )
    row.network_id = network_id
    # a network's plans are made by one job of its own
    await start_plan(uow, row, enqueue=network_id is None)
    return row


async def _event_and_map(
    uow: UnitOfWork, event_id: UUID, localization_id: UUID | None
) -> tuple[EventRow, LocalizationRow]:
    event = await store.event(uow.session, event_id)
    if event is None:
        raise NotFoundError(f"no event {event_id}")
    if event.is_retracted:
        raise ConflictError("the event was retracted: nothing is planned for it", code="retracted")
    if localization_id is None:
        localization = await store.preferred_localization(uow.session, event_id)
        if localization is None:
            raise ConflictError("the event has no sky map yet", code="no_map")
        return event, localization
    chosen = await uow.session.get(LocalizationRow, localization_id)
    if chosen is None or chosen.event_id != event_id:
        raise NotFoundError(f"the event has no localization {localization_id}")
    return event, chosen


async def _check_fields(uow: UnitOfWork, grid_sha256: str, request: PlanRequest) -> None:
    if request.field_ids is None and request.field_sets is None:
        return
    grid_row = await uow.session.get(GridRow, grid_sha256)
    if grid_row is None:
        return
    grid = fieldgrid.from_bytes(grid_row.data)
    if request.field_ids is not None:
        grid.indices_of(list(request.field_ids))
        if len(set(request.field_ids)) != len(request.field_ids):
            raise RequestError("a field is named twice")
    if request.field_sets is not None:
        grid.select(request.field_sets)


async def discard_plan(uow: UnitOfWork, plan_id: UUID, who: Principal) -> PlanRow:
    """End a plan by a person's word; what a facility has accepted is queue-submit's matter.

    Raises
    ------
    NotFoundError
        If there is no such plan.
    """
    row = await uow.session.get(PlanRow, plan_id, with_for_update=True)
    if row is None:
        raise NotFoundError(f"no plan {plan_id}")
    if row.state != PlanState.SUPERSEDED.value:
        supersede(uow, row, by=None, reason=f"discarded by {who.name}", withdrawn=True)
    return row

"""The list of events."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse
from too_common.context import Context
from too_common.contracts.ingest import EventKind
from too_common.contracts.notify import DutyChanged
from too_common.http import Ctx

from too_vetting_api.api.world import raised_alarms
from too_vetting_api.domain.projections import Kind
from too_vetting_api.pages.shell import Person, render
from too_vetting_api.store import accounts, projections
from too_vetting_api.store import events as store
from too_vetting_api.usecases.read_events import EventPage, list_events

router = APIRouter(include_in_schema=False)
PAGE = 30


async def _page(
    ctx: Context,
    *,
    kinds: list[str],
    tag: str,
    search: str,
    retracted: bool,
    test: bool,
    cursor: str | None = None,
) -> EventPage:
    wanted = store.EventFilter(
        kinds=tuple(kinds),
        tags=(tag,) if tag else (),
        search=search.strip(),
        with_retracted=retracted,
        with_test=test,
    )
    async with ctx.unit_of_work() as uow:
        return await list_events(uow, wanted, limit=PAGE, cursor=cursor or None)


@router.get("/")
async def index(request: Request, ctx: Ctx, viewer: Person) -> HTMLResponse:
    """Show the newest events; retracted ones and tests are hidden at first."""
    page = await _page(ctx, kinds=[], tag="", search="", retracted=False, test=False)
    async with ctx.unit_of_work() as uow:
        tags = await store.known_tags(uow.session)
        alarms = raised_alarms(await projections.rows_of_kind(uow.session, Kind.ALARM))
        row = await projections.get_row(uow.session, Kind.DUTY, "current")
        names = {a.account_id: a.name for a in await accounts.all_accounts(uow.session)}
    duty = ""
    if row is not None:
        ids = DutyChanged.model_validate(row.data).account_ids
        duty = ", ".join(names.get(item, "somebody") for item in ids)
    return render(
        request, "events.html", viewer, page=page, tags=tags, alarms=len(alarms), duty=duty
    )


@router.get("/events/list")
async def event_list(
    request: Request,
    ctx: Ctx,
    viewer: Person,
    kind: Annotated[list[str] | None, Query()] = None,
    tag: str = "",
    search: str = "",
    retracted: bool = False,
    test: bool = False,
    cursor: str | None = None,
) -> HTMLResponse:
    """Show the list as the filters want it."""
    page = await _page(
        ctx,
        kinds=kind or [],
        tag=tag,
        search=search,
        retracted=retracted,
        test=test,
        cursor=cursor,
    )
    return render(request, "_event_list.html", viewer, page=page)


SHAPES = (
    ("circle", "Circle"),
    ("ellipse", "Ellipse"),
    ("polygon", "Polygon"),
    ("file", "Map file"),
    ("address", "Map by address"),
    ("none", "No place yet"),
)


@router.get("/events/new")
async def new_event(request: Request, viewer: Person, by: str = "circle") -> HTMLResponse:
    """Show the form for an event by hand."""
    kinds = [
        (kind.value, kind.value.upper() if len(kind) == 3 else kind.value) for kind in EventKind
    ]
    by = by if by in dict(SHAPES) else "circle"
    return render(request, "new_event.html", viewer, shapes=SHAPES, kinds=kinds, by=by)

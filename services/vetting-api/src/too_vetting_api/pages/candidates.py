"""Tables of candidates and galaxies."""

from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse
from too_common.contracts.vetting_api import CandidateVerdict
from too_common.errors import InvalidError, RefusedError
from too_common.http import Ctx

from too_vetting_api.api.candidates import read_page
from too_vetting_api.api.galaxies import DESCENDING_FIRST, read_list
from too_vetting_api.pages.shell import Person, render
from too_vetting_api.store import catalogues as catalogue_store
from too_vetting_api.usecases.candidates import get_candidate
from too_vetting_api.usecases.read_events import resolve_event

router = APIRouter(include_in_schema=False)
PAGE = 50


def _sorted(params: dict[str, str], current: str, key: str, descending_first: set[str]) -> str:
    """Query of a column's link: the other direction if it is the one already."""
    first = f"-{key}" if key in descending_first else key
    other = key if first.startswith("-") else f"-{key}"
    return urlencode({**params, "sort": other if current == first else first})


@router.get("/events/{event}/candidates")
async def candidates_page(
    event: str,
    request: Request,
    ctx: Ctx,
    viewer: Person,
    sort: str = "credible_level_2d",
    search: str = "",
    verdict: str = "",
    level: str = "",
    cursor: str | None = None,
) -> HTMLResponse:
    """Show an event's candidates."""
    if verdict and verdict not in {item.value for item in CandidateVerdict}:
        raise InvalidError(f"there is no verdict {verdict!r}")
    async with ctx.unit_of_work() as uow:
        row = await resolve_event(uow, event)
    page = await read_page(
        ctx,
        event_id=row.event_id,
        sort=sort,
        where=[f"credible_level_2d::{level}"] if level else [],
        verdicts=[verdict] if verdict else [],
        search=search.strip(),
        limit=PAGE,
        cursor=cursor,
    )
    query = {"search": search, "verdict": verdict, "level": level, "sort": sort}
    params = {key: value for key, value in query.items() if value and key != "sort"}
    down = {"score", "first_detected_at"}
    return render(
        request,
        "candidates.html",
        viewer,
        event=row,
        page=page,
        q=query,
        here=str(request.url.path) + (f"?{request.url.query}" if request.url.query else ""),
        sorted_query=lambda key: _sorted(params, sort, key, down),
        next_query=urlencode({**params, "sort": sort, "cursor": page.next_cursor or ""}),
    )


@router.get("/dialogs/verdict/{candidate_id}")
async def verdict_dialog(
    candidate_id: UUID, request: Request, ctx: Ctx, viewer: Person
) -> HTMLResponse:
    """Ask for a verdict."""
    async with ctx.unit_of_work() as uow:
        row = await get_candidate(uow, candidate_id)
    return render(request, "dialog_verdict.html", viewer, c=row)


@router.get("/events/{event}/galaxies")
async def galaxies_page(
    event: str,
    request: Request,
    ctx: Ctx,
    viewer: Person,
    sort: str = "-score",
    catalogue: str = "",
    level: str = "",
    dmin: str = "",
    dmax: str = "",
    bmax: str = "",
    cursor: str | None = None,
    offset: int = 0,
) -> HTMLResponse:
    """Show the galaxies ranked in the event's map."""
    async with ctx.unit_of_work() as uow:
        row = await resolve_event(uow, event)
        catalogues = await catalogue_store.all_catalogues(uow.session)
    where = []
    if level:
        where.append(f"level_2d::{level}")
    if dmin or dmax:
        where.append(f"distance_mpc:{dmin}:{dmax}")
    if bmax:
        where.append(f"b_mag::{bmax}")
    query = {
        "catalogue": catalogue,
        "level": level,
        "dmin": dmin,
        "dmax": dmax,
        "bmax": bmax,
        "sort": sort,
    }
    params = {key: value for key, value in query.items() if value and key != "sort"}
    page, problem = None, None
    try:
        page = await read_list(
            ctx,
            str(row.event_id),
            catalogue=catalogue or None,
            sort=sort,
            where=where,
            limit=PAGE,
            cursor=cursor or None,
        )
    except InvalidError:
        raise
    except RefusedError as error:
        problem = error.detail
    export = [("where", item) for item in where] + [("sort", sort)]
    if catalogue:
        export.append(("catalogue", catalogue))
    following = page.next_cursor if page else None
    return render(
        request,
        "galaxies.html",
        viewer,
        event=row,
        page=page,
        problem=problem,
        q=query,
        catalogues=[item for item in catalogues if item.is_current],
        offset=max(0, offset),
        sorted_query=lambda key: _sorted(params, sort, key, set(DESCENDING_FIRST)),
        next_query=urlencode(
            {**params, "sort": sort, "cursor": following or "", "offset": offset + PAGE}
        ),
        export_query=urlencode(export),
    )

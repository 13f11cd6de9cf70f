"""Candidates: bring in, list, vote, judge, take along."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Body, Query, Request, Response
from pydantic import BaseModel, Field
from too_common.contracts.vetting_api import CandidateVerdict, Photometry
from too_common.errors import ForbiddenError, InvalidError, TooLargeError
from too_common.http import Ctx, Principal, require

from too_vetting_api.domain.candidate_files import is_ecsv, read_csv
from too_vetting_api.domain.candidates import MAX_ROWS, CandidateIn
from too_vetting_api.domain.paging import decode_cursor, encode_cursor, parse_ranges
from too_vetting_api.domain.tables_out import to_csv, to_markdown
from too_vetting_api.store import candidates as store
from too_vetting_api.tables import Candidate, CandidateVote
from too_vetting_api.usecases import candidates as usecase
from too_vetting_api.worker_tasks import read_candidate_file

router = APIRouter(tags=["candidates"])
Reader = Annotated[Principal, require("read")]
Vetter = Annotated[Principal, require("vet")]
EXPORT_LIMIT = 50_000


class VoteView(BaseModel):
    """A vetter's vote."""

    account_id: UUID
    name: str
    vote: int
    comment: str
    at: datetime


class CandidateView(BaseModel):
    """A candidate with its levels, votes and verdict."""

    candidate_id: UUID
    event_id: UUID | None
    name: str
    iau_name: str | None
    ra_deg: float
    dec_deg: float
    redshift: float | None
    distance_mpc: float | None
    classification: str | None
    host_name: str | None
    source: str
    notes: str
    first_detected_at: datetime | None
    magnitude: float | None
    magnitude_error: float | None
    magnitude_filter: str | None
    credible_level_2d: float | None = Field(description="In the preferred map; null: not yet made")
    credible_level_3d: float | None = Field(description="null: no distance here")
    density_2d_per_sr: float | None
    map_sha256: str | None
    verdict: CandidateVerdict
    verdict_reason: str
    score: int = Field(description="Sum of the votes")
    votes: list[VoteView]
    photometry: list[Photometry]
    created_at: datetime

    @classmethod
    def of(cls, row: Candidate, votes: list[CandidateVote]) -> "CandidateView":
        """View of a row."""
        values = {name: getattr(row, name) for name in cls.model_fields if name != "votes"}
        given = [
            VoteView(
                account_id=item.account_id,
                name=item.name,
                vote=item.vote,
                comment=item.comment,
                at=item.at,
            )
            for item in votes
        ]
        return cls.model_validate({**values, "votes": given})


class CandidatePage(BaseModel):
    """Some candidates in the wanted order."""

    items: list[CandidateView]
    total: int
    next_cursor: str | None = None


class VoteIn(BaseModel):
    """A vote."""

    vote: int = Field(ge=-1, le=1, description="+1 interesting, 0 remark alone, -1 not")
    comment: str = Field("", max_length=2000)


class VerdictIn(BaseModel):
    """A verdict; a rejection says why."""

    verdict: CandidateVerdict
    reason: str = Field("", max_length=2000)


COLUMNS = (
    "name",
    "iau_name",
    "ra_deg",
    "dec_deg",
    "classification",
    "redshift",
    "distance_mpc",
    "host_name",
    "first_detected_at",
    "magnitude",
    "magnitude_error",
    "magnitude_filter",
    "credible_level_2d",
    "credible_level_3d",
    "density_2d_per_sr",
    "verdict",
    "score",
    "source",
)
"""Columns of the exports."""


@router.post(
    "/candidates",
    summary="Bring in candidates, one or many, as JSON",
    status_code=201,
    openapi_extra={
        "requestBody": {
            "content": {
                "application/json": {
                    "schema": {
                        "anyOf": [
                            {"$ref": "#/components/schemas/CandidateIn"},
                            {
                                "type": "array",
                                "items": {"$ref": "#/components/schemas/CandidateIn"},
                            },
                        ]
                    }
                }
            },
            "required": True,
        }
    },
)
async def post_candidates(
    ctx: Ctx,
    who: Vetter,
    response: Response,
    body: Annotated[dict[str, Any] | list[Any], Body()],
    event_id: Annotated[UUID | None, Query(description="Event of rows that name none")] = None,
) -> usecase.BatchResult:
    """Take in one object or a list.

    A bad row is reported by its number and refuses no other. 422 if no row could be taken.
    """
    rows = body if isinstance(body, list) else [body]
    if len(rows) > MAX_ROWS:
        raise TooLargeError(f"more than {MAX_ROWS} rows: send them in several requests")
    return await _take(ctx, who, response, rows, event_id, flat=False)


@router.post(
    "/candidates/file",
    summary="Bring in a file of candidates: CSV or ECSV",
    description="The body is the file. Columns: name, ra, dec (degrees, or sexagesimal with RA in "
    "hours), and any of redshift, distance_mpc, classification, iau_name, host_name, source, "
    "notes, mag, magerr, filter, mjd (or jd, time). Other usual names are understood.",
    status_code=201,
    openapi_extra={
        "requestBody": {
            "content": {"application/octet-stream": {"schema": {"type": "string"}}},
            "required": True,
        }
    },
)
async def post_candidate_file(
    request: Request,
    ctx: Ctx,
    who: Vetter,
    response: Response,
    event_id: Annotated[UUID | None, Query(description="Event of the rows")] = None,
) -> usecase.BatchResult:
    """Take in a file, row by row."""
    limit = int(ctx.settings.candidate_file_limit_mb * 1_000_000)
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > limit:
            raise TooLargeError(f"the file has more than {limit} bytes")
    content = bytes(data)
    if is_ecsv(content):
        rows = await ctx.workers.run(read_candidate_file, content, deadline_s=60.0)
    else:
        rows = read_csv(content)
    return await _take(ctx, who, response, rows, event_id, flat=True)


async def _take(
    ctx: Ctx,
    who: Principal,
    response: Response,
    rows: list[Any],
    event_id: UUID | None,
    *,
    flat: bool,
) -> usecase.BatchResult:
    async with ctx.unit_of_work(who.cause()) as uow:
        result = await usecase.add_candidates(
            uow, rows, event_id=event_id, flat=flat, account_id=who.account_id
        )
    if result.rejected and not result.accepted:
        response.status_code = 422
    return result


@router.get("/candidates", summary="Candidates, of an event or of all")
async def get_candidates(
    ctx: Ctx,
    _who: Reader,
    event_id: UUID | None = None,
    sort: Annotated[str, Query(description="Column, with - before it descending")] = (
        "credible_level_2d"
    ),
    where: Annotated[list[str] | None, Query(description="column:least:greatest")] = None,
    verdict: Annotated[list[CandidateVerdict] | None, Query()] = None,
    search: Annotated[str, Query(max_length=100)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: str | None = None,
) -> CandidatePage:
    """List candidates; the cursor goes on where a page ended."""
    return await read_page(
        ctx,
        event_id=event_id,
        sort=sort,
        where=where or [],
        verdicts=[item.value for item in verdict or []],
        search=search.strip(),
        limit=limit,
        cursor=cursor,
    )


async def read_page(
    ctx: Ctx,
    *,
    event_id: UUID | None,
    sort: str,
    where: list[str],
    verdicts: list[str],
    search: str,
    limit: int,
    cursor: str | None,
) -> CandidatePage:
    """Page of candidates, for the API and the page alike."""
    column, descending = store.checked_sort(sort)
    ranges = parse_ranges(where, store.FILTERABLE)
    after = _after(cursor, column)
    async with ctx.unit_of_work() as uow:
        rows = await store.page(
            uow.session,
            event_id=event_id,
            sort=column,
            descending=descending,
            ranges=ranges,
            verdicts=verdicts,
            search=search,
            limit=limit + 1,
            after=after,
        )
        shown = rows[:limit]
        votes = await store.votes(uow.session, [row.candidate_id for row in shown])
        total = await store.total(
            uow.session, event_id=event_id, ranges=ranges, verdicts=verdicts, search=search
        )
    following = None
    if len(rows) > limit:
        value = getattr(shown[-1], column)
        if isinstance(value, datetime):
            value = value.isoformat()
        following = encode_cursor(value, str(shown[-1].candidate_id))
    items = [CandidateView.of(row, votes[row.candidate_id]) for row in shown]
    return CandidatePage(items=items, total=total, next_cursor=following)


def _after(cursor: str | None, column: str) -> tuple[Any, UUID] | None:
    if cursor is None:
        return None
    value, key = decode_cursor(cursor)
    try:
        if value is not None and column in {"first_detected_at", "created_at"}:
            value = datetime.fromisoformat(str(value))
        elif value is not None and column == "name":
            value = str(value)
        elif value is not None:
            value = float(value)
        return value, UUID(str(key))
    except (ValueError, TypeError) as error:
        raise InvalidError("the cursor is not one that this list gave") from error


@router.get(
    "/candidates/export",
    summary="The list as CSV or Markdown",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}, "text/markdown": {}}}},
)
async def export_candidates(
    ctx: Ctx,
    _who: Reader,
    form: Annotated[Literal["csv", "md"], Query(alias="format")] = "csv",
    event_id: UUID | None = None,
    sort: str = "credible_level_2d",
    where: Annotated[list[str] | None, Query()] = None,
    verdict: Annotated[list[CandidateVerdict] | None, Query()] = None,
    search: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Export what the list shows, all pages."""
    page = await read_page(
        ctx,
        event_id=event_id,
        sort=sort,
        where=where or [],
        verdicts=[item.value for item in verdict or []],
        search=search.strip(),
        limit=EXPORT_LIMIT,
        cursor=None,
    )
    rows = [[getattr(item, name) for name in COLUMNS] for item in page.items]
    return table_file("candidates", form, COLUMNS, rows)


def table_file(name: str, form: str, columns: tuple[str, ...], rows: list[list[Any]]) -> Response:
    """A table to take along."""
    if form == "md":
        return Response(to_markdown(columns, rows), media_type="text/markdown; charset=utf-8")
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(to_csv(columns, rows), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/candidates/{candidate_id}", summary="One candidate")
async def get_candidate(candidate_id: UUID, ctx: Ctx, _who: Reader) -> CandidateView:
    """Show a candidate."""
    async with ctx.unit_of_work() as uow:
        row = await usecase.get_candidate(uow, candidate_id)
        votes = await store.votes(uow.session, [candidate_id])
        return CandidateView.of(row, votes[candidate_id])


@router.put("/candidates/{candidate_id}/vote", summary="Vote on a candidate")
async def put_vote(candidate_id: UUID, body: VoteIn, ctx: Ctx, who: Vetter) -> CandidateView:
    """Give or change one's vote."""
    if who.account_id is None:
        raise ForbiddenError("people vote")
    async with ctx.unit_of_work(who.cause()) as uow:
        row = await usecase.vote(
            uow,
            candidate_id,
            account_id=who.account_id,
            name=who.name,
            value=body.vote,
            comment=body.comment,
        )
        votes = await store.votes(uow.session, [candidate_id])
        return CandidateView.of(row, votes[candidate_id])


@router.put("/candidates/{candidate_id}/verdict", summary="Judge a candidate")
async def put_verdict(candidate_id: UUID, body: VerdictIn, ctx: Ctx, who: Vetter) -> CandidateView:
    """Set the verdict."""
    if who.account_id is None:
        raise ForbiddenError("people judge")
    async with ctx.unit_of_work(who.cause()) as uow:
        row = await usecase.judge(
            uow,
            candidate_id,
            account_id=who.account_id,
            verdict=body.verdict,
            reason=body.reason,
        )
        votes = await store.votes(uow.session, [candidate_id])
        return CandidateView.of(row, votes[candidate_id])


SCHEMAS = (CandidateIn,)
"""Models that the OpenAPI document needs beside those of the routes."""

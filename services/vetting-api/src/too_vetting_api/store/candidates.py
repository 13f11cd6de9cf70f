"""Queries on candidates and votes."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from too_common.errors import InvalidError

from too_vetting_api.domain.paging import Range
from too_vetting_api.tables import Candidate, CandidateVote

SORTABLE: dict[str, Any] = {
    "name": Candidate.name,
    "ra_deg": Candidate.ra_deg,
    "dec_deg": Candidate.dec_deg,
    "redshift": Candidate.redshift,
    "distance_mpc": Candidate.distance_mpc,
    "magnitude": Candidate.magnitude,
    "first_detected_at": Candidate.first_detected_at,
    "credible_level_2d": Candidate.credible_level_2d,
    "credible_level_3d": Candidate.credible_level_3d,
    "density_2d_per_sr": Candidate.density_2d_per_sr,
    "score": Candidate.score,
    "created_at": Candidate.created_at,
}
"""Columns by which the list may be sorted."""

FILTERABLE = {
    "ra_deg",
    "dec_deg",
    "redshift",
    "distance_mpc",
    "magnitude",
    "credible_level_2d",
    "credible_level_3d",
    "density_2d_per_sr",
    "score",
}
"""Columns with a least and a greatest value."""


async def get(session: AsyncSession, candidate_id: UUID, *, lock: bool = False) -> Candidate | None:
    """One candidate, locked if it is to be changed."""
    return await session.get(Candidate, candidate_id, with_for_update=lock or None)


async def by_name(session: AsyncSession, event_id: UUID | None, name: str) -> Candidate | None:
    """The candidate of that name in an event."""
    same_event = (
        Candidate.event_id.is_(None) if event_id is None else Candidate.event_id == event_id
    )
    statement = select(Candidate).where(same_event, Candidate.name == name).with_for_update()
    return (await session.execute(statement)).scalar_one_or_none()


def _conditions(
    event_id: UUID | None, ranges: list[Range], verdicts: list[str], search: str
) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if event_id is not None:
        found.append(Candidate.event_id == event_id)
    for item in ranges:
        column = SORTABLE[item.column]
        if item.low is not None:
            found.append(column >= item.low)
        if item.high is not None:
            found.append(column <= item.high)
    if verdicts:
        found.append(Candidate.verdict.in_(verdicts))
    if search:
        found.append(
            or_(
                Candidate.name.icontains(search, autoescape=True),
                Candidate.iau_name.icontains(search, autoescape=True),
                Candidate.host_name.icontains(search, autoescape=True),
            )
        )
    return found


async def page(
    session: AsyncSession,
    *,
    event_id: UUID | None,
    sort: str,
    descending: bool,
    ranges: list[Range],
    verdicts: list[str],
    search: str,
    limit: int,
    after: tuple[Any, UUID] | None,
) -> list[Candidate]:
    """Candidates in the wanted order; rows without the value come last either way."""
    column = SORTABLE[sort]
    key = Candidate.candidate_id
    statement = select(Candidate).where(*_conditions(event_id, ranges, verdicts, search))
    if after is not None:
        value, last = after
        if value is None:
            statement = statement.where(and_(column.is_(None), key > last))
        else:
            beyond = column < value if descending else column > value
            same = and_(column == value, key > last)
            statement = statement.where(or_(beyond, same, column.is_(None)))
    order = column.desc() if descending else column.asc()
    statement = statement.order_by(order.nulls_last(), key).limit(limit)
    return list((await session.execute(statement)).scalars())


async def total(
    session: AsyncSession,
    *,
    event_id: UUID | None,
    ranges: list[Range],
    verdicts: list[str],
    search: str,
) -> int:
    """Number of candidates that fit."""
    statement = (
        select(func.count())
        .select_from(Candidate)
        .where(*_conditions(event_id, ranges, verdicts, search))
    )
    return (await session.execute(statement)).scalar_one()


async def votes(session: AsyncSession, ids: list[UUID]) -> dict[UUID, list[CandidateVote]]:
    """Votes by candidate, in the order of their giving."""
    statement = (
        select(CandidateVote)
        .where(CandidateVote.candidate_id.in_(ids))
        .order_by(CandidateVote.at, CandidateVote.account_id)
    )
    found: dict[UUID, list[CandidateVote]] = {item: [] for item in ids}
    for row in (await session.execute(statement)).scalars():
        found[row.candidate_id].append(row)
    return found


async def all_candidates(session: AsyncSession) -> list[Candidate]:
    """Every candidate."""
    statement = select(Candidate).order_by(Candidate.candidate_id)
    return list((await session.execute(statement)).scalars())


async def of_event(session: AsyncSession, event_id: UUID) -> list[Candidate]:
    """All candidates of an event."""
    statement = (
        select(Candidate)
        .where(Candidate.event_id == event_id)
        .order_by(Candidate.candidate_id)
        .execution_options(populate_existing=True)
    )
    return list((await session.execute(statement)).scalars())


async def lock_of_event(session: AsyncSession, event_id: UUID) -> list[Candidate]:
    """All candidates of an event, locked in the order of their ids."""
    statement = (
        select(Candidate)
        .where(Candidate.event_id == event_id)
        .order_by(Candidate.candidate_id)
        .with_for_update()
    )
    return list((await session.execute(statement)).scalars())


async def lock_of_origin(session: AsyncSession, event_id: UUID) -> list[Candidate]:
    """All candidates that were found for an event, wherever a merge has put them, locked."""
    statement = (
        select(Candidate)
        .where(func.coalesce(Candidate.origin_event_id, Candidate.event_id) == event_id)
        .order_by(Candidate.candidate_id)
        .with_for_update()
    )
    return list((await session.execute(statement)).scalars())


def checked_sort(sort: str) -> tuple[str, bool]:
    """Column and direction of ``column`` or ``-column``.

    Raises
    ------
    InvalidError
        If there is no such column.
    """
    name = sort.removeprefix("-")
    if name not in SORTABLE:
        raise InvalidError(f"sort by one of {', '.join(SORTABLE)}")
    return name, sort.startswith("-")

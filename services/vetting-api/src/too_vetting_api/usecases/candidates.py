"""Take in candidates, vote, judge; every change is told to the others."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel
from too_common.contracts.ingest import EventChanged
from too_common.contracts.vetting_api import (
    CandidateChanged,
    CandidateVerdict,
    Photometry,
    Vote,
)
from too_common.errors import InvalidError, NotFoundError
from too_common.ids import uuid7
from too_common.uow import UnitOfWork

from too_vetting_api.domain.candidates import CandidateIn, RejectedRow, checked_rows
from too_vetting_api.store import candidates as store
from too_vetting_api.store import projections
from too_vetting_api.tables import Candidate, CandidateVote, EventRow
from too_vetting_api.usecases.rank_candidates import request_ranking


class AcceptedRow(BaseModel):
    """A row that was taken."""

    row: int
    candidate_id: UUID
    name: str
    is_new: bool


class BatchResult(BaseModel):
    """What became of each row."""

    accepted: list[AcceptedRow]
    rejected: list[RejectedRow]


def candidate_event(row: Candidate, votes: list[CandidateVote]) -> CandidateChanged:
    """State of a candidate, as the others learn it."""
    return CandidateChanged(
        candidate_id=row.candidate_id,
        event_id=row.event_id,
        name=row.name,
        iau_name=row.iau_name,
        ra_deg=row.ra_deg,
        dec_deg=row.dec_deg,
        redshift=row.redshift,
        classification=row.classification,
        host_name=row.host_name,
        photometry=tuple(Photometry.model_validate(point) for point in row.photometry),
        credible_level_2d=row.credible_level_2d,
        credible_level_3d=row.credible_level_3d,
        map_sha256=row.map_sha256,
        verdict=CandidateVerdict(row.verdict),
        verdict_by=row.verdict_by,
        votes=tuple(
            Vote(
                account_id=vote.account_id,
                name=vote.name,
                vote=vote.vote,
                comment=vote.comment,
                at=vote.at,
            )
            for vote in votes
        ),
    )


async def publish(uow: UnitOfWork, row: Candidate) -> None:
    """Raise the revision and tell it under the event's key, so that it stays in order."""
    row.revision += 1
    row.updated_at = uow.now
    await uow.session.flush()
    given = (await store.votes(uow.session, [row.candidate_id]))[row.candidate_id]
    uow.publish(
        candidate_event(row, given),
        key=row.event_id or f"candidate:{row.candidate_id}",
        revision=row.revision,
    )


async def move_candidates(uow: UnitOfWork, event: EventChanged) -> None:
    """Put an event's candidates where the event is now: in the whole after a merge, or back.

    One whose name the whole knows already stays with the part.
    """
    target = event.merged_into or event.event_id
    moved = False
    for row in await store.lock_of_origin(uow.session, event.event_id):
        if row.event_id == target or await store.by_name(uow.session, target, row.name) is not None:
            continue
        row.origin_event_id = event.event_id
        row.event_id = target
        # its levels are those of another map
        row.map_sha256 = None
        await publish(uow, row)
        moved = True
    if moved:
        await request_ranking(uow, target)


async def add_candidates(
    uow: UnitOfWork,
    rows: list[Any],
    *,
    event_id: UUID | None,
    flat: bool,
    account_id: UUID | None,
) -> BatchResult:
    """Take in candidates; a bad row is reported and refuses no other.

    A name that is known in its event changes that candidate: what the new row does not say stays,
    photometry is added.
    """
    good, rejected = checked_rows(rows, event_id=event_id, flat=flat)
    known: dict[UUID, bool] = {}
    accepted: list[AcceptedRow] = []
    touched: set[UUID] = set()
    for number, item in good:
        if item.event_id is not None and item.event_id not in known:
            found = await uow.session.get(EventRow, item.event_id)
            known[item.event_id] = found is not None
        if item.event_id is not None and not known[item.event_id]:
            rejected.append(
                RejectedRow(row=number, name=item.name, detail=f"no event {item.event_id}")
            )
            continue
        row, is_new = await _upsert(uow, item, account_id)
        await publish(uow, row)
        if row.event_id is not None:
            touched.add(row.event_id)
        accepted.append(
            AcceptedRow(row=number, candidate_id=row.candidate_id, name=row.name, is_new=is_new)
        )
    for changed in touched:
        await request_ranking(uow, changed)
        await projections.tell_pages(uow.session, changed)
    rejected.sort(key=lambda entry: entry.row)
    return BatchResult(accepted=accepted, rejected=rejected)


async def _upsert(
    uow: UnitOfWork, item: CandidateIn, account_id: UUID | None
) -> tuple[Candidate, bool]:
    row = await store.by_name(uow.session, item.event_id, item.name)
    is_new = row is None
    if row is None:
        row = Candidate(
            candidate_id=uuid7(),
            event_id=item.event_id,
            name=item.name,
            photometry=[],
            source="",
            notes="",
            verdict=CandidateVerdict.NEW.value,
            verdict_reason="",
            score=0,
            revision=0,
            created_by=account_id,
            created_at=uow.now,
            updated_at=uow.now,
        )
        uow.session.add(row)
    moved = (row.ra_deg, row.dec_deg) != (item.ra_deg, item.dec_deg)
    given = item.model_dump(exclude={"event_id", "photometry"}, exclude_none=True)
    distances = {"redshift", "distance_mpc", "distance_error_mpc"} & set(given)
    for name, value in given.items():
        if value != "":
            setattr(row, name, value)
    row.photometry = _merged(row.photometry, item.photometry)
    _latest(row)
    if moved or distances:
        # the levels belong to the old position or distance: unknown until they are made anew
        row.map_sha256 = None
        row.credible_level_2d = row.credible_level_3d = row.density_2d_per_sr = None
    await uow.session.flush()
    return row, is_new


def _merged(before: list[dict[str, Any]], new: list[Photometry]) -> list[dict[str, Any]]:
    points = {
        (point["time"], point["filter"], point["instrument"]): point
        for point in [*before, *(item.model_dump(mode="json") for item in new)]
    }
    return [points[key] for key in sorted(points)]


def _latest(row: Candidate) -> None:
    points = [Photometry.model_validate(point) for point in row.photometry]
    seen = [point for point in points if point.magnitude is not None]
    if not seen:
        return
    latest = max(seen, key=lambda point: point.time)
    row.magnitude, row.magnitude_error = latest.magnitude, latest.error
    row.magnitude_filter = latest.filter[:16]
    first = min(point.time for point in seen)
    row.first_detected_at = min(row.first_detected_at or first, first)


async def get_candidate(uow: UnitOfWork, candidate_id: UUID, *, lock: bool = False) -> Candidate:
    """One candidate, or 404."""
    row = await store.get(uow.session, candidate_id, lock=lock)
    if row is None:
        raise NotFoundError(f"no candidate {candidate_id}")
    return row


async def vote(
    uow: UnitOfWork,
    candidate_id: UUID,
    *,
    account_id: UUID,
    name: str,
    value: int,
    comment: str,
) -> Candidate:
    """Give or change one's vote; 0 with a comment is a remark."""
    row = await get_candidate(uow, candidate_id, lock=True)
    mine = await uow.session.get(CandidateVote, (candidate_id, account_id))
    if mine is None:
        mine = CandidateVote(candidate_id=candidate_id, account_id=account_id)
        uow.session.add(mine)
    mine.name, mine.vote, mine.comment, mine.at = name, value, comment.strip(), uow.now
    await uow.session.flush()
    given = (await store.votes(uow.session, [candidate_id]))[candidate_id]
    row.score = sum(item.vote for item in given)
    await publish(uow, row)
    await projections.tell_pages(uow.session, row.event_id)
    return row


async def judge(
    uow: UnitOfWork,
    candidate_id: UUID,
    *,
    account_id: UUID,
    verdict: CandidateVerdict,
    reason: str,
) -> Candidate:
    """Set the verdict; a rejection says why.

    Raises
    ------
    InvalidError
        If a rejection has no reason.
    """
    if verdict is CandidateVerdict.REJECTED and not reason.strip():
        raise InvalidError("say in a few words why the candidate is rejected")
    row = await get_candidate(uow, candidate_id, lock=True)
    row.verdict, row.verdict_by, row.verdict_reason = verdict.value, account_id, reason.strip()
    await publish(uow, row)
    await projections.tell_pages(uow.session, row.event_id)
    return row

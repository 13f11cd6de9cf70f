"""Queries. Rows are locked where a decision follows from them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, Select, and_, func, or_, select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncSession
from too_common.contracts.queue_submit import SubmissionState as S
from too_common.db import bus_table
from too_common.errors import NotFoundError

from too_queue_submit.clients.base import Exchange
from too_queue_submit.state_machine import OCCUPYING, OUT_THERE, UNSENT
from too_queue_submit.tables import (
    METADATA,
    AccountRow,
    ApprovalRow,
    AttemptRow,
    AuditRow,
    EventRow,
    ExchangeRow,
    ExposureRow,
    FacilityRow,
    PlanRow,
    SubmissionRow,
    SwitchRow,
)

CONSUMER = "too.queue-submit"


def _values(states: frozenset[S]) -> list[str]:
    return sorted(state.value for state in states)


async def submission(
    session: AsyncSession, submission_id: UUID, *, lock: bool = False
) -> SubmissionRow:
    """One submission.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    statement = select(SubmissionRow).where(SubmissionRow.submission_id == submission_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    row = (await session.execute(statement)).scalar_one_or_none()
    if row is None:
        raise NotFoundError("there is no such submission")
    return row


async def submissions(
    session: AsyncSession,
    *,
    event_id: UUID | None = None,
    facility: str | None = None,
    states: Sequence[S] = (),
    limit: int = 200,
) -> Sequence[SubmissionRow]:
    """Submissions, newest first."""
    statement = select(SubmissionRow).order_by(SubmissionRow.submission_id.desc()).limit(limit)
    if event_id is not None:
        statement = statement.where(SubmissionRow.event_id == event_id)
    if facility is not None:
        statement = statement.where(SubmissionRow.facility == facility)
    if states:
        statement = statement.where(SubmissionRow.state.in_([state.value for state in states]))
    return (await session.execute(statement)).scalars().all()


async def facility(session: AsyncSession, name: str, *, lock: bool = False) -> FacilityRow:
    """One facility.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    statement = select(FacilityRow).where(FacilityRow.name == name)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    row = (await session.execute(statement)).scalar_one_or_none()
    if row is None:
        raise NotFoundError(f"there is no facility {name}")
    return row


async def facilities(session: AsyncSession) -> Sequence[FacilityRow]:
    """All facilities by name."""
    return (await session.execute(select(FacilityRow).order_by(FacilityRow.name))).scalars().all()


async def ensure_facility(session: AsyncSession, name: str, mode: str) -> None:
    """Make a facility's row at the very first start; later the row decides."""
    await session.execute(
        pg_insert(FacilityRow).values(name=name, mode=mode).on_conflict_do_nothing()
    )


async def is_stopped_globally(session: AsyncSession) -> bool:
    """The global kill switch."""
    row = await session.get(SwitchRow, 1, populate_existing=True)
    return row is not None and row.is_stopped


async def unsent_of(
    session: AsyncSession, event_id: UUID, name: str | None = None
) -> Sequence[SubmissionRow]:
    """Drafts and approved ones of an event, locked."""
    statement = select(SubmissionRow).where(
        SubmissionRow.event_id == event_id, SubmissionRow.state.in_(_values(UNSENT))
    )
    if name is not None:
        statement = statement.where(SubmissionRow.facility == name)
    return await _locked(session, statement)


async def all_of_event(session: AsyncSession, event_id: UUID) -> Sequence[SubmissionRow]:
    """Everything of an event, locked, oldest first."""
    return await _locked(session, select(SubmissionRow).where(SubmissionRow.event_id == event_id))


async def of_origin(session: AsyncSession, event_id: UUID) -> Sequence[SubmissionRow]:
    """Everything made of plans for an event, wherever a merge has put it, locked."""
    plans = select(PlanRow.plan_id).where(PlanRow.event_id == event_id)
    return await _locked(session, select(SubmissionRow).where(SubmissionRow.plan_id.in_(plans)))


async def of_plan(session: AsyncSession, plan_id: UUID) -> Sequence[SubmissionRow]:
    """Everything made of a plan, locked."""
    return await _locked(session, select(SubmissionRow).where(SubmissionRow.plan_id == plan_id))


async def of_decision(session: AsyncSession, decision_id: UUID) -> Sequence[SubmissionRow]:
    """Everything that a decision brought about, locked."""
    return await _locked(
        session, select(SubmissionRow).where(SubmissionRow.decision_id == decision_id)
    )


async def approved_by(session: AsyncSession, account_id: UUID) -> Sequence[SubmissionRow]:
    """What an account approved (alone or first of two) and was not sent, locked."""
    approvals = select(ApprovalRow.submission_id).where(
        ApprovalRow.account_id == account_id, ApprovalRow.dropped_at.is_(None)
    )
    statement = select(SubmissionRow).where(
        SubmissionRow.state.in_(_values(UNSENT)), SubmissionRow.submission_id.in_(approvals)
    )
    return await _locked(session, statement)


async def occupying(session: AsyncSession, event_id: UUID, name: str) -> Sequence[SubmissionRow]:
    """What counts for 'one active submission per event and facility', locked."""
    return await _locked(
        session,
        select(SubmissionRow).where(
            SubmissionRow.event_id == event_id,
            SubmissionRow.facility == name,
            SubmissionRow.state.in_(_values(OCCUPYING)),
        ),
    )


async def hours_taken(
    session: AsyncSession, name: str, *, begin: datetime, end: datetime, but: Sequence[UUID]
) -> float:
    """Hours of other submissions at a facility whose windows overlap a night's."""
    statement = select(func.coalesce(func.sum(SubmissionRow.total_time_s), 0.0)).where(
        SubmissionRow.facility == name,
        SubmissionRow.state.in_(_values(OCCUPYING - {S.CANCEL_REQUESTED})),
        SubmissionRow.window_begin < end,
        SubmissionRow.window_end > begin,
        SubmissionRow.submission_id.not_in(list(but)),
    )
    return float((await session.execute(statement)).scalar_one()) / 3600


async def out_there(session: AsyncSession, name: str) -> Sequence[SubmissionRow]:
    """What is, or may be, at a facility."""
    statement = select(SubmissionRow).where(
        SubmissionRow.facility == name, SubmissionRow.state.in_(_values(OUT_THERE))
    )
    return (await session.execute(statement)).scalars().all()


async def due(session: AsyncSession, now: datetime) -> SubmissionRow | None:
    """One submission to be attended to, taken with SKIP LOCKED."""
    statement = (
        select(SubmissionRow)
        .where(SubmissionRow.due_at <= now)
        .order_by(SubmissionRow.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def next_due(session: AsyncSession) -> datetime | None:
    """Earliest time at which something is due."""
    return (await session.execute(select(func.min(SubmissionRow.due_at)))).scalar_one()


async def stranded(session: AsyncSession, wall_now: datetime) -> SubmissionRow | None:
    """One row left in ``sending`` by a sender whose lease has ended."""
    statement = (
        select(SubmissionRow)
        .join(FacilityRow, FacilityRow.name == SubmissionRow.facility)
        .where(
            SubmissionRow.state == S.SENDING.value,
            or_(
                FacilityRow.lease_until.is_(None),
                FacilityRow.lease_until < wall_now,
                FacilityRow.fencing != SubmissionRow.fencing,
            ),
        )
        .limit(1)
        .with_for_update(of=SubmissionRow, skip_locked=True)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def last_send_attempt(session: AsyncSession, submission_id: UUID) -> AttemptRow | None:
    """The newest attempt to send."""
    statement = (
        select(AttemptRow)
        .where(AttemptRow.submission_id == submission_id, AttemptRow.kind == "send")
        .order_by(AttemptRow.attempt_id.desc())
        .limit(1)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def ever_acted(session: AsyncSession, submission_id: UUID) -> bool:
    """Whether any attempt may have reached the facility and was not denied by it."""
    statement = select(AttemptRow.attempt_id).where(
        AttemptRow.submission_id == submission_id,
        AttemptRow.kind == "send",
        AttemptRow.stage == "acting",
        or_(AttemptRow.outcome.is_(None), AttemptRow.outcome != "not_sent"),
    )
    return (await session.execute(statement.limit(1))).first() is not None


async def attempts(session: AsyncSession, submission_id: UUID) -> Sequence[AttemptRow]:
    """All attempts of a submission, oldest first."""
    statement = (
        select(AttemptRow)
        .where(AttemptRow.submission_id == submission_id)
        .order_by(AttemptRow.attempt_id)
    )
    return (await session.execute(statement)).scalars().all()


async def exchanges(session: AsyncSession, attempt_ids: Sequence[UUID]) -> Sequence[ExchangeRow]:
    """Exchanges of attempts, in order."""
    statement = (
        select(ExchangeRow)
        .where(ExchangeRow.attempt_id.in_(list(attempt_ids)))
        .order_by(ExchangeRow.exchange_id)
    )
    return (await session.execute(statement)).scalars().all()


def add_exchanges(session: AsyncSession, attempt_id: UUID, found: Sequence[Exchange]) -> None:
    """Keep the exchanges of an attempt."""
    session.add_all(
        ExchangeRow(
            attempt_id=attempt_id,
            at=item.at,
            operation=item.operation,
            request=item.request,
            status=item.status,
            response=item.response,
            error=item.error,
        )
        for item in found
    )


async def approvals(
    session: AsyncSession, submission_id: UUID, *, valid: bool = False
) -> Sequence[ApprovalRow]:
    """Approvals of a submission, oldest first; ``valid`` leaves out those that were dropped."""
    statement = (
        select(ApprovalRow)
        .where(ApprovalRow.submission_id == submission_id)
        .order_by(ApprovalRow.approval_id)
    )
    if valid:
        statement = statement.where(ApprovalRow.dropped_at.is_(None))
    return (await session.execute(statement)).scalars().all()


async def exposures(
    session: AsyncSession, *, event_id: UUID | None = None, submission_id: UUID | None = None
) -> Sequence[Row[ExposureRow, SubmissionRow]]:
    """Executed exposures with their submissions, by start."""
    statement = (
        select(ExposureRow, SubmissionRow)
        .join(SubmissionRow, SubmissionRow.submission_id == ExposureRow.submission_id)
        .order_by(ExposureRow.start, ExposureRow.exposure_id)
    )
    if event_id is not None:
        statement = statement.where(SubmissionRow.event_id == event_id)
    if submission_id is not None:
        statement = statement.where(ExposureRow.submission_id == submission_id)
    return (await session.execute(statement)).all()


async def plans_without_draft(
    session: AsyncSession, *, event_id: UUID | None = None, telescope: str | None = None
) -> Sequence[PlanRow]:
    """Ready plans of which no draft could be made, with the reason."""
    statement = select(PlanRow).where(PlanRow.state == "ready", PlanRow.problem.is_not(None))
    if event_id is not None:
        statement = statement.where(PlanRow.event_id == event_id)
    if telescope is not None:
        statement = statement.where(PlanRow.telescope == telescope)
    return (await session.execute(statement.order_by(PlanRow.plan_id.desc()))).scalars().all()


async def event(session: AsyncSession, event_id: UUID | None) -> EventRow | None:
    """What is known of an event."""
    return None if event_id is None else await session.get(EventRow, event_id)


async def account_name(session: AsyncSession, account_id: UUID | None) -> str:
    """Name of an account; empty if not known."""
    if account_id is None:
        return ""
    row = await session.get(AccountRow, account_id)
    return row.name if row is not None else ""


async def is_parked(session: AsyncSession, event_id: UUID) -> bool:
    """Whether a message of an event's key is parked here: our picture of it is not whole."""
    parked = bus_table(METADATA, "parked")
    statement = select(parked.c.id).where(
        and_(
            parked.c.consumer == CONSUMER,
            parked.c.key == str(event_id),
            parked.c.state == "parked",
        )
    )
    return (await session.execute(statement.limit(1))).first() is not None


async def audit(
    session: AsyncSession, *, facility_name: str | None = None, limit: int = 200
) -> Sequence[AuditRow]:
    """What was done, newest first."""
    statement = select(AuditRow).order_by(AuditRow.audit_id.desc()).limit(limit)
    if facility_name is not None:
        statement = statement.where(AuditRow.facility == facility_name)
    return (await session.execute(statement)).scalars().all()


async def _locked(
    session: AsyncSession, statement: Select[SubmissionRow]
) -> Sequence[SubmissionRow]:
    ordered = statement.order_by(SubmissionRow.submission_id).with_for_update()
    ordered = ordered.execution_options(populate_existing=True)
    return (await session.execute(ordered)).scalars().all()

"""Judge an event by every program, publish what changed, and page or stand down."""

from datetime import datetime, timedelta
from uuid import UUID

from too_common.cause import Cause
from too_common.contracts.base import Mode
from too_common.contracts.notify import ClauseOutcome, ClauseResult, DecisionChanged, Verdict
from too_common.uow import UnitOfWork

from too_notify.criteria import Judgement, Latch, judge
from too_notify.facts import Picture
from too_notify.programs import ProgramContent, Severity
from too_notify.store import events as event_store
from too_notify.store import programs as store
from too_notify.tables import DecisionLogRow, DecisionRow, EventRow, ProgramRow
from too_notify.usecases.open_incident import is_pageable, page_event
from too_notify.usecases.plan_delivery import post_news
from too_notify.usecases.resolve_incident import end_event

_UNWANTED = "no program wants it any more"


async def judge_event(uow: UnitOfWork, event_id: UUID, *, heard_at: datetime) -> None:
    """Judge an event anew.

    Parameters
    ----------
    event_id
        The event. One that is not known yet (its map came first) is judged when it comes.
    heard_at
        When the news that made this necessary came: old news pages nobody.
    """
    row = await event_store.event(uow.session, event_id)
    if row is None or row.data.get("merged_into") is not None:
        return
    picture = await event_store.picture_of(uow.session, row)
    await event_store.add_picture(uow.session, picture, uow.now)
    wanting: list[ProgramContent] = []
    begun: list[ProgramContent] = []
    verdicts: list[Verdict] = []
    for program, content in await store.programs(uow.session):
        decision = await store.decision(uow.session, event_id, program.id)
        if decision is None and not content.is_active:
            continue
        before = None if decision is None else decision.verdict
        judgement = await _judge_by(uow, program, content, decision, picture)
        await _keep(uow, row, program, content, decision, picture, judgement)
        verdicts.append(judgement.verdict)
        if judgement.verdict is Verdict.WANTED:
            wanting.append(content)
            if before != Verdict.WANTED:
                begun.append(content)
    await _act(
        uow, row, picture, wanting=wanting, begun=begun, verdicts=verdicts, heard_at=heard_at
    )


async def _judge_by(
    uow: UnitOfWork,
    program: ProgramRow,
    content: ProgramContent,
    decision: DecisionRow | None,
    picture: Picture,
) -> Judgement:
    if not content.is_active:
        off = ClauseResult(
            clause="program is switched on", outcome=ClauseOutcome.FALSE, value=False
        )
        return Judgement(verdict=Verdict.NOT_WANTED, clauses=(off,))
    latch: Latch | None
    if decision is not None and decision.program_version == program.version:
        latch = _latch_of(decision)
    else:
        latch = await replay_latch(uow, content, picture.event_id)
    return judge(content.criteria, picture, latch)


def _latch_of(decision: DecisionRow) -> Latch | None:
    if decision.latch is None:
        return None
    return {at: ClauseOutcome(outcome) for at, outcome in decision.latch.items()}


async def replay_latch(uow: UnitOfWork, content: ProgramContent, event_id: UUID) -> Latch | None:
    """What a program that is new or edited would have kept, had it been there all along."""
    latch: Latch | None = None
    for _, picture in await event_store.pictures(uow.session, event_id):
        latch = judge(content.criteria, picture, latch).latch
    return latch


async def _keep(
    uow: UnitOfWork,
    event: EventRow,
    program: ProgramRow,
    content: ProgramContent,
    row: DecisionRow | None,
    picture: Picture,
    judgement: Judgement,
) -> None:
    if row is None:
        row = DecisionRow(event_id=picture.event_id, program_id=program.id, revision=0)
        row.published = {}
        uow.session.add(row)
    row.program_version = program.version
    row.verdict = judgement.verdict
    row.clauses = [clause.model_dump(mode="json") for clause in judgement.clauses]
    row.latch = None if judgement.latch is None else dict(judgement.latch)
    row.event_revision = picture.event_revision
    row.localization_id = picture.localization_id
    row.map_sha256 = picture.map_sha256
    row.decided_at = uow.now
    await uow.session.flush()
    data = DecisionChanged(
        decision_id=row.id,
        event_id=picture.event_id,
        event_revision=picture.event_revision,
        localization_id=picture.localization_id,
        map_sha256=picture.map_sha256,
        program_id=program.id,
        program_name=content.name,
        program_version=program.version,
        verdict=judgement.verdict,
        clauses=judgement.clauses,
        priority=content.priority,
        planning=content.planning,
        submission=content.submission,
    )
    published = data.model_dump(mode="json")
    if published == row.published:
        return
    row.published = published
    row.revision += 1
    uow.session.add(
        DecisionLogRow(
            decision_id=row.id,
            revision=row.revision,
            program_version=row.program_version,
            verdict=row.verdict,
            clauses=row.clauses,
            event_revision=row.event_revision,
            map_sha256=row.map_sha256,
            decided_at=row.decided_at,
        )
    )
    uow.publish(
        data,
        key=picture.event_id,
        revision=row.revision,
        overrides=picture.is_retracted,
        cause=cause_of_event(uow, event),
    )


def cause_of_event(uow: UnitOfWork, event: EventRow) -> Cause:
    """Cause of what is done about an event: its own world, whoever brought the change about."""
    cause = uow.cause
    return Cause(
        correlation_id=event.correlation_id,
        causation_id=cause.causation_id,
        mode=Mode(event.mode),
        drill_id=event.drill_id,
        actor=cause.actor,
    )


async def _act(
    uow: UnitOfWork,
    event: EventRow,
    picture: Picture,
    *,
    wanting: list[ProgramContent],
    begun: list[ProgramContent],
    verdicts: list[Verdict],
    heard_at: datetime,
) -> None:
    """Page, inform, or stand down."""
    uow.cause = cause_of_event(uow, event)
    if picture.is_retracted:
        await end_event(uow, picture.event_id, picture.name, "retracted")
        return
    if not wanting:
        if verdicts and all(verdict is Verdict.NOT_WANTED for verdict in verdicts):
            await end_event(uow, picture.event_id, picture.name, _UNWANTED)
        return
    if event.data.get("is_regrouped"):
        return  # a person merged or split: that is no news from the sky
    age = uow.now - heard_at
    if age > timedelta(seconds=uow.ctx.settings.page_age_limit_s):
        return
    if not is_pageable(uow.cause.mode, picture):
        return
    severity = max(content.severity for content in wanting)
    if severity is Severity.INFORM:
        for content in begun:
            await post_news(
                uow,
                f"{content.name} wants {picture.name}",
                thread_key=f"event:{picture.event_id}",
                mode=uow.cause.mode,
            )
        return
    await page_event(
        uow, picture, severity=severity, programs=[content.name for content in wanting]
    )

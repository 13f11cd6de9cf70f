"""Looking after what a facility has accepted (rule 10), and writing down what it observed."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert as pg_insert
from too_common.contracts.queue_submit import ExecutedExposure, ExposuresExecuted
from too_common.contracts.queue_submit import SubmissionState as S
from too_common.uow import UnitOfWork

from too_queue_submit import store
from too_queue_submit.clients.base import Presence
from too_queue_submit.progress import Progress, state_after
from too_queue_submit.state_machine import READ_BACK, WITH_PROGRESS
from too_queue_submit.tables import ExposureRow, SubmissionRow
from too_queue_submit.usecases import core, reconcile, send
from too_queue_submit.windows import Window


async def record_look(uow: UnitOfWork, submission_id: UUID, evidence: reconcile.Evidence) -> None:
    """What a look at the facility showed: verified, unchanged, altered, or vanished."""
    row = await store.submission(uow.session, submission_id, lock=True)
    if S(row.state) not in READ_BACK:
        return
    row.looked_at = uow.now
    found, comparison = evidence.found, evidence.comparison
    if found.presence is Presence.PRESENT and comparison is not None:
        if comparison.agrees:
            await _seen(uow, row)
        else:
            await core.tell(
                uow, row, "altered", f"it was altered: {'; '.join(comparison.differences)}"
            )
        return
    if evidence.is_file:
        await _file_taken(uow, row)
        return
    await _queue_gone(uow, row, evidence.history_count)


async def _seen(uow: UnitOfWork, row: SubmissionRow) -> None:
    if row.verified_at is None:
        row.verified_at = uow.now
        core.announce(uow, row)
        await send.withdraw_predecessor(uow, row)
    await core.clear(uow, row)


async def _file_taken(uow: UnitOfWork, row: SubmissionRow) -> None:
    """Gone after delivery is normal; who must load it by hand is asked whether they did."""
    if row.verified_at is None:
        # it was read back before the rename, and the rename was confirmed
        row.verified_at = uow.now
        core.announce(uow, row)
        await send.withdraw_predecessor(uow, row)
    config = uow.ctx.resources.config(row.facility)
    if (
        config.needs_person
        and row.confirmed_at is None
        and row.exposures_executed == 0
        and uow.now >= row.window_begin
    ):
        await core.tell(uow, row, "not_confirmed", "nobody has confirmed that the file was loaded")


async def _queue_gone(uow: UnitOfWork, row: SubmissionRow, history_count: int | None) -> None:
    """A queue that disappeared is finished, expired, or deleted: only the history tells."""
    observed = max(history_count or 0, row.exposures_matched)
    if uow.now > row.window_end or observed >= row.exposures_planned:
        return
    if observed:
        text = f"its queue is gone after {observed} of {row.exposures_planned} exposures"
        if row.reason != text:
            row.reason = text
            core.announce(uow, row)
        await core.tell(uow, row, "vanished", text)
        return
    text = (
        "it has vanished from the queue and the history does not show it: deleted by a person, "
        "or the scheduler was restarted"
        if history_count is not None
        else "it has vanished from the queue; whether it was observed is not known"
    )
    core.change(uow, row, S.UNKNOWN, reason=text, due_at=uow.now + timedelta(seconds=60))
    await core.tell(uow, row, "vanished", text)


async def record_progress(
    uow: UnitOfWork, submission_id: UUID, progress: Progress, problems: tuple[str, ...]
) -> None:
    """Upsert executed exposures, tell them (all known so far), move the state."""
    row = await store.submission(uow.session, submission_id, lock=True)
    if S(row.state) not in WITH_PROGRESS:
        return
    await _tell_problems(uow, row, problems)
    changed = await _upsert(uow, row, progress.exposures)
    row.progress_at = uow.now
    rows = await store.exposures(uow.session, submission_id=row.submission_id)
    known = tuple(ExecutedExposure.model_validate(exposure.data) for exposure, _ in rows)
    row.exposures_executed = len(known)
    row.exposures_matched = max(progress.matched, row.exposures_matched)
    if row.state == S.UNKNOWN.value and uow.now > row.window_end:
        await reconcile.settle_after_window(uow, row)
    window = Window(row.window_begin, row.window_end)
    whole = Progress(known, matched=row.exposures_matched, planned=row.exposures_planned)
    target = state_after(S(row.state), whole, window=window, now=uow.now)
    if target is not None:
        core.change(uow, row, target, reason=row.reason, due_at=row.due_at)
        if target in {S.COMPLETE, S.PARTIAL, S.EXPIRED}:
            await core.clear(uow, row)
    elif changed:
        core.announce(uow, row)
    if changed:
        row.revision += 1
        uow.publish(
            ExposuresExecuted(
                submission_id=row.submission_id,
                event_id=row.event_id,
                plan_id=row.plan_id,
                facility=row.facility,
                exposures=known,
            ),
            key=core.key_of(row),
            revision=row.revision,
            cause=core.cause_of(uow, row),
        )


async def _upsert(
    uow: UnitOfWork, row: SubmissionRow, exposures: tuple[ExecutedExposure, ...]
) -> bool:
    """True if anything is new or better processed."""
    changed = False
    for exposure in exposures:
        statement = pg_insert(ExposureRow).values(
            facility=row.facility,
            exposure_id=exposure.exposure_id,
            submission_id=row.submission_id,
            data=exposure.model_dump(mode="json"),
            start=exposure.start,
            first_seen_at=uow.now,
            changed_at=uow.now,
        )
        statement = statement.on_conflict_do_update(
            index_elements=["facility", "exposure_id", "submission_id"],
            set_={"data": statement.excluded.data, "changed_at": uow.now},
            where=ExposureRow.data != statement.excluded.data,
        )
        result = await uow.session.execute(statement.returning(ExposureRow.exposure_id))
        changed = result.first() is not None or changed
    return changed


async def _tell_problems(uow: UnitOfWork, row: SubmissionRow, problems: tuple[str, ...]) -> None:
    alarm = f"progress:{row.facility}"
    if problems:
        await uow.alarm(
            alarm_id=alarm,
            code="progress_unreadable",
            summary=f"{row.facility}: executed exposures cannot be read: {'; '.join(problems)}"[
                :500
            ],
        )
    else:
        await uow.clear_alarm(alarm_id=alarm)


def next_look(
    row: SubmissionRow, *, now: datetime, watch_s: float, nights: float
) -> datetime | None:
    """When to attend to a submission again; None if never."""
    if S(row.state) not in WITH_PROGRESS:
        return row.due_at
    last = row.window_end + timedelta(days=nights)
    if now > last:
        return None
    if now <= row.window_end:
        # once right after the window's begin and end, where something changes
        edges = [t for t in (row.window_begin, row.window_end) if t > now]
        return min([now + timedelta(seconds=watch_s), *(e + timedelta(seconds=1) for e in edges)])
    # processing comes in over days: ever more seldom
    age_s = (now - row.window_end).total_seconds()
    return min(now + timedelta(seconds=max(watch_s, age_s / 4)), last)

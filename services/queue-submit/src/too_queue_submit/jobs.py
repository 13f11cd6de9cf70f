"""Slow and outward work. No transaction is open while a telescope or a service is asked."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from too_common.cause import Cause
from too_common.context import Context
from too_common.contracts.queue_submit import FacilityMode
from too_common.contracts.queue_submit import SubmissionState as S
from too_common.errors import (
    NotFoundError,
    PermanentError,
    RefusedError,
    TransientError,
    UnknownOutcomeError,
)
from too_common.ids import uuid7

from too_queue_submit import leases, store, work
from too_queue_submit.clients.base import (
    NotSentError,
    Presence,
    QueueClient,
    Recorder,
    SendResult,
    SendState,
    Stage,
)
from too_queue_submit.errors import DomainError
from too_queue_submit.gate import CLOCK_TOLERANCE_S, Answer, EventAnswer, Ruling
from too_queue_submit.plan_document import PlanDocument
from too_queue_submit.progress import match, observing_window
from too_queue_submit.resources import Resources
from too_queue_submit.state_machine import READ_BACK, WITH_PROGRESS
from too_queue_submit.tables import AttemptRow, SubmissionRow
from too_queue_submit.telescopes.ztf_progress import history_count
from too_queue_submit.usecases import draft_plan as drafting
from too_queue_submit.usecases import reconcile, send, switches, watch, withdraw
from too_queue_submit.windows import Window

log = structlog.get_logger(__name__)


async def draft_plan(ctx: Context, job: work.DraftPlan, cause: Cause) -> None:
    """Fetch a plan's document and make the draft; what cannot be drafted says why."""
    resources: Resources = ctx.resources
    try:
        async with ctx.unit_of_work(cause) as uow:
            wanted = await drafting.collect(uow, job.plan_id)
        if wanted is None or wanted.plan.plan is None:
            return
        raw = await ctx.services.fetch_blob(wanted.plan.plan)
        document = await asyncio.to_thread(PlanDocument.parse, raw)
        draft = await asyncio.to_thread(
            drafting.render, resources, wanted, document, now=ctx.clock.now()
        )
    except DomainError as error:
        async with ctx.unit_of_work(cause) as uow:
            await drafting.refuse(uow, job.plan_id, error.detail)
        return
    async with ctx.unit_of_work(cause) as uow:
        await drafting.record(uow, wanted, draft)


async def send_submission(ctx: Context, job: work.SendSubmission, cause: Cause) -> None:
    """Send what was approved: intent, gate, act, outcome."""
    async with ctx.unit_of_work(cause) as uow:
        attempt = await send.begin(uow, job.submission_id)
    if attempt is None:
        return
    recorder = Recorder(ctx.wall.now)
    limit_s = ctx.settings.lease_s * 2 / 3
    try:
        async with asyncio.timeout(limit_s):
            outcome = await _attempt(ctx, attempt, recorder, cause)
    except TimeoutError:
        outcome = await _after_timeout(ctx, attempt, limit_s)
    async with ctx.unit_of_work(cause) as uow:
        await send.conclude(uow, attempt, outcome, recorder.exchanges)


async def _attempt(
    ctx: Context, attempt: send.Attempt, recorder: Recorder, cause: Cause
) -> send.SendOutcome:
    resources: Resources = ctx.resources
    try:
        async with resources.queue_client(attempt.facility, attempt.mode) as client:
            gate = await _identify(ctx, attempt, client, recorder, cause)
            result = await client.send(
                attempt.external_name, attempt.payload, before_act=gate, recorder=recorder
            )
            if result.state is SendState.REJECTED:
                return send.SendOutcome(send.Outcome.REJECTED, result.detail, state=result.state)
            return await _verify_sent(ctx, attempt, client, result, recorder)
    except send.HeldBackError as error:
        return send.SendOutcome(send.Outcome.HELD_BACK, error.answer.reason, held_back=error.answer)
    except NotSentError as error:
        return send.SendOutcome(send.Outcome.NOT_SENT, str(error))
    except UnknownOutcomeError as error:
        return send.SendOutcome(send.Outcome.UNKNOWN, str(error))
    except PermanentError as error:  # no endpoint, unreadable keys: before any connection
        return send.SendOutcome(send.Outcome.NOT_SENT, str(error))


async def _identify(
    ctx: Context, attempt: send.Attempt, client: QueueClient, recorder: Recorder, cause: Cause
) -> Callable[[], Awaitable[None]]:
    """Simulated wants a simulator, live refuses one; gives the gate to be passed last."""
    identity = await client.identify(recorder)
    if identity.is_simulator != (attempt.mode is FacilityMode.SIMULATED):
        text = (
            "the other side is a simulator, the facility is live"
            if identity.is_simulator
            else "the other side does not identify itself as a simulator"
        )
        raise send.HeldBackError(Answer(Ruling.ASK_AGAIN, text, "wrong_world"))
    offset_s: float | None = None
    speed = 1.0
    if identity.clock is not None:
        if attempt.mode is FacilityMode.SIMULATED:
            ours, speed = ctx.clock.now(), ctx.clock.speed
        else:
            ours = ctx.wall.now()
        # the header's seconds are cut: on average half a second is missing
        offset_s = (identity.clock + timedelta(seconds=0.5) - ours).total_seconds()
    tolerance_s = CLOCK_TOLERANCE_S + max(1.0, speed) * (identity.round_trip_s + 0.5)

    async def gate() -> None:
        event = await _ask_ingest(ctx, attempt.event_id)
        async with ctx.unit_of_work(cause) as uow:
            await send.pass_gate(
                uow,
                attempt,
                event=event,
                clock_offset_s=offset_s,
                clock_tolerance_s=tolerance_s,
            )

    return gate


async def _ask_ingest(ctx: Context, event_id: UUID | None) -> EventAnswer | None:
    return None if event_id is None else await ask_ingest(ctx, event_id)


async def ask_ingest(ctx: Context, event_id: UUID) -> EventAnswer | None:
    """What ingest says of an event just now; None if it does not answer."""
    try:
        body = await ctx.services.get_json("ingest", f"/events/{event_id}")
    except (TransientError, NotFoundError, RefusedError, ValueError) as error:
        log.warning("ingest_does_not_answer", reason=str(error)[:200])
        return None
    return EventAnswer.parse(body) if isinstance(body, dict) else None


async def _verify_sent(
    ctx: Context,
    attempt: send.Attempt,
    client: QueueClient,
    result: SendResult,
    recorder: Recorder,
) -> send.SendOutcome:
    """Read back at once; 'submitted' is said only after this agrees."""
    resources: Resources = ctx.resources
    adapter = resources.adapter(attempt.facility)
    state = SendState.DELIVERED if adapter.suffix else SendState.ACCEPTED
    try:
        found = await client.read_back(attempt.external_name, recorder)
    except TransientError as error:
        if result.state is SendState.AMBIGUOUS:
            return send.SendOutcome(send.Outcome.UNKNOWN, str(error))
        return send.SendOutcome(send.Outcome.SENT, f"not read back yet: {error}", state=state)
    if found.presence is Presence.PRESENT and found.content is not None:
        comparison = adapter.compare(
            attempt.payload, found.content, begun=ctx.clock.now() >= attempt.window.begin
        )
        if comparison.agrees:
            return send.SendOutcome(send.Outcome.SENT, state=state, is_verified=True)
        text = f"read back, it differs: {'; '.join(comparison.differences)}"
        return send.SendOutcome(send.Outcome.UNKNOWN, text)
    if result.state is SendState.DELIVERED:
        text = "delivered; the reader has taken it already"
        return send.SendOutcome(send.Outcome.SENT, text, state=state, is_verified=True)
    return send.SendOutcome(
        send.Outcome.UNKNOWN, f"the facility answered {result.detail!r}, but it is not there"
    )


async def _after_timeout(ctx: Context, attempt: send.Attempt, limit_s: float) -> send.SendOutcome:
    """The attempt was cut off: what it had begun is on record."""
    async with ctx.unit_of_work() as uow:
        record = await uow.session.get(AttemptRow, attempt.attempt_id)
        acted = record is None or record.stage == Stage.ACTING.value
    text = f"no answer within {limit_s:.0f} s"
    return send.SendOutcome(send.Outcome.UNKNOWN if acted else send.Outcome.NOT_SENT, text)


@dataclass(frozen=True)
class _Leased:
    """An attempt of another kind than sending, under its lease."""

    row: SubmissionRow
    attempt_id: UUID
    fencing: int


async def _begin(
    ctx: Context, submission_id: UUID, kind: str, states: frozenset[S], cause: Cause
) -> _Leased | None:
    async with ctx.unit_of_work(cause) as uow:
        row = await store.submission(uow.session, submission_id, lock=True)
        if S(row.state) not in states:
            return None
        fencing = await leases.acquire(
            uow.session,
            row.facility,
            holder=ctx.resources.holder,
            wall_now=ctx.wall.now(),
            lease_s=ctx.settings.lease_s,
        )
        if fencing is None:
            row.due_at = uow.now + send.BUSY_RETRY
            uow.wake_due()
            return None
        attempt = AttemptRow(
            attempt_id=uuid7(),
            submission_id=row.submission_id,
            facility=row.facility,
            facility_mode=row.facility_mode,
            kind=kind,
            fencing=fencing,
            stage=Stage.ACTING.value,
            payload_sha256=row.payload_sha256,
            started_at=uow.now,
        )
        uow.session.add(attempt)
        uow.session.expunge(row)
    return _Leased(row, attempt.attempt_id, fencing)


async def _end(
    ctx: Context, leased: _Leased, cause: Cause, recorder: Recorder, outcome: str, detail: str
) -> None:
    async with ctx.unit_of_work(cause) as uow:
        record = await uow.session.get(AttemptRow, leased.attempt_id, with_for_update=True)
        if record is not None and record.ended_at is None:
            record.ended_at = uow.now
            record.outcome, record.detail = outcome, detail[:2000]
        store.add_exchanges(uow.session, leased.attempt_id, recorder.exchanges)
        await leases.release(uow.session, leased.row.facility, leased.fencing)


async def reconcile_submission(ctx: Context, job: work.ReconcileSubmission, cause: Cause) -> None:
    """Read back what is unknown, and decide."""
    leased = await _begin(ctx, job.submission_id, "reconcile", frozenset({S.UNKNOWN}), cause)
    if leased is None:
        return
    recorder = Recorder(ctx.wall.now)
    try:
        async with asyncio.timeout(ctx.settings.lease_s * 2 / 3):
            evidence = await _look(ctx, leased.row, recorder)
    except (TransientError, TimeoutError, PermanentError) as error:
        await _end(ctx, leased, cause, recorder, "no answer", str(error) or "no answer in time")
        async with ctx.unit_of_work(cause) as uow:
            await reconcile.unreachable(uow, job.submission_id, str(error))
        return
    await _end(ctx, leased, cause, recorder, evidence.found.presence.value, evidence.found.detail)
    async with ctx.unit_of_work(cause) as uow:
        await reconcile.decide(uow, job.submission_id, evidence)


async def withdraw_submission(ctx: Context, job: work.WithdrawSubmission, cause: Cause) -> None:
    """Take a payload back, and see that it is gone."""
    states = frozenset({S.CANCEL_REQUESTED, S.CANCEL_FAILED})
    leased = await _begin(ctx, job.submission_id, "withdraw", states, cause)
    if leased is None:
        return
    row, recorder = leased.row, Recorder(ctx.wall.now)
    resources: Resources = ctx.resources
    is_file = bool(resources.adapter(row.facility).suffix)
    try:
        async with (
            asyncio.timeout(ctx.settings.lease_s * 2 / 3),
            resources.queue_client(row.facility, FacilityMode(row.facility_mode)) as client,
        ):
            reason = row.cancel_reason or "withdrawn"
            found = await client.withdraw(
                row.external_name, reason, recorder, leave_notice=row.cancel_notice_at is None
            )
            report = None
            if is_file and not found.removed:
                report = await resources.report_state(
                    row.facility, FacilityMode(row.facility_mode), row.external_name
                )
    except (TransientError, TimeoutError, PermanentError) as error:
        text = str(error) or "no answer in time"
        await _end(ctx, leased, cause, recorder, "no answer", text)
        async with ctx.unit_of_work(cause) as uow:
            await withdraw.failed(uow, job.submission_id, text)
        return
    await _end(ctx, leased, cause, recorder, "gone" if found.gone else "still there", found.detail)
    async with ctx.unit_of_work(cause) as uow:
        await withdraw.record(uow, job.submission_id, found, is_file=is_file, report_state=report)


async def watch_submission(ctx: Context, job: work.WatchSubmission, cause: Cause) -> None:
    """Look whether it is still there, and read what was observed."""
    async with ctx.unit_of_work(cause) as uow:
        row = await store.submission(uow.session, job.submission_id)
        uow.session.expunge(row)
    if S(row.state) not in WITH_PROGRESS:
        return
    if S(row.state) in READ_BACK and ctx.clock.now() <= row.window_end:
        recorder = Recorder(ctx.wall.now)
        try:
            async with asyncio.timeout(ctx.settings.lease_s * 2 / 3):
                evidence = await _look(ctx, row, recorder)
        except (TransientError, TimeoutError, PermanentError) as error:
            async with ctx.unit_of_work(cause) as uow:
                await switches.record_contact(uow, row.facility, str(error) or "no answer")
        else:
            async with ctx.unit_of_work(cause) as uow:
                await switches.record_contact(uow, row.facility, None)
                await watch.record_look(uow, row.submission_id, evidence)
    await _read_progress(ctx, row, cause)


async def _read_progress(ctx: Context, row: SubmissionRow, cause: Cause) -> None:
    resources: Resources = ctx.resources
    mode = FacilityMode(row.facility_mode)
    adapter = resources.adapter(row.facility)
    window = observing_window(
        Window(row.window_begin, row.window_end),
        keeps_window=adapter.keeps_window,
        sent_at=row.sent_at,
    )
    if mode is FacilityMode.OFF or ctx.clock.now() < window.begin:
        return
    rows = adapter.rows(row.payload)
    executed, problems = await resources.executed(
        row.facility, mode, rows=rows, window=window, external_name=row.external_name
    )
    progress = match(rows, window, executed)
    async with ctx.unit_of_work(cause) as uow:
        await watch.record_progress(uow, row.submission_id, progress, problems)


async def _look(ctx: Context, row: SubmissionRow, recorder: Recorder) -> reconcile.Evidence:
    resources: Resources = ctx.resources
    adapter = resources.adapter(row.facility)
    mode = FacilityMode(row.facility_mode)
    comparison, count, report = None, None, None
    async with resources.queue_client(row.facility, mode) as client:
        try:
            found = await client.read_back(row.external_name, recorder)
        except NotSentError as error:
            raise TransientError(str(error)) from error
        if found.presence is Presence.PRESENT and found.content is not None:
            comparison = adapter.compare(
                row.payload, found.content, begun=ctx.clock.now() >= row.window_begin
            )
        elif found.presence is Presence.GONE:
            history = await client.history(row.window_begin, recorder)
            if history is not None:
                count = history_count(
                    history,
                    adapter.rows(row.payload),
                    subprogram=_subprogram(row.payload),
                    begin=row.window_begin,
                    end=row.window_end,
                )
    if found.presence is Presence.GONE and adapter.suffix:
        report = await resources.report_state(row.facility, mode, row.external_name)
    return reconcile.Evidence(
        found, comparison, count, is_file=bool(adapter.suffix), report_state=report
    )


def _subprogram(payload: bytes) -> str:
    targets = json.loads(payload).get("targets") or [{}]
    return str(targets[0].get("subprogram_name", ""))

"""The bus end to end on a real PostgreSQL and a real Kafka: outbox, inbox, parking, jobs, due."""

import asyncio
from datetime import timedelta
from typing import ClassVar
from uuid import uuid4

import pytest
import sqlalchemy as sa
from too_common.bus.handling import subscribe
from too_common.cause import Cause
from too_common.contracts.circulars import DraftChanged, DraftState
from too_common.contracts.ingest import StreamChanged, StreamState
from too_common.db import UtcDateTime, service_metadata
from too_common.due import DueWork
from too_common.errors import TransientError
from too_common.jobs import JobPayload
from too_common.service import ServiceDefinition, job_type
from too_common.settings import ServiceSettings, service_config
from too_common.testing.service import eventually

METADATA = service_metadata("circulars")
SEEN = sa.Table(
    "seen",
    METADATA,
    sa.Column("n", sa.Integer, sa.Identity(), primary_key=True),
    sa.Column("stream", sa.Text),
    sa.Column("reason", sa.Text),
)
TIMERS = sa.Table(
    "timers",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("due_at", UtcDateTime()),
    sa.Column("done_at", UtcDateTime()),
)


class Settings(ServiceSettings):
    model_config = service_config("circulars")


class Work(JobPayload):
    TYPE: ClassVar[str] = "work"
    word: str
    fail_times: int = 0


STATE = {"transient": 0, "poison": True, "attempts": 0, "done": []}


async def on_stream(uow, event):
    if event.data.reason == "poison" and STATE["poison"]:
        raise ValueError("cannot be handled")
    if event.data.reason == "transient" and STATE["transient"] < 2:
        STATE["transient"] += 1
        raise TransientError("away")
    await uow.session.execute(
        sa.insert(SEEN).values(stream=event.data.stream, reason=event.data.reason)
    )
    uow.publish(
        DraftChanged(
            draft_id=uuid4(),
            event_id=uuid4(),
            version=1,
            subject=event.data.reason,
            derived_event=None,
            state=DraftState.DRAFT,
        ),
        key=event.key,
        revision=event.revision,
    )
    if event.data.reason == "job":
        await uow.enqueue(Work(word="done"))


async def work(ctx, job, cause):
    STATE["attempts"] += 1
    if STATE["attempts"] <= job.fail_times:
        raise TransientError("try again")
    if job.word == "hold":
        STATE["holding"] = True
        await STATE["hold"].wait()
    if job.word == "bad":
        raise ValueError("never works")
    STATE["done"].append((job.word, cause))


async def ring(uow):
    if STATE.get("broken"):
        raise ValueError("cannot ring")
    row = (
        await uow.session.execute(
            sa.select(TIMERS)
            .where(TIMERS.c.done_at.is_(None))
            .order_by(TIMERS.c.due_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
    ).first()
    if row is None or row.due_at > uow.now:
        return row.due_at if row else None
    await uow.session.execute(
        sa.update(TIMERS).where(TIMERS.c.id == row.id).values(done_at=uow.now)
    )
    return uow.now


class ProbeDefinition(ServiceDefinition):
    @property
    def migrations(self):
        from pathlib import Path

        return Path(__file__).parent / "probe" / "migrations"


PROBE = ProbeDefinition(
    name="circulars",
    settings=Settings,
    metadata=METADATA,
    subscriptions=(subscribe(StreamChanged, on_stream),),
    jobs=(job_type(Work, work),),
    due=(DueWork("ring", ring),),
)


@pytest.fixture(autouse=True)
def _fresh():
    STATE.update(transient=0, poison=True, attempts=0, done=[])


def stream(house, reason, key="k1"):
    return StreamChanged(
        stream=key, state=StreamState.ALIVE, since=house.clock.now(), reason=reason
    )


async def rows(svc, table=SEEN):
    async with svc.ctx.unit_of_work() as uow:
        return [tuple(r) for r in (await uow.session.execute(sa.select(table))).all()]


async def reasons(svc):
    return [r[2] for r in await rows(svc)]


async def test_message_is_handled_once_and_answer_published(house):
    async with house.run(PROBE, workers=0) as svc:
        sent = await house.publish(stream(house, "first"), key="k1")
        answer = await house.expect(DraftChanged, lambda d: d.subject == "first")
        assert answer.correlation_id == sent.correlation_id
        assert answer.causation_id == sent.id
        await house.produce(
            f"{house.prefix}too.ingest.events.v1", b"k1", sent.model_dump_json().encode()
        )
        await house.publish(stream(house, "second"), key="k1")
        await eventually(lambda: _has(svc, "second"))
        assert await reasons(svc) == ["first", "second"]


async def _has(svc, reason):
    return reason in await reasons(svc)


async def test_transient_failure_is_retried_and_order_kept(house):
    async with house.run(PROBE, workers=0) as svc:
        await house.publish(stream(house, "transient"), key="k1")
        await house.publish(stream(house, "after"), key="k1")
        await eventually(lambda: _has(svc, "after"))
        assert await reasons(svc) == ["transient", "after"]


async def test_poison_is_parked_with_alarm_and_overrides_pass(house):
    async with house.run(PROBE, workers=0) as svc:
        await house.publish(stream(house, "poison"), key="k1")
        await house.publish(stream(house, "behind"), key="k1")
        await house.publish(stream(house, "retracted"), key="k1", overrides=True)
        await house.publish(stream(house, "other key"), key="k2")
        await eventually(lambda: _has(svc, "retracted"))
        await eventually(lambda: _has(svc, "other key"))
        assert "behind" not in await reasons(svc)
        handler = svc.ctx.state["handler"]
        parked = await eventually(lambda: _parked(svc, 2))
        STATE["poison"] = False
        assert await handler.replay(parked[0]) == 2
        assert sorted(await reasons(svc)) == ["behind", "other key", "poison", "retracted"]
        assert await _alarm_states(svc) == ["cleared"]


async def _parked(svc, count):
    table = METADATA.tables["circulars.parked"]
    async with svc.ctx.unit_of_work() as uow:
        found = (
            (await uow.session.execute(sa.select(table.c.id).order_by(table.c.seq))).scalars().all()
        )
    return found if len(found) == count else None


async def _alarm_states(svc):
    table = METADATA.tables["circulars.alarms"]
    async with svc.ctx.unit_of_work() as uow:
        return list((await uow.session.execute(sa.select(table.c.state))).scalars())


async def test_unreadable_bytes_are_parked(house):
    async with house.run(PROBE, workers=0) as svc:
        await house.produce(f"{house.prefix}too.ingest.events.v1", b"k9", b"{not json")
        await eventually(lambda: _parked(svc, 1))
        await house.publish(stream(house, "goes on"), key="k1")
        await eventually(lambda: _has(svc, "goes on"))


async def test_job_runs_after_commit_with_cause_and_retries(house):
    async with house.run(PROBE, workers=0) as svc:
        sent = await house.publish(stream(house, "job"), key="k1")
        await eventually(lambda: STATE["done"], what="job")
        word, cause = STATE["done"][0]
        assert word == "done"
        assert cause.correlation_id == sent.correlation_id
        STATE.update(attempts=0, done=[])
        async with svc.ctx.unit_of_work() as uow:
            await uow.enqueue(Work(word="again", fail_times=1))
        await eventually(lambda: STATE["done"], what="retried job")
        assert STATE["attempts"] == 2


async def test_rolled_back_unit_leaves_nothing(house):
    async with house.run(PROBE, workers=0) as svc:
        with pytest.raises(ValueError, match="boom"):
            await _fail_midway(svc)
        async with svc.ctx.unit_of_work() as uow:
            await uow.enqueue(Work(word="marker"))
        await eventually(lambda: STATE["done"])
        assert [word for word, _ in STATE["done"]] == ["marker"]
        assert await rows(svc) == []


async def _fail_midway(svc):
    async with svc.ctx.unit_of_work() as uow:
        await uow.enqueue(Work(word="never"))
        await uow.session.execute(sa.insert(SEEN).values(stream="x", reason="never"))
        raise ValueError("boom")


async def test_failed_job_is_held_with_an_alarm(house):
    async with house.run(PROBE, workers=0) as svc:
        async with svc.ctx.unit_of_work(Cause()) as uow:
            await uow.enqueue(Work(word="bad"))

        async def raised():
            return "raised" in await _alarm_states(svc)

        await eventually(raised, what="alarm")


async def test_due_work_follows_the_stack_clock(house):
    async with house.run(PROBE, workers=0) as svc:
        due = house.clock.now() + timedelta(hours=2)
        async with svc.ctx.unit_of_work() as uow:
            await uow.session.execute(sa.insert(TIMERS).values(id=1, due_at=due))
            uow.wake_due()
        assert (await rows(svc, TIMERS))[0][2] is None
        house.clock.advance(hours=2, seconds=1)

        async def rung():
            return (await rows(svc, TIMERS))[0][2] is not None

        await eventually(rung, what="timer")


async def test_a_waiting_job_absorbs_its_like_and_a_running_one_does_not(house):
    async with house.run(PROBE, workers=0) as svc:
        for _ in range(3):
            async with svc.ctx.unit_of_work() as uow:
                await uow.enqueue(Work(word="once"), delay_s=0.4, dedupe_key="a")
        await eventually(lambda: STATE["done"])
        async with svc.ctx.unit_of_work() as uow:
            await uow.enqueue(Work(word="last"), delay_s=0.2, dedupe_key="b")
        await eventually(lambda: len(STATE["done"]) == 2)
        assert [word for word, _ in STATE["done"]] == ["once", "last"]
        # while a job runs, news must bring about another run
        STATE["hold"] = asyncio.Event()
        async with svc.ctx.unit_of_work() as uow:
            await uow.enqueue(Work(word="hold"), dedupe_key="c")
        await eventually(lambda: STATE.get("holding"))
        async with svc.ctx.unit_of_work() as uow:
            await uow.enqueue(Work(word="news"), dedupe_key="c")
        await eventually(lambda: "news" in [word for word, _ in STATE["done"]])
        STATE["hold"].set()
        await eventually(lambda: "hold" in [word for word, _ in STATE["done"]])


async def test_due_work_that_fails_is_told_and_cleared_when_it_works_again(house):
    async with house.run(PROBE, workers=0) as svc:
        STATE["broken"] = True
        try:

            async def told():
                return await _alarm_states(svc) == ["raised"]

            await eventually(told, what="alarm")
        finally:
            STATE["broken"] = False

        async def cleared():
            return await _alarm_states(svc) == ["cleared"]

        await eventually(cleared, what="cleared alarm")

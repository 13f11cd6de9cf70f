"""A batch leaves the same behind as its messages one by one, whatever is in it."""

import random
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text
from too_common.cause import Cause
from too_common.contracts.base import Mode
from too_common.testing.service import House
from too_ingest import intake
from too_ingest.samples import make_sample
from too_ingest.service import SERVICE
from too_ingest.tables import Event, EventId, Localization, Notice, RawNotice
from too_ingest.usecases.store_notice import Incoming

POISON = b"<oops"


def messages_of(house: House, seed: int) -> list[Incoming]:
    """Notices of several bursts, some twice, some on another topic too, poison among them."""
    rng = random.Random(seed)
    found = []
    for number, kind in enumerate(("gbm", "icecube", "retracted", "bns")):
        for serial in range(3):
            when = house.clock.now() - timedelta(hours=7 * serial + number)
            found += [
                Incoming(body=message.body, topic=message.topic, source="kafka")
                for message in make_sample(kind, when, 10 * number + serial)
            ]
    found += rng.sample(found, 6)
    found += [Incoming(body=one.body, topic="", source="kafka") for one in rng.sample(found, 3)]
    found.append(Incoming(body=POISON, topic="igwn.gwalert", source="kafka"))
    rng.shuffle(found)
    return found


async def take_in(ctx, messages: list[Incoming], size: int) -> UUID:
    drill_id = uuid4()
    for begin in range(0, len(messages), size):
        part = messages[begin : begin + size]
        causes = [(one, Cause(mode=Mode.DRILL, drill_id=drill_id)) for one in part]
        stored = await intake.store_batch(ctx, causes)
        unread = [
            intake.Unread(kept.raw_id, one.topic, one.body)
            for kept, one in zip(stored, part, strict=True)
        ]
        await intake.read_batch(ctx, unread)
    return drill_id


OWN = {"event_id", "notice_id", "name"}


async def left_behind(ctx, drill_id: UUID):
    """Everything but ids that are made up anew each time."""
    key = str(drill_id)
    async with ctx.unit_of_work() as uow:
        run = uow.session.execute
        events = (await run(select(Event).where(Event.drill_key == key))).scalars().all()
        states = []
        for event in events:
            state = {k: v for k, v in event.state.items() if k not in OWN}
            mine = (await run(select(Notice).where(Notice.event_id == event.id))).scalars().all()
            maps = await run(
                select(Localization.origin, Localization.rank, Localization.cone).where(
                    Localization.event_id == event.id
                )
            )
            states.append(
                (
                    state | {"ids": sorted(state["ids"], key=str)},
                    event.revision,
                    event.is_review_due,
                    event.name.rpartition(" drill ")[0],
                    sorted((n.content_sha256, n.is_stale, n.stream or "") for n in mine),
                    sorted(map(str, maps.all())),
                )
            )
        ids = await run(
            select(EventId.mission, EventId.native_id, EventId.is_primary).where(
                EventId.drill_key == key
            )
        )
        raws = await run(
            select(RawNotice.state, func.count())
            .where(RawNotice.drill_key == key)
            .group_by(RawNotice.state)
        )
        told = await run(
            text(
                "SELECT count(*) FROM ingest.outbox WHERE type = 'ingest.event_changed' "
                "AND payload LIKE '%' || :key || '%'"
            ).bindparams(key=key.encode())
        )
        return (
            sorted(states, key=str),
            sorted(ids.all()),
            dict(raws.all()),
            told.scalar_one(),
        )


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_batch_is_the_same_as_its_messages_one_by_one(house: House, seed):
    runtime = await house.runtime(SERVICE, workers=0)
    await runtime._start_context()
    try:
        messages = messages_of(house, seed)
        alone = await take_in(runtime.ctx, messages, 1)
        whole = await take_in(runtime.ctx, messages, len(messages))
        pieces = await take_in(runtime.ctx, messages, 7)
        expected = await left_behind(runtime.ctx, alone)
        assert len(expected[0]) == 12
        assert expected[2]["dead"] == 1
        assert await left_behind(runtime.ctx, whole) == expected
        assert await left_behind(runtime.ctx, pieces) == expected
    finally:
        await runtime._stack.aclose()


async def test_a_fault_of_ours_spoils_one_message_and_not_its_batch(house: House, monkeypatch):
    from too_ingest.usecases import accept_batch

    runtime = await house.runtime(SERVICE, workers=0)
    await runtime._start_context()
    real = accept_batch.candidates

    def faulty(notice):
        if notice.mission == "icecube":
            raise ZeroDivisionError("a fault of ours")
        return real(notice)

    monkeypatch.setattr(accept_batch, "candidates", faulty)
    from too_ingest.usecases import read_notice

    monkeypatch.setattr(read_notice, "candidates", faulty)
    try:
        messages = messages_of(house, 4)
        drill_id = await take_in(runtime.ctx, messages, len(messages))
        states, _ids, raws, _told = await left_behind(runtime.ctx, drill_id)
        assert len(states) == 9  # the three neutrinos are missing
        assert raws["dead"] >= 1 + 6
        assert raws.get("received", 0) == 0
    finally:
        await runtime._stack.aclose()

"""The relay: to a broker that it does not know, what was kept is published again."""

import sqlalchemy as sa
from too_common.bus.client import make_consumer, stop_quietly
from too_common.contracts.alarms import ALARM_BY_SERVICE
from too_common.contracts.base import parse_envelope, topic_of
from too_common.service import load_service
from too_common.testing.service import eventually

CIRCULARS = load_service("circulars")


async def waiting(service):
    table = CIRCULARS.metadata.tables["circulars.outbox"]
    async with service.ctx.unit_of_work() as uow:
        return await uow.session.scalar(
            sa.select(sa.func.count()).where(table.c.published_at.is_(None))
        )


async def published(house):
    consumer = make_consumer(house.kafka_bootstrap, group=f"{house.prefix}count")
    await consumer.start()
    consumer.subscribe([f"{house.prefix}{topic_of('circulars')}"])
    found = []
    try:

        async def both():
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found.extend(parse_envelope(record.value) for record in records)
            return len(found) >= 4

        await eventually(both, what="both messages, twice")
    finally:
        await stop_quietly(consumer)
    return found


async def test_an_unknown_cluster_gets_everything_again_in_order(house):
    alarm = ALARM_BY_SERVICE["circulars"]
    async with house.run(CIRCULARS) as service:
        for name in ("first", "second"):
            async with service.ctx.unit_of_work() as uow:
                await uow.alarm(alarm_id="same", code="x", summary=name)
        await house.expect(alarm, lambda item: item.summary == "second")

        async def all_gone():
            return await waiting(service) == 0

        await eventually(all_gone, what="empty outbox")
        async with service.ctx.unit_of_work() as uow:
            await uow.session.execute(
                sa.text("UPDATE circulars.relay_state SET cluster_id = 'another'")
            )
    async with house.run(CIRCULARS):
        messages = await published(house)
    assert [item.data.summary for item in messages] == ["first", "second", "first", "second"]
    assert [item.id for item in messages[:2]] == [item.id for item in messages[2:]]

"""Alarms while the broker is away: carried to notify over HTTP, once each."""

from dataclasses import dataclass, field

import pytest
from too_common.bus import courier
from too_common.bus.courier import AlarmCourier
from too_common.service import load_service


@dataclass
class FakeNotify:
    """Stands in for the HTTP call to notify."""

    told: list = field(default_factory=list)

    async def request(self, method, service, path, *, json):
        assert (method, service, path) == ("POST", "notify", "/alarms")
        self.told.append(json)


@pytest.fixture
async def circulars(house):
    house.kafka_bootstrap = "127.0.0.1:9"  # nobody answers there
    async with house.run(load_service("circulars")) as service:
        service.ctx.services = FakeNotify()
        yield service


async def raise_alarm(ctx):
    async with ctx.unit_of_work() as uow:
        await uow.alarm(alarm_id="x", code="x", summary="something is wrong", severity="critical")


async def test_an_alarm_is_carried_once_after_the_broker_was_away_for_a_while(circulars):
    ctx = circulars.ctx
    await raise_alarm(ctx)
    carrier = AlarmCourier(ctx)
    await carrier.broker_failed(100.0)
    assert ctx.services.told == []
    for later in (1.0, 2.0):
        await carrier.broker_failed(100.0 + courier.AWAY_S + later)
    assert [item["summary"] for item in ctx.services.told] == ["something is wrong"]


async def test_a_short_absence_wakes_nobody(circulars):
    ctx = circulars.ctx
    await raise_alarm(ctx)
    carrier = AlarmCourier(ctx)
    await carrier.broker_failed(100.0)
    await carrier.broker_answers()
    await carrier.broker_failed(101.0 + courier.AWAY_S)
    assert ctx.services.told == []


async def test_the_watchman_tells_that_the_broker_is_away(house):
    house.kafka_bootstrap = "127.0.0.1:9"
    async with house.run(load_service("ingest"), gcn_bootstrap_servers="127.0.0.1:9") as service:
        service.ctx.services = FakeNotify()
        carrier = AlarmCourier(service.ctx)
        await carrier.broker_failed(0.0)
        await carrier.broker_failed(courier.AWAY_S + 1.0)
        assert [item["code"] for item in service.ctx.services.told] == [courier.ALARM_ID]
        await carrier.broker_answers()
        async with service.ctx.unit_of_work() as uow:
            assert await uow.clear_alarm(alarm_id=courier.ALARM_ID) is False, "cleared already"

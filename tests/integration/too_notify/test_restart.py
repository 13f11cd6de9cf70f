"""A process that died in the middle, the first start, and what readers can be rebuilt from."""

from uuid import uuid4

import pytest
from too_common.contracts.vetting_api import AccountChanged
from too_common.db.migrate import differences, service_url
from too_common.testing.service import ROLE_PASSWORD
from too_notify.incident import new_opaque_id
from too_notify.messages import SendDelivery
from too_notify.service import SERVICE
from too_notify.tables import DeliveryRow

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_killed_between_call_and_record_sends_nothing_twice(stage):
    ann = await stage.person("Ann")
    ctx = stage.service.ctx
    rows = {}
    for channel in ("sms", "voice"):
        async with ctx.unit_of_work() as uow:
            row = DeliveryRow(
                opaque_id=new_opaque_id(),
                account_id=ann.account_id,
                name="Ann",
                channel=channel,
                purpose="test",
                subject="",
                body="TEST of a process that dies",
                mode="live",
                state="sending",
                state_at=uow.now,
                planned_at=uow.now,
                begun_at=uow.now,
                attempt=1,
            )
            uow.session.add(row)
        rows[channel] = row
    twilio = ctx.resources.twilio
    # the provider took both, and then the process was gone
    sms = await twilio.send_sms(ann.phone, rows["sms"].body, rows["sms"].opaque_id)
    call = await twilio.call(
        ann.phone, twilio.page_twiml("TEST", rows["voice"].opaque_id), rows["voice"].opaque_id
    )
    async with ctx.unit_of_work() as uow:
        for row in rows.values():
            await uow.enqueue(SendDelivery(delivery_id=row.id))
    await stage.until(
        lambda: stage.sql(
            "select 1 from notify.deliveries where purpose = 'test' having count(sid) = 2"
        ),
        "found again",
    )
    await stage.quiet()
    assert len(stage.texts(ann)) == 1
    assert len(stage.calls(ann)) == 1
    found = await stage.sql("select channel, sid from notify.deliveries where purpose = 'test'")
    assert dict(list(map(tuple, found))) == {"sms": sms.reference, "voice": call.reference}


async def test_killed_before_the_call_sends_it(stage):
    ann = await stage.person("Ann")
    async with stage.service.ctx.unit_of_work() as uow:
        row = DeliveryRow(
            opaque_id=new_opaque_id(),
            account_id=ann.account_id,
            name="Ann",
            channel="sms",
            purpose="test",
            subject="",
            body="TEST of a process that dies early",
            mode="live",
            state="sending",
            state_at=uow.now,
            planned_at=uow.now,
            begun_at=uow.now,
            attempt=1,
        )
        uow.session.add(row)
        await uow.session.flush()
        await uow.enqueue(SendDelivery(delivery_id=row.id))
    await stage.until(lambda: stage.texts(ann), "sent")
    await stage.quiet()
    assert len(stage.texts(ann)) == 1


async def test_steps_survive_a_restart_and_are_not_repeated(stage):
    ann, ben = [await stage.person(name) for name in ("Ann", "Ben")]
    for person in (ann, ben):
        stage.phone(person).behaviour.on_call = "machine"
    event_id = await stage.event()
    await stage.incident(event_id, "triggered")
    await stage.quiet()
    async with stage.another_process():
        # two processes work off the same rows, each row once
        await stage.advance(130)
        await stage.until(lambda: len(stage.calls(ann)) == 2, "called again")
        await stage.advance(120)
        await stage.until(lambda: len(stage.calls(ben)) == 1, "the next is called")
        await stage.quiet()
    assert (len(stage.calls(ann)), len(stage.calls(ben))) == (2, 1)
    assert (len(stage.texts(ann)), len(stage.texts(ben))) == (1, 1)


async def test_first_start_gives_the_first_account_a_telephone_that_rings(local_stage):
    account_id = uuid4()
    await local_stage.house.publish(
        AccountChanged(
            account_id=account_id, username="demo", name="Demo", scopes=("read", "admin")
        ),
        key=f"account:{account_id}",
    )
    await local_stage.until(
        lambda: local_stage.sql("select 1 from notify.duty where account_ids <> '[]'::jsonb"),
        "on duty",
    )
    event_id = await local_stage.event()
    await local_stage.incident(event_id, "triggered")
    state = local_stage.sims.world.telephones.state
    await local_stage.until(lambda: state.calls and state.messages, "called and texted")
    assert {call.to for call in state.calls.values()} == {"+15555550100"}


async def test_snapshot_and_migrations_are_complete(stage):
    await stage.person("Ann")
    event_id = await stage.event()
    await stage.incident(event_id, "triggered")
    await stage.quiet()
    answer = (await stage.client.get("/snapshot")).json()
    types = [item["type"] for item in answer["items"]]
    assert types.count("notify.decision_changed") == 4
    assert types.count("notify.incident_changed") == 1
    assert types.count("notify.duty_changed") == 1
    assert "+1555" not in (await stage.client.get("/snapshot")).text
    url = service_url(stage.house.admin_database_url, "notify", ROLE_PASSWORD)
    assert await differences(url, service="notify", metadata=SERVICE.metadata) == []


async def test_openapi_describes_every_route(stage):
    answer = await stage.client.get("/openapi.json")
    paths = answer.json()["paths"]
    for path in ("programs", "incidents/{incident_id}/ack", "contact-cards/me", "rota", "duty"):
        assert f"/api/notify/v1/{path}" in paths
    assert not any("webhooks" in path for path in paths)

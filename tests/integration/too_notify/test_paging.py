"""From an alert to a page, through real Kafka, PostgreSQL and Twilio's wire format."""

import pytest
from too_common.cause import Cause
from too_common.contracts.base import Mode
from too_common.contracts.notify import DecisionChanged, IncidentChanged, IncidentState, Verdict
from too_simulators.core.faults import FaultKind

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_alert_pages_and_a_key_acknowledges(stage):
    ann = await stage.person("Ann")
    event_id = await stage.event()
    sha256 = await stage.localization(event_id)
    await stage.incident(event_id, "triggered")
    await stage.quiet()

    assert len(stage.texts(ann, "ACK ")) == 1
    await stage.until(lambda: stage.calls(ann), "the telephone is called")
    await stage.advance(3)
    call = stage.calls(ann)[0]
    assert call.status.value == "ringing"
    stage.sims.world.telephones.answer(ann.phone, stage.sims.clock.now())
    stage.sims.world.telephones.press(ann.phone, "1", stage.sims.clock.now())
    await stage.sims.settle()

    taken = await stage.incident(event_id, "acknowledged")
    assert taken["acknowledged_by"] == str(ann.account_id)
    assert taken["acknowledged_via"] == "voice"
    assert any("You have" in words for words in stage.calls(ann)[0].heard)
    await stage.advance(40)
    done = await stage.incident(event_id, "acknowledged")
    states = {one["channel"]: one["state"] for one in done["deliveries"] if one["account_id"]}
    assert states == {"voice": "completed", "sms": "delivered"}
    await stage.advance(1000)
    assert len(stage.calls(ann)) == 1

    event = await stage.house.expect(
        DecisionChanged,
        lambda data: data.map_sha256 == sha256 and data.program_name.startswith("Close"),
    )
    assert event.data.verdict is Verdict.WANTED
    assert event.data.planning.max_fields == 20
    assert event.key == str(event_id)


async def test_unanswered_page_climbs_to_everybody_and_the_list(stage):
    ann, ben, cat = [await stage.person(name) for name in ("Ann", "Ben", "Cat")]
    rota = {"version": 0, "entries": [{"account_id": str(one.account_id)} for one in (ann, ben)]}
    assert (await stage.client.put("/rota", json=rota)).status_code == 200
    for person in (ann, ben, cat):
        # picks up by voicemail: no failure, and no answer either
        stage.phone(person).behaviour.on_call = "machine"
    event_id = await stage.event()
    await stage.incident(event_id, "triggered")
    await stage.quiet()
    assert (len(stage.calls(ann)), len(stage.calls(ben)), len(stage.calls(cat))) == (1, 0, 0)

    await stage.advance(121)
    await stage.until(lambda: len(stage.calls(ann)) == 2, "called again")
    await stage.quiet()
    assert not stage.calls(ben)
    await stage.advance(120)
    await stage.until(lambda: len(stage.calls(ben)) == 1, "the next is called")
    await stage.quiet()
    assert len(stage.texts(ben)) == 1
    assert not stage.calls(cat)
    await stage.advance(240)
    await stage.until(lambda: len(stage.calls(cat)) == 1, "everybody is called")
    await stage.quiet()
    assert (len(stage.calls(ann)), len(stage.calls(ben))) == (3, 2)
    await stage.advance(240)
    await stage.until(lambda: stage.told("mail.received"), "mail to the list")
    mail = stage.told("mail.received")[0].data
    assert mail["rcpt_to"] == ["list@example.org"]
    assert mail["subject"].startswith("UNANSWERED")
    alarms = await stage.sql(
        "select alarm_id, state from notify.alarms where code = :code", code="page_unanswered"
    )
    assert [row.state for row in alarms] == ["raised"]

    incident = await stage.incident(event_id, "triggered")
    async with stage.as_person(cat) as client:
        answer = await client.post(f"/incidents/{incident['id']}/ack")
    assert answer.status_code == 200
    alarms = await stage.sql("select state from notify.alarms where code = 'page_unanswered'")
    assert [row.state for row in alarms] == ["cleared"]
    await stage.quiet()
    assert stage.texts(ann, "Cat has acknowledged")
    assert stage.texts(ben, "Cat has acknowledged")
    assert not stage.texts(cat, "has acknowledged")


async def test_busy_telephone_moves_to_the_next_step_at_once(stage):
    ann, ben = [await stage.person(name) for name in ("Ann", "Ben")]
    stage.phone(ann).behaviour.on_call = "busy"
    event_id = await stage.event()
    await stage.incident(event_id, "triggered")
    await stage.quiet()
    for _ in range(4):
        await stage.advance(3)
        await stage.quiet()
    await stage.until(lambda: len(stage.calls(ann)) == 2, "called again at once")
    for _ in range(3):
        await stage.advance(3)
        await stage.quiet()
    await stage.until(lambda: len(stage.calls(ben)) == 1, "then the next")


async def test_stopped_and_wrong_numbers_move_on_and_are_shown(stage):
    ann, ben = [await stage.person(name, channels=["sms"]) for name in ("Ann", "Ben")]
    stage.phone(ann).stopped = True
    stage.phone(ann).behaviour.on_call = "busy"
    event_id = await stage.event()
    await stage.incident(event_id, "triggered")
    await stage.until(lambda: stage.calls(ann), "called instead")
    await stage.advance(3)
    await stage.until(lambda: stage.texts(ben, "ACK "), "the next is texted")
    await stage.quiet()
    duty = (await stage.client.get("/duty")).json()
    assert [one["is_unreachable_by_sms"] for one in duty["everybody"]] == [True, False]
    found = await stage.incident(event_id)
    failed = [one for one in found["deliveries"] if one["state"] == "failed"]
    assert failed[0]["reason"] == "Twilio error 21610"


async def test_repeated_notice_joins_and_pages_nobody_anew(stage):
    ann = await stage.person("Ann")
    far = {"distance": 900.0, "area90": 2000.0}
    event_id = await stage.event()
    await stage.localization(event_id, **far)
    await stage.incident(event_id, "triggered")
    await stage.quiet()
    await stage.event(event_id)
    await stage.localization(event_id, **{**far, "area90": 1500.0})
    await stage.until(lambda: stage.posts("1.5e+03 deg2"), "news in Slack")
    await stage.quiet()
    assert len(stage.texts(ann)) == 1
    assert len(stage.calls(ann)) == 1
    first = stage.posts("code ")[0]
    news = stage.posts("Update:")
    assert news
    assert all(message.thread_ts == first.ts for message in news)


async def test_rising_severity_pages_anew(stage):
    ann = await stage.person("Ann")
    program = {
        "name": "Wake me twice",
        "criteria": {"kind": "quantity", "quantity": "distance_mpc", "below": 200},
        "severity": 2,
    }
    assert (await stage.client.post("/programs", json=program)).status_code == 201
    event_id = await stage.event()
    await stage.incident(event_id, "triggered")
    await stage.quiet()
    assert len(stage.texts(ann)) == 1
    await stage.localization(event_id)
    await stage.until(lambda: len(stage.texts(ann)) == 2, "paged anew")
    found = (await stage.client.get("/incidents", params={"event_id": str(event_id)})).json()
    assert [(one["severity"], one["state"]) for one in found] == [
        (2, "triggered"),
        (1, "resolved"),
    ]


async def test_retraction_resolves_and_stands_down_once(stage):
    ann, ben = [await stage.person(name) for name in ("Ann", "Ben")]
    event_id = await stage.event()
    await stage.localization(event_id)
    await stage.incident(event_id, "triggered")
    await stage.quiet()
    await stage.advance(5)
    await stage.event(event_id, is_retracted=True, overrides=True)
    await stage.incident(event_id, "resolved")
    await stage.quiet()
    assert len(stage.texts(ann, "STAND DOWN")) == 1
    assert not stage.texts(ben)
    assert len(stage.calls(ann)) == 1  # none for the retraction
    await stage.event(event_id, is_retracted=True, overrides=True)
    await stage.advance(1000)
    await stage.quiet()
    assert len(stage.texts(ann, "STAND DOWN")) == 1
    assert not stage.calls(ben)
    told = await stage.house.expect(
        IncidentChanged,
        lambda data: data.event_id == event_id and data.state is IncidentState.RESOLVED,
    )
    assert told.overrides
    assert told.data.resolved_reason == "retracted"
    gone = await stage.house.expect(
        DecisionChanged,
        lambda data: (
            data.event_id == event_id
            and data.verdict is Verdict.NOT_WANTED
            and data.program_name == "Any significant GW"
        ),
    )
    assert gone.overrides


async def test_tests_replays_and_old_notices_page_nobody_but_drills_do(stage):
    ann = await stage.person("Ann")
    await stage.event(is_test=True)
    await stage.event(is_replay=True)
    await stage.event(is_stale=True)
    await stage.event(cause=Cause(mode=Mode.REPLAY))
    drill = await stage.event(cause=Cause(mode=Mode.DRILL))
    found = await stage.incident(drill, "triggered")
    await stage.quiet()
    assert found["mode"] == "drill"
    assert found["title"].startswith("DRILL")
    assert [message.split()[0] for message in stage.texts(ann)] == ["DRILL"]
    incidents = (await stage.client.get("/incidents")).json()
    assert len(incidents) == 1
    drilled = await stage.house.expect(IncidentChanged, lambda data: data.event_id == drill)
    assert drilled.mode is Mode.DRILL


async def test_lost_answer_is_looked_for_and_not_sent_twice(stage):
    ann = await stage.person("Ann", channels=["sms"])
    stage.sims.fault("POST /twilio/*/Messages.json", FaultKind.DROP_REPLY, times=1)
    event_id = await stage.event()
    await stage.incident(event_id)
    await stage.quiet()
    assert len(stage.texts(ann)) == 1
    found = await stage.incident(event_id)
    sms = next(one for one in found["deliveries"] if one["channel"] == "sms")
    assert [one["what"] for one in sms["attempts"]][:2] == ["begun", "unknown"]
    assert "accepted" in [one["what"] for one in sms["attempts"]]


async def test_provider_away_then_back(stage):
    ann = await stage.person("Ann", channels=["sms"])
    stage.sims.fault(
        "POST /twilio/*/Messages.json",
        FaultKind.PROVIDER_ERROR,
        times=1,
        params={"code": 20429, "status": 429},
    )
    event_id = await stage.event()
    await stage.incident(event_id)
    await stage.quiet()
    assert len(stage.texts(ann)) == 1


async def test_callbacks_twice_and_out_of_order(stage):
    ann = await stage.person("Ann")
    stage.sims.fault("callbacks twilio", FaultKind.CALLBACK_OUT_OF_ORDER, times=2)
    stage.sims.fault("callbacks twilio", FaultKind.CALLBACK_TWICE, times=2)
    stage.phone(ann).behaviour.on_call = "answer"
    stage.phone(ann).behaviour.keys = ("1",)
    event_id = await stage.event()
    await stage.incident(event_id)
    await stage.quiet()
    for _ in range(12):
        await stage.advance(5)
    found = await stage.incident(event_id, "acknowledged")
    states = {one["channel"]: one["state"] for one in found["deliveries"] if one["account_id"]}
    assert states == {"voice": "completed", "sms": "delivered"}


async def test_nobody_on_duty_calls_everybody_and_is_an_alarm(stage):
    ann = await stage.person("Ann")
    now = stage.house.clock.now()
    hours = {
        "hours_begin": f"{(now.hour + 12) % 24:02d}:00",
        "hours_end": f"{(now.hour + 13) % 24:02d}:00",
    }
    async with stage.as_person(ann) as client:
        card = {"phone": ann.phone, **hours}
        assert (await client.put("/contact-cards/me", json=card)).status_code == 200
    assert (await stage.client.get("/duty")).json()["on_duty"] == []
    event_id = await stage.event()
    await stage.incident(event_id, "triggered")
    await stage.until(lambda: stage.texts(ann), "everybody is told at once")
    alarms = await stage.sql("select alarm_id, state from notify.alarms where state = 'raised'")
    assert {row.alarm_id for row in alarms} >= {"nobody_on_duty", "nobody_on_duty_soon"}


async def test_cap_on_pages_in_an_hour(stage):
    ann = await stage.person("Ann", channels=["sms"])
    stage.service.ctx.settings.max_pages_per_hour = 2
    for _ in range(3):
        event_id = await stage.event()
        await stage.incident(event_id)
        await stage.quiet()
    assert len(stage.texts(ann)) == 3, "a new event is never silenced"
    await stage.advance(180)

    async def kept_back() -> bool:
        last = await stage.incident(event_id)
        return any("in an hour" in (one["reason"] or "") for one in last["deliveries"])

    await stage.until(kept_back, "what repeats is kept back")
    await stage.quiet()
    assert len(stage.texts(ann)) == 3, "what repeats is"


async def test_without_slack_and_mail_pages_go_out(stage):
    ann = await stage.person("Ann")
    stage.sims.fault("* /slack/*", FaultKind.REFUSE)
    event_id = await stage.event()
    await stage.incident(event_id)
    await stage.until(lambda: stage.texts(ann) and stage.calls(ann), "paged all the same")

"""Acknowledging in every way, handing over, running out; and who may call our webhooks."""

import httpx
import pytest
from too_common.contracts.alarms import ALARM_BY_SERVICE, AlarmState
from too_common.contracts.queue_submit import FacilityMode, SubmissionChanged, SubmissionState
from too_common.ids import uuid7
from too_simulators.paging.outgoing import twilio_signature

pytestmark = pytest.mark.asyncio(loop_scope="module")

USER = {"id": "U0SIMUSER1", "username": "ann", "name": "ann"}


async def send_text(stage, person, body):
    stage.sims.world.telephones.text(person.phone, body, "+15555550199", stage.sims.clock.now())
    await stage.sims.settle()


def submission(stage, event_id, state, **changes):
    now = stage.house.clock.now()
    values = {
        "submission_id": uuid7(),
        "event_id": event_id,
        "plan_id": None,
        "facility": "ZTF",
        "facility_mode": FacilityMode.SIMULATED,
        "state": state,
        "external_name": "ToO_1",
        "payload_sha256": "0" * 64,
        "window_begin": now,
        "window_end": now,
        "exposures_planned": 3,
    }
    return SubmissionChanged(**(values | changes))


async def test_message_button_and_page_acknowledge_and_the_first_wins(stage):
    ann = await stage.person("Ann", slack_user_id="U0SIMUSER1")
    ben = await stage.person("Ben")
    event_id = await stage.event()
    found = await stage.incident(event_id, "triggered")
    await stage.quiet()

    await send_text(stage, ann, "hello")
    await send_text(stage, ann, "ACK XXXX")
    assert (await stage.incident(event_id))["state"] == "triggered"
    assert stage.texts(ann, "Send ACK and the code")
    assert stage.texts(ann, "no open page with the code XXXX")
    await send_text(stage, ann, f"ack {found['code'].lower()}")
    taken = await stage.incident(event_id, "acknowledged")
    assert (taken["acknowledged_name"], taken["acknowledged_via"]) == ("Ann", "sms")
    await stage.quiet()
    assert stage.texts(ann, "You have")

    async with stage.as_person(ben) as client:
        answer = await client.post(f"/incidents/{found['id']}/ack")
        assert answer.status_code == 409
        assert answer.json()["code"] == "incident_taken"
        assert answer.json()["holder"] == str(ann.account_id)
    async with stage.as_person(ben, "read") as client:
        assert (await client.post(f"/incidents/{found['id']}/ack")).status_code == 403

    other = await stage.event()
    await stage.incident(other, "triggered")
    await stage.until(lambda: len(stage.posts("(code ")) == 1, "posted")
    await stage.quiet()
    post = stage.posts("nobody has acknowledged yet") or stage.posts("(code ")
    answer = await stage.sims.world.slack_api.press(
        post[0].channel, post[0].ts, "acknowledge", {**USER, "id": "U0STRANGER"}
    )
    assert answer["status"] == 200
    await stage.until(lambda: stage.told("slack.ephemeral"), "the stranger is told")
    assert (await stage.incident(other))["state"] == "triggered"
    await stage.sims.world.slack_api.press(post[0].channel, post[0].ts, "acknowledge", USER)
    taken = await stage.incident(other, "acknowledged")
    assert taken["acknowledged_via"] == "slack"
    await stage.until(lambda: stage.posts("acknowledged by Ann"), "message edited")
    await stage.until(lambda: not post[0].buttons(), "the button is gone")

    incident_id = taken["id"]
    async with stage.as_person(ann) as client:
        answer = await client.post(f"/incidents/{incident_id}/resolve", json={"reason": "noise"})
        assert answer.json()["resolved_reason"] == "noise"
        answer = await client.post(f"/incidents/{incident_id}/ack")
        assert answer.json()["code"] == "incident_over"
    await stage.event(other)
    await stage.quiet()
    assert len((await stage.client.get("/incidents")).json()) == 2


async def test_handing_over_calls_the_next_at_once(stage):
    ann, ben = [await stage.person(name) for name in ("Ann", "Ben")]
    stage.phone(ann).behaviour.on_call = "answer"
    stage.phone(ann).behaviour.keys = ("9",)
    event_id = await stage.event()
    await stage.incident(event_id, "triggered")
    await stage.quiet()
    for _ in range(6):
        await stage.advance(4)
    await stage.until(lambda: stage.calls(ben), "the next is called")
    await stage.quiet()
    assert len(stage.calls(ann)) == 1
    found = await stage.incident(event_id)
    assert [one["what"] for one in found["log"]].count("handed_over") == 1
    await send_text(stage, ben, f"ACK {found['code']}")
    assert (await stage.incident(event_id, "acknowledged"))["acknowledged_name"] == "Ben"


async def test_acknowledgement_runs_out_unless_something_is_submitted(stage):
    ann = await stage.person("Ann", channels=["sms"])
    events = [await stage.event(), await stage.event()]
    for event_id in events:
        found = await stage.incident(event_id, "triggered")
        async with stage.as_person(ann) as client:
            assert (await client.post(f"/incidents/{found['id']}/ack")).status_code == 200
    await stage.quiet()
    before = len(stage.texts(ann, "Answer ACK"))
    await stage.house.publish(submission(stage, events[0], SubmissionState.ACCEPTED), key=events[0])
    await stage.until(
        lambda: stage.sql(
            "select 1 from notify.incidents where has_submission and ack_runs_out_at is null"
        ),
        "held",
    )
    await stage.advance(1801)
    await stage.incident(events[1], "triggered")
    await stage.quiet()
    assert (await stage.incident(events[0]))["state"] == "acknowledged"
    assert len(stage.texts(ann, "Answer ACK")) == before + 1

    # the retraction of what was submitted is told by a call too, where that is the person's way
    await stage.event(events[0], is_retracted=True, overrides=True)
    await stage.incident(events[0], "resolved")
    await stage.quiet()
    assert len(stage.texts(ann, "STAND DOWN")) == 1


async def test_failed_submission_reaches_the_approver_once(stage):
    ann, ben = [await stage.person(name) for name in ("Ann", "Ben")]
    event_id = await stage.event()
    await stage.incident(event_id, "triggered")
    failed = submission(
        stage,
        event_id,
        SubmissionState.REJECTED,
        reason="the queue is full",
        approved_by=ben.account_id,
    )
    await stage.house.publish(failed, key=event_id, revision=3)
    await stage.until(lambda: stage.texts(ben, "the queue is full"), "told")
    await stage.house.publish(failed, key=event_id, revision=4)
    await stage.house.publish(failed, key=event_id, revision=2)
    await stage.until(
        lambda: stage.sql("select 1 from notify.submissions where revision = 4"), "taken over"
    )
    await stage.quiet()
    assert len(stage.texts(ben, "the queue is full")) == 1
    assert not stage.texts(ann, "the queue is full")


async def test_critical_alarm_pages_and_warning_goes_to_slack(stage):
    ann = await stage.person("Ann", channels=["sms"])
    kind = ALARM_BY_SERVICE["queue-submit"]

    async def alarm(code, severity, state, revision):
        await stage.house.publish(
            kind(
                alarm_id=code,
                code=code,
                state=state,
                severity=severity,
                summary=f"{code} it is",
                since=stage.house.clock.now(),
            ),
            key=f"alarm:{code}",
            revision=revision,
        )

    await alarm("facility_away", "warning", AlarmState.RAISED, 1)
    await stage.until(lambda: stage.posts("facility_away it is"), "in Slack")
    await alarm("held_job", "critical", AlarmState.RAISED, 1)
    await stage.until(lambda: stage.texts(ann, "held_job it is"), "paged")
    await alarm("held_job", "critical", AlarmState.RAISED, 2)
    await alarm("held_job", "critical", AlarmState.CLEARED, 3)
    await stage.until(lambda: stage.texts(ann, "STAND DOWN"), "told that it is over")
    await stage.quiet()
    assert len(stage.texts(ann)) == 2

    # while the broker is away, by HTTP; the same over the bus is no news
    token = stage.house.keys_of("planner").sign_for_service(audience="notify")
    body = {
        "alarm_id": "x",
        "code": "held_job",
        "state": "raised",
        "severity": "critical",
        "summary": "broker away",
        "since": stage.house.clock.now().isoformat(),
    }
    client = stage.service.client_for()
    client.headers["Authorization"] = f"Bearer {token}"
    async with client:
        assert (await client.post("/alarms", json=body)).status_code == 202
        assert (await client.post("/alarms", json=body)).status_code == 202
    await stage.until(lambda: stage.texts(ann, "broker away"), "paged")
    await stage.quiet()
    assert len(stage.texts(ann, "broker away")) == 1


async def test_unsigned_webhooks_are_refused(stage):
    ann = await stage.person("Ann", channels=["sms"])
    event_id = await stage.event()
    found = await stage.incident(event_id, "triggered")
    base = stage.service.ctx.settings.webhook_base_url
    url = f"{base}/webhooks/twilio/sms"
    form = {"From": ann.phone, "Body": f"ACK {found['code']}", "MessageSid": "SM1"}
    token = stage.sims.world.settings.twilio_auth_token.get_secret_value()
    forgeries = {
        "none": "",
        "wrong token": twilio_signature("another", url, form),
        "other body": twilio_signature(token, url, {**form, "Body": "ACK XXXX"}),
        "other address": twilio_signature(token, url.replace("http:", "https:"), form),
    }
    async with httpx.AsyncClient() as client:
        for name, signature in forgeries.items():
            answer = await client.post(url, data=form, headers={"X-Twilio-Signature": signature})
            assert answer.status_code == 403, name
            assert "<Response" not in answer.text
        slack = await client.post(f"{base}/webhooks/slack/actions", data={"payload": "{}"})
        assert slack.status_code == 403
        assert (await stage.incident(event_id))["state"] == "triggered"
        good = {"X-Twilio-Signature": twilio_signature(token, url, form)}
        assert (await client.post(url, data=form, headers=good)).status_code == 200
    assert (await stage.incident(event_id))["state"] == "acknowledged"

"""Programs, trials, contact cards, rota and duty, through the API."""

from datetime import timedelta
from uuid import uuid4

import pytest
from too_common.contracts.notify import DutyChanged
from too_simulators.core.faults import FaultKind

pytestmark = pytest.mark.asyncio(loop_scope="module")

GW = {"kind": "event_kind", "any_of": ["gw"]}


def near(limit_mpc):
    limit = {"kind": "quantity", "quantity": "distance_mpc", "below": limit_mpc}
    return {"kind": "all", "of": [GW, {"kind": "map", "which": "first"}, limit]}


async def verdicts(stage, event_id):
    answer = await stage.client.get(f"/events/{event_id}/decisions")
    return {one["program_name"]: one["verdict"] for one in answer.json()}


async def test_programs_have_versions_and_open_events_are_judged_anew(stage):
    client = stage.client
    names = [one["content"]["name"] for one in (await client.get("/programs")).json()]
    assert names == [
        "Close and well localized GW",
        "Any significant GW",
        "GRB prompt",
        "Neutrino gold",
    ]
    event_id = await stage.event()
    await stage.localization(event_id, distance=150)
    await stage.localization(event_id, distance=170)  # not the first map any more
    await stage.until(
        lambda: stage.sql("select 1 from notify.pictures where number = 3"), "three pictures"
    )
    assert await verdicts(stage, event_id) == {
        "Close and well localized GW": "wanted",
        "Any significant GW": "wanted",
        "GRB prompt": "not_wanted",
        "Neutrino gold": "not_wanted",
    }
    trial = (await client.post("/programs/trial", json={"criteria": near(160)})).json()
    assert (trial[0]["would_have_fired"], trial[0]["verdict"]) == (True, "not_wanted")

    made = await client.post("/programs", json={"name": "Near", "criteria": near(100)})
    assert made.status_code == 201, made.text
    program = made.json()
    assert "distance_mpc < 100" in program["criteria_in_words"]
    assert (await verdicts(stage, event_id))["Near"] == "not_wanted"
    edited = {**program["content"], "criteria": near(180)}
    path = f"/programs/{program['id']}"
    answer = await client.put(path, json={"expected_version": 1, "content": edited})
    assert answer.json()["version"] == 2
    # it would have begun with the first map, and only the physics could have ended it
    assert (await verdicts(stage, event_id))["Near"] == "wanted"
    again = await client.put(path, json={"expected_version": 1, "content": edited})
    assert (again.status_code, again.json()["code"]) == (409, "version_conflict")
    assert [one["version"] for one in (await client.get(f"{path}/versions")).json()] == [2, 1]
    trial = (await client.get(f"{path}/trial")).json()
    assert trial[0]["fired_on"] == "preliminary"
    assert (await client.delete(path)).json()["content"]["is_active"] is False
    assert (await verdicts(stage, event_id))["Near"] == "not_wanted"

    decisions = (await client.get(f"/events/{event_id}/decisions")).json()
    history = (await client.get(f"/decisions/{decisions[0]['id']}/history")).json()
    assert [one["verdict"] for one in history] == ["pending", "wanted", "wanted"]

    assert (
        await client.post("/programs", json={"name": "Near", "criteria": GW})
    ).status_code == 409
    bad = await client.post("/programs", json={"name": "X", "criteria": {"kind": "weather"}})
    assert bad.status_code == 422
    automatic = {"name": "Auto", "criteria": GW, "submission": {"kind": "automatic"}}
    async with stage.client_for("plan") as planner:
        assert (await planner.post("/programs", json=automatic)).status_code == 403
    async with stage.client_for("plan", "submit") as planner:
        assert (await planner.post("/programs", json=automatic)).status_code == 201
    async with stage.client_for("read") as reader:
        answer = await reader.post("/programs", json={"name": "Y", "criteria": GW})
        assert answer.status_code == 403


async def test_match_that_ends_stands_down_and_a_new_one_pages_again(stage):
    client = stage.client
    for program in (await client.get("/programs")).json():
        await client.delete(f"/programs/{program['id']}")
    limit = {"kind": "quantity", "quantity": "distance_mpc", "below": 200}
    await client.post("/programs", json={"name": "Near", "criteria": limit})
    ann = await stage.person("Ann", channels=["sms"])
    event_id = await stage.event()
    await stage.localization(event_id, distance=150)
    await stage.incident(event_id, "triggered")
    await stage.quiet()
    await stage.localization(event_id, distance=400)
    over = await stage.incident(event_id, "resolved")
    assert over["resolved_reason"] == "no program wants it any more"
    await stage.quiet()
    assert len(stage.texts(ann, "STAND DOWN")) == 1
    await stage.localization(event_id, distance=190)
    await stage.incident(event_id, "triggered")
    await stage.quiet()
    assert len(stage.texts(ann, "Answer ACK")) == 2


async def test_contact_card_is_private_and_its_number_verified_by_a_code(stage):
    ann = await stage.person("Ann")
    ben = await stage.person("Ben")
    number = "+1 555 555 0177"
    async with stage.as_person(ann) as client:
        card = (await client.put("/contact-cards/me", json={"phone": number})).json()
        assert (card["phone"], card["is_verified"]) == ("+15555550177", False)
        assert (await client.post("/contact-cards/me/test-alert")).status_code == 409
        assert (await client.post("/contact-cards/me/verification")).status_code == 202
        ann.phone = "+15555550177"
        await stage.until(lambda: stage.texts(ann, "your code"), "code sent")
        code = stage.texts(ann, "your code")[0].split()[0]
        wrong = f"{(int(code) + 1) % 10**6:06d}"
        answer = await client.post("/contact-cards/me/verify", json={"code": wrong})
        assert (answer.status_code, answer.json()["code"]) == (422, "wrong_code")
        answer = await client.post("/contact-cards/me/verify", json={"code": code})
        assert answer.json()["is_verified"] is True
        assert len((await client.post("/contact-cards/me/test-alert")).json()) == 2
        await stage.until(lambda: stage.texts(ann, "TEST of"), "test came")
        for _ in range(3):
            await stage.advance(2)
        telephones = stage.sims.world.telephones
        telephones.answer(ann.phone, stage.sims.clock.now())
        telephones.press(ann.phone, "1", stage.sims.clock.now())
        await stage.sims.settle()
        tests = (await client.get("/contact-cards/me/test-alerts")).json()
        assert any(one["heard_at"] for one in tests)
        for bad in (
            {"phone": "12345"},
            {"timezone": "Mars/Olympus"},
            {"hours_begin": "08:00", "hours_end": "08:00"},
            {"hours_begin": "08:00"},
            {"email": "nobody"},
        ):
            assert (await client.put("/contact-cards/me", json=bad)).status_code == 422, bad
    async with stage.as_person(ben) as client:
        cards = (await client.get("/contact-cards")).json()
        assert {one["name"]: one["phone"] for one in cards} == {"Ann": "…77", "Ben": ben.phone}
        path = f"/contact-cards/{ann.account_id}/test-alert"
        assert (await client.post(path)).status_code == 403
    assert (await stage.client.post(path)).status_code == 202
    logged = await stage.sql("select detail::text from notify.delivery_log")
    assert not any("555555" in row[0] for row in logged)


async def test_rota_overrides_and_announced_duty(stage):
    ann, ben = [await stage.person(name) for name in ("Ann", "Ben")]
    client = stage.client
    rota = {"version": 0, "entries": [{"account_id": str(ben.account_id)}]}
    answer = await client.put("/rota", json=rota)
    assert answer.json()["version"] == 1
    assert (await client.put("/rota", json=rota)).status_code == 409
    nonsense = {"version": 1, "entries": [{"account_id": str(uuid4())}]}
    assert (await client.put("/rota", json=nonsense)).status_code == 422
    duty = (await client.get("/duty")).json()
    assert [one["name"] for one in duty["on_duty"]] == ["Ben"]
    assert [one["name"] for one in duty["everybody"]] == ["Ben", "Ann"]

    now = stage.house.clock.now()
    swap = {
        "kind": "on",
        "begins_at": now.isoformat(),
        "ends_at": (now + timedelta(hours=2)).isoformat(),
    }
    async with stage.as_person(ann) as own:
        answer = await own.post("/overrides", json={**swap, "account_id": str(ben.account_id)})
        assert answer.status_code == 403
        made = await own.post("/overrides", json={**swap, "account_id": str(ann.account_id)})
        assert made.status_code == 201
    duty = (await client.get("/duty")).json()
    assert [one["name"] for one in duty["on_duty"]] == ["Ann", "Ben"]
    event = await stage.house.expect(
        DutyChanged, lambda data: data.account_ids == (ann.account_id, ben.account_id)
    )
    assert event.data.ends_at == now + timedelta(hours=2)

    await stage.advance(2 * 3600)
    await stage.until(
        lambda: stage.sql(
            "select 1 from notify.duty "
            "where begins_at >= :at and jsonb_array_length(account_ids) = 1",
            at=now + timedelta(hours=2),
        ),
        "duty rolled forward",
    )
    await stage.account(ben, active=False, revision=2)
    await stage.until(
        lambda: stage.sql("select 1 from notify.duty where account_ids = '[]'::jsonb"),
        "a deactivated account is off duty",
    )
    assert (await client.delete(f"/overrides/{made.json()['id']}")).status_code == 204


async def test_refused_mail_is_read_and_recorded(stage):
    await stage.person("Ann", channels=["email"], email="ann@example.org")
    await stage.person("Ben", channels=["email"], email="ben@example.org")
    stage.sims.fault("smtp", FaultKind.REFUSE_RECIPIENTS, params={"pattern": "ann@*"})
    event_id = await stage.event()
    await stage.incident(event_id, "triggered")
    await stage.until(lambda: stage.told("mail.received"), "the next gets mail")
    await stage.quiet()
    mails = [one.data for one in stage.told("mail.received")]
    assert mails[0]["rcpt_to"] == ["ben@example.org"]
    assert mails[0]["message_id"].endswith("@localhost>")
    found = await stage.incident(event_id)
    failed = [one for one in found["deliveries"] if one["state"] == "failed"]
    assert {one["name"] for one in failed} == {"Ann"}
    assert failed[0]["reason"] == "recipient refused (550)"

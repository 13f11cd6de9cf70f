"""The rules of safe submission against the simulated scheduler, one fault at a time."""

import asyncio
from uuid import UUID

import pytest
from too_common.cause import Cause
from too_common.contracts import Mode
from too_common.contracts.planner import PlanState
from too_common.testing.service import eventually
from too_queue_submit import jobs, work

AUTOMATIC = {"kind": "automatic", "min_probability": 0.5}


def plan_of(row):
    return UUID(row["plan_id"])


async def test_drop_the_reply_exactly_one_queue(make_stage):
    """Rule 3: accepted, and the reply lost: reconciled by reading, never sent again."""
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.draft()
        stage.world.fault("PUT /ztf/queues", "drop_reply", times=1)
        await stage.approve(row)
        accepted = await stage.of_plan(plan_of(row), "accepted")
        assert accepted["verified_at"] is not None
        assert len(stage.accepted()) == 1
        attempts = (await stage.detail(row["submission_id"]))["attempts"]
        assert [a["kind"] for a in attempts] == ["send", "reconcile"]
        assert attempts[0]["outcome"] == "unknown"
        await stage.quiet()


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("hang", {"seconds": 60}),
        ("status", {"status": 502}),
        ("refuse", {}),
        ("html", {}),
        ("slow_body", {"seconds": 60}),
        ("lose_state", {}),
    ],
)
async def test_each_fault_of_a_put_ends_with_one_queue(make_stage, kind, params):
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.draft()
        stage.world.fault("PUT /ztf/queues", kind, times=1, params=params)
        await stage.approve(row)

        async def is_there():
            if row["external_name"] not in stage.queues():
                await stage.advance(seconds=20)
                return None
            return True

        await eventually(is_there, what="the queue")
        await stage.of_plan(plan_of(row), "accepted")
        assert len(stage.queues()) == 1


async def test_rejected_is_told(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.draft()
        stage.world.fault("PUT /ztf/queues", "status", times=1, params={"status": 400})
        await stage.approve(row)
        rejected = await stage.of_plan(plan_of(row), "rejected")
        assert "400" in rejected["reason"]
        assert "refused" in await stage.alarmed("rejected")
        assert not stage.queues()


async def test_other_content_under_our_name_is_not_called_submitted(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.draft()
        stage.world.fault("PUT /ztf/queues", "other_content", times=1)
        await stage.approve(row)
        unknown = await stage.of_plan(plan_of(row), "unknown")
        assert unknown["verified_at"] is None
        await stage.alarmed("other_content")


async def test_older_server_answers_200_to_a_creation(make_stage):
    async with make_stage(world_settings={"ztf_older_server": True}) as stage:
        await stage.ready()
        accepted = await stage.accepted_plan()
        assert accepted["verified_at"] is not None
        await stage.event(retracted=True)
        await stage.of_plan(plan_of(accepted), "cancelled")
        assert not stage.queues()


async def test_approval_is_of_bytes(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.draft()
        changed = dict(row, payload_sha256="0" * 64)
        problem = await stage.approve(changed, status=409)
        assert problem["code"] == "payload_changed"
        for scopes, status in ((("read",), 403), (("plan",), 403), ((), 401)):
            answer = await stage.service.client_for(*scopes).post(
                f"/submissions/{row['submission_id']}/approve",
                json={"payload_sha256": row["payload_sha256"]},
            )
            assert answer.status_code == status
        assert not stage.queues()


async def test_the_database_refuses_other_bytes(make_stage):
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    async with make_stage() as stage:
        await stage.ready()
        await stage.accepted_plan()
        for statement in (
            "UPDATE submissions SET payload = 'x'",
            "UPDATE audit SET who = 'somebody else'",
            "DELETE FROM exchanges",
            "DELETE FROM attempts",
            "UPDATE attempts SET outcome = 'sent'",
            "UPDATE approvals SET payload_sha256 = 'x'",
            "DELETE FROM approvals",
        ):
            with pytest.raises(DBAPIError, match=r"never|only grows|once"):
                async with stage.service.ctx.unit_of_work() as uow:
                    await uow.session.execute(text(statement))


async def test_a_newer_plan_replaces_the_draft_at_once(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        first = await stage.draft()
        second = await stage.draft()
        replaced = await stage.of_plan(plan_of(first), "discarded")
        assert "newer plan" in replaced["reason"]
        problem = await stage.approve(first, status=409)
        assert problem["code"] == "not_a_draft"
        assert second["state"] == "draft"


async def test_a_superseded_plan_loses_its_draft(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.draft()
        await stage.plan(plan_id=plan_of(row), state=PlanState.SUPERSEDED)
        await stage.of_plan(plan_of(row), "discarded")


async def test_the_predecessor_goes_only_when_its_successor_is_verified(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        first = await stage.accepted_plan()
        second = await stage.draft()
        assert (await stage.of_plan(plan_of(first)))["state"] == "accepted"
        # the successor's reply is lost: the first stays until it is read back
        stage.world.fault("PUT /ztf/queues", "status", times=1, params={"status": 500})
        await stage.approve(second)
        accepted = await stage.of_plan(plan_of(second), "accepted")
        assert accepted["supersedes"] == first["submission_id"]
        await stage.of_plan(plan_of(first), "cancelled")
        assert list(stage.queues()) == [second["external_name"]]
        order = [
            (e.kind, e.data.get("name") or e.data.get("queue_name"))
            for e in stage.world.told("ztf")
            if e.kind in {"ztf.queue_accepted", "ztf.queue_removed"}
        ]
        assert order[-1][0] == "ztf.queue_removed"


async def test_automatic_within_the_policy(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        plan_id = await stage.plan(policy=AUTOMATIC)
        accepted = await stage.of_plan(plan_id, "accepted")
        assert accepted["is_automatic"]
        assert accepted["approved_by"] is None
        assert stage.peers.asked  # ingest was asked before the socket


async def test_automatic_waits_while_ingest_is_silent_and_a_person_may_send(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        stage.peers.is_silent = True
        plan_id = await stage.plan(policy=AUTOMATIC)
        await stage.alarmed("no_answer")
        waiting = await stage.of_plan(plan_id, "approved")
        assert "waits" in waiting["reason"]
        assert not stage.accepted()
        stage.peers.is_silent = False
        await stage.advance(seconds=31)
        await stage.of_plan(plan_id, "accepted")
        await stage.quiet()


async def test_a_parked_message_stops_automatic_sends(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        await stage.house.produce(
            f"{stage.house.prefix}too.ingest.events.v1",
            str(stage.event_id).encode(),
            b'{"type": "ingest.event_changed", "data": {}}',
        )
        await stage.alarmed("parked_message")
        plan_id = await stage.plan(policy=AUTOMATIC)
        # the plan's own message is parked behind it, under the same key: nothing is sent
        await stage.plan("ZTF", policy=AUTOMATIC)
        assert not [r for r in await stage.submissions() if r["plan_id"] == str(plan_id)]
        assert not stage.accepted()
        # a retraction is handled all the same
        await stage.event(retracted=True)

        async def retracted():
            from too_queue_submit import store

            async with stage.service.ctx.unit_of_work() as uow:
                return (await store.event(uow.session, stage.event_id)).is_retracted

        await eventually(retracted, what="the retraction")


async def test_a_newer_map_asks_again(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.draft()
        stage.peers.maps[stage.event_id] = "b" * 64  # ingest has it, the bus has not told yet
        problem = await stage.approve(row, status=409)
        assert problem["code"] == "newer_map"
        await stage.approve(row, acknowledged_newer_map=True)
        await stage.of_plan(plan_of(row), "accepted")


async def test_a_newer_map_while_sending_takes_the_approval_back(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.draft()
        await _at_the_gate(stage, row, lambda: stage.peers.maps.update({stage.event_id: "b" * 64}))
        back = await stage.of_plan(plan_of(row), "draft")
        assert "newer map" in back["reason"]
        assert back["approved_at"] is None
        assert not stage.accepted()


async def _at_the_gate(stage, row, action):
    """Approve, and let something happen after the intent, right before ingest is asked."""
    real = stage.peers.get_json
    calls = []

    async def get_json(service, path, params=None):
        calls.append(path)
        if len(calls) == 2:  # the first is the approval's own question
            result = action()
            if asyncio.iscoroutine(result):
                await result
        return await real(service, path, params)

    stage.service.ctx.services.get_json = get_json
    await stage.approve(row)
    await eventually(lambda: len(calls) >= 2, what="the gate")
    stage.service.ctx.services.get_json = real


@pytest.mark.parametrize("when", ["draft", "at the gate", "after", "unknown"])
async def test_retraction_before_during_and_after(make_stage, when):
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.draft()
        if when == "at the gate":

            async def retract():
                await stage.event(retracted=True)
                await stage.of_plan(plan_of(row), "cancel_requested")

            await _at_the_gate(stage, row, retract)
        elif when == "unknown":
            stage.world.fault("PUT /ztf/queues", "drop_reply", times=1)
            stage.world.fault("GET /ztf/queues", "status", times=1, params={"status": 500})
            await stage.approve(row)
            await stage.of_plan(plan_of(row), "unknown")
            await stage.event(retracted=True)
        else:
            if when == "after":
                await stage.approve(row)
                await stage.of_plan(plan_of(row), "accepted")
            await stage.event(retracted=True)
        await stage.of_plan(plan_of(row), "discarded" if when == "draft" else "cancelled")
        assert not stage.queues()
        # a plan that comes late submits nothing
        late = await stage.plan(policy=AUTOMATIC)
        assert not [r for r in await stage.submissions() if r["plan_id"] == str(late)]
        assert not stage.queues()


async def test_an_uncertain_withdrawal_is_looked_for_until_the_window_ends(make_stage):
    """Sending when retracted, and never seen: a late arrival would be withdrawn too."""
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.draft()
        stage.world.fault("PUT /ztf/queues", "hang", times=1, params={"seconds": 60})
        stage.world.fault("GET /ztf/queues", "status", params={"status": 500})
        await stage.approve(row)
        await stage.of_plan(plan_of(row), "unknown")
        await stage.event(retracted=True)
        await stage.of_plan(plan_of(row), "cancel_requested")
        stage.world.world.faults.switch_off()
        await stage.advance(seconds=60)

        async def looked():
            attempts = (await stage.detail(row["submission_id"]))["attempts"]
            return [a for a in attempts if a["kind"] == "withdraw" and a["outcome"] == "gone"]

        await eventually(looked, what="a look")
        assert (await stage.of_plan(plan_of(row)))["state"] == "cancel_requested"
        await stage.advance(hours=10)
        await stage.of_plan(plan_of(row), "cancelled")


async def test_delete_that_fails_is_told_and_tried_again(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.accepted_plan()
        stage.world.fault("DELETE /ztf/queues", "status", times=1, params={"status": 500})
        await stage.event(retracted=True)
        await stage.of_plan(plan_of(row), "cancel_failed")
        await stage.alarmed("cancel_failed")
        await stage.advance(seconds=31)
        await stage.of_plan(plan_of(row), "cancelled")
        await stage.quiet()


async def test_kill_switches_stop_sends_and_never_withdrawals(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        there = await stage.accepted_plan()
        second = await stage.draft()
        client = stage.service.client_for("submit")
        assert (await client.put("/kill-switch", json={"stopped": True})).status_code == 200
        assert (await stage.approve(second, status=409))["code"] == "kill_switch"
        await stage.service.client.put("/kill-switch", json={"stopped": False})
        answer = await client.put("/facilities/ZTF/kill-switch", json={"stopped": True})
        assert answer.json()["is_stopped"]
        assert (await stage.approve(second, status=409))["code"] == "kill_switch"
        answer = await client.post(
            f"/submissions/{there['submission_id']}/withdraw", json={"reason": "wrong field"}
        )
        assert answer.status_code == 200
        cancelled = await stage.of_plan(plan_of(there), "cancelled")
        assert "wrong field" in cancelled["reason"]


async def test_kill_switch_during_a_send(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.draft()

        async def stop():
            await stage.service.client.put("/kill-switch", json={"stopped": True})

        await _at_the_gate(stage, row, stop)
        back = await stage.of_plan(plan_of(row), "draft")
        assert "kill switch" in back["reason"]
        assert not stage.accepted()


async def test_window_that_ends_while_waiting_for_approval(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.draft()
        await stage.advance(hours=3)
        gone = await stage.of_plan(plan_of(row), "discarded")
        assert "window ended" in gone["reason"]
        assert "window_ended" not in await stage.alarms(), "nobody asked for it: nobody is woken"
        assert (await stage.approve(row, status=409))["code"] == "not_a_draft"


async def test_a_plan_for_a_past_window_is_refused_with_its_reason(make_stage):
    from datetime import timedelta

    async with make_stage() as stage:
        await stage.ready()
        await stage.plan(start=stage.house.clock.now() - timedelta(hours=12))
        text = await stage.alarmed("draft_refused")
        assert "window ended" in text
        (refused,) = (await stage.service.client.get("/refused-plans")).json()
        assert "window ended" in refused["problem"]


async def test_a_clock_that_is_off_stops_automatic_sends(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        stage.world.fault("* /ztf/*", "clock_off", params={"seconds": 120})
        plan_id = await stage.plan(policy=AUTOMATIC)
        assert "differ by" in await stage.alarmed("clock_off")
        assert not stage.accepted()
        stage.world.world.faults.switch_off()
        await stage.advance(seconds=31)
        await stage.of_plan(plan_id, "accepted")


@pytest.mark.parametrize("how", ["restart", "a person"])
async def test_vanished_before_its_window(make_stage, how):
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.accepted_plan()
        if how == "restart":
            stage.world.world.ztf.restart()
        else:
            stage.world.world.ztf.remove(row["external_name"], "person")
        await stage.advance(seconds=200)
        assert "vanished" in await stage.alarmed("vanished")
        unknown = await stage.of_plan(plan_of(row), "unknown")
        assert unknown["accepted_at"] is not None
        await stage.advance(seconds=200)
        assert not stage.queues()  # never sent again behind a person's back
        client = stage.service.client_for("submit", name="Ann")
        answer = await client.post(
            f"/submissions/{row['submission_id']}/settle", json={"is_there": False}
        )
        assert answer.json()["state"] == "rejected"
        await stage.quiet()


async def test_two_workers_and_a_repeated_job(make_stage):
    """Rule 4: the second finds the state changed; one PUT in all."""
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.draft()
        await stage.approve(row)
        ctx = stage.service.ctx
        job = work.SendSubmission(submission_id=UUID(row["submission_id"]))
        await asyncio.gather(*(jobs.send_submission(ctx, job, Cause()) for _ in range(5)))
        await stage.of_plan(plan_of(row), "accepted")
        await jobs.send_submission(ctx, job, Cause())
        assert len(stage.accepted()) == 1
        attempts = (await stage.detail(row["submission_id"]))["attempts"]
        assert len([a for a in attempts if a["kind"] == "send"]) == 1


async def test_a_repeated_and_a_reordered_message(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        plan_id = await stage.plan(policy=AUTOMATIC)
        await stage.of_plan(plan_id, "accepted")
        stage.revisions[plan_id] = 0  # the same revision once more, as another message
        await stage.plan(plan_id=plan_id, policy=AUTOMATIC)
        stage.revisions["event"] = 0  # an old state of the event, after a newer one
        await stage.event(retracted=False)
        await stage.telescope()
        assert len(await stage.submissions()) == 1
        assert len(stage.accepted()) == 1


@pytest.mark.parametrize("acted", [True, False])
async def test_killed_while_sending(make_stage, acted):
    """A sender that was killed: found after its lease, and settled by what had been done."""
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.draft()
        ctx = stage.service.ctx
        real = jobs._attempt

        async def killed(ctx_, attempt, recorder, cause):
            if acted:  # the queue is made, and nobody is left to write it down
                await real(ctx_, attempt, recorder, cause)
            raise asyncio.CancelledError

        jobs._attempt = killed
        try:
            await stage.approve(row)
            await stage.of_plan(plan_of(row), "sending")
        finally:
            jobs._attempt = real
        await stage.of_plan(plan_of(row), "accepted" if acted else "approved")
        await stage.advance(seconds=31)
        await stage.of_plan(plan_of(row), "accepted")
        assert len(stage.accepted()) == 1
        detail = await stage.detail(row["submission_id"])
        assert detail["attempts"][0]["outcome"] == ("unknown" if acted else "not_sent")
        assert ctx is stage.service.ctx


async def test_the_other_side_must_be_a_simulator(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.draft()
        stage.world.fault("GET /ztf/__simulator__", "status", params={"status": 404})
        await stage.approve(row)
        back = await stage.of_plan(plan_of(row), "draft")
        assert "does not identify itself as a simulator" in back["reason"]
        assert not stage.accepted()


async def test_live_needs_arming_a_live_address_and_refuses_simulators(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        answer = await stage.service.client.put("/facilities/ZTF/mode", json={"mode": "live"})
        assert answer.status_code == 409
        assert answer.json()["code"] == "no_endpoint"
        not_admin = stage.service.client_for("submit")
        answer = await not_admin.put("/facilities/ZTF/mode", json={"mode": "off"})
        assert answer.status_code == 403


async def test_live_world(make_stage):
    """In mode live the simulated address is never asked; a simulator at the live one is refused."""
    async with make_stage(armed=True) as stage:
        config = stage.service.ctx.resources.facilities["ZTF"]
        live = config.simulated.model_copy(
            update={
                "transport": config.simulated.transport.model_copy(
                    update={"base_url": stage.world.host("ztf")}
                )
            }
        )
        changed = config.model_copy(update={"live": live})
        stage.service.ctx.resources.facilities._configs["ZTF"] = changed
        await stage.ready()
        row = await stage.draft()
        answer = await stage.service.client.put("/facilities/ZTF/mode", json={"mode": "live"})
        assert answer.status_code == 200, answer.text
        assert (await stage.of_plan(plan_of(row)))["facility_mode"] == "live"
        await stage.approve(row)
        back = await stage.of_plan(plan_of(row), "draft")
        assert "is a simulator" in back["reason"]
        # a drill ends at the draft
        drill = await stage.draft(cause=Cause(mode=Mode.DRILL))
        assert (await stage.approve(drill, status=409))["code"] == "not_live"
        assert not stage.accepted()


async def test_off_takes_nothing_and_is_refused_while_something_is_out_there(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.accepted_plan()
        admin = stage.service.client
        answer = await admin.put("/facilities/ZTF/mode", json={"mode": "off"})
        assert answer.json()["code"] == "something_out_there"
        answer = await admin.put("/facilities/ZTF/mode", json={"mode": "off", "force": True})
        assert answer.json()["mode"] == "off"
        await stage.alarmed("mode_forced")
        draft = await stage.draft()
        assert (await stage.approve(draft, status=409))["code"] == "facility_off"
        # what is out there is withdrawn all the same, in the world that it was sent to
        await stage.event(retracted=True)
        await stage.of_plan(plan_of(row), "cancelled")
        assert not stage.queues()


async def test_a_deactivated_account_loses_its_unsent_approvals(make_stage):
    from uuid import uuid4

    from too_common.contracts.vetting_api import AccountChanged

    async with make_stage(facilities={"ZTF": {"limits": {"approvals_required": 2}}}) as stage:
        await stage.ready()
        row = await stage.draft()
        ann = uuid4()
        url = f"/submissions/{row['submission_id']}/approve"
        body = {"payload_sha256": row["payload_sha256"]}
        first = stage.service.client_for("submit", account_id=ann, name="Ann")
        assert (await first.post(url, json=body)).json()["state"] == "draft"
        assert (await first.post(url, json=body)).json()["code"] == "second_person"
        await stage.house.publish(
            AccountChanged(account_id=ann, username="ann", name="Ann", scopes=(), active=False),
            key=f"account:{ann}",
        )

        async def dropped():
            approvals = (await stage.detail(row["submission_id"]))["approvals"]
            return [a for a in approvals if a["dropped_at"]]

        await eventually(dropped, what="the approval to be dropped")
        for name, state in (("Bob", "draft"), ("Eve", "approved")):
            answer = await stage.service.client_for("submit", name=name).post(url, json=body)
            assert answer.json()["state"] == state
        await stage.of_plan(plan_of(row), "accepted")

"""From plan to telescope and back, with nothing going wrong."""

import hashlib


async def test_draft_approve_accepted_and_withdrawn(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        plan_id = await stage.plan()
        draft = await stage.of_plan(plan_id, "draft")
        assert draft["facility_mode"] == "simulated"
        assert draft["exposures_planned"] == 4
        assert not stage.queues()
        payload = await stage.service.client.get(f"/submissions/{draft['submission_id']}/payload")
        assert hashlib.sha256(payload.content).hexdigest() == draft["payload_sha256"]
        await stage.approve(draft)
        accepted = await stage.of_plan(plan_id, "accepted")
        assert accepted["verified_at"] is not None
        assert list(stage.queues()) == [accepted["external_name"]]
        detail = await stage.detail(accepted["submission_id"])
        (attempt,) = detail["attempts"]
        assert attempt["outcome"] == "sent"
        put = next(e for e in attempt["exchanges"] if e["operation"] == "PUT /queues")
        assert put["request"].encode() == payload.content
        assert put["status"] == "201"
        await stage.event(retracted=True)
        cancelled = await stage.of_plan(plan_id, "cancelled")
        assert "retracted" in cancelled["reason"]
        assert not stage.queues()

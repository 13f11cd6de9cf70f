"""A merge moves what was submitted to the whole, a split brings it back."""

from uuid import UUID, uuid4

from too_common.contracts.queue_submit import SubmissionChanged
from too_common.testing.service import eventually


async def _under(stage, event_id, count):
    async def probe():
        rows = await stage.submissions(event_id=str(event_id))
        return rows if len(rows) == count else None

    return await eventually(probe, what=f"{count} submissions of {event_id}")


async def test_submissions_follow_a_merge_and_a_split(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        part, whole = stage.event_id, uuid4()
        sent = await stage.accepted_plan()
        draft = await stage.draft()
        stage.peers.maps[whole] = stage.peers.maps[part]
        await stage.event(event_id=whole)
        await stage.event(merged_into=whole, is_regrouped=True)
        await _under(stage, whole, 2)
        told = await stage.house.expect(
            SubmissionChanged,
            lambda d: str(d.submission_id) == sent["submission_id"] and d.event_id == whole,
        )
        assert told.key == str(whole)
        # what was sent stays where it is; what was not sent ends, the whole has its own plans
        assert (await stage.of_plan(UUID(sent["plan_id"])))["state"] == "accepted"
        ended = await stage.of_plan(UUID(draft["plan_id"]), "discarded")
        assert "part of another event" in ended["reason"]
        # a retraction told of the part while it is one withdraws nothing
        await stage.event(merged_into=whole, is_retracted=True)
        await stage.event(merged_into=None, is_regrouped=True)
        await _under(stage, part, 2)
        assert (await stage.of_plan(UUID(sent["plan_id"])))["state"] == "accepted"
        assert sent["external_name"] in stage.queues()


async def test_two_at_one_telescope_are_both_withdrawn_with_the_whole(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        part, whole = stage.event_id, uuid4()
        first = await stage.accepted_plan()
        stage.event_id = whole
        await stage.event()
        await stage.map()
        second = await stage.accepted_plan()
        await stage.event(event_id=part, merged_into=whole, is_regrouped=True)
        await _under(stage, whole, 2)
        assert len(stage.queues()) == 2
        await stage.event(retracted=True)

        async def both_gone():
            # one works at a facility at a time; the other's turn comes with the clock
            await stage.advance(seconds=31)
            rows = await stage.submissions(event_id=str(whole))
            return [row["state"] for row in rows] == ["cancelled", "cancelled"]

        await eventually(both_gone, what="both withdrawn")
        assert not {first["external_name"], second["external_name"]} & set(stage.queues())


async def test_nothing_is_sent_for_a_part_even_before_its_merge_is_heard_of(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.draft()
        answers = stage.peers.get_json

        async def merged(service, path, params=None):
            return {**await answers(service, path, params), "merged_into": str(uuid4())}

        stage.service.ctx.services.get_json = merged
        refused = await stage.approve(row, status=409)
        assert refused["code"] == "merged"
        assert not stage.queues()

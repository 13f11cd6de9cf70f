"""What is part of another event is planned with that one; a part that comes out, by itself."""

from uuid import uuid4

from too_common.contracts.notify import PlanningProfile
from too_common.testing.service import eventually

RA, DEC = 115.0, 10.0


async def _states(planner, world, *wanted):
    async def probe():
        answer = await planner.client.get("/plans", params={"event_id": str(world.event_id)})
        rows = answer.json()
        return rows if sorted(row["state"] for row in rows) == sorted(wanted) else None

    return await eventually(probe, deadline_s=60, what=f"plans {wanted}")


async def test_plans_end_with_a_merge_and_are_made_anew_after_it(planner, world):
    ref, facts = world.map_at(RA, DEC)
    await world.event()
    await world.localization(ref, facts)
    await world.decision(profile=PlanningProfile(telescopes=("ZTF",)))
    await _states(planner, world, "ready")
    await world.event(2, merged_into=uuid4(), is_regrouped=True)
    rows = await _states(planner, world, "superseded")
    assert "part of another event" in rows[0]["reason"]
    await world.event(3, is_regrouped=True)
    await _states(planner, world, "ready", "superseded")

"""Proposals that nobody wants any more; what cannot be planned, by the API and on the bus."""

import json
from datetime import timedelta
from uuid import uuid4

from too_common.contracts.notify import PlanningProfile, Verdict
from too_common.contracts.planner import PlanChanged, PlanState
from too_common.contracts.queue_submit import SubmissionState
from too_common.testing.service import eventually

from .test_networks import (
    DEC,
    RA,
    ZTF,
    _document,
    _executed,
    _known,
    _plans,
    _ready,
    _settled,
    _submission,
)


async def _lost(planner, world):
    """A plan of which the night lost all but one field."""
    ref, facts = world.map_at(RA, DEC, 8.0)
    await world.event()
    await world.decision(profile=ZTF)
    await world.localization(ref, facts)
    (first,) = await _ready(planner, world)
    plan = await _document(planner, first["plan_id"])
    submission = uuid4()
    await _submission(planner, world, first, SubmissionState.ACTIVE, submission)
    label = plan.exposures[0].field_id
    await _executed(planner, world, plan, {label}, first["plan_id"], submission)
    planner.house.clock.advance(hours=25)
    return first, submission


async def test_a_proposal_ends_with_the_match(planner, world):
    first, submission = await _lost(planner, world)
    await _submission(planner, world, first, SubmissionState.PARTIAL, submission, 2)

    async def proposed():
        rows = await _plans(planner, world, state="ready")
        return next((row for row in rows if row["proposal_of"] == first["plan_id"]), None)

    row = await eventually(proposed, deadline_s=60)
    await world.decision(Verdict.NOT_WANTED, revision=2)
    gone = await planner.house.expect(
        PlanChanged, lambda d: str(d.plan_id) == row["plan_id"] and d.state is PlanState.SUPERSEDED
    )
    assert gone.data.reason == "no program wants the event any more"
    assert await _plans(planner, world, state="ready") == []


async def test_what_the_night_lost_is_not_proposed_after_the_match(planner, world):
    first, submission = await _lost(planner, world)
    await world.decision(Verdict.NOT_WANTED, revision=2)
    other, facts = world.map_at(RA + 1, DEC, 8.0)
    await world.localization(other, facts, sequence=2)
    observed = f"/events/{world.event_id}/observability"

    async def taken_in():
        answer = (await planner.client.get(observed)).json()
        return answer["map_sha256"] == other.sha256

    await eventually(taken_in, deadline_s=60)
    await _submission(planner, world, first, SubmissionState.PARTIAL, submission, 2)

    async def looked_at():
        from too_planner.tables import SubmissionRow

        async with planner.ctx.unit_of_work() as uow:
            row = await uow.session.get(SubmissionRow, submission)
            return row is not None and row.looked_at

    await eventually(looked_at, deadline_s=60)
    assert [row["plan_id"] for row in await _plans(planner, world)] == [first["plan_id"]]


async def test_what_every_constraint_costs_is_told(planner, world):
    """On the bus, in the answer and in the document: of good plans and of those that failed."""
    ref, facts = world.map_at(100.0, -28.0, 25.0)
    await world.event()
    await world.localization(ref, facts)
    profile = PlanningProfile(
        telescopes=("ZTF",), probability=1.0, galactic_latitude_min_deg=15.0,
        require_references=False,
    )  # fmt: skip
    await world.decision(profile=profile)
    (row,) = await _ready(planner, world)
    view = (await planner.client.get(f"/plans/{row['plan_id']}")).json()
    assert view["parameters"]["galactic_latitude_min_deg"] == 15.0
    costs = {item["constraint"]: item for item in view["statistics"]["costs"]}
    assert {"never_up", "daylight", "airmass", "moon", "galactic_plane"} <= set(costs)
    assert costs["galactic_plane"]["probability"] > 0.02
    assert costs["galactic_plane"]["lifted"] >= costs["galactic_plane"]["probability"] - 1e-6
    whole = view["statistics"]["probability"] + sum(c["probability"] for c in costs.values())
    assert abs(whole - 1) < 3e-5
    assert [cut["reason"] for cut in view["cuts"]] == list(costs)
    told = await planner.house.expect(
        PlanChanged, lambda d: str(d.plan_id) == row["plan_id"] and d.state is PlanState.READY
    )
    assert [cost.constraint for cost in told.data.statistics.costs] == list(costs)
    south, south_facts = world.map_at(100.0, -80.0, 3.0)
    await world.localization(south, south_facts, sequence=2)
    await world.decision(profile=profile, revision=2, map_sha256=south.sha256)
    failed = await planner.house.expect(PlanChanged, lambda d: d.state is PlanState.FAILED)
    assert "100% never above altitude 30 deg within the window" in failed.data.reason
    worst = failed.data.statistics.costs[0]
    assert (worst.constraint, round(worst.probability, 2)) == ("never_up", 1.0)


async def test_bad_requests_name_what_is_wrong(planner, world):
    ref, facts = world.map_at(RA, DEC)
    await world.event()
    await world.localization(ref, facts)
    await _known(planner, world)
    now = planner.house.clock.now()
    base = {"telescope": "ZTF", "event_id": str(world.event_id)}
    cases = [
        ({"filters": []}, "no filter is asked for"),
        ({"exposure_times_s": [-30.0]}, "exposure_times_s.0: Input should be greater than 0"),
        ({"exposure_times_s": []}, "3 filters but 0 exposure times"),
        ({"min_gap_s": -1}, "min_gap_s"),
        ({"galactic_latitude_min_deg": 95}, "galactic_latitude_min_deg"),
        ({"balanced": True, "objective": "any"}, "choose one of them"),
        ({"windows": [{"begin": now.isoformat(), "end": now.isoformat()}]}, "no length"),
        (
            {
                "windows": [
                    {
                        "begin": (now + timedelta(hours=hour)).isoformat(),
                        "end": (now + timedelta(hours=hour + 3)).isoformat(),
                    }
                    for hour in (1, 2)
                ]
            },
            "windows overlap",
        ),
        ({"max_fields": 0}, "max_fields"),
        ({"ra_min_h": 25}, "ra_min_h"),
        ({"field_ids": [500, 500]}, "a field is named twice"),
    ]
    for options, words in cases:
        answer = await planner.client.post("/plans", json=base | options)
        assert answer.status_code == 422, (options, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert words in json.dumps(answer.json()), (options, answer.text)
        assert "Value error" not in answer.json()["detail"]
    # numbers that are none
    for name in ("airmass_max", "min_gap_s", "galactic_latitude_min_deg"):
        text = json.dumps(base)[:-1] + f', "{name}": NaN}}'
        answer = await planner.client.post(
            "/plans", content=text, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 422, (name, answer.text)
    ztf = (await planner.client.get("/telescopes/ZTF")).json()["definition"]
    own = ztf | {"name": "Own", "footprint": {"type": "square", "side_deg": 2.0}}
    own["grid"] = {"file": "own.csv", "sets": ["primary"]}
    timing = {key: value for key, value in own["timing"].items() if key != "overhead_s"}
    bad = await planner.client.put("/telescopes/Own", json={"definition": own | {"timing": timing}})
    assert bad.status_code == 422
    assert "timing.overhead_s: Field required" in bad.json()["detail"]


async def test_a_window_in_daylight_and_a_plane_that_covers_the_map(planner, world):
    """Good requests that nothing can come of: the state says why."""
    ref, facts = world.map_at(95.0, 15.0, 2.0)
    await world.event()
    await world.localization(ref, facts)
    await _known(planner, world)
    base = {"telescope": "ZTF", "event_id": str(world.event_id)}
    answer = await planner.client.post("/plans", json=base | {"galactic_latitude_min_deg": 60})
    assert answer.status_code == 202
    row = await _settled(planner, answer.json()["plan_id"])
    assert row["state"] == "failed"
    assert "within 60 deg of the galactic plane" in row["reason"]
    (cost,) = [c for c in row["statistics"]["costs"] if c["constraint"] == "galactic_plane"]
    assert cost["lifted"] > 0.95

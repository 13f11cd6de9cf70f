"""Telescopes that share the sky, what is done, lost or seen by others, plans that are given up."""

import threading
from collections import Counter
from datetime import timedelta
from uuid import UUID, uuid4

from too_common.contracts.notify import PlanningProfile
from too_common.contracts.planner import PlanChanged, PlanState
from too_common.contracts.queue_submit import (
    ExecutedExposure,
    ExposuresExecuted,
    FacilityMode,
    ForeignPointing,
    ForeignPointingsListed,
    SubmissionChanged,
    SubmissionState,
)
from too_common.testing.service import ServiceUnderTest, eventually
from too_planner.plan import Plan
from too_planner.service import SERVICE
from too_planner.usecases import record_plan

RA, DEC = 115.0, 10.0
ZTF = PlanningProfile(telescopes=("ZTF",), max_fields=4, probability=1.0)


async def _plans(planner: ServiceUnderTest, world, **query) -> list[dict]:
    answer = await planner.client.get("/plans", params={"event_id": str(world.event_id), **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _ready(planner: ServiceUnderTest, world, count: int = 1) -> list[dict]:
    async def probe():
        rows = await _plans(planner, world, state="ready")
        return rows if len(rows) >= count else None

    return await eventually(probe, deadline_s=60, what=f"{count} plans")


async def _settled(planner: ServiceUnderTest, plan_id: str) -> dict:
    async def probe():
        row = (await planner.client.get(f"/plans/{plan_id}")).json()
        return row if row["state"] != "planning" else None

    return await eventually(probe, deadline_s=60, what="a plan")


async def _document(planner: ServiceUnderTest, plan_id: str) -> Plan:
    return Plan.model_validate((await planner.client.get(f"/plans/{plan_id}/document")).json())


async def _known(planner: ServiceUnderTest, world) -> None:
    path = f"/events/{world.event_id}/observability"

    async def probe():
        return (await planner.client.get(path)).status_code == 200

    await eventually(probe)


async def _executed(planner, world, plan: Plan, fields, plan_id: str, submission: UUID) -> None:
    rows = [row for row in plan.exposures if row.field_id in fields]
    await planner.house.publish(
        ExposuresExecuted(
            submission_id=submission,
            event_id=world.event_id,
            plan_id=UUID(plan_id),
            facility="ZTF",
            exposures=tuple(
                ExecutedExposure(
                    exposure_id=f"e{row.number}",
                    field_id=row.field_id,
                    ra_deg=row.ra_deg,
                    dec_deg=row.dec_deg,
                    filter=row.filter,
                    start=row.start,
                    exposure_s=row.exposure_s,
                    source="test",
                )
                for row in rows
            ),
        ),
        key=world.event_id,
    )


async def _submission(
    planner, world, plan: dict, state: SubmissionState, submission: UUID, revision: int = 1
) -> None:
    await planner.house.publish(
        SubmissionChanged(
            submission_id=submission,
            event_id=world.event_id,
            plan_id=UUID(plan["plan_id"]),
            facility="ZTF",
            facility_mode=FacilityMode.SIMULATED,
            state=state,
            external_name="ToO_x",
            payload_sha256="0" * 64,
            window_begin=plan["window_begin"],
            window_end=plan["window_end"],
            exposures_planned=plan["statistics"]["exposures"],
        ),
        key=world.event_id,
        revision=revision,
    )


async def test_telescopes_are_planned_together(planner, world):
    ref, facts = world.map_at(RA, DEC, 12.0)
    await world.event()
    await world.localization(ref, facts)
    await _known(planner, world)
    body = {
        "event_id": str(world.event_id),
        "telescopes": ["ZTF", "Gattini"],
        "filters": ["r", "J"],
        "max_fields": 2,
        "by_telescope": {"ZTF": {"exposure_times_s": [60]}},
    }
    async with planner.client_for("read", "plan", name="Kim Doe") as person:
        answer = await person.post("/networks", json=body)
        assert answer.status_code == 202, answer.text
        network_id = answer.json()["network_id"]
        assert [row["state"] for row in answer.json()["plans"]] == ["planning", "planning"]

        async def made():
            view = (await person.get(f"/networks/{network_id}")).json()
            good = all(row["state"] == "ready" for row in view["plans"])
            return view if view["state"] == "ready" and good else None

        view = await eventually(made, deadline_s=60)
        told = view["statistics"]
        assert told["probability"] >= told["probability_independent"]
        assert told["probability_independent"] >= told["probability_best_single"]
        by_name = {row["telescope"]: row for row in view["plans"]}
        assert by_name["ZTF"]["parameters"]["filters"] == ["r"]
        # not the 0.9 at which one telescope alone would stop
        assert by_name["ZTF"]["parameters"]["probability"] == 1.0
        assert by_name["ZTF"]["parameters"]["exposure_times_s"] == [60]
        assert by_name["Gattini"]["parameters"]["filters"] == ["J"]
        assert {m["plan_id"] for m in told["members"]} == {p["plan_id"] for p in view["plans"]}
        assert all(row["network_id"] == network_id for row in view["plans"])
        event = await planner.house.expect(
            PlanChanged, lambda d: d.state is PlanState.READY and d.telescope == "Gattini"
        )
        assert str(event.data.network_id) == network_id
        assert event.data.network.probability == told["probability"]
        listed = (await person.get("/networks", params={"event_id": str(world.event_id)})).json()
        assert [row["network_id"] for row in listed] == [network_id]
        for change, words in (
            ({"telescopes": ["ZTF", "ZTF"]}, "different telescopes"),
            ({"telescopes": ["Hale"], "by_telescope": {}}, "unknown telescope 'Hale'"),
            ({"by_telescope": {"KPED": {}}}, "KPED is not among"),
            ({"by_telescope": {"ZTF": {"colour": 1}}}, "ZTF: colour"),
        ):
            bad = await person.post("/networks", json={**body, **change})
            assert bad.status_code == 422, bad.text
            assert words in bad.json()["detail"]


async def test_done_tiles_stay_done_on_a_better_map(planner, world):
    ref, facts = world.map_at(RA, DEC, 8.0)
    await world.event()
    await world.decision(profile=ZTF)
    await world.localization(ref, facts)
    (first,) = await _ready(planner, world)
    plan = await _document(planner, first["plan_id"])
    labels = list(dict.fromkeys(row.field_id for row in plan.exposures))
    done = labels[0]
    await _executed(planner, world, plan, {done}, first["plan_id"], uuid4())

    async def taken_in():
        rows = (await planner.client.get(f"/events/{world.event_id}/coverage")).json()
        return rows["coverage"] or None

    await eventually(taken_in, deadline_s=60)
    better, better_facts = world.map_at(RA + 3, DEC + 1, 7.0)
    await world.localization(better, better_facts, sequence=2)

    async def superseded():
        rows = await _plans(planner, world)
        return rows if [row["state"] for row in rows] == ["ready", "superseded"] else None

    new, _ = await eventually(superseded, deadline_s=60)
    difference = new["difference"]
    assert difference["fields_done"] == [done]
    assert done not in difference["fields_dropped"]
    assert difference["probability_done"] > 0
    after = await _document(planner, new["plan_id"])
    fields = {row.field_id for row in after.exposures}
    assert done not in fields
    assert set(difference["fields_kept"]) == set(labels) & fields
    assert set(difference["fields_added"]) == fields - set(labels)
    told = await planner.house.expect(
        PlanChanged, lambda d: d.difference is not None and d.state is PlanState.READY
    )
    assert told.data.difference.fields_done == (done,)


async def test_what_a_night_lost_is_proposed_and_never_sent_by_itself(planner, world):
    ref, facts = world.map_at(RA, DEC, 8.0)
    await world.event()
    await world.decision(profile=ZTF)
    await world.localization(ref, facts)
    (first,) = await _ready(planner, world)
    plan = await _document(planner, first["plan_id"])
    labels = list(dict.fromkeys(row.field_id for row in plan.exposures))
    submission = uuid4()
    await _submission(planner, world, first, SubmissionState.ACTIVE, submission)
    await _executed(planner, world, plan, {labels[0]}, first["plan_id"], submission)
    planner.house.clock.advance(hours=25)
    await _submission(planner, world, first, SubmissionState.PARTIAL, submission, 2)

    async def proposed():
        rows = await _plans(planner, world, state="ready")
        return next((row for row in rows if row["proposal_of"] == first["plan_id"]), None)

    row = await eventually(proposed, deadline_s=60)
    again = await _document(planner, row["plan_id"])
    assert labels[0] not in {item.field_id for item in again.exposures}
    assert min(item.start for item in again.exposures) > max(item.start for item in plan.exposures)
    told = await planner.house.expect(
        PlanChanged, lambda d: str(d.plan_id) == row["plan_id"] and d.state is PlanState.READY
    )
    # nothing that a policy could act on
    assert told.data.submission_policy is None
    assert told.data.decision_id is None
    assert str(told.data.proposal_of) == first["plan_id"]
    # the portal had the rest after all
    await _submission(planner, world, first, SubmissionState.COMPLETE, submission, 3)
    gone = await planner.house.expect(
        PlanChanged, lambda d: str(d.plan_id) == row["plan_id"] and d.state is PlanState.SUPERSEDED
    )
    assert gone.data.reason == "everything was observed after all"


async def test_queued_excluded_and_foreign_sky_is_left_out(planner, world):
    ref, facts = world.map_at(RA, DEC, 8.0)
    await world.event()
    await world.decision(profile=ZTF)
    await world.localization(ref, facts)
    (first,) = await _ready(planner, world)
    plan = await _document(planner, first["plan_id"])
    used = {row.field_id for row in plan.exposures}
    await _submission(planner, world, first, SubmissionState.ACCEPTED, uuid4())
    await planner.house.publish(
        ForeignPointingsListed(
            event_id=world.event_id,
            source="treasure-map",
            pointings=(ForeignPointing(ra_deg=RA, dec_deg=DEC, radius_deg=2.0, depth_mag=21.0),),
        ),
        key=world.event_id,
    )
    body = {"telescope": "ZTF", "event_id": str(world.event_id), "max_fields": 2, "filters": ["r"]}

    async def made(**options) -> Plan:
        answer = await planner.client.post("/plans", json=body | options)
        assert answer.status_code == 202, answer.text
        row = await _settled(planner, answer.json()["plan_id"])
        assert row["state"] == "ready", row["reason"]
        return await _document(planner, row["plan_id"])

    excluded = await made(exclude_plans=[first["plan_id"]])
    assert not used & {row.field_id for row in excluded.exposures}

    async def queue_known():
        found = await made(skip_planned=True)
        return found if found.parameters.busy else None

    beside = await eventually(queue_known, deadline_s=60)
    assert not used & {row.field_id for row in beside.exposures}
    for row in beside.exposures:
        end = row.start + timedelta(seconds=row.exposure_s)
        for other in plan.exposures:
            assert end <= other.start or row.start >= other.start + timedelta(
                seconds=other.exposure_s
            )

    async def others_known():
        found = await made(credit_others=True)
        return found if found.parameters.previous else None

    shared = await eventually(others_known, deadline_s=60)
    cut = next(item for item in shared.cuts if item.reason == "previous")
    assert 0 < cut.probability < 0.5
    deeper = await made(credit_others=True, pointings_depth_min_mag=22.0)
    assert not deeper.parameters.previous
    bad = await planner.client.post("/plans", json=body | {"exclude_plans": [str(uuid4())]})
    assert bad.status_code == 422
    assert "there is no plan" in bad.json()["detail"]


async def test_a_plan_that_is_superseded_while_it_is_made_is_given_up(house, world, monkeypatch):
    """Its worker is free for the plan that counts."""
    real, begun, release = record_plan.tasks.plan_job, threading.Event(), threading.Event()
    calls: Counter[str] = Counter()

    def slow_at_first(values):
        calls["all"] += 1
        if calls["all"] == 1:
            begun.set()
            release.wait(60)
        return real(values)

    monkeypatch.setattr(record_plan.tasks, "plan_job", slow_at_first)
    given_up: list[object] = []
    run_while = record_plan.run_while

    async def watched(*arguments, **options):
        result = await run_while(*arguments, **options)
        if result is None:
            given_up.append(result)
        return result

    monkeypatch.setattr(record_plan, "run_while", watched)
    try:
        async with house.run(SERVICE, workers=0) as planner:
            ref, facts = world.map_at(RA, DEC, 8.0)
            await world.event()
            await world.decision(profile=ZTF)
            await world.localization(ref, facts)
            await eventually(begun.is_set, deadline_s=60)
            better, better_facts = world.map_at(RA + 3, DEC, 8.0)
            await world.localization(better, better_facts, sequence=2)
            (row,) = await _ready(planner, world)
            assert row["map_sha256"] == better.sha256
            await eventually(lambda: bool(given_up), deadline_s=30)
            assert not release.is_set()
    finally:
        release.set()


async def test_the_reason_stands_in_the_plans_state(planner, world):
    south, facts = world.map_at(100.0, -80.0, 3.0)
    await world.event()
    await world.localization(south, facts)
    await _known(planner, world)
    now = planner.house.clock.now()
    noon = now.replace(hour=18)
    event = {"telescope": "ZTF", "event_id": str(world.event_id)}
    day = {
        "window_begin": noon.isoformat(),
        "window_end": (noon + timedelta(hours=3)).isoformat(),
    }
    deep = {"depth": {"absolute_mag": {"r": -16.0}}, "filters": ["r"]}
    for options, words in (
        ({}, "never above"),
        (day, "there is no night in it"),
        (deep, "the map has no distances"),
    ):
        answer = await planner.client.post("/plans", json=event | options)
        assert answer.status_code == 202, answer.text
        row = await _settled(planner, answer.json()["plan_id"])
        assert row["state"] == "failed"
        assert words in row["reason"]
        told = await planner.house.expect(
            PlanChanged,
            lambda d, row=row: str(d.plan_id) == row["plan_id"] and d.state is PlanState.FAILED,
        )
        assert told.data.reason == row["reason"]
    empty = await planner.client.post(
        "/plans",
        json=event | {"window_begin": now.isoformat(), "window_end": now.isoformat()},
    )
    assert empty.status_code == 422
    assert "no length" in empty.json()["detail"]
    strange = await planner.client.post("/plans", json=event | {"filters": ["Q"]})
    assert "no filter 'Q'" in strange.json()["detail"]


async def test_an_own_telescope_is_imported_with_its_grid(planner, world):
    text = (await planner.client.get("/telescopes/Gattini")).json()["definition"]
    own = {**text, "name": "Own", "grid": {"file": "own.csv", "sets": ["main"]}}
    grid = "field_id,ra_deg,dec_deg,set\n1,115,10,main\n2,118,10,main\n"
    import base64
    import json

    def encoded(table: str) -> str:
        return base64.b64encode(table.encode()).decode()

    twice = await planner.client.put(
        "/telescopes/Own",
        json={"text": json.dumps(own), "grid_base64": encoded(grid + "2,1,1,main\n")},
    )
    assert twice.status_code == 422
    assert "line 4: field 2 is there already, in line 3" in twice.json()["detail"]
    broken = json.dumps(own, indent=1).replace('"latitude_deg": 3', '"latitude_deg": 9')
    bad = await planner.client.put("/telescopes/Own", json={"text": broken})
    assert bad.status_code == 422
    assert "site.latitude_deg" in bad.json()["detail"]
    assert "line " in bad.json()["detail"]
    answer = await planner.client.put(
        "/telescopes/Own", json={"text": json.dumps(own), "grid_base64": encoded(grid)}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["grid_info"]["sets"] == {"main": 2}
    ref, facts = world.map_at(RA, DEC, 4.0)
    await world.event()
    await world.localization(ref, facts)
    await _known(planner, world)
    made = await planner.client.post(
        "/plans", json={"telescope": "Own", "event_id": str(world.event_id)}
    )
    row = await _settled(planner, made.json()["plan_id"])
    assert row["state"] == "ready", row["reason"]
    assert row["statistics"]["fields"] == 2

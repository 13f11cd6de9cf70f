"""The planner on a real database and a real broker: events in, plans and coverage out."""

import json
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
from too_common.contracts.notify import PlanningProfile, Verdict
from too_common.contracts.planner import (
    CoverageChanged,
    PlanChanged,
    PlanState,
    TelescopeChanged,
)
from too_common.contracts.queue_submit import ExecutedExposure, ExposuresExecuted
from too_common.testing.service import House, ServiceUnderTest, eventually
from too_planner.checker import check_plan
from too_planner.plan import Plan
from too_planner.telescope import TelescopeDefinition
from too_planner.usecases import plan_event

RA, DEC = 115.0, 10.0
ALL = {"ZTF", "DECam", "KPED", "Gattini", "GROWTH-India"}


async def _plans(planner: ServiceUnderTest, world, **query) -> list[dict]:
    answer = await planner.client.get("/plans", params={"event_id": str(world.event_id), **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _made(planner: ServiceUnderTest, world, count: int) -> list[dict]:
    async def probe():
        rows = await _plans(planner, world)
        living = [row for row in rows if row["state"] in {"ready", "failed"}]
        return living if len(living) >= count else None

    return await eventually(probe, deadline_s=60, what=f"{count} plans")


async def test_a_wanted_event_gets_a_feasible_plan_for_every_telescope(planner, world):
    ref, facts = world.map_at(RA, DEC)
    await world.event()
    await world.localization(ref, facts)
    await world.catalogue(RA, DEC)
    await world.decision()
    rows = await _made(planner, world, 5)
    assert {row["telescope"] for row in rows} == ALL
    definitions = {
        item["name"]: TelescopeDefinition.model_validate(item["definition"])
        for item in (await planner.client.get("/telescopes")).json()
    }
    for row in rows:
        assert row["state"] == "ready", (row["telescope"], row["reason"])
        answer = await planner.client.get(f"/plans/{row['plan_id']}/document")
        document = answer.json()
        assert document["plan_id"] == row["plan_id"]
        assert document["event_name"] == world.name
        plan = Plan.model_validate(document)
        assert plan.exposures
        assert check_plan(plan, definitions[row["telescope"]]) == []
        by_hash = await planner.client.get(f"/documents/{row['document_sha256']}")
        assert by_hash.content == answer.content
        assert "immutable" in by_hash.headers["cache-control"]
        tiles = (await planner.client.get(f"/plans/{row['plan_id']}/tiles")).json()
        assert len(tiles["features"]) >= row["statistics"]["fields"]
        table = await planner.client.get(f"/plans/{row['plan_id']}.csv")
        assert len(table.text.splitlines()) == 1 + len(plan.exposures)
    ztf = next(row for row in rows if row["telescope"] == "ZTF")
    assert ztf["statistics"]["probability_sequence"] > 0.7
    told = await planner.house.expect(
        PlanChanged, lambda data: data.telescope == "ZTF" and data.state is PlanState.READY
    )
    assert told.data.plan is not None
    assert told.data.plan.sha256 == ztf["document_sha256"]
    assert told.key == str(world.event_id)


async def test_telescopes_are_told_once_and_galaxies_are_waited_for(planner, world):
    told = await planner.house.expect(TelescopeChanged, lambda data: data.name == "GROWTH-India")
    assert told.data.is_provisional
    ref, facts = world.map_at(RA, DEC)
    await world.event()
    await world.decision(profile=PlanningProfile(telescopes=("KPED",)))
    await world.localization(ref, facts)
    (row,) = await _made(planner, world, 1)
    assert row["state"] == "failed"
    assert "catalogue" in row["reason"]
    await world.catalogue(RA, DEC)

    async def ready():
        (only,) = await _plans(planner, world)
        return only if only["state"] == "ready" else None

    row = await eventually(ready, deadline_s=60)
    document = (await planner.client.get(f"/plans/{row['plan_id']}/document")).json()
    assert document["galaxies"][0]["name"].startswith("GAL")
    assert document["galaxy_score"] > 0


async def test_a_better_map_supersedes_with_the_difference(planner, world):
    only_ztf = PlanningProfile(telescopes=("ZTF",))
    ref, facts = world.map_at(RA, DEC, 6.0)
    await world.event()
    await world.decision(profile=only_ztf)
    await world.localization(ref, facts)
    (first,) = await _made(planner, world, 1)
    better, better_facts = world.map_at(RA + 8, DEC + 3, 3.0)
    await world.localization(better, better_facts, sequence=2)

    async def superseded():
        rows = await _plans(planner, world)
        return rows if [row["state"] for row in rows] == ["ready", "superseded"] else None

    new, old = await eventually(superseded, deadline_s=60)
    assert old["plan_id"] == first["plan_id"]
    assert old["superseded_by"] == new["plan_id"]
    difference = new["difference"]
    assert difference["previous_plan_id"] == old["plan_id"]
    assert difference["fields_added"] or difference["fields_dropped"]
    on_new_map = difference["probability_before_on_new_map"]
    assert on_new_map <= difference["probability_after"]


async def test_the_word_on_a_new_map_is_waited_for(planner, world, monkeypatch):
    """A map may make the event another program's: nothing is planned for the one before."""
    monkeypatch.setattr(plan_event, "WORD_ON_MAP_S", 3600.0)  # for as long as this test needs
    only_ztf = PlanningProfile(telescopes=("ZTF",))
    ref, facts = world.map_at(RA, DEC, 6.0)
    await world.event()
    await world.decision(profile=only_ztf, priority=50)
    await world.localization(ref, facts)
    await world.decision(
        profile=only_ztf, priority=10, program_id=UUID(int=8), map_sha256=ref.sha256
    )
    (made,) = await _made(planner, world, 1)
    assert [row["plan_id"] for row in await _plans(planner, world)] == [made["plan_id"]]


async def test_a_retraction_ends_every_plan_and_nothing_is_planned_after_it(planner, world):
    ref, facts = world.map_at(RA, DEC)
    await world.event()
    await world.decision(profile=PlanningProfile(telescopes=("ZTF", "Gattini")))
    await world.localization(ref, facts)
    await _made(planner, world, 2)
    await world.event(revision=2, retracted=True)
    told = await planner.house.expect(
        PlanChanged, lambda data: data.state is PlanState.SUPERSEDED and data.telescope == "ZTF"
    )
    assert told.overrides
    assert told.data.reason == "the event was retracted"
    await world.decision(profile=PlanningProfile(), revision=2)
    answer = await planner.client.post(
        "/plans", json={"telescope": "ZTF", "event_id": str(world.event_id)}
    )
    assert answer.status_code == 409
    rows = await _plans(planner, world)
    assert {row["state"] for row in rows} == {"superseded"}


async def test_executed_exposures_become_coverage_of_the_current_map(planner, world):
    ref, facts = world.map_at(RA, DEC, 3.0)
    await world.event()
    await world.localization(ref, facts)
    start = planner.house.clock.now()
    exposures = tuple(
        ExecutedExposure(
            exposure_id=f"e{number}",
            field_id=None,
            ra_deg=RA,
            dec_deg=DEC,
            filter=name,
            start=start + timedelta(minutes=10 * number),
            exposure_s=300,
            depth_mag=20.5 + 0.1 * number,
            source="test",
        )
        for number, name in enumerate("grg")
    )
    submission = uuid4()
    await planner.house.publish(
        ExposuresExecuted(
            submission_id=submission,
            event_id=world.event_id,
            plan_id=None,
            facility="gattini",
            exposures=exposures,
        ),
        key=world.event_id,
    )
    told = await planner.house.expect(CoverageChanged, lambda data: data.filter == "g")
    assert told.data.telescope == "Gattini"
    assert told.data.exposures == 2
    assert told.data.exposure_ids == ("e0", "e2")
    assert abs(told.data.depth_mag - 20.6) < 1e-6
    assert 0.4 < told.data.probability < 0.95
    assert abs(told.data.area_deg2 - 24.6) < 0.4
    other, other_facts = world.map_at(RA + 90, DEC, 3.0)
    await world.localization(other, other_facts, sequence=2)
    news = await planner.house.expect(CoverageChanged, lambda data: data.map_sha256 == other.sha256)
    assert news.data.probability == 0.0
    view = (await planner.client.get(f"/events/{world.event_id}/coverage")).json()
    assert view["map_sha256"] == other.sha256


async def test_a_match_that_ends_stops_planning_but_leaves_plans(planner, world):
    ref, facts = world.map_at(RA, DEC)
    await world.event()
    await world.decision(profile=PlanningProfile(telescopes=("Gattini",)))
    await world.localization(ref, facts)
    await _made(planner, world, 1)
    await world.decision(Verdict.NOT_WANTED, revision=2)
    better, better_facts = world.map_at(RA + 5, DEC)
    await world.localization(better, better_facts, sequence=2)
    observed = f"/events/{world.event_id}/observability"

    async def new_map():
        answer = await planner.client.get(observed)
        return answer.json() if answer.json()["map_sha256"] == better.sha256 else None

    chart = await eventually(new_map)
    assert {item["telescope"] for item in chart["telescopes"]} == ALL
    assert len(await _plans(planner, world)) == 1
    gattini = next(item for item in chart["telescopes"] if item["telescope"] == "Gattini")
    assert gattini["intervals"]
    assert any(sample["airmass"] for sample in gattini["samples"])


async def test_own_plans_manual_plans_and_discarding(planner, world):
    ref, facts = world.map_at(RA, DEC)
    await world.event()
    await world.localization(ref, facts)
    observed = f"/events/{world.event_id}/observability"

    async def known():
        return (await planner.client.get(observed)).status_code == 200

    await eventually(known)
    now = planner.house.clock.now()
    begin, end = now + timedelta(hours=1), now + timedelta(hours=10)
    near = await planner.client.get(
        "/telescopes/ZTF/grid", params={"ra_deg": RA, "dec_deg": DEC, "limit": 2}
    )
    fields = [item["properties"]["field_id"] for item in near.json()["features"]]
    async with planner.client_for("read", "plan", name="Kim Doe") as person:
        answer = await person.post(
            "/plans",
            json={
                "telescope": "ZTF",
                "event_id": str(world.event_id),
                "window_begin": begin.isoformat(),
                "window_end": end.isoformat(),
                "filters": ["r"],
                "exposure_times_s": [120],
                "max_fields": 2,
                "primary_grid_only": False,
                "ra_min_h": 0,
                "ra_max_h": 12,
            },
        )
        assert answer.status_code == 202, answer.text
        manual = await person.post(
            "/plans/manual",
            json={
                "telescope": "ZTF",
                "field_ids": fields,
                "filters": ["g", "r"],
                "exposure_times_s": [30],
                "min_gap_s": 0,
                "window_begin": begin.isoformat(),
                "window_end": end.isoformat(),
            },
        )
        assert manual.status_code == 202, manual.text

        async def ready(plan_id):
            view = (await person.get(f"/plans/{plan_id}")).json()
            return view if view["state"] != "planning" else None

        own = await eventually(lambda: ready(answer.json()["plan_id"]), deadline_s=60)
        assert own["state"] == "ready", own["reason"]
        assert own["statistics"]["fields"] == 2
        assert own["is_manual"]
        assert own["made_by"] == "Kim Doe"
        assert own["map_is_current"]
        listed = await eventually(lambda: ready(manual.json()["plan_id"]), deadline_s=60)
        assert listed["state"] == "ready", listed["reason"]
        document = (await person.get(f"/plans/{listed['plan_id']}/document")).json()
        assert [row["field_id"] for row in document["exposures"]] == fields * 2
        assert document["event_name"] is None
        gone = await person.delete(f"/plans/{own['plan_id']}")
        assert gone.json()["state"] == "superseded"
        assert gone.json()["reason"] == "discarded by Kim Doe"


async def test_bad_requests_get_a_clear_answer(planner, world):
    ref, facts = world.map_at(RA, DEC)
    await world.event()
    await world.localization(ref, facts)
    observed = f"/events/{world.event_id}/observability"

    async def known():
        return (await planner.client.get(observed)).status_code == 200

    await eventually(known)
    now = planner.house.clock.now()
    event = {"event_id": str(world.event_id)}
    cases = [
        ({"telescope": "Hale", **event}, 422, "unknown telescope 'Hale'"),
        ({"telescope": "ZTF", "filters": ["z"], **event}, 422, "no filter 'z'"),
        ({"telescope": "ZTF", "field_ids": [4711], **event}, 422, "unknown field 4711"),
        ({"telescope": "ZTF", "field_sets": ["third"], **event}, 422, "no field set 'third'"),
        ({"telescope": "ZTF", "exposure_times_s": [1, 2], **event}, 422, "3 filters but 2"),
        ({"telescope": "ZTF"}, 422, "name the fields"),
        ({"telescope": "ZTF", "event_id": str(uuid4())}, 404, "no event"),
        ({"telescope": "KPED", "strategy": "tiling", **event}, 422, "no field grid"),
        ({"telescope": "ZTF", "strategy": "galaxies", **event}, 422, "no galaxies"),
        (
            {
                "telescope": "ZTF",
                "window_begin": (now - timedelta(hours=9)).isoformat(),
                "window_end": (now - timedelta(hours=1)).isoformat(),
                **event,
            },
            422,
            "the window is over",
        ),
        (
            {
                "telescope": "ZTF",
                "window_begin": now.isoformat(),
                "window_end": now.isoformat(),
                **event,
            },
            422,
            "no length",
        ),
        ({"telescope": "ZTF", "window_end": "2026-11-23T00:00:00", **event}, 422, "timezone"),
        ({"telescope": "ZTF", "airmass_max": 0.5, **event}, 422, "airmass_max"),
        ({"telescope": "ZTF", "colour": "blue", **event}, 422, "colour"),
    ]
    for body, status, words in cases:
        answer = await planner.client.post("/plans", json=body)
        assert answer.status_code == status, (body, answer.text)
        assert words in json.dumps(answer.json()), (body, answer.text)
    async with planner.client_for("read") as reader:
        refused = await reader.post("/plans", json={"telescope": "ZTF", **event})
    assert refused.status_code == 403
    assert (await planner.client.get(f"/plans/{uuid4()}")).status_code == 404


async def test_a_daylight_window_fails_with_the_reason(planner, world):
    ref, facts = world.map_at(RA, DEC)
    await world.event()
    await world.localization(ref, facts)
    now = planner.house.clock.now()
    noon = now.replace(hour=18) + timedelta(days=1)

    async def post():
        answer = await planner.client.post(
            "/plans",
            json={
                "telescope": "ZTF",
                "event_id": str(world.event_id),
                "window_begin": noon.isoformat(),
                "window_end": (noon + timedelta(hours=3)).isoformat(),
            },
        )
        return answer if answer.status_code == 202 else None

    answer = await eventually(post)

    async def failed():
        view = (await planner.client.get(f"/plans/{answer.json()['plan_id']}")).json()
        return view if view["state"] == "failed" else None

    view = await eventually(failed, deadline_s=60)
    assert "no night" in view["reason"]


async def test_telescopes_can_be_imported_and_references_loaded(planner, world):
    ztf = (await planner.client.get("/telescopes/ZTF")).json()
    assert ztf["grid_info"]["fields"] == 1778
    copy = ztf["definition"] | {"name": "ZTF-2", "long_name": "a second one"}
    answer = await planner.client.put("/telescopes/ZTF-2", json={"definition": copy})
    assert answer.status_code == 200, answer.text
    assert answer.json()["source"] == "imported"
    wrong = copy | {"filters": []}
    bad = await planner.client.put("/telescopes/ZTF-2", json={"definition": wrong})
    assert bad.status_code == 422
    assert "filters" in bad.json()["detail"]
    loaded = await planner.client.post(
        "/telescopes/ZTF-2/references",
        json={"references": [{"field_id": "500", "filter": "g"}]},
    )
    assert loaded.json() == {"telescope": "ZTF-2", "references": 1}
    near = await planner.client.get(
        "/telescopes/ZTF/grid", params={"ra_deg": 10, "dec_deg": 0, "radius_deg": 6}
    )
    assert near.json()["features"][0]["properties"]["distance_deg"] < 6
    ref, facts = world.map_at(RA, DEC)
    await world.event()
    await world.localization(ref, facts)
    await world.decision(profile=PlanningProfile(telescopes=("ZTF-2",)))
    (row,) = await _made(planner, world, 1)
    assert row["state"] == "failed"
    view = (await planner.client.get(f"/plans/{row['plan_id']}")).json()
    assert "no reference image" in view["reason"]
    assert any(cut["reason"] == "references" for cut in view["cuts"])


async def test_a_map_that_cannot_be_read_fails_the_plan_and_raises_an_alarm(planner, world):
    ref, facts = world.map_at(RA, DEC)
    spoilt = b"SIMPLE  = not a map"
    import hashlib

    sha256 = hashlib.sha256(spoilt).hexdigest()
    broken = ref.model_copy(update={"sha256": sha256, "uri": f"/api/ingest/v1/maps/{sha256}"})
    world.router.get(f"http://127.0.0.1:8410{broken.uri}").mock(
        return_value=httpx.Response(200, content=spoilt)
    )
    await world.event()
    await world.localization(broken, facts)
    await world.decision(profile=PlanningProfile(telescopes=("Gattini",)))
    (row,) = await _made(planner, world, 1)
    assert row["state"] == "failed"
    assert row["reason"].startswith("planning failed")
    from too_common.contracts.alarms import ALARM_BY_SERVICE

    alarm = await planner.house.expect(ALARM_BY_SERVICE["planner"])
    assert alarm.data.code == "failed_plan"


async def test_a_second_start_tells_nothing_new(house: House):
    from sqlalchemy import func, select
    from too_common.db import bus_table
    from too_planner.service import SERVICE

    async def told(service: ServiceUnderTest) -> int:
        async with service.ctx.unit_of_work() as uow:
            table = bus_table(service.ctx.metadata, "outbox")
            return await uow.session.scalar(select(func.count()).select_from(table))

    async with house.run(SERVICE, workers=1) as first:
        assert await told(first) == 5
    async with house.run(SERVICE, workers=1) as second:
        assert await told(second) == 5
        await eventually(lambda: second.ctx.state.get("bus") == "running" or True)

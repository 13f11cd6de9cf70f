"""ZTF's scheduler over its wire."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from too_simulators import Simulators
from too_simulators.core.sky import to_mjd

DUSK = datetime(2031, 3, 20, 2, 0, tzinfo=UTC)
"""Shortly before night at Palomar; after the wall clock of any test run."""


def target(field_id=245, filter_id=1, **more):
    return {
        "field_id": field_id,
        "filter_id": filter_id,
        "program_id": 2,
        "program_pi": "Kulkarni/somebody",
        "subprogram_name": "ToO_S999999a",
        "request_id": 17,
        "ra": 120.0,
        "dec": 30.0,
        "exposure_time": 300.0,
        **more,
    }


def queue(name="ToO_one", targets=None, begin_h=0.5, end_h=6.0, now=DUSK, **more):
    window = [to_mjd(now + timedelta(hours=begin_h)), to_mjd(now + timedelta(hours=end_h))]
    return {
        "queue_name": name,
        "queue_type": "list",
        "validity_window_mjd": window,
        "targets": [target()] if targets is None else targets,
        **more,
    }


@pytest.fixture
async def sim(tmp_path) -> AsyncIterator[Simulators]:
    async with Simulators.running(tmp_path, start_at=DUSK, frozen=True) as made:
        yield made


@pytest.fixture
async def ztf(sim) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=sim.host("ztf"), trust_env=False) as client:
        yield client


async def ask(ztf, method, path, body):
    return await ztf.request(method, path, json=body)


async def test_created_read_back_and_deleted(ztf, sim):
    made = await ask(ztf, "PUT", "/queues", queue())
    assert made.status_code == 201
    assert made.headers["date"].startswith("Thu, 20 Mar 2031 02:00")
    status = (await ask(ztf, "GET", "/queues", {"queue_name": "ToO_one"})).json()
    assert (status["is_TOO"], status["is_current"], status["is_valid"]) == (True, False, False)
    rows = json.loads(status["queue"])
    assert rows[0]["field_id"] == 245
    assert "request_id" not in rows[0]
    assert [one["queue_name"] for one in (await ask(ztf, "GET", "/queues", {})).json()] == [
        "default",
        "fallback",
        "ToO_one",
    ]
    assert (await ask(ztf, "DELETE", "/queues", {"queue_name": "ToO_one"})).status_code == 200
    assert (await ask(ztf, "DELETE", "/queues", {"queue_name": "ToO_one"})).status_code == 400
    gone = await ask(ztf, "GET", "/queues", {"queue_name": "ToO_one"})
    assert (gone.status_code, bool(gone.text)) == (404, True)


async def test_the_same_name_is_neither_compared_nor_replaced(ztf):
    await ask(ztf, "PUT", "/queues", queue())
    again = await ask(ztf, "PUT", "/queues", queue(targets=[target(filter_id=2), target()]))
    assert again.status_code == 200
    status = (await ask(ztf, "GET", "/queues", {"queue_name": "ToO_one"})).json()
    assert [row["filter_id"] for row in json.loads(status["queue"])] == [1]


async def test_older_server_says_200_and_nothing(ztf, sim):
    sim.world.ztf_api.older = True
    made = await ask(ztf, "PUT", "/queues", queue())
    assert (made.status_code, made.text) == (200, "")
    gone = await ask(ztf, "GET", "/queues", {"queue_name": "x"})
    assert (gone.status_code, gone.text) == (404, "")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"queue_name": "x", "queue_type": "list"}, 500),
        (queue(targets=[]), 400),
        (queue(queue_type="greedy"), 400),
        (queue(begin_h=2, end_h=1), 400),
        (queue(begin_h=-48, end_h=-40), 201),
        (queue(targets=[target(filter_id=4)]), 400),
        (queue(targets=[target(dec=-100.0)]), 400),
        (queue(targets=[target(ra=None)]), 400),
        (queue(targets=[{k: v for k, v in target().items() if k not in {"ra", "dec"}}]), 201),
        (
            queue(targets=[{k: v for k, v in target(99999).items() if k not in {"ra", "dec"}}]),
            400,
        ),
        (queue(targets=[{k: v for k, v in target().items() if k != "program_pi"}]), 400),
    ],
)
async def test_what_is_checked(ztf, body, status):
    assert (await ask(ztf, "PUT", "/queues", body)).status_code == status


async def test_bodies_and_names_that_fail(ztf):
    assert (await ztf.get("/queues")).status_code == 500
    assert (await ask(ztf, "DELETE", "/queues", {})).status_code == 400
    assert (await ask(ztf, "DELETE", "/queues", {"queue_name": "default"})).status_code == 403
    body = {"queue_name": "default", "validity_window": [62000.0, 62001.0]}
    assert (await ask(ztf, "PUT", "/validity_window", body)).status_code == 403
    await ask(ztf, "PUT", "/queues", queue())
    body["queue_name"] = "ToO_one"
    assert (await ask(ztf, "PUT", "/validity_window", body)).status_code == 200
    body["validity_window"] = [2462000.5, 2462001.5]
    assert (await ask(ztf, "PUT", "/validity_window", body)).status_code == 500


async def test_no_window_takes_the_telescope_at_once(ztf):
    body = queue()
    del body["validity_window_mjd"]
    assert (await ask(ztf, "PUT", "/queues", body)).status_code == 201
    assert (await ztf.get("/current_queue")).json()["queue_name"] == "ToO_one"


async def test_a_column_sent_in_part_becomes_null_elsewhere(ztf):
    await ask(ztf, "PUT", "/queues", queue(targets=[target(max_airmass=2.0), target()]))
    status = (await ask(ztf, "GET", "/queues", {"queue_name": "ToO_one"})).json()
    assert [row["max_airmass"] for row in json.loads(status["queue"])] == [2.0, None]


async def test_the_night_is_observed_in_order(ztf, sim):
    targets = [target(filter_id=1), target(300, 2, ra=130.0), target(301, 1, dec=-60.0)]
    await ask(ztf, "PUT", "/queues", queue(targets=targets))
    await sim.advance(1800)
    assert (await ztf.get("/current_queue")).json()["queue_name"] == "ToO_one"
    await sim.advance(7200)
    history = json.loads((await ask(ztf, "GET", "/obs_history", {})).json()["history"])
    assert [(row["field_id"], row["filter_id"], row["request_id"]) for row in history] == [
        (245, "g", 0),
        (300, "r", 1),
    ]
    first, second = history
    assert (second["exposure_mjd"] - first["exposure_mjd"]) * 86400 == pytest.approx(435, abs=1)
    status = (await ask(ztf, "GET", "/queues", {"queue_name": "ToO_one"})).json()
    assert [row["field_id"] for row in json.loads(status["queue"])] == [301]
    assert (await ask(ztf, "GET", "/obs_history", {"date": "2031-03-20"})).status_code == 400
    await sim.advance(24 * 3600)
    gone = await ask(ztf, "GET", "/queues", {"queue_name": "ToO_one"})
    assert gone.status_code == 404
    assert sim.told("ztf.queue_removed")[0].data["by"] == "00 UT"
    assert (await ask(ztf, "GET", "/obs_history", {})).json() == {"history": []}


async def test_a_second_too_queue_waits(ztf, sim):
    await ask(ztf, "PUT", "/queues", queue("plain", [target(1, subprogram_name="x")] * 200))
    await sim.advance(2400)
    assert (await ztf.get("/current_queue")).json()["queue_name"] == "plain"
    now = sim.clock.now()
    await ask(ztf, "PUT", "/queues", queue("ToO_one", [target(2)] * 2, begin_h=0, now=now))
    await ask(ztf, "PUT", "/queues", queue("ToO_two", [target(3)], begin_h=0, now=now))
    await sim.advance(2400)
    fields = [one.field_id for one in sim.world.ztf.state.history]
    assert [field for field in fields if field != 1] == [2, 2, 3]
    assert fields[-1] == 1


async def test_faults_of_the_robot(ztf, sim):
    sim.fault("robot ZTF", "clouds", for_s=4 * 3600)
    await ask(ztf, "PUT", "/queues", queue(targets=[target(1), target(2), target(3, 3)]))
    await sim.advance(3 * 3600)
    assert sim.world.ztf.state.history == []
    sim.fault("robot ZTF", "exposure_fails", times=1)
    sim.fault("robot ZTF", "filter_unavailable", params={"filter_id": 3})
    await sim.advance(2.5 * 3600)
    taken = [(one.field_id, one.filter_id) for one in sim.world.ztf.state.history]
    assert taken == [(2, 1), (3, 1)]
    assert [entry.data["field_id"] for entry in sim.told("ztf.exposure_failed")] == [1]


async def test_accept_then_drop_reply_or_lose_state(ztf, sim):
    sim.fault("PUT /ztf/queues", "drop_reply", times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        await ask(ztf, "PUT", "/queues", queue())
    assert (await ask(ztf, "GET", "/queues", {"queue_name": "ToO_one"})).status_code == 200
    sim.fault("PUT /ztf/queues", "lose_state", times=1)
    assert (await ask(ztf, "PUT", "/queues", queue("ToO_two"))).status_code == 201
    assert (await ask(ztf, "GET", "/queues", {"queue_name": "ToO_two"})).status_code == 404


@pytest.mark.parametrize(
    ("kind", "params", "status"), [("status", {"status": 502}, 502), ("html", {}, 200)]
)
async def test_canned_answers(ztf, sim, kind, params, status):
    sim.fault("PUT /ztf/queues", kind, times=1, params=params)
    answer = await ask(ztf, "PUT", "/queues", queue())
    assert answer.status_code == status
    assert sim.world.ztf.state.queues == {}


async def test_refuse_hang_and_slow_body(ztf, sim):
    sim.fault("GET /ztf/queues", "refuse", times=1)
    with pytest.raises(httpx.TransportError):
        await ask(ztf, "GET", "/queues", {})
    sim.fault("PUT /ztf/queues", "hang", times=1)
    with pytest.raises(httpx.ReadTimeout):
        await ztf.request("PUT", "/queues", json=queue(), timeout=0.2)
    assert sim.world.ztf.state.queues == {}
    sim.fault("GET /ztf/queues", "slow_body", times=1, params={"seconds": 0.2})
    assert len((await ask(ztf, "GET", "/queues", {})).json()) == 2


async def test_other_content_under_our_name(ztf, sim):
    sim.fault("PUT /ztf/queues", "other_content", times=1)
    assert (await ask(ztf, "PUT", "/queues", queue())).status_code == 200
    status = (await ask(ztf, "GET", "/queues", {"queue_name": "ToO_one"})).json()
    assert json.loads(status["queue"])[0]["program_pi"] == "Other/person"


async def test_it_says_that_it_is_a_simulator_and_its_clock_can_be_off(ztf, sim):
    assert (await ztf.get("/__simulator__")).json() == {"simulator": True}
    sim.fault("GET /ztf/*", "clock_off", params={"seconds": 600})
    answer = await ztf.get("/__simulator__")
    assert answer.headers["date"] == "Thu, 20 Mar 2031 02:10:00 GMT"


async def test_everything_is_there_after_a_restart(tmp_path):
    async with Simulators.running(tmp_path, start_at=DUSK) as sim, httpx.AsyncClient() as client:
        await client.request("PUT", sim.host("ztf") + "/queues", json=queue())
    async with Simulators.running(tmp_path) as sim:
        assert list(sim.world.ztf.state.queues) == ["ToO_one"]
        assert sim.clock.now() >= DUSK
        assert sim.told("ztf.queue_accepted")[0].data["queue_name"] == "ToO_one"
        sim.world.ztf.restart()
        assert sim.world.ztf.state.queues == {}


async def test_clock_over_http(sim):
    async with httpx.AsyncClient(base_url=sim.http_url, trust_env=False) as client:
        reading = (await client.get("/control/clock")).json()
        moved = await client.post("/control/clock", json={"advance_s": 60})
        assert moved.json()["version"] == reading["version"] + 1
        assert (
            await client.post("/control/clock", json={"to": DUSK.isoformat()})
        ).status_code == 409
        assert (await client.post("/control/clock", json={"advance_s": -1})).status_code == 422
        assert (await client.post("/control/clock", json={})).status_code == 422
        assert (await client.post("/control/clock", content="{}")).status_code == 415
        polled = await client.get("/control/clock", params={"after": reading["version"]})
        assert polled.json()["version"] == reading["version"] + 1
        same = await client.get(
            "/control/clock", params={"after": polled.json()["version"], "timeout_s": 0.05}
        )
        assert same.json()["version"] == polled.json()["version"]


async def test_faults_over_http(ztf, sim):
    async with httpx.AsyncClient(base_url=sim.http_url, trust_env=False) as client:
        body = {"route": "* /ztf/*", "kind": "status", "params": {"status": 503}}
        made = await client.post("/control/faults", json=body)
        assert made.status_code == 201
        assert (await ask(ztf, "GET", "/queues", {})).status_code == 503
        assert len((await client.get("/control/faults")).json()["faults"]) == 1
        off = await client.delete(f"/control/faults/{made.json()['id']}")
        assert off.json() == {"removed": 1}
        assert (await client.post("/control/faults", json={"route": "x"})).status_code == 422
        entries = (await client.get("/control/journal", params={"kind": "fault"})).json()
        assert [entry["kind"] for entry in entries] == ["fault.on", "fault.off"]
    assert (await ask(ztf, "GET", "/queues", {})).status_code == 200


async def test_a_person_at_the_scheduler(ztf, sim):
    await ask(ztf, "PUT", "/queues", queue())
    await ask(ztf, "PUT", "/queues", queue("ToO_two"))
    async with httpx.AsyncClient(base_url=sim.http_url + "/control", trust_env=False) as client:
        gone = await client.post("/ztf/delete-queue", json={"queue_name": "ToO_one"})
        assert gone.status_code == 200
        gone = await client.post("/ztf/delete-queue", json={"queue_name": "ToO_one"})
        assert gone.status_code == 404
        await client.post("/ztf/restart", json={})
        await client.post("/ztf/older-server", json={"on": True})
    assert (await ask(ztf, "PUT", "/queues", queue())).text == ""
    assert sim.told("ztf.restarted")[0].data["lost"] == ["ToO_two"]


async def test_to_the_next_window(ztf, sim):
    await ask(ztf, "PUT", "/queues", queue(begin_h=3.0))
    async with httpx.AsyncClient(base_url=sim.http_url, trust_env=False) as client:
        answer = (await client.post("/control/clock/next-window", json={})).json()
    assert datetime.fromisoformat(answer["stack_time"]) == pytest.approx(
        DUSK + timedelta(hours=3), abs=timedelta(seconds=2)
    )
    assert "ZTF" in answer["why"]

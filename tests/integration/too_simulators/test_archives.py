"""IRSA with pyvo, the depot, GCN's form, map servers."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import requests
from pyvo.dal import DALOverflowWarning, DALQueryError, TAPService
from too_simulators import Simulators
from too_simulators.core.sky import MJD_ZERO, to_mjd

DUSK = datetime(2031, 3, 20, 2, 0, tzinfo=UTC)
TABLE = "ztf.ztf_current_meta_sci"


def queue(count=3):
    targets = [
        {
            "field_id": 600 + number,
            "filter_id": 1,
            "program_id": 2,
            "program_pi": "Kulkarni/somebody",
            "subprogram_name": "ToO_x",
            "ra": 120.0,
            "dec": 30.0,
            "exposure_time": 300.0,
        }
        for number in range(count)
    ]
    window = [to_mjd(DUSK), to_mjd(DUSK + timedelta(hours=8))]
    return {
        "queue_name": "ToO_x",
        "queue_type": "list",
        "validity_window_mjd": window,
        "targets": targets,
    }


@pytest.fixture
async def sim(tmp_path):
    async with Simulators.running(tmp_path, start_at=DUSK, frozen=True) as made:
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.put(made.host("ztf") + "/queues", json=queue())
        yield made


def search(sim, query, **more):
    with requests.Session() as session:
        session.trust_env = False
        service = TAPService(sim.host("irsa") + "/TAP", session=session)
        return service.search(query, **more)


async def ask(sim, query):
    return (await asyncio.to_thread(search, sim, query)).to_table()


async def test_quadrants_come_late_and_in_part(sim):
    begin, end = to_mjd(DUSK) + MJD_ZERO, to_mjd(DUSK) + MJD_ZERO + 1
    query = (
        f"SELECT field, rcid, fid, expid, obsjd, exptime, maglimit, ipac_gid FROM {TABLE} "
        f"WHERE field IN (600, 601, 602) AND field < 2000 AND obsjd BETWEEN {begin!r} AND {end!r}"
    )
    await sim.advance(1.5 * 3600)
    history = sim.world.ztf.state.history
    assert history
    first = history[0]
    sim.clock.to(max(first.end + timedelta(seconds=1000), sim.clock.now()))
    await sim.settle()
    await sim.advance(3600)
    table = await ask(sim, query)
    assert len(table) == 192
    assert set(table["fid"]) == {1}
    assert table["obsjd"][0] == pytest.approx(to_mjd(first.start) + MJD_ZERO, abs=1e-6)
    assert table["obsjd"].unit == "d"
    assert len(await ask(sim, query + " AND rcid = 7 ORDER BY obsjd DESC")) == 3
    empty = await ask(sim, f"SELECT * FROM {TABLE} WHERE field < 2000 AND obsjd > {end!r}")
    assert len(empty) == 0


async def test_partial_and_late(tmp_path):
    settings = {"irsa_first_s": 600, "irsa_spread_s": 600}
    async with Simulators.running(tmp_path, start_at=DUSK, frozen=True, **settings) as sim:
        sim.fault("robot ZTF", "partial_quadrants", times=1, params={"quadrants": 20})
        sim.fault("robot ZTF", "late_processing", for_s=2 * 3600)
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.put(sim.host("ztf") + "/queues", json=queue(1))
        await sim.advance(6 * 3600)
        count = f"SELECT COUNT(*) FROM {TABLE} WHERE field = 600"
        assert (await ask(sim, count))["count"][0] == 0
        await sim.advance(2 * 86400)
        assert (await ask(sim, count))["count"][0] == 20


async def test_half_of_the_quadrants(sim):
    await sim.advance(1.2 * 3600)
    first = sim.world.ztf.state.history[0]
    sim.world.irsa_api._pipeline = None
    sim.clock.to(max(sim.clock.now(), first.end + timedelta(seconds=600 + 450)))
    table = await ask(sim, f"SELECT rcid FROM {TABLE} WHERE expid = {first.expid}")
    assert 10 < len(table) < 64


async def test_overflow_and_errors(sim):
    await sim.advance(4 * 3600)
    cut = await asyncio.to_thread(search, sim, f"SELECT * FROM {TABLE}", maxrec=100)
    assert (cut.query_status, len(cut)) == ("OVERFLOW", 100)
    sim.fault("POST /irsa/TAP/sync", "overflow", times=1, params={"rows": 10})
    with pytest.warns(DALOverflowWarning):
        cut = await asyncio.to_thread(search, sim, f"SELECT field FROM {TABLE}")
    assert (cut.query_status, len(cut)) == ("OVERFLOW", 10)
    for wrong in ("SELECT x FROM " + TABLE, "SELECT field FROM y", "SELECT", "DROP TABLE x"):
        with pytest.raises(DALQueryError):
            await ask(sim, wrong)


async def test_the_depot(sim):
    await sim.advance(4 * 3600)
    login = ("depot", "simulated-depot")
    base = sim.host("depot") + "/ztf/depot"
    async with httpx.AsyncClient(trust_env=False) as client:
        path = f"{base}/20310320/ztf_recentproc_20310320.json"
        assert (await client.head(path)).status_code == 401
        assert (await client.head(path, auth=("depot", "x"))).status_code == 401
        assert (await client.head(path, auth=login)).status_code == 200
        rows = (await client.get(path, auth=login)).json()
        assert [(row["field_id"], row["status"]) for row in rows] == [(600, 0), (601, 0), (602, 0)]
        text = (await client.get(f"{base}/20310320/goodsubs_20310320.txt", auth=login)).text
        lines = text.splitlines()
        assert lines[0].startswith("| jd | field | fid | expid | rcid |")
        assert len(lines) == 2 + 192
        references = f"{base}/adhoc/specialrefs/SpecialRefImages.txt"
        assert (await client.get(references)).status_code == 401
        table = (await client.get(references, auth=login)).text
        assert table.startswith("| field | fid | maglimcat |")
        assert len(table.splitlines()) > 1000
        missing = await client.get(f"{base}/20310319/ztf_recentproc_20310319.json", auth=login)
        assert (missing.status_code, "<html>" in missing.text) == (404, True)


async def test_gcn_form_and_api(sim):
    async with httpx.AsyncClient(trust_env=False, base_url=sim.host("gcn")) as client:
        form = await client.get(
            "/circulars/new", params={"subject": 'LIGO/Virgo S999999a: <b>"x"', "body": "a\nb"}
        )
        assert "LIGO/Virgo S999999a: &lt;b&gt;&quot;x&quot;" in form.text
        sent = await client.post("/circulars/new", data={"subject": "S999999a", "body": "a\r\nb"})
        assert sent.status_code == 303
        shown = await client.get(sent.headers["location"].removeprefix("/gcn"))
        assert "<pre>a\nb</pre>" in shown.text
        body = {"subject": "S999999a: second", "body": "text"}
        accept = {"Accept": "application/json"}
        bearer = {"Authorization": "Bearer simulated-gcn-token", **accept}
        assert (await client.post("/api/circulars", json=body, headers=accept)).status_code == 403
        html = {**bearer, "Accept": "text/html"}
        assert (await client.post("/api/circulars", json=body, headers=html)).status_code == 404
        assert (await client.put("/api/circulars", json=body, headers=bearer)).status_code == 405
        assert (await client.post("/api/circulars", json={}, headers=bearer)).status_code == 400
        made = (await client.post("/api/circulars", json=body, headers=bearer)).json()
        assert made["circularId"] == sim.world.gcn.state.circulars[-1].circular_id
    assert [entry.data["by"] for entry in sim.told("gcn.circular")] == ["form", "api"]


async def test_maps_are_kept_and_given(sim):
    content = b"SIMPLE" * 1000
    async with httpx.AsyncClient(trust_env=False, base_url=sim.host("maps")) as client:
        assert (await client.get("/x.fits")).status_code == 404
        kept = await client.put("/MS999999a/bayestar.multiorder.fits,0", content=content)
        assert (kept.status_code, kept.json()["size"]) == (201, len(content))
        got = await client.get("/MS999999a/bayestar.multiorder.fits,0")
        assert (got.content, got.headers["content-type"]) == (content, "application/fits")
        assert (await client.put("/..%2f..%2fx", content=b"")).status_code in {400, 404}


async def test_everything_of_the_page_is_served(sim):
    async with httpx.AsyncClient(trust_env=False, base_url=sim.http_url) as client:
        page = await client.get("/")
        assert page.headers["content-type"].startswith("text/html")
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        assert (await client.get("/readyz")).status_code == 200
        overview = (await client.get("/control/overview")).json()
        assert json.dumps(overview)
        assert overview["ztf"]["queues"][0]["queue_name"] == "ToO_x"

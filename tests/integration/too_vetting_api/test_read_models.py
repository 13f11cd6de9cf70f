"""Read models, candidates and galaxies: from the bus to the API."""

import asyncio
import hashlib
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from too_common.astro.cone import cone_skymap, ellipse_skymap
from too_common.cause import Cause
from too_common.contracts.vetting_api import CandidateChanged, CataloguePublished
from too_common.testing.service import eventually
from too_vetting_api.service import SERVICE
from too_vetting_api.worker_tasks import candidate_levels, rank_catalogue

sys.path.insert(0, str(Path(__file__).parents[2] / "browser"))

from sample_night import DEC, RA, Night

PLACE = {"name": "near", "ra_deg": RA, "dec_deg": DEC, "redshift": 0.0098}


@pytest.fixture
async def service(house, tmp_path):
    async with house.run(SERVICE, catalogue_dir=tmp_path / "cat", workers=0) as running:
        yield running


@pytest.fixture
def night(house):
    return Night(house.clock.now(), uuid4())


@pytest.fixture
def serve_map(service, night, monkeypatch):
    """Ingest's answer to a map, by its hash."""
    maps = {night.sha256: night.fits}

    async def fetch(ref):
        path = service.ctx.common.data_dir / ref.sha256
        await asyncio.to_thread(path.write_bytes, maps[ref.sha256])
        return path

    monkeypatch.setattr(service.ctx.services, "fetch_blob_file", fetch)
    return maps


async def tell(house, items, cause=None):
    for data, key, revision in items:
        await house.publish(data, key=key, revision=revision, cause=cause)


async def get(service, path, **params):
    answer = await service.client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_events_are_listed_with_what_became_of_them(service, house, night):
    await tell(house, night.told(), Cause())
    events = await eventually(
        lambda: _complete(service), what="the event with plans and submissions"
    )
    first = events["items"][0]
    assert first["name"] == "S261122ab"
    assert first["verdict"] == "wanted"
    assert first["incident_state"] == "triggered"
    assert (first["plans_ready"], first["plans_failed"], first["in_queue"]) == (4, 1, 2)
    assert first["map"]["area90_deg2"] == pytest.approx(night.facts.area90_deg2)
    names = [item["name"] for item in events["items"]]
    assert "S261121zz" not in names
    everything = await get(service, "/events", retracted=True)
    assert "S261121zz" in [item["name"] for item in everything["items"]]
    assert (await get(service, "/events", kind="grb"))["items"][0]["name"] == "GRB 261122A"
    one = await get(service, "/events", limit=1)
    two = await get(service, "/events", limit=1, cursor=one["next_cursor"])
    assert two["items"][0]["name"] == "GRB 261122A"
    assert two["next_cursor"] is None


async def _complete(service):
    found = await get(service, "/events")
    items = found["items"]
    done = items and items[0]["in_queue"] == 2 and items[0]["plans_failed"] == 1
    return found if done else None


async def test_a_stale_revision_changes_nothing(service, house, night):
    key = str(night.event_id)
    await tell(
        house, [(night.event(notice_count=9), key, 9), (night.event(notice_count=1), key, 1)]
    )
    await tell(house, [(night.incident(), key, 1)])
    detail = await eventually(lambda: _detail(service, night, "incidents"), what="the incident")
    assert detail["event"]["notice_count"] == 9
    assert detail["revision"] == 9


async def _detail(service, night, *needed):
    answer = await service.client.get(f"/events/{night.event_id}")
    if answer.status_code == 404:
        return None
    detail = answer.json()
    return detail if all(detail[name] for name in needed) else None


async def test_the_time_line_counts_from_the_notice(service, house, night):
    cause = Cause()
    await tell(house, night.told(), cause)
    needed = ("submissions", "exposures", "coverage", "drafts")
    detail = await eventually(lambda: _detail(service, night, *needed), what="everything")
    lines = [line for line in detail["timeline"] if line["received_at"]]
    assert [line["correlation_id"] for line in lines] == [str(cause.correlation_id)]
    by_step = {}
    for entry in lines[0]["entries"]:
        by_step.setdefault(entry["step"], entry["seconds"])
    assert by_step["received"] == 0
    assert by_step["paged"] == 4
    assert by_step["planned"] == 5
    assert by_step["approved"] == 360
    assert by_step["accepted"] == 362
    assert by_step["first_exposure"] == 9 * 60


async def test_an_approval_belongs_to_the_notice_of_its_plan(service, house, night):
    notice, act = Cause(), Cause(actor=uuid4())
    key = str(night.event_id)
    await tell(house, [(night.event(), key, 1), (night.plan("ZTF"), key, 1)], notice)
    await tell(house, [(night.submission("ZTF", "accepted"), key, 2)], act)
    detail = await eventually(lambda: _detail(service, night, "submissions"), what="submission")
    assert len(detail["timeline"]) == 1
    assert detail["timeline"][0]["correlation_id"] == str(notice.correlation_id)


async def test_an_event_is_found_by_its_name(service, house, night):
    await tell(house, [(night.event(), str(night.event_id), 1)])
    await eventually(lambda: _detail(service, night), what="the event")
    found = await get(service, "/events/S261122ab")
    assert found["event"]["event_id"] == str(night.event_id)
    assert (await service.client.get("/events/S261122a")).status_code == 404


async def test_candidates_get_their_levels_in_the_preferred_map(service, house, night, serve_map):
    key = str(night.event_id)
    await tell(house, [(night.event(), key, 1), (night.localization(), key, 1)])
    await eventually(lambda: _detail(service, night, "localizations"), what="the map")
    rows = [PLACE, {"name": "bad", "ra_deg": "x", "dec_deg": 0},
            {"name": "far", "ra_deg": 10, "dec_deg": 10}]  # fmt: skip
    answer = await service.client.post("/candidates", params={"event_id": key}, json=rows)
    assert answer.status_code == 201
    body = answer.json()
    assert [item["name"] for item in body["accepted"]] == ["near", "far"]
    assert [(item["row"], item["name"]) for item in body["rejected"]] == [(2, "bad")]

    async def ranked():
        page = await get(service, "/candidates", event_id=key)
        done = all(item["map_sha256"] for item in page["items"])
        return page if done else None

    page = await eventually(ranked, what="levels")
    near, far = page["items"]
    assert near["name"] == "near"
    assert near["credible_level_2d"] < 0.05
    assert 0 < near["credible_level_3d"] < 0.6
    assert far["credible_level_2d"] > 0.999
    assert far["credible_level_3d"] is None
    inside = await get(service, "/candidates", event_id=key, where="credible_level_2d::0.9")
    assert [item["name"] for item in inside["items"]] == ["near"]
    told = await house.expect(
        CandidateChanged, lambda data: data.name == "near" and data.map_sha256 is not None
    )
    assert told.key == key

    # a better map elsewhere: the levels are made anew
    other = cone_skymap(RA + 40, DEC, 2.0, 0.9)
    serve_map[other.sha256] = other.to_fits()
    better = night.localization().model_copy(update={
        "localization_id": uuid4(), "sequence": 3, "facts": other.facts(),
        "event_revision": night.localization().event_revision + 1,
        "map": night.localization().map.model_copy(update={"sha256": other.sha256}),
    })  # fmt: skip
    await tell(house, [(better, key, 2)])

    async def anew():
        page = await get(service, "/candidates", event_id=key)
        return all(item["map_sha256"] == other.sha256 for item in page["items"]) and page

    page = await eventually(anew, what="levels in the new map")
    assert all(item["credible_level_2d"] > 0.99 for item in page["items"])
    assert all(item["credible_level_3d"] is None for item in page["items"])


async def test_votes_verdicts_and_the_same_name_again(service, house, night):
    key = str(night.event_id)
    await tell(house, [(night.event(), key, 1)])
    await eventually(lambda: _detail(service, night), what="the event")
    first = (await service.client.post("/candidates", json={**PLACE, "event_id": key})).json()
    again = (await service.client.post(
        "/candidates/file", params={"event_id": key},
        content=b"name,ra,dec,mag,filter,mjd\nnear,197.46,-23.38,18.5,g,61366.1\n",
    )).json()  # fmt: skip
    assert not again["accepted"][0]["is_new"]
    candidate_id = first["accepted"][0]["candidate_id"]
    assert again["accepted"][0]["candidate_id"] == candidate_id
    async with service.client_for("read", "vet", name="Ben") as ben:
        await ben.put(f"/candidates/{candidate_id}/vote", json={"vote": 1, "comment": "blue"})
        view = (await ben.put(f"/candidates/{candidate_id}/vote", json={"vote": -1})).json()
    assert view["score"] == -1
    assert len(view["votes"]) == 1
    assert view["redshift"] == 0.0098
    assert view["magnitude"] == 18.5
    refused = await service.client.put(
        f"/candidates/{candidate_id}/verdict", json={"verdict": "rejected"}
    )
    assert refused.status_code == 422
    await service.client.put(
        f"/candidates/{candidate_id}/verdict", json={"verdict": "rejected", "reason": "moving"}
    )
    told = await house.expect(CandidateChanged, lambda data: data.verdict == "rejected")
    assert told.data.votes[0].vote == -1
    async with service.client_for("read") as reader:
        weak = await reader.put(f"/candidates/{candidate_id}/vote", json={"vote": 1})
        assert weak.status_code == 403
        export = await reader.get("/candidates/export", params={"event_id": key})
    assert export.text.splitlines()[1].startswith("near,,197.46,")


async def test_paging_by_keyset_sees_each_candidate_once(service):
    rows = [{"name": f"c{i:03d}", "ra_deg": i, "dec_deg": 0,
             **({"redshift": (i * 7 % 5) / 10} if i % 3 else {})} for i in range(40)]  # fmt: skip
    await service.client.post("/candidates", json=rows)
    for sort in ("redshift", "-redshift", "name", "-ra_deg"):
        seen, cursor = [], None
        while True:
            params = {"sort": sort, "limit": 7, **({"cursor": cursor} if cursor else {})}
            page = await get(service, "/candidates", **params)
            seen += [item["name"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert sorted(seen) == [f"c{i:03d}" for i in range(40)], sort


async def test_all_rows_bad_is_422_and_an_unknown_event_is_named(service):
    answer = await service.client.post("/candidates", json=[{"name": "x"}])
    assert answer.status_code == 422
    answer = await service.client.post("/candidates", json={**PLACE, "event_id": str(uuid4())})
    assert answer.status_code == 422
    assert "no event" in answer.json()["rejected"][0]["detail"]


async def test_galaxies_are_ranked_and_the_snapshot_is_served(service, house, night, serve_map):
    key = str(night.event_id)
    await eventually(lambda: get(service, "/catalogues"), what="the sample catalogue")
    published = await house.expect(CataloguePublished)
    reference = published.data.snapshot
    assert published.data.name == "openngc"
    blob = await service.client.get(reference.uri.removeprefix("/api/vetting-api/v1"))
    assert blob.status_code == 200
    assert hashlib.sha256(blob.content).hexdigest() == reference.sha256
    assert len(blob.content) == reference.size_bytes
    await tell(house, [(night.event(), key, 1)])
    await eventually(lambda: _detail(service, night), what="the event")
    missing = await service.client.get(f"/events/{key}/galaxies")
    assert missing.status_code == 404
    assert missing.json()["code"] == "no_map"
    await tell(house, [(night.localization(), key, 1)])
    await eventually(lambda: _detail(service, night, "localizations"), what="the map")
    page = await get(service, f"/events/{key}/galaxies", limit=5)
    assert page["items"][0]["name"] == "NGC4993"
    assert page["for_half_of_score"] <= page["for_ninety_of_score"] <= page["galaxies_in_map"]
    names, cursor = [], None
    while True:
        params = {"sort": "distance_mpc", "limit": 11, **({"cursor": cursor} if cursor else {})}
        part = await get(service, f"/events/{key}/galaxies", **params)
        names += [item["name"] for item in part["items"]]
        cursor = part["next_cursor"]
        if cursor is None:
            break
    assert len(names) == len(set(names)) == page["total"]
    near = await get(service, f"/events/{key}/galaxies", where="distance_mpc:30:50")
    assert all(30 <= item["distance_mpc"] <= 50 for item in near["items"])
    export = await service.client.get(f"/events/{key}/galaxies/export", params={"format": "md"})
    assert "| NGC4993 |" in export.text


async def test_the_clock_is_not_moved_where_it_is_real(service):
    answer = await service.client.post("/clock", json={"to_next_window": True})
    assert answer.status_code == 409
    assert answer.json()["code"] == "real_clock"


def test_levels_agree_with_the_map_itself(tmp_path):
    skymap = ellipse_skymap(200.0, 10.0, 5.0, 2.0, 30.0, 0.9)
    path = tmp_path / "map.fits"
    path.write_bytes(skymap.to_fits())
    base = {"redshift": None, "redshift_error": None, "distance_mpc": None,
            "distance_error_mpc": None}  # fmt: skip
    points = [{"ra_deg": 200.0 + dx, "dec_deg": 10.0, **base} for dx in (0.0, 1.0, 8.0)]
    levels = candidate_levels(str(path), points)
    expected = skymap.credible_level([200.0, 201.0, 208.0], [10.0] * 3)
    assert [item.level_2d for item in levels] == pytest.approx(list(expected))
    assert all(item.level_3d is None for item in levels)


def test_an_empty_ranking_is_a_list_without_rows(tmp_path, night):
    from too_vetting_api.catalogues.ranking import RankedList
    from too_vetting_api.catalogues.snapshot import assemble, empty, write

    table = empty(2)
    table["ra_deg"], table["dec_deg"] = [10.0, 11.0], [60.0, 61.0]
    written = write(assemble([table]), tmp_path)
    path = tmp_path / "map.fits"
    path.write_bytes(night.fits)
    assert rank_catalogue(str(path), str(written.path), str(tmp_path / "r.npy")) == 0
    ranked = RankedList(tmp_path / "r.npy", written.path)
    page = ranked.page(sort="score", descending=True, ranges=[], limit=5, after=None)
    assert page.rows == []
    assert ranked.reach().galaxies == 0

"""Events and regions by hand; the Earth taken out of what Fermi's detectors saw."""

import json
from datetime import timedelta

import httpx
import numpy as np
import pytest
from too_common.astro import occultation, sphere
from too_common.astro.skymap import SkyMap
from too_common.contracts.ingest import LocalizationReady
from too_common.testing.service import House, eventually
from too_ingest.samples.voevent_text import voevent
from too_ingest.service import SERVICE


async def ready(ingest, event_id, count=1):
    async def probe():
        found = (await ingest.client.get(f"/events/{event_id}/localizations")).json()
        done = [item for item in found if item["state"] in {"ready", "failed"}]
        return done if len(done) >= count else None

    return await eventually(probe, what="localizations")


async def skymap_of(ingest, item):
    return SkyMap.from_fits((await ingest.client.get(f"/maps/{item['map_sha256']}")).content)


async def test_events_by_form(house: House):
    async with house.run(SERVICE) as ingest:

        async def make(name, **fields):
            answer = await ingest.client.post("/events", json={"name": name, **fields})
            assert answer.status_code == 201, answer.text
            (item,) = await ready(ingest, answer.json()["id"])
            assert (item["state"], item["origin"]) == ("ready", "cone"), item
            return item["facts"], await skymap_of(ingest, item)

        circle, _ = await make("Circle", ra_deg=10, dec_deg=20, radius_deg=3, containment=0.9)
        assert circle["area90_deg2"] == pytest.approx(np.pi * 9, rel=0.01)
        ellipse, skymap = await make(
            "Ellipse",
            ra_deg=200,
            dec_deg=-60,
            semi_major_deg=4,
            semi_minor_deg=1,
            position_angle_deg=90,
        )
        assert ellipse["area90_deg2"] == pytest.approx(np.pi * 4, rel=0.01)
        east = sphere.offset_deg(200.0, -60.0, 90.0, 3.0)
        north = sphere.offset_deg(200.0, -60.0, 0.0, 3.0)
        assert skymap.density(*east) > 50 * skymap.density(*north)
        corners = [[359.0, 1.0], [1.0, 1.0], [1.0, -1.0], [359.0, -1.0]]
        polygon, skymap = await make("Polygon", corners_deg=corners)
        assert polygon["area90_deg2"] == pytest.approx(0.9 * 4.0, rel=0.02)
        assert skymap.density(0.0, 0.0) > 0
        # an event without any place
        answer = await ingest.client.post("/events", json={"name": "Nowhere"})
        assert answer.status_code == 201


WRONG = [
    ({"ra_deg": 10}, "both ra_deg and dec_deg"),
    ({"radius_deg": 3}, "needs a position"),
    ({"ra_deg": 1, "dec_deg": 2, "semi_major_deg": 3}, "semi_minor_deg"),
    ({"ra_deg": 1, "dec_deg": 2, "semi_major_deg": 3, "semi_minor_deg": 4}, "larger"),
    ({"ra_deg": 1, "dec_deg": 2, "radius_deg": 3, "position_angle_deg": 4}, "ellipse"),
    ({"ra_deg": 1, "dec_deg": 2, "radius_deg": 3, "containment": 1}, "below 1"),
    ({"corners_deg": [[1, 1], [2, 2]]}, "at least 3"),
    ({"corners_deg": [[1, 1], [2, 2], [3, 95]]}, "90"),
    ({"ra_deg": 1, "dec_deg": 2, "corners_deg": [[1, 1], [2, 2], [3, 1]]}, "leave out"),
    ({"map_url": "https://example.org/a.fits"}, "not in the list of map servers"),
    ({"map_url": "http://gracedb.ligo.org/a.fits"}, "https only"),
]


async def test_wrong_forms_are_refused_with_the_reason(house: House):
    async with house.run(SERVICE) as ingest:
        for fields, says in WRONG:
            answer = await ingest.client.post("/events", json={"name": "Wrong", **fields})
            assert answer.status_code == 422, fields
            assert says in json.dumps(answer.json()), fields
        assert (await ingest.client.get("/events")).json()["items"] == []


async def test_regions_and_addresses_for_an_event(house: House, monkeypatch):
    async with house.run(SERVICE) as ingest:
        made = await ingest.client.post(
            "/events", json={"name": "One", "ra_deg": 10, "dec_deg": 20, "radius_deg": 3}
        )
        event_id = made.json()["id"]
        answer = await ingest.client.post(f"/events/{event_id}/regions", json={})
        assert answer.status_code == 422
        crossed = [[0.0, 0.0], [2.0, 2.0], [2.0, 0.0], [0.0, 1.0]]
        answer = await ingest.client.post(
            f"/events/{event_id}/regions", json={"corners_deg": crossed}
        )
        assert answer.status_code == 202
        found = {item["origin"]: item for item in await ready(ingest, event_id, 2)}
        assert found["upload"]["state"] == "failed"
        assert "cross each other" in found["upload"]["reason"]
        assert found["cone"]["is_preferred"]
        body = {"ra_deg": 11, "dec_deg": 21, "radius_deg": 1}
        await ingest.client.post(f"/events/{event_id}/regions", json=body)
        *_, newest = sorted(await ready(ingest, event_id, 3), key=lambda i: i["notice_at"])
        assert newest["is_preferred"]
        assert newest["facts"]["area90_deg2"] == pytest.approx(np.pi, rel=0.01)

        fits = (await ingest.client.get(f"/maps/{newest['map_sha256']}")).content

        def handler(request: httpx.Request) -> httpx.Response:
            assert request.url.host == "gracedb.ligo.org"

            async def stream():
                yield fits

            return httpx.Response(200, content=stream())

        client = httpx.AsyncClient(transport=httpx.MockTransport(handler))
        monkeypatch.setattr(ingest.ctx, "http", client)
        refused = await ingest.client.post(
            f"/events/{event_id}/maps/from-address", json={"url": "https://example.org/a.fits"}
        )
        assert refused.status_code == 422
        assert "gracedb.ligo.org" in refused.json()["detail"]
        second = (await ingest.client.post("/events", json={"name": "Two"})).json()["id"]
        taken = await ingest.client.post(
            f"/events/{second}/maps/from-address", json={"url": "https://gracedb.ligo.org/a.fits"}
        )
        assert taken.status_code == 202
        (item,) = await ready(ingest, second)
        assert item["map_sha256"] == newest["map_sha256"]


async def test_regions_as_mocs(house: House):
    async with house.run(SERVICE) as ingest:
        made = await ingest.client.post(
            "/events", json={"name": "M", "ra_deg": 10, "dec_deg": 20, "radius_deg": 3}
        )
        (item,) = await ready(ingest, made.json()["id"])
        path = f"/maps/{item['map_sha256']}/moc"
        moc = await ingest.client.get(path, params={"format": "json", "level": 0.9})
        cells = {int(order): pixels for order, pixels in moc.json().items()}
        area = sum(len(found) * 41252.96 / (12 * 4**order) for order, found in cells.items())
        assert area == pytest.approx(item["facts"]["area90_deg2"], rel=0.01)
        fits = await ingest.client.get(path)
        assert fits.content.startswith(b"SIMPLE  =")
        assert "0.9.moc.fits" in fits.headers["content-disposition"]
        same = await ingest.client.get(path, headers={"If-None-Match": fits.headers["etag"]})
        assert same.status_code == 304
        text = await ingest.client.get(path, params={"format": "ascii", "level": 0.5})
        assert "/" in text.text
        for wrong in ({"level": 0}, {"level": 2}, {"format": "png"}):
            assert (await ingest.client.get(path, params=wrong)).status_code == 422
        missing = await ingest.client.get(f"/maps/{'0' * 64}/moc")
        assert missing.status_code == 404


async def test_the_earth_is_taken_out_of_what_gbm_saw(house: House):
    now = house.clock.now() - timedelta(minutes=1)
    disc = occultation.earth_disc(314.87, 19.25, now)
    # a burst just above the limb
    ra, dec = (float(x) for x in sphere.offset_deg(disc.ra_deg, disc.dec_deg, 40.0, 72.0))

    def flight(trigger, longitude):
        return voevent(
            ivorn=f"ivo://nasa.gsfc.gcn/Fermi#GBM_Flt_Pos_{now:%Y-%m-%dT%H:%M:%S}_{trigger}_1-1",
            date=now,
            author="Fermi (test)",
            params=[
                ("Packet_Type", "111", ""),
                ("TrigID", str(trigger), ""),
                ("SC_Long", longitude, "deg"),
                ("SC_Lat", "19.25", "deg"),
                ("Most_Likely_Index", "4", ""),
                ("Most_Likely_Prob", "90", ""),
            ],
            groups={},
            event_time=now,
            position=(ra, dec, 10.0),
            concept="process.variation.burst;em.gamma",
        )

    async with house.run(SERVICE) as ingest:
        facts = {}
        for trigger, longitude in ((798645001, "314.87"), (798645002, "654")):
            taken = await ingest.client.post("/notices", content=flight(trigger, longitude))
            assert taken.json()["state"] == "parsed", taken.text
            (item,) = await ready(ingest, taken.json()["event_id"])
            facts[trigger] = item["facts"]
            skymap = await skymap_of(ingest, item)
            behind = occultation.occulted_probability(skymap, disc)
            if trigger == 798645001:
                assert behind < 0.01
            else:
                assert behind > 0.15
        seen, unknown = facts.values()
        assert seen["is_occultation_masked"]
        assert 0.15 < seen["occulted_probability"] < 0.5
        assert seen["earth_ra_deg"] == pytest.approx(disc.ra_deg, abs=0.01)
        assert seen["earth_radius_deg"] == 67.0
        assert seen["area90_deg2"] < 0.95 * unknown["area90_deg2"]
        # nonsense (longitude 654) is no place: the map is that of the bare circle
        assert unknown["earth_ra_deg"] is None
        assert not unknown["is_occultation_masked"]


async def test_a_place_that_comes_late_takes_the_earth_out_of_earlier_positions(house: House):
    now = house.clock.now() - timedelta(minutes=1)
    disc = occultation.earth_disc(314.87, 19.25, now)
    ra, dec = (float(x) for x in sphere.offset_deg(disc.ra_deg, disc.dec_deg, 40.0, 72.0))

    def position(number, after_s, radius_deg, place):
        return voevent(
            ivorn=f"ivo://nasa.gsfc.gcn/Fermi#GBM_Pos_{number}_798645003_1-1",
            date=now + timedelta(seconds=after_s),
            author="Fermi (test)",
            params=[
                ("Packet_Type", str(number), ""),
                ("TrigID", "798645003", ""),
                *([("SC_Long", "314.87", "deg"), ("SC_Lat", "19.25", "deg")] if place else []),
            ],
            groups={},
            event_time=now,
            position=(ra, dec, radius_deg),
            concept="process.variation.burst;em.gamma",
        )

    async with house.run(SERVICE) as ingest:
        ground = position(112, 30, 8.0, place=False)
        taken = (await ingest.client.post("/notices", content=ground)).json()
        (whole,) = await ready(ingest, taken["event_id"])
        assert whole["facts"]["earth_ra_deg"] is None
        assert occultation.occulted_probability(await skymap_of(ingest, whole), disc) > 0.1
        # the flight position overtook nothing: it comes last
        flight = position(111, 10, 10.0, place=True)
        assert (await ingest.client.post("/notices", content=flight)).json()["state"] == "parsed"

        async def masked():
            rows = (await ingest.client.get(f"/events/{taken['event_id']}/localizations")).json()
            done = [row for row in rows if row["state"] == "ready"]
            known = [row["facts"]["earth_ra_deg"] is not None for row in done]
            return rows if len(done) == 2 and all(known) else None

        rows = await eventually(masked, what="both circles without the Earth")
        old = next(row for row in rows if row["id"] == whole["id"])
        assert old["state"] == "repeated"
        assert "Earth" in old["reason"]
        again = next(row for row in rows if row["notice_id"] == old["notice_id"] and row != old)
        assert again["is_preferred"]
        assert again["facts"]["is_occultation_masked"]
        assert occultation.occulted_probability(await skymap_of(ingest, again), disc) < 0.01
        told = await house.expect(
            LocalizationReady, lambda d: str(d.localization_id) == again["id"] and d.is_preferred
        )
        assert told.data.facts.is_occultation_masked
        # said again by a later notice, nothing is made a third time
        later = position(111, 50, 9.0, place=True)
        assert (await ingest.client.post("/notices", content=later)).json()["state"] == "parsed"
        await ready(ingest, taken["event_id"], count=3)
        rows = (await ingest.client.get(f"/events/{taken['event_id']}/localizations")).json()
        assert sum(row["notice_id"] == old["notice_id"] for row in rows) == 2


async def test_a_trigger_without_a_position_that_comes_last_takes_the_earth_out(house: House):
    now = house.clock.now() - timedelta(minutes=1)
    disc = occultation.earth_disc(314.87, 19.25, now)
    ra, dec = (float(x) for x in sphere.offset_deg(disc.ra_deg, disc.dec_deg, 40.0, 72.0))

    def notice(number, after_s, **more):
        return voevent(
            ivorn=f"ivo://nasa.gsfc.gcn/Fermi#GBM_{number}_798645004_1-1",
            date=now + timedelta(seconds=after_s),
            author="Fermi (test)",
            groups={},
            event_time=now,
            concept="process.variation.burst;em.gamma",
            **more,
        )

    of_burst = [("TrigID", "798645004", "")]
    ground = notice(
        112, 30, params=[("Packet_Type", "112", ""), *of_burst], position=(ra, dec, 8.0)
    )
    place = [("SC_Long", "314.87", "deg"), ("SC_Lat", "19.25", "deg")]
    # GBM_ALERT says "no position yet" by zeros
    alert = notice(
        110, 5, params=[("Packet_Type", "110", ""), *of_burst, *place], position=(0.0, 0.0, 0.0)
    )
    async with house.run(SERVICE) as ingest:
        taken = (await ingest.client.post("/notices", content=ground)).json()
        (whole,) = await ready(ingest, taken["event_id"])
        assert whole["facts"]["earth_ra_deg"] is None
        assert (await ingest.client.post("/notices", content=alert)).json()["state"] == "parsed"

        async def masked():
            rows = (await ingest.client.get(f"/events/{taken['event_id']}/localizations")).json()
            done = [row for row in rows if row["state"] == "ready"]
            return done if done and done[0]["id"] != whole["id"] else None

        (again,) = await eventually(masked, what="the circle without the Earth")
        assert again["facts"]["is_occultation_masked"]
        assert occultation.occulted_probability(await skymap_of(ingest, again), disc) < 0.01

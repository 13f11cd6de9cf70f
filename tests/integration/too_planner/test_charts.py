"""Charts and files of real plans, over HTTP."""

import csv
import io
import json
import xml.etree.ElementTree as ET

import pytest
from astropy.table import Table
from PIL import Image
from too_common.contracts.notify import PlanningProfile
from too_common.testing.service import eventually
from too_planner import moc
from too_planner.products import Product

RA, DEC = 115.0, 10.0


@pytest.fixture
async def plan(planner, world):
    """A ready plan of ZTF on a small map."""
    ref, facts = world.map_at(RA, DEC)
    await world.event()
    await world.decision(profile=PlanningProfile(telescopes=("ZTF",)))
    await world.localization(ref, facts)

    async def ready():
        answer = await planner.client.get("/plans", params={"event_id": str(world.event_id)})
        rows = [row for row in answer.json() if row["state"] == "ready"]
        return rows[0] if rows else None

    return await eventually(ready, deadline_s=60, what="a plan")


async def test_charts_are_drawn_once_and_told_apart_by_their_hash(planner, world, plan):
    for chart in ("sky", "night"):
        url = f"/plans/{plan['plan_id']}/charts/{chart}"
        answer = await planner.client.get(f"{url}.svg", params={"width": 390, "theme": "dark"})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "image/svg+xml"
        root = ET.fromstring(answer.content)  # noqa: S314  -- of our own making
        assert root.get("width") == "390"
        assert plan["map_sha256"][:12] in answer.text
        # nothing that a page's policy would refuse
        assert "<style" not in answer.text
        assert " style=" not in answer.text
        again = await planner.client.get(
            f"{url}.svg",
            params={"width": 390, "theme": "dark"},
            headers={"If-None-Match": answer.headers["etag"]},
        )
        assert again.status_code == 304
        other = await planner.client.get(f"{url}.svg", params={"width": 390})
        assert other.headers["etag"] != answer.headers["etag"]
        picture = await planner.client.get(f"{url}.png", params={"width": 390, "scale": 2})
        assert picture.headers["content-type"] == "image/png"
        with Image.open(io.BytesIO(picture.content)) as image:
            assert image.width == 780
            assert "map" in image.info["Description"]
    wrong = await planner.client.get(
        f"/plans/{plan['plan_id']}/charts/night.svg", params={"zone": "Mars/Olympus"}
    )
    assert wrong.status_code == 422
    assert wrong.json()["code"] == "zone"
    huge = await planner.client.get(
        f"/plans/{plan['plan_id']}/charts/sky.png", params={"width": 2400, "scale": 4}
    )
    assert huge.status_code == 422


async def test_the_night_ends_with_what_the_plan_says_that_it_covers(planner, plan):
    answer = await planner.client.get(f"/plans/{plan['plan_id']}/night")
    night = answer.json()
    numbers = plan["statistics"]
    assert night["exposures"][-1]["covered"] == pytest.approx(numbers["probability"], abs=1e-5)
    assert night["exposures"][-1]["covered_sequence"] == pytest.approx(
        numbers["probability_sequence"], abs=1e-5
    )
    assert len(night["exposures"]) == numbers["exposures"]
    assert night["begin"] < night["exposures"][0]["begin"]


async def test_every_product_is_served_with_its_type_and_its_making(planner, world, plan):
    listed = (await planner.client.get(f"/plans/{plan['plan_id']}/products")).json()
    assert {item["name"] for item in listed["products"]} == {item.value for item in Product}
    made = listed["provenance"]
    assert made["map_sha256"] == plan["map_sha256"]
    assert made["event"] == world.name
    assert made["telescope_revision"] >= 1
    assert made["engine"].startswith("too-planner ")
    assert made["request"]["filters"]
    answers = {}
    for item in listed["products"]:
        path = item["url"].removeprefix("/api/planner/v1")
        answer = await planner.client.get(path)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == item["media_type"]
        assert answer.headers["content-disposition"] == (
            f'attachment; filename="{item["file_name"]}"'
        )
        assert "describedby" in answer.headers["link"]
        answers[item["name"]] = answer
    table = Table.read(answers["exposures.ecsv"].text, format="ascii.ecsv")
    assert len(table) == plan["statistics"]["exposures"]
    assert str(table["ra_deg"].unit) == "deg"
    assert table.meta["provenance"]["map_sha256"] == plan["map_sha256"]
    rows = list(csv.DictReader(io.StringIO(answers["exposures.csv"].text)))
    assert rows[0]["map_sha256"] == plan["map_sha256"]
    coverage = moc.from_fits(answers["coverage.moc.fits"].content)
    assert moc.area_deg2(coverage) == pytest.approx(plan["statistics"]["area_deg2"], rel=0.02)
    assert moc.from_json(answers["coverage.moc.json"].text).keys() == coverage.keys()
    obsplan = json.loads(answers["obsloctap.json"].content)
    assert obsplan["rows"][0]["execution_status"] == "Planned"
    assert json.loads(answers["tiles.geojson"].content)["provenance"]["plan_id"] == plan["plan_id"]


async def test_charts_of_an_event_for_all_sites_and_for_one(planner, world, plan):
    base = f"/events/{world.event_id}"
    view = (await planner.client.get(f"{base}/observability")).json()
    shares = {row["telescope"]: row["observable_ever"] for row in view["telescopes"]}
    assert len(shares) == 5
    assert shares["ZTF"] > 0.9
    sample = view["telescopes"][0]["samples"][0]
    assert {"observable", "airmass_10", "airmass_50", "airmass_90"} <= set(sample)
    for chart in ("observability", "airmass"):
        answer = await planner.client.get(f"{base}/charts/{chart}.svg")
        assert answer.status_code == 200, answer.text
        assert all(name in answer.text for name in shares)
    one = await planner.client.get(
        f"{base}/charts/airmass.png", params={"telescope": "ZTF", "zone": "site"}
    )
    assert one.content.startswith(b"\x89PNG")
    nobody = await planner.client.get(f"{base}/charts/airmass.svg", params={"telescope": "Keck"})
    assert nobody.status_code == 404

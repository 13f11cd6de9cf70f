"""The form for events by hand: its fields are those that ingest's route takes."""

import re

import httpx
import pytest
from too_ingest.api.models import NewEvent
from too_vetting_api.service import SERVICE

PASSWORD = "correct horse battery"


@pytest.fixture
async def client(house, tmp_path):
    settings = {
        "bootstrap_username": "ada",
        "bootstrap_password": PASSWORD,
        "load_sample_catalogue": False,
        "workers": 0,
        "catalogue_dir": tmp_path / "cat",
    }
    async with house.run(SERVICE, **settings) as service:
        transport = httpx.ASGITransport(service.runtime.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://door.test") as person:
            await person.post("/login", data={"username": "ada", "password": PASSWORD, "next": "/"})
            yield person


async def test_each_kind_of_place_has_its_fields(client):
    expected = {
        "circle": {"ra_deg", "dec_deg", "radius_deg", "containment"},
        "ellipse": {
            "ra_deg",
            "dec_deg",
            "semi_major_deg",
            "semi_minor_deg",
            "position_angle_deg",
            "containment",
        },
        "polygon": {"corners_deg", "containment"},
        "file": {"file"},
        "address": {"map_url"},
        "none": set(),
    }
    common = {"name", "kind", "event_time", "comment", "is_test"}
    for by, fields in expected.items():
        page = (await client.get("/events/new", params={"by": by})).text
        form = page[page.index("<form class") : page.rindex("</form>")]
        names = set(re.findall(r'name="(\w+)"', form))
        assert names == common | fields, by
        # what the form sends is what the route knows
        assert names - {"file"} <= set(NewEvent.model_fields)
        assert ("data-file-to" in form) == (by == "file")
    nonsense = (await client.get("/events/new", params={"by": "<script>"})).text
    assert "<script>" not in nonsense[nonsense.index("<form class") :]
    assert 'name="radius_deg"' in nonsense
    assert "/events/new" in (await client.get("/")).text

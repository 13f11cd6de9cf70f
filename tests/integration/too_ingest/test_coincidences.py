"""Coincidences on real servers: found when both are there, better with maps, withdrawn."""

import json
from datetime import datetime, timedelta
from typing import Any

from too_common.contracts.ingest import (
    CoincidenceFound,
    CoincidenceState,
    EventChanged,
    FarMethod,
)
from too_common.testing.service import House, eventually
from too_ingest.samples import make_sample
from too_ingest.service import SERVICE

FIRST, LAST = 0, -1


def burst(house: House, ra: float, dec: float, *, after_s: float, false: bool = False) -> bytes:
    """A GBM burst so long after the sample's merger."""
    now = house.clock.now()
    merger = json.loads(make_sample("bns", now, 0)[FIRST].body)["event"]["time"]
    moment = datetime.fromisoformat(merger) + timedelta(seconds=after_s)
    return (
        '<voe:VOEvent xmlns:voe="http://www.ivoa.net/xml/VOEvent/v2.0" version="2.0" '
        'role="observation" ivorn="ivo://nasa.gsfc.gcn/Fermi#GBM_Fin_Pos_801100000-1">'
        f"<Who><Date>{now + timedelta(seconds=60 if false else 5):%Y-%m-%dT%H:%M:%S}</Date></Who>"
        '<What><Param name="Packet_Type" value="115"/><Param name="TrigID" value="801100000"/>'
        f'<Group name="Trigger_ID"><Param name="Def_NOT_a_GRB" value="{str(false).lower()}"/>'
        "</Group></What><WhereWhen><ObsDataLocation><ObservationLocation>"
        '<AstroCoordSystem id="UTC-FK5-GEO"/><AstroCoords coord_system_id="UTC-FK5-GEO">'
        f"<Time><TimeInstant><ISOTime>{moment:%Y-%m-%dT%H:%M:%S.%f}</ISOTime></TimeInstant></Time>"
        f"<Position2D><Value2><C1>{ra}</C1><C2>{dec}</C2></Value2>"
        "<Error2Radius>6.0</Error2Radius></Position2D></AstroCoords>"
        "</ObservationLocation></ObsDataLocation></WhereWhen></voe:VOEvent>"
    ).encode()


async def send(client: Any, body: bytes, topic: str = "") -> str:
    answer = (await client.post("/notices", content=body, params={"topic": topic})).json()
    assert answer["state"] == "parsed", answer
    return str(answer["event_id"])


async def test_a_merger_and_a_burst_from_first_light_to_retraction(house: House):
    sample = make_sample("bns", house.clock.now(), 0)
    async with house.run(SERVICE) as ingest:
        client = ingest.client
        gw = await send(client, sample[FIRST].body, "igwn.gwalert")

        async def peak() -> Any:
            maps = (await client.get(f"/events/{gw}/localizations")).json()
            return maps[0]["facts"] if maps and maps[0]["state"] == "ready" else None

        facts = await eventually(peak)
        grb = await send(
            client, burst(house, facts["peak_ra_deg"], facts["peak_dec_deg"], after_s=1.7)
        )
        seen = await house.expect(
            CoincidenceFound, lambda d: d.leads and d.overlap_integral is not None
        )
        found = seen.data
        assert seen.key == gw == str(found.event_id)
        assert str(found.other_event_id) == grb
        assert abs(found.time_offset_s - 1.7) < 0.002
        assert (found.window_begin_s, found.window_end_s) == (-1.0, 5.0)
        assert found.overlap_integral > 5
        assert found.method is FarMethod.RATE_TIMES_FAR
        assert abs(found.joint_far_hz * found.overlap_integral / found.temporal_far_hz - 1) < 1e-9
        assert "speak for one place" in found.meaning
        mirror = await house.expect(
            CoincidenceFound,
            lambda d: not d.leads and d.overlap_integral == found.overlap_integral,
        )
        assert mirror.key == grb
        assert mirror.data.time_offset_s == -found.time_offset_s
        assert (mirror.data.window_begin_s, mirror.data.window_end_s) == (-5.0, 1.0)
        # part of both events' state: programs may ask for it
        for event_id in (gw, grb):
            told = await house.expect(
                EventChanged,
                lambda d, event_id=event_id: (
                    str(d.event_id) == event_id
                    and d.coincidences
                    and d.coincidences[0].overlap_integral is not None
                ),
            )
            assert told.data.coincidences[0].joint_far_hz == found.joint_far_hz

        # a better map: computed anew, under a higher revision
        await send(client, sample[LAST].body, "igwn.gwalert")
        better = await house.expect(
            CoincidenceFound, lambda d: d.leads and d.map_sha256 != found.map_sha256
        )
        assert better.revision > seen.revision
        assert better.data.coincidence_id == found.coincidence_id

        # another burst, of the same time but out of the window: nothing
        shown = (await client.get(f"/events/{gw}/coincidences")).json()
        assert [c["coincidence"]["other_event_id"] for c in shown] == [grb]

        await send(
            client,
            burst(house, facts["peak_ra_deg"], facts["peak_dec_deg"], after_s=1.7, false=True),
        )
        gone = await house.expect(
            CoincidenceFound, lambda d: d.leads and d.state is CoincidenceState.WITHDRAWN
        )
        assert gone.overrides
        assert "was retracted" in gone.data.reason
        await house.expect(
            EventChanged,
            lambda d: str(d.event_id) == gw and not d.coincidences and d.notice_count > 1,
        )
        rules = (await client.get("/coincidence-rules")).json()
        assert {"gw", "grb"} <= {w["kind"] for w in rules["windows"]} | {"grb"}
        assert len((await client.get("/attachment-rules")).json()) >= 5


async def test_merging_one_of_the_two_moves_the_coincidence_to_the_whole(house: House):
    sample = make_sample("bns", house.clock.now(), 0)
    async with house.run(SERVICE) as ingest:
        client = ingest.client
        gw = await send(client, sample[FIRST].body, "igwn.gwalert")
        grb = await send(client, burst(house, 100.0, 20.0, after_s=2.0))
        await house.expect(CoincidenceFound, lambda d: d.leads)
        other = await client.post(
            "/events",
            json={"name": "GRB by hand", "kind": "grb", "ra_deg": 100, "dec_deg": 20},
        )
        whole = other.json()["id"]
        body = {"from_event_id": grb, "reason": "the same"}
        assert (await client.post(f"/events/{whole}/merge", json=body)).status_code == 200
        gone = await house.expect(
            CoincidenceFound, lambda d: d.leads and d.state is CoincidenceState.WITHDRAWN
        )
        assert "part of another event" in gone.data.reason

        async def nothing_stands() -> bool:
            shown = (await client.get(f"/events/{gw}/coincidences")).json()
            return all(c["coincidence"]["state"] == "withdrawn" for c in shown) and bool(shown)

        await eventually(nothing_stands)

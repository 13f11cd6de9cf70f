"""One event, many notices, on a real database: attached, merged, split, put back."""

import json
from datetime import timedelta
from typing import Any

import pytest
from too_common.contracts.ingest import EventChanged, EventMerged, EventSplit, LocalizationReady
from too_common.testing.service import House, eventually
from too_ingest.service import SERVICE

pytestmark = pytest.mark.filterwarnings("error")

GBM, LAT = "gcn.classic.voevent.FERMI_GBM_FIN_POS", "gcn.classic.voevent.FERMI_LAT_OFFLINE"


def packet(house: House, kind: int, trigger: str, **values: Any) -> bytes:
    """A notice in the dialect of GCN Classic."""
    now = house.clock.now()
    names = {111: "GBM_Flt_Pos", 115: "GBM_Fin_Pos", 131: "GBM_SubThresh", 128: "LAT_Offline_Pos"}
    id_name = "Trans_Num" if kind == 131 else "TrigID"
    when = now - timedelta(seconds=120 - values.get("later_s", 0.0))
    false = values.get("false", False)
    return (
        f'<voe:VOEvent xmlns:voe="http://www.ivoa.net/xml/VOEvent/v2.0" version="2.0" '
        f'role="observation" ivorn="ivo://nasa.gsfc.gcn/Fermi#{names[kind]}_{trigger}-{kind}">'
        f"<Who><Date>{now + timedelta(seconds=values.get('sent_s', 0)):%Y-%m-%dT%H:%M:%S}</Date>"
        f'</Who><What><Param name="Packet_Type" value="{kind}"/>'
        f'<Param name="{id_name}" value="{trigger}"/>'
        f'<Group name="Trigger_ID"><Param name="Def_NOT_a_GRB" value="{str(false).lower()}"/>'
        f"</Group></What><WhereWhen><ObsDataLocation><ObservationLocation>"
        f'<AstroCoordSystem id="UTC-FK5-GEO"/><AstroCoords coord_system_id="UTC-FK5-GEO">'
        f'<Time unit="s"><TimeInstant><ISOTime>{when:%Y-%m-%dT%H:%M:%S.%f}</ISOTime></TimeInstant>'
        f'</Time><Position2D unit="deg"><Value2><C1>{values.get("ra", 100.0)}</C1>'
        f"<C2>{values.get('dec', 20.0)}</C2></Value2>"
        f"<Error2Radius>{values.get('error', 5.0)}</Error2Radius></Position2D></AstroCoords>"
        f"</ObservationLocation></ObsDataLocation></WhereWhen></voe:VOEvent>"
    ).encode()


async def send(client: Any, body: bytes) -> str:
    answer = (await client.post("/notices", content=body)).json()
    assert answer["state"] == "parsed", answer
    return str(answer["event_id"])


async def state_of(client: Any, event_id: str) -> dict[str, Any]:
    view = (await client.get(f"/events/{event_id}")).json()
    skip = ("received_at", "notice_id")
    state = {k: v for k, v in view["state"].items() if k not in skip}
    notices = (await client.get(f"/events/{event_id}/notices")).json()
    maps = (await client.get(f"/events/{event_id}/localizations")).json()
    return {
        **state,
        "map": view["map_sha256"],
        "notices": sorted(n["id"] for n in notices),
        "maps": sorted((m["id"], m["is_preferred"], m["preferred_reason"]) for m in maps),
    }


async def maps_made(client: Any, event_id: str, count: int) -> None:
    async def all_ready() -> bool:
        maps = (await client.get(f"/events/{event_id}/localizations")).json()
        return len(maps) == count and all(m["state"] == "ready" for m in maps)

    await eventually(all_ready, what=f"{count} maps")


async def test_lat_and_gbm_are_one_event_and_the_better_map_counts(house: House):
    async with house.run(SERVICE) as ingest:
        gbm = await send(ingest.client, packet(house, 115, "793795104"))
        await maps_made(ingest.client, gbm, 1)
        lat = packet(house, 128, "793795080", ra=101.0, error=0.3, later_s=-24)
        assert await send(ingest.client, lat) == gbm
        await maps_made(ingest.client, gbm, 2)
        event = (await ingest.client.get(f"/events/{gbm}")).json()
        assert event["name"] == "793795104"
        ids = {(i["mission"], i["native_id"]) for i in event["state"]["ids"]}
        assert ids == {("fermi_gbm", "793795104"), ("fermi_lat", "793795080")}
        assert event["state"]["facts"]["error_radius_deg"] == 0.3
        maps = (await ingest.client.get(f"/events/{gbm}/localizations")).json()
        preferred = [m for m in maps if m["is_preferred"]]
        assert len(preferred) == 1
        assert "smallest 90 % area of the missions' best" in preferred[0]["preferred_reason"]
        # one of two ids taken back does not retract the event; both do
        false = packet(house, 115, "793795104", false=True, sent_s=60)
        assert await send(ingest.client, false) == gbm
        assert not (await ingest.client.get(f"/events/{gbm}")).json()["is_retracted"]
        elsewhere = packet(house, 128, "793795200", ra=250.0, error=0.3, later_s=10)
        assert await send(ingest.client, elsewhere) != gbm


ORDERS = ((0, 1, 2, 3, 4), (4, 3, 1, 2, 0), (3, 1, 4, 0, 2))


async def test_any_order_of_arrival_ends_in_one_state_and_one_preferred_map(house: House):
    """The same burst three times, hours apart, in three orders with a repetition."""

    def burst(number: int) -> list[bytes]:
        base, start = 790_000_000 + 10_000 * number, 4 * 3600.0 * number
        gbm, faint, lat = str(base), str(base - 1), str(base - 20)
        return [
            packet(house, 131, faint, error=15.0, later_s=start - 1, sent_s=start + 400),
            packet(house, 111, gbm, error=9.0, later_s=start, sent_s=start + 20),
            packet(house, 115, gbm, error=4.0, ra=101.0, later_s=start, sent_s=start + 300),
            packet(house, 128, lat, error=0.4, ra=101.5, later_s=start - 20, sent_s=start + 900),
            packet(house, 128, lat, later_s=start - 20, sent_s=start + 2000, false=True),
        ]

    async with house.run(SERVICE) as ingest:
        finals = []
        for number, order in enumerate(ORDERS):
            bodies = burst(number)
            ids = [await send(ingest.client, bodies[i]) for i in order]
            again = await ingest.client.post("/notices", content=bodies[order[0]])
            event_id = ids[-1]
            assert again.json()["event_id"] == event_id
            await maps_made(ingest.client, event_id, 4)
            state = await state_of(ingest.client, event_id)
            maps = (await ingest.client.get(f"/events/{event_id}/localizations")).json()
            preferred = [m for m in maps if m["is_preferred"]]
            finals.append(
                {
                    "name": int(state["name"]) - 10_000 * number,
                    "ids": sorted(
                        (i["mission"], int(i["native_id"]) - 10_000 * number) for i in state["ids"]
                    ),
                    "radius": preferred[0]["cone"]["radius_deg"],
                    "why": preferred[0]["preferred_reason"],
                    "facts": state["facts"],
                    **{
                        key: state[key]
                        for key in (
                            "mission",
                            "kind",
                            "notice_count",
                            "is_retracted",
                            "alert_kind",
                            "is_subthreshold",
                            "tags",
                        )
                    },
                }
            )
        assert all(one == finals[0] for one in finals[1:]), finals
        assert finals[0]["name"] == 790_000_000
        assert len(finals[0]["ids"]) == 3
        assert finals[0]["radius"] == 0.4
        assert not finals[0]["is_retracted"]


async def test_a_notice_that_names_two_events_makes_one_of_them(house: House):
    def trigger(ids: list[str], number: int) -> bytes:
        return json.dumps(
            {
                "$schema": "https://gcn.nasa.gov/schema/main/gcn/notices/fermi/gbm/trigger.schema.json",
                "mission": "Fermi",
                "instrument": "GBM",
                "id": ids,
                "record_number": number,
                "alert_type": "update" if number > 1 else "initial",
                "alert_datetime": f"{house.clock.now() + timedelta(seconds=number):%FT%TZ}",
                "trigger_time": f"{house.clock.now() - timedelta(seconds=60):%FT%TZ}",
                "ra": 30.0,
                "dec": 10.0,
                "ra_dec_error": 4.0,
            }
        ).encode()

    async with house.run(SERVICE) as ingest:
        older = await send(ingest.client, trigger(["745121685"], 1))
        younger = await send(ingest.client, trigger(["bn240812094"], 2))
        assert older != younger
        assert await send(ingest.client, trigger(["745121685", "bn240812094"], 3)) == older
        merged = await house.expect(EventMerged, lambda d: str(d.into_event_id) == older)
        assert merged.data.is_automatic
        assert str(merged.data.from_event_id) == younger
        await house.expect(
            EventChanged,
            lambda d: str(d.event_id) == younger and str(d.merged_into) == older,
        )
        whole = await house.expect(
            EventChanged, lambda d: str(d.event_id) == older and d.notice_count == 3
        )
        assert [str(m.event_id) for m in whole.data.members] == [younger]
        assert not whole.data.is_regrouped
        view = (await ingest.client.get(f"/events/{younger}")).json()
        assert view["merged_into"] == older
        listed = (await ingest.client.get("/events", params={"native_id": "bn240812094"})).json()
        assert [e["id"] for e in listed["items"]] == [older]


async def test_merge_by_hand_and_back(house: House):
    async with house.run(SERVICE) as ingest:
        client = ingest.client
        one = await send(client, packet(house, 115, "793795104"))
        two = await send(client, packet(house, 115, "793800000", ra=103.0, error=2.0))
        await maps_made(client, one, 1)
        await maps_made(client, two, 1)
        before = await state_of(client, one), await state_of(client, two)
        nobody = ingest.client_for("read")
        body = {"from_event_id": two, "reason": "one burst, two triggers"}
        assert (await nobody.post(f"/events/{one}/merge", json=body)).status_code == 403
        done = await client.post(f"/events/{one}/merge", json=body)
        assert done.status_code == 200, done.text
        change = done.json()["change"]
        assert change["made_by"] is not None
        assert not change["is_automatic"]
        assert change["is_standing"]
        whole = await state_of(client, one)
        assert whole["notice_count"] == 2
        assert whole["name"] == before[0]["name"]
        assert len(whole["maps"]) == 2
        assert whole["is_regrouped"]
        again = await client.post(f"/events/{one}/merge", json=body)
        assert again.json()["code"] == "merged_already"
        # the parts' maps are told under the whole's key, the preferred one last
        told = await house.expect(
            LocalizationReady, lambda d: str(d.event_id) == one and d.event_revision > 3
        )
        assert told.key == one
        # a notice of the part goes to the whole, a retraction of one id is none of the whole
        false = packet(house, 115, "793800000", false=True, sent_s=30)
        assert await send(client, false) == one
        assert not (await client.get(f"/events/{one}")).json()["is_retracted"]
        undone = await client.post(f"/changes/{change['id']}/undo", json={"reason": "two bursts"})
        assert undone.status_code == 200, undone.text
        assert undone.json()["event_id"] == two
        split = await house.expect(EventSplit)
        assert (str(split.data.from_event_id), str(split.data.into_event_id)) == (one, two)
        assert split.data.by
        after = await state_of(client, one)
        assert {**after, "is_regrouped": False} == before[0]
        assert (await client.get(f"/events/{two}")).json()["is_retracted"]
        twice = await client.post(f"/changes/{change['id']}/undo", json={})
        assert twice.json()["code"] == "undone_already"
        acts = (await client.get(f"/events/{two}/changes")).json()
        assert [(a["kind"], a["reason"], a["undo_reason"]) for a in acts] == [
            ("merge", "one burst, two triggers", "two bursts")
        ]


async def test_split_by_hand_and_back(house: House):
    async with house.run(SERVICE) as ingest:
        client = ingest.client
        gbm = await send(client, packet(house, 115, "793795104"))
        await send(client, packet(house, 128, "793795080", error=0.3, later_s=-24))
        await maps_made(client, gbm, 2)
        before = await state_of(client, gbm)
        notices = (await client.get(f"/events/{gbm}/notices")).json()
        lat = next(n["id"] for n in notices if n["mission"] == "fermi_lat")
        wrong = {"notice_ids": [n["id"] for n in notices], "reason": "x"}
        refused = await client.post(f"/events/{gbm}/split", json=wrong)
        assert refused.json()["code"] == "nothing_left"
        done = await client.post(
            f"/events/{gbm}/split", json={"notice_ids": [lat], "reason": "another source"}
        )
        assert done.status_code == 200, done.text
        part = done.json()["event_id"]
        assert (await client.get(f"/events/{part}")).json()["name"] == "793795080"
        assert (await state_of(client, gbm))["notice_count"] == 1
        assert len((await state_of(client, part))["maps"]) == 1
        # no rule puts together what a person took apart; its id goes with the part
        later = packet(house, 128, "793795080", error=0.2, later_s=-24, sent_s=50)
        assert await send(client, later) == part
        assert await send(client, packet(house, 111, "793795104", sent_s=-50)) == gbm
        undone = await client.post(f"/changes/{done.json()['change']['id']}/undo", json={})
        assert undone.json()["event_id"] == gbm
        await maps_made(client, gbm, 4)
        after = await state_of(client, gbm)
        assert after["notice_count"] == 4
        assert set(before["notices"]) < set(after["notices"])
        assert after["name"] == before["name"]
        assert sorted(map(str, after["ids"])) == sorted(map(str, before["ids"]))
        assert after["members"] == []

"""Others' pointings are told to who plans."""

from uuid import uuid4

from too_common.contracts.ingest import AlertKind, EventChanged, EventFacts, EventKind, NativeId
from too_common.contracts.queue_submit import ForeignPointingsListed
from too_common.testing.service import eventually
from too_queue_submit.service import SERVICE


async def test_listed_pointings_are_told(house):
    event_id, now = uuid4(), house.clock.now()
    async with house.run(SERVICE, workers=0) as service:
        await house.publish(
            EventChanged(
                event_id=event_id,
                name="S261122a",
                mission="lvk",
                kind=EventKind.GW,
                ids=(NativeId(mission="lvk", native_id="S261122a", is_primary=True),),
                event_time=now,
                first_notice_at=now,
                latest_notice_at=now,
                received_at=now,
                notice_id=uuid4(),
                notice_type="LVC_INITIAL",
                alert_kind=AlertKind.INITIAL,
                is_retracted=False,
                facts=EventFacts(),
            ),
            key=event_id,
            revision=1,
        )
        path = f"/events/{event_id}/foreign-pointings/treasure-map"
        rows = [{"ra_deg": 115, "dec_deg": 10, "radius_deg": 1.1, "filter": "g", "depth_mag": 22}]

        async def listed():
            answer = await service.client.put(path, json={"pointings": rows})
            return answer if answer.status_code == 200 else None

        answer = await eventually(listed, what="the event is known")
        assert answer.json()["pointings"] == 1
        first = await house.expect(ForeignPointingsListed, lambda d: d.event_id == event_id)
        assert first.data.pointings[0].depth_mag == 22
        await service.client.put(path, json={"pointings": rows * 2})
        second = await house.expect(ForeignPointingsListed, lambda d: len(d.pointings) == 2)
        assert second.revision > first.revision
        for bad, words in (
            ({"ra_deg": 1, "dec_deg": 2}, "pointing 1: say one of"),
            ({"ra_deg": 1, "dec_deg": 2, "polygon_deg": [[0, 0]]}, "3 to 100 corners"),
            ({"ra_deg": 1, "dec_deg": 99, "radius_deg": 1}, "less than or equal to 90"),
        ):
            answer = await service.client.put(path, json={"pointings": [bad]})
            assert answer.status_code == 422
            assert words in answer.text
        unknown = path.replace(str(event_id), str(uuid4()))
        assert (await service.client.put(unknown, json={"pointings": rows})).status_code == 404
        async with service.client_for("read") as reader:
            assert (await reader.put(path, json={"pointings": rows})).status_code == 403

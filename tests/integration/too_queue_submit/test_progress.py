"""Through the night: what the simulated ZTF observes comes back by IRSA and the depot."""

from uuid import UUID

from too_common.contracts.queue_submit import ExposuresExecuted, SubmissionChanged, SubmissionState


def plan_of(row):
    return UUID(row["plan_id"])


async def test_a_night(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.accepted_plan()
        await stage.advance(hours=1, minutes=4)
        exposures = stage.world.told("ztf.exposure")
        assert exposures
        await stage.advance(hours=2)
        complete = await stage.of_plan(plan_of(row), "complete")
        assert complete["exposures_matched"] == 4
        told = await stage.house.expect(
            ExposuresExecuted,
            lambda data: (
                len(data.exposures) == 4
                and all(e.processed_fraction == 1.0 for e in data.exposures)
            ),
        )
        assert told.key == str(stage.event_id)
        assert {e.filter for e in told.data.exposures} == {"g", "r"}
        assert all(e.depth_mag for e in told.data.exposures)
        assert told.data.facility == "ZTF"
        detail = await stage.detail(row["submission_id"])
        assert not [a for a in detail["attempts"] if a["kind"] != "send"]
        await stage.quiet()


async def test_clouds(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.accepted_plan()
        stage.world.fault("robot ZTF", "clouds")
        await stage.advance(hours=4)
        await stage.of_plan(plan_of(row), "expired")


async def test_late_processing_is_not_failure(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.accepted_plan()
        stage.world.fault("robot ZTF", "late_processing", params={"seconds": 100_000})
        await stage.advance(hours=4)
        await stage.of_plan(plan_of(row), "expired")  # nothing is known of any exposure yet
        await stage.advance(hours=40)
        complete = await stage.of_plan(plan_of(row), "complete")
        assert complete["exposures_executed"] == 4


async def test_a_filter_that_is_not_available(make_stage):
    """The scheduler replaces it in silence; what was really taken is what is told."""
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.accepted_plan()
        stage.world.fault("robot ZTF", "filter_unavailable", params={"filter_id": 2})
        await stage.advance(hours=4)
        partial = await stage.of_plan(plan_of(row), "partial")
        assert partial["exposures_executed"] == 4
        assert partial["exposures_matched"] == 2
        told = await stage.house.expect(ExposuresExecuted, lambda data: len(data.exposures) == 4)
        assert {e.filter for e in told.data.exposures} == {"g"}


async def test_a_cut_answer_is_read_in_pieces(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.accepted_plan()
        stage.world.fault("* /irsa/TAP/sync", "overflow", times=1, params={"rows": 10})
        await stage.advance(hours=4)
        await stage.of_plan(plan_of(row), "complete")


async def test_archives_that_are_down_are_told_and_do_not_hide_each_other(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.accepted_plan()
        stage.world.fault("* /irsa/*", "status", params={"status": 500})
        await stage.advance(hours=4)
        complete = await stage.of_plan(plan_of(row), "complete")  # the depot has them
        assert complete["exposures_executed"] == 4
        assert "irsa_tap" in await stage.alarmed("progress_unreadable")


async def test_a_plan_without_an_event(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.draft(without_event=True)
        assert row["event_id"] is None
        assert row["external_name"].startswith("ToO_manual_")
        await stage.approve(row)
        await stage.of_plan(plan_of(row), "accepted")
        told = await stage.house.expect(
            SubmissionChanged, lambda data: data.state is SubmissionState.ACCEPTED
        )
        assert told.key == "telescope:ZTF"


async def test_what_is_told_and_the_snapshot(make_stage):
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.accepted_plan()
        await stage.event(retracted=True)
        told = await stage.house.expect(
            SubmissionChanged, lambda data: data.state is SubmissionState.CANCELLED
        )
        assert told.overrides
        assert told.key == str(stage.event_id)
        first = await stage.house.expect(
            SubmissionChanged, lambda data: data.state is SubmissionState.DRAFT
        )
        assert first.revision < told.revision
        assert not first.overrides
        snapshot = (await stage.service.client.get("/snapshot")).json()
        assert [i["data"]["state"] for i in snapshot["items"]] == ["cancelled"]
        assert told.data.submission_id == UUID(row["submission_id"])


async def test_facilities_ping_and_health(make_stage):
    async with make_stage() as stage:
        client = stage.service.client
        view = (await client.get("/facilities")).json()
        assert {f["name"]: f["mode"] for f in view["facilities"]}["ZTF"] == "simulated"
        assert not view["is_armed"]
        for name in ("ZTF", "DECam", "Gattini"):
            pinged = (await client.post(f"/facilities/{name}/ping")).json()
            assert pinged["is_reachable"], pinged
        stage.world.fault("sftp DECam", "read_only")
        pinged = (await client.post("/facilities/DECam/ping")).json()
        assert not pinged["is_reachable"]
        assert "DECam cannot be reached" in await stage.alarmed("facility_away")
        assert (await client.get("/facilities/nowhere/queue")).status_code == 404
        audit = await client.get("/audit")
        assert audit.status_code == 200


async def test_the_schema_is_what_the_tables_say(database_url):
    from too_common.db import migrate
    from too_common.testing.service import ROLE_PASSWORD
    from too_queue_submit.service import SERVICE

    # roles belong to the server that all tests share: one password for all
    await migrate.provision(database_url, {"queue-submit": ROLE_PASSWORD})
    url = migrate.service_url(database_url, "queue-submit", ROLE_PASSWORD)
    await migrate.upgrade(
        url, service="queue-submit", migrations=SERVICE.migrations, metadata=SERVICE.metadata
    )
    assert not await migrate.differences(url, service="queue-submit", metadata=SERVICE.metadata)

"""The four sftp telescopes: delivered, taken, withdrawn, and what their readers were told."""

import hashlib
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import pytest
from too_common.testing.service import eventually
from too_queue_submit.facilities import GattiniDatabase

EXPOSURES = {
    "DECam": [("5001", 40.0, -30.0, "g", 25.0), ("5001", 40.02, -29.98, "z", 25.0)],
    "KPED": [("NGC 253", 40.0, 30.0, "r", 60.0), (None, 41.0, 30.5, "g", 60.0)],
    "Gattini": [("700", 20.0, 30.0, "J", 60.0), ("701", 25.5, 30.0, "J", 60.0)],
    "GROWTH-India": [("17", 40.0, 30.0, "r", 60.0), ("18", 44.0, 28.0, "g", 60.0)],
}


def plan_of(row):
    return UUID(row["plan_id"])


async def draft(stage, telescope):
    from datetime import timedelta

    # 14 h on is evening in India
    hours = 14 if telescope == "GROWTH-India" else 2
    start = stage.house.clock.now() + timedelta(hours=hours)
    return await stage.draft(telescope, start=start, exposures=EXPOSURES[telescope])


@pytest.mark.parametrize("telescope", list(EXPOSURES))
async def test_delivered_understood_and_observed(make_stage, telescope):
    """The reader takes the file and understands it; what it observes comes back."""
    async with make_stage() as stage:
        await stage.ready(telescope)
        row = await draft(stage, telescope)
        await stage.approve(row)
        delivered = await stage.of_plan(plan_of(row), "delivered")
        assert delivered["verified_at"] is not None
        (seen,) = list(stage.world.told("reader.seen"))
        assert seen.data["sha256"] == row["payload_sha256"]
        answer = await stage.service.client.get(f"/facilities/{telescope}/queue")
        assert [e["is_ours"] for e in answer.json()["entries"]] == [True]
        await stage.advance(seconds=90)
        assert [e.data["telescope"] for e in stage.world.told("reader.taken")] == [telescope]
        assert not stage.world.told("reader.refused")
        if telescope == "Gattini":
            return  # it reports into its database
        await stage.advance(hours=15)
        complete = await stage.of_plan(plan_of(row), "complete")
        assert complete["exposures_executed"] == 2
        found = (await stage.service.client.get("/exposures")).json()
        assert [e["filter"] for e in found] == [e[3] for e in EXPOSURES[telescope]]
        assert all(e["depth_mag"] for e in found)


async def test_withdrawn_before_it_was_taken(make_stage):
    async with make_stage() as stage:
        await stage.ready("KPED")
        row = await draft(stage, "KPED")
        await stage.approve(row)
        await stage.of_plan(plan_of(row), "delivered")
        await stage.event(retracted=True)
        cancelled = await stage.of_plan(plan_of(row), "cancelled")
        assert "removed before it was taken" in cancelled["reason"]
        await stage.world.settle()
        await stage.advance(hours=15)
        assert not stage.world.told("robot.exposure")


async def test_withdrawn_after_it_was_taken(make_stage):
    """What was taken is withdrawn by a notice; cancelled is said when the telescope says so."""
    async with make_stage() as stage:
        await stage.ready("KPED")
        row = await draft(stage, "KPED")
        await stage.approve(row)
        await stage.of_plan(plan_of(row), "delivered")
        await stage.advance(seconds=40)
        assert stage.world.told("reader.taken")
        await stage.event(retracted=True)
        waiting = await stage.of_plan(plan_of(row), "cancel_requested")

        async def noticed():
            return "CANCEL notice" in ((await stage.of_plan(plan_of(row)))["reason"] or "")

        await eventually(noticed, what="the notice")
        assert waiting["cancelled_at"] is None
        await stage.advance(seconds=65)
        cancelled = await stage.of_plan(plan_of(row), "cancelled")
        assert "the telescope reports it as cancelled" in cancelled["reason"]
        assert len(stage.world.told("reader.cancelled")) == 1
        await stage.quiet()


async def test_a_file_that_nobody_loads_is_asked_for(make_stage):
    async with make_stage(world_settings={"decam_person_delay_s": None}) as stage:
        await stage.ready("DECam")
        row = await draft(stage, "DECam")
        await stage.approve(row)
        await stage.of_plan(plan_of(row), "delivered")
        await stage.advance(hours=2, seconds=10)
        # it still lies in the folder: nobody took it
        stage.world.world.sftp_hosts  # noqa: B018 - the folder belongs to the world
        client = stage.service.client_for("submit", name="Ann")
        answer = await client.post(f"/submissions/{row['submission_id']}/confirm-loaded")
        assert answer.status_code == 200
        assert "Ann" in answer.json()["reason"]


async def test_gattini_reports_into_its_database(make_stage, postgres_server, tmp_path):
    """Read by a role that may only read; one query for exposures and depths."""
    url = postgres_server.create_database()
    at = urlsplit(url)
    reader = at._replace(netloc=f"gattini_reader:simulated-reader@{at.hostname}:{at.port}")
    (tmp_path / "reader.url").write_text(urlunsplit(reader) + "\n")
    async with make_stage(world_settings={"gattini_database_url": url}) as stage:
        configs = stage.service.ctx.resources.facilities._configs
        source = GattiniDatabase(url_file=tmp_path / "reader.url")
        endpoint = configs["Gattini"].simulated.model_copy(update={"progress": (source,)})
        configs["Gattini"] = configs["Gattini"].model_copy(update={"simulated": endpoint})
        await stage.ready("Gattini")
        row = await draft(stage, "Gattini")
        await stage.approve(row)
        await stage.of_plan(plan_of(row), "delivered")
        await stage.advance(hours=4)
        complete = await stage.of_plan(plan_of(row), "complete")
        assert complete["exposures_executed"] == 2
        found = (await stage.service.client.get("/exposures")).json()
        assert {e["source"] for e in found} == {"gattini_database"}
        assert all(15 < e["depth_mag"] < 18 for e in found)
    postgres_server.drop_database(url)


@pytest.mark.parametrize(
    "fault", ["refuse", "key_refused", "disk_full", "short_write", "read_only"]
)
async def test_faults_before_the_rename_prove_that_nothing_was_sent(make_stage, fault):
    async with make_stage() as stage:
        await stage.ready("KPED")
        row = await draft(stage, "KPED")
        stage.world.fault("sftp KPED", fault, times=1)
        await stage.approve(row)
        await stage.alarmed("facility_away")
        waiting = await stage.of_plan(plan_of(row), "approved")
        assert "not sent yet" in waiting["reason"]
        await stage.advance(seconds=31)
        await stage.of_plan(plan_of(row), "delivered")
        assert stage.seen("KPED") == [f"{row['external_name']}.json"]
        await stage.quiet()


async def test_a_changed_host_key_is_never_accepted(make_stage):
    async with make_stage(max_send_attempts=1) as stage:
        await stage.ready("KPED")
        row = await draft(stage, "KPED")
        stage.world.fault("sftp KPED", "host_key_changed")
        await stage.world.settle()  # the server changes its key between two looks
        await stage.approve(row)
        back = await stage.of_plan(plan_of(row), "draft")
        assert "HostKeyNotVerifiable" in back["reason"]
        assert not stage.seen("KPED")


async def test_connection_lost_before_the_rename(make_stage):
    """The part alone is there: proven that it was not put in place; sent anew, once."""
    async with make_stage() as stage:
        await stage.ready("KPED")
        row = await draft(stage, "KPED")
        stage.world.fault("sftp KPED", "lost_before_rename", times=1)
        await stage.approve(row)
        await stage.of_plan(plan_of(row), "delivered")
        assert stage.seen("KPED") == [f"{row['external_name']}.json"]


async def test_connection_lost_after_the_rename(make_stage):
    """Renamed, and the answer lost: found by reading, never sent again."""
    async with make_stage() as stage:
        await stage.ready("KPED")
        row = await draft(stage, "KPED")
        stage.world.fault("sftp KPED", "drop_reply", times=1)
        await stage.approve(row)
        delivered = await stage.of_plan(plan_of(row), "delivered")
        assert delivered["verified_at"] is not None
        assert stage.seen("KPED") == [f"{row['external_name']}.json"]


async def test_taken_before_it_could_be_reconciled(make_stage):
    """Gone from the folder is no proof of absence; the telescope's own report proves the taking."""
    async with make_stage() as stage:
        await stage.ready("KPED")
        row = await draft(stage, "KPED")
        real = stage.service.ctx.resources.queue_client
        stage.world.fault("sftp KPED", "drop_reply", times=1)
        # until the reader has taken it, nobody gets through to look
        stage.world.fault("sftp KPED", "key_refused", times=50)
        stage.world.world.faults.switch_off(stage.world.world.faults.state.faults[-1].id)
        assert real is not None
        await stage.approve(row)
        await eventually(lambda: stage.seen("KPED"), what="the file")
        await stage.of_plan(plan_of(row), "delivered")
        await stage.advance(seconds=40)
        assert stage.seen("KPED") == [f"{row['external_name']}.json"]


async def test_the_bytes_in_the_folder_are_those_that_were_approved(make_stage):
    async with make_stage() as stage:
        await stage.ready("Gattini")
        row = await draft(stage, "Gattini")
        await stage.approve(row)
        await stage.of_plan(plan_of(row), "delivered")
        (seen,) = stage.world.told("reader.seen")
        assert hashlib.sha256(seen.data["content"].encode()).hexdigest() == row["payload_sha256"]

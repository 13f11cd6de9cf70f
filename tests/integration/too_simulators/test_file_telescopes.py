"""sftp telescopes with asyncssh as client: delivery, readers, robots, faults, database."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import asyncssh
import pytest
from too_simulators import FileTelescope, Simulators
from too_simulators.core.sky import MJD_ZERO, to_mjd

NOON_CHILE = datetime(2031, 3, 20, 16, 0, tzinfo=UTC)
DECAM, KPED, GATTINI, INDIA = (
    FileTelescope.DECAM,
    FileTelescope.KPED,
    FileTelescope.GATTINI,
    FileTelescope.GROWTH_INDIA,
)


@pytest.fixture
async def sim(tmp_path) -> AsyncIterator[Simulators]:
    async with Simulators.running(tmp_path, start_at=NOON_CHILE, frozen=True) as made:
        yield made


@asynccontextmanager
async def connected(sim, telescope, **more):
    keys = sim.world.keys
    arguments = {
        "username": "too",
        "client_keys": [str(keys.client_key_file)],
        "known_hosts": str(keys.known_hosts_file),
        "config": None,
        "agent_path": None,
    }
    port = sim.sftp_ports[telescope]
    async with (
        asyncssh.connect("127.0.0.1", port, **{**arguments, **more}) as connection,
        connection.start_sftp_client() as sftp,
    ):
        yield sftp


async def put(sftp, name, content):
    async with sftp.open(f".{name}.part", "xb") as file:
        await file.write(content)
    async with sftp.open(f".{name}.part", "rb") as file:
        assert await file.read() == content
    await sftp.rename(f".{name}.part", name)


async def deliver(sim, telescope, name, content):
    async with connected(sim, telescope) as sftp:
        await put(sftp, name, content)


def decam_script(count=3, **more):
    script = [
        {
            "object": f"S999999a: {number} of {count}",
            "seqid": "ToO_x",
            "seqnum": number,
            "seqtot": count,
            "expType": "object",
            "expTime": 25.0,
            "RA": 150.0 + number,
            "dec": -30.0,
            "filter": "gz"[number % 2],
            "count": 1,
            "program": "ToO",
            "propid": "2031A-000000",
            "wait": "False",
            "comment": f"field 13{number}; made by a test",
            **more,
        }
        for number in range(1, count + 1)
    ]
    return json.dumps(script).encode()


def queue_file(name, filter_id, begin, hours=20.0, **more):
    targets = [
        {
            "dec": 40.0,
            "exposure_time": 60.0,
            "field_id": 700 + number,
            "filter_id": filter_id,
            "program_id": 2,
            "program_pi": "Kasliwal",
            "ra": 150.0,
            "request_id": number,
            "subprogram_name": "GW",
            **more,
        }
        for number in range(2)
    ]
    window = [to_mjd(begin), to_mjd(begin + timedelta(hours=hours))]
    document = {"queue_name": name, "targets": targets, "validity_window_mjd": window}
    return json.dumps(document, indent=4, sort_keys=True).encode()


INDIA_HEAD = (
    "tile_id,ra,Dec,domesleep,Priority,dec,rise_time_IST,set_time_IST,moon_angle,RA,Target,"
    "x,u,g,r,i,z"
)
INDIA_ROW = (
    "12,150.000000,40.000000,100.0,10000.0,40:00:00.00,2031-03-20T20:00:00.000,"
    "2031-03-21T04:30:00.000,55.1000,10:00:00.00,EMGW,,,,1X300,,"
)


async def test_every_server_says_that_it_is_a_simulator(sim):
    for telescope in FileTelescope:
        async with connected(sim, telescope) as sftp:
            assert await sftp.exists("/.too-simulator")
            assert sorted(await sftp.listdir("/")) == [".", "..", ".too-simulator", "executed"]


async def test_decam_is_loaded_by_a_person_and_observed_at_night(sim):
    await deliver(sim, DECAM, "ToO_x.json", decam_script())
    await sim.advance(30)
    async with connected(sim, DECAM) as sftp:
        assert await sftp.exists("/ToO_x.json")
        await sim.advance(40)
        assert not await sftp.exists("/ToO_x.json")
        loaded = json.loads(await (await sftp.open("/executed/ToO_x.json")).read())
        assert (loaded["state"], loaded["exposures"]) == ("loaded", [])
        await sim.advance(14 * 3600)
        done = json.loads(await (await sftp.open("/executed/ToO_x.json")).read())
    assert (done["state"], done["planned"], len(done["exposures"])) == ("done", 3, 3)
    first, second, _ = done["exposures"]
    start = datetime.fromisoformat(first["start"])
    assert NOON_CHILE + timedelta(hours=6) < start < sim.clock.now()
    assert first["field_id"] == "131"
    assert (first["filter"], first["exposure_s"], first["ra_deg"]) == ("z", 25.0, 151.0)
    gap = datetime.fromisoformat(second["start"]) - start
    assert gap == timedelta(seconds=25 + 28 + 8)
    assert 20 < first["depth_mag"] < 24.5


async def test_decam_is_never_loaded(sim):
    sim.fault("robot DECam", "never_loaded")
    await deliver(sim, DECAM, "ToO_x.json", decam_script())
    await sim.advance(24 * 3600)
    async with connected(sim, DECAM) as sftp:
        assert await sftp.exists("/ToO_x.json")
        await sftp.remove("/ToO_x.json")
    await sim.settle()
    assert sim.told("reader.withdrawn")[0].data["file"] == "ToO_x.json"


@pytest.mark.parametrize(
    ("telescope", "name", "content"),
    [
        (DECAM, "ToO_x.json", decam_script(seqnum=[1])),
        (DECAM, "ToO_x.json", decam_script(filter="J")),
        (DECAM, "ToO_x.json", b"{}"),
        (KPED, "ToO_x.json", queue_file("ToO_x", [2], NOON_CHILE)),
        (KPED, "ToO_x.json", queue_file("ToO_y", 2, NOON_CHILE)),
        (KPED, "ToO_x.csv", queue_file("ToO_x", 2, NOON_CHILE)),
        (GATTINI, "ToO_x.json", queue_file("ToO_x", 1, NOON_CHILE)),
        (GATTINI, "ToO_x.json", queue_file("ToO_x", 5, NOON_CHILE, mag=3)),
        (INDIA, "ToO_x.csv", f"{INDIA_HEAD.lower()}\n{INDIA_ROW}\n".encode()),
        (
            INDIA,
            "ToO_x.csv",
            f"{INDIA_HEAD}\n{INDIA_ROW.replace('2031-03-20T20:00:00.000', '--')}\n".encode(),
        ),
    ],
)
async def test_readers_refuse_what_is_malformed(sim, telescope, name, content):
    await deliver(sim, telescope, name, content)
    await sim.advance(3600)
    (refused,) = sim.told("reader.refused")
    assert refused.data["file"] == name
    assert sim.told("reader.taken") == []


async def test_kped_and_india_observe_within_their_times(sim):
    begin = NOON_CHILE + timedelta(hours=12)
    await deliver(sim, KPED, "ToO_k.json", queue_file("ToO_k", 2, begin))
    await deliver(sim, INDIA, "ToO_i.csv", f"{INDIA_HEAD}\n{INDIA_ROW}\n".encode())
    await sim.advance(20 * 3600)
    kped = [entry.data for entry in sim.told("robot.exposure") if entry.data["telescope"] == "KPED"]
    assert [(one["field_id"], one["filter"]) for one in kped] == [("700", "r"), ("701", "r")]
    assert datetime.fromisoformat(kped[0]["start"]) >= begin
    (india,) = [
        entry.data for entry in sim.told("robot.exposure") if entry.data["telescope"] != "KPED"
    ]
    start = datetime.fromisoformat(india["start"])
    assert datetime(2031, 3, 20, 14, 30, tzinfo=UTC) <= start
    assert start <= datetime(2031, 3, 20, 23, 0, tzinfo=UTC)


async def test_a_cancel_notice_stops_the_rest(sim):
    await deliver(sim, DECAM, "ToO_x.json", decam_script(40))
    await sim.advance(8.0 * 3600)
    taken = len(sim.told("robot.exposure"))
    assert 0 < taken < 40
    await deliver(sim, DECAM, "CANCEL_ToO_x.txt", b"please stop")
    await sim.advance(14 * 3600)
    async with connected(sim, DECAM) as sftp:
        done = json.loads(await (await sftp.open("/executed/ToO_x.json")).read())
    assert done["state"] == "cancelled"
    assert taken <= len(done["exposures"]) <= taken + 3


async def test_what_the_night_did_not_allow_expires(sim):
    sim.fault("robot DECam", "clouds")
    await deliver(sim, DECAM, "ToO_x.json", decam_script())
    await sim.advance(30 * 3600)
    assert sim.told("robot.exposure") == []
    assert sim.told("robot.done")[0].data["state"] == "expired"


async def test_exposures_fail(sim):
    sim.fault("robot DECam", "exposure_fails", times=1)
    await deliver(sim, DECAM, "ToO_x.json", decam_script())
    await sim.advance(15 * 3600)
    assert len(sim.told("robot.exposure_failed")) == 1
    assert len(sim.told("robot.exposure")) == 2


async def test_rename_refuses_an_existing_file(sim):
    async with connected(sim, KPED) as sftp:
        await put(sftp, "a.json", b"1")
        with pytest.raises(asyncssh.SFTPFailure):
            await put(sftp, "a.json", b"2")


async def test_keys(sim):
    with pytest.raises(asyncssh.PermissionDenied):
        async with connected(sim, KPED, client_keys=[asyncssh.generate_private_key("ssh-ed25519")]):
            pass
    with pytest.raises(asyncssh.PermissionDenied):
        async with connected(sim, KPED, username="root"):
            pass
    sim.fault("sftp KPED", "key_refused", times=1)
    with pytest.raises(asyncssh.PermissionDenied):
        async with connected(sim, KPED):
            pass
    fault = sim.fault("sftp KPED", "host_key_changed")
    await sim.settle()
    with pytest.raises(asyncssh.HostKeyNotVerifiable):
        async with connected(sim, KPED):
            pass
    sim.world.faults.switch_off(fault.id)
    await sim.settle()
    async with connected(sim, KPED):
        pass


async def test_other_public_keys_may_be_let_in(tmp_path):
    key = asyncssh.generate_private_key("ssh-ed25519")
    (tmp_path / "other.pub").write_bytes(key.export_public_key())
    async with (
        Simulators.running(tmp_path / "s", sftp_authorized_keys_file=tmp_path / "other.pub") as sim,
        connected(sim, KPED, client_keys=[key]) as sftp,
    ):
        assert await sftp.exists("/.too-simulator")


async def test_disk_full_short_write_read_only(sim):
    async with connected(sim, KPED) as sftp:
        sim.fault("sftp KPED", "disk_full", times=1)
        with pytest.raises(asyncssh.SFTPFailure, match="No space"):
            await put(sftp, "a.json", b"x" * 100)
        await sftp.remove(".a.json.part")
        sim.fault("sftp KPED", "short_write", times=1)
        with pytest.raises(AssertionError):
            await put(sftp, "b.json", b"x" * 100)
        sim.fault("sftp KPED", "read_only", times=1)
        with pytest.raises(asyncssh.SFTPPermissionDenied):
            await put(sftp, "c.json", b"x")
    assert not (sim.world.robots[KPED].root / "b.json").exists()


@pytest.mark.parametrize(("kind", "there"), [("lost_before_rename", False), ("drop_reply", True)])
async def test_the_connection_is_lost_around_the_rename(sim, kind, there):
    sim.fault("sftp KPED", kind, times=1)
    with pytest.raises((asyncssh.Error, OSError)):
        await deliver(sim, KPED, "a.json", b"{}")
    assert (sim.world.robots[KPED].root / "a.json").exists() == there


async def test_refused_connection(sim):
    sim.fault("sftp KPED", "refuse", times=1)
    with pytest.raises((asyncssh.Error, OSError)):
        async with connected(sim, KPED):
            pass


async def test_what_was_taken_is_there_after_a_restart(tmp_path):
    async with Simulators.running(tmp_path, start_at=NOON_CHILE, frozen=True) as sim:
        await deliver(sim, DECAM, "ToO_x.json", decam_script())
        await sim.advance(70)
        host_key = sim.world.keys.host_key_file(DECAM).read_text()
    async with Simulators.running(tmp_path, frozen=True) as sim:
        assert sim.world.keys.host_key_file(DECAM).read_text() == host_key
        await sim.advance(15 * 3600)
        assert len(sim.told("robot.exposure")) == 3


async def test_gattini_reports_into_its_database(tmp_path, database_url):
    begin = datetime(2031, 3, 20, 1, 0, tzinfo=UTC)
    own = urlunsplit(urlsplit(database_url)._replace(path="/gattini_of_this_test"))
    settings = {"gattini_database_url": own, "gattini_reader": "reader_of_this_test"}
    async with Simulators.running(tmp_path, start_at=begin, frozen=True, **settings) as sim:
        await deliver(sim, GATTINI, "ToO_g.json", queue_file("ToO_g", 5, begin))
        await sim.advance(2.5 * 3600)
        (taken, _) = sim.told("robot.exposure")
        await sim.advance(1800)
        connection = await asyncpg.connect(
            own, user="reader_of_this_test", password="simulated-reader"
        )
        try:
            rows = await connection.fetch(
                "SELECT field, fieldseq, min(datebeg) AS begun, avg(limmagpsf) AS depth,"
                " min(jd) AS jd, count(*) AS quadrants"
                " FROM splitstacks JOIN squadphoto USING (stackquadid)"
                " GROUP BY field, fieldseq ORDER BY field"
            )
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("DELETE FROM splitstacks")
        finally:
            await connection.close()
    assert [(row["field"], row["fieldseq"], row["quadrants"]) for row in rows] == [
        (700, 1, 4),
        (701, 1, 4),
    ]
    start = datetime.fromisoformat(taken.data["start"])
    assert rows[0]["begun"] == start.replace(tzinfo=None)
    assert rows[0]["jd"] == pytest.approx(to_mjd(start) + MJD_ZERO, abs=1e-6)
    assert rows[0]["depth"] == pytest.approx(taken.data["depth_mag"], abs=0.01)
    administrator = await asyncpg.connect(database_url)
    await administrator.execute('DROP DATABASE "gattini_of_this_test"')
    await administrator.execute("DROP ROLE reader_of_this_test")
    await administrator.close()

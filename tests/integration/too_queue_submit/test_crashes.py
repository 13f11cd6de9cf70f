"""A sender killed at each await, and worlds that must never be mixed up."""

import asyncio
from uuid import UUID

import asyncssh
import pytest
from too_common.errors import PermanentError
from too_common.testing.service import eventually
from too_queue_submit import jobs
from too_queue_submit.clients.ztf_http import ZtfHttpClient
from too_queue_submit.facilities import Endpoint, ZtfHttp
from too_queue_submit.usecases import send

ACTED = {"identify": False, "gate": False, "put": True, "verify": True, "conclude": True}


def plan_of(row):
    return UUID(row["plan_id"])


def _once(real, *, before):
    """The call, killed the first time: before it is made, or after."""
    killed = []

    async def call(*args, **kwargs):
        if killed:
            return await real(*args, **kwargs)
        killed.append(True)
        if not before:
            await real(*args, **kwargs)
        raise asyncio.CancelledError

    return call


@pytest.mark.parametrize("where", list(ACTED))
async def test_killed_at_each_await(make_stage, monkeypatch, where):
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.draft()
        if where == "identify":
            monkeypatch.setattr(
                ZtfHttpClient, "identify", _once(ZtfHttpClient.identify, before=True)
            )
        elif where == "gate":
            monkeypatch.setattr(send, "pass_gate", _once(send.pass_gate, before=True))
        elif where == "put":
            real = ZtfHttpClient._call
            killed = []

            async def call(self, method, path, body, recorder):
                answer = await real(self, method, path, body, recorder)
                if method == "PUT" and not killed:
                    killed.append(True)
                    raise asyncio.CancelledError
                return answer

            monkeypatch.setattr(ZtfHttpClient, "_call", call)
        elif where == "verify":
            monkeypatch.setattr(jobs, "_verify_sent", _once(jobs._verify_sent, before=True))
        else:
            monkeypatch.setattr(send, "conclude", _once(send.conclude, before=True))
        await stage.approve(row)
        if ACTED[where]:
            await eventually(lambda: stage.queues() or None, what="the queue")

        async def settled():
            found = await stage.of_plan(plan_of(row))
            if found["state"] == "approved":
                await stage.advance(seconds=31)
            return found["state"] == "accepted"

        await eventually(settled, what="accepted")
        assert len(stage.accepted()) == 1
        first = (await stage.detail(row["submission_id"]))["attempts"][0]
        assert first["outcome"] == ("unknown" if ACTED[where] else "not_sent")


@pytest.mark.parametrize("where", ["after the gate", "after the renaming"])
async def test_killed_with_a_telescope_that_reports_nothing(make_stage, monkeypatch, where):
    """The reader takes the file before anybody looks: its part tells whether it was there."""
    async with make_stage() as stage:
        await stage.ready("Gattini")
        row = await stage.draft("Gattini", exposures=[("700", 20.0, 30.0, "J", 60.0)])
        if where == "after the gate":
            rename = asyncssh.SFTPClient.rename
            monkeypatch.setattr(asyncssh.SFTPClient, "rename", _once(rename, before=True))
        else:
            monkeypatch.setattr(send, "conclude", _once(send.conclude, before=True))
        await stage.approve(row)
        if where == "after the renaming":
            await eventually(lambda: stage.world.told("reader.seen"), what="the reader")

        async def settled():
            found = await stage.of_plan(plan_of(row))
            if found["state"] in {"approved", "unknown"}:
                await stage.advance(seconds=31)
            return found["verified_at"] is not None

        await eventually(settled, what="delivered")
        await eventually(lambda: stage.world.told("reader.seen"), what="the reader")
        assert len(stage.world.told("reader.seen")) == 1
        first = (await stage.detail(row["submission_id"]))["attempts"][0]
        assert first["outcome"] == "unknown"


async def test_retracted_while_its_sender_lies_dead(make_stage, monkeypatch):
    """Cancel requested while sending, the sender killed after the act: withdrawn afterwards."""
    async with make_stage() as stage:
        await stage.ready()
        row = await stage.draft()
        monkeypatch.setattr(jobs, "_verify_sent", _once(jobs._verify_sent, before=True))
        await stage.approve(row)
        await eventually(lambda: stage.queues() or None, what="the queue")
        await stage.event(retracted=True)

        async def cancelled():
            await stage.advance(seconds=31)
            return (await stage.of_plan(plan_of(row)))["state"] == "cancelled"

        await eventually(cancelled, what="cancelled")
        assert not stage.queues()


async def test_nothing_but_live_opens_the_real_address(make_stage):
    connections = []

    async def connected(_reader, writer):
        connections.append(writer.get_extra_info("peername"))
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with make_stage() as stage:
            live = Endpoint(transport=ZtfHttp(base_url=f"http://127.0.0.1:{port}"))
            configs = stage.service.ctx.resources.facilities._configs
            configs["ZTF"] = configs["ZTF"].model_copy(update={"live": live})
            admin = stage.service.client
            await stage.ready()
            row = await stage.accepted_plan()
            await admin.post("/facilities/ZTF/ping")
            await admin.get("/facilities/ZTF/queue")
            await stage.advance(seconds=200)
            await stage.event(retracted=True)
            await stage.of_plan(plan_of(row), "cancelled")
            # live is not armed here: refused before any connection
            answer = await admin.put("/facilities/ZTF/mode", json={"mode": "live"})
            assert answer.json()["code"] == "not_armed"
            answer = await admin.put("/facilities/ZTF/mode", json={"mode": "off"})
            assert answer.status_code == 200
            await admin.post("/facilities/ZTF/ping")
            await admin.get("/facilities/ZTF/queue")
            assert not connections
    finally:
        server.close()
        await server.wait_closed()


async def test_production_refuses_simulated_facilities(make_stage, house):
    house.common["profile"] = "production"
    with pytest.raises(PermanentError, match="simulated in production"):
        async with make_stage():
            pass

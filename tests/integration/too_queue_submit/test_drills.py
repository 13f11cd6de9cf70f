"""A live facility takes live events only: drills, tests and replays end at the draft.

The other side is made to look like a telescope, which would take what it is sent: the live event at
the end shows that it does.
"""

from uuid import UUID, uuid4

import pytest
from too_common.cause import Cause
from too_common.contracts import Mode
from too_queue_submit.clients import ztf_http

AUTOMATIC = {"kind": "automatic", "min_probability": 0.5}


def _cause(mode: Mode) -> Cause:
    return Cause(mode=mode, drill_id=uuid4() if mode is Mode.DRILL else None)


async def _with_a_telescope(stage, monkeypatch):
    """ZTF in mode live, at an address that does not say that it is a simulator."""
    monkeypatch.setattr(ztf_http, "SIMULATOR_PATH", "/no-such-page")
    facilities = stage.service.ctx.resources.facilities
    config = facilities["ZTF"]
    facilities._configs["ZTF"] = config.model_copy(update={"live": config.simulated})
    await stage.ready()
    answer = await stage.service.client.put("/facilities/ZTF/mode", json={"mode": "live"})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("mode", [Mode.DRILL, Mode.TEST, Mode.REPLAY])
async def test_ends_at_the_draft(make_stage, monkeypatch, mode):
    async with make_stage(armed=True) as stage:
        await _with_a_telescope(stage, monkeypatch)
        draft = await stage.draft(cause=_cause(mode))
        refused = await stage.approve(draft, status=409)
        assert refused["code"] == "not_live"
        assert mode in refused["detail"]
        # nor does a program's policy send it
        automatic = await stage.draft(cause=_cause(mode), policy=AUTOMATIC)
        assert "live" in automatic["reason"]
        # the same plan of a live event goes out and is taken
        live = await stage.draft()
        await stage.approve(live)
        sent = await stage.of_plan(UUID(live["plan_id"]), "accepted")
        assert sent["facility_mode"] == "live"
        assert len(stage.accepted()) == 1
        for row in (draft, automatic):
            after = await stage.of_plan(UUID(row["plan_id"]))
            assert after["state"] in {"draft", "superseded", "discarded"}
            assert not after["approved_by"]


async def test_an_approval_given_in_the_simulated_world_does_not_reach_the_telescope(
    make_stage, monkeypatch
):
    """Approved for the simulator and still waiting when the facility is switched to live."""
    async with make_stage(armed=True) as stage:
        await stage.ready()
        stage.peers.is_silent = True
        waiting = await stage.plan(cause=_cause(Mode.DRILL), policy=AUTOMATIC)
        await stage.of_plan(waiting, "approved")
        facilities = stage.service.ctx.resources.facilities
        config = facilities["ZTF"]
        facilities._configs["ZTF"] = config.model_copy(update={"live": config.simulated})
        monkeypatch.setattr(ztf_http, "SIMULATOR_PATH", "/no-such-page")
        answer = await stage.service.client.put(
            "/facilities/ZTF/mode", json={"mode": "live", "force": True}
        )
        assert answer.status_code == 200, answer.text
        stage.peers.is_silent = False
        await stage.advance(seconds=31)
        await stage.of_plan(waiting, "draft")
        assert not stage.accepted()

"""One alert from its first notice to its retraction, step by step, as person and world act."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx
from observing import event_named, incident, plans, preferred_map, retraction, submissions
from too_common.auth.tokens import Keys
from too_common.bus.client import KafkaError
from too_common.local.secrets import OPERATOR, StackSecrets
from too_common.settings import INTERNAL_PORTS, SERVICES
from too_ingest.samples import make_sample
from verdict import OVER

WAIT_S = 240.0
"""Every wait is bounded by this; a service on a busy machine takes half a minute to come back."""
PHONES = ("+15555550100", "+15555550101")
AT_TELESCOPE = {"accepted", "delivered", "active", "partial", "complete"}
CHOOSABLE = ("ZTF", "KPED", "Gattini", "GROWTH-India")
"""Telescopes that take their files by themselves."""
_PORT_BASE = 8400


@dataclass
class Round:
    """An alert, and what was done about it; each method is a step of the sequence."""

    world: object
    serial: int
    name: str = ""
    event_id: str = ""
    bodies: list[bytes] = field(default_factory=list)
    drafted: dict[str, dict] = field(default_factory=dict)
    seen: dict[str, dict] = field(default_factory=dict)
    approved: dict[str, dict] = field(default_factory=dict)
    is_retracted: bool = False
    withdrawn_at: datetime | None = None

    async def until(self, probe, what):
        return await until(self.world, probe, f"{self.name}: {what}")

    async def send(self, topic, key, body):
        self.bodies.append(body)
        await produce(self.world, topic, key, body)

    async def alert(self):
        """Two notices with one map."""
        now = await self.world.now()
        messages = make_sample("bns", now, self.serial)
        preliminary, initial, self._update = messages
        self._update_at = now + timedelta(seconds=self._update.delay_s)
        self.name = preliminary.native_id
        for message in (preliminary, initial):
            await self.send(message.topic, message.key, message.body)
        event = await self.until(lambda: event_named(self.world, self.name), "event")
        self.event_id = event["id"]

    async def page(self):
        """Somebody is called and presses a key."""
        await self.until(lambda: _acknowledged(self.world, self), "page and acknowledgement")

    async def plan(self):
        """A better map; plans and drafts for it."""
        update = self._update
        await self.send(update.topic, update.key, update.body)
        await self.until(lambda: _stored(self.world, self), "three notices")
        self.drafted = await self.until(lambda: _drafts(self.world, self), "a draft of every plan")

    async def approve(self, chosen):
        for facility in chosen:
            await self.until(
                lambda facility=facility: _approve(self.world, self, facility), f"Go: {facility}"
            )

    async def accepted(self):
        await self.until(lambda: _taken(self.world, self), f"{list(self.approved)} have it")

    async def observe(self):
        """The night begins, and what was executed comes back."""
        starts = [self.drafted[name]["first_exposure_at"] for name in self.approved]
        await self.until(lambda: _move(self.world, min(starts)), "the night begins")
        await self.until(lambda: _exposures(self.world, self), "executed exposures")

    async def retraction(self):
        """Dated after the update: of two notices the one that was made later holds."""
        made_at = max(await self.world.now(), self._update_at)
        return retraction(self.name, made_at + timedelta(seconds=2))

    async def retract(self):
        """The retraction: what is queued is withdrawn, who was woken is told."""
        await self.send("igwn.gwalert", self.name, await self.retraction())
        await self.until(lambda: _stored(self.world, self), "the retraction is stored")
        await self.until(lambda: _over(self.world, self), "withdrawal")
        self.is_retracted, self.withdrawn_at = True, await self.world.now()
        await self.until(lambda: _stood_down(self.world, self), "stand-down")


async def people_answer(world):
    """Two people who answer and press 1."""
    await world.ensure_account("second", "Second Observer")
    for number in PHONES:
        await world.sim.put(
            f"/control/telephones/{number}",
            json={"behaviour": {"on_call": "answer", "answer_after_s": 2, "keys": ["1"]}},
        )


async def admin(stack, path, **params):
    """What the internal admin API of every service says."""
    key = StackSecrets(stack.folder / "secrets", {}).signing_key_file(OPERATOR)
    keys = Keys.from_files(OPERATOR, key, None)
    found = {}
    async with httpx.AsyncClient(timeout=30.0) as client:
        for name in SERVICES:
            port = INTERNAL_PORTS[name] - _PORT_BASE + stack.port_base
            answer = await client.get(
                f"http://127.0.0.1:{port}/admin{path}",
                params=params,
                headers={"Authorization": f"Bearer {keys.sign_for_service(name)}"},
            )
            answer.raise_for_status()
            found[name] = answer.json()
    return found


async def until(world, probe, what):
    return await world.until(probe, what=what, deadline_s=WAIT_S)


async def produce(world, topic, key, body):
    """As GCN does: until the broker has it. What it has twice is stored once."""

    async def sent():
        try:
            await world.produce(topic, key, body)
        except (KafkaError, OSError) as error:
            raise AssertionError(repr(error)) from error
        return True

    await until(world, sent, "the broker takes a notice")


async def advance(world, seconds):
    await world.advance(seconds)
    return True


async def _move(world, to):
    answer = await world.sim.post("/control/clock", json={"to": to, "settle": True}, timeout=120.0)
    return answer.is_success or answer.status_code == 409  # 409: it is later already


async def _stored(world, one):
    found = await world.items(f"ingest/v1/events/{one.event_id}/notices")
    return len(found) >= len(one.bodies)


async def _acknowledged(world, one):
    found = await incident(world, one.event_id)
    if found is not None and found["state"] == "acknowledged":
        return True
    if found is not None:
        await world.advance(20)
    return False


async def _drafts(world, one):
    """Drafts of the last map's plans, once every telescope has a plan or a reason against it."""
    notices = await world.items(f"ingest/v1/events/{one.event_id}/notices")
    newest = next((item for item in notices if item["alert_kind"].lower() == "update"), None)
    assert newest is not None, "the update is not read yet"
    maps = await world.items(f"ingest/v1/events/{one.event_id}/localizations")
    best = next((item for item in maps if item["is_preferred"]), None)
    assert best is not None, "no map yet"
    assert best["notice_id"] == newest["id"], "the last map is not ready"
    sha = await preferred_map(world, one.event_id)
    ready = await plans(world, one.event_id)
    failed = await plans(world, one.event_id, "failed")
    mine = {
        name: plan
        for found in (ready, failed)
        for name, plan in found.items()
        if plan["map_sha256"] == sha
    }
    assert len(mine) == 5, f"plans of {sorted(mine)}"
    found = await submissions(world, one.event_id)
    drafts = {}
    for name, plan in ready.items():
        item = found.get(name)
        assert item, f"no draft for {name}"
        assert (item["state"], item["plan_id"]) == ("draft", plan["plan_id"]), f"{name} is older"
        drafts[name] = plan["statistics"]
    return drafts


async def _approve(world, one, facility):
    """Press Go, and again if nobody heard it: until the marshal has the approval."""
    if facility not in one.seen:
        one.seen[facility] = (await submissions(world, one.event_id))[facility]
    item = one.seen[facility]
    state = (await _by_id(world, one))[item["submission_id"]]["state"]
    if state == "draft":
        await world.post(
            f"queue-submit/v1/submissions/{item['submission_id']}/approve",
            {"payload_sha256": item["payload_sha256"]},
        )
        return False
    if state == "discarded":  # another plan came before the button was pressed: look at that one
        del one.seen[facility]
        return False
    one.approved[facility] = item
    return True


async def _by_id(world, one):
    found = await world.items("queue-submit/v1/submissions", event_id=one.event_id)
    return {item["submission_id"]: item for item in found}


async def _taken(world, one):
    by_id = await _by_id(world, one)
    # a plan that is made anew has a draft of its own, which nobody approves here
    found = {name: by_id[item["submission_id"]] for name, item in one.approved.items()}
    states = {name: item["state"] for name, item in found.items()}
    for name, state in states.items():
        if state == "draft":  # several attempts were cut short: a person is asked again
            await _approve(world, one, name)
    assert set(states.values()) <= AT_TELESCOPE, states
    if not all(found[name]["verified_at"] for name in one.approved):
        await world.advance(10)
        raise AssertionError(f"not verified: {states}")
    return True


async def _exposures(world, one):
    found = await world.items("queue-submit/v1/exposures", event_id=one.event_id)
    if not found:
        await world.advance(60)
    return found


async def _over(world, one):
    """Withdrawn, as far as the marshal can know: what cannot report back has heeded the notice."""
    found = await submissions(world, one.event_id)
    heeded = {item["data"]["name"] for item in await world.journal("reader.cancelled")}
    open_ = {
        name: item["state"]
        for name, item in found.items()
        if item["state"] not in OVER
        and not (item["state"] == "cancel_requested" and item["external_name"] in heeded)
    }
    if open_:
        await world.advance(20)
        raise AssertionError(open_)
    return True


async def settled(world, rounds):
    """A day after the last window: nothing is looked for any more."""
    open_ = []
    for one in rounds:
        found = await submissions(world, one.event_id)
        open_ += [item["state"] for item in found.values() if item["state"] not in OVER]
    if open_:
        await world.advance(600)
        raise AssertionError(open_)
    return True


async def _stood_down(world, one):
    found = await incident(world, one.event_id)
    assert found["state"] == "resolved", found["state"]
    told = await world.journal("twilio.message")
    stood_down = [
        item
        for item in told
        if "STAND DOWN" in item["data"]["body"] and one.name in item["data"]["body"]
    ]
    if not stood_down:
        await world.advance(10)
    return stood_down

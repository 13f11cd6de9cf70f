"""Notices, merges, splits, undos and coincidences in any order, against a model of them."""

import asyncio
import itertools
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from too_common.testing.service import House, ServiceUnderTest, eventually
from too_ingest.service import SERVICE

TRIGGERS = 4
WORLDS = itertools.count(1)
"""Each example has triggers, and a stretch of time, of its own."""


def gbm(trigger: str, moment: Any, sent: Any, *, false: bool) -> bytes:
    """A final GBM position; light, for there are many."""
    return (
        '<voe:VOEvent xmlns:voe="http://www.ivoa.net/xml/VOEvent/v2.0" version="2.0" '
        f'role="observation" ivorn="ivo://nasa.gsfc.gcn/Fermi#GBM_Fin_Pos_{trigger}-{sent:%H%M%S}">'
        f"<Who><Date>{sent:%Y-%m-%dT%H:%M:%S}</Date></Who><What>"
        f'<Param name="Packet_Type" value="115"/><Param name="TrigID" value="{trigger}"/>'
        f'<Group name="Trigger_ID"><Param name="Def_NOT_a_GRB" value="{str(false).lower()}"/>'
        "</Group></What><WhereWhen><ObsDataLocation><ObservationLocation>"
        '<AstroCoordSystem id="UTC-FK5-GEO"/><AstroCoords coord_system_id="UTC-FK5-GEO">'
        f"<Time><TimeInstant><ISOTime>{moment:%Y-%m-%dT%H:%M:%S.%f}</ISOTime></TimeInstant></Time>"
        "<Position2D><Value2><C1>10.0</C1><C2>5.0</C2></Value2><Error2Radius>0</Error2Radius>"
        "</Position2D></AstroCoords></ObservationLocation></ObsDataLocation></WhereWhen>"
        "</voe:VOEvent>"
    ).encode()


class Model:
    """What the marshal should hold: where each notice is at home, and what hangs below what."""

    def __init__(self) -> None:
        self.home: dict[str, str] = {}
        self.said: dict[str, tuple[str, int, bool]] = {}
        """Trigger, number and retraction of each notice."""
        self.above: dict[str, tuple[str, str]] = {}
        """Event -> (event that it is part of, act)."""
        self.id_home: dict[str, str] = {}
        self.moved: dict[str, tuple[str, str, dict[str, str], dict[str, str]]] = {}
        """Split -> (part, from, homes of its notices, homes of its ids)."""

    def root(self, event: str) -> str:
        while event in self.above:
            event = self.above[event][0]
        return event

    def notices(self, root: str) -> set[str]:
        return {n for n, home in self.home.items() if self.root(home) == root}

    def roots(self) -> set[str]:
        return {self.root(home) for home in self.home.values()}

    def is_retracted(self, root: str) -> bool:
        last: dict[str, tuple[int, bool]] = {}
        for notice in self.notices(root):
            trigger, number, false = self.said[notice]
            if number > last.get(trigger, (-1, False))[0]:
                last[trigger] = (number, false)
        return all(false for _, false in last.values())


class Machine(RuleBasedStateMachine):
    """Acts by the public interface; after each the marshal agrees with the model."""

    service: ServiceUnderTest
    loop: asyncio.AbstractEventLoop
    start: Any

    events = Bundle("events")
    acts = Bundle("acts")

    def __init__(self) -> None:
        super().__init__()
        self.world = next(WORLDS)
        self.model = Model()
        self.number = 0
        self.wave = ""

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def get(self, path: str) -> Any:
        return self.do(self.service.client.get(path)).json()

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        answer = self.do(self.service.client.post(path, json=body))
        return answer.status_code, answer.json()

    @property
    def moment(self) -> Any:
        return self.start - timedelta(days=2 * self.world)

    @initialize(target=events)
    def a_gravitational_wave_and_bursts(self) -> Any:
        body = {
            "alert_type": "INITIAL",
            "time_created": f"{self.moment:%Y-%m-%dT%H:%M:%SZ}",
            "superevent_id": f"S{self.moment:%y%m%d}x",
            "event": {
                "time": f"{self.moment:%Y-%m-%dT%H:%M:%S.%fZ}",
                "far": 1e-10,
                "group": "CBC",
                "search": "AllSky",
            },
            "external_coinc": None,
        }
        _, answer = self.post("/notices?topic=igwn.gwalert", body)
        self.wave = answer["event_id"]
        # enough to merge and split from the first step on, one of them taken back
        return multiple(*(self.take(which, false=which == 1) for which in (0, 1, 1, 2)))

    @rule(target=events, which=st.integers(0, TRIGGERS - 1), false=st.booleans())
    def a_notice(self, which: int, false: bool) -> str:
        return self.take(which, false=false)

    def take(self, which: int, *, false: bool) -> str:
        self.number += 1
        trigger = f"{700_000_000 + 100 * self.world + which}"
        body = gbm(
            trigger,
            self.moment + timedelta(seconds=1 + which),
            self.moment + timedelta(minutes=self.number),
            false=false,
        )
        answer = self.do(self.service.client.post("/notices", content=body)).json()
        home = self.model.id_home.setdefault(trigger, answer["event_id"])
        self.model.home[answer["notice_id"]] = home
        self.model.said[answer["notice_id"]] = (trigger, self.number, false)
        assert answer["event_id"] == self.model.root(home)
        return str(home)

    @rule(target=acts, one=events, other=events)
    def merge(self, one: str, other: str) -> str:
        code, answer = self.post(
            f"/events/{one}/merge", {"from_event_id": other, "reason": "by the machine"}
        )
        possible = one != other and not {one, other} & set(self.model.above)
        assert (code == 200) == possible, answer
        if not possible:
            return ""
        self.model.above[other] = (one, answer["change"]["id"])
        return str(answer["change"]["id"])

    @rule(targets=(acts, events), event=events, pick=st.integers(1, 7))
    def split(self, event: str, pick: int) -> str:
        root = self.model.root(event)
        mine = sorted(self.model.notices(root))
        going = [n for i, n in enumerate(mine) if pick >> (i % 3) & 1]
        code, answer = self.post(
            f"/events/{root}/split", {"notice_ids": going or mine[:1], "reason": "by the machine"}
        )
        going = going or mine[:1]
        assert (code == 200) == (0 < len(going) < len(mine)), answer
        if code != 200:
            return root
        part, act = answer["event_id"], answer["change"]["id"]
        staying = {self.model.said[n][0] for n in mine if n not in going}
        ids = {self.model.said[n][0] for n in going} - staying
        self.model.moved[act] = (
            part,
            root,
            {n: self.model.home[n] for n in going},
            {trigger: self.model.id_home[trigger] for trigger in ids},
        )
        self.model.home |= dict.fromkeys(going, part)
        self.model.id_home |= dict.fromkeys(ids, part)
        self.last_split = act
        return str(part)

    @rule(act=consumes(acts))
    def undo_a_merge(self, act: str) -> None:
        part = next((e for e, (_, by) in self.model.above.items() if by == act), None)
        code, answer = self.post(f"/changes/{act}/undo", {}) if act else (404, None)
        if part is None or act in self.model.moved:
            assert code != 200
            return
        whole = self.model.root(part)
        below = self.model.above.pop(part)
        both = self.model.notices(self.model.root(part)), self.model.notices(whole)
        if all(both):
            assert code == 200, answer
        else:
            assert answer["code"] == "nothing_to_split"
            self.model.above[part] = below

    @rule()
    def undo_the_last_split(self) -> None:
        act = getattr(self, "last_split", None)
        if act is None:
            return
        self.last_split = None
        part, origin, homes, ids = self.model.moved.pop(act)
        code, answer = self.post(f"/changes/{act}/undo", {})
        if part in self.model.above:
            assert answer["code"] == "merged_since"
            return
        if self.model.root(origin) == part:
            # the event that it came from was merged into the part: they are one already
            assert code != 200
            return
        assert code == 200, answer
        for notice, home in list(self.model.home.items()):
            if home == part:
                self.model.home[notice] = homes.get(notice, origin)
        for trigger, home in list(self.model.id_home.items()):
            if home == part:
                self.model.id_home[trigger] = ids.get(trigger, origin)
        self.model.above[part] = (origin, act)

    @rule(one=events, other=events)
    def merge_and_undo_change_nothing(self, one: str, other: str) -> None:
        one, other = self.model.root(one), self.model.root(other)
        if one == other or not self.model.notices(one) or not self.model.notices(other):
            return
        before = [self.shown(e) for e in (one, other)]
        code, answer = self.post(f"/events/{one}/merge", {"from_event_id": other, "reason": "x"})
        assert code == 200, answer
        assert self.shown(one)["notice_count"] == sum(b["notice_count"] for b in before)
        code, answer = self.post(f"/changes/{answer['change']['id']}/undo", {})
        assert code == 200, answer
        assert [self.shown(e) for e in (one, other)] == before

    def shown(self, event: str) -> dict[str, Any]:
        state = dict(self.get(f"/events/{event}")["state"])
        for passing in ("is_regrouped", "coincidences"):
            state.pop(passing)
        return state

    @invariant()
    def every_notice_is_where_it_should_be(self) -> None:
        for root in self.model.roots():
            view = self.get(f"/events/{root}")
            notices = {n["id"] for n in self.get(f"/events/{root}/notices")}
            assert notices == self.model.notices(root)
            assert view["merged_into"] is None
            assert view["state"]["notice_count"] == len(notices)
            assert view["is_retracted"] == self.model.is_retracted(root)
        for event in self.model.above:
            view = self.get(f"/events/{event}")
            assert view["merged_into"] == self.model.root(event)

    def teardown(self) -> None:
        if not self.wave:
            return

        async def settled() -> bool:
            shown = (await self.service.client.get(f"/events/{self.wave}/coincidences")).json()
            standing = {
                c["coincidence"]["other_event_id"]
                for c in shown
                if c["coincidence"]["state"] == "found"
            }
            wanted = {r for r in self.model.roots() if not self.model.is_retracted(r)}
            return standing == wanted

        self.do(eventually(settled, what="coincidences with what stands, and with nothing else"))


async def test_any_sequence_of_acts(house: House):
    async with house.run(SERVICE, age_limit_s=1e9, workers=0) as service:

        class Running(Machine):
            pass

        Running.service, Running.loop = service, asyncio.get_running_loop()
        Running.start = house.clock.now()
        await asyncio.to_thread(
            run_state_machine_as_test,
            Running,
            settings=settings(
                max_examples=8,
                stateful_step_count=10,
                deadline=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            ),
        )

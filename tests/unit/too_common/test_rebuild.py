"""A reader is filled from the owners' snapshots through its own handlers."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from too_common.bus.handling import Outcome, Received
from too_common.contracts.base import topic_of
from too_common.errors import InvalidError, TransientError
from too_common.rebuild import PAGE, rebuild


def _item(number: int) -> dict[str, Any]:
    return {"type": "ingest.event_changed", "key": f"event-{number}", "data": {"n": number}}


@dataclass
class Handler:
    """Takes down what it is given; the third message is one that it does not know."""

    topics: tuple[str, ...] = (topic_of("ingest"), topic_of("planner"))
    taken: list[Received] = field(default_factory=list)

    async def handle(self, message: Received) -> Outcome:
        self.taken.append(message)
        return Outcome.SKIPPED if len(self.taken) == 3 else Outcome.HANDLED


@dataclass
class Services:
    """Snapshots of the owners, in pages."""

    snapshots: dict[str, list[dict[str, Any]]]
    asked: list[tuple[str, int]] = field(default_factory=list)

    async def get_json(self, service: str, path: str, params: dict[str, Any]) -> Any:
        assert path == "/snapshot"
        assert params["limit"] == PAGE
        self.asked.append((service, params["offset"]))
        if service not in self.snapshots:
            raise TransientError(f"{service} does not answer")
        items = self.snapshots[service]
        begin, end = params["offset"], params["offset"] + PAGE
        return {"items": items[begin:end], "next_offset": end if end < len(items) else None}


@dataclass
class Ctx:
    """As much of a context as is needed."""

    services: Services
    state: dict[str, Any]

    def topic(self, name: str) -> str:
        return name


def _ctx(snapshots: dict[str, list[dict[str, Any]]]) -> Any:
    return Ctx(Services(snapshots), {"handler": Handler()})


async def test_all_pages_of_all_owners_that_are_listened_to_are_handled_in_order() -> None:
    ctx = _ctx({"ingest": [_item(n) for n in range(PAGE + 1)], "planner": []})
    assert await rebuild(ctx) == {"ingest": {"handled": PAGE, "skipped": 1}, "planner": {}}
    assert ctx.services.asked == [("ingest", 0), ("ingest", PAGE), ("planner", 0)]
    taken = ctx.state["handler"].taken
    assert [message.key for message in taken] == [f"event-{n}" for n in range(PAGE + 1)]
    assert json.loads(taken[5].raw) == _item(5)
    assert taken[0].topic == topic_of("ingest")


async def test_one_owner_alone() -> None:
    ctx = _ctx({"ingest": [_item(1)], "planner": [_item(2)]})
    assert await rebuild(ctx, ["planner"]) == {"planner": {"handled": 1}}


async def test_an_unknown_owner_is_refused() -> None:
    with pytest.raises(InvalidError, match="no service named coffee"):
        await rebuild(_ctx({}), ["coffee"])


async def test_an_owner_that_is_away_is_told() -> None:
    with pytest.raises(TransientError, match="ingest does not answer"):
        await rebuild(_ctx({}))

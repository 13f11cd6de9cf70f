"""Every sequence of the corpus through the real way in, in many orders, repeated: one final state.

Each order is a world of its own (that of a drill), read from the bytes on in batches of any size,
as the listener does it. `TOO_CORPUS_ORDERS=200` for as many orders as it should be shown for.
"""

import csv
import json
import os
import random
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update
from too_common.cause import Cause
from too_common.contracts.base import Mode
from too_common.testing.service import House
from too_ingest import intake
from too_ingest.service import SERVICE
from too_ingest.tables import Event, Localization, Notice, RawNotice
from too_ingest.usecases.store_notice import Incoming

pytestmark = pytest.mark.corpus

ORDERS = int(os.environ.get("TOO_CORPUS_ORDERS", "3"))
OF_A_WORLD = {"event_id", "notice_id", "name", "members", "coincidences", "received_at"}
"""Made up anew in each world, or about how an event came to be rather than what it is."""


def sequences(folder: Path) -> dict[str, list[Incoming]]:
    """Messages of each sequence that the table names."""
    found: dict[str, list[Incoming]] = {}
    with (folder / "INDEX.csv").open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            for tag in row["tags"].split(";"):
                if tag.startswith("seq:"):
                    body = (folder / row["file"]).read_bytes()
                    one = Incoming(body=body, topic=row["topic"], source="kafka")
                    found.setdefault(tag.removeprefix("seq:"), []).append(one)
    return found


async def read_in(ctx: Any, messages: list[Incoming], dice: random.Random) -> str:
    """Store and read messages in batches, in a world of their own; gives its key."""
    drill_id = uuid4()
    rest = list(messages)
    while rest:
        size = dice.choice((1, 2, 5, 20))
        part, rest = rest[:size], rest[size:]
        causes = [(one, Cause(mode=Mode.DRILL, drill_id=drill_id)) for one in part]
        stored = await intake.store_batch(ctx, causes)
        unread = [
            intake.Unread(kept.raw_id, one.topic, one.body)
            for kept, one in zip(stored, part, strict=True)
        ]
        await intake.read_batch(ctx, unread)
    return str(drill_id)


async def left_behind(ctx: Any, key: str) -> list[str]:
    """Final states of a world's events, with their notices and localizations, by content."""
    async with ctx.unit_of_work() as uow:
        run = uow.session.execute
        events = (await run(select(Event).where(Event.drill_key == key))).scalars().all()
        roots = {event.id: event.root_id for event in events}
        notices = (await run(select(Notice).where(Notice.drill_key == key))).scalars().all()
        sha = {notice.id: notice.content_sha256 for notice in notices}
        offered = (
            (await run(select(Localization).where(Localization.event_id.in_(roots))))
            .scalars()
            .all()
        )
        found = []
        for event in events:
            if event.root_id != event.id:
                continue
            mine = sorted(n.content_sha256 for n in notices if roots[n.event_id] == event.id)
            maps = sorted(
                str((sha[one.notice_id], one.origin, one.label, one.rank, one.cone))
                for one in offered
                if roots[one.event_id] == event.id and one.notice_id is not None
            )
            state = {k: v for k, v in event.state.items() if k not in OF_A_WORLD}
            state["ids"] = sorted(state["ids"], key=str)
            newest = sha[next(n.id for n in notices if str(n.id) == event.state["notice_id"])]
            name = event.name.rpartition(" drill ")[0]
            found.append(json.dumps([name, newest, state, mine, maps], sort_keys=True))
        return sorted(found)


async def forget(ctx: Any, key: str) -> None:
    """Drop the bytes of a world, or two hundred of them would fill a disk."""
    async with ctx.unit_of_work() as uow:
        await uow.session.execute(
            update(RawNotice).where(RawNotice.drill_key == key).values(body=b"")
        )


@pytest.mark.timeout(3600)
async def test_every_sequence_ends_in_one_state_whatever_its_order(
    house: House, test_data_dir: Path
):
    places = (test_data_dir, test_data_dir / "alerts", test_data_dir / "data" / "alerts")
    folder = next(p for p in places if (p / "lvk").is_dir())
    known = sequences(folder)
    assert len(known) >= 24
    messages = [one for sequence in known.values() for one in sequence]
    runtime = await house.runtime(SERVICE, workers=0)
    await runtime._start_context()
    dice = random.Random(5)
    try:
        key = await read_in(runtime.ctx, messages, dice)
        wanted = await left_behind(runtime.ctx, key)
        # all notices are at home in an event, and those of one sequence in one
        homes = {sha: state for state in wanted for sha in json.loads(state)[3]}
        assert len(homes) == len({one.body for one in messages})
        for name, sequence in known.items():
            assert len({homes[sha256(one.body).hexdigest()] for one in sequence}) == 1, name
        orders = {tuple(range(len(messages)))}
        for _ in range(ORDERS):
            mixed = list(range(len(messages)))
            mixed += dice.choices(mixed, k=dice.randrange(1, 20))
            dice.shuffle(mixed)
            orders.add(tuple(mixed))
            key = await read_in(runtime.ctx, [messages[i] for i in mixed], dice)
            assert await left_behind(runtime.ctx, key) == wanted
            await forget(runtime.ctx, key)
        assert len(orders) == ORDERS + 1
    finally:
        await runtime._stack.aclose()

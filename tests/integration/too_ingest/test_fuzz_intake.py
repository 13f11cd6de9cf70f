"""Mutated messages through the real way in: each ends as a notice, as housekeeping or buried.

``TOO_FUZZ_STORED=5000`` makes it long (`make fuzz`).
"""

import os
import sys
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import func, select
from too_common.cause import Cause
from too_common.testing.service import House
from too_ingest import intake
from too_ingest.notices.registry import BY_TOPIC
from too_ingest.service import SERVICE
from too_ingest.tables import DeadLetter, Notice, RawNotice
from too_ingest.usecases.store_notice import Incoming

sys.path.insert(0, str(Path(__file__).parents[3]))

from benchmarks.fuzzing.mutators import mutate
from benchmarks.fuzzing.seeds import all_seeds, own_seeds

INPUTS = int(os.environ.get("TOO_FUZZ_STORED", "80"))
SETTLED = {"parsed", "duplicate", "housekeeping", "circular", "dead"}


@pytest.mark.timeout(120 + INPUTS)
async def test_no_message_is_left_unaccounted_for(house: House):
    seeds = own_seeds() if INPUTS <= 80 else all_seeds()
    topics = ["", "(none)", "kafka.test", *BY_TOPIC]
    async with house.run(SERVICE) as ingest:
        stored = []
        for number in range(INPUTS):
            dice = Random(f"stored:{number}")
            seed = dice.choice(seeds)
            topic = (seed.topic if dice.random() < 0.7 else dice.choice(topics)) or ""
            incoming = Incoming(body=mutate(seed.body, dice), topic=topic, is_replay=True)
            taken, outcome = await intake.take_in(ingest.ctx, incoming, Cause())
            assert outcome.state in SETTLED, (number, outcome)
            # a fault of ours is buried too, but it is a fault
            assert "unexpected" not in (outcome.reason or ""), (number, outcome)
            stored.append(taken.raw_id)
        async with ingest.ctx.unit_of_work() as uow:
            rows = (
                await uow.session.execute(
                    select(RawNotice.state, func.count(), func.count(RawNotice.notice_id)).group_by(
                        RawNotice.state
                    )
                )
            ).all()
            notices = await uow.session.scalar(select(func.count()).select_from(Notice))
            dead = await uow.session.scalar(
                select(func.count()).select_from(DeadLetter).where(DeadLetter.state == "open")
            )
    states = {state: (count, with_notice) for state, count, with_notice in rows}
    print(f"{INPUTS} messages: {states}")  # noqa: T201 - the figures of a long run
    assert set(states) <= SETTLED
    assert sum(count for count, _ in states.values()) == len(set(stored))
    assert states["parsed"] == (notices, notices)
    duplicates = states.get("duplicate", (0, 0))
    assert duplicates[0] == duplicates[1]
    assert states["dead"][0] == dead

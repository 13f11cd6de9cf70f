"""Merges and splits page nobody anew; coincidences are news, and paged on request."""

from uuid import uuid4

import pytest
from too_common.contracts.ingest import (
    CoincidenceFact,
    CoincidenceFound,
    CoincidenceState,
    EventFacts,
    EventKind,
    EventMerged,
)
from too_common.contracts.notify import DecisionChanged, Verdict

pytestmark = pytest.mark.asyncio(loop_scope="module")

DULL = EventFacts(significant=False, far_hz=1e-6, classification={"BBH": 0.9})


async def test_one_incident_stays_current_and_goes_with_the_whole(stage):
    ann = await stage.person("Ann")
    part = await stage.event()
    await stage.localization(part)
    opened = await stage.incident(part, "triggered")
    await stage.quiet()
    before = len(stage.texts(ann)), len(stage.calls(ann))
    whole = await stage.event(facts=DULL)
    await stage.quiet()

    await stage.event(part, merged_into=whole, is_regrouped=True)
    moved = await stage.incident(whole)
    assert moved["id"] == opened["id"]
    # the whole is wanted now, but a person's merge is no news from the sky
    await stage.event(whole, is_regrouped=True)
    await stage.localization(whole)
    await stage.house.expect(
        DecisionChanged,
        lambda d: d.event_id == whole and d.verdict is Verdict.WANTED,
    )
    await stage.quiet()
    assert (len(stage.texts(ann)), len(stage.calls(ann))) == before
    assert len((await stage.client.get("/incidents", params={"event_id": str(whole)})).json()) == 1

    # told of the part, a retraction ends nothing; of the whole, everybody woken hears of it
    await stage.event(whole, is_retracted=True, overrides=True)
    await stage.incident(whole, "resolved")
    await stage.quiet()
    assert len(stage.texts(ann)) == before[0] + 1


async def test_what_comes_out_of_a_split_pages_nobody(stage):
    ann = await stage.person("Ann")
    part = await stage.event(is_regrouped=True)
    await stage.localization(part)
    await stage.house.expect(
        DecisionChanged, lambda d: d.event_id == part and d.verdict is Verdict.WANTED
    )
    await stage.quiet()
    assert stage.texts(ann) == []
    assert stage.calls(ann) == []


def _coincidence(event_id, **changes):
    values = {
        "coincidence_id": uuid4(),
        "state": CoincidenceState.FOUND,
        "event_id": event_id,
        "event_name": "S1",
        "event_kind": EventKind.GW,
        "mission": "lvk",
        "other_event_id": uuid4(),
        "other_name": "GRB 1",
        "other_kind": EventKind.GRB,
        "other_mission": "swift",
        "leads": True,
        "time_offset_s": 1.7,
        "window_begin_s": -1.0,
        "window_end_s": 5.0,
        "window_source": "test",
        "meaning": "GRB 1 is 1.7 s after S1",
    }
    return CoincidenceFound(**(values | changes))


async def test_a_coincidence_is_told_once_and_so_is_its_end(stage):
    event_id = await stage.event(facts=DULL)
    found = _coincidence(event_id)
    await stage.house.publish(found, key=event_id, revision=1)
    mirror = found.model_copy(update={"leads": False, "event_id": found.other_event_id})
    await stage.house.publish(mirror, key=mirror.event_id, revision=1)
    gone = found.model_copy(update={"state": CoincidenceState.WITHDRAWN, "reason": "retracted"})
    await stage.house.publish(gone, key=event_id, revision=2, overrides=True)
    await stage.until(lambda: stage.posts("No coincidence any more"), "the end is told")
    await stage.quiet()
    assert len(stage.posts("1.7 s after S1")) == 1
    assert len(stage.posts("No coincidence any more of S1 and GRB 1: retracted")) == 1
    merged = EventMerged(
        change_id=uuid4(),
        from_event_id=uuid4(),
        from_name="A",
        into_event_id=event_id,
        into_name="B",
        is_automatic=False,
        reason="one source",
        by="Ann",
        at=stage.house.clock.now(),
    )
    for key in (merged.from_event_id, merged.into_event_id):
        await stage.house.publish(merged, key=key, revision=9)
    await stage.until(lambda: stage.posts("A is part of B now (by Ann: one source)"), "told")
    await stage.quiet()
    assert len(stage.posts("A is part of B now")) == 1


async def test_a_program_that_asks_for_a_coincidence_pages_for_it(stage):
    ann = await stage.person("Ann")
    program = {
        "name": "Waves with a burst",
        "criteria": {
            "kind": "coincidence",
            "any_of": ["grb"],
            "joint_far_below_hz": 1e-9,
        },
    }
    made = await stage.client.post("/programs", json=program)
    assert made.status_code in {200, 201}, made.text
    event_id = await stage.event(facts=DULL)
    await stage.quiet()
    assert stage.texts(ann) == []
    fact = CoincidenceFact(
        coincidence_id=uuid4(),
        event_id=uuid4(),
        name="GRB 1",
        kind=EventKind.GRB,
        mission="swift",
        time_offset_s=1.7,
    )
    await stage.event(event_id, facts=DULL, coincidences=(fact,))
    await stage.house.expect(
        DecisionChanged,
        lambda d: (
            d.event_id == event_id
            and d.program_name == "Waves with a burst"
            and d.verdict is Verdict.PENDING
        ),
    )
    sure = fact.model_copy(update={"overlap_integral": 12.0, "joint_far_hz": 1e-12})
    await stage.event(event_id, facts=DULL, coincidences=(sure,))
    await stage.incident(event_id, "triggered")

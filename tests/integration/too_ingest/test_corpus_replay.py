"""The real notices of the corpus, handed in as replays: one by one, and several at a time."""

import asyncio
import csv
from pathlib import Path

import pytest
from too_common.testing.service import House, eventually
from too_ingest.service import SERVICE

pytestmark = pytest.mark.corpus


@pytest.mark.timeout(420)
async def test_the_corpus_goes_through(house: House, test_data_dir: Path):
    places = (test_data_dir, test_data_dir / "alerts", test_data_dir / "data" / "alerts")
    folder = next(p for p in places if (p / "lvk").is_dir())
    with (folder / "INDEX.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    async with house.run(SERVICE) as ingest:
        gate = asyncio.Semaphore(6)

        async def hand_in(row: dict[str, str]) -> dict[str, object]:
            # tokens live for a minute, the corpus takes longer
            async with gate, ingest.client_for("admin") as client:
                answer = await client.post(
                    "/notices",
                    content=(folder / row["file"]).read_bytes(),
                    params={"topic": row["topic"], "replay": "true"},
                    timeout=120,
                )
            assert answer.status_code == 202, answer.text
            return {"file": row["file"], **answer.json()}

        taken = await asyncio.gather(*(hand_in(row) for row in rows))
        dead = [item["file"] for item in taken if item["state"] == "dead"]
        assert dead == ["odd/Swift_unknown_fail.xml"]
        assert {item["state"] for item in taken} == {"parsed", "dead", "housekeeping"}
        events = {item["file"]: item["event_id"] for item in taken}
        for beginning in ("lvk/igwn-S241125n", "lvk/S191110af", "svom/eclairs_30"):
            same = {e for f, e in events.items() if f.startswith(beginning)}
            assert len(same) == (1 if "svom" not in beginning else 2)

        event_id = events["lvk/igwn-S241125n-INITIAL.json"]

        async def show(path: str):
            async with ingest.client_for("read") as client:
                return (await client.get(path)).json()

        async def ready():
            found = await show(f"/events/{event_id}/localizations")
            return found if all(item["state"] in {"ready", "repeated"} for item in found) else None

        maps = await eventually(ready, deadline_s=300)
        versions = [m for m in maps if m["state"] == "ready"]
        areas = {(m["label"], round(m["facts"]["area90_deg2"])) for m in versions}
        assert areas == {("", 2367), ("", 1957), ("combined", 873)}
        chosen = next(m for m in maps if m["is_preferred"])
        assert (chosen["label"], round(chosen["facts"]["area90_deg2"])) == ("", 1957)
        event = await show(f"/events/{event_id}")
        assert event["state"]["is_stale"]
        assert event["mode"] == "replay"

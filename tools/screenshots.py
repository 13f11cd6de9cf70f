"""Pictures of every page of a running stack, on a phone and on a desk.

Logs in with the account that `too up` wrote down, and drives the system's Chromium.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SIZES = {"phone": (390, 844), "desk": (1360, 900)}
DATA = Path(os.environ.get("TOO_DATA_DIR", ROOT / "var"))


def ask(url: str, token: str) -> Any:
    """GET a JSON document with a token."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  -- loopback
        return json.load(answer)


def pages(access: dict[str, str]) -> dict[str, str]:
    """Names and paths of the pages worth a picture."""
    url, token = access["url"], access["token"]
    found = ask(f"{url}/api/ingest/v1/events", token)
    events = found["items"] if isinstance(found, dict) else found
    waves = [item for item in events if item.get("mission") == "lvk" and not item["is_retracted"]]
    event = (waves or events)[0]
    name, event_id = event["name"], event["event_id"] if "event_id" in event else event["id"]
    listed = {
        "events": "/",
        "event": f"/events/{name}",
        "new-plan": f"/events/{name}/plans/new?telescope=ZTF",
        "manual": "/manual",
        "queues": "/queues",
        "candidates": f"/events/{name}/candidates",
        "galaxies": f"/events/{name}/galaxies",
        "circulars": f"/events/{name}/circulars",
        "programs": "/programs",
        "people": "/people",
        "account": "/account",
        "health": "/health",
        "about": "/about",
    }
    drafts = ask(f"{url}/api/circulars/v1/drafts?event_id={event_id}", token)
    if drafts:
        listed["circular"] = f"/circulars/{drafts[0]['id']}"
    plans = ask(f"{url}/api/planner/v1/plans?event_id={event_id}&state=ready", token)
    for plan in reversed(plans):
        listed[f"plan-{plan['telescope'].lower()}"] = f"/plans/{plan['plan_id']}"
    return listed


async def shoot(folder: Path, only: list[str], *, simulators: bool) -> None:
    """Take the pictures."""
    sys.path.insert(0, str(ROOT / "tests/browser"))
    from chromium import Chromium  # type: ignore[import-not-found]

    access = json.loads((DATA / "too-cli.json").read_text(encoding="utf-8"))
    listed = {name: path for name, path in pages(access).items() if not only or name in only}
    for size, (width, height) in SIZES.items():
        with tempfile.TemporaryDirectory() as profile:
            async with Chromium(Path(profile), width=width, height=height) as page:
                await page.open(f"{access['url']}/login")
                if not only or "login" in only:
                    await page.shot(folder / f"login-{size}.png")
                await page.type("input[name=username]", access["username"])
                await page.type("input[name=password]", access["password"])
                await page.run("document.querySelector('main form').submit()")
                await page.until("location.pathname === '/'")
                for name, path in listed.items():
                    await page.open(access["url"] + path)
                    await page.quiet()
                    await page.shot(folder / f"{name}-{size}.png")
                if simulators:
                    base, port = access["url"].rsplit(":", 1)
                    await page.open(f"{base}:{int(port) + 1}/")
                    await asyncio.sleep(2)
                    await page.shot(folder / f"simulators-{size}.png")
                for line in page.console:
                    print(f"{size}: console: {line}")
    print(f"pictures are in {folder}")


def main() -> None:
    """Parse the command line and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=DATA / "screenshots")
    parser.add_argument("--only", nargs="*", default=[], help="names of pages")
    parser.add_argument("--no-simulators", action="store_true")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(shoot(given.folder, given.only, simulators=not given.no_simulators))


if __name__ == "__main__":
    main()

"""Every page, on a phone and on a desk: it loads, fits, throws nothing, asks nobody else."""

import os
from pathlib import Path

import pytest

PAGES = {
    "events": "/",
    "event": "/events/S261122ab",
    "plan": "/plans/{plan}",
    "new-plan": "/events/S261122ab/plans/new?telescope=ZTF",
    "manual": "/manual",
    "queues": "/queues",
    "candidates": "/events/S261122ab/candidates",
    "galaxies": "/events/S261122ab/galaxies",
    "circulars": "/events/S261122ab/circulars",
    "circular": "/circulars/{draft}",
    "programs": "/programs",
    "people": "/people",
    "account": "/account",
    "health": "/health",
    "about": "/about",
}
SIZES = {"phone": (390, 844), "desk": (1360, 900)}
PASSWORD = "correct horse battery"

CANDIDATES = [
    {"name": "ZTF26aaaaaab", "ra_deg": 197.4504, "dec_deg": -23.3815, "redshift": 0.0098,
     "classification": "kilonova?", "host_name": "NGC 4993", "source": "ZTF",
     "photometry": [{"time": "2026-11-22T02:10:00Z", "filter": "g", "magnitude": 17.42,
                     "error": 0.05}]},
    {"name": "ZTF26aaaaaac", "ra_deg": 199.1, "dec_deg": -20.2, "classification": "SN Ia",
     "photometry": [{"time": "2026-11-22T02:15:00Z", "filter": "r", "magnitude": 19.8}]},
]  # fmt: skip


async def log_in(page, url):
    await page.open(f"{url}/login")
    await page.type("input[name=username]", "ada")
    await page.type("input[name=password]", PASSWORD)
    await page.run("document.querySelector('main form').submit()")
    await page.until("location.pathname === '/' && document.querySelector('.evlist')")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("size", SIZES)
async def test_every_page_fits_and_is_quiet(site, browser, size, tmp_path):
    folder = Path(os.environ.get("TOO_SCREENSHOTS", tmp_path))
    event_id = site.night.event_id
    await site.service.client.post("/candidates", params={"event_id": event_id}, json=CANDIDATES)
    width, height = SIZES[size]
    async with browser(width, height, dark=size == "phone") as page:
        await page.open(f"{site.url}/login")
        await page.shot(folder / f"login-{size}.png")
        await log_in(page, site.url)
        for name, path in PAGES.items():
            await page.open(site.url + path.format(
                draft=site.night.draft_id, plan=site.night.plans["ZTF"]))  # fmt: skip
            await page.quiet()
            await page.shot(folder / f"{name}-{size}.png")
            wide = await page.run("document.documentElement.scrollWidth")
            assert wide <= width, f"{name} is {wide} px wide on {width} px"
            unnamed = await page.run(
                "[...document.querySelectorAll('button, a, input:not([type=hidden]), select')]"
                ".filter(e => !(e.textContent.trim() || e.getAttribute('aria-label')"
                " || e.labels?.length)).map(e => e.outerHTML)"
            )
            hidden = await page.run(
                "[...document.querySelectorAll('.btn.go')].filter(b => {"
                " const c = (b.closest('.scroll') ?? b).getBoundingClientRect(),"
                " r = b.getBoundingClientRect(); return r.right > c.right + 1; }).length"
            )
            assert hidden == 0, f"{name}: a Go button is cut off"
            assert unnamed == [], f"{name}: controls without a name"
        assert page.console == []
        elsewhere = {u for u in page.requested if not u.startswith((site.url, "about:", "data:"))}
        assert elsewhere == set()

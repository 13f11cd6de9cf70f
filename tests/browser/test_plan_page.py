"""The plan page: what is drawn, the play-back, other palettes and zones."""

import pytest
from test_screens import log_in


@pytest.mark.timeout(120)
async def test_the_night_is_played_back_on_the_map_and_the_time_line(site, browser):
    async with browser(390, 844) as page:
        await log_in(page, site.url)
        await page.open(f"{site.url}/plans/{site.night.plans['ZTF']}")
        await page.quiet()
        assert await page.run("document.querySelectorAll('#flat-map .tile').length") == 7
        assert await page.run("document.querySelectorAll('#flat-map .contour').length") == 2
        # against the plan before: one field new, one dropped
        assert await page.run("document.querySelectorAll('#flat-map .tile.new').length") == 1
        assert await page.run("document.querySelectorAll('#flat-map .dropped').length") == 1
        bars = "document.querySelectorAll('#time-line .bars rect').length"
        assert await page.run(bars) == 21
        # at the end all is whole; in the middle of the first visit some is ahead, one is observed
        classes = (
            "[...document.querySelectorAll('#flat-map .tile')].map(t => [...t.classList].pop())"
        )
        assert await page.run(classes) == ["whole"] * 7
        await page.press("#back")
        assert "exposure 21 of 21" in await page.run(
            "document.querySelector('#told-moment').textContent"
        )
        await page.run(
            "(() => { const s = document.querySelector('#moment'); s.value = 190;"
            " s.dispatchEvent(new Event('input')); })()"
        )
        found = await page.run(classes)
        assert found.count("now") <= 1
        assert "ahead" in found
        assert "seen" in found
        told = await page.run("document.querySelector('#told-moment').textContent")
        assert "Sun" in told
        assert "covered" in told
        globe = "document.querySelectorAll('.globe .tile.ahead').length"
        assert await page.run(globe) == found.count("ahead")
        await page.press("#play")
        await page.until("document.querySelector('#play').textContent === 'Pause'")
        await page.until("document.querySelector('#told-moment').textContent !== " + repr(told))
        await page.press("#play")
        await page.press("[data-zone=site]")
        await page.until(
            "document.querySelector('#time-line').textContent.includes('America/Los Angeles')"
        )
        assert page.console == []


@pytest.mark.timeout(120)
async def test_a_plan_that_failed_says_why_and_an_unknown_one_is_not_found(site, browser):
    async with browser() as page:
        await log_in(page, site.url)
        await page.open(f"{site.url}/plans/{site.night.plans['KPED']}")
        await page.quiet()
        assert "no galaxy of the list is up" in await page.run("document.body.innerText")
        assert await page.run("document.querySelector('#plan-view') === null")
        status = await page.run(
            "fetch('/plans/00000000-0000-4000-8000-000000000000').then(a => a.status)"
        )
        assert status == 404

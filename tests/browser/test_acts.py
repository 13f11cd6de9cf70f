"""What a person does on the pages: Go, taking an incident, night mode, live updates."""

import pytest
from test_screens import log_in

pytestmark = pytest.mark.timeout(300)


async def test_go_shows_what_is_sent_and_approves_exactly_that(site, browser):
    night = site.night
    submission = night.submission("ZTF", "draft")
    async with browser(390, 844) as page:
        await log_in(page, site.url)
        await page.open(f"{site.url}/events/S261122ab")
        await page.press(f'[data-dialog="/dialogs/approve/{submission.submission_id}"]')
        await page.until("document.querySelector('dialog[open] .btn.go')", what="the dialog")
        text = await page.run("document.querySelector('dialog').innerText")
        for part in (submission.external_name, submission.payload_sha256, "Moon at 31 deg",
                     "523, 524", "520", "simulated"):  # fmt: skip
            assert part in text
        # the safe button has the focus: Enter by mistake sends nothing
        focus = await page.run("document.activeElement.textContent.trim()")
        assert focus == "Not yet"
        await page.press("dialog .btn.go")
        await page.until("!document.querySelector('dialog').open", what="closed dialog")
    sent = [c for c in site.owners.commands if c[1].endswith("/approve")]
    assert len(sent) == 1
    method, path, body, authorization = sent[0]
    assert (method, path) == (
        "POST", f"/api/queue-submit/v1/submissions/{submission.submission_id}/approve"
    )  # fmt: skip
    assert body == {"payload_sha256": submission.payload_sha256}
    who = site.house.keys_of("queue-submit").verify(authorization.removeprefix("Bearer "))
    assert who.account_id == night.person


async def test_an_open_page_follows_what_happens_by_itself(site, browser):
    night = site.night
    async with browser() as page:
        await log_in(page, site.url)
        await page.open(f"{site.url}/events/S261122ab")
        await page.quiet()
        assert await page.run("!!document.querySelector('#hero .note.bad form')")
        await page.press(f'tr.pick[data-plan="{night.plans["ZTF"]}"]')
        await page.until("document.querySelectorAll('.globe .tile').length > 5", what="tiles")
        await page.press("#hero .note.bad form button")
        await page.until("document.querySelector('.toast')", what="an answer")
        await site.house.publish(
            night.incident("acknowledged"), key=str(night.event_id), revision=2
        )
        await page.until("!document.querySelector('#hero .note.bad')", what="live update")
        await site.house.publish(
            night.event(is_retracted=True), key=str(night.event_id), revision=9, overrides=True
        )
        await page.until(
            "document.querySelector('#hero').innerText.includes('retracted')", what="retraction"
        )
        assert not await page.run("!!document.querySelector('#plans .btn.go')")
        # what was chosen stays chosen, and the globe was not drawn anew
        assert await page.run(
            f'!!document.querySelector(\'tr.pick[data-plan="{night.plans["ZTF"]}"]'
            "[aria-selected=true]') && document.querySelectorAll('.globe .tile').length > 5"
        )
        assert page.console == []
    acks = [c for c in site.owners.commands if c[1].endswith("/ack")]
    assert len(acks) == 1


async def test_night_mode_is_red_and_stays(site, browser):
    async with browser(390, 844) as page:
        await log_in(page, site.url)
        await page.press("#night")
        await page.open(f"{site.url}/queues")
        colour = await page.run("getComputedStyle(document.body).color")
        red, green, blue = (int(part) for part in colour[4:-1].split(","))
        assert red > 3 * max(green, blue) / 1.3
        assert await page.run("document.querySelector('#night').getAttribute('aria-pressed')") == (
            "true"
        )


async def test_a_candidate_file_is_read_and_its_bad_rows_are_named(site, browser, tmp_path):
    async with browser() as page:
        await log_in(page, site.url)
        await page.open(f"{site.url}/events/S261122ab/candidates")
        await page.run(
            "(() => { const data = new DataTransfer();"
            "data.items.add(new File(['name,ra,dec\\ngood,10,20\\nbad,999,0\\n'], 'c.csv'));"
            "document.querySelector('input[type=file]').files = data.files; })()"
        )
        await page.press('form[data-api*="/candidates/file"] button')
        await page.until("!document.querySelector('#result').hidden", what="the result")
        text = await page.run("document.querySelector('#result').innerText")
        assert "1 taken, 1 refused" in text
        assert "row 2" in text
        await page.until("document.querySelector('#candidates').innerText.includes('good')")


async def test_an_event_by_hand_with_a_polygon(site, browser):
    async with browser() as page:
        await log_in(page, site.url)
        await page.open(f"{site.url}/events/new?by=polygon")
        await page.type('input[name="name"]', "AT2026xyz")
        corners = "document.querySelector('textarea[name=\"corners_deg\"]')"
        await page.run(f"{corners}.value = '10 20\\n12, 20\\nnonsense'")
        before = len(site.owners.commands)
        await page.press("form.card .btn.primary")
        await page.until("document.querySelector('.toast.bad')", what="a clear error")
        assert "Line 3" in await page.run("document.querySelector('.toast.bad').innerText")
        assert len(site.owners.commands) == before
        await page.run(f"{corners}.value = '10 20\\n12, 20\\n12 21.5'")
        await page.press("form.card .btn.primary")
        await page.until("location.pathname === '/'", what="the list of events")
    method, path, body, _ = site.owners.commands[-1]
    assert (method, path) == ("POST", "/api/ingest/v1/events")
    assert body == {
        "name": "AT2026xyz",
        "kind": "other",
        "corners_deg": [[10, 20], [12, 20], [12, 21.5]],
        "containment": 1,
        "is_test": False,
    }

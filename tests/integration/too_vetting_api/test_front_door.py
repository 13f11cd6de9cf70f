"""The front door on a real database and bus: login, tokens, CSRF, forwarding, accounts."""

import json
from uuid import UUID, uuid4

import httpx
import pytest
import respx
from too_common.contracts.vetting_api import AccountChanged
from too_vetting_api.security import COOKIE
from too_vetting_api.service import SERVICE

PASSWORD = "correct horse battery"
SETTINGS = {
    "bootstrap_username": "ada", "bootstrap_password": PASSWORD, "bootstrap_name": "Ada Example",
    "load_sample_catalogue": False, "workers": 0,
}  # fmt: skip
INGEST = "http://ingest.invalid"


@pytest.fixture
async def door(house, tmp_path):
    house.common = {"ingest_url": INGEST, "planner_url": "http://127.0.0.1:9"}
    async with house.run(SERVICE, catalogue_dir=tmp_path / "cat", **SETTINGS) as service:
        yield service


def person(door, **headers):
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(door.runtime.app, raise_app_exceptions=False),
        base_url="http://door.test",
        headers=headers,
    )


async def log_in(client, *, password=PASSWORD, then="/"):
    return await client.post("/login", data={"username": "Ada", "password": password, "next": then})


async def csrf_of(client):
    page = (await client.get("/")).text
    return page.split('name="csrf-token" content="')[1].split('"')[0]


async def test_login_sets_a_cookie_that_scripts_cannot_read(door):
    async with person(door) as client:
        page = await client.get("/events/S1")
        assert page.status_code == 303
        assert page.headers["location"] == "/login?next=/events/S1"
        answer = await log_in(client, then="/events/S1")
        assert answer.status_code == 303
        assert answer.headers["location"] == "/events/S1"
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        me = await client.get("/api/vetting-api/v1/accounts/me")
        assert me.json()["username"] == "ada"
        assert set(me.json()["scopes"]) == {"read", "plan", "vet", "submit", "admin"}


async def test_no_open_redirect_and_no_login_from_elsewhere(door):
    async with person(door) as client:
        answer = await log_in(client, then="//evil.example/x")
        assert answer.headers["location"] == "/"
    async with person(door, **{"sec-fetch-site": "cross-site"}) as client:
        assert (await log_in(client)).status_code == 403
    async with person(door, origin="https://evil.example") as client:
        assert (await log_in(client)).status_code == 403


async def test_wrong_passwords_are_counted_and_the_words_tell_nothing(door):
    async with person(door) as client:
        first = await log_in(client, password="wrong password")
        assert first.status_code == 401
        other = await client.post("/login", data={"username": "nobody", "password": "x" * 12})
        assert other.status_code == 401
        assert "do not fit" in first.text
        assert "do not fit" in other.text
        for _ in range(9):
            await log_in(client, password="wrong password")
        assert (await log_in(client)).status_code == 429


async def test_a_change_by_cookie_needs_the_csrf_token(door):
    async with person(door) as client:
        await log_in(client)
        url = "/api/vetting-api/v1/accounts/me/tokens"
        refused = await client.post(url, json={"name": "x"})
        assert refused.status_code == 403
        assert refused.json()["code"] == "csrf"
        refused = await client.post(url, json={"name": "x"}, headers={"X-CSRF-Token": "x"})
        assert refused.status_code == 403
        good = {"X-CSRF-Token": await csrf_of(client)}
        made = await client.post(url, json={"name": "x", "scopes": ["read"]}, headers=good)
        assert made.status_code == 201
        token = made.json()["token"]
    async with person(door, authorization=f"Bearer {token}") as client:
        assert (await client.get("/api/vetting-api/v1/events")).json()["items"] == []
        weak = await client.post("/api/vetting-api/v1/accounts", json={"username": "eve"})
        assert weak.status_code == 403
        stronger = await client.post(url, json={"name": "y", "scopes": ["admin"]})
        assert stronger.status_code == 403


async def test_a_revoked_token_and_a_logged_out_cookie_are_dead(door):
    async with person(door) as client:
        await log_in(client)
        good = {"X-CSRF-Token": await csrf_of(client)}
        made = (await client.post("/api/vetting-api/v1/accounts/me/tokens", json={}, headers=good)
                ).json()  # fmt: skip
        async with person(door, authorization=f"Bearer {made['token']}") as script:
            assert (await script.get("/api/vetting-api/v1/accounts/me")).status_code == 200
            gone = await client.delete(
                f"/api/vetting-api/v1/accounts/me/tokens/{made['token_id']}", headers=good
            )
            assert gone.status_code == 204
            assert (await script.get("/api/vetting-api/v1/accounts/me")).status_code == 401
        kept = client.cookies[COOKIE]
        assert (await client.post("/logout", data={"csrf_token": "wrong"})).status_code == 403
        out = await client.post("/logout", data={"csrf_token": good["X-CSRF-Token"]})
        assert out.status_code == 303
    async with person(door, cookie=f"{COOKIE}={kept}") as client:
        assert (await client.get("/api/vetting-api/v1/accounts/me")).status_code == 401


async def test_accounts_are_told_and_a_deactivated_one_is_out(door, house):
    client = door.client
    made = await client.post("/accounts", json={
        "username": "Ben", "name": "Ben Example", "affiliation": "Institute",
        "scopes": ["read", "submit"], "password": "long enough password"})  # fmt: skip
    assert made.status_code == 201
    account_id = UUID(made.json()["account_id"])
    again = await client.post("/accounts", json={"username": "ben", "password": "x" * 12})
    assert again.status_code == 409
    told = await house.expect(AccountChanged, lambda data: data.account_id == account_id)
    assert (told.data.username, told.data.scopes) == ("ben", ("read", "submit"))
    token = (await client.post(f"/accounts/{account_id}/tokens", json={"name": "t"})).json()[
        "token"
    ]
    async with person(door, authorization=f"Bearer {token}") as script:
        assert (await script.get("/api/vetting-api/v1/accounts/me")).status_code == 200
        off = await client.patch(f"/accounts/{account_id}", json={"active": False})
        assert off.status_code == 200
        assert (await script.get("/api/vetting-api/v1/accounts/me")).status_code == 401
    gone = await house.expect(
        AccountChanged, lambda data: data.account_id == account_id and not data.active
    )
    assert gone.overrides


async def test_the_last_administrator_stays(door):
    rows = (await door.client.get("/accounts")).json()
    ada = next(row for row in rows if row["username"] == "ada")
    for change in ({"active": False}, {"scopes": ["read"]}):
        answer = await door.client.patch(f"/accounts/{ada['account_id']}", json=change)
        assert answer.status_code == 409
        assert answer.json()["code"] == "last_admin"


async def test_requests_are_forwarded_with_our_token_and_without_the_cookie(door, house):
    async with person(door) as client:
        await log_in(client)
        good = {"X-CSRF-Token": await csrf_of(client)}
        with respx.mock(assert_all_called=True) as owners:
            route = owners.get(f"{INGEST}/api/ingest/v1/maps/abc").mock(
                httpx.Response(
                    200, content=b"bytes", headers={"content-type": "text/xml", "x-hop": "1",
                                                    "connection": "close", "set-cookie": "a=b"},
                )
            )  # fmt: skip
            answer = await client.get("/api/ingest/v1/maps/abc?x=%2F1")
        assert answer.content == b"bytes"
        assert "set-cookie" not in answer.headers
        assert "sandbox" in answer.headers["content-security-policy"]
        sent = route.calls.last.request
        assert sent.url.raw_path == b"/api/ingest/v1/maps/abc?x=%2F1"
        assert "cookie" not in sent.headers
        who = house.keys_of("ingest").verify(sent.headers["authorization"].removeprefix("Bearer "))
        assert who.name == "Ada Example"
        assert "submit" in who.scopes
        with respx.mock(assert_all_called=True) as owners:
            route = owners.post(f"{INGEST}/api/ingest/v1/notices").mock(
                httpx.Response(409, json={"detail": "no"})
            )
            answer = await client.post("/api/ingest/v1/notices", content=b"<x/>", headers=good)
        assert answer.status_code == 409
        assert route.calls.last.request.content == b"<x/>"
        assert "x-csrf-token" not in route.calls.last.request.headers


async def test_an_owner_that_is_away_is_named(door):
    async with person(door) as client:
        await log_in(client)
        answer = await client.get("/api/planner/v1/telescopes")
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "owner_away"
        assert "planner" in answer.json()["detail"]
        assert (await client.get("/api/nonsense/v1/x")).status_code == 404
        page = await client.get("/programs")
        assert page.status_code == 200
        assert "cannot be reached" in page.text


async def test_forwarding_needs_a_login_and_keeps_the_size(door):
    async with person(door) as client:
        assert (await client.get("/api/ingest/v1/events")).status_code == 401
        await log_in(client)
        unsafe = await client.post("/api/ingest/v1/notices", content=b"x")
        assert unsafe.status_code == 403
        good = {"X-CSRF-Token": await csrf_of(client), "content-length": "99000000000"}
        huge = await client.post("/api/ingest/v1/notices", content=b"x", headers=good)
        assert huge.status_code == 413


async def test_machines_read_but_are_not_forwarded(door, house):
    token = house.keys_of("planner").sign_for_service("vetting-api")
    async with person(door, authorization=f"Bearer {token}") as client:
        assert (await client.get("/api/vetting-api/v1/catalogues")).status_code == 200
        assert (await client.get("/api/ingest/v1/events")).status_code == 403
        assert (await client.post("/api/vetting-api/v1/accounts", json={})).status_code in {
            403,
            422,
        }


async def test_pages_carry_a_strict_policy_and_docs_are_ours(door):
    async with person(door) as client:
        await log_in(client)
        page = await client.get("/")
        policy = page.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "script-src 'self'" in policy
        for text in ((await client.get("/")).text, (await client.get("/docs")).text):
            assert "://" not in text.replace("http://www.w3.org", "").replace("//127.0.0.1", "")
        document = (await client.get("/openapi.json")).json()
        assert "/api/vetting-api/v1/candidates" in document["paths"]
        assert json.dumps(document).count("VettingApiCandidateIn") >= 2


async def test_an_unknown_event_is_a_page_that_says_so(door):
    async with person(door) as client:
        await log_in(client)
        answer = await client.get(f"/events/{uuid4()}", headers={"accept": "text/html"})
        assert answer.status_code == 404
        assert "no event" in answer.text

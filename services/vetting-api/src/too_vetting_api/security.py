"""Who asks: a browser's session with its CSRF token, a personal token, or a service's own token.

The only place that reads cookies. Everything behind it sees a `Principal`, as in every service.
"""

import hmac
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import UUID

from fastapi import Request
from starlette.responses import RedirectResponse, Response
from too_common.auth import Principal, token_digest
from too_common.context import Context
from too_common.errors import ForbiddenError, UnauthorizedError

from too_vetting_api.domain.accounts import TOKEN_PREFIX
from too_vetting_api.store import accounts as store

COOKIE = "too_session"
CSRF_HEADER = "x-csrf-token"
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True, slots=True)
class Viewer:
    """The person in front of a page."""

    account_id: UUID
    username: str
    name: str
    affiliation: str
    scopes: frozenset[str]
    csrf_token: str

    @property
    def principal(self) -> Principal:
        """As the API sees this person."""
        return Principal(scopes=self.scopes, account_id=self.account_id, name=self.name)

    def may(self, scope: str) -> bool:
        """True if the person may do what the scope is for."""
        return self.principal.may(scope)


class LoginNeededError(Exception):
    """A page was asked for without login."""


async def find_viewer(ctx: Context, cookie: str | None) -> Viewer | None:
    """Person of a session cookie, if the session and the account are valid."""
    if not cookie:
        return None
    now = ctx.wall.now()
    async with ctx.unit_of_work() as uow:
        found = await store.by_session(uow.session, token_digest(cookie), now)
        if found is None:
            return None
        account, session = found
        store.touch_session(session, now)
        return Viewer(
            account_id=account.account_id,
            username=account.username,
            name=account.name,
            affiliation=account.affiliation,
            scopes=frozenset(account.scopes),
            csrf_token=session.csrf_token,
        )


async def find_token(ctx: Context, token: str) -> Principal:
    """Person of a personal token; the token's scopes never exceed the account's of today."""
    now = ctx.wall.now()
    async with ctx.unit_of_work() as uow:
        found = await store.by_token(uow.session, token_digest(token), now)
        if found is None:
            raise UnauthorizedError("the token is unknown, revoked or expired")
        account, row = found
        if row.used_at is None or now - row.used_at >= store.TOUCH_EVERY:
            row.used_at = now
        return Principal(
            scopes=frozenset(row.scopes) & frozenset(account.scopes),
            account_id=account.account_id,
            name=account.name,
        )


async def authenticate(request: Request, bearer: str | None) -> Principal:
    """Rule of the front door; the foundation's ``require`` calls it.

    Raises
    ------
    UnauthorizedError
        Without a valid session or token.
    ForbiddenError
        If a browser's request changes something without the CSRF token.
    """
    ctx: Context = request.app.state.ctx
    if bearer is not None:
        if bearer.startswith(f"{TOKEN_PREFIX}_"):
            return await find_token(ctx, bearer)
        return ctx.keys.verify(bearer)
    viewer = await find_viewer(ctx, request.cookies.get(COOKIE))
    if viewer is None:
        raise UnauthorizedError("log in, or send Authorization: Bearer <token>")
    if request.method not in SAFE_METHODS:
        check_csrf(viewer, request.headers.get(CSRF_HEADER))
    return viewer.principal


def check_csrf(viewer: Viewer, sent: str | None) -> None:
    """Refuse unless the session's CSRF token was sent along.

    Raises
    ------
    ForbiddenError
        If it is missing or another's.
    """
    if sent is None or not hmac.compare_digest(sent, viewer.csrf_token):
        raise ForbiddenError("the CSRF token is missing or wrong: load the page again", code="csrf")


def check_same_origin(request: Request) -> None:
    """Refuse a form of another site where there is no session yet (login).

    Raises
    ------
    ForbiddenError
        If the browser says that the form came from elsewhere.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        raise ForbiddenError("this form was sent from another site", code="cross_site")
    origin = request.headers.get("origin")
    elsewhere = urlsplit(origin).netloc != request.headers.get("host") if origin else False
    if elsewhere and origin != "null":
        raise ForbiddenError("this form was sent from another site", code="cross_site")


async def viewer_of(request: Request) -> Viewer:
    """Dependency of the pages.

    Raises
    ------
    LoginNeededError
        Without login: the handler sends the person to the login page.
    """
    viewer = await find_viewer(request.app.state.ctx, request.cookies.get(COOKIE))
    if viewer is None:
        raise LoginNeededError
    return viewer


def to_login(request: Request, _error: Exception) -> Response:
    """Answer of a page without login; a fragment tells htmx to go there."""
    target = request.url.path
    if request.headers.get("hx-request"):
        return Response(status_code=401, headers={"HX-Redirect": "/login"})
    return RedirectResponse(f"/login?next={quote(target)}", status_code=303)


def client_address(request: Request, *, trust_forwarded: bool) -> str:
    """Address for the rate limit; the header only where an Ingress of ours sets it."""
    if trust_forwarded:
        forwarded = request.headers.get("x-forwarded-for", "")
        if forwarded:
            return forwarded.rsplit(",", 1)[-1].strip()
    return request.client.host if request.client else "unknown"


def set_cookie(response: Response, cookie: str, ctx: Context) -> None:
    """HttpOnly, SameSite=Lax, Secure where people come by https."""
    settings: Any = ctx.settings
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=int(settings.session_lifetime_h * 3600),
        httponly=True,
        samesite="lax",
        secure=ctx.common.public_base_url.startswith("https:"),
        path="/",
    )

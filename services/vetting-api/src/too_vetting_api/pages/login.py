"""Login and logout: the only forms that work without a script."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from too_common.errors import RefusedError
from too_common.http import Ctx

from too_vetting_api.domain.accounts import safe_next
from too_vetting_api.pages.shell import Person, render
from too_vetting_api.security import (
    COOKIE,
    check_csrf,
    check_same_origin,
    client_address,
    find_viewer,
    set_cookie,
)
from too_vetting_api.usecases.log_in import log_in, log_out

router = APIRouter(include_in_schema=False)


@router.get("/login")
async def login_page(request: Request, ctx: Ctx, next: str = "/") -> Response:  # noqa: A002 -- the form's name
    """Show the form, or go on if there is a session."""
    if await find_viewer(ctx, request.cookies.get(COOKIE)) is not None:
        return RedirectResponse(safe_next(next), status_code=303)
    return _form(request, target=next)


def _form(
    request: Request, *, target: str, username: str = "", problem: str = "", status: int = 200
) -> HTMLResponse:
    return render(
        request,
        "login.html",
        None,
        status=status,
        next=safe_next(target),
        username=username,
        problem=problem,
    )


@router.post("/login")
async def login(
    request: Request,
    ctx: Ctx,
    username: Annotated[str, Form(max_length=200)],
    password: Annotated[str, Form(max_length=2000)],
    next: Annotated[str, Form()] = "/",  # noqa: A002 -- the form's name
) -> Response:
    """Check name and password and open a session."""
    check_same_origin(request)
    address = client_address(request, trust_forwarded=ctx.settings.trust_forwarded_for)
    try:
        cookie = await log_in(ctx, username=username, password=password, address=address)
    except RefusedError as error:
        return _form(
            request, target=next, username=username, problem=error.detail, status=error.status
        )
    response = RedirectResponse(safe_next(next), status_code=303)
    set_cookie(response, cookie, ctx)
    return response


@router.post("/logout")
async def logout(
    request: Request, ctx: Ctx, viewer: Person, csrf_token: Annotated[str, Form()]
) -> Response:
    """End the session."""
    check_csrf(viewer, csrf_token)
    async with ctx.unit_of_work() as uow:
        await log_out(uow, request.cookies[COOKIE])
    response = RedirectResponse("/login", status_code=303)
    response.delete_cookie(COOKIE, path="/")
    return response

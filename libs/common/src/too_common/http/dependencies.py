"""What routes depend on: the context, and who asks."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from too_common.auth.principal import Principal
from too_common.context import Context
from too_common.errors import UnauthorizedError

_BEARER = HTTPBearer(auto_error=False, description="One-minute token, or a personal token")


def get_context(request: Request) -> Context:
    """The service's context."""
    context: Context = request.app.state.ctx
    return context


Ctx = Annotated[Context, Depends(get_context)]
"""The service's context, as a route's parameter."""


async def get_principal(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
) -> Principal:
    """Who asks.

    Owners accept one-minute tokens alone. The front door replaces this by its own rule (cookies
    and personal tokens) through ``app.state.authenticate``.
    """
    authenticate = getattr(request.app.state, "authenticate", None)
    token = credentials.credentials if credentials else None
    if authenticate is not None:
        principal: Principal = await authenticate(request, token)
        return principal
    if token is None:
        raise UnauthorizedError("no token: send Authorization: Bearer <token>")
    return get_context(request).keys.verify(token)


def require(*scopes: str) -> Any:
    """Dependency that gives the `Principal` and refuses without one of the scopes.

    Use: ``who: Annotated[Principal, require("read")]``.
    """

    async def check(who: Annotated[Principal, Depends(get_principal)]) -> Principal:
        who.check(*scopes)
        return who

    dependency: Callable[..., Any] = check
    return Depends(dependency)

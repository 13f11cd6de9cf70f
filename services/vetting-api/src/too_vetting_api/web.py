"""Last touches on the public application: headers, static files, login, documents."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from too_vetting_api.domain.candidates import CandidateIn
from too_vetting_api.security import LoginNeededError, authenticate, to_login

STATIC = Path(__file__).parent / "static"

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing inline, nothing from elsewhere."""
DOCS_POLICY = PAGE_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
"""Swagger UI sets styles in its markup."""
API_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""What is answered by the API (raw notices too) never runs as a page of ours."""


def customise(app: FastAPI) -> None:
    """Called by the foundation once the routes are there."""
    app.state.authenticate = authenticate
    app.mount("/static", _Static(directory=STATIC), name="static")
    app.add_exception_handler(LoginNeededError, to_login)
    app.add_middleware(BaseHTTPMiddleware, dispatch=_with_headers)
    app.add_middleware(GZipMiddleware, minimum_size=1400, compresslevel=5)
    app.openapi = lambda: _own_openapi(app)  # type: ignore[method-assign]


class _Static(StaticFiles):
    """Static files that a browser keeps; the version in the address makes new ones load."""

    async def get_response(self, path: str, scope: Any) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code == 200:
            age = 31_536_000 if path.startswith("vendor/") else 3600
            response.headers["Cache-Control"] = f"public, max-age={age}"
        return response


async def _with_headers(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    response = await call_next(request)
    path = request.url.path
    headers = response.headers
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if path.startswith("/api/") or path == "/openapi.json":
        headers["Content-Security-Policy"] = API_POLICY
        headers.setdefault("Cache-Control", "no-store")
    elif not path.startswith("/static/"):
        headers["Content-Security-Policy"] = DOCS_POLICY if path == "/docs" else PAGE_POLICY
        headers.setdefault("Cache-Control", "no-store")
    return response


def _own_openapi(app: FastAPI) -> dict[str, Any]:
    """Our own document, with the models that routes read by hand."""
    if app.openapi_schema is None:
        document = FastAPI.openapi(app)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        model = CandidateIn.model_json_schema(ref_template="#/components/schemas/{model}")
        for name, definition in model.pop("$defs", {}).items():
            schemas.setdefault(name, definition)
        schemas["CandidateIn"] = model
        app.openapi_schema = document
    return app.openapi_schema

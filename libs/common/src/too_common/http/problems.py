"""Errors as ``application/problem+json`` (RFC 9457): what is wrong and where, for a person."""

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from too_common.db.retry import is_database_away
from too_common.errors import RefusedError, TransientError

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"


def problem(
    status: int,
    title: str,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    **extra: Any,
) -> JSONResponse:
    """Build a problem document."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **extra}
    return JSONResponse(body, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def install(app: FastAPI) -> None:
    """Have an application answer all errors as problems."""

    @app.exception_handler(RefusedError)
    async def refused(_request: Request, error: RefusedError) -> JSONResponse:
        headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
        return problem(
            error.status,
            error.code.replace("_", " "),
            error.detail,
            headers=headers,
            code=error.code,
            **error.extra,
        )

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        where = [
            {
                "where": ".".join(str(part) for part in item["loc"]),
                "what": item["msg"].removeprefix("Value error, "),
            }
            for item in error.errors()
        ]
        detail = "; ".join(f"{item['where']}: {item['what']}" for item in where)
        return problem(422, "invalid request", detail, code="invalid", errors=where)

    @app.exception_handler(HTTPException)
    async def http(_request: Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers) if error.headers else None
        title = str(error.detail)
        return problem(error.status_code, title, title, headers=headers, code="http")

    @app.exception_handler(TransientError)
    async def transient(_request: Request, error: TransientError) -> JSONResponse:
        return problem(
            503, "unavailable", str(error), headers={"Retry-After": "2"}, code="unavailable"
        )

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        if is_database_away(error):
            return problem(
                503,
                "unavailable",
                "the database does not answer now; nothing was changed",
                headers={"Retry-After": "2"},
                code="unavailable",
            )
        log.error("request_failed", path=request.url.path, exc_info=error)
        return problem(500, "internal error", "this is our fault; it has been recorded", code="bug")

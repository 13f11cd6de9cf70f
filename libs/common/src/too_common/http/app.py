"""Factories of a service's two applications: the public one and the internal one."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.middleware.base import BaseHTTPMiddleware

from too_common.context import Context
from too_common.http import admin, health, problems

Next = Callable[[Request], Awaitable[Response]]


def operation_id(route: APIRoute) -> str:
    """Short, stable operation ids for generated clients."""
    return route.name


def create_public_app(
    ctx: Context | None,
    *,
    service: str,
    description: str,
    routers: Sequence[APIRouter],
    root_routers: Sequence[APIRouter] = (),
    customise: Callable[[FastAPI], None] | None = None,
) -> FastAPI:
    """Build a service's public application.

    Parameters
    ----------
    ctx
        The context; None builds the application for its OpenAPI document alone.
    service
        Routers are mounted at ``/api/<service>/v1``.
    description
        One sentence for the OpenAPI document.
    routers, root_routers
        API routes, and those at ``/`` (webhooks, pages).
    customise
        Last touches of the service itself (middlewares, static files, mounted applications).
    """
    app = FastAPI(
        title=f"ToO Marshal: {service}",
        description=description,
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=f"/api/{service}/v1/openapi.json",
        generate_unique_id_function=operation_id,
    )
    app.state.ctx = ctx
    problems.install(app)
    app.include_router(health.router)
    for router in routers:
        app.include_router(router, prefix=f"/api/{service}/v1")
    for router in root_routers:
        app.include_router(router)
    if ctx is not None:
        app.add_middleware(BaseHTTPMiddleware, dispatch=_measured(ctx))
    if customise is not None:
        customise(app)
    return app


def create_internal_app(ctx: Context) -> FastAPI:
    """Build the internal application: metrics and admin API, on a port of their own."""
    app = FastAPI(title=f"ToO Marshal: {ctx.service} (internal)", docs_url=None, redoc_url=None)
    app.state.ctx = ctx
    problems.install(app)
    app.include_router(health.router)
    app.include_router(admin.metrics_router)
    app.include_router(admin.router, prefix="/admin")
    return app


def _measured(ctx: Context) -> Callable[[Request, Next], Awaitable[Response]]:
    async def dispatch(request: Request, call_next: Next) -> Response:
        started = time.perf_counter()
        response = await call_next(request)
        route: Any = request.scope.get("route")
        path = getattr(route, "path", "unmatched")
        ctx.metrics.http_seconds.labels(request.method, path, str(response.status_code)).observe(
            time.perf_counter() - started
        )
        return response

    return dispatch
